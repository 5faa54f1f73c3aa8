//! Why a request as a whole failed.

use super::retry;

/// Why a request as a whole did not do what it was for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Trouble {
    pub(super) verdict: retry::Verdict,
    /// In words, without the request.
    pub(super) reason: String,
}

impl Trouble {
    /// The answer did not arrive whole: whether the request was carried out is unknown.
    pub(super) fn unanswered(reason: String) -> Self {
        Self {
            verdict: retry::Verdict::Retry,
            reason,
        }
    }

    /// The answer is not one to this request: whether that was carried out is unknown.
    pub(super) fn garbage(reason: impl Into<String>) -> Self {
        Self::unanswered(reason.into())
    }
}
