//! One run: a world made by a seed, in which a service lives, is disturbed, and is judged.

mod attack;
mod between_lives;
mod ending;
mod power;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegauge::host::clock::Instant;
use tidegauge::host::simulation;
use tidegauge::source::simulated::{SimulatedClient, connect_by};
use tokio::time::sleep;

use super::chance::Chance;
use super::circumstances::{Circumstances, Fault};
use super::excuse;
use super::follower::Follower;
use super::judge;
use super::log_client::Client;
use super::operator::Command;
use super::outside::Outside;
use super::producer::Producer;
use super::run::Variant;
use super::service::{Served, Service};
use super::topic::{Partition, Topic};
use crate::search_server::SearchServer;

/// A world.
pub struct World {
    circumstances: Circumstances,
    chance: Chance,
    outside: Outside,
    topic: Arc<Mutex<Topic>>,
    /// The topic as it was when it was replaced by another one of its name.
    former: Option<Vec<Partition>>,
    /// Whether documents may say more than the state: it lost its newest checkpoints, or a second service ran.
    may_be_behind: bool,
    /// Whether two services delivered the same documents.
    had_copy: bool,
    /// Partitions that the state holds records of.
    begun: BTreeSet<i32>,
    producer: Producer,
    dir: PathBuf,
    snapshot: Option<SearchServer>,
    /// A client of the events that is there from the first life to the last.
    follower: Follower,
    /// Who decides about commands.
    commander: Chance,
    /// Who decides about the configuration, and whether it is ever changed.
    operator: Chance,
    is_reconfigured: bool,
    /// Which branches have had a name so far.
    named: BTreeMap<&'static str, BTreeSet<u32>>,
    /// Who decides whether an operator who changes names also deletes the totals.
    deletion: Chance,
    /// Who decides how long a fault may last where windows become past retention.
    patience: Chance,
    /// Who decides whether the search server is set back between two lives.
    restoration: Chance,
    /// Who decides in how many lanes partitions are applied.
    appliers: Chance,
    /// The wall clock at the start of this life, in ms since the epoch.
    wall: i64,
    began: Option<Instant>,
    life: u64,
    trace: Vec<String>,
    /// Whether the trace is printed as it comes.
    is_shown: bool,
}

/// 2026-11-01 00:00:00 UTC.
const START: i64 = 1_793_491_200_000;

/// These parts draw from chances of their own: a seed that has none of them does what it did without them.
const COMMANDS: u64 = 0x636f_6d6d_616e_6473;
const OPERATOR: u64 = 0x6f70_6572_6174_6f72;
const SILENCE: u64 = 0x7175_6965_7475_6465;
const DELETION: u64 = 0x6465_6c65_7469_6f6e;
const PATIENCE: u64 = 0x7061_7469_656e_6365;
const RESTORATION: u64 = 0x7265_7374_6f72_6564;
const DUPLICATES: u64 = 0x6475_706c_6963_6174;
const APPLIERS: u64 = 0x6170_706c_6965_7273;
const RESENDING: u64 = 0x7265_7365_6e64_696e;

/// How a life ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Stopped,
    Killed,
    PowerFailure,
}

impl World {
    /// The world of `seed`, or a smaller variant of it, with its files in `dir`.
    pub fn new(seed: u64, variant: &Variant, dir: &Path) -> Self {
        let mut chance = Chance::new(seed);
        let mut operator = Chance::new(seed ^ OPERATOR);
        let mut circumstances = Circumstances::of(&mut chance);
        circumstances.decide_quiet(&mut Chance::new(seed ^ SILENCE));
        circumstances.decide_duplicates(&mut Chance::new(seed ^ DUPLICATES));
        variant.apply(&mut circumstances);
        fastrand::seed(seed);
        let topic = Topic::new(u128::from(seed) + 1, circumstances.partitions);
        let outside = Outside::new(chance.fork());
        if circumstances.shows_all_at_a_swap() {
            outside.state().publication.begin();
        }
        let mut trace = Vec::new();
        trace.push(format!("{circumstances:?}"));
        Self {
            outside,
            producer: Producer::new(&circumstances, START, chance.fork())
                .resending(Chance::new(seed ^ RESENDING)),
            topic: Arc::new(Mutex::new(topic)),
            former: None,
            may_be_behind: false,
            had_copy: false,
            begun: BTreeSet::new(),
            dir: dir.to_owned(),
            snapshot: None,
            follower: Follower::default(),
            commander: Chance::new(seed ^ COMMANDS),
            is_reconfigured: operator.one_in(3),
            named: BTreeMap::new(),
            operator,
            deletion: Chance::new(seed ^ DELETION),
            patience: Chance::new(seed ^ PATIENCE),
            restoration: Chance::new(seed ^ RESTORATION),
            appliers: Chance::new(seed ^ APPLIERS),
            wall: START,
            began: None,
            life: 0,
            is_shown: std::env::var_os("SHOW").is_some(),
            trace,
            chance,
            circumstances,
        }
    }

    /// What its seed decided.
    pub fn circumstances(&self) -> &Circumstances {
        &self.circumstances
    }

    /// Takes this thread out of the simulation, also if that ended by a panic.
    pub fn leave() {
        simulation::enter(None);
        connect_by(None);
    }

    /// What happened so far, a line each.
    pub fn trace(&self) -> &[String] {
        &self.trace
    }

    /// Lives all lives, and judges.
    ///
    /// # Errors
    /// What does not hold.
    pub fn run(&mut self) -> Result<(), String> {
        let lives = self.circumstances.lives;
        for life in 1..=lives {
            self.life = life;
            self.configure();
            let is_last = life == lives;
            let end = self.in_a_runtime(|world| {
                Box::pin(async move {
                    let end = world.live(is_last).await;
                    // The next life begins when this one has ended.
                    world.wall = world.now();
                    world.began = None;
                    end
                })
            })?;
            self.end_life(end);
        }
        Ok(())
    }

    // The operator may change the configuration between two lives.
    fn configure(&mut self) {
        if self.is_reconfigured && self.operator.one_in(2) {
            self.circumstances.reconfigure(&mut self.operator);
            for (branch, name) in &self.circumstances.names {
                self.named.entry(name).or_default().insert(*branch);
            }
            let said = format!(
                "the configuration says {:?}, documents of zero windows: {}",
                self.circumstances.names, self.circumstances.zero_documents
            );
            self.say(&said);
            // Ids of totals are names of branches, so this is a usual way to have them written anew.
            if self.deletion.one_in(3) {
                self.delete_totals();
            }
        }
        // Another number after a restart.
        let appliers = self.appliers.between(1, 4);
        self.say(&format!("partitions are applied in {appliers} lanes"));
        self.circumstances.appliers = appliers;
        let state = self.state_dir();
        let text = self.circumstances.configuration(&state.to_string_lossy());
        fs::write(self.file(), text).unwrap();
    }

    fn delete_totals(&mut self) {
        let mut state = self.outside.state();
        let indexes = state.search.alias_targets("payments-totals");
        for index in &indexes {
            state.delete_index(index);
        }
        drop(state);
        self.say(&format!("the operator deletes the totals: {indexes:?}"));
    }

    fn in_a_runtime<'a, T>(
        &'a mut self,
        work: impl FnOnce(&'a mut Self) -> std::pin::Pin<Box<dyn Future<Output = T> + 'a>>,
    ) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (topic, seed) = (Arc::clone(&self.topic), self.chance.fork());
        let seed = Mutex::new(seed);
        connect_by(Some(Arc::new(move |config| {
            let chance = seed.lock().unwrap().fork();
            let client = Client::connect(&topic, config, chance)?;
            Ok(Box::new(client) as Box<SimulatedClient>)
        })));
        simulation::enter(Some(Arc::new(self.outside.clone())));
        let outcome = runtime.block_on(work(self));
        drop(runtime);
        Self::leave();
        outcome
    }

    async fn live(&mut self, is_last: bool) -> Result<End, String> {
        self.began = Some(Instant::now());
        simulation::set_wall_clock(Duration::from_millis(self.wall as u64));
        self.say("the process starts");
        let mut service = Some(Service::start(&self.file()));
        let mut copy = self.copied().map(|file| Service::start(&file));
        let mut command: Option<Command> = None;
        for _ in 0..self.circumstances.steps {
            self.step(&mut command).await?;
            self.check_publication()?;
            if self.outside.state().is_killed {
                self.say("killed at a write");
                return Ok(End::Killed);
            }
            if service.as_ref().is_some_and(Service::has_ended)
                && let Some(ended) = service.take()
            {
                let said = ended.stop().await;
                self.say(&format!("the process has ended: {said:?}"));
                self.explain(said)?;
                let rest = self.chance.up_to(3_000);
                sleep(Duration::from_millis(rest)).await;
                service = Some(Service::start(&self.file()));
            }
            if let Some(served) = service.as_ref().and_then(Service::served)
                && self.chance.one_in(3)
            {
                self.check(&served)?;
            }
        }
        if is_last {
            return self.finish(service, copy, command).await;
        }
        let end = self.chosen_end();
        if end == End::Stopped {
            if let Some(service) = service.take() {
                let said = service.stop().await;
                self.say(&format!("stopped: {said:?}"));
                self.explain(said)?;
            }
            if let Some(copy) = copy.take() {
                self.explain(copy.stop().await)?;
            }
        }
        Ok(end)
    }

    // A copy of the state, with a configuration of its own, for a second service.
    fn copied(&mut self) -> Option<PathBuf> {
        let wanted = self.circumstances.has(Fault::Copies)
            && !self.circumstances.has(Fault::Replays)
            && self.state_dir().exists()
            && self.chance.one_in(2);
        if !wanted {
            return None;
        }
        let (to, file) = (self.dir.join("copy"), self.dir.join("copy.toml"));
        let _ = fs::remove_dir_all(&to);
        copy(&self.state_dir(), &to);
        let text = self.circumstances.configuration(&to.to_string_lossy());
        fs::write(&file, text).unwrap();
        self.say("a second service runs on a copy of the state");
        self.may_be_behind = true;
        self.had_copy = true;
        Some(file)
    }

    fn chosen_end(&mut self) -> End {
        let mut ends = vec![End::Stopped];
        if self.circumstances.has(Fault::Kills) {
            ends.push(End::Killed);
        }
        if self.circumstances.has(Fault::PowerFailure) {
            ends.push(End::PowerFailure);
        }
        self.chance.of(&ends)
    }

    fn check(&mut self, served: &Served) -> Result<(), String> {
        let topic = self.topic.lock().unwrap();
        let log = self.former.as_deref().unwrap_or(&topic.partitions);
        let positions = judge::check_checkpoint(served, log, self.circumstances.rules.duplicates)?;
        drop(topic);
        if self.chance.one_in(2) {
            let windows = &self.circumstances.rules.windows;
            self.follower.listen(&served.router, windows)?;
        }
        let begun = positions.into_iter().filter(|(_, position)| *position > 0);
        self.begun.extend(begun.map(|(partition, _)| partition));
        Ok(())
    }

    // What a service or a command says at its end must follow from a fault.
    fn explain<T>(&self, said: Result<T, String>) -> Result<(), String> {
        let Err(error) = said else { return Ok(()) };
        // A branch whose name was another's gets its total a minute later.
        let is_exchanged = self.named.values().any(|branches| branches.len() > 1);
        let waits_for_name = is_exchanged && error.contains(excuse::NOT_SHOWN_YET);
        let is_explained =
            waits_for_name || excuse::is_one(&error, |fault| self.circumstances.has(fault));
        let words = || format!("no fault explains this end: {error}");
        is_explained.then_some(()).ok_or_else(words)
    }

    fn check_publication(&self) -> Result<(), String> {
        let state = self.outside.state();
        state
            .publication
            .found()
            .map_or(Ok(()), |found| Err(found.to_owned()))
    }

    fn now(&self) -> i64 {
        let since = self.began.map_or(Duration::ZERO, |began| began.elapsed());
        self.wall + since.as_millis() as i64
    }

    fn say(&mut self, what: &str) {
        let at = self.now() - START;
        let line = format!("{}.{at:>8} {what}", self.life);
        let line = line.replace(&*self.dir.to_string_lossy(), "DIR");
        if self.is_shown {
            println!("{line}");
        }
        self.trace.push(line);
    }

    fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }

    fn file(&self) -> PathBuf {
        self.dir.join("tidegauge.toml")
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
