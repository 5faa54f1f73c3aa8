//! The address of the service that a command calls, and the token to send.

use std::env;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use reqwest::Url;

use super::failure::CommandFailure;
use crate::config::{self, Config, Endpoint, Sources};
use crate::domain::loopback;
use crate::domain::secret::{Secret, without_credentials};

/// Names the address of a service.
const URL: &str = "TIDEGAUGE_URL";
/// Names the file with the token for it.
const TOKEN_FILE: &str = "TIDEGAUGE_TOKEN_FILE";

/// The address of a service. `--url` names it; else `http.listen` of the command line; else the variable
/// `TIDEGAUGE_URL`; else `http.listen` of the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Address {
    /// The URL to call. It may hold a password.
    pub(super) url: String,
    /// The setting that gave it.
    named_by: NamedBy,
}

/// The setting that gave an address.
#[derive(Clone, PartialEq, Eq, Debug)]
enum NamedBy {
    Flag,
    Variable,
    /// The setting `http.listen`, given by this flag, variable or file.
    Listen(String),
    /// No setting: it is the default.
    Default,
}

/// A value that a flag or an environment variable gives, instead of the configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct FlagOrVariable<T> {
    /// From the flag of the command.
    flag: Option<T>,
    /// From the environment variable.
    variable: Option<T>,
}

impl FlagOrVariable<String> {
    /// The address that `flag` gives, and that of the environment. An empty variable counts as
    /// missing; an empty flag is a mistake.
    pub(super) fn url(flag: Option<&str>) -> Self {
        Self {
            flag: flag.map(str::to_owned),
            variable: env::var(URL).ok().filter(|url| !url.is_empty()),
        }
    }
}

impl FlagOrVariable<PathBuf> {
    /// The file with the token that `flag` names, and that of the environment.
    pub(super) fn token_file(flag: Option<&Path>) -> Self {
        let variable = env::var_os(TOKEN_FILE).filter(|path| !path.is_empty());
        Self {
            flag: flag.map(Path::to_owned),
            variable: variable.map(PathBuf::from),
        }
    }
}

/// The reason for a missing answer. Leaves out the address, which may contain a password.
pub(super) fn reason_of(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    let cause = anyhow::Error::from(error.without_url());
    cause.root_cause().to_string()
}

impl Address {
    /// The address that is `named`, or that of the configuration.
    ///
    /// # Errors
    /// When the configuration is wrong, or names no port.
    pub(super) fn of(
        named: &FlagOrVariable<String>,
        sources: &Sources,
    ) -> Result<Self, CommandFailure> {
        let address = |url: &String, named_by| Self {
            url: url.clone(),
            named_by,
        };
        if let Some(url) = &named.flag {
            return Ok(address(url, NamedBy::Flag));
        }
        let mut endpoint = Config::endpoint(&sources.typed())?;
        if endpoint.listen_from.is_none() {
            if let Some(url) = &named.variable {
                return Ok(address(url, NamedBy::Variable));
            }
            endpoint = Config::endpoint(sources)?;
        }
        let listen = endpoint.listen;
        if listen.port() == 0 {
            return Err(CommandFailure::Usage(anyhow!(
                "http.listen is {listen}, so the service takes any port that is free: give --url with \
                 the address that it logged"
            )));
        }
        let url = format!("http://{}", reachable(listen));
        let named_by = endpoint
            .listen_from
            .map_or(NamedBy::Default, NamedBy::Listen);
        Ok(address(&url, named_by))
    }

    /// The address as an HTTP URL.
    ///
    /// # Errors
    /// When it is not a valid HTTP URL.
    pub(super) fn parsed(&self) -> Result<Url, CommandFailure> {
        let by = match &self.named_by {
            NamedBy::Variable => URL,
            NamedBy::Flag | NamedBy::Listen(_) | NamedBy::Default => "--url",
        };
        let shown = without_credentials(&self.url);
        let wrong = |why: &str| {
            CommandFailure::Usage(anyhow!("{by}: \"{shown}\" {why}: give http://host:port"))
        };
        if self.url.is_empty() {
            return Err(wrong("is empty"));
        }
        let url = Url::parse(&self.url)
            .map_err(|error| wrong(&format!("is not a valid HTTP address ({error})")))?;
        if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
            return Err(wrong("is not a valid HTTP address"));
        }
        // A proxy may serve us under a path of its own.
        if url.path().contains("/api/v1") || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong(
                "is the address of a route: give the address of the service",
            ));
        }
        Ok(url)
    }

    /// The address as errors show it: without a password, and with its source.
    pub(super) fn shown(&self) -> String {
        let url = without_credentials(&self.url);
        match &self.named_by {
            NamedBy::Flag => url,
            NamedBy::Variable => format!("{url} ({URL})"),
            NamedBy::Listen(from) => format!("{url} ({from})"),
            NamedBy::Default => format!("{url} (the default)"),
        }
    }

    /// A hint for an address from which no answer of Tidegauge comes.
    pub(super) fn hint(url: &Url) -> &'static str {
        match url.scheme() {
            "https" => {
                "; Tidegauge speaks plain HTTP: without a proxy for TLS in front of it, give http://"
            }
            _ => "",
        }
    }
}

/// The file with the token for a service: by flag; else `http.token_file` of the command line; else the
/// variable `TIDEGAUGE_TOKEN_FILE`; else the configuration's. `http.token_file` goes to no other machine
/// than the one that it protects.
pub(super) fn token_file(
    named: &FlagOrVariable<PathBuf>,
    url: &Url,
    sources: &Sources,
) -> Option<PathBuf> {
    let is_ours = is_ours(url, sources);
    let of = |sources: &Sources| {
        // A wrong section [http] does not matter when the address is given.
        let Endpoint { token_file, .. } = Config::endpoint(sources).ok()?;
        token_file.filter(|_| is_ours)
    };
    named
        .flag
        .clone()
        .or_else(|| of(&sources.typed()))
        .or_else(|| named.variable.clone())
        .or_else(|| of(sources))
}

/// Whether a service with these settings answers at `url`.
fn is_ours(url: &Url, sources: &Sources) -> bool {
    is_loopback(url)
        || Config::endpoint(sources)
            .is_ok_and(|Endpoint { listen, .. }| host_of(url) == Some(reachable(listen).ip()))
}

/// The token in a file.
///
/// # Errors
/// When the file holds no token that a service would take.
pub(super) fn token_in(path: &Path) -> Result<Secret, CommandFailure> {
    Ok(config::token_in(path)?)
}

/// Whether `url` is an address of this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(loopback::is_loopback)
}

fn host_of(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// A service that listens on all addresses is called over loopback, which always works.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn sources(listen: &str) -> Sources {
        Sources::default().flag("--listen", "http.listen", listen)
    }

    fn named<T>(flag: Option<T>, variable: Option<T>) -> FlagOrVariable<T> {
        FlagOrVariable { flag, variable }
    }

    fn url(flag: Option<&str>, variable: Option<&str>) -> FlagOrVariable<String> {
        named(flag.map(str::to_owned), variable.map(str::to_owned))
    }

    #[test]
    fn the_address_is_what_was_typed_or_else_where_the_service_listens() {
        let address =
            |flag, listen: &str| Address::of(&url(flag, None), &sources(listen)).unwrap().url;
        assert_eq!(address(Some("http://h:1"), "127.0.0.1:9"), "http://h:1");
        for (listen, expected) in [
            ("127.0.0.1:31081", "http://127.0.0.1:31081"),
            ("0.0.0.0:9000", "http://127.0.0.1:9000"),
            ("[::]:9000", "http://[::1]:9000"),
            ("[::1]:9000", "http://[::1]:9000"),
            ("192.0.2.7:9000", "http://192.0.2.7:9000"),
        ] {
            assert_eq!(address(None, listen), expected);
        }
        let default = Address::of(&url(None, None), &Sources::default()).unwrap();
        assert_eq!(default.url, "http://127.0.0.1:8080");
        let free = Address::of(&url(None, None), &sources("127.0.0.1:0")).unwrap_err();
        assert!(
            free.exit_code() == 2 && free.to_string().contains("--url"),
            "{free}"
        );
    }

    #[test]
    fn what_is_typed_names_the_address_before_the_environment_and_that_before_the_configuration() {
        let of_environment =
            || Sources::default().variable("TIDEGAUGE_HTTP__LISTEN", "127.0.0.1:3");
        let all = || of_environment().flag("--set", "http.listen", "127.0.0.1:2");
        let section = of_environment().flag("--set", "http", "{listen = \"127.0.0.1:2\"}");
        let token_only = of_environment().flag("--set", "http.token_file", "/t");
        for (flag, variable, sources, shown) in [
            (Some("http://h:1"), Some("http://h:9"), all(), "http://h:1"),
            (
                None,
                Some("http://h:9"),
                all(),
                "http://127.0.0.1:2 (--set http.listen)",
            ),
            (
                None,
                Some("http://h:9"),
                section,
                "http://127.0.0.1:2 (--set http.listen)",
            ),
            (
                None,
                Some("http://h:9"),
                token_only,
                "http://h:9 (TIDEGAUGE_URL)",
            ),
            (
                None,
                Some("http://h:9"),
                of_environment(),
                "http://h:9 (TIDEGAUGE_URL)",
            ),
            (
                None,
                None,
                of_environment(),
                "http://127.0.0.1:3 (TIDEGAUGE_HTTP__LISTEN)",
            ),
        ] {
            let address = Address::of(&url(flag, variable), &sources).unwrap();
            assert_eq!(address.shown(), shown);
        }
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for text in [
            "http://me:hunter2@127.0.0.1:1",
            "http://me:hun/hunter2@h:1",
            "http://hunter2@h:port",
            "me:hunter2@h",
            "ftp://me:hunter2@h",
        ] {
            let address = Address::of(&url(Some(text), None), &Sources::default()).unwrap();
            let told = address
                .parsed()
                .map_or_else(|error| error.to_string(), String::from);
            assert!(!address.shown().contains("hunter2"), "{}", address.shown());
            assert!(text.contains("127") || !told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn the_token_of_the_configuration_goes_to_the_service_of_the_configuration_only() {
        let sources = sources("192.0.2.7:9000").variable("TIDEGAUGE_HTTP__TOKEN_FILE", "/t");
        let asked = |flag: Option<&str>, variable: Option<&str>, url: &str, sources: &Sources| {
            let named = named(flag.map(PathBuf::from), variable.map(PathBuf::from));
            token_file(&named, &Url::parse(url).unwrap(), sources)
        };
        let file = |flag, url| asked(flag, None, url, &sources);
        for url in [
            "http://192.0.2.7:9000",
            "https://192.0.2.7",
            "http://127.0.0.1:1",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            assert_eq!(file(None, url), Some("/t".into()), "{url}");
            assert_eq!(file(Some("/u"), url), Some("/u".into()));
        }
        assert_eq!(file(None, "http://192.0.2.8:9000"), None);
        assert_eq!(file(Some("/u"), "http://192.0.2.8:9000"), Some("/u".into()));
        // Typed, by the environment, by the configuration: in this order.
        let here = "http://localhost:1";
        let typed = sources.clone().flag("--set", "http.token_file", "/s");
        assert_eq!(
            asked(Some("/u"), Some("/v"), here, &typed),
            Some("/u".into())
        );
        assert_eq!(asked(None, Some("/v"), here, &typed), Some("/s".into()));
        assert_eq!(asked(None, Some("/v"), here, &sources), Some("/v".into()));
    }
}
