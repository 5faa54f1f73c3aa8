//! One request, one answer.
//!
//! The `elasticsearch` crate knows the paths and the bodies; `reqwest` carries them, because the
//! crate's own transport follows redirects, waits for connections without end, and takes answers
//! of any length.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use elasticsearch::InfoParts;
use hyper::body::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Certificate, Method, redirect};
use serde::Deserialize;
use serde_json::Value;

use super::Error;
use super::addresses::Addresses;
use super::config::{Config, Credentials};
use super::login::Login;
use super::retry::Verdict;
use super::server_answer::ServerAnswer;
#[cfg(feature = "simulation")]
use super::simulated;
use super::transport::{certificates_in, with_causes};
use super::trouble::Trouble;
#[cfg(feature = "simulation")]
use crate::host::simulation;

/// A connection to one cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    /// How long a request may take in a simulation.
    #[cfg(feature = "simulation")]
    patience: Duration,
    addresses: Arc<Addresses>,
    login: Arc<Login>,
}

/// A request, as it is sent to one address or another.
#[derive(Debug)]
struct ServerRequest<'a> {
    method: Method,
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    body: Option<(HeaderValue, Bytes)>,
}

impl<'a> ServerRequest<'a> {
    const fn get(path: &'a str) -> Self {
        Self {
            method: Method::GET,
            path,
            query: &[],
            body: None,
        }
    }
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
            .tcp_keepalive(Duration::from_secs(30));
        authorization(&config.credentials)?;
        for certificate in certificates(config)? {
            builder = builder.add_root_certificate(certificate);
        }
        let http = builder
            .build()
            .map_err(|error| Error::Tls(with_causes(&error)))?;
        Ok(Self {
            http,
            #[cfg(feature = "simulation")]
            patience: config.pacing.request,
            addresses: Arc::new(Addresses::new(config.urls().to_vec())),
            login: Arc::new(Login::new(config)),
        })
    }

    /// Whether the server answers anything at all. Each address has `patience` to do so.
    pub(super) async fn probe(&self, patience: Duration) -> Result<(), Trouble> {
        let request = ServerRequest::get("/");
        let credentials = self.login.credentials();
        let answered = self.send_as(&request, &credentials, patience).await;
        answered.map(|_| ())
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

    /// The addresses for people: they hold no credentials.
    pub(super) fn shown_addresses(&self) -> String {
        self.addresses.shown()
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
        let request = ServerRequest {
            method,
            path,
            query,
            body,
        };
        let used = self.login.credentials();
        let answered = self.send_as(&request, &used, Duration::MAX).await;
        if !is_denied(&answered) {
            return answered;
        }
        let Some(renewed) = self.login.read_again(&used).await else {
            return answered;
        };
        let again = self.send_as(&request, &renewed, Duration::MAX).await;
        if is_login_refused(&again) {
            // The file may hold a secret that is not valid yet, while the one in use is.
            return if is_login_refused(&answered) {
                again
            } else {
                answered
            };
        }
        if again.is_ok() {
            self.login.adopt(renewed);
        }
        again
    }

    // Asks one address after the other until one answers, each for as long as `patience`. What two of
    // them have carried out is as if one had: documents have versions, and all else may be repeated.
    async fn send_as(
        &self,
        request: &ServerRequest<'_>,
        credentials: &Credentials,
        patience: Duration,
    ) -> Result<ServerAnswer, Trouble> {
        let mut failures = BTreeMap::new();
        for number in self.addresses.in_turn() {
            let answer = self.send_verified(number, request, credentials);
            let answered = match tokio::time::timeout(patience, answer).await {
                Ok(answered) => answered,
                Err(_) => {
                    let seconds = patience.as_secs();
                    Err(Trouble::unanswered(format!("no answer within {seconds} s")))
                }
            };
            if self.addresses.count() == 1 {
                return answered;
            }
            let trouble = match answered {
                Ok(answer) if !is_of_address(answer.status) => {
                    self.addresses.answered(number);
                    return Ok(answer);
                }
                Ok(answer) => answer.trouble(),
                Err(trouble) => trouble,
            };
            self.addresses.leave(number, &trouble.reason);
            failures.insert(number, trouble);
        }
        Err(self.addresses.all_failed(&failures))
    }

    // If there are several addresses, one is asked for its cluster first. One that does not say it gets
    // nothing else: it may be another cluster's.
    async fn send_verified(
        &self,
        number: usize,
        request: &ServerRequest<'_>,
        credentials: &Credentials,
    ) -> Result<ServerAnswer, Trouble> {
        #[derive(Deserialize)]
        struct ClusterId {
            cluster_uuid: Option<String>,
        }
        if self.addresses.is_unverified(number) {
            let path = InfoParts::None.url();
            let request = ServerRequest::get(&path);
            let answer = self.send_to(number, &request, credentials).await?;
            let id = answer.json::<ClusterId>().map_err(|mut trouble| {
                if answer.status == 403 {
                    trouble.reason +=
                        "; with several addresses, the user needs the privilege monitor";
                }
                trouble
            })?;
            // A node that has not joined its cluster yet gives this.
            let id = id.cluster_uuid.filter(|id| id != "_na_");
            let unnamed =
                || Trouble::unanswered("it does not say which cluster it belongs to".into());
            self.addresses.verify(number, &id.ok_or_else(unnamed)?)?;
        }
        self.send_to(number, request, credentials).await
    }

    async fn send_to(
        &self,
        number: usize,
        request: &ServerRequest<'_>,
        credentials: &Credentials,
    ) -> Result<ServerAnswer, Trouble> {
        let url = self
            .addresses
            .url(number)
            .join(request.path.trim_start_matches('/'))
            .map_err(|error| Trouble::unanswered(error.to_string()))?;
        #[cfg(feature = "simulation")]
        if let Some(outside) = simulation::outside() {
            let body = request.body.as_ref().map(|(_, body)| body);
            let request = (&request.method, request.query, body);
            return simulated::answer(outside.as_ref(), &url, request, self.patience).await;
        }
        let mut builder = self
            .http
            .request(request.method.clone(), url)
            .query(request.query);
        builder = match credentials {
            Credentials::None => builder,
            Credentials::Basic { username, password } => {
                builder.basic_auth(username, Some(password.expose()))
            }
            Credentials::ApiKey(_) => {
                let headers = authorization(credentials);
                builder.headers(headers.map_err(|error| Trouble::unanswered(error.to_string()))?)
            }
        };
        if let Some((content_type, body)) = &request.body {
            builder = builder
                .header(CONTENT_TYPE, content_type)
                .body(body.clone());
        }
        let unanswered = |error: reqwest::Error| Trouble::unanswered(with_causes(&error));
        let mut response = builder.send().await.map_err(unanswered)?;
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
                credentials.mask().error(body)
            },
        })
    }
}

// Whether another address may do better: a gateway without a server behind it, a node that is on its way
// up or down, or one that does not know the login.
const fn is_of_address(status: u16) -> bool {
    matches!(status, 401 | 502..=504)
}

fn is_denied(answered: &Result<ServerAnswer, Trouble>) -> bool {
    match answered {
        Ok(answer) => matches!(answer.status, 401 | 403),
        Err(trouble) => trouble.verdict == Verdict::Denied,
    }
}

// Whether the server does not know the login at all: 403 is about one request.
fn is_login_refused(answered: &Result<ServerAnswer, Trouble>) -> bool {
    match answered {
        Ok(answer) => answer.status == 401,
        Err(trouble) => trouble.verdict == Verdict::Denied,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::secret::Secret;

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
}
