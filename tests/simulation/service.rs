//! The simulated process: the service as `tidegauge serve` runs it, in a runtime whose clock is simulated.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use tidegauge::api::{self, Limits};
use tidegauge::config::{Config, Need, Sources};
use tidegauge::observe::status::Status;
use tidegauge::service::app::{App, Plan, Until};
use tidegauge::service::generation::{Generations, SwapFollower};
use tidegauge::view::reading::Readings;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A service that runs, or has ended.
pub struct Service {
    task: JoinHandle<Result<(), String>>,
    stop: Arc<AtomicBool>,
    served: Arc<Mutex<Option<Served>>>,
}

/// What it serves.
#[derive(Clone)]
pub struct Served {
    pub generation: u32,
    pub readings: Arc<dyn Readings>,
    pub status: Arc<Status>,
    pub router: Router,
}

const LOOK: Duration = Duration::from_millis(20);

impl Service {
    /// Starts it with the configuration in `file`.
    pub fn start(file: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let served = Arc::new(Mutex::new(None));
        let task = tokio::spawn(serve(
            Sources::of_file(file),
            Arc::clone(&stop),
            Arc::clone(&served),
        ));
        Self { task, stop, served }
    }

    /// What it serves now, if it serves.
    pub fn served(&self) -> Option<Served> {
        self.served.lock().unwrap().clone()
    }

    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Stops it, as a signal does, and gives its last words.
    pub async fn stop(self) -> Result<(), String> {
        self.stop.store(true, Ordering::Relaxed);
        self.served.lock().unwrap().take();
        match self.task.await {
            Ok(outcome) => outcome,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}

async fn serve(
    sources: Sources,
    stop: Arc<AtomicBool>,
    served: Arc<Mutex<Option<Served>>>,
) -> Result<(), String> {
    let outcome = run(&sources, &stop, &served).await;
    served.lock().unwrap().take();
    outcome
}

// As `cli::serve` does, without signals and display.
async fn run(
    sources: &Sources,
    stop: &AtomicBool,
    served: &Mutex<Option<Served>>,
) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let mut config = Config::load(sources, Need::Brokers).map_err(|error| said(&error))?;
    let generations = Generations::of(&config.state_dir);
    let _lock = loop {
        match generations.lock_service().map_err(|error| said(&error))? {
            Some(lock) => break lock,
            None if stop.load(Ordering::Relaxed) => return Ok(()),
            None => sleep(LOOK).await,
        }
    };
    generations
        .clear_announcement()
        .map_err(|error| said(&error))?;
    let live = generations.live().map_err(|error| said(&error))?;
    generations
        .enter(&mut config, live)
        .map_err(|error| said(&error))?;
    let mut plan = Plan {
        generation: live.generation,
        listen: None,
        until: Until::Stopped,
        topic: None,
        logs_rejects: true,
    };
    loop {
        let app = App::start(&config, &plan)
            .await
            .map_err(|error| said(&error))?;
        *served.lock().unwrap() = Some(Served {
            generation: plan.generation,
            readings: app.readings(),
            status: app.status(),
            router: api::router(app.api_state(), None, Limits::default()),
        });
        let mut follower = SwapFollower::new(
            &generations,
            &config,
            plan.generation,
            sources,
            app.status(),
        );
        generations
            .announce_serving(plan.generation)
            .map_err(|error| said(&error))?;
        let next = loop {
            sleep(LOOK).await;
            if stop.load(Ordering::Relaxed) || app.is_finished() {
                break None;
            }
            if let Some(next) = follower.poll() {
                break Some(next);
            }
        };
        drop(follower);
        served.lock().unwrap().take();
        app.stop(false).await.map_err(|error| said(&error))?;
        let Some(mut next) = next else {
            return Ok(());
        };
        generations
            .enter(&mut next.config, next.live)
            .map_err(|error| said(&error))?;
        plan.generation = next.live.generation;
        config = next.config;
    }
}
