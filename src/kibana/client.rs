//! The HTTP client for Kibana, and the wait until it is available.

use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::Value;

use super::config::Config;
use super::error::Error;
use super::{IndexLayout, OLDEST};
use crate::sink::Credentials;
use crate::sink::transport::{certificates_in, with_causes};

/// The timeout of a request, from the first byte sent to the last received.
const REQUEST: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(3);
/// Between two checks whether Kibana is available.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// The most of an answer that is read.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// How much of an answer is shown.
const SHOWN_MAX: usize = 300;

/// A Kibana server.
#[derive(Clone, Debug)]
pub struct Kibana {
    pub(super) config: Config,
    pub(super) layout: IndexLayout,
    http: Client,
}

/// A response of Kibana.
#[derive(Debug)]
pub(super) struct KibanaResponse {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Why a request failed, and whether to retry it.
pub(super) enum KibanaRequestError {
    Retryable(String),
    Permanent(Error),
}

impl Kibana {
    /// A client for the Kibana that should show `layout`. It sends nothing yet.
    ///
    /// # Errors
    /// When certificates or credentials can't be used.
    pub fn new(config: Config, layout: IndexLayout) -> Result<Self, Error> {
        let mut headers = HeaderMap::new();
        // Kibana refuses to change anything without it; any value will do.
        headers.insert("kbn-xsrf", HeaderValue::from_static("tidegauge"));
        if let Credentials::ApiKey(key) = &config.credentials {
            let value = format!("ApiKey {}", key.expose().trim());
            let mut value = HeaderValue::try_from(value).map_err(|_| Error::Credentials)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = Client::builder()
            .user_agent(concat!("tidegauge/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(REQUEST.min(config.wait.max(CONNECT)))
            .default_headers(headers);
        if let Some(path) = &config.ca_file {
            let unusable = |reason| Error::CaFile {
                path: path.clone(),
                reason,
            };
            for certificate in certificates_in(path).map_err(unusable)? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let http = builder
            .build()
            .map_err(|error| Error::Tls(with_causes(&error)))?;
        Ok(Self {
            config,
            layout,
            http,
        })
    }

    /// Waits until Kibana reports that it is available, and returns its version: `None` if Kibana hides
    /// it from unauthenticated clients.
    ///
    /// # Errors
    /// When it is not available in time, too old, or denies access.
    pub async fn available(&self) -> Result<Option<String>, Error> {
        let deadline = Instant::now() + self.config.wait;
        let version = loop {
            match self.check_status().await {
                Ok(version) => break version,
                Err(KibanaRequestError::Permanent(error)) => return Err(error),
                Err(KibanaRequestError::Retryable(reason)) => {
                    self.wait_for_retry(deadline, reason).await?
                }
            }
        };
        match &version {
            Some(version) if is_too_old(version) => Err(Error::TooOld {
                url: self.shown(),
                version: version.clone(),
            }),
            _ => Ok(version),
        }
    }

    /// Waits until the next try; an error after the deadline.
    pub(super) async fn wait_for_retry(
        &self,
        deadline: Instant,
        reason: String,
    ) -> Result<(), Error> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::Unavailable {
                url: self.shown(),
                wait: self.config.wait,
                reason,
            });
        }
        tracing::debug!(reason, "Kibana is not available yet");
        tokio::time::sleep(POLL_EVERY.min(left)).await;
        Ok(())
    }

    async fn check_status(&self) -> Result<Option<String>, KibanaRequestError> {
        let answer = self
            .send(self.request(Method::GET, &format!("{}api/status", self.config.url())))
            .await?;
        let Some(body) = answer.json() else {
            let shown = answer.shown();
            return Err(KibanaRequestError::Retryable(format!(
                "the server there is not Kibana, or Kibana is still starting: status {}, {shown}",
                answer.status
            )));
        };
        let overall = &body["status"]["overall"];
        // Kibana 7 before 7.12 spoke of colours.
        let level = overall["level"].as_str().or(overall["state"].as_str());
        match level {
            Some("available" | "green") if answer.is_success() => {
                Ok(body["version"]["number"].as_str().map(str::to_owned))
            }
            Some(level) => {
                let summary = overall["summary"].as_str().unwrap_or("no reason given");
                Err(KibanaRequestError::Retryable(format!(
                    "it is {level}: {summary}"
                )))
            }
            None => Err(KibanaRequestError::Retryable(format!(
                "its status page gives no state: status {}, {}",
                answer.status,
                answer.shown()
            ))),
        }
    }

    pub(super) fn request(&self, method: Method, url: &str) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.config.credentials {
            Credentials::Basic { username, password } => {
                request.basic_auth(username, Some(password.expose()))
            }
            Credentials::None | Credentials::ApiKey(_) => request,
        }
    }

    /// Sends the request. A redirect or a denied request is an error.
    pub(super) async fn send(
        &self,
        request: RequestBuilder,
    ) -> Result<KibanaResponse, KibanaRequestError> {
        let retryable = |error: reqwest::Error| KibanaRequestError::Retryable(with_causes(&error));
        let mut response = request.send().await.map_err(retryable)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(retryable)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(KibanaRequestError::Retryable(
                    "the answer is longer than 32 MiB".into(),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        let mask = self.config.credentials.mask();
        let body = match status {
            200..300 => mask.success(body),
            _ => mask.error(body),
        };
        let answer = KibanaResponse { status, body };
        let url = self.shown();
        match status {
            401 | 403 => Err(KibanaRequestError::Permanent(Error::Denied { url, status })),
            300..=399 => Err(KibanaRequestError::Permanent(Error::Elsewhere {
                url,
                status,
            })),
            _ => Ok(answer),
        }
    }

    /// The error for a response whose status is not a success.
    pub(super) fn failed(&self, what: &'static str, answer: &KibanaResponse) -> KibanaRequestError {
        let reason = format!(
            "it answers with status {}: {}",
            answer.status,
            answer.shown()
        );
        match (answer.status, &self.config.space) {
            (429 | 502..=504, _) => KibanaRequestError::Retryable(reason),
            (404, Some(space)) => KibanaRequestError::Permanent(Error::NoSpace {
                url: self.shown(),
                space: space.clone(),
            }),
            _ => KibanaRequestError::Permanent(Error::Failed {
                url: self.shown(),
                what,
                reason,
            }),
        }
    }

    pub(super) fn shown(&self) -> String {
        self.config.url().as_str().trim_end_matches('/').to_owned()
    }

    /// The address of the dashboard.
    #[must_use]
    pub fn dashboard_url(&self) -> String {
        let id = self.layout.dashboard_id();
        self.config.in_space(&format!("app/dashboards#/view/{id}"))
    }
}

impl KibanaResponse {
    pub(super) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body)
            .ok()
            .filter(Value::is_object)
    }

    /// The message in it, or else its first line.
    pub(super) fn shown(&self) -> String {
        let message = self
            .json()
            .and_then(|body| body["message"].as_str().map(str::to_owned));
        let text = message.unwrap_or_else(|| String::from_utf8_lossy(&self.body).into_owned());
        let line = text
            .split(char::is_control)
            .find(|line| !line.trim().is_empty());
        let line = line.unwrap_or("no reason given").trim();
        line.chars().take(SHOWN_MAX).collect()
    }
}

/// Whether the objects' stamps are too new for that version. A text that is not a version
/// passes: Kibana itself will judge.
fn is_too_old(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) < OLDEST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_before_the_stamps_are_too_old() {
        for version in ["7.17.28", "8.0.0", "8.8.2", "8.8.2-SNAPSHOT"] {
            assert!(is_too_old(version), "{version}");
        }
        for version in ["8.9.0", "8.19.0", "9.0.0-beta1", "10.1.0", "unknown"] {
            assert!(!is_too_old(version), "{version}");
        }
    }
}
