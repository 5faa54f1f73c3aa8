//! Logging in to a broker: SASL, by PLAIN (RFC 4616) or SCRAM (RFC 5802).

use bytes::Bytes;

use super::scram::{Scram, ScramHash};
use crate::domain::secret::Secret;

/// Who logs in, and how.
#[derive(Debug)]
pub(super) struct SaslLogin {
    mechanism: Mechanism,
    user: String,
    password: Secret,
}

#[derive(Clone, Copy, Debug)]
enum Mechanism {
    Plain,
    Scram(ScramHash),
}

/// A login that is under way.
pub(super) enum LoginConversation {
    /// What is still to be said.
    Plain(Option<Bytes>),
    Scram(Scram),
}

impl SaslLogin {
    /// A login by the mechanism with this name; `None` if it is not known here.
    pub(super) fn of(mechanism: &str, user: String, password: Secret) -> Option<Self> {
        let mechanism = match mechanism {
            "PLAIN" => Mechanism::Plain,
            "SCRAM-SHA-256" => Mechanism::Scram(ScramHash::Sha256),
            "SCRAM-SHA-512" => Mechanism::Scram(ScramHash::Sha512),
            _ => return None,
        };
        Some(Self {
            mechanism,
            user,
            password,
        })
    }

    /// The name of the mechanism.
    pub(super) const fn mechanism(&self) -> &'static str {
        match self.mechanism {
            Mechanism::Plain => "PLAIN",
            Mechanism::Scram(ScramHash::Sha256) => "SCRAM-SHA-256",
            Mechanism::Scram(ScramHash::Sha512) => "SCRAM-SHA-512",
        }
    }

    /// Begins to log in.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn begin(&self) -> Result<LoginConversation, String> {
        let (user, password) = (&self.user, self.password.expose());
        Ok(match self.mechanism {
            Mechanism::Plain => {
                let words = format!("\0{user}\0{password}");
                LoginConversation::Plain(Some(words.into()))
            }
            Mechanism::Scram(hash) => LoginConversation::Scram(Scram::begin(hash, user, password)?),
        })
    }
}

impl LoginConversation {
    /// What to say next; `None` once the login is done.
    pub(super) fn next_words(&mut self) -> Option<Bytes> {
        match self {
            Self::Plain(words) => words.take(),
            Self::Scram(scram) => scram.next_words(),
        }
    }

    /// What the broker answered.
    ///
    /// # Errors
    /// When it does not prove that it knows the password.
    pub(super) fn hear(&mut self, words: &[u8]) -> Result<(), String> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Scram(scram) => scram.hear(words),
        }
    }
}
