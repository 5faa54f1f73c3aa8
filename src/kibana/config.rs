//! The address of Kibana, and the credentials for it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use crate::sink::Credentials;

/// The address of Kibana, and the credentials for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    url: Url,
    /// The space; `None` is the default space.
    pub space: Option<String>,
    /// The credentials.
    pub credentials: Credentials,
    /// The certificate authorities to trust besides the usual ones: a PEM file.
    pub ca_file: Option<PathBuf>,
    /// How long Kibana may take until it is available.
    pub wait: Duration,
}

impl Config {
    /// The defaults for the Kibana at `url`.
    ///
    /// # Errors
    /// A sentence that says what would be right; it does not repeat what was given, which may hold
    /// a password.
    pub fn new(url: &str) -> Result<Self, String> {
        const RIGHT: &str = "give http://host:port or https://host:port";
        let mut url = Url::parse(url)
            .map_err(|error| format!("this is not a valid address: {error}; {RIGHT}"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(format!("this is not an HTTP address: {RIGHT}"));
        }
        if url.password().is_some() || !url.username().is_empty() {
            return Err("the address holds a user: give username and password_file".into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("it must end with the host, port or path: {RIGHT}"));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self {
            url,
            space: None,
            credentials: Credentials::None,
            ca_file: None,
            wait: Duration::from_secs(60),
        })
    }

    /// Where Kibana is, with a slash at the end.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The address of a path in the space.
    #[must_use]
    pub fn in_space(&self, path: &str) -> String {
        match &self.space {
            Some(space) => format!("{}s/{space}/{path}", self.url),
            None => format!("{}{path}", self.url),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("url", &self.url.as_str())
            .field("space", &self.space)
            .field("credentials", &self.credentials)
            .field("ca_file", &self.ca_file)
            .field("wait", &self.wait)
            .finish()
    }
}
