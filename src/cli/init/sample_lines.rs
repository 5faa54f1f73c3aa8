//! The records of a sample, in memory.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

use crate::cli::failure::CommandFailure;
use crate::cli::{line_envelope, lines};
use crate::decode::Reject;
use crate::domain::record::{Headers, OwnedHeaders, Record};

/// So many lines are kept.
const LINES_MAX: u64 = 10_000;
/// And so many bytes.
const BYTES_MAX: usize = 64 << 20;
/// So many names of headers are kept.
const HEADERS_MAX: usize = 32;

/// The records of the first lines of a file.
#[derive(Default, Debug)]
pub(super) struct SampleLines {
    lines: Vec<SampleLine>,
    /// Lines whose envelope is not valid, with their numbers.
    pub(super) faults: Vec<(u64, Reject)>,
    /// Whether the file has more lines.
    pub(super) is_cut: bool,
}

/// A record, with its own copy of all it holds.
#[derive(Default, Debug)]
struct SampleLine {
    /// From 1.
    number: u64,
    payload: Option<Vec<u8>>,
    timestamp: Option<i64>,
    key: Option<String>,
    headers: OwnedHeaders,
}

impl SampleLines {
    /// Reads `file`, `-` for stdin.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) fn read(file: &Path) -> Result<Self, CommandFailure> {
        let mut sample = Self::default();
        let (mut number, mut bytes) = (0, 0);
        lines::of_file(file, |line| {
            if number == LINES_MAX || bytes >= BYTES_MAX {
                sample.is_cut = true;
                return ControlFlow::Break(());
            }
            number += 1;
            bytes += line.len();
            sample.take(number, line);
            ControlFlow::Continue(())
        })?;
        Ok(sample)
    }

    fn take(&mut self, number: u64, line: &[u8]) {
        // The names that the original message can't have don't matter: a mapping is still looked for.
        let Some(envelope) = line_envelope::read(line, false) else {
            self.lines.push(SampleLine {
                number,
                payload: Some(line.to_vec()),
                ..SampleLine::default()
            });
            return;
        };
        match envelope.payment {
            Err(fault) => self.faults.push((number, fault)),
            Ok(payment) => self.lines.push(SampleLine {
                number,
                payload: payment.map(<[u8]>::to_vec),
                timestamp: envelope.timestamp,
                key: envelope.key,
                headers: envelope.headers,
            }),
        }
    }

    /// All records, in the order of their lines.
    pub(super) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.lines.iter().map(|line| Record {
            timestamp: line.timestamp,
            key: line.key.as_deref().map(str::as_bytes),
            headers: Headers::new(&line.headers),
            payload: line.payload.as_deref(),
            ..Record::default()
        })
    }

    /// The names of the records' headers.
    pub(super) fn header_names(&self) -> Vec<String> {
        let headers = self.lines.iter().flat_map(|line| &line.headers.0);
        let names: BTreeSet<&String> = headers.map(|(name, _)| name).collect();
        names.into_iter().take(HEADERS_MAX).cloned().collect()
    }

    /// The number of the line of a record, from 1.
    pub(super) fn line(&self, record: usize) -> u64 {
        self.lines.get(record).map_or(0, |line| line.number)
    }
}
