//! What an operator may say about Elasticsearch.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::{Error, TemplateConfig};
use crate::domain::mask::Mask;
use crate::domain::secret::Secret;

/// Where documents go and how.
#[derive(Clone)]
pub struct Config {
    /// The addresses of the cluster, at least one.
    urls: Vec<Url>,
    /// What every index, alias and template name begins with.
    pub index_prefix: String,
    /// A second alias of the totals, for dashboards that exist.
    pub legacy_totals: Option<String>,
    /// What the index templates say.
    pub template: TemplateConfig,
    /// Whether tumbling windows without payments have documents. Other windows without payments
    /// never have.
    pub zero_windows: bool,
    /// The certificate authorities to trust besides the usual ones: a PEM file.
    pub ca_file: Option<PathBuf>,
    /// Who we are.
    pub credentials: Credentials,
    /// The file that the API key or the password came from: it is read again when access is denied.
    pub secret_file: Option<PathBuf>,
    /// How documents are sent.
    pub bulk: BulkConfig,
    /// The generation of the derived data; part of every index name.
    pub generation: u32,
    /// When readers get to see this generation.
    pub publication: Publication,
    /// Names of windows that another generation has, whether or not this one has them too: their
    /// aliases are taken away from there.
    pub former_windows: Vec<String>,
    /// Durations that an operator need not set.
    pub pacing: Pacing,
}

/// When the public aliases point to a generation's indexes, and to no other's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Publication {
    /// From the start, and always.
    #[default]
    Now,
    /// From when all before these positions is applied and delivered: it follows a generation that
    /// had come so far, and no reader is to see less than before.
    After(BTreeMap<i32, i64>),
    /// Not at all: it is being built beside the live one.
    Never,
}

/// Who we are to Elasticsearch.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Credentials {
    /// No credentials.
    #[default]
    None,
    /// The holder of an encoded API key.
    ApiKey(Secret),
    /// A user.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
}

impl Credentials {
    /// Takes them out of what a server says.
    #[must_use]
    pub fn mask(&self) -> Mask {
        match self {
            Self::None => Mask::default(),
            Self::ApiKey(key) => Mask::of_key(key),
            Self::Basic { username, password } => Mask::of_user(username, password),
        }
    }
}

/// How documents are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkConfig {
    /// At most so many documents per request; at least 1.
    pub max_actions: usize,
    /// At most so many bytes per request, unless one document alone is longer.
    pub max_bytes: usize,
    /// A document that awaits delivery is looked for after at most so long; usually it goes at once.
    pub interval: Duration,
    /// At most so many requests at once; at least 1.
    pub max_in_flight: usize,
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// For a connection.
    pub connect: Duration,
    /// For an answer, from the first byte sent to the last received.
    pub request: Duration,
    /// Before the first retry, at most; doubles with each.
    pub retry_first: Duration,
    /// Before any retry, at most.
    pub retry_most: Duration,
    /// Before we ask again where we were not let in.
    pub denied: Duration,
    /// Before a document that was refused for what it says is sent again.
    pub parked: Duration,
    /// A document that is refused, or a family that takes nothing, for so long is blocked: retention
    /// does not wait for it any more, and gives it up.
    pub give_up: Duration,
    /// Between two looks at whether the indexes are still the ones we made.
    pub inspect: Duration,
    /// For what still awaits delivery when we are asked to stop.
    pub last_pass: Duration,
}

impl Config {
    /// The defaults for the server at `addresses`, with commas between several ones of a cluster. A name
    /// and password in one are taken out and used.
    ///
    /// # Errors
    /// When one is not an HTTP address, or stands there twice.
    pub fn new(addresses: &str) -> Result<Self, Error> {
        let mut urls: Vec<Url> = Vec::new();
        let mut credentials = Credentials::None;
        for address in addresses.split(',') {
            let (url, given) = server_address(address.trim())?;
            if urls.contains(&url) {
                return Err(Error::Url("an address stands there twice".into()));
            }
            urls.push(url);
            if given != Credentials::None {
                credentials = given;
            }
        }
        Ok(Self {
            urls,
            index_prefix: "payments".into(),
            legacy_totals: Some("platform_pay_amount_1".into()),
            template: TemplateConfig::default(),
            zero_windows: false,
            ca_file: None,
            credentials,
            secret_file: None,
            bulk: BulkConfig::default(),
            generation: 1,
            publication: Publication::Now,
            former_windows: Vec::new(),
            pacing: Pacing::default(),
        })
    }

    /// Where the server is: without credentials, each with a slash at the end; at least one.
    #[must_use]
    pub fn urls(&self) -> &[Url] {
        &self.urls
    }

    /// The addresses as the configuration has them.
    #[must_use]
    pub fn addresses(&self) -> String {
        let urls: Vec<&str> = self.urls.iter().map(Url::as_str).collect();
        urls.join(",")
    }
}

fn server_address(url: &str) -> Result<(Url, Credentials), Error> {
    // What was typed may hold a password, so it is not repeated.
    let mut url = Url::parse(url).map_err(|error| Error::Url(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Error::Url("it must begin with http:// or https://".into()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::Url("it must end with the host, port or path".into()));
    }
    let credentials = take_credentials(&mut url)?;
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok((url, credentials))
}

fn take_credentials(url: &mut Url) -> Result<Credentials, Error> {
    let Some(password) = url.password().map(decoded) else {
        return if url.username().is_empty() {
            Ok(Credentials::None)
        } else {
            Err(Error::Url("it names a user but no password".into()))
        };
    };
    let credentials = Credentials::Basic {
        username: decoded(url.username()),
        password: Secret::new(password),
    };
    // Both are refused only for addresses without a host, and this one has a host.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    Ok(credentials)
}

/// The text that percent-encoded `text` stands for.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("urls", &self.addresses())
            .field("index_prefix", &self.index_prefix)
            .field("legacy_totals", &self.legacy_totals)
            .field("template", &self.template)
            .field("zero_windows", &self.zero_windows)
            .field("ca_file", &self.ca_file)
            .field("credentials", &self.credentials)
            .field("bulk", &self.bulk)
            .field("generation", &self.generation)
            .field("publication", &self.publication)
            .finish_non_exhaustive()
    }
}

impl Default for BulkConfig {
    fn default() -> Self {
        Self {
            max_actions: 5_000,
            max_bytes: 5 << 20,
            interval: Duration::from_secs(1),
            max_in_flight: 2,
        }
    }
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            request: Duration::from_secs(30),
            retry_first: Duration::from_millis(100),
            retry_most: Duration::from_secs(30),
            denied: Duration::from_secs(30),
            parked: Duration::from_secs(600),
            give_up: Duration::from_secs(7 * 86_400),
            inspect: Duration::from_secs(60),
            last_pass: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn credentials_in_the_address_are_used_and_never_shown() {
        let config = Config::new("https://tide:hunter%32%40@es.example:9200/path").unwrap();
        assert_eq!(config.addresses(), "https://es.example:9200/path/");
        assert_eq!(
            config.credentials,
            Credentials::Basic {
                username: "tide".into(),
                password: Secret::new("hunter2@"),
            }
        );
        assert!(!format!("{config:?} {config:#?}").contains("hunter"));
    }

    #[test]
    fn an_address_that_is_not_http_is_refused_without_repeating_it() {
        for url in [
            "",
            "es.example:9200",
            "ftp://a:secret@b/",
            "http://",
            "http://user@host/",
            "http://a:secret@b/?c=secret",
            "http://a:secret@b:port/",
        ] {
            let error = Config::new(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn percent_signs_that_encode_nothing_stand_for_themselves() {
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%2"), "%zz%2");
        assert_eq!(decoded("%+f"), "%+f");
        assert_eq!(decoded("%C3%A9"), "é");
    }
}
