//! When each payment is to be sent, and where it will stand.

use std::time::{Duration, Instant};

use crate::Arguments;

/// At most so many payments a second are looked at one by one.
const SAMPLES: u64 = 97;

/// At most so many payments a second are looked for in Elasticsearch: looking costs it something.
const DOCUMENTS: u64 = 4;

/// How long a burst lasts.
const BURST: Duration = Duration::from_millis(200);

/// The least pause between two bursts, and by how much at most it is longer.
const PAUSE: Duration = Duration::from_millis(800);

const LONGER: Duration = Duration::from_millis(400);

/// When payments are sent, and where each will stand.
pub(crate) struct Schedule {
    pub(crate) began: Instant,
    /// When each payment is to be sent, from the beginning on.
    pub(crate) due: Vec<Duration>,
    /// Where the first payment of each partition will stand.
    pub(crate) base: Vec<i64>,
    /// The payments that observers look at.
    pub(crate) samples: Vec<Sample>,
}

/// A payment that observers look at.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) number: u64,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One of the steady stream; whether it is looked for in Elasticsearch too.
    Steady { document: bool },
    /// The first after a pause.
    First,
    /// Sent while everything warms up.
    WarmUp,
}

impl Schedule {
    pub(crate) fn new(arguments: &Arguments, base: Vec<i64>) -> Self {
        let rate = arguments.rate.max(1);
        let pace = |number: u64| Duration::from_nanos(number * 1_000_000_000 / rate);
        let warm_up = rate * arguments.warm_up;
        let steady = warm_up + rate * arguments.seconds;
        let mut due: Vec<Duration> = (0..steady).map(pace).collect();
        // Odd, so that the partitions take turns.
        let apart = |most: u64| (rate / most).max(1) | 1;
        let document = apart(DOCUMENTS).div_ceil(apart(SAMPLES)).max(1);
        let mut samples: Vec<Sample> = (0..steady)
            .step_by(usize::try_from(apart(SAMPLES)).unwrap_or(usize::MAX))
            .enumerate()
            .map(|(index, number)| Sample {
                number,
                kind: if number < warm_up {
                    Kind::WarmUp
                } else {
                    let document = (index as u64).is_multiple_of(document);
                    Kind::Steady { document }
                },
            })
            .collect();
        let mut random = fastrand::Rng::with_seed(8);
        let mut start = pace(steady) + Duration::from_secs(1);
        for _ in 0..arguments.bursts {
            samples.push(Sample {
                number: due.len() as u64,
                kind: Kind::First,
            });
            let payments = (rate * BURST.as_millis() as u64 / 1_000).max(1);
            due.extend((0..payments).map(|number| start + pace(number)));
            start += BURST + PAUSE + LONGER.mul_f64(random.f64());
        }
        Self {
            began: Instant::now() + Duration::from_secs(1),
            due,
            base,
            samples,
        }
    }

    pub(crate) fn moment(&self, number: u64) -> Instant {
        self.began + self.due[number as usize]
    }

    pub(crate) fn partition(&self, number: u64) -> usize {
        number as usize % self.base.len()
    }

    pub(crate) fn offset(&self, number: u64) -> i64 {
        let partitions = self.base.len() as u64;
        self.base[self.partition(number)] + (number / partitions) as i64
    }

    /// The samples of each partition, in their order.
    pub(crate) fn by_partition(&self) -> Vec<std::vec::IntoIter<Sample>> {
        (0..self.base.len())
            .map(|partition| {
                let of = |sample: &&Sample| self.partition(sample.number) == partition;
                let samples: Vec<Sample> = self.samples.iter().filter(of).copied().collect();
                samples.into_iter()
            })
            .collect()
    }
}
