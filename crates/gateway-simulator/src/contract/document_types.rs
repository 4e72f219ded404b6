//! The document types of the gateway contract, appendix B, sorted so that a name is found by halving.

/// Every value of `DocumentType`.
#[rustfmt::skip] // one name a line would be 70 lines
pub(crate) const DOCUMENT_TYPES: &[&str] = &[
    "AR_CDI", "AR_CUIL", "AR_CUIT", "AR_DNI", "AR_OTRO", "AR_PP", "BO_CEX", "BO_CI", "BO_NIT", "BO_OD",
    "BO_PP", "BR_CNPJ", "BR_CPF", "BR_PP", "CL_CE", "CL_CI", "CL_ID", "CL_OTRO", "CL_PP", "CL_RUN",
    "CL_RUT", "CL_TIN", "CO_CC", "CO_CE", "CO_DL", "CO_DNI", "CO_NE", "CO_NIT", "CO_PP", "CO_SS",
    "CO_TI", "CO_TIN", "CR_CDI", "EC_CC", "EC_DNI", "EC_PP", "EC_RUC", "GT_CUI", "GT_DPI", "GT_NIT",
    "IN_DL", "IN_ID", "IN_UID", "KZ_IIN", "MX_CRI", "MX_CURP", "MX_IFE", "MX_PP", "MX_RFC", "MX_TIN",
    "PA_CIP", "PE_CE", "PE_CPP", "PE_DNI", "PE_FRC", "PE_ID", "PE_OTRO", "PE_PP", "PE_RUC", "PE_TIN",
    "RU_PP", "TR_CKK", "UK_BTI", "UK_DL", "UK_NIC", "UK_PP", "UK_TIN", "UY_CI", "UY_RUT", "VN_TIN",
];
