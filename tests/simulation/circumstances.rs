//! What a seed decides at its start: how much there is, and what may go wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::chance::Chance;
use crate::support::oracle::{Horizon, Rules, WINDOWS};

/// What may go wrong, or be done, in one run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    // The log.
    Gaps,
    Transactions,
    Trims,
    Growth,
    Recreation,
    Brokers,
    Leaders,
    Silence,
    // What is in it.
    Clocks,
    Disorder,
    Garbage,
    Jumps,
    // The disk.
    DiskFull,
    DiskBroken,
    PowerFailure,
    // The search server.
    SearchAway,
    SearchSlow,
    SearchErrors,
    SearchItems,
    SearchGarbage,
    SearchRepeats,
    SearchDeleted,
    SearchRestored,
    SearchBlocked,
    SearchSmall,
    // Operators.
    Kills,
    Replays,
    Rollbacks,
    Copies,
}

impl Fault {
    pub const ALL: [Self; 29] = [
        Self::Gaps,
        Self::Transactions,
        Self::Trims,
        Self::Growth,
        Self::Recreation,
        Self::Brokers,
        Self::Leaders,
        Self::Silence,
        Self::Clocks,
        Self::Disorder,
        Self::Garbage,
        Self::Jumps,
        Self::DiskFull,
        Self::DiskBroken,
        Self::PowerFailure,
        Self::SearchAway,
        Self::SearchSlow,
        Self::SearchErrors,
        Self::SearchItems,
        Self::SearchGarbage,
        Self::SearchRepeats,
        Self::SearchDeleted,
        Self::SearchRestored,
        Self::SearchBlocked,
        Self::SearchSmall,
        Self::Kills,
        Self::Replays,
        Self::Rollbacks,
        Self::Copies,
    ];
}

/// Names of branches. One is a path, and one looks like a document of a window.
const NAMES: [&str; 5] = ["Mitte", "Nord/Süd", "Ost 7", "3@0-60000", "W"];

const DAY: i64 = 86_400_000;

/// Ten years, in seconds.
const NEVER_QUIET: u64 = 315_360_000;

/// Faults that need windows which retention has deleted, or which make it depend on chance which those are.
const NOT_WITH_RETENTION: [Fault; 7] = [
    Fault::Growth,
    Fault::Recreation,
    Fault::SearchDeleted,
    Fault::SearchRestored,
    Fault::Replays,
    Fault::Rollbacks,
    Fault::Copies,
];

/// With these, a generation may be shown that lacks documents: those that the search server refuses are not waited for
/// (`HANDOVER_PATIENCE`), and what a power failure took from the state is not known any more.
const LACKING: [Fault; 6] = [
    Fault::SearchItems,
    Fault::SearchBlocked,
    Fault::SearchErrors,
    Fault::SearchGarbage,
    Fault::SearchSmall,
    Fault::PowerFailure,
];

/// The circumstances of one run.
#[derive(Clone, Debug)]
pub struct Circumstances {
    pub faults: BTreeSet<Fault>,
    pub partitions: usize,
    pub branches: u64,
    /// How often the process starts.
    pub lives: u64,
    /// How much happens in one life.
    pub steps: u64,
    /// How many payments come at once, at most.
    pub burst: u64,
    /// How far event time goes from one payment to the next, at most, in ms.
    pub pace: u64,
    pub rules: Rules,
    /// How long windows are kept, in ms, if they become older than that.
    pub retention: Option<i64>,
    /// Whether brokers give records their timestamps.
    pub by_append: bool,
    /// In how many lanes partitions are applied, in this life.
    pub appliers: i64,
    pub bulk_actions: u64,
    pub bulk_in_flight: u64,
    /// The names of branches that have one, in this life.
    pub names: BTreeMap<u32, &'static str>,
    /// Whether windows without payments have documents, in this life.
    pub zero_documents: bool,
    /// After how many seconds of silence windows that have ended are final, if they ever are by the wall clock.
    pub quiet_after: Option<u64>,
}

impl Circumstances {
    pub fn of(chance: &mut Chance) -> Self {
        // Some runs have few faults, some many.
        let rarity = chance.of(&[2, 3, 4, 8]);
        let mut faults: BTreeSet<Fault> = Fault::ALL
            .into_iter()
            .filter(|_| chance.one_in(rarity))
            .collect();
        let mut windows: Vec<&'static str> =
            WINDOWS.into_iter().filter(|_| chance.one_in(2)).collect();
        if windows.is_empty() {
            windows.push(chance.of(&WINDOWS));
        }
        let (mut branches, mut pace) = (chance.size(12), chance.of(&[1, 300, 3_000, 20_000]));
        let (mut zero_windows, mut retention) = (chance.one_in(2), None);
        let (mut lives, mut steps, mut burst) = (chance.size(6), chance.size(24), chance.size(30));
        match chance.up_to(39) {
            // A year of history.
            0 => {
                pace = 86_400_000;
                zero_windows = false;
                burst = 60;
                steps = steps.min(8);
                lives = lives.min(2);
            }
            // Thousands of branches.
            1 => {
                branches = chance.size(5_000);
                zero_windows = false;
                burst = 200;
                pace = pace.min(3_000);
                steps = steps.min(8);
                lives = lives.min(2);
            }
            // Windows become past retention.
            2..=4 => {
                pace = chance.of(&[3_600_000, 21_600_000, 86_400_000]);
                zero_windows = false;
                burst = burst.min(20);
                retention = Some(4 * DAY);
                faults.retain(|fault| !NOT_WITH_RETENTION.contains(fault));
            }
            _ => {}
        }
        let partitions = chance.size(6) as usize;
        Self {
            faults,
            // With several, it would depend on the order in which they are read.
            partitions: retention.map_or(partitions, |_| 1),
            retention,
            branches,
            lives,
            steps,
            burst,
            pace,
            rules: Rules {
                windows,
                zero_windows,
                configured: Vec::new(),
                duplicates: None,
            },
            by_append: chance.one_in(3),
            appliers: 1,
            bulk_actions: chance.of(&[1, 3, 20, 5_000]),
            bulk_in_flight: chance.of(&[1, 2, 4]),
            names: BTreeMap::new(),
            zero_documents: false,
            quiet_after: None,
        }
    }

    /// Whether silence makes windows final, and after how long.
    pub fn decide_quiet(&mut self, chance: &mut Chance) {
        if chance.one_in(5) {
            self.quiet_after = Some(chance.of(&[0, 2, 10, 60]));
        }
    }

    /// Whether payments are compared by their order ids, and within which horizon.
    pub fn decide_duplicates(&mut self, chance: &mut Chance) {
        if chance.one_in(5) {
            self.rules.duplicates = Some(Horizon {
                within: chance.of(&[1_000, 60_000, 3_600_000, 2 * DAY]),
                max_ids: chance.of(&[2, 40, 20_000_000]),
            });
        }
    }

    /// The operator changes the configuration: names of branches, and how documents are sent.
    pub fn reconfigure(&mut self, chance: &mut Chance) {
        self.bulk_actions = chance.of(&[1, 3, 20, 5_000]);
        self.bulk_in_flight = chance.of(&[1, 2, 4]);
        self.zero_documents = self.rules.zero_windows && chance.one_in(6);
        // Everything is delivered again: one by one, that takes most of the time of all seeds.
        if self.zero_documents || self.branches > 100 {
            self.bulk_actions = self.bulk_actions.max(20);
        }
        let mut names = NAMES;
        chance.shuffle(&mut names);
        // Some keep the name that they have without one.
        let named = (0..).zip(names).filter(|_| !chance.one_in(3));
        self.names = named.collect();
        self.rules.configured = self.names.keys().copied().collect();
    }

    /// The name of a branch in this life.
    pub fn name(&self, branch: u32) -> String {
        match self.names.get(&branch) {
            Some(name) => (*name).into(),
            None => format!("Branch_{branch}"),
        }
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Whether readers may never see less of a document when the public aliases move.
    pub fn shows_all_at_a_swap(&self) -> bool {
        !LACKING.iter().any(|fault| self.has(*fault))
    }

    /// The configuration file for a state in `state_dir`.
    pub fn configuration(&self, state_dir: &str) -> String {
        let mut text = format!(
            "state_dir = \"{state_dir}\"\n\
             [kafka]\nbrokers = \"127.0.0.1:1\"\nstart = \"earliest\"\ngroup_id = \"\"\nappliers = {}\n\
             [event_time]\nidle_after = \"1s\"\nquiet_after = \"{}s\"\nzero_windows = {}\n\
             retention = \"{}d\"\n\
             [elasticsearch]\nurl = \"http://127.0.0.1:9200\"\nzero_windows = {}\n\
             [elasticsearch.bulk]\nmax_actions = {}\nmax_in_flight = {}\n",
            self.appliers,
            self.quiet_after.unwrap_or(NEVER_QUIET),
            self.rules.zero_windows,
            self.retention.map_or(3_650, |retention| retention / DAY),
            self.zero_documents,
            self.bulk_actions,
            self.bulk_in_flight
        );
        for name in &self.rules.windows {
            let window = match *name {
                "1m" => "size = \"1m\"",
                "10m-by-1m" => "size = \"10m\"\nslide = \"1m\"",
                "1h" => "size = \"1h\"",
                _ => "size = \"1d\"\nstep = \"1h\"\ntime_zone = \"Asia/Shanghai\"",
            };
            text += &format!("[[window]]\nname = \"{name}\"\n{window}\n");
        }
        if let Some(Horizon { within, max_ids }) = self.rules.duplicates {
            text += &format!(
                "[dedup]\nby = \"order_id\"\nwithin = \"{within}ms\"\nmax_ids = {max_ids}\n"
            );
        }
        text += "[branches]\n";
        for (branch, name) in &self.names {
            text += &format!("{branch} = \"{name}\"\n");
        }
        text
    }
}
