//! Errors of Kibana and of the connection to it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::OLDEST;
use crate::domain::count::counted;

/// Why an operation on Kibana failed. Never shows credentials.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificates can't be used.
    #[error(
        "kibana.ca_file {path}: {reason}; give a file with certificates in PEM form",
        path = .path.display()
    )]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The credentials can't be sent.
    #[error(
        "the Kibana API key has characters that an API key can't have: give it encoded, on one line"
    )]
    Credentials,
    /// TLS can't be set up.
    #[error("secure connections can't be set up: {0}")]
    Tls(String),
    /// Kibana was not available in time.
    #[error("Kibana at {url} was not available within {}: {reason}", crate::domain::duration::text(*.wait))]
    Unavailable {
        /// Its address.
        url: String,
        /// For how long it was asked.
        wait: Duration,
        /// The last reason that Kibana gave.
        reason: String,
    },
    /// Kibana denies access.
    #[error(
        "Kibana at {url} answers with status {status}, so it denies access: set \
         kibana.api_key_file, or kibana.username and kibana.password_file, of a user who may manage \
         saved objects"
    )]
    Denied {
        /// Its address.
        url: String,
        /// 401 or 403.
        status: u16,
    },
    /// Kibana redirects.
    #[error(
        "Kibana at {url} answers with status {status}, a redirect: set kibana.url to the final \
         address, its base path included"
    )]
    Elsewhere {
        /// Its address.
        url: String,
        /// 3xx.
        status: u16,
    },
    /// Kibana is too old.
    #[error(
        "Kibana {version} at {url} is too old: the saved objects need {}.{} or newer",
        OLDEST.0,
        OLDEST.1
    )]
    TooOld {
        /// Its address.
        url: String,
        /// Its version.
        version: String,
    },
    /// The space does not exist.
    #[error("Kibana at {url} has no space \"{space}\": create it in Kibana, or give another")]
    NoSpace {
        /// Its address.
        url: String,
        /// The space.
        space: String,
    },
    /// Kibana refused a request.
    #[error("Kibana at {url} can't {what}: {reason}")]
    Failed {
        /// Its address.
        url: String,
        /// What it was asked for.
        what: &'static str,
        /// What it said.
        reason: String,
    },
    /// Kibana did not accept all objects, whatever the status.
    #[error("Kibana at {url} accepted {taken} of {}{}", counted(*given as u64, "object"), told(refused))]
    Refused {
        /// Its address.
        url: String,
        /// How many it reports as accepted.
        taken: u64,
        /// How many it was given.
        given: usize,
        /// The refused objects, with reasons.
        refused: Vec<Refusal>,
    },
}

/// An object that Kibana did not accept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Its type.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Kibana's reason.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.id, self.reason)
    }
}

fn told(refused: &[Refusal]) -> String {
    if refused.is_empty() {
        return " and gave no reason".to_owned();
    }
    let lines = refused.iter().map(|refusal| format!("\n  {refusal}"));
    lines.collect()
}
