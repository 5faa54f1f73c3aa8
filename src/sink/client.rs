//! One request, one answer.
//!
//! The `elasticsearch` crate knows the paths and the bodies; `reqwest` carries them, because the
//! crate's own transport follows redirects, waits for connections without end, and takes answers
//! of any length.

use std::time::Duration;

use hyper::body::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Certificate, Method, Url, redirect};
use serde::Deserialize;
use serde_json::Value;

use super::config::{Config, Credentials};
use super::transport::{certificates_in, in_short, with_causes};
use super::{Error, retry};

/// A connection to one Elasticsearch. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    /// Goes with every request; an API key is among the headers that do so by themselves.
    credentials: Credentials,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct ServerAnswer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Why a request as a whole did not do what it was for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Trouble {
    pub(super) verdict: retry::Verdict,
    /// In words, without the request.
    pub(super) reason: String,
}

/// Longer answers are not read to their end.
const ANSWER_BYTES_MAX: usize = 32 << 20;
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

impl Client {
    /// # Errors
    /// When the certificates can't be read, or the credentials have what no header can have.
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("tidegauge/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            // A short answer that unpacks to a long one would not be bounded by its length.
            .no_gzip()
            .connect_timeout(config.pacing.connect)
            .timeout(config.pacing.request)
            .tcp_keepalive(Duration::from_secs(30))
            .default_headers(authorization(&config.credentials)?);
        for certificate in certificates(config)? {
            builder = builder.add_root_certificate(certificate);
        }
        let http = builder
            .build()
            .map_err(|error| Error::Tls(with_causes(&error)))?;
        Ok(Self {
            http,
            url: config.url().clone(),
            credentials: config.credentials.clone(),
        })
    }

    /// Whether the server answers anything at all within `patience`.
    pub(super) async fn probe(&self, patience: Duration) -> Result<(), Trouble> {
        match tokio::time::timeout(patience, self.get("/", &[])).await {
            Ok(answer) => answer.map(|_| ()),
            Err(_) => {
                let seconds = patience.as_secs();
                Err(Trouble::unanswered(format!("no answer within {seconds} s")))
            }
        }
    }

    pub(super) async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<ServerAnswer, Trouble> {
        self.send(Method::GET, path, query, None).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<ServerAnswer, Trouble> {
        let body = Bytes::from(body.to_string());
        self.send(Method::PUT, path, &[], Some((JSON, body))).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<ServerAnswer, Trouble> {
        let body = Bytes::from(body.to_string());
        self.send(Method::POST, path, &[], Some((JSON, body))).await
    }

    /// A `POST` without a body.
    pub(super) async fn order(&self, path: &str) -> Result<ServerAnswer, Trouble> {
        self.send(Method::POST, path, &[], None).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<ServerAnswer, Trouble> {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// The address for people: it holds no credentials.
    pub(super) fn shown_url(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    pub(super) async fn post_lines(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: Bytes,
    ) -> Result<ServerAnswer, Trouble> {
        self.send(Method::POST, path, query, Some((NDJSON, body)))
            .await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<(HeaderValue, Bytes)>,
    ) -> Result<ServerAnswer, Trouble> {
        let url = self
            .url
            .join(path.trim_start_matches('/'))
            .map_err(|error| Trouble::unanswered(error.to_string()))?;
        let mut request = self.http.request(method, url).query(query);
        if let Credentials::Basic { username, password } = &self.credentials {
            request = request.basic_auth(username, Some(password.expose()));
        }
        if let Some((content_type, body)) = body {
            request = request.header(CONTENT_TYPE, content_type).body(body);
        }
        let unanswered = |error: reqwest::Error| Trouble::unanswered(with_causes(&error));
        let mut response = request.send().await.map_err(unanswered)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Trouble::garbage("the answer is longer than 32 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        let status = response.status().as_u16();
        Ok(ServerAnswer {
            status,
            // Only what went wrong is shown.
            body: if response.status().is_success() {
                body
            } else {
                self.credentials.mask().answer(body)
            },
        })
    }
}

impl ServerAnswer {
    /// What it says, if all went well.
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Trouble> {
        let body = self.success()?;
        serde_json::from_slice(body)
            .map_err(|error| Trouble::garbage(format!("the answer can't be read: {error}")))
    }

    /// The body, if all went well.
    pub(super) fn success(&self) -> Result<&[u8], Trouble> {
        if (200..300).contains(&self.status) {
            return Ok(&self.body);
        }
        Err(self.trouble())
    }

    /// What went wrong, for a status that is not a success.
    pub(super) fn trouble(&self) -> Trouble {
        let (kind, reason) = self.error();
        Trouble {
            verdict: retry::classify(self.status, kind.as_deref()),
            reason: match self.status {
                300..400 => format!(
                    "it answers with status {}, a redirect: set elasticsearch.url to the final \
                     address",
                    self.status
                ),
                status => format!("it answers with status {status}: {reason}"),
            },
        }
    }

    /// The type of the error, and the reason in words.
    pub(super) fn error(&self) -> (Option<String>, String) {
        #[derive(Deserialize)]
        struct Body {
            error: Value,
        }
        let Ok(Body { error }) = serde_json::from_slice(&self.body) else {
            return (None, shown(&self.body));
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let kind = text(&error["type"]);
        let reason = text(&error["reason"])
            .or_else(|| text(&error))
            .or_else(|| kind.clone())
            .unwrap_or_else(|| "no reason given".into());
        (kind, in_short(&reason))
    }
}

impl Trouble {
    /// The answer did not arrive whole: whether the request was carried out is unknown.
    fn unanswered(reason: String) -> Self {
        Self {
            verdict: retry::Verdict::Retry,
            reason,
        }
    }

    /// The answer is not one to this request: whether that was carried out is unknown.
    pub(super) fn garbage(reason: impl Into<String>) -> Self {
        Self::unanswered(reason.into())
    }
}

fn authorization(credentials: &Credentials) -> Result<HeaderMap, Error> {
    let Credentials::ApiKey(key) = credentials else {
        return Ok(HeaderMap::new());
    };
    let value = format!("ApiKey {}", key.expose().trim());
    let mut value = HeaderValue::try_from(value).map_err(|_| Error::Credentials)?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

fn certificates(config: &Config) -> Result<Vec<Certificate>, Error> {
    let Some(path) = &config.ca_file else {
        return Ok(Vec::new());
    };
    certificates_in(path).map_err(|reason| Error::CaFile {
        path: path.clone(),
        reason,
    })
}

fn shown(body: &[u8]) -> String {
    match body {
        [] => "no reason given".into(),
        body => in_short(&String::from_utf8_lossy(body)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::secret::Secret;
    use retry::Verdict;

    #[test]
    fn the_client_shows_no_credentials() {
        let mut config = Config::new("http://127.0.0.1:1").unwrap();
        for credentials in [
            Credentials::ApiKey(Secret::new("hunter2")),
            Credentials::Basic {
                username: "tide".into(),
                password: Secret::new("hunter2"),
            },
        ] {
            config.credentials = credentials;
            let client = Client::new(&config).unwrap();
            let shown = format!("{client:?} {config:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn credentials_that_fit_no_header_are_refused_without_showing_them() {
        let mut config = Config::new("http://127.0.0.1:1").unwrap();
        config.credentials = Credentials::ApiKey(Secret::new("hunter2\nx: y"));
        let error = Client::new(&config).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn a_ca_file_that_holds_no_certificate_is_refused_by_name() {
        let mut config = Config::new("http://127.0.0.1:1").unwrap();
        config.ca_file = Some("/nowhere/ca.pem".into());
        let error = Client::new(&config).unwrap_err().to_string();
        assert!(error.contains("/nowhere/ca.pem"), "{error}");
        let file = tempfile::NamedTempFile::new().unwrap();
        config.ca_file = Some(file.path().into());
        let error = Client::new(&config).unwrap_err().to_string();
        assert!(error.contains("no certificate"), "{error}");
    }

    #[test]
    fn errors_are_told_in_one_line_whatever_the_answer() {
        let answer = |status, body: &str| ServerAnswer {
            status,
            body: body.as_bytes().to_vec(),
        };
        let structured =
            r#"{"error":{"type":"cluster_block_exception","reason":"blocked"},"status":403}"#;
        for (status, body, verdict, reason) in [
            (
                403,
                structured,
                Verdict::Retry,
                "it answers with status 403: blocked",
            ),
            (
                405,
                r#"{"error":"no handler"}"#,
                Verdict::Retry,
                "it answers with status 405: no handler",
            ),
            (
                401,
                "",
                Verdict::Denied,
                "it answers with status 401: no reason given",
            ),
            (
                502,
                "<html>\n<b>Bad gateway",
                Verdict::Retry,
                "it answers with status 502: <html>",
            ),
            (400, "{}", Verdict::Park, "it answers with status 400: {}"),
        ] {
            let trouble = answer(status, body).success().unwrap_err();
            assert_eq!(
                (trouble.verdict, trouble.reason.as_str()),
                (verdict, reason)
            );
        }
        let long = answer(500, &"é".repeat(10_000)).success().unwrap_err();
        assert!(long.reason.chars().count() < 300);
    }
}
