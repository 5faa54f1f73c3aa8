//! What a seed decides at its start: how much there is, and what may go wrong.

use std::collections::BTreeSet;

use super::chance::Chance;
use crate::support::oracle::{Rules, WINDOWS};

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
    /// Whether brokers give records their timestamps.
    pub by_append: bool,
    pub bulk_actions: u64,
    pub bulk_in_flight: u64,
}

impl Circumstances {
    pub fn of(chance: &mut Chance) -> Self {
        // Some runs have few faults, some many.
        let rarity = chance.of(&[2, 3, 4, 8]);
        let faults = Fault::ALL
            .into_iter()
            .filter(|_| chance.one_in(rarity))
            .collect();
        let mut windows: Vec<&'static str> =
            WINDOWS.into_iter().filter(|_| chance.one_in(2)).collect();
        if windows.is_empty() {
            windows.push(chance.of(&WINDOWS));
        }
        let (mut branches, mut pace) = (chance.size(12), chance.of(&[1, 300, 3_000, 20_000]));
        let mut zero_windows = chance.one_in(2);
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
            _ => {}
        }
        Self {
            faults,
            partitions: chance.size(6) as usize,
            branches,
            lives,
            steps,
            burst,
            pace,
            rules: Rules {
                windows,
                zero_windows,
            },
            by_append: chance.one_in(3),
            bulk_actions: chance.of(&[1, 3, 20, 5_000]),
            bulk_in_flight: chance.of(&[1, 2, 4]),
        }
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// The configuration file for a state in `state_dir`.
    pub fn configuration(&self, state_dir: &str) -> String {
        let mut text = format!(
            "state_dir = \"{state_dir}\"\n\
             [kafka]\nbrokers = \"127.0.0.1:1\"\nstart = \"earliest\"\ngroup_id = \"\"\n\
             [event_time]\nidle_after = \"1s\"\nquiet_after = \"3650d\"\nzero_windows = {}\n\
             retention = \"3650d\"\n\
             [elasticsearch]\nurl = \"http://127.0.0.1:9200\"\n\
             [elasticsearch.bulk]\nmax_actions = {}\nmax_in_flight = {}\n",
            self.rules.zero_windows, self.bulk_actions, self.bulk_in_flight
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
        text
    }
}
