//! Settlement files as providers and banks write them: what is read of them, and where they are refused.

#![allow(clippy::unwrap_used)]

use domain::{Money, SettlementLine};
use proptest::prelude::*;
use settlement::{Columns, Format, InvalidColumns, Malformed, Statement};

fn columns() -> Columns {
    let text = |text: &str| text.to_owned();
    Columns {
        delimiter: text(","),
        decimal_mark: text("."),
        gateway_payment_id: text("Transaction"),
        reference_id: text("Order"),
        amount: text("Gross"),
        fee: text("Commission"),
        currency: text("Currency"),
        date: text("Settled"),
        date_format: text("%d.%m.%Y"),
    }
}

const HEADER: &str = "Batch,Transaction,Order,Gross,Commission,Currency,Settled\r\n";

fn csv(rows: &str) -> Result<Statement, Malformed> {
    Statement::read(Format::Csv, &columns(), format!("{HEADER}{rows}").as_bytes())
}

fn money(amount: &str, currency: &str) -> Money {
    Money::evidenced(amount.parse().unwrap(), currency.parse().unwrap()).unwrap()
}

fn told(line: &SettlementLine) -> (u64, &str, &str, Money, Option<Money>) {
    let (id, reference) = (line.ids.first(), line.references.first());
    let id = id.map_or("", |id| id.as_str());
    (line.number, id, reference.map_or("", |reference| reference.as_str()), line.money, line.fee)
}

#[test]
fn lines_are_read_by_the_names_of_their_columns_and_added_up_by_payment() {
    let read = csv("7,abc1,order-1,\"1,234.50\",-0.35,EUR,01.11.2026\r\n\
                    7,,order-2,-3,,JPY,02.11.2026\r\n\
                    7,abc1,order-1,0.50,,EUR,03.11.2026\r\n")
    .unwrap();
    let lines: Vec<_> = read.lines.iter().map(told).collect();
    let fee = Some(money("0.35", "EUR"));
    assert_eq!(lines, [(2, "abc1", "order-1", money("1235", "EUR"), fee), (3, "", "order-2", money("3", "JPY"), None)]);
    assert_eq!(read.window.map(|at| at.to_string()), ["2026-11-01T00:00:00.000Z", "2026-11-03T00:00:00.000Z"]);
    assert_eq!(read.unnamed, 0);

    let german = Columns { delimiter: ";".to_owned(), decimal_mark: ",".to_owned(), ..columns() };
    let text = "\u{feff}Settled;Transaction;Order;Gross;Commission;Currency\n31.10.2026;x1;;1.234,56;0,01;EUR\n";
    let read = Statement::read(Format::Csv, &german, text.as_bytes()).unwrap();
    assert_eq!(told(&read.lines[0]), (2, "x1", "", money("1234.56", "EUR"), Some(money("0.01", "EUR"))));
}

#[test]
fn a_csv_file_that_makes_no_sense_is_refused_with_its_line() {
    let fine = "7,abc1,o,1,,EUR,01.11.2026\n";
    for (rows, line, why) in [
        ("7,abc1,o,much,,EUR,01.11.2026\n", 2, "Gross must be a decimal number"),
        ("7,abc1,o,,,EUR,01.11.2026\n", 2, "Gross must be a decimal number"),
        ("7,abc1,o,1,x,EUR,01.11.2026\n", 2, "Commission must be a decimal number"),
        ("7,abc1,o,1e9999,,EUR,01.11.2026\n", 2, "Gross must not be above"),
        ("7,abc1,o,2000000000,,EUR,01.11.2026\n", 2, "Gross must not be above"),
        ("7,abc1,o,1,,euro,01.11.2026\n", 2, "Currency must be an ISO 4217 code"),
        ("7,abc1,o,1,,EUR,2026-11-01\n", 2, "Settled is no day as %d.%m.%Y writes it"),
        ("7,abc1,o,1,,EUR,31.02.2026\n", 2, "Settled is no day"),
        ("7,,,1,,EUR,01.11.2026\n", 2, "nothing says which payment"),
        ("7,a b,o,1,,EUR,01.11.2026\n", 2, "Transaction must be 1 to 32 ASCII letters and digits"),
        ("7,abc1,o,1,,EUR\n", 2, "it has 6 fields, and the header has 7"),
        ("", 1, "nothing in the file tells of a payment"),
    ] {
        let malformed = csv(rows).unwrap_err();
        assert!(malformed.line == line && malformed.why.starts_with(why), "{rows}: {malformed}");
        if line == 2 {
            let later = csv(&format!("{fine}{fine}{rows}")).unwrap_err();
            assert_eq!(later.line, 4, "{rows}: {later}");
        }
    }
    for (header, why) in [
        ("Transaction,Order,Gross,Commission,Currency\n", "there is no column named Settled"),
        ("Transaction,Order,Gross,Gross,Commission,Currency,Settled\n", "two columns are named Gross"),
        ("", "there is no column named"),
    ] {
        let malformed = Statement::read(Format::Csv, &columns(), header.as_bytes()).unwrap_err();
        assert!(malformed.line == 1 && malformed.why.starts_with(why), "{malformed}");
    }
    let latin = Statement::read(Format::Csv, &columns(), b"Transaction,Order\n\xe4,1\n").unwrap_err();
    assert!(latin.why.contains("no column") || latin.why.contains("UTF-8"), "{latin}");
}

#[test]
fn columns_by_which_nothing_can_be_read_are_refused() {
    let with = |change: fn(&mut Columns)| {
        let mut columns = columns();
        change(&mut columns);
        columns.check()
    };
    assert_eq!(with(|_| {}), Ok(()));
    assert_eq!(with(|columns| columns.delimiter = "::".to_owned()), Err(InvalidColumns::Delimiter));
    assert_eq!(with(|columns| columns.decimal_mark = "'".to_owned()), Err(InvalidColumns::DecimalMark));
    assert_eq!(with(|columns| columns.amount.clear()), Err(InvalidColumns::Missing));
    let nameless = with(|columns| {
        columns.gateway_payment_id.clear();
        columns.reference_id.clear();
    });
    assert_eq!(nameless, Err(InvalidColumns::Names));
}

/// A statement with these entries.
fn camt(entries: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\">\n\
         <BkToCstmrStmt><GrpHdr><MsgId>M&amp;1</MsgId></GrpHdr>\n\
         <Stmt><Id>S1</Id>\n{entries}</Stmt></BkToCstmrStmt>\n</Document>\n"
    )
}

fn read_camt(entries: &str) -> Result<Statement, Malformed> {
    Statement::read(Format::Camt053, &columns(), camt(entries).as_bytes())
}

const HEAD: &str = "<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-03</Dt></BookgDt>";

#[test]
fn transactions_of_a_bank_statement_are_read_alone_and_in_batches() {
    let read = read_camt(&format!(
        "<Ntry><Amt Ccy=\"EUR\">30.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>{HEAD}<NtryDtls>\n\
         <TxDtls><Refs><EndToEndId>order-1</EndToEndId><TxId>abc1</TxId></Refs><Amt Ccy=\"EUR\">10.00</Amt>\
         <CdtDbtInd>CRDT</CdtDbtInd><Chrgs><Rcrd><Amt Ccy=\"EUR\">0.20</Amt></Rcrd></Chrgs></TxDtls>\n\
         <TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId><InstrId>order-&#50;</InstrId></Refs>\
         <AmtDtls><TxAmt><Amt Ccy=\"EUR\">20.00</Amt></TxAmt></AmtDtls></TxDtls>\n\
         </NtryDtls></Ntry>\n\
         <Ntry><Amt Ccy=\"EUR\">4.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>{HEAD}<AcctSvcrRef>abc3</AcctSvcrRef></Ntry>\n\
         <Ntry><Amt Ccy=\"EUR\">9.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>{HEAD}</Ntry>\n\
         <Ntry><Amt Ccy=\"EUR\">5.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>PDNG</Sts>\
         <BookgDt><Dt>2026-11-09</Dt></BookgDt><NtryRef>abc4</NtryRef></Ntry>\n"
    ))
    .unwrap();
    let amounts: Vec<_> = read.lines.iter().map(|line| (line.number, line.money, line.fee)).collect();
    assert_eq!(
        amounts,
        [
            (6, money("10", "EUR"), Some(money("0.2", "EUR"))),
            (7, money("20", "EUR"), None),
            (9, money("4", "EUR"), None)
        ]
    );
    let names = |at: usize| {
        let line = &read.lines[at];
        let ids = line.ids.iter().map(|id| id.as_str().to_owned());
        ids.chain(line.references.iter().map(|reference| reference.as_str().to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(names(0), ["abc1", "order-1", "abc1"], "a name with a dash is no id of the gateway");
    assert_eq!(names(1), ["order-2"]);
    assert_eq!(read.unnamed, 1, "what carries no name tells of something else");
    assert_eq!(read.window[0].to_string(), "2026-11-03T00:00:00.000Z");
}

#[test]
fn a_bank_statement_that_makes_no_sense_is_refused_with_its_line() {
    let entry = |inside: &str| format!("<Ntry>\n{inside}</Ntry>\n");
    let named = "<NtryRef>abc1</NtryRef><CdtDbtInd>CRDT</CdtDbtInd>";
    for (entries, line, why) in [
        (entry(&format!("<Amt Ccy=\"EUR\">x</Amt>{named}{HEAD}")), 6, "an amount must be a decimal number"),
        (entry(&format!("<Amt>1</Amt>{named}{HEAD}")), 6, "an amount has no currency"),
        (entry(&format!("{named}{HEAD}")), 5, "it has no amount"),
        (entry(&format!("<Amt Ccy=\"EUR\">1</Amt>{named}<Sts>BOOK</Sts>")), 5, "its entry has no booking date"),
        (entry("<CdtDbtInd>UP</CdtDbtInd>"), 6, "CdtDbtInd must be"),
        (entry("<BookgDt><Dt>soon</Dt></BookgDt>"), 6, "BookgDt is no date"),
        (entry("<NtryRef>&bomb;</NtryRef>"), 6, "it refers to an entity"),
        (entry("<Amt>"), 6, "it is no well-formed XML"),
        (String::new(), 1, "nothing in the file tells of a payment"),
    ] {
        let malformed = read_camt(&entries).unwrap_err();
        assert!(malformed.line == line && malformed.why.starts_with(why), "{entries}: {malformed}");
    }
    for (text, why) in [
        ("<Document></Document>", "it is no whole camt.053 statement"),
        ("id,amount\n1,2\n", "it is no whole camt.053 statement"),
        ("", "it is no whole camt.053 statement"),
        ("<Document><BkToCstmrStmt><Stmt>", "it is no whole camt.053 statement"),
        ("<!DOCTYPE x [<!ENTITY a \"b\">]><Document/>", "it defines a document type"),
    ] {
        let malformed = Statement::read(Format::Camt053, &columns(), text.as_bytes()).unwrap_err();
        assert!(malformed.why.starts_with(why), "{text}: {malformed}");
    }
    let deep = "<a>".repeat(100);
    assert!(Statement::read(Format::Camt053, &columns(), deep.as_bytes()).unwrap_err().why.contains("too deep"));
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Statement::read(Format::Csv, &columns(), &[HEADER.as_bytes(), &bytes].concat());
        let _ = Statement::read(Format::Camt053, &columns(), &bytes);
    }

    #[test]
    fn whatever_stands_in_an_element_is_read_or_refused(text in "[ -~]{0,40}", name in "(Amt|CdtDbtInd|Sts|NtryRef|x)") {
        let _ = read_camt(&format!("<Ntry>{HEAD}<{name} Ccy=\"EUR\">{text}</{name}></Ntry>"));
    }
}
