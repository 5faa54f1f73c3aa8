//! Why a round ends before its time.

use crate::sink::trouble::Trouble;
use crate::view::reading::ReadError;

/// Why a round could not be finished.
pub(in crate::sink) enum Interrupted {
    /// The server, or the way to it.
    Connection(Trouble),
    /// The state can't be read.
    Read(ReadError),
    /// The receiver of feedback is gone.
    WriterGone,
}

impl From<Trouble> for Interrupted {
    fn from(trouble: Trouble) -> Self {
        Self::Connection(trouble)
    }
}

impl From<ReadError> for Interrupted {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}
