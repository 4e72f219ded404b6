//! Somebody at the console: with one cookie, and forms that are filled in as they stand on the page.

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use store::Scope;

use crate::app::{TestApp, admit};

/// What was answered.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    /// Where the browser is sent.
    pub(crate) fn location(&self) -> &str {
        self.headers["location"].to_str().unwrap()
    }

    /// What stands on it, without its tags.
    pub(crate) fn words(&self) -> String {
        let (mut words, mut inside) = (String::new(), false);
        for letter in self.text.chars() {
            match letter {
                '<' => inside = true,
                '>' => {
                    inside = false;
                    words.push(' ');
                }
                _ if !inside => words.push(letter),
                _ => {}
            }
        }
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The hidden fields of the form that goes to `action`.
    pub(crate) fn hidden(&self, action: &str) -> Vec<(String, String)> {
        let begin = format!("action=\"{action}\"");
        let (_, form) = self.text.split_once(&begin).unwrap_or_else(|| panic!("no form to {action}: {}", self.text));
        let (form, _) = form.split_once("</form>").unwrap();
        let hidden = form.split("<input type=\"hidden\" name=\"").skip(1);
        let field = |text: &str| {
            let (name, rest) = text.split_once("\" value=\"").unwrap();
            (name.to_owned(), rest.split_once('"').unwrap().0.to_owned())
        };
        hidden.map(field).collect()
    }

    pub(crate) fn has_form(&self, action: &str) -> bool {
        self.text.contains(&format!("action=\"{action}\""))
    }
}

pub(crate) struct Person<'a> {
    app: &'a TestApp,
    http: reqwest::Client,
    /// Name and value, as they are sent.
    pub(crate) cookie: Option<String>,
}

impl<'a> Person<'a> {
    /// Somebody who has not signed in.
    pub(crate) fn at(app: &'a TestApp) -> Self {
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).redirect(Policy::none()).build().unwrap();
        Self { app, http, cookie: None }
    }

    /// Somebody with a key of these scopes, who has signed in; without shops it may see all.
    pub(crate) async fn signed_in(app: &'a TestApp, key: &str, scopes: &[Scope], shops: &[&str]) -> Self {
        admit(app.serving().keys(), key, scopes, shops).await;
        let mut person = Self::at(app);
        let answer = person.sign_in(key).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        person
    }

    /// Shows a key.
    pub(crate) async fn sign_in(&mut self, key: &str) -> Page {
        let page = self.get("/console/sign-in").await;
        let answer = self.submit(&page, "/console/sign-in", &[("key", key)]).await;
        self.take_cookie(&answer);
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        let page = self.send(self.http.get(self.app.at(path))).await;
        self.take_cookie(&page);
        page
    }

    /// Follows where the browser is sent.
    pub(crate) async fn follow(&mut self, answer: &Page) -> Page {
        assert_eq!(answer.status, 303, "{answer:?}");
        let path = answer.location().to_owned();
        self.get(&path).await
    }

    /// Sends the form of a page, with what is hidden in it.
    pub(crate) async fn submit(&self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        let mut all = page.hidden(action);
        for (name, value) in fields {
            all.retain(|(known, _)| known != name);
            all.push(((*name).to_owned(), (*value).to_owned()));
        }
        self.post(action, &all).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(String, String)]) -> Page {
        self.send(self.http.post(self.app.at(path)).form(fields)).await
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Page {
        let request = match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        };
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Page { status, headers, text: response.text().await.unwrap() }
    }

    fn take_cookie(&mut self, page: &Page) {
        if let Some(cookie) = page.headers.get("set-cookie") {
            self.cookie = cookie.to_str().unwrap().split(';').next().map(str::to_owned);
        }
    }
}
