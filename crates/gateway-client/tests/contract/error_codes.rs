use gateway_client::error_code::{Advice, ErrorCode, Refuser};

/// The table of the contract's section 11 as it stands there: two codes a line.
const SECTION: &str = "
| 1.00 | Illegal Workflow State | no | 1.06 | Recurring Token not Found | fix |
| 1.01 | Not Found | fix | 1.07 | Payer Unaccepted | no |
| 1.02 | Communication Problem | rec | 1.08 | Invalid Amount | fix |
| 1.03 | Internal Server Error | rec | 1.09 | Invalid Currency | fix |
| 1.04 | Cancelled by Timeout | new | 1.10 | Insufficient Balance | new |
| 1.05 | Terminal not Found | cfg (a sister brand sees it when a provider pool is busy) | 1.11 | Processing Limits Reached | new |
| 2.00 | Cancelled by Customer | new | | | |
| 3.00 | Declined by Acquirer | no | 3.16 | Duplicate Payment | rec |
| 3.01 | Declined by Acquirer: Anti-fraud | no | 3.17 | Channel not active | cfg |
| 3.02 | Invalid request format or missing required parameters | fix | 3.18 | Cancelled or abandoned transaction | new |
| 3.03 | Acquirer Malfunction | new | 3.19 | Card PAN blacklisted | no |
| 3.04 | Acquirer Timeout | rec | 3.20 | Card PAN not whitelisted | no |
| 3.05 | Acquirer Limits Reached | new | 3.21 | Invalid phone number | fix |
| 3.06 | Declined by Acquirer: Card Scheme | no | 3.22 | Card BIN country not allowed | no |
| 3.07 | Declined by Acquirer: Card Data | fix | 3.23 | Bank does not exist or not supported | fix |
| 3.08 | Declined by Acquirer: Business Rules | no | 3.24 | Requisites Unavailable | new |
| 3.09 | SCA required | new | 3.25 | Document type is required | fix |
| 3.10 | Unknown Error Code | no | 3.26 | Invalid document type and/or document | fix |
| 3.11 | Payer cannot pay | no | 3.27 | Amount lower than minimum | fix |
| 3.12 | Invalid ID Document | fix | 3.28 | Amount higher than maximum | fix |
| 3.13 | ID Document Restrictions | no | 3.29 | Transaction has chargeback already | no |
| 3.14 | Declined Due to Age Requirements | no | 3.30 | Invalid Email | fix |
| 3.15 | ID Document Under Temporary Restrictions | new | 3.31 | Bank is temporarily unavailable | new |
| 4.00 | Declined by Issuer | no | 4.08 | Declined by Issuer: Business Rules | no |
| 4.01 | Insufficient Funds | new | 4.09 | Declined by Issuer: Anti-fraud | no |
| 4.02 | Do Not Honor | no | 4.10 | Transaction not permitted to cardholder | no |
| 4.03 | Invalid Account Number | fix | 4.11 | AVS failed | fix |
| 4.04 | Declined by Issuer: Invalid card expiration date | fix | 4.12 | Declined by Issuer: Invalid email | fix |
| 4.05 | Issuer Limits Reached | new | 4.13 | Declined by Issuer: Invalid card number | fix |
| 4.06 | Card Lost or not active | no | 4.14 | Declined by Issuer: PIN attempts limit exceeded | no |
| 4.07 | Invalid Security Code | fix | 4.15 | The bank has requested a retry of the transaction | new, once |
| 5.00 | Declined by 3DS | new | 5.02 | ACS malfunction | new |
| 5.01 | 3DS Timeout | new | | | |
| 6.00 | Declined by Internal Anti-fraud | no | 6.31 | Limit exceeded: Amount of deposits for card in base currency | no |
| 6.01 | Card PAN Blacklisted | no | 6.32 | Limit exceeded: Number of IP countries for card | no |
| 6.02 | Customer Email Blacklisted | no | 6.33 | Limit exceeded: Amount of deposits for customer in base currency | no |
| 6.03 | Card Issuing Country Restricted | no | 6.34 | Limit exceeded: Withdrawal amount for customer in base currency | no |
| 6.04 | IP Country Restricted | no | 6.35 | Billing Country Restricted | no |
| 6.05 | Restricted Currency | no | 6.36 | Customer Citizenship Country Restricted | no |
| 6.06 | Invalid Amount | fix | 6.37 | Limit exceeded: Number of withdrawals | no |
| 6.07 | IP Country Must Be Equal to Billing Country | no | 6.38 | Limit exceeded: Amount of withdrawals in specified currency | no |
| 6.08 | IP Country Must Be Equal to Card Issuing Country | no | 6.39 | Card BIN Blacklisted | no |
| 6.09 | Billing Country Must Be Equal to Card Issuing Country | no | 6.40 | UPI VPA Blacklisted | no |
| 6.10 | Payment Created Within Closed Period of Day | new | 6.41 | ID Document Blacklisted | no |
| 6.11 | Card PAN not Whitelisted | no | 6.42 | Limit exceeded: Decline deposits streak for card | no |
| 6.12 | Cardholder name is invalid | fix | 6.43 | Limit exceeded: Incomplete deposits APM streak for email | no |
| 6.13 | The same card is used by different customers | no | 6.44 | Customer email contains restricted word | no |
| 6.14 | Customer Phone Blacklisted | no | 6.45 | Limit exceeded: Pending deposits for customer | no |
| 6.15 | Card Brand not supported | no | 6.46 | Limit exceeded: Pending same amount deposits for customer | no |
| 6.21 | Limit exceeded: Number of completed deposits | no | 6.47 | Limit exceeded: Number of completed deposits for email | no |
| 6.22 | Limit exceeded: Number of completed deposits for card | no | 6.48 | Limit exceeded: Number of completed deposits for IP address | no |
| 6.23 | Limit exceeded: Number of declined deposits for card | no | 6.49 | Limit exceeded: Number of cards for customer | no |
| 6.24 | Limit exceeded: Number of cards for IP address | no | 6.50 | Number of cards for customer | no |
| 6.25 | Limit exceeded: Number of IP addresses for card | no | 6.51 | Suspicious Email | no |
| 6.26 | Limit exceeded: IP country does not match card country | no | 6.52 | Blacklisted IP Address | no |
| 6.27 | Limit exceeded: Same amount and currency for card | no | 6.53 | Limit exceeded: Number of error codes in deposits for email | no |
| 6.28 | Limit exceeded: Amount of deposits in specified currency | no | 7.00 | Declined by External Anti-fraud | no |
| 6.29 | Limit exceeded: Amount of deposits for card and currency | no | 7.01 | External Anti-fraud Communication Problem | new |
| 6.30 | Limit exceeded: Amount of deposits in base currency | no | 8.00 | Rejected by Merchant | no |
";

fn rows() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut rows = Vec::new();
    for line in SECTION.lines().filter(|line| !line.is_empty()) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        for cells in cells.chunks(3) {
            if let [code, name, advice] = *cells
                && !code.is_empty()
            {
                rows.push((code, name, advice));
            }
        }
    }
    rows.sort_unstable();
    rows
}

fn word(advice: Advice) -> &'static str {
    match advice {
        Advice::No => "no",
        Advice::Correct => "fix",
        Advice::Again => "new",
        Advice::Once => "new, once",
        Advice::LookFirst => "rec",
        Advice::Configure => "cfg",
    }
}

#[test]
fn the_table_is_the_contracts() {
    let ours: Vec<_> = ErrorCode::ALL.iter().map(|row| (row.code, row.name, word(row.advice))).collect();
    // One line of the contract explains itself in brackets.
    let contract: Vec<_> =
        rows().into_iter().map(|(code, name, advice)| (code, name, advice.split(" (").next().unwrap())).collect();
    assert_eq!(contract.len(), 116);
    assert_eq!(ours, contract);
}

#[test]
fn every_code_is_found_by_its_code_and_by_nothing_else() {
    for row in ErrorCode::ALL {
        assert_eq!(ErrorCode::find(row.code), Some(row));
        assert_eq!(ErrorCode::find(row.name), None);
        assert_eq!(ErrorCode::find(&row.to_string()), None, "code and text in one are no code");
        assert_eq!(row.to_string(), format!("{} {}", row.code, row.name));
    }
    for gone in ["6.16", "6.17", "6.18", "6.19", "6.20"] {
        assert_eq!(ErrorCode::find(gone), None);
        assert_eq!(Refuser::of(gone), Some(Refuser::InternalAntiFraud));
    }
}

#[test]
fn the_first_digit_says_who_refused() {
    let refusers = ErrorCode::ALL.iter().map(|row| (&row.code[..1], row.refuser().unwrap()));
    for (digit, refuser) in refusers {
        let expected = match digit {
            "1" => Refuser::Gateway,
            "2" => Refuser::Customer,
            "3" => Refuser::Acquirer,
            "4" => Refuser::Issuer,
            "5" => Refuser::ThreeDSecure,
            "6" => Refuser::InternalAntiFraud,
            "7" => Refuser::ExternalAntiFraud,
            "8" => Refuser::Merchant,
            other => panic!("no code begins with {other}"),
        };
        assert_eq!(refuser, expected);
    }
    for odd in
        ["", ".", "4", "4.", "4.1", "4.001", "9.00", "0.00", "-4.01", "4.0a", "\u{664}.01", "4.01 Insufficient Funds"]
    {
        assert_eq!((ErrorCode::find(odd), Refuser::of(odd)), (None, None), "{odd}");
    }
}
