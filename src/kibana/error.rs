//! Why something could not be done at Kibana.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::OLDEST;
use crate::domain::count::counted;

/// Why something could not be done at Kibana. Shows no credentials.
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
    #[error("the Kibana API key has characters that no key has: give it encoded, on one line")]
    Credentials,
    /// TLS can't be set up.
    #[error("secure connections can't be set up: {0}")]
    Tls(String),
    /// It was not available in time.
    #[error("Kibana at {url} was not available within {}: {reason}", crate::domain::duration::text(*.wait))]
    Unavailable {
        /// Where.
        url: String,
        /// For how long it was asked.
        wait: Duration,
        /// What it said last.
        reason: String,
    },
    /// It lets us not in.
    #[error(
        "Kibana at {url} answers with status {status}, so it does not let us in: set \
         kibana.api_key_file, or kibana.username and kibana.password_file, of somebody who may manage \
         saved objects"
    )]
    Denied {
        /// Where.
        url: String,
        /// 401 or 403.
        status: u16,
    },
    /// It sends us elsewhere.
    #[error(
        "Kibana at {url} answers with status {status}, a redirect: set kibana.url to the final \
         address, its base path included"
    )]
    Elsewhere {
        /// Where.
        url: String,
        /// 3xx.
        status: u16,
    },
    /// It is too old.
    #[error(
        "Kibana {version} at {url} is too old: the saved objects need {}.{} or newer",
        OLDEST.0,
        OLDEST.1
    )]
    TooOld {
        /// Where.
        url: String,
        /// Which it is.
        version: String,
    },
    /// There is no such space.
    #[error("Kibana at {url} has no space \"{space}\": make it in Kibana, or name another")]
    NoSpace {
        /// Where.
        url: String,
        /// The space.
        space: String,
    },
    /// It does not do what it was asked for.
    #[error("Kibana at {url} can't {what}: {reason}")]
    Failed {
        /// Where.
        url: String,
        /// What it was asked for.
        what: &'static str,
        /// What it said.
        reason: String,
    },
    /// It took not all objects, whatever the status.
    #[error("Kibana at {url} took {taken} of {}{}", counted(*given as u64, "object"), told(refused))]
    Refused {
        /// Where.
        url: String,
        /// How many it says that it took.
        taken: u64,
        /// How many it was given.
        given: usize,
        /// Which not, and why.
        refused: Vec<Refusal>,
    },
}

/// An object that Kibana did not take.
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
        return " and says not why".to_owned();
    }
    let lines = refused.iter().map(|refusal| format!("\n  {refusal}"));
    lines.collect()
}
