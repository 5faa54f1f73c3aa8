//! The report of a replay, kept beside the generation that it built.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::{Comparison, Error};
use crate::service::generation::{self, Generations};

/// The report of a replay.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The generation that was built.
    pub generation: u32,
    /// The live generation, beside which it was built.
    pub live: u32,
    /// Records read by this command: a replay that was interrupted is resumed.
    pub records: u64,
    /// How long this command took.
    pub seconds: f64,
    /// Records per second while they were read.
    pub rate: f64,
    /// The next offset of each partition that it has reached.
    pub positions: BTreeMap<i32, i64>,
    /// What comparing it with the live generation showed, the last time that they could be compared;
    /// null if they never could.
    pub comparison: Option<Comparison>,
    /// The generation that it was compared with; null if it was not, or is [`Report::live`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_with: Option<u32>,
    /// Why this command did not compare it; null if it did.
    pub not_compared: Option<String>,
    /// Whether it has reached the end and delivered everything.
    pub complete: bool,
}

impl Report {
    /// The report of a replay that has done nothing yet.
    #[must_use]
    pub const fn begun(generation: u32, live: u32) -> Self {
        Self {
            generation,
            live,
            records: 0,
            seconds: 0.0,
            rate: 0.0,
            positions: BTreeMap::new(),
            comparison: None,
            compared_with: None,
            not_compared: None,
            complete: false,
        }
    }

    /// The generation that it was compared with, if it was.
    #[must_use]
    pub fn compared_with(&self) -> u32 {
        self.compared_with.unwrap_or(self.live)
    }

    /// Keeps what the report before this one proved of the same state, if this one compared nothing.
    pub fn keep_proof_of(&mut self, before: Self) {
        if self.comparison.is_none() && before.comparison.is_some() {
            let with = before.compared_with();
            self.compared_with = Some(with).filter(|with| *with != self.live);
            self.comparison = before.comparison;
        }
    }

    pub(super) fn write(&self, generations: &Generations) -> Result<(), Error> {
        let path = generations.report(self.generation);
        let text = serde_json::to_vec_pretty(self).map_err(|error| Error::Report {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        Ok(generation::replace(&path, &text)?)
    }
}

/// Takes note that the figures of `generation` change otherwise than by the log: what was found when it was
/// compared with another generation holds no longer.
///
/// # Errors
/// When the generations can't be listed, or a report can't be read or written.
pub fn forget_comparisons(generations: &Generations, generation: u32) -> Result<(), Error> {
    for other in generations.all()? {
        let Some(mut known) = report(generations, other)? else {
            continue;
        };
        let is_concerned = [known.generation, known.compared_with()].contains(&generation);
        if known.comparison.is_none() || !is_concerned {
            continue;
        }
        known.comparison = None;
        known.not_compared = Some(format!(
            "generation {generation} has given listed records a second chance since it was compared: \
             `tidegauge replay` compares again, with generations that are not live"
        ));
        known.write(generations)?;
    }
    Ok(())
}

/// The report of the replay that built a generation, if one did.
///
/// # Errors
/// When its file can't be read.
pub fn report(generations: &Generations, generation: u32) -> Result<Option<Report>, Error> {
    let path = generations.report(generation);
    let failed = |reason: String| Error::Report {
        path: path.display().to_string(),
        reason,
    };
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(|error| failed(error.to_string()))?,
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| failed(error.to_string()))
}
