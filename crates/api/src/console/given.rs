use actix_web::HttpRequest;
use url::form_urlencoded;

/// The query of a page as it was given, to fill its form in again and to lead to the next page of the same list.
pub(super) struct Given(Vec<(String, String)>);

impl Given {
    /// That of a request, without what was left blank.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let pairs = form_urlencoded::parse(request.query_string().as_bytes()).into_owned();
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// What was given under a name; nothing if it was not.
    pub(super) fn value(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// Whether this was given under a name, by itself or among others.
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        self.0.iter().any(|(known, given)| known == name && given.split(',').any(|one| one == value))
    }

    /// Whether anything is looked for.
    pub(super) fn is_filtered(&self) -> bool {
        self.0.iter().any(|(name, _)| !["cursor", "limit", "said"].contains(&name.as_str()))
    }

    /// The same with another value under a name, or without it, as a query.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let others = self.0.iter().filter(|(known, _)| known != name && known != "said");
        let mut query = form_urlencoded::Serializer::new(String::from("?"));
        for (known, given) in others {
            query.append_pair(known, given);
        }
        if !value.is_empty() {
            query.append_pair(name, value);
        }
        query.finish()
    }
}
