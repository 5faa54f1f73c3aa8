//! What an operator is told about an index, a template or an alias that is not as it should be.

/// One finding of [`super::Upkeep::verify`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IndexFinding {
    /// The index lacks its write alias. A running service puts it by itself within a minute.
    AwaitsService(String),
    /// Anything else that differs from what this version would make.
    Drift(String),
}

impl IndexFinding {
    /// The sentence for the operator.
    #[must_use]
    pub fn into_text(self) -> String {
        match self {
            Self::AwaitsService(text) | Self::Drift(text) => text,
        }
    }
}
