//! Takes secrets out of texts of others.

use std::mem;

use serde_json::Value;

use crate::domain::secret::Secret;

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
        Self::of([key.expose().trim()])
    }

    /// For a user and a password, which are sent in Base64 (RFC 7617).
    #[must_use]
    pub fn of_user(username: &str, password: &Secret) -> Self {
        let pair = format!("{username}:{}", password.expose());
        Self::of([&base64(pair.as_bytes()), password.expose()])
    }

    // Also as JSON escapes them, for a text that holds JSON among other things.
    fn of<const N: usize>(secrets: [&str; N]) -> Self {
        let mut words = Vec::new();
        for secret in secrets {
            let quoted = Value::from(secret).to_string();
            let escaped = quoted[1..quoted.len() - 1].to_owned();
            let with_slashes = escaped.replace('/', "\\/");
            words.extend([secret.to_owned(), escaped, with_slashes]);
        }
        words.dedup();
        let words = words.into_iter().map(Secret::new).collect();
        Self { words }
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

    /// The body of an error without the secrets, however JSON escapes them. One without any stays as
    /// it is to the byte.
    #[must_use]
    pub fn error(&self, body: Vec<u8>) -> Vec<u8> {
        self.body(body, true)
    }

    /// The body of a success without the secrets. The names in JSON stay, so that it can be read: a secret may be
    /// a part of one.
    #[must_use]
    pub fn success(&self, body: Vec<u8>) -> Vec<u8> {
        self.body(body, false)
    }

    fn body(&self, body: Vec<u8>, has_names: bool) -> Vec<u8> {
        if self.words.is_empty() {
            return body;
        }
        if let Ok(mut value) = serde_json::from_slice::<Value>(&body) {
            return if self.clean(&mut value, has_names) {
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

    fn is_in(&self, text: &str) -> bool {
        let mut words = self.words.iter().map(Secret::expose);
        words.any(|word| !word.is_empty() && text.contains(word))
    }

    /// Cleans all texts in `value`, with `has_names` the names too, and says whether there was anything to clean.
    fn clean(&self, value: &mut Value, has_names: bool) -> bool {
        match value {
            Value::String(text) => {
                let is_other = self.is_in(text);
                if is_other {
                    *text = self.apply(text);
                }
                is_other
            }
            Value::Array(items) => items
                .iter_mut()
                .fold(false, |any, item| self.clean(item, has_names) | any),
            Value::Object(members) => {
                let is_other = members
                    .values_mut()
                    .fold(false, |any, member| self.clean(member, has_names) | any);
                if !has_names || !members.keys().any(|name| self.is_in(name)) {
                    return is_other;
                }
                *members = mem::take(members)
                    .into_iter()
                    .map(|(name, member)| (self.apply(&name), member))
                    .collect();
                true
            }
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
                format!(r#"{{"{sent}":[1,"{sent}"],"then":"{sent}"}}"#),
                r#"{"***":[1,"***"],"then":"***"}"#.to_owned(),
            ),
            (
                format!(r#"["{sent}","{sent}"]"#),
                r#"["***","***"]"#.to_owned(),
            ),
            (
                format!(r#"{{"a":"{sent}","b":"{sent}"}}"#),
                r#"{"a":"***","b":"***"}"#.to_owned(),
            ),
            (
                format!(r#"400: {{"sent":"pass\/w\"rd"}} {{"sent":"pass/w\"rd"}} {sent}"#),
                r#"400: {"sent":"***"} {"sent":"***"} ***"#.to_owned(),
            ),
            (
                r#"{ "a": [1.50, "fine"] }"#.to_owned(),
                r#"{ "a": [1.50, "fine"] }"#.to_owned(),
            ),
        ] {
            let answer = user.error(said.into_bytes());
            assert_eq!(String::from_utf8_lossy(&answer), shown);
        }
        let status = r#"{"elasticsearch":"elastic is available"}"#;
        let masked = Mask::of_key(&Secret::new("elastic")).success(status.into());
        let expected = r#"{"elasticsearch":"*** is available"}"#;
        assert_eq!(String::from_utf8_lossy(&masked), expected);
        let key = Mask::of_key(&Secret::new(" abc== "));
        assert_eq!(key.apply("ApiKey abc== is wrong"), "ApiKey *** is wrong");
        let four_letters = Mask::of_key(&Secret::new("tide"));
        assert_eq!(four_letters.apply("tide is wrong"), "*** is wrong");
        let short = Mask::of_key(&Secret::new("abc"));
        assert!(short.apply("a bad key: abc").ends_with("not shown"));
        assert_eq!(short.apply("a bad key"), "a bad key");
        let none = Mask::of_key(&Secret::new(" "));
        assert_eq!(none.apply("no key"), "no key");
        assert_eq!(Mask::default().apply("as it is"), "as it is");
    }
}
