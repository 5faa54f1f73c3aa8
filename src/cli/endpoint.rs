//! Where the service answers that a command asks, and the token that it asks for.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use reqwest::Url;

use super::failure::Failure;
use crate::config::{Config, Endpoint, Sources};
use crate::secret::Secret;

/// The address of a service: what was typed, else what the configuration says it listens on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Address {
    /// As it is shown.
    pub(super) url: String,
    /// Whether it is that of the configuration.
    pub(super) is_configured: bool,
}

impl Address {
    /// `typed` by flag or variable, or that of the configuration.
    ///
    /// # Errors
    /// When the configuration is wrong, or names no port.
    pub(super) fn of(typed: Option<&str>, sources: &Sources) -> Result<Self, Failure> {
        if let Some(url) = typed.filter(|url| !url.is_empty()) {
            return Ok(Self {
                url: url.to_owned(),
                is_configured: false,
            });
        }
        let Endpoint { listen, .. } = Config::endpoint(sources)?;
        if listen.port() == 0 {
            return Err(Failure::Usage(anyhow!(
                "http.listen is {listen}, so the service takes any port that is free: give --url with \
                 the address that it logged"
            )));
        }
        Ok(Self {
            url: format!("http://{}", reachable(listen)),
            is_configured: true,
        })
    }

    /// What to say of it in errors.
    pub(super) fn shown(&self) -> String {
        let from = if self.is_configured {
            " (http.listen)"
        } else {
            ""
        };
        format!("{}{from}", self.url)
    }
}

/// The file with the token for a service: the one that was `typed`, else the configuration's. That one
/// goes to no other machine than the one that it protects.
pub(super) fn token_file(typed: Option<&Path>, url: &Url, sources: &Sources) -> Option<PathBuf> {
    if let Some(path) = typed.filter(|path| !path.as_os_str().is_empty()) {
        return Some(path.to_owned());
    }
    // What is wrong with it matters to nobody who has named an address.
    let Endpoint { listen, token_file } = Config::endpoint(sources).ok()?;
    let is_ours = is_loopback(url) || host_of(url) == Some(reachable(listen).ip());
    token_file.filter(|_| is_ours)
}

/// The token in a file.
///
/// # Errors
/// When the file can't be read.
pub(super) fn token_in(path: &Path) -> Result<Secret, Failure> {
    let token = fs::read_to_string(path)
        .with_context(|| format!("the token file {} can't be read", path.display()))?;
    Ok(Secret::new(token.trim()))
}

/// Whether it is this machine that is asked.
pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str() == Some("localhost") || host_of(url).is_some_and(|host| host.is_loopback())
}

fn host_of(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// What listens on all addresses of this machine is asked at the one that always works.
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

    #[test]
    fn the_address_is_what_was_typed_or_else_where_the_service_listens() {
        let address = |typed, listen: &str| Address::of(typed, &sources(listen)).unwrap().url;
        assert_eq!(address(Some("http://h:1"), "127.0.0.1:9"), "http://h:1");
        for (listen, url) in [
            ("127.0.0.1:31081", "http://127.0.0.1:31081"),
            ("0.0.0.0:9000", "http://127.0.0.1:9000"),
            ("[::]:9000", "http://[::1]:9000"),
            ("[::1]:9000", "http://[::1]:9000"),
            ("192.0.2.7:9000", "http://192.0.2.7:9000"),
        ] {
            assert_eq!(address(None, listen), url);
            assert_eq!(address(Some(""), listen), url);
        }
        let default = Address::of(None, &Sources::default()).unwrap();
        assert_eq!(default.url, "http://127.0.0.1:8080");
        let free = Address::of(None, &sources("127.0.0.1:0")).unwrap_err();
        assert!(
            free.exit_code() == 2 && free.to_string().contains("--url"),
            "{free}"
        );
    }

    #[test]
    fn the_token_of_the_configuration_goes_to_the_service_of_the_configuration_only() {
        let sources = sources("192.0.2.7:9000").flag("--set", "http.token_file", "/t");
        let file = |typed: Option<&str>, url: &str| {
            token_file(typed.map(Path::new), &Url::parse(url).unwrap(), &sources)
        };
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
    }
}
