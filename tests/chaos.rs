//! The real service between a real broker and a real Elasticsearch, with faults of the network, of the disk and of the
//! servers, killed again and again while payments come. Whenever it is left alone, every figure and every document is
//! what an independent computation says.
//!
//! A short run attacks once with each kind of attack. `TIDEGAUGE_CHAOS_MINUTES` and `TIDEGAUGE_CHAOS_KILLS` ask for a
//! long one, and `TIDEGAUGE_CHAOS_SEED` for the attacks of an earlier one: `make chaos`.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(
    clippy::print_stderr,
    reason = "a failure at a random point must say which"
)]

mod attack;
#[cfg(feature = "simulation")]
mod crash;
mod judge;
mod life;
mod network;
mod producer;
mod servers;
mod supervisor;
mod timeline;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::attack::Deck;
use self::life::Life;
use self::servers::Servers;
use self::timeline::Timeline;
use crate::support::lab::Moment;

/// After so many attacks the service is left alone and judged.
const PHASE: usize = 8;

/// So many phases see one topic.
const LIFE: usize = 4;

/// What a run is to be, from the environment.
struct Plan {
    seed: u64,
    /// How long attacks go on; without this it is one round.
    time: Option<Duration>,
    /// How often the service is killed at least.
    kills: Option<u64>,
}

impl Plan {
    fn asked() -> Self {
        let number = |name: &str| {
            let text = std::env::var(format!("TIDEGAUGE_CHAOS_{name}")).ok();
            let text = text.filter(|text| !text.is_empty())?;
            Some(
                text.parse::<u64>()
                    .unwrap_or_else(|error| panic!("TIDEGAUGE_CHAOS_{name}: {error}")),
            )
        };
        Self {
            seed: number("SEED").unwrap_or_else(|| fastrand::u64(..)),
            time: number("MINUTES").map(|minutes| Duration::from_secs(60 * minutes)),
            kills: number("KILLS"),
        }
    }

    fn is_long(&self) -> bool {
        self.time.is_some() || self.kills.is_some()
    }
}

// What is asked for, the servers and an empty timeline; `None` where there are no servers.
fn begin() -> Option<(Plan, Servers, Arc<Timeline>)> {
    let plan = Plan::asked();
    let servers = Servers::start()?;
    eprintln!("TIDEGAUGE_CHAOS_SEED={}", plan.seed);
    let timeline = Arc::new(Timeline::new(plan.is_long()));
    Some((plan, servers, timeline))
}

#[test]
fn attacked_at_random_all_figures_and_documents_are_right_whenever_it_is_left_alone() {
    let Some((plan, mut servers, timeline)) = begin() else {
        return;
    };
    let mut deck = Deck::of_all(plan.seed);
    let begun = Instant::now();
    let mut kills = 0;
    for number in 0.. {
        let mut life = Life::begin(&mut servers, plan.seed.wrapping_add(number), &timeline);
        let phases = if plan.is_long() {
            LIFE
        } else {
            deck.round().div_ceil(PHASE)
        };
        for _ in 0..phases {
            life.phase(&mut deck, PHASE);
        }
        kills += life.end();
        if plan.time.is_none_or(|time| begun.elapsed() >= time) {
            break;
        }
    }
    // What is still to be killed is killed under load.
    let wanted = plan.kills.unwrap_or_default();
    let mut deck = Deck::of_kills(plan.seed);
    while kills < wanted {
        let mut life = Life::begin(&mut servers, plan.seed ^ kills, &timeline);
        for _ in 0..LIFE {
            life.phase(&mut deck, 3 * PHASE);
        }
        kills += life.end();
    }
    eprintln!(
        "{kills} kills in {:.0} s, and no figure was wrong",
        begun.elapsed().as_secs_f64()
    );
}

#[test]
fn attacked_while_its_topic_is_recreated_it_applies_no_record_of_the_new_one() {
    let Some((plan, mut servers, timeline)) = begin() else {
        return;
    };
    let mut deck = Deck::of_interruptions(plan.seed);
    let mut life = Life::begin(&mut servers, plan.seed, &timeline);
    life.phase(&mut deck, PHASE);
    life.recreate_topic(&mut deck, PHASE);
    life.end();
}

/// The next life must not take the new index for one that has all its documents.
#[test]
fn killed_while_it_makes_a_lost_index_again_it_still_fills_it() {
    let Some(mut servers) = Servers::start() else {
        return;
    };
    let timeline = Arc::new(Timeline::new(false));
    let mut life = Life::begin(&mut servers, 1, &timeline);
    life.read_some();
    for moment in [Moment::Done, Moment::Answered] {
        life.lose_index(moment);
        life.judge();
    }
    life.end();
}

#[cfg(feature = "simulation")]
#[test]
#[ignore = "takes about six minutes: make chaos runs it"]
fn killed_between_any_two_steps_it_ends_with_the_right_figures() {
    let plan = Plan::asked();
    let Some(mut servers) = Servers::start() else {
        return;
    };
    eprintln!("TIDEGAUGE_CHAOS_SEED={}", plan.seed);
    let mut random = fastrand::Rng::with_seed(plan.seed);
    let timeline = Arc::new(Timeline::new(plan.is_long()));
    let mut life = Life::begin(&mut servers, plan.seed, &timeline);
    // A replay has something to compare.
    life.read_some();
    let mut crashes: Vec<_> = crash::POINTS
        .iter()
        .flat_map(|(point, ways)| ways.iter().map(|way| (*point, *way)))
        .collect();
    random.shuffle(&mut crashes);
    for some in crashes.chunks(PHASE) {
        life.producer.resume();
        for (point, way) in some {
            // What a service does all the time is passed a few times before.
            let is_frequent = ["checkpoint", "acknowledgement", "sync", "bulk"]
                .iter()
                .any(|what| point.starts_with(what));
            let most = if *way == crash::Way::Service && is_frequent {
                3
            } else {
                1
            };
            life.crash(point, *way, random.u32(..most));
        }
        life.judge();
    }
    life.end();
}

#[test]
fn the_same_seed_gives_the_same_attacks() {
    let drawn = |seed| {
        let mut deck = Deck::of_all(seed);
        let draws = (0..3 * deck.round()).map(|_| deck.draw());
        draws.collect::<Vec<_>>()
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}
