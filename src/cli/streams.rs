//! The standard streams of a command. A reader that leaves, as `head` does, is not an error of the command.

use std::fmt;
use std::io::{self, ErrorKind, StdoutLock, Write};

use anyhow::Context;

/// Writes to stdout, for a command that ends when its reader closes the pipe: the error is one that
/// [`is_stdout_closed`] tells from those of other pipes and of sockets.
pub(super) struct Stdout(StdoutLock<'static>);

/// The reader of stdout closed the pipe.
#[derive(Debug, thiserror::Error)]
#[error("the reader of stdout closed the pipe")]
struct ClosedStdout;

impl Stdout {
    /// Locks stdout until it is dropped.
    pub(super) fn lock() -> Self {
        Self(io::stdout().lock())
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(marked)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(marked)
    }
}

/// Whether this error says that the reader of stdout closed the pipe.
pub(super) fn is_stdout_closed(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<ClosedStdout>())
}

/// Writes `text` to stdout. If the reader has closed the pipe, it has what it wants: the command still
/// does the rest of its work, and its exit code says how that went.
///
/// # Errors
/// When stdout can't be written for another reason.
pub(super) fn print(text: &[u8]) -> anyhow::Result<()> {
    let mut out = Stdout::lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if is_stdout_closed(&error) => Ok(()),
        written => written.context("the answer can't be printed"),
    }
}

/// Writes a line to stderr. If that can't be written, there is nowhere to report it.
pub(super) fn note(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn marked(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::BrokenPipe => io::Error::new(ErrorKind::BrokenPipe, ClosedStdout),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pipe_of_stdout_counts_as_closed() {
        let socket = || io::Error::from(ErrorKind::BrokenPipe);
        assert!(!is_stdout_closed(&socket()));
        assert!(is_stdout_closed(&marked(socket())));
        assert!(!is_stdout_closed(&marked(ErrorKind::StorageFull.into())));
    }
}
