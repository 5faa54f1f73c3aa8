//! Which exit code an error gets: the one table that every command uses.

use super::failure::CommandFailure;
use crate::observe::telemetry;
use crate::service::{app, backup, generation, replay, second_chance};
use crate::{api, config, kibana, sink, source, store};

/// What an operator can do about an error. Each class has an exit code of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitClass {
    /// A change of the configuration is needed: exit code 78.
    Config,
    /// A server that was needed did not answer in time, so trying again may help: exit code 75.
    Unavailable,
    /// Anything else: exit code 1.
    Running,
}

/// An error that a command can end with.
pub trait Classified: std::error::Error + Send + Sync + 'static {
    /// The class that decides the exit code.
    fn class(&self) -> ExitClass;
}

impl<E: Classified> From<E> for CommandFailure {
    fn from(error: E) -> Self {
        match error.class() {
            ExitClass::Config => Self::Config(error.into()),
            ExitClass::Unavailable => Self::Unavailable(error.into()),
            ExitClass::Running => Self::Running(error.into()),
        }
    }
}

const fn of_state(is_config_mismatch: bool) -> ExitClass {
    if is_config_mismatch {
        ExitClass::Config
    } else {
        ExitClass::Running
    }
}

impl Classified for config::Error {
    fn class(&self) -> ExitClass {
        ExitClass::Config
    }
}

impl Classified for telemetry::Error {
    fn class(&self) -> ExitClass {
        ExitClass::Config
    }
}

impl Classified for backup::Error {
    fn class(&self) -> ExitClass {
        ExitClass::Running
    }
}

impl Classified for kibana::Error {
    fn class(&self) -> ExitClass {
        match self {
            Self::CaFile { .. } | Self::Credentials => ExitClass::Config,
            Self::Unavailable { .. } => ExitClass::Unavailable,
            _ => ExitClass::Running,
        }
    }
}

impl Classified for store::Error {
    fn class(&self) -> ExitClass {
        of_state(self.is_config_mismatch())
    }
}

impl Classified for source::Error {
    fn class(&self) -> ExitClass {
        match self {
            Self::NoBroker { .. } | Self::NoLeader { .. } => ExitClass::Unavailable,
            Self::Setting { .. } | Self::Client(_) => ExitClass::Config,
            _ => ExitClass::Running,
        }
    }
}

impl Classified for app::Error {
    fn class(&self) -> ExitClass {
        match self {
            Self::Source(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Undelivered { .. } => ExitClass::Unavailable,
            // A service starts without an answer of Elasticsearch: only its settings can be wrong.
            Self::Sink(_) | Self::Api(api::Error::Unprotected(_)) => ExitClass::Config,
            _ => ExitClass::Running,
        }
    }
}

impl Classified for generation::Error {
    fn class(&self) -> ExitClass {
        of_state(self.is_config_mismatch())
    }
}

impl Classified for second_chance::Error {
    fn class(&self) -> ExitClass {
        match self {
            Self::Source(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Generation(error) => error.class(),
            Self::Replay(error) => error.class(),
            Self::Unadopted { .. } | Self::Fixed { .. } => ExitClass::Config,
            Self::Orders(_) | Self::ServiceRuns | Self::AtWork => ExitClass::Running,
        }
    }
}

impl Classified for replay::Error {
    fn class(&self) -> ExitClass {
        match self {
            Self::App(error) => error.class(),
            Self::Sink(sink::Error::Unanswered { .. })
            | Self::NotBegun(sink::Error::Unanswered { .. })
            | Self::NotFollowed { .. }
            | Self::NotServed { .. } => ExitClass::Unavailable,
            // Waiting is the remedy.
            Self::Sink(sink::Error::StillRead { .. }) => ExitClass::Running,
            Self::Sink(_) | Self::NotBegun(_) | Self::Refused(_) => ExitClass::Config,
            Self::Generation(error) | Self::Unfit { source: error, .. } => error.class(),
            _ => ExitClass::Running,
        }
    }
}
