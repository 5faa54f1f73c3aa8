//! Why a command failed, and its exit code.

use std::fmt;
use std::io;

use super::streams;

/// The error that a command ends with.
#[derive(Debug)]
pub enum CommandFailure {
    /// The command line is not valid: exit code 2.
    Usage(anyhow::Error),
    /// The configuration is wrong: exit code 78.
    Config(anyhow::Error),
    /// A server that was needed did not answer in time: exit code 75.
    Unavailable(anyhow::Error),
    /// Anything else: exit code 1.
    Running(anyhow::Error),
}

impl CommandFailure {
    /// The exit code; 0 if the reader of stdout closed the pipe.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Config(_) => 78,
            Self::Unavailable(_) => 75,
            Self::Running(_) if self.is_stdout_closed() => 0,
            Self::Running(_) => 1,
        }
    }

    /// Whether the cause is that the reader of stdout closed the pipe.
    #[must_use]
    pub fn is_stdout_closed(&self) -> bool {
        self.error()
            .chain()
            .any(|cause| cause.downcast_ref().is_some_and(streams::is_stdout_closed))
    }

    fn error(&self) -> &anyhow::Error {
        match self {
            Self::Usage(error)
            | Self::Config(error)
            | Self::Unavailable(error)
            | Self::Running(error) => error,
        }
    }
}

/// Shows the whole chain of causes. A cause whose text is part of an earlier one is not repeated.
impl fmt::Display for CommandFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = String::new();
        for cause in self.error().chain() {
            let words = cause.to_string();
            if said.is_empty() {
                said = words;
            } else if !said.contains(&words) {
                said.push_str(": ");
                said.push_str(&words);
            }
        }
        f.write_str(&said)
    }
}

impl From<anyhow::Error> for CommandFailure {
    fn from(error: anyhow::Error) -> Self {
        Self::Running(error)
    }
}

impl From<io::Error> for CommandFailure {
    fn from(error: io::Error) -> Self {
        Self::Running(error.into())
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_cause_that_an_error_says_itself_is_said_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("can't make it: {source}")]
        struct Whole {
            source: io::Error,
        }
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        let failure = CommandFailure::Running(Whole { source }.into());
        assert_eq!(failure.to_string(), "can't make it: entity already exists");
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        let error = anyhow::Error::from(source).context("can't make it");
        let failure = CommandFailure::Running(error);
        assert_eq!(failure.to_string(), "can't make it: entity already exists");
    }

    #[test]
    fn a_pipe_that_is_not_that_of_stdout_is_a_failure() {
        let broken = io::Error::from(io::ErrorKind::BrokenPipe);
        let error = Err::<(), _>(broken).context("the server can't be asked");
        let failure = error.map_err(CommandFailure::from);
        assert_eq!(failure.map_err(|failure| failure.exit_code()), Err(1));
    }
}
