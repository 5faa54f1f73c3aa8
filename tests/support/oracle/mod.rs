//! An independent batch computation over a topic: two naive passes, none of the project's code.
//!
//! It knows the default windows and rules only: 1 m, 10 m by 1 m, 1 h, and the day in Shanghai hour
//! by hour; 5 s of disorder, one day of lateness, 5 minutes of future. Some of the windows may be left
//! out, and those without payments.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod payment;
mod repeated;

use std::collections::{BTreeMap, BTreeSet};

pub use self::payment::Payment;
use self::payment::decode;
use self::repeated::Counted;
pub use self::repeated::Horizon;

/// A record as Kafka holds it.
#[derive(Clone, Debug)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    pub timestamp: i64,
    pub value: Option<Vec<u8>>,
}

/// What the figures must be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// Whether windows may be final because of the first payment of a partition that nothing agreed with: it
    /// counts until another one comes, and what is final stays so.
    pub may_be_final_early: bool,
    pub consumed: u64,
    /// Count and exact sum (10^-18) by entry name.
    pub ledger: BTreeMap<&'static str, (u64, i128)>,
    pub totals: BTreeMap<u32, Total>,
    pub windows: BTreeMap<Key, Figure>,
    /// Payments in no window, by partition and offset.
    pub late: BTreeMap<(i32, i64), Listed>,
    /// What is not a payment, by partition and offset.
    pub rejected: BTreeMap<(i32, i64), Listed>,
    /// The highest watermark of any moment.
    pub reached: i64,
    /// The amounts of all payments that are in windows.
    amounts: Vec<i128>,
}

/// A record that is in one of the two lists.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub timestamp: i64,
    /// The entry that a payment in no window is booked under, or the rule that another record breaks.
    pub reason: &'static str,
    pub value: Vec<u8>,
    pub payment: Option<Payment>,
    /// The watermark of the partition before it.
    pub watermark: Option<i64>,
}

/// A window of a branch: name, start, branch, end.
pub type Key = (&'static str, i64, u32, i64);

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Total {
    pub count: u64,
    pub sum: i128,
    pub first: i64,
    pub last: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    pub count: u64,
    pub sum: i128,
    /// Which of all the amounts are in it.
    payments: Vec<u32>,
    pub late_count: u64,
    pub late_sum: i128,
    pub is_final: bool,
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

pub const WINDOWS: [&str; 4] = ["1m", "10m-by-1m", "1h", "day"];

/// The time of a partition: what is believed, and the payments more than a day ahead of it.
#[derive(Default)]
struct Time {
    believed: Option<i64>,
    ahead: Vec<(i64, u32)>,
    branches: BTreeSet<u32>,
}

impl Time {
    fn top(&self) -> Option<i64> {
        let times = self.ahead.iter().map(|(time, _)| *time);
        times.reduce(|top, next| {
            if next <= top + DAY {
                top.max(next)
            } else {
                top
            }
        })
    }

    fn is_late(&self, time: i64) -> bool {
        let agreed = self.top().filter(|top| time >= top - DAY);
        let highest = agreed.or(self.believed);
        highest.is_some_and(|highest| time < highest - 5 * SECOND)
    }

    fn add(&mut self, time: i64, branch: u32) {
        if self
            .believed
            .is_some_and(|believed| time < believed - 5 * SECOND)
        {
            return;
        }
        self.branches.insert(branch);
        if self.top().is_some_and(|top| time < top - DAY) {
            self.ahead.clear();
        }
        if let Some(believed) = self.believed.filter(|believed| time <= believed + DAY) {
            let believed = believed.max(time);
            let near = self.top().filter(|top| *top <= believed + DAY);
            self.ahead.retain(|_| near.is_none());
            self.believed = near.or(Some(believed)).max(Some(believed));
            return;
        }
        let before = self.top();
        self.ahead.push((time, branch));
        let of: BTreeSet<u32> = self.ahead.iter().map(|(_, branch)| *branch).collect();
        let further = self.ahead.len() - 1;
        let needed = match (self.believed, of.len() > 1 || self.branches.len() == 1) {
            (_, false) => 16,
            (None, true) => 1,
            (Some(_), true) => 2,
        };
        if further >= needed {
            self.believed = self.top();
            self.ahead.clear();
            if before.is_some_and(|before| time > before + DAY) {
                self.ahead.push((time, branch));
            }
        }
    }
}

/// Which of the default windows there are.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Their names, out of [`WINDOWS`].
    pub windows: Vec<&'static str>,
    /// Whether known branches have final windows without payments.
    pub zero_windows: bool,
    /// The branches that are known without a payment.
    pub configured: Vec<u32>,
    /// When a payment repeats another, if they are compared.
    pub duplicates: Option<Horizon>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            windows: WINDOWS.to_vec(),
            zero_windows: true,
            configured: Vec::new(),
            duplicates: None,
        }
    }
}

/// Computes all figures of `records`, whose partitions are in the order of their offsets.
pub fn truth(records: &[Record]) -> Truth {
    truth_by(&Rules::default(), records)
}

/// Computes all figures of `records` by other rules.
pub fn truth_by(rules: &Rules, records: &[Record]) -> Truth {
    let mut truth = Truth::default();
    let mut times: BTreeMap<i32, Time> = BTreeMap::new();
    let mut placed: Vec<(Payment, bool)> = Vec::new();
    let mut counted = Counted::default();
    let configured = rules.configured.iter();
    let mut known: BTreeMap<u32, i64> = configured.map(|branch| (*branch, i64::MIN)).collect();
    // The highest time that was believed for a while, or taken for the first of a partition.
    let mut reached = None;
    for record in records {
        truth.consumed += 1;
        let at = (record.partition, record.offset);
        let Some(value) = record.value.as_deref().filter(|value| !value.is_empty()) else {
            truth.book("tombstone", 0);
            continue;
        };
        let listed = |reason, payment, watermark| Listed {
            timestamp: record.timestamp,
            reason,
            value: value.to_vec(),
            payment,
            watermark,
        };
        let payment = match decode(value) {
            Ok(payment) => payment,
            Err(reason) => {
                truth.book("rejected", 0);
                truth.rejected.insert(at, listed(reason, None, None));
                continue;
            }
        };
        let time = times.entry(record.partition).or_default();
        let watermark = time.believed.map(|highest| highest - 5 * SECOND);
        let repeats = counted.entry(rules.duplicates, record.partition, &payment, time.believed);
        if let Some(entry) = repeats {
            truth.book(entry, payment.amount);
            if entry == "conflict" {
                truth
                    .late
                    .insert(at, listed(entry, Some(payment), watermark));
            }
            continue;
        }
        let is_future = payment.time > record.timestamp + 5 * MINUTE;
        let total = truth.totals.entry(payment.branch).or_insert(Total {
            first: i64::MAX,
            last: i64::MIN,
            ..Total::default()
        });
        total.count += 1;
        total.sum += payment.amount;
        if !is_future {
            total.first = payment.time.min(total.first);
            total.last = payment.time.max(total.last);
        }
        let since = known.entry(payment.branch).or_insert(payment.time);
        *since = payment.time.min(*since);
        let last_end = rules
            .windows
            .iter()
            .flat_map(|name| windows_of(name, payment.time))
            .map(|(_, end)| end)
            .max()
            .unwrap();
        let is_late = time.is_late(payment.time);
        let entry = if is_future {
            "future"
        } else if watermark.is_some_and(|watermark| last_end + DAY <= watermark) {
            "too_late"
        } else if is_late {
            "late"
        } else {
            "on_time"
        };
        truth.book(entry, payment.amount);
        match entry {
            "future" | "too_late" => {
                let listed = listed(entry, Some(payment), watermark);
                truth.late.insert(at, listed);
            }
            _ => {
                time.add(payment.time, payment.branch);
                reached = reached.max(time.believed.or_else(|| time.top()));
                placed.push((payment, is_late));
            }
        }
        counted.add(record.partition, payment, time.believed);
    }
    let firsts = times.values().filter(|time| time.believed.is_none());
    let best = times.values().filter_map(|time| time.believed).max();
    let firsts = firsts
        .filter_map(Time::top)
        .filter(|top| best.is_some_and(|best| *top <= best + DAY));
    let highest = best.into_iter().chain(firsts).max();
    truth.may_be_final_early = reached > highest;
    truth.reached = reached
        .max(highest)
        .map_or(i64::MIN, |highest| highest - 5 * SECOND);
    // Without a payment that is believed, nothing is final.
    let watermark = highest.map_or(i64::MIN, |highest| highest - 5 * SECOND);
    truth.fill_windows(rules, &placed, &known, watermark);
    truth
}

impl Truth {
    /// The amounts in a window, in ascending order.
    pub fn amounts(&self, figure: &Figure) -> Vec<i128> {
        let mut amounts: Vec<i128> = figure
            .payments
            .iter()
            .map(|at| self.amounts[*at as usize])
            .collect();
        amounts.sort_unstable();
        amounts
    }

    fn book(&mut self, entry: &'static str, amount: i128) {
        let booked = self.ledger.entry(entry).or_default();
        booked.0 += 1;
        booked.1 += amount;
    }

    fn fill_windows(
        &mut self,
        rules: &Rules,
        placed: &[(Payment, bool)],
        known: &BTreeMap<u32, i64>,
        watermark: i64,
    ) {
        self.amounts = placed.iter().map(|(payment, _)| payment.amount).collect();
        for (at, (payment, is_late)) in (0..).zip(placed) {
            for name in rules.windows.iter().copied() {
                for (start, end) in windows_of(name, payment.time) {
                    let key = (name, start, payment.branch, end);
                    let figure = self.windows.entry(key).or_default();
                    figure.count += 1;
                    figure.sum += payment.amount;
                    figure.payments.push(at);
                    figure.late_count += u64::from(*is_late);
                    figure.late_sum += if *is_late { payment.amount } else { 0 };
                    figure.is_final = end <= watermark;
                }
            }
        }
        if !rules.zero_windows || placed.is_empty() || watermark == i64::MIN {
            return;
        }
        let mut times: Vec<i64> = placed.iter().map(|(payment, _)| payment.time).collect();
        times.sort_unstable();
        let minutes = (times[0] / MINUTE - 10)..=(watermark / MINUTE);
        for name in rules.windows.iter().copied() {
            let all: BTreeSet<(i64, i64)> = minutes
                .clone()
                .flat_map(|minute| windows_of(name, minute * MINUTE))
                .collect();
            for (start, end) in all {
                let before = times.partition_point(|time| *time < start);
                let active = before > 0 && start - times[before - 1] < DAY;
                if !active || end > watermark {
                    continue;
                }
                for (branch, since) in known {
                    if *since < end {
                        let figure = self.windows.entry((name, start, *branch, end)).or_default();
                        figure.is_final = true;
                    }
                }
            }
        }
    }
}

fn windows_of(name: &str, time: i64) -> Vec<(i64, i64)> {
    let floor = |step: i64| time.div_euclid(step) * step;
    match name {
        "1m" => vec![(floor(MINUTE), floor(MINUTE) + MINUTE)],
        "10m-by-1m" => (0..10)
            .map(|back| floor(MINUTE) - back * MINUTE)
            .map(|start| (start, start + 10 * MINUTE))
            .collect(),
        "1h" => vec![(floor(HOUR), floor(HOUR) + HOUR)],
        "day" => {
            let start = (time + 8 * HOUR).div_euclid(DAY) * DAY - 8 * HOUR;
            (1..=24)
                .map(|hours| (start, start + hours * HOUR))
                .filter(|(_, end)| time < *end)
                .collect()
        }
        _ => unreachable!("no such window: {name}"),
    }
}

/// The exact decimal of `units` of 10^-18, without trailing zeros.
pub fn exact(units: i128) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let units = units.unsigned_abs();
    let whole = units / 10_u128.pow(18);
    let fraction = format!("{:018}", units % 10_u128.pow(18));
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}
