//! Payments, and what is none, as producers write them.

use std::sync::Arc;

use chrono::DateTime;

use super::chance::Chance;
use super::circumstances::{Circumstances, Fault};
use super::topic::Topic;

/// Writes records to a topic.
pub struct Producer {
    chance: Chance,
    circumstances: Circumstances,
    /// Where event time is, by partition, in ms.
    clocks: Vec<i64>,
    orders: u64,
    /// What was sent, of which some is sent again; `None`: nothing is.
    resends: Option<Resends>,
}

/// Payments that are sent again.
struct Resends {
    chance: Chance,
    sent: Vec<(i64, Arc<[u8]>)>,
}

/// So many of the newest may be sent again.
const RESENT_AMONG: usize = 300;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Producer {
    /// A producer whose first payments are of `start`, in ms since the epoch.
    pub fn new(circumstances: &Circumstances, start: i64, mut chance: Chance) -> Self {
        let clocks = (0..16).map(|_| start + chance.between(0, MINUTE));
        Self {
            clocks: clocks.collect(),
            chance,
            circumstances: circumstances.clone(),
            orders: 0,
            resends: None,
        }
    }

    /// The same, and some payments are sent again if payments are compared.
    pub fn resending(self, chance: Chance) -> Self {
        let is_compared = self.circumstances.rules.duplicates.is_some();
        let resends = is_compared.then(|| Resends {
            chance,
            sent: Vec::new(),
        });
        Self { resends, ..self }
    }

    /// Writes some records to one partition, or to several; at `now` by the clock of the wall. Gives
    /// what it did in words.
    pub fn write(&mut self, topic: &mut Topic, now: i64) -> String {
        let count = self.chance.size(self.circumstances.burst);
        let among = self.chance.between(1, topic.partitions.len() as i64) as usize;
        let first = self.chance.up_to(topic.partitions.len() as u64 - 1) as usize;
        for _ in 0..count {
            let at =
                (first + self.chance.up_to(among as u64 - 1) as usize) % topic.partitions.len();
            let clock_is_wrong = !self.circumstances.by_append
                && self.circumstances.has(Fault::Clocks)
                && self.chance.one_in(6);
            let (mut event_time, mut value) = self.record(at, clock_is_wrong);
            if let Some(resends) = &mut self.resends {
                (event_time, value) = resends.instead_of(event_time, value);
            }
            let timestamp = self.timestamp(event_time, now, clock_is_wrong);
            let partition = &mut topic.partitions[at];
            if self.circumstances.has(Fault::Gaps) && self.chance.one_in(10) {
                partition.skip(self.chance.between(1, 5));
            }
            let in_transaction = self.circumstances.has(Fault::Transactions)
                && (partition.is_open() || self.chance.one_in(8));
            partition.append(timestamp, value, in_transaction);
            if partition.is_open() && self.chance.one_in(6) {
                let commit = self.chance.one_in(2);
                partition.end_transaction(commit);
            }
        }
        format!("{count} records to {among} partitions from {first}")
    }

    fn timestamp(&mut self, event_time: i64, now: i64, clock_is_wrong: bool) -> i64 {
        if self.circumstances.by_append {
            return now;
        }
        let off = match clock_is_wrong {
            true => self
                .chance
                .of(&[-DAY, -6 * MINUTE, -5 * MINUTE, -5 * MINUTE - 1, HOUR]),
            false => self.chance.between(0, 2 * SECOND),
        };
        event_time + off
    }

    // Event time and value.
    fn record(&mut self, partition: usize, clock_is_wrong: bool) -> (i64, Option<Arc<[u8]>>) {
        let time = self.event_time(partition);
        let branch = self.branch(clock_is_wrong);
        if self.circumstances.has(Fault::Garbage) && self.chance.one_in(8) {
            return (time, self.garbage(time, branch));
        }
        let text = self.payment(time, branch);
        (time, Some(text.into_bytes().into()))
    }

    fn event_time(&mut self, partition: usize) -> i64 {
        let chance = &mut self.chance;
        let clock = &mut self.clocks[partition];
        *clock += chance.between(0, self.circumstances.pace as i64);
        let mut time = *clock;
        if chance.one_in(5) {
            // On a border, or just beside it.
            let step = chance.of(&[MINUTE, HOUR, DAY]);
            let border = time.div_euclid(step) * step + step * chance.between(0, 1);
            if (border - time).abs() <= 2 * MINUTE || step == MINUTE {
                time = border + chance.of(&[-1, 0, 0, 1]);
                *clock = (*clock).max(time);
            }
        }
        if self.circumstances.has(Fault::Disorder) && chance.one_in(4) {
            let behind = [
                4_999,
                5_000,
                5_001,
                MINUTE,
                11 * MINUTE,
                HOUR,
                DAY,
                2 * DAY,
                30 * DAY,
            ];
            time -= chance.of(&behind);
        }
        if self.circumstances.has(Fault::Jumps) && chance.one_in(25) {
            let ahead = chance.of(&[DAY, DAY + 1, 3 * DAY, 400 * DAY, 5 * MINUTE + 2_001]);
            time += ahead;
            // Others agree, or none does.
            if chance.one_in(3) && ahead < 10 * DAY {
                *clock = time;
            }
        }
        time
    }

    fn payment(&mut self, time: i64, branch: u64) -> String {
        let amount = self.amount();
        self.orders += 1;
        let order = self.orders;
        let chance = &mut self.chance;
        let text = if chance.one_in(10) {
            time.to_string()
        } else {
            let at = DateTime::from_timestamp_millis(time).unwrap();
            let form = match time.rem_euclid(SECOND) {
                0 => "%Y-%m-%d %H:%M:%S",
                _ => "%Y-%m-%d %H:%M:%S%.3f",
            };
            format!("\"{}\"", at.format(form))
        };
        if chance.one_in(12) {
            return format!(
                "{{ \"branchId\": {branch}, \"payAmount\":{amount} ,\"createTime\":{text}}}"
            );
        }
        format!(
            "{{\"createTime\":{text},\"orderId\":{order},\"payAmount\":{amount},\"payPlatform\":{},\"branchId\":{branch}}}",
            chance.up_to(1)
        )
    }

    fn branch(&mut self, clock_is_wrong: bool) -> u64 {
        let last = self.circumstances.branches - 1;
        // Some branches are known by payments ahead of their records alone.
        if clock_is_wrong && self.chance.one_in(4) {
            return last + 1 + self.chance.up_to(2);
        }
        if self.chance.one_in(2) {
            return 0;
        }
        self.chance.up_to(last)
    }

    fn amount(&mut self) -> String {
        let chance = &mut self.chance;
        match chance.up_to(11) {
            0 => "0".into(),
            1 => format!("-{}.{:02}", chance.up_to(99_999), chance.up_to(99)),
            2 => "999999999999999.999999999999999999".into(),
            3 => format!("0.{:018}", chance.up_to(999)),
            4 => "0.1".into(),
            5 => chance.up_to(1_000_000).to_string(),
            _ => format!("{}.{:02}", chance.up_to(99_999), chance.up_to(99)),
        }
    }

    fn garbage(&mut self, time: i64, branch: u64) -> Option<Arc<[u8]>> {
        let payment = self.payment(time, branch);
        let text = match self.chance.up_to(9) {
            0 => return None,
            1 => String::new(),
            2 => payment.replace("branchId", "branchID"),
            3 => payment.replace("\"payAmount\":", "\"payAmount\":1e3,\"x\":"),
            4 => payment[..payment.len() - 1].to_owned(),
            5 => payment.replace("createTime", "createtime"),
            6 => format!("[{payment}]"),
            7 => payment.replacen('{', "{\"branchId\":1,", 1),
            8 => return Some(vec![0xff, 0xfe, 0x00].into()),
            _ => payment.replace("\"branchId\":", "\"branchId\":-"),
        };
        Some(text.into_bytes().into())
    }
}

impl Resends {
    /// A payment that was sent before, as it was or with another amount or branch, or what was to be sent.
    fn instead_of(&mut self, time: i64, value: Option<Arc<[u8]>>) -> (i64, Option<Arc<[u8]>>) {
        let chance = &mut self.chance;
        if self.sent.is_empty() || !chance.one_in(4) {
            let Some(value) = value else {
                return (time, None);
            };
            if self.sent.len() == RESENT_AMONG {
                self.sent.remove(0);
            }
            self.sent.push((time, Arc::clone(&value)));
            return (time, Some(value));
        }
        let last = self.sent.len() as u64 - 1;
        // Mostly one of the newest.
        let back = match chance.one_in(3) {
            true => chance.up_to(last),
            false => chance.up_to(last.min(5)),
        };
        let (time, value) = self.sent[(last - back) as usize].clone();
        let field = match chance.up_to(7) {
            0 => "\"payAmount\":",
            1 => "\"branchId\": ",
            2 => "\"branchId\":",
            _ => return (time, Some(value)),
        };
        let text = String::from_utf8_lossy(&value);
        let changed = text.replacen(field, &format!("{field}1"), 1);
        (time, Some(changed.into_bytes().into()))
    }
}
