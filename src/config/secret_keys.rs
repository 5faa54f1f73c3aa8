//! Which keys hold secrets.

use super::key;
use crate::domain::secret::{names_file, names_secret};

/// Whether `text`, a part of a file, has a key under which a secret, or the file that holds one, is meant,
/// spelt right or not: the secret itself may stand there. It may also stand behind the name of a user.
pub(super) fn may_hold_secret(text: &str) -> bool {
    let mut parts: Vec<&str> = text.split('=').collect();
    // What follows the last one is a value.
    parts.pop();
    let is_letter = |c: char| c.is_alphanumeric() || "._-'\" \t".contains(c);
    parts.iter().any(|part| {
        let key = part.rsplit(|c| !is_letter(c)).next().unwrap_or_default();
        is_for_secret(key)
    }) || may_hold_user_with_password(text)
}

/// Whether `text` speaks of a user, spelt right or not, and has a colon: a password may follow it, as in `curl -u`.
fn may_hold_user_with_password(text: &str) -> bool {
    const WORDS: [&str; 2] = ["user", "username"];
    let lower = text.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    text.contains(':')
        && words.any(|word| {
            let is_near = |known: &&str| strsim::osa_distance(word, known) <= known.len() / 3;
            WORDS.iter().any(is_near)
        })
}

/// Whether `key` is the name of a secret, or of the file that holds one, but for a few letters.
#[must_use]
pub fn is_for_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    let key = key.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    let ends = ["_file", "-file", ".file"];
    let of_file = ends.iter().find_map(|end| key.strip_suffix(end));
    resembles_secret(of_file.unwrap_or(key))
}

/// Whether `key` is the name of a secret but for a few letters.
fn resembles_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    let key = key.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    if names_secret(key) {
        return true;
    }
    if key::of("")
        .into_iter()
        .flatten()
        .any(|known| known.name == key)
        || names_file(key)
    {
        return false;
    }
    // These as a part of the key, those with up to a third of their letters wrong.
    const PARTS: [&str; 7] = [
        "token", "bearer", "pwd", "pass", "apikey", "api_key", "auth",
    ];
    const WORDS: [&str; 8] = [
        "password",
        "passphrase",
        "passwd",
        "secret",
        "credentials",
        "token",
        "apikey",
        "pw",
    ];
    let letters: String = key.chars().filter(|c| c.is_alphanumeric()).collect();
    let words = key.split(|c: char| !c.is_alphanumeric());
    PARTS.iter().any(|part| key.contains(part))
        || words.chain([letters.as_str()]).any(|word| {
            let is_near = |known: &&str| strsim::osa_distance(word, known) <= known.len() / 3;
            WORDS.iter().any(is_near)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for key in [
            "sasl.password",
            "ssl.key.password",
            "ssl.keystore.password",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
            "ssl.key.pem",
            "  \"SASL.PASSWORD\" ",
        ] {
            assert!(names_secret(key), "{key}");
        }
        for key in [
            "password_file ",
            "token_file",
            "sasl.username",
            "ssl.key.location",
        ] {
            assert!(!names_secret(key), "{key}");
        }
    }

    #[test]
    fn a_misspelt_name_of_a_secret_resembles_it() {
        for key in [
            "sasl.passwrd",
            "sasl.pasword",
            "sasl.passwort",
            "sasl_password",
            "passwd",
            "api_key",
            "apikey",
            "tokn",
            "Tokens",
            "client.secrt",
            "ssl.key.pasword",
            " \"sasl.pswd\" ",
            "credential",
        ] {
            assert!(resembles_secret(key), "{key}");
        }
        for key in [
            "brokerz",
            "topik",
            "topic",
            "start",
            "step",
            "state_dir",
            "listen",
            "url",
            "password_file",
            "ssl.key.location",
            "retention",
            "max_actions",
            "legacy_totals",
            "port",
        ] {
            assert!(!resembles_secret(key), "{key}");
        }
        for key in [
            "api_key_file",
            "API_KEY_FILE",
            "token-file",
            "Password.File",
        ] {
            assert!(is_for_secret(key), "{key}");
        }
        assert!(may_hold_secret(
            "properties = { \"sasl.passwrd\" = \"x\", a = "
        ));
        assert!(!may_hold_secret("topic = \"password\""));
        for text in [
            "username = 'me:x'",
            "usrname = 'me:x'",
            "USER_NAME=me:x",
            "\"username me:x\" = 1",
        ] {
            assert!(may_hold_secret(text), "{text}");
        }
        for text in ["username = 'me'", "url = 'http://h:1'", "listen = 'h:1'"] {
            assert!(!may_hold_secret(text), "{text}");
        }
    }
}
