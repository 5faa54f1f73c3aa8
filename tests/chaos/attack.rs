//! What is done to a service, chosen by a seed alone: nothing that happens changes what comes next.

use std::time::Duration;

use fastrand::Rng;

use super::servers::Server;
use crate::support::lab::{Direction, Fault, Moment};

/// One of them. Times are in ms.
#[derive(Debug, Clone, PartialEq)]
pub enum Attack {
    /// SIGKILL, and another start.
    Kill,
    /// SIGKILL, and again so soon after the start.
    KillWhileStarting { after: u64 },
    /// SIGKILL at the moment when a request has come so far, after so many of its like.
    KillAtRequest {
        request: &'static str,
        moment: Moment,
        further: u32,
    },
    /// SIGKILL where the program itself says that it is.
    #[cfg(feature = "simulation")]
    KillAtPoint { point: &'static str, passes: u32 },
    /// SIGSTOP and SIGCONT.
    Freeze { time: u64 },
    /// SIGTERM, and another start.
    Terminate,
    /// A fault of the network for a while.
    Network {
        server: Server,
        fault: Fault,
        time: u64,
    },
    /// All connections are reset.
    Reset { server: Server },
    /// A server stops, in order or by SIGKILL, and starts again.
    Restart { server: Server, in_order: bool },
    /// Every file is full at so many KiB for a while.
    FillDisk { kib: u64, time: u64 },
    /// All indexes are blocked for a while.
    BlockIndexes { block: &'static str, time: u64 },
    /// A template of somebody else takes the place of one of ours for a while.
    ReplaceTemplate { time: u64 },
    /// An index is deleted. Which one: by its place in the list.
    DeleteIndex { which: usize },
    /// An index loses an alias.
    DeleteAlias { which: usize },
    /// The topic has one more partition.
    GrowTopic,
    /// A second service works for a while on a copy of the state.
    SecondInstance { time: u64 },
    /// Another generation is built and made the live one, or the command is killed so soon.
    Replay { killed_after: Option<u64> },
    /// A backup is made, or the command is killed so soon.
    Backup { killed_after: Option<u64> },
}

/// How an attack is chosen.
type Draw = fn(&mut Rng) -> Attack;

/// Each kind once: all of them come before one comes again.
const KINDS: &[Draw] = &[
    |_| Attack::Kill,
    kill_while_starting,
    kill_at_bulk,
    kill_at_bulk,
    kill_at_setup,
    #[cfg(feature = "simulation")]
    kill_at_point,
    #[cfg(feature = "simulation")]
    kill_at_point,
    |random| Attack::Freeze {
        time: random.u64(50..3_000),
    },
    |_| Attack::Terminate,
    |random| network(random, Server::Kafka),
    |random| network(random, Server::Kafka),
    |random| network(random, Server::Elasticsearch),
    |random| network(random, Server::Elasticsearch),
    |random| Attack::Reset {
        server: one_of(random, &[Server::Kafka, Server::Elasticsearch]),
    },
    |random| Attack::Restart {
        server: Server::Kafka,
        in_order: random.bool(),
    },
    |random| Attack::Restart {
        server: Server::Elasticsearch,
        in_order: random.bool(),
    },
    |random| Attack::FillDisk {
        kib: random.u64(32..400),
        time: random.u64(500..3_000),
    },
    |random| Attack::BlockIndexes {
        block: one_of(random, &["write", "read_only_allow_delete"]),
        time: random.u64(200..3_000),
    },
    |random| Attack::ReplaceTemplate {
        time: random.u64(200..3_000),
    },
    |random| Attack::DeleteIndex {
        which: random.usize(..100),
    },
    |random| Attack::DeleteAlias {
        which: random.usize(..100),
    },
    |_| Attack::GrowTopic,
    |random| Attack::SecondInstance {
        time: random.u64(500..5_000),
    },
    |random| Attack::Replay {
        killed_after: random.bool().then(|| random.u64(..2_000)),
    },
    |random| Attack::Backup {
        killed_after: random.bool().then(|| random.u64(..100)),
    },
];

/// Only what comes between the service and a broker.
const INTERRUPTIONS: &[Draw] = &[
    |_| Attack::Kill,
    kill_while_starting,
    |random| Attack::Freeze {
        time: random.u64(50..1_000),
    },
    |_| Attack::Terminate,
    |random| network(random, Server::Kafka),
    |_| Attack::Reset {
        server: Server::Kafka,
    },
    |random| Attack::Restart {
        server: Server::Kafka,
        in_order: random.bool(),
    },
];

/// Only what kills the service, for a run that is to kill often.
const KILLS: &[Draw] = &[
    |_| Attack::Kill,
    |_| Attack::Kill,
    |_| Attack::Kill,
    kill_while_starting,
    kill_at_bulk,
    kill_at_bulk,
    #[cfg(feature = "simulation")]
    kill_at_point,
];

/// Chooses attacks, one after the other.
pub struct Deck {
    random: Rng,
    kinds: &'static [Draw],
    left: Vec<Draw>,
}

impl Deck {
    /// Of every kind.
    pub fn of_all(seed: u64) -> Self {
        Self::of(KINDS, seed)
    }

    /// Of those that kill.
    pub fn of_kills(seed: u64) -> Self {
        Self::of(KILLS, seed)
    }

    /// Of those that come between the service and a broker.
    pub fn of_interruptions(seed: u64) -> Self {
        Self::of(INTERRUPTIONS, seed)
    }

    fn of(kinds: &'static [Draw], seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            kinds,
            left: Vec::new(),
        }
    }

    /// How many there are before a kind comes again.
    pub fn round(&self) -> usize {
        self.kinds.len()
    }

    /// The next one, and how long nothing else is done after it has begun.
    pub fn draw(&mut self) -> (Attack, Duration) {
        if self.left.is_empty() {
            self.left = self.kinds.to_vec();
            self.random.shuffle(&mut self.left);
        }
        let draw = self.left.pop().unwrap();
        let attack = draw(&mut self.random);
        let longest = if self.random.u8(..4) == 0 { 2_500 } else { 700 };
        (attack, Duration::from_millis(self.random.u64(50..longest)))
    }
}

fn kill_while_starting(random: &mut Rng) -> Attack {
    Attack::KillWhileStarting {
        after: random.u64(..400),
    }
}

fn kill_at_bulk(random: &mut Rng) -> Attack {
    kill_at(random, &["POST /_bulk"], 6)
}

/// What is asked when a service starts, and when an index is new.
fn kill_at_setup(random: &mut Rng) -> Attack {
    kill_at(random, &["PUT /", "POST /_aliases", "GET /"], 3)
}

fn kill_at(random: &mut Rng, requests: &[&'static str], most: u32) -> Attack {
    let moments = [
        Moment::Sent,
        Moment::Halfway,
        Moment::Done,
        Moment::Answered,
    ];
    Attack::KillAtRequest {
        request: one_of(random, requests),
        moment: one_of(random, &moments),
        further: random.u32(..most),
    }
}

#[cfg(feature = "simulation")]
fn kill_at_point(random: &mut Rng) -> Attack {
    Attack::KillAtPoint {
        point: one_of(random, &super::crash::of_a_service()),
        passes: random.u32(..5),
    }
}

fn network(random: &mut Rng, server: Server) -> Attack {
    let way = one_of(random, &[Direction::Request, Direction::Answer]);
    let faults = [
        Fault::Closed,
        Fault::Delay(Duration::from_millis(random.u64(20..500))),
        Fault::Rate(random.u32(5_000..500_000)),
        Fault::HalfOpen(way),
        Fault::Blackhole,
        Fault::Truncate(random.usize(..5_000)),
    ];
    Attack::Network {
        server,
        fault: one_of(random, &faults),
        time: random.u64(200..5_000),
    }
}

fn one_of<T: Copy>(random: &mut Rng, of: &[T]) -> T {
    of[random.usize(..of.len())]
}
