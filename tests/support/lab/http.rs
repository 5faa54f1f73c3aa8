//! A small HTTP client for tests: one request, one answer, JSON where it is JSON.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::runtime::wait;

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// Header names are lower case; of a name that comes twice, the last.
    pub headers: BTreeMap<String, String>,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// The body as JSON; the test fails when it is not JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| {
            panic!(
                "no JSON ({error}) with status {}: {}",
                self.status, self.text
            )
        })
    }

    /// Itself, if the status is 2xx; the test fails otherwise.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(
            (200..300).contains(&self.status),
            "status {}: {}",
            self.status,
            self.text
        );
        self
    }
}

/// GET that must succeed, as JSON.
#[track_caller]
pub fn get_json(url: &str) -> Value {
    get(url).ok().json()
}

/// GET, whatever the status.
#[track_caller]
pub fn get(url: &str) -> Answer {
    send(Method::GET, url, None)
}

/// PUT of a JSON body.
#[track_caller]
pub fn put(url: &str, body: &Value) -> Answer {
    send(
        Method::PUT,
        url,
        Some(("application/json", body.to_string())),
    )
}

/// POST of a JSON body.
#[track_caller]
pub fn post(url: &str, body: &Value) -> Answer {
    send(
        Method::POST,
        url,
        Some(("application/json", body.to_string())),
    )
}

/// DELETE.
#[track_caller]
pub fn delete(url: &str) -> Answer {
    send(Method::DELETE, url, None)
}

/// Any request, body given as content type and text. Fails the test when there is no answer at all.
#[track_caller]
pub fn send(method: Method, url: &str, body: Option<(&'static str, String)>) -> Answer {
    try_send(method.clone(), url, body).unwrap_or_else(|error| panic!("{method} {url}: {error}"))
}

/// As [`send`], with the reason when there is no answer: there is no listener, or nothing came within a minute.
pub fn try_send(
    method: Method,
    url: &str,
    body: Option<(&'static str, String)>,
) -> Result<Answer, String> {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            // A proxy of the environment has no business on the loopback.
            .no_proxy()
            // A connection kept from before a server's restart would fail the request after it.
            .pool_max_idle_per_host(0)
            .build()
            .expect("an HTTP client")
    });
    let mut request = client.request(method, url);
    if let Some((content_type, text)) = body {
        request = request.header("content-type", content_type).body(text);
    }
    wait(async move {
        let response = request.send().await.map_err(reason)?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let text = response.text().await.map_err(reason)?;
        Ok(Answer {
            status,
            headers,
            text,
        })
    })
}

/// The error with its causes: the first line alone says only that something failed.
fn reason(error: reqwest::Error) -> String {
    format!("{:#}", anyhow::Error::new(error))
}
