//! Values that no log, error or dump may show.

use std::fmt;

/// A password, key or token. It shows itself as `***`; [`Secret::expose`] gives it away.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `value` from being shown.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself: for the wire, never for people.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whether the value of a setting called `key` must not be shown. The name of a file that holds a secret
/// may be.
#[must_use]
pub fn names_secret(key: &str) -> bool {
    const WORDS: [&str; 8] = [
        "password",
        "secret",
        "token",
        "oauthbearer.config",
        "key.pem",
        "ssl_key",
        "jaas",
        // A command line, which may hold a password.
        "kinit.cmd",
    ];
    let key = key.to_ascii_lowercase();
    !names_file(&key) && WORDS.iter().any(|word| key.contains(word))
}

/// Whether `key` names a file or an address, whatever is in there.
#[must_use]
pub fn names_file(key: &str) -> bool {
    let key = key.trim().to_ascii_lowercase();
    let ends = ["_file", ".location", "endpoint.url"];
    ends.iter().any(|end| key.ends_with(end))
}

/// `key` as it may be shown: without what follows the name in it, where a secret or an address with a password
/// may have slipped into the key, as in `"sasl.password=…" = ""` and `sasl.password.… = 1`.
#[must_use]
pub fn shown_key(key: &str) -> String {
    let is_part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if let Some(end) = key.find(|c| !is_part_of_name(c) && c != '.') {
        return format!("{}…", shown_key(&key[..end]).trim_end_matches('…'));
    }
    // Names of secrets and addresses that continue after a word for a secret.
    let goes_on = |rest: &str| {
        let rests = [".config", ".endpoint.url", ".url"];
        rests.iter().any(|known| rest.eq_ignore_ascii_case(known))
    };
    let ends = key.char_indices().filter(|(_, c)| !is_part_of_name(*c));
    for (end, _) in ends {
        let (name, rest) = key.split_at(end);
        if names_file(name) || (names_secret(name) && !goes_on(rest)) {
            return format!("{name}…");
        }
    }
    key.to_owned()
}

/// An address without the user and password before its host, and without what stands behind a `?` or `#`, where a
/// key may be. A text that is not a valid address may hold a user too, and user and password may hold a `/`, `?` or
/// `@`: everything up to the last `@` is removed.
#[must_use]
pub fn without_credentials(address: &str) -> String {
    let shown = without_user(address);
    match shown.find(['?', '#']) {
        Some(end) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

fn without_user(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((before, host)) => {
            // RFC 3986, 3.1. A password may hold "://" too.
            let is_scheme = |text: &str| {
                text.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            };
            match before.split_once("://") {
                Some((scheme, _)) if is_scheme(scheme) => format!("{scheme}://***@{host}"),
                _ => format!("***@{host}"),
            }
        }
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_credentials() {
        for (address, shown) in [
            ("http://me:pw@h:1/x", "http://***@h:1/x"),
            ("me:p/w?@x@h:1", "***@h:1"),
            ("me:p://w@h:1", "***@h:1"),
            ("http://h:1/?apikey=pw", "http://h:1/…"),
            ("http://h:1#pw", "http://h:1…"),
            ("h:1", "h:1"),
        ] {
            assert_eq!(without_credentials(address), shown);
        }
    }

    #[test]
    fn a_key_is_shown_up_to_what_is_no_part_of_a_name() {
        for (key, shown) in [
            ("kafka.topic", "kafka.topic"),
            ("http.token_file=s3cret", "http.token_file…"),
            ("http.token_file.s3cret", "http.token_file…"),
            ("HTTP.TOKEN_FILE.s3cret", "HTTP.TOKEN_FILE…"),
            (
                "elasticsearch.api_key_file.s3cret",
                "elasticsearch.api_key_file…",
            ),
            (
                "kafka.properties.ssl.key.location.s3cret",
                "kafka.properties.ssl.key.location…",
            ),
            ("elasticsearch.url=http://me:s3cret@h", "elasticsearch.url…"),
            (
                "kafka.properties.sasl.password: s3cret",
                "kafka.properties.sasl.password…",
            ),
            (
                "kafka.properties.sasl.password.s3cret",
                "kafka.properties.sasl.password…",
            ),
            (
                "kafka.properties.sasl.password.s3cret.location.s3cret",
                "kafka.properties.sasl.password…",
            ),
            // These names continue after a word for a secret.
            (
                "kafka.properties.sasl.jaas.config",
                "kafka.properties.sasl.jaas.config",
            ),
            (
                "kafka.properties.sasl.oauthbearer.token.endpoint.url",
                "kafka.properties.sasl.oauthbearer.token.endpoint.url",
            ),
        ] {
            assert_eq!(shown_key(key), shown);
        }
    }

    #[test]
    fn a_value_is_hidden_by_the_name_of_its_key_unless_that_names_a_file() {
        for (key, is_hidden) in [
            ("sasl.password", true),
            ("SSL.Key.PEM", true),
            ("http.token", true),
            ("sasl.kerberos.kinit.cmd", true),
            ("http.token_file", false),
            ("elasticsearch.password_file ", false),
            ("ssl.key.location", false),
            ("sasl.username", false),
        ] {
            assert_eq!(names_secret(key), is_hidden, "{key}");
        }
        for (key, is_file) in [
            ("http.token_file", true),
            ("ssl.key.location", true),
            ("sasl.password", false),
        ] {
            assert_eq!(names_file(key), is_file, "{key}");
        }
    }

    #[test]
    fn a_secret_shows_itself_only_when_exposed() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {secret:#?}"), "*** *** ***");
        assert_eq!(secret.expose(), "hunter2");
    }
}
