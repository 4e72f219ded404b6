//! The body of `POST /v1/payments`, read into an [`Order`].

mod instrument;
mod recurring;

use std::str::FromStr;

use domain::{
    BillingAddress, Browser, Currency, Customer, Flow, FlowRules, Money, Order, PaymentMethod, PaymentType,
    PersonalText, ReferenceId, ShopName, Text,
};
use gateway_client::vocabulary::{AccountType, DocumentType};

use super::form::Form;
use super::problem::{FieldError, Problem};
use super::stray_card;

/// What an order is read with.
pub(super) struct OrderRules<'a> {
    /// Refuses who may not make payments of this type.
    pub may_order: &'a dyn Fn(PaymentType) -> Result<(), Problem>,
    /// The shop of an order that names none.
    pub default_shop: Option<&'a ShopName>,
    /// Whether this key may order for a shop, and there is such a shop.
    pub may_use: &'a dyn Fn(&ShopName) -> bool,
    /// Take methods that the contract does not list.
    pub unknown_methods: bool,
    /// Chooses the flow where the order leaves it open.
    pub flows: &'a FlowRules,
}

/// The most pairs of `metadata` (REST contract).
pub(super) const METADATA_MAX: usize = 15;
/// The most pairs of `additionalParameters`.
pub(super) const PARAMETERS_MAX: usize = 50;

/// Reads an order; everything that is wrong with it is told at once.
pub(super) fn read_order(body: &[u8], rules: &OrderRules<'_>) -> Result<Order, Problem> {
    let mut form = Form::read(body)?;
    let errors = &mut Vec::new();

    let payment_type = payment_type(&mut form, errors);
    if let Some(payment_type) = payment_type {
        (rules.may_order)(payment_type)?;
        check_payout(payment_type, &form, errors);
    }
    let reference_id: Option<ReferenceId> = form.text("referenceId", errors);
    let reference_id = form.require("referenceId", reference_id, errors);
    let pre_auth = form.value("preAuth", "must be true or false", errors).unwrap_or(false);
    let money = money(&mut form, pre_auth, errors);
    let payment_method = payment_method(&mut form, rules, errors);
    let flow_asked = flow(&mut form, errors);
    let shop = shop(&mut form, rules, errors);
    let start_recurring = form.value("startRecurring", "must be true or false", errors).unwrap_or(false);
    let description: Option<Text<512>> = form.text("description", errors);
    let return_url = form.text("returnUrl", errors);
    let checkout_style = form.text("checkoutStyle", errors);
    let customer = form.form("customer", errors).map(|form| Box::new(customer(form, errors)));
    let billing_address = form.form("billingAddress", errors).map(|form| Box::new(billing_address(form, errors)));
    let instrument = instrument::instrument(&mut form, payment_type, errors);
    let recurring_token = form.secret("recurringToken", errors);
    let parent = recurring::parent(&mut form, errors);
    let subscription = subscription(&mut form, money, start_recurring, errors);
    let browser = form.form("browser", errors).map(|form| Box::new(browser(form, errors)));
    let additional_parameters = form.pairs("additionalParameters", PARAMETERS_MAX, errors);
    let metadata = form.pairs("metadata", METADATA_MAX, errors);
    form.finish(errors);
    stray_card::refuse_in_text("/referenceId", reference_id.as_ref().map(ReferenceId::as_str), errors);
    stray_card::refuse_in_text("/description", description.as_ref().map(Text::as_str), errors);
    stray_card::refuse_in_pairs("/metadata", &metadata, errors);
    // They are kept for a while, encrypted; by their names it is told what differs from an order before.
    stray_card::refuse_in_names("/additionalParameters", &additional_parameters, errors);

    let (Some(reference_id), Some(payment_type), Some(money), Some(shop)) = (reference_id, payment_type, money, shop)
    else {
        return Err(refused(errors));
    };
    let rule = || rules.flows.choose(payment_type, &shop, payment_method.as_ref(), money.currency());
    let order = Order {
        flow: flow_asked.unwrap_or_else(rule),
        shop,
        reference_id,
        payment_type,
        money,
        payment_method,
        flow_asked,
        pre_auth,
        start_recurring,
        description,
        return_url,
        checkout_style,
        customer,
        billing_address,
        instrument,
        recurring_token,
        parent,
        subscription,
        browser,
        additional_parameters,
        metadata,
    };
    if let Some((pointer, wrong)) = order.flow.lack(payment_type, order.customer.as_deref()) {
        errors.push(FieldError { pointer: pointer.to_owned(), detail: wrong.to_owned() });
    }
    if errors.is_empty() { Ok(order) } else { Err(refused(errors)) }
}

/// Everything that is wrong with it, in the order of the fields' names.
fn refused(errors: &mut Vec<FieldError>) -> Problem {
    errors.sort_by(|one, other| one.pointer.cmp(&other.pointer));
    Problem::fields(std::mem::take(errors))
}

/// What only a deposit can have: nothing is held, begun or gone on with where money goes out.
fn check_payout(payment_type: PaymentType, form: &Form<'_>, errors: &mut Vec<FieldError>) {
    const OF_DEPOSITS: [&str; 6] =
        ["subscription", "recurringToken", "parentPaymentId", "gatewayParentPaymentId", "googlePay", "applePay"];
    const SWITCHES: [&str; 2] = ["preAuth", "startRecurring"];
    if payment_type == PaymentType::Deposit {
        return;
    }
    let switched_on = SWITCHES.into_iter().filter(|name| form.is_true(name));
    let named = OF_DEPOSITS.into_iter().filter(|name| form.has(name));
    errors.extend(switched_on.chain(named).map(|name| form.error(name, "goes with a DEPOSIT only")));
}

fn subscription(
    form: &mut Form<'_>,
    money: Option<Money>,
    start_recurring: bool,
    errors: &mut Vec<FieldError>,
) -> Option<Box<domain::Subscription>> {
    if form.has("subscription") && !start_recurring {
        errors.push(form.error("subscription", "goes with startRecurring only"));
    }
    let within = form.form("subscription", errors)?;
    recurring::subscription(within, money.map(|money| money.currency()), errors)
}

fn payment_type(form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> Option<PaymentType> {
    let text: Option<String> = form.value("paymentType", "must be a string", errors);
    match form.require("paymentType", text, errors)?.parse() {
        Ok(taken @ (PaymentType::Deposit | PaymentType::Withdrawal)) => Some(taken),
        Ok(PaymentType::Refund) => {
            errors.push(form.error("paymentType", "must be DEPOSIT or WITHDRAWAL; a refund is made under its payment"));
            None
        }
        Err(_) => {
            errors.push(form.error("paymentType", "must be DEPOSIT or WITHDRAWAL"));
            None
        }
    }
}

fn money(form: &mut Form<'_>, pre_auth: bool, errors: &mut Vec<FieldError>) -> Option<Money> {
    let amount = form.amount("amount", errors);
    let amount = form.require("amount", amount, errors);
    let currency: Option<Currency> = form.text("currency", errors);
    let currency = form.require("currency", currency, errors);
    let money = match Money::requested(amount?, currency?) {
        Ok(money) => money,
        Err(error) => {
            errors.push(form.error("amount", error.to_string()));
            return None;
        }
    };
    if money.is_zero() && !pre_auth {
        errors.push(form.error("amount", "must be above 0, except with preAuth"));
    } else if !money.is_zero() && money.amount() < Money::AMOUNT_MIN {
        errors.push(form.error("amount", "must be at least 0.00001"));
    }
    Some(money)
}

fn payment_method(form: &mut Form<'_>, rules: &OrderRules<'_>, errors: &mut Vec<FieldError>) -> Option<PaymentMethod> {
    let method: PaymentMethod = form.text("paymentMethod", errors)?;
    if !method.is_known() && !rules.unknown_methods {
        errors.push(form.error("paymentMethod", "is not a payment method of the gateway"));
    }
    Some(method)
}

fn flow(form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> Option<Flow> {
    let asked: String = form.value("flow", "must be a string", errors)?;
    match asked.parse() {
        _ if asked == "AUTO" => None,
        Ok(flow) => Some(flow),
        Err(_) => {
            errors.push(form.error("flow", "must be AUTO, REDIRECT or H2H"));
            None
        }
    }
}

fn shop(form: &mut Form<'_>, rules: &OrderRules<'_>, errors: &mut Vec<FieldError>) -> Option<ShopName> {
    let before = errors.len();
    let named: Option<ShopName> = form.text("shop", errors);
    if errors.len() > before {
        return None;
    }
    match named.as_ref().or(rules.default_shop) {
        Some(shop) if (rules.may_use)(shop) => Some(shop.clone()),
        Some(_) => {
            errors.push(form.error("shop", "is not a shop of this key"));
            None
        }
        None => {
            errors.push(form.error("shop", "is missing; there are several shops and no default one"));
            None
        }
    }
}

fn customer(mut form: Form<'_>, errors: &mut Vec<FieldError>) -> Customer {
    let yes_or_no = "must be true or false";
    let count = "must be a whole number that is not negative";
    let customer = Customer {
        reference_id: form.text("referenceId", errors),
        citizenship_country_code: form.text("citizenshipCountryCode", errors),
        first_name: form.text("firstName", errors),
        last_name: form.text("lastName", errors),
        date_of_birth: form.text("dateOfBirth", errors),
        email: form.text("email", errors),
        phone: form.text("phone", errors),
        locale: form.text("locale", errors),
        account_number: form.text("accountNumber", errors),
        account_name: form.text("accountName", errors),
        account_type: known_word::<AccountType>("accountType", "must be SAVINGS or CHECKING", &mut form, errors),
        bank: form.text("bank", errors),
        bank_code: form.text("bankCode", errors),
        bank_branch: form.text("bankBranch", errors),
        bank_branch_code: form.text("bankBranchCode", errors),
        document_type: known_word::<DocumentType>(
            "documentType",
            "is not a document type of the gateway",
            &mut form,
            errors,
        ),
        document_number: form.text("documentNumber", errors),
        routing_group: form.text("routingGroup", errors),
        kyc_status: form.value("kycStatus", yes_or_no, errors),
        payment_instrument_kyc_status: form.value("paymentInstrumentKycStatus", yes_or_no, errors),
        date_of_first_deposit: form.text("dateOfFirstDeposit", errors),
        deposits_amount: form.value::<u32>("depositsAmount", count, errors).map(u64::from),
        withdrawals_amount: form.value::<u32>("withdrawalsAmount", count, errors).map(u64::from),
        deposits_count: form.value::<u32>("depositsCnt", count, errors).map(u64::from),
        withdrawals_count: form.value::<u32>("withdrawalsCnt", count, errors).map(u64::from),
        ip: form.text("ip", errors),
    };
    form.finish(errors);
    customer
}

/// A word of one of the gateway's enumerations (gateway contract, section 4), so that the caller learns here and by
/// field what the gateway would refuse.
fn known_word<Word: FromStr>(
    name: &'static str,
    otherwise: &str,
    form: &mut Form<'_>,
    errors: &mut Vec<FieldError>,
) -> Option<PersonalText<16>> {
    let text: PersonalText<16> = form.text(name, errors)?;
    if text.expose().parse::<Word>().is_err() {
        errors.push(form.error(name, otherwise));
    }
    Some(text)
}

fn billing_address(mut form: Form<'_>, errors: &mut Vec<FieldError>) -> BillingAddress {
    let address = BillingAddress {
        address_line1: form.text("addressLine1", errors),
        address_line2: form.text("addressLine2", errors),
        city: form.text("city", errors),
        country_code: form.text("countryCode", errors),
        postal_code: form.text("postalCode", errors),
        state: form.text("state", errors),
    };
    form.finish(errors);
    address
}

/// The gateway's limits (gateway contract, section 6.4).
fn browser(mut form: Form<'_>, errors: &mut Vec<FieldError>) -> Browser {
    let count = "must be a whole number that is not negative";
    let browser = Browser {
        ip_country_code: form.text("ipCountryCode", errors),
        customer_user_agent: form.text("customerUserAgent", errors),
        browser_window_width: form.value("browserWindowWidth", count, errors),
        browser_window_height: form.value("browserWindowHeight", count, errors),
        browser_screen_width: form.value("browserScreenWidth", count, errors),
        browser_screen_height: form.value("browserScreenHeight", count, errors),
        browser_screen_color_depth: form.value("browserScreenColorDepth", count, errors),
        browser_language: form.text("browserLanguage", errors),
        browser_java_enabled: form.value("browserJavaEnabled", "must be true or false", errors),
        browser_timezone_offset: form.value("browserTimezoneOffset", "must be a whole number of minutes", errors),
    };
    form.finish(errors);
    browser
}
