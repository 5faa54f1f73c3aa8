//! The lines of a file of records.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Context;

use super::failure::CommandFailure;

/// A longer line is a reject whatever it says, so no more of it is kept.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// What some programs write before the first line of a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Calls `take` with each line of `file`, `-` for stdin, without its end, until it says that it is
/// enough.
///
/// # Errors
/// When the lines can't be read.
pub(super) fn of_file(
    file: &Path,
    take: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<(), CommandFailure> {
    if file.as_os_str() == "-" {
        return each(io::stdin().lock(), "the lines of stdin", take);
    }
    let name = file.display();
    let opened = File::open(file).with_context(|| format!("{name} can't be read"))?;
    let lines = BufReader::with_capacity(1 << 20, opened);
    each(lines, &name.to_string(), take)
}

fn each(
    mut lines: impl BufRead,
    name: &str,
    mut take: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<(), CommandFailure> {
    let failed = || format!("{name} can't be read");
    let mut line = Vec::new();
    let mut is_first = true;
    loop {
        line.clear();
        let read = lines
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .with_context(failed)?;
        // A file that only has its mark has no line.
        if read == 0 || (is_first && line == BYTE_ORDER_MARK) {
            return Ok(());
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            // As lines end on Windows.
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        } else {
            lines.skip_until(b'\n').with_context(failed)?;
        }
        // The mark belongs to the file, not to its first record.
        let value = match is_first {
            true => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line),
            false => &line,
        };
        is_first = false;
        if take(value).is_break() {
            return Ok(());
        }
    }
}
