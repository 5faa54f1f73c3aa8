//! Values that no log, error or dump may show.

use std::fmt;

use serde_json::Value;

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

/// Whether `key`, in lower case, names a file or an address, whatever is in there.
#[must_use]
pub fn names_file(key: &str) -> bool {
    let ends = ["_file", ".location", "endpoint.url"];
    ends.iter().any(|end| key.trim().ends_with(end))
}

/// `key` as it may be shown: without what follows the name in it, where a secret or an address with a password
/// may have slipped into the key, as in `"sasl.password=…" = ""` and `sasl.password.… = 1`.
#[must_use]
pub fn shown_key(key: &str) -> String {
    let is_part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if let Some(end) = key.find(|c| !is_part_of_name(c) && c != '.') {
        return format!("{}…", shown_key(&key[..end]).trim_end_matches('…'));
    }
    if !names_secret(key) {
        return key.to_owned();
    }
    let ends = key.char_indices().filter(|(_, c)| !is_part_of_name(*c));
    // Names of secrets that continue after a word for a secret.
    let goes_on = |rest: &str| [".config"].contains(&rest);
    for (end, _) in ends {
        let (name, rest) = key.split_at(end);
        if names_secret(name) && !goes_on(rest) {
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
            let scheme = before.find("://").map_or("", |at| &before[..at + 3]);
            format!("{scheme}***@{host}")
        }
        None => address.to_owned(),
    }
}

/// Takes secrets out of what others say: a server or a proxy may repeat what it was sent.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    words: Vec<Secret>,
}

/// Shorter words stand in any text.
const WORD_MIN: usize = 4;

impl Mask {
    /// For a secret that is sent as it is.
    #[must_use]
    pub fn of_key(key: &Secret) -> Self {
        Self {
            words: vec![Secret::new(key.expose().trim())],
        }
    }

    /// For a user and a password, which are sent in Base64 (RFC 7617).
    #[must_use]
    pub fn of_user(username: &str, password: &Secret) -> Self {
        let pair = format!("{username}:{}", password.expose());
        Self {
            words: vec![Secret::new(base64(pair.as_bytes())), password.clone()],
        }
    }

    /// `text` without the secrets.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for word in self.words.iter().map(Secret::expose) {
            if word.is_empty() || !masked.contains(word) {
                continue;
            }
            if word.len() < WORD_MIN {
                return "what it says may repeat the credentials, so it is not shown".to_owned();
            }
            masked = masked.replace(word, "***");
        }
        masked
    }

    /// The body of an answer without the secrets, however JSON escapes them. One without any stays as
    /// it is to the byte.
    #[must_use]
    pub fn answer(&self, body: Vec<u8>) -> Vec<u8> {
        if self.words.is_empty() {
            return body;
        }
        if let Ok(mut value) = serde_json::from_slice::<Value>(&body) {
            return if self.clean(&mut value) {
                value.to_string().into_bytes()
            } else {
                body
            };
        }
        let text = String::from_utf8_lossy(&body);
        let masked = self.apply(&text);
        if masked == text {
            body
        } else {
            masked.into_bytes()
        }
    }

    /// Cleans all texts in `value`, and says whether there was anything to clean.
    fn clean(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let masked = self.apply(text);
                let is_other = masked != *text;
                *text = masked;
                is_other
            }
            Value::Array(items) => items
                .iter_mut()
                .fold(false, |any, item| self.clean(item) | any),
            Value::Object(members) => members
                .values_mut()
                .fold(false, |any, member| self.clean(member) | any),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

/// RFC 4648, 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for letter in 0..4_usize {
            // Six bits are below 64.
            let index = (bits >> (18 - 6 * letter) & 63) as usize;
            text.push(if letter > three.len() {
                '='
            } else {
                LETTERS[index].into()
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_credentials() {
        for (address, shown) in [
            ("http://me:pw@h:1/x", "http://***@h:1/x"),
            ("me:p/w?@x@h:1", "***@h:1"),
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
            ("elasticsearch.url=http://me:s3cret@h", "elasticsearch.url…"),
            (
                "kafka.properties.sasl.password: s3cret",
                "kafka.properties.sasl.password…",
            ),
            (
                "kafka.properties.sasl.password.s3cret",
                "kafka.properties.sasl.password…",
            ),
        ] {
            assert_eq!(shown_key(key), shown);
        }
    }

    #[test]
    fn base_64_is_that_of_the_rfc() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
            ("tide:canary-key", "dGlkZTpjYW5hcnkta2V5"),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn what_a_server_repeats_of_credentials_is_masked() {
        let user = Mask::of_user("me", &Secret::new("pass/w\"rd"));
        let sent = base64(b"me:pass/w\"rd");
        for (said, shown) in [
            (
                format!("<p>Basic {sent}</p>"),
                "<p>Basic ***</p>".to_owned(),
            ),
            (
                format!(r#"{{"error":{{"reason":"no: Basic {sent}, pass\/w\"rd"}}}}"#),
                r#"{"error":{"reason":"no: Basic ***, ***"}}"#.to_owned(),
            ),
            (
                r#"{ "a": [1.50, "fine"] }"#.to_owned(),
                r#"{ "a": [1.50, "fine"] }"#.to_owned(),
            ),
        ] {
            let answer = user.answer(said.into_bytes());
            assert_eq!(String::from_utf8_lossy(&answer), shown);
        }
        let key = Mask::of_key(&Secret::new(" abc== "));
        assert_eq!(key.apply("ApiKey abc== is wrong"), "ApiKey *** is wrong");
        let short = Mask::of_key(&Secret::new("a"));
        assert!(short.apply("a bad key").ends_with("not shown"));
        assert_eq!(Mask::default().apply("as it is"), "as it is");
    }

    #[test]
    fn a_secret_shows_itself_only_when_exposed() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {secret:#?}"), "*** *** ***");
        assert_eq!(secret.expose(), "hunter2");
    }
}
