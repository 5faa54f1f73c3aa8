//! What a script can't do as this program does.

use std::fmt;

/// A part of the configuration, and why the script can't do it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlinkRefusal {
    /// The key, or the section.
    pub key: String,
    /// Why, and what can be done.
    pub why: String,
}

/// Why there is no script.
#[derive(Debug, thiserror::Error)]
#[error("Flink SQL can't do what the configuration says{}", shown(.0))]
pub struct Error(pub Vec<FlinkRefusal>);

/// All refusals that were met.
#[derive(Debug, Default)]
pub(super) struct Refusals(Vec<FlinkRefusal>);

impl Refusals {
    pub(super) fn add(&mut self, key: impl Into<String>, why: impl Into<String>) {
        let refusal = FlinkRefusal {
            key: key.into(),
            why: why.into(),
        };
        if !self.0.contains(&refusal) {
            self.0.push(refusal);
        }
    }

    pub(super) fn result(self) -> Result<(), Error> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Error(self.0)),
        }
    }
}

impl fmt::Display for FlinkRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.why)
    }
}

fn shown(refusals: &[FlinkRefusal]) -> String {
    refusals
        .iter()
        .map(|refusal| format!("\n  {refusal}"))
        .collect()
}
