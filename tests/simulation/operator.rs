//! What operators do with commands: replays, swaps and the way back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegauge::config::{Config, Need, Sources};
use tidegauge::service::app::App;
use tidegauge::service::generation::Generations;
use tidegauge::service::replay::{self, Consent, Replay, ReplayObserver};
use tidegauge::view::reading::ReadError;
use tokio::task::JoinHandle;

/// A command of an operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Builds the next generation, and makes it live if it is proven.
    Replay,
    /// Builds the next generation.
    Build,
    /// Makes the newest generation live if it is proven.
    Swap,
    /// Goes back to the generation that was live before.
    Rollback,
}

/// A command that runs, or has ended; what it says at the end.
pub struct Command {
    pub order: Order,
    task: JoinHandle<Result<String, String>>,
}

/// What a command says that made another generation live.
pub const IS_LIVE: &str = "this generation is live now:";
const SWAP_PATIENCE: Duration = Duration::from_secs(60);

impl Command {
    /// Starts the command with the configuration in `file`.
    pub fn start(order: Order, file: &Path) -> Self {
        let file: PathBuf = file.to_owned();
        let task = tokio::spawn(async move { run(order, &file).await });
        Self { order, task }
    }

    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// Why it failed.
    pub async fn said(self) -> Result<String, String> {
        match self.task.await {
            Ok(said) => said,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}

struct Unseen;

impl ReplayObserver for Unseen {
    fn show(&mut self, _: &App) -> Result<(), ReadError> {
        Ok(())
    }

    fn next_run(&mut self) {}
}

// As `cli::replay` does, without signals and display.
async fn run(order: Order, file: &Path) -> Result<String, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let config = Config::load(&Sources::of_file(file), Need::Brokers);
    let config = config.map_err(|error| said(&error))?;
    let generations = Generations::of(&config.state_dir);
    generations.live_state().map_err(|error| said(&error))?;
    let lock = generations.lock_replay().map_err(|error| said(&error))?;
    let Some(_lock) = lock else {
        return Err("another command is at work".into());
    };
    let (to, consent) = match order {
        Order::Replay | Order::Build => {
            let replay = Replay::new(&config, &generations).map_err(|error| said(&error))?;
            let report = replay.run(&mut Unseen, std::future::pending()).await;
            let built = report.map_err(|error| said(&error))?.generation;
            if order == Order::Build {
                return Ok(format!("generation {built} is built"));
            }
            (built, Consent::Proven)
        }
        Order::Swap => (
            replay::newest(&generations).map_err(|error| said(&error))?,
            Consent::Proven,
        ),
        Order::Rollback => (
            replay::before(&generations).map_err(|error| said(&error))?,
            Consent::Back,
        ),
    };
    let swapped = replay::swap(&config, &generations, to, consent, SWAP_PATIENCE).await;
    swapped.map_err(|error| said(&error))?;
    Ok(format!("{IS_LIVE} {to}"))
}
