//! Why a sink can't be made.

use std::path::PathBuf;

use crate::view::reading::ReadError;

/// Why a sink can't be made. Shows no credentials.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not valid.
    #[error("elasticsearch.url is not a valid address: {0}")]
    Url(String),
    /// The certificates can't be used.
    #[error(
        "elasticsearch.ca_file {path}: {reason}; give a file with certificates in PEM form",
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
        "the Elasticsearch API key has characters that an API key can't have: give the key as it was \
         created, encoded, on one line"
    )]
    Credentials,
    /// TLS can't be set up.
    #[error("secure connections can't be set up: {0}")]
    Tls(String),
    /// The server did not answer.
    #[error("{server} is not usable: {reason}")]
    Unanswered {
        /// Which server.
        server: String,
        /// Why.
        reason: String,
    },
    /// The server refused.
    #[error("{server} refuses what is needed: {reason}")]
    Refused {
        /// Which server.
        server: String,
        /// Why.
        reason: String,
    },
    /// The server does not let us do what is needed.
    #[error("{server} denies access: {reason}; check the credentials and their privileges")]
    Denied {
        /// Which server.
        server: String,
        /// Why.
        reason: String,
    },
    /// Indexes hold figures of another log.
    #[error("nothing is written to Elasticsearch: {0}")]
    Foreign(String),
    /// A generation that is to be dropped is the one that readers see.
    #[error(
        "nothing is deleted: public aliases still point to generation {generation}. They move when the \
         service of the live generation has caught up; then drop generation {generation} again"
    )]
    StillRead {
        /// The generation.
        generation: u32,
    },
    /// An index of a generation that is to be dropped holds figures of another log or other rules.
    #[error(
        "nothing is deleted: the index {index} has a name of generation {generation}, but holds \
         figures {whose}. If they are not needed any more, delete them with `tidegauge index delete \
         --yes`, then drop generation {generation} again"
    )]
    NotDropped {
        /// The generation.
        generation: u32,
        /// The index.
        index: String,
        /// Whose figures they are, as part of a sentence.
        whose: String,
    },
    /// The state can't tell which indexes are its own.
    #[error(
        "the state has read nothing yet, so it can't tell which indexes are its own: run the \
         service once"
    )]
    Unread,
    /// All documents are delivered, but the aliases are not as they should be.
    #[error("the documents are delivered, but {0}")]
    Aliases(String),
    /// The state can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}
