use crate::{CountryCode, PersonalText};

/// What the gateway must know of the customer's browser where there is no checkout page to ask it: the fields of the
/// host-to-host PATCH (gateway contract, section 6.4), beside the customer's IP. Passed on, never stored in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Browser {
    /// Where the IP is.
    pub ip_country_code: Option<CountryCode>,
    /// What the browser calls itself.
    pub customer_user_agent: Option<PersonalText<512>>,
    /// In pixels, as the others.
    pub browser_window_width: Option<u32>,
    /// Likewise.
    pub browser_window_height: Option<u32>,
    /// Likewise.
    pub browser_screen_width: Option<u32>,
    /// Likewise.
    pub browser_screen_height: Option<u32>,
    /// In bits.
    pub browser_screen_color_depth: Option<u32>,
    /// Its language.
    pub browser_language: Option<PersonalText<32>>,
    /// Whether it runs Java.
    pub browser_java_enabled: Option<bool>,
    /// In minutes, with the sign that JavaScript gives it.
    pub browser_timezone_offset: Option<i32>,
}
