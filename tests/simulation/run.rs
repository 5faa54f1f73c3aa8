//! Running seeds: one, many at once, and in smaller variants until the trace of a failure is short.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::circumstances::{Circumstances, Fault};
use super::operator::IS_LIVE;
use super::world::World;

/// What became of one seed.
pub struct Outcome {
    pub error: Option<String>,
    pub trace: Vec<String>,
    pub circumstances: Circumstances,
}

/// How a run differs from what its seed says: less happens.
#[derive(Clone, Default)]
pub struct Variant {
    pub without: BTreeSet<Fault>,
    pub lives: Option<u64>,
    pub steps: Option<u64>,
}

impl Variant {
    /// As the variables `WITHOUT`, `LIVES` and `STEPS` say.
    pub fn of_environment() -> Self {
        let text = std::env::var("WITHOUT").unwrap_or_default();
        let names: Vec<&str> = text.split(',').collect();
        let without = Fault::ALL
            .into_iter()
            .filter(|fault| names.contains(&format!("{fault:?}").as_str()));
        Self {
            without: without.collect(),
            lives: super::number("LIVES"),
            steps: super::number("STEPS"),
        }
    }

    /// Makes it so.
    pub fn apply(&self, circumstances: &mut Circumstances) {
        circumstances
            .faults
            .retain(|fault| !self.without.contains(fault));
        circumstances.lives = self.lives.unwrap_or(circumstances.lives);
        circumstances.steps = self.steps.unwrap_or(circumstances.steps);
    }

    /// The command that repeats it.
    fn command(&self, seed: u64) -> String {
        let mut command = format!("make sim SEED={seed}");
        if !self.without.is_empty() {
            let names: Vec<String> = self
                .without
                .iter()
                .map(|fault| format!("{fault:?}"))
                .collect();
            command += &format!(" WITHOUT={}", names.join(","));
        }
        for (name, value) in [("LIVES", self.lives), ("STEPS", self.steps)] {
            if let Some(value) = value {
                command += &format!(" {name}={value}");
            }
        }
        command
    }
}

/// Runs one seed on this thread.
pub fn run(seed: u64, variant: &Variant) -> Outcome {
    let memory = PathBuf::from("/dev/shm");
    let base = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    let dir = tempfile::Builder::new()
        .prefix("tidegauge-sim-")
        .tempdir_in(base)
        .unwrap();
    let mut world = World::new(seed, variant, dir.path());
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
    let error = match outcome {
        Ok(outcome) => outcome.err(),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into()));
            Some(format!("a panic: {}", words.unwrap_or_default()))
        }
    };
    World::leave();
    Outcome {
        error,
        trace: world.trace().to_vec(),
        circumstances: world.circumstances().clone(),
    }
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// What came of many seeds.
#[derive(Default)]
pub struct Sum {
    pub failed: Vec<u64>,
    /// How often an operator made another generation live.
    pub swaps: u64,
}

/// After so many seeds a line says how far a run is: one of all seeds may take hours.
const TOLD_EVERY: u64 = 5_000;

/// Runs seeds on all processors. A seed that fails is told with its shortest trace.
pub fn run_all(seeds: &[u64]) -> Sum {
    let (next, sum) = (AtomicU64::new(0), Mutex::new(Sum::default()));
    thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let begun = next.fetch_add(1, Ordering::Relaxed);
                    let Some(seed) = seeds.get(begun as usize) else {
                        return;
                    };
                    if begun > 0 && begun.is_multiple_of(TOLD_EVERY) {
                        let failed = sum.lock().unwrap().failed.len();
                        println!("{begun} seeds are begun, {failed} failed");
                    }
                    let outcome = run(*seed, &Variant::default());
                    let swaps = outcome.trace.iter().filter(|line| line.contains(IS_LIVE));
                    sum.lock().unwrap().swaps += swaps.count() as u64;
                    if outcome.error.is_some() {
                        tell(*seed, outcome);
                        sum.lock().unwrap().failed.push(*seed);
                    }
                }
            });
        }
    });
    sum.into_inner().unwrap()
}

/// The first of so many seeds that fails, and why. Others may have run beside it.
pub fn first_that_fails(seeds: u64) -> Option<(u64, String)> {
    let (next, is_found) = (AtomicU64::new(0), AtomicBool::new(false));
    let found = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                while !is_found.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    if let Some(error) = run(seed, &Variant::default()).error {
                        is_found.store(true, Ordering::Relaxed);
                        found.lock().unwrap().push((seed, error));
                    }
                }
            });
        }
    });
    found.into_inner().unwrap().into_iter().min()
}

// With as little as possible of what the seed says.
fn tell(seed: u64, outcome: Outcome) {
    let mut shortest = outcome;
    let mut variant = Variant::default();
    let attempt = |variant: &Variant| {
        let outcome = run(seed, variant);
        outcome.error.is_some().then_some(outcome)
    };
    for fault in shortest.circumstances.faults.clone() {
        let mut smaller = variant.clone();
        smaller.without.insert(fault);
        if let Some(outcome) = attempt(&smaller) {
            (variant, shortest) = (smaller, outcome);
        }
    }
    for lives in 1..shortest.circumstances.lives {
        let smaller = Variant {
            lives: Some(lives),
            ..variant.clone()
        };
        if let Some(outcome) = attempt(&smaller) {
            (variant, shortest) = (smaller, outcome);
            break;
        }
    }
    for steps in 1..shortest.circumstances.steps {
        let smaller = Variant {
            steps: Some(steps),
            ..variant.clone()
        };
        if let Some(outcome) = attempt(&smaller) {
            (variant, shortest) = (smaller, outcome);
            break;
        }
    }
    let error: String = shortest
        .error
        .unwrap_or_default()
        .chars()
        .take(1_500)
        .collect();
    let from = shortest.trace.len().saturating_sub(60);
    println!(
        "seed {seed} failed: {error}\n{}\nrepeat it: {}\n",
        shortest.trace[from..].join("\n"),
        variant.command(seed)
    );
}
