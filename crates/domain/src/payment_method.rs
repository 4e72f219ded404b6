use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the customer pays: one of the gateway's methods (gateway contract, appendix A), or a newer one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PaymentMethod(String);

/// The text cannot be the name of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of a payment method: 1 to 64 upper-case letters, digits or '_'")]
pub struct InvalidPaymentMethod;

impl PaymentMethod {
    /// The method's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the contract that this was built against lists it. Methods are added without notice, so an unknown
    /// one is refused in a request only (a typo would cost a payment), and never in an answer.
    pub fn is_known(&self) -> bool {
        KNOWN.binary_search(&self.as_str()).is_ok()
    }

    /// Whether the contract lists a method that begins like this.
    pub(crate) fn begins_a_known_one(&self) -> bool {
        KNOWN.iter().any(|name| name.starts_with(self.as_str()))
    }
}

impl FromStr for PaymentMethod {
    type Err = InvalidPaymentMethod;

    fn from_str(text: &str) -> Result<Self, InvalidPaymentMethod> {
        let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(legal);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidPaymentMethod) }
    }
}

impl TryFrom<String> for PaymentMethod {
    type Error = InvalidPaymentMethod;

    fn try_from(text: String) -> Result<Self, InvalidPaymentMethod> {
        text.parse()
    }
}

impl From<PaymentMethod> for String {
    fn from(method: PaymentMethod) -> String {
        method.0
    }
}

impl fmt::Display for PaymentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Gateway contract 1.0.341, appendix A; sorted, so that it can be searched.
#[rustfmt::skip]
const KNOWN: [&str; 337] = [
    "ABSA_PAY", "ACH", "AHLPAY", "ALFAKIT", "ALFAMART", "ALIPAY", "ALYCEPAY", "APPLEPAY", "ARI10", "ASTROPAY",
    "B2BINPAY", "BANCOMAT", "BANCONTACT", "BANKTRANSFER", "BANKTRANSFER_AR", "BANKTRANSFER_BO", "BANKTRANSFER_BR",
    "BANKTRANSFER_CL", "BANKTRANSFER_CO", "BANKTRANSFER_CR", "BANKTRANSFER_EC", "BANKTRANSFER_GT", "BANKTRANSFER_HN",
    "BANKTRANSFER_MX", "BANKTRANSFER_PA", "BANKTRANSFER_PE", "BANKTRANSFER_TR", "BANKTRANSFER_UY", "BANKTRANSFER_VE",
    "BASIC_CARD", "BASIC_CARD_HPP", "BCI", "BILLLINE", "BINANCE_PAY", "BIOPAGO", "BIZUM", "BKASH", "BLIK",
    "BLUVOUCHER", "BOLETO", "BOOST", "BREB", "BRITE", "BYBIT_PAY", "CAPITEC_PAY", "CASH", "CASHAPP", "CASHLIB",
    "CASH_EC", "CHEK", "CIP", "CLICK", "CODI", "CRYPTO", "CUP", "DANA", "DPOPAY", "DRAGON_PAY", "DUITNOW",
    "EASYPAISA", "ECNY", "EFECTY", "EFT", "EMANAT", "ENAIRA", "EPAY_BG", "EPS", "ESEWA", "ETISALAT_EG", "EUPAGO",
    "EXTERNAL_HPP", "EZYCASH", "FAWRY", "FINRAX", "FLEXEPIN", "FONEPAY", "FPS", "FPS_HK", "FPX", "FUPS",
    "GATE8TRANSACT", "GATEIQ", "GCASH", "GIFTCARD", "GIFTCARD_CARD", "GIFTCARD_OPENBANKING", "GIFTCARD_PAYPAL",
    "GIFTCARD_PM", "GIROPAY", "GOOGLEPAY", "GOPAY", "GPAY_IN", "GRABPAY", "HAVALE", "HAYDIPAY", "HAYHAY", "HELP2PAY",
    "HITES", "IDEAL", "IMEPAY", "IMPS", "INAI", "INRPAY", "INTENT", "INTERAC", "INTERAC_ACH", "INTERAC_ETO",
    "INTERAC_EXPRESS", "INTERAC_REQUEST_MONEY", "INTERAC_RTO", "JAZZCASH", "JETONCASH", "JETONWALLET", "KAKAOPAY",
    "KBZ", "KESSPAY", "KHALTI", "KHIPU", "KLAP_EFECTIVO", "KLAP_TRANSFERENCIA", "KLARNA", "LOCALPAYMENT", "M10",
    "MACH", "MACROPAY", "MBWAY", "MEFETE", "MERCADOPAGO", "MIA", "MIFINITY", "MISTERCASH", "MOBILE_BANKING_CN",
    "MOBILE_COMMERCE", "MOBILE_MONEY", "MOLLIE", "MOMOPAY_RW", "MOMOPAY_VN", "MONERCHY", "MONETIX", "MONEYTOLIA",
    "MONNET", "MONOOVA_ACCOUNT_TRANSFER", "MONOOVA_WALLET_TRANSFER", "MPAY", "MPESA", "MUCHBETTER", "MULTIBANCO",
    "MYBANK", "MYPAYZ", "N26", "NAGAD", "NAVERPAY", "NEFT", "NEOSURF", "NEQUI", "NETBANKING", "NETELLER", "NGENIUS",
    "NODA", "NODA_REVOLUT", "NUMICARD", "NUMICARD_CARD", "NUMICARD_OPENBANKING", "NUMICARD_PAYPAL", "OFFLINE_UPI",
    "OMNIMATRIX", "ONEVOUCHER", "ONLINE_BANKING", "OPAY", "OPENPAYD", "OPEN_BANKING", "OPTIMONEY", "OTTVOUCHER",
    "OVO", "OXXO", "P24", "P2C", "P2P_ACCESS", "P2P_ALFABANK", "P2P_CARD", "P2P_CARD_ABH", "P2P_CARD_CLICK",
    "P2P_CARD_HUMO", "P2P_CARD_PAYME", "P2P_CARD_UZCARD", "P2P_CROSS_BORDER", "P2P_CROSS_BORDER_ALFABANK",
    "P2P_CROSS_BORDER_GAZPROMBANK", "P2P_CROSS_BORDER_SBER", "P2P_CROSS_BORDER_TBANK", "P2P_CROSS_BORDER_VTB",
    "P2P_ELCART", "P2P_EMANAT", "P2P_GAZPROMBANK", "P2P_IBAN", "P2P_INSTAPAY_EG", "P2P_INTERAC_ETO", "P2P_KAPITAL",
    "P2P_M10", "P2P_MBANK_KG", "P2P_MOBILE", "P2P_MOBILE_PAYME", "P2P_MOBILE_TOP_UP", "P2P_OZONBANK", "P2P_PSB",
    "P2P_QR_CLICK", "P2P_QR_PAY", "P2P_SBERBANK", "P2P_SBP", "P2P_TBANK", "P2P_UPI", "P2P_VTB", "PAGO46",
    "PAGOEFECTIVO", "PAGOFACIL", "PAGO_MOVIL", "PAGO_MOVIL_INST", "PAGSMILE_VAULT", "PALMPAY", "PAPARA", "PAPEL",
    "PARAM", "PARATIM", "PARAZULA", "PAROLAPARA", "PAY2PLAY", "PAYBOL", "PAYCASH", "PAYCELL", "PAYCO_KR", "PAYCO_TR",
    "PAYDO_WALLET", "PAYFIX", "PAYFUN", "PAYID", "PAYMAXIS", "PAYMAYA", "PAYME_UZ", "PAYNOW",
    "PAYOUT_NONSEPA_REQUEST", "PAYOUT_SEPA_BATCH", "PAYPAL", "PAYPAY", "PAYPO", "PAYPORT", "PAYRETAILERS",
    "PAYSAFECARD", "PAYSAFECASH", "PAYSHOP", "PAYTM", "PAYTO", "PAYU", "PAY_BY_LINK", "PAY_ME", "PEC", "PEP",
    "PERFECTMONEY", "PG_PARA", "PHONEPE", "PIASTRIX", "PICPAY", "PIX", "POLI", "POPY", "POPY_PARA", "PREPAID_CARD",
    "PROMPTPAY", "PSE", "PUNTOPAGO", "PUSH", "QR", "QRIS", "QR_ELCART", "QR_INSTAPAY_EG", "QR_MBANK_KG",
    "RAPIDTRANSFER", "RAPIPAGO", "REVOLUT", "ROCKET", "RTGS", "RTP", "RUBPAY", "SATISPAY", "SBERPAY", "SBP",
    "SBP_CROSS_BORDER", "SEPA", "SERVIFACIL", "SHOPEEPAY", "SIPAY", "SKRILL", "SOFORT", "SOFT2PAY", "SPEI", "SPOYNT",
    "STICPAY", "SUPERMARKET_CODE_PAY", "SWISH", "TED", "TINK", "TOSLA", "TOSSPAY", "TOUCH_N_GO", "TRANSFIYA",
    "TRUEMONEY", "TRUSTLY", "TRUSTPAYMENTS", "TWINT", "UNIONPAY_TRANSFER", "UPI", "USSD", "VENMO", "VIETTEL",
    "VIRTUAL_ACCOUNT", "VNPAY_QR", "VODAFONE_EG", "VOLT", "VOUCHERCARD", "VOUCHERCARD_CARD",
    "VOUCHERCARD_OPENBANKING", "VOUCHERCARD_PAYPAL", "VOUCHERCARD_PM", "VOUCHERRY", "VOUCHSTAR", "WAVE", "WEBPAY",
    "WECHAT", "WISE", "XANPAY", "XINPAY", "YAPE", "YAPILY", "ZALO", "ZELLE", "ZIMPLER", "ZIPAY", "ZOTAPAY",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_searchable() {
        assert!(KNOWN.is_sorted());
        assert!(KNOWN.iter().all(|name| name.parse::<PaymentMethod>().is_ok_and(|method| method.is_known())));
        assert!("CARRIER_PIGEON".parse::<PaymentMethod>().is_ok_and(|method| !method.is_known()));
        assert!("basic_card".parse::<PaymentMethod>().is_err());
    }
}
