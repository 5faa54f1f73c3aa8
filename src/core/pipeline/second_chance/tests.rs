#![allow(clippy::unwrap_used)]

mod any_log;

use std::collections::BTreeMap;
use std::sync::Arc;

use ethnum::I256;
use tidegauge_windows::{Definition, Settings, Snapshot, Span, Summary};

use super::*;
use crate::core::effect::{Effects, NoWindowReason, Notices};
use crate::core::pipeline::PipelineStart;
use crate::decode::DecodeRules;
use crate::decode::mapping::{Mapping, MappingSettings};
use crate::domain::branch::Branches;
use crate::domain::ledger::Ledger;
use crate::domain::payment::BranchId;
use crate::domain::total::Total;

/// 2026-11-01T00:00:00Z.
const START: i64 = 1_793_491_200_000;
const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600_000;

/// What a state would hold: all effects together.
#[derive(Clone, Default, PartialEq, Debug)]
struct Kept {
    snapshot: Snapshot,
    slices: BTreeMap<(i64, BranchId), Summary>,
    totals: BTreeMap<BranchId, Total>,
    ledger: Ledger,
    notices: Notices,
    rejects: BTreeMap<i64, RejectedRecord>,
    in_no_window: BTreeMap<i64, PaymentInNoWindow>,
}

impl Kept {
    fn take(&mut self, effects: Effects) {
        use tidegauge_windows::Aggregate;
        self.snapshot = effects.changes.snapshot;
        for ((start, branch), added) in effects.changes.slices {
            let slice = self.slices.entry((start.millis(), branch)).or_default();
            slice.merge(&added.summary);
        }
        for (branch, added) in effects.totals {
            self.totals
                .entry(branch)
                .or_insert(Total::ZERO)
                .merge(&added);
        }
        let corrections = effects.corrections;
        self.ledger.merge(&effects.ledger);
        self.ledger = self.ledger.without(&corrections.taken_back).unwrap();
        self.notices.merge(&effects.notices);
        let reasons = self.notices.rejects.iter_mut();
        for (count, taken_back) in reasons.zip(corrections.rejects_taken_back) {
            *count -= taken_back;
        }
        for change in corrections.changes {
            match change {
                ListChange::NoReject(origin) => {
                    self.rejects.remove(&origin.offset).unwrap();
                }
                ListChange::InWindows(origin) => {
                    self.in_no_window.remove(&origin.offset).unwrap();
                }
                ListChange::Replaced(ListedRecord::Reject(reject)) => {
                    self.rejects.insert(reject.origin.offset, reject).unwrap();
                }
                ListChange::Replaced(ListedRecord::InNoWindow(payment)) => {
                    let offset = payment.origin.offset;
                    self.in_no_window.insert(offset, payment).unwrap();
                }
            }
        }
        let rejects = effects.rejects.into_iter();
        self.rejects
            .extend(rejects.map(|it| (it.origin.offset, it)));
        let in_no_window = effects.in_no_window.into_iter();
        self.in_no_window
            .extend(in_no_window.map(|it| (it.origin.offset, it)));
        assert!(self.ledger.balanced());
        let totals = self
            .totals
            .values()
            .fold(I256::ZERO, |sum, it| sum + it.amount);
        assert_eq!(totals, self.ledger.in_totals());
    }
}

/// What may be changed.
#[derive(Clone, Debug)]
struct RulesOf {
    amount: &'static str,
    event_time: &'static str,
    allowed_lateness: Span,
    max_future: Span,
}

impl Default for RulesOf {
    fn default() -> Self {
        Self {
            amount: "payAmount",
            event_time: "createTime",
            allowed_lateness: Span::HOUR,
            max_future: Span::MINUTE.times(5),
        }
    }
}

impl RulesOf {
    fn pipeline(&self, kept: &Kept) -> Pipeline {
        let day = Definition::tumbling("1m", Span::MINUTE, Span::ZERO, chrono_tz::UTC);
        let settings = Settings {
            definitions: vec![day.unwrap()],
            out_of_orderness: Span::SECOND.times(5),
            allowed_lateness: self.allowed_lateness,
            max_future: self.max_future,
            retention: Span::DAY.times(35),
            zero_windows: true,
        };
        let mapping = MappingSettings {
            amount: self.amount.parse().unwrap(),
            event_time: self.event_time.parse().unwrap(),
            ..MappingSettings::default()
        };
        let mut rules = DecodeRules::from(chrono_tz::UTC);
        rules.mapping = Arc::new(Mapping::new(mapping));
        let known = kept.totals.iter();
        let known =
            known.filter_map(|(branch, total)| Some((*branch, total.branch_known_since()?)));
        let start = PipelineStart {
            snapshot: kept.snapshot.clone(),
            known: known.collect(),
            progress: BTreeMap::new(),
        };
        Pipeline::new(
            Arc::new(settings),
            rules,
            Arc::new(Branches::default()),
            start,
        )
    }
}

/// A record at `offset`, stamped at `stamp` seconds after the start.
struct Stamped {
    offset: i64,
    stamp: i64,
    value: String,
}

impl Stamped {
    fn record(&self) -> Record<'_> {
        Record {
            offset: self.offset,
            timestamp: Some(START + self.stamp * SECOND),
            ..Record::of(Some(self.value.as_bytes()))
        }
    }
}

/// A payment of 10 at `seconds` after the start, in a record of that time.
fn paid(offset: i64, seconds: i64) -> Stamped {
    let time = START + seconds * SECOND;
    Stamped {
        offset,
        stamp: seconds,
        value: format!(
            r#"{{"createTime":{time},"time":{time},"payAmount":10,"amount":10,"branchId":7}}"#
        ),
    }
}

fn apply(rules: &RulesOf, kept: &mut Kept, records: &[Stamped]) {
    let mut pipeline = rules.pipeline(kept);
    pipeline.apply(records.iter().map(Stamped::record)).unwrap();
    kept.take(pipeline.take_effects());
}

/// Gives all that is listed a second chance.
fn again(rules: &RulesOf, kept: &mut Kept, records: &[Stamped]) -> Vec<SecondChance> {
    let mut pipeline = rules.pipeline(kept);
    let rejects = kept.rejects.values().cloned().map(ListedRecord::Reject);
    let payments = kept.in_no_window.values().cloned();
    let listed = payments.map(ListedRecord::InNoWindow).chain(rejects);
    let outcomes = listed.map(|listed| {
        let mut at = records.iter();
        let record = at.find(|record| record.offset == listed.origin().offset);
        pipeline
            .judge_again(
                &record.unwrap().record(),
                &listed,
                UncomparedPayments::StayListed,
            )
            .unwrap()
    });
    let outcomes = outcomes.collect();
    kept.take(pipeline.take_effects());
    outcomes
}

fn booked(entry: Entry, amount: Option<i128>) -> SecondChance {
    let units = 1_000_000_000_000_000_000;
    SecondChance::Booked {
        entry,
        reason: None,
        amount: amount.map(|amount| Amount::from_units(amount * units)),
    }
}

/// Count and sum of each slice.
type Slices = BTreeMap<(i64, BranchId), (u64, I256)>;

/// Without watermarks, which a second chance does not move.
fn figures(kept: &Kept) -> (Slices, &BTreeMap<BranchId, Total>) {
    let slices = kept.slices.iter();
    let slices = slices.map(|(at, slice)| (*at, (slice.count, slice.sum)));
    (slices.collect(), &kept.totals)
}

#[test]
fn rejects_of_a_wrong_mapping_give_the_figures_of_the_right_one_once() {
    let wrong = RulesOf {
        amount: "cash",
        ..RulesOf::default()
    };
    let right = RulesOf::default();
    let mut records: Vec<Stamped> = (0..50).map(|at| paid(at, at * 7)).collect();
    records[9].value = "{".to_owned();
    let mut kept = Kept::default();
    apply(&wrong, &mut kept, &records);
    assert_eq!(kept.ledger.entry(Entry::Rejected).count, 50);
    let mut expected = Kept::default();
    apply(&right, &mut expected, &records);

    let before = kept.snapshot.partitions.clone();
    let outcomes = again(&right, &mut kept, &records);
    let rejected = SecondChance::Booked {
        entry: Entry::Rejected,
        reason: Some(Reason::NotJson),
        amount: None,
    };
    assert_eq!(outcomes.len(), 50);
    for (offset, outcome) in outcomes.into_iter().enumerate() {
        let paid = booked(Entry::OnTime, Some(10));
        assert_eq!(outcome, if offset == 9 { rejected } else { paid });
    }
    assert_eq!(figures(&kept), figures(&expected));
    assert_eq!(kept.ledger, expected.ledger);
    assert_eq!(kept.notices, expected.notices);
    assert_eq!(kept.rejects, expected.rejects);
    assert_eq!(kept.snapshot.partitions, before);

    // There is nothing left to be done.
    let done = kept.clone();
    assert_eq!(again(&right, &mut kept, &records), [rejected]);
    assert_eq!(kept, done);
}

#[test]
fn a_reject_that_is_a_payment_now_is_judged_by_the_watermark_of_now() {
    let wrong = RulesOf {
        amount: "cash",
        ..RulesOf::default()
    };
    let right = RulesOf::default();
    let mut kept = Kept::default();
    let rejected = [paid(0, 0), paid(1, 7_000), paid(2, 7_300)];
    apply(&wrong, &mut kept, &rejected);
    let later: Vec<Stamped> = (3..6).map(|at| paid(at, 7_205)).collect();
    apply(&right, &mut kept, &later);
    // The watermark is at 7,200 s: the window of the first ends at 60 s, and an hour after it is over.
    let outcomes = again(&right, &mut kept, &rejected);
    let entries = [Entry::TooLate, Entry::Late, Entry::OnTime];
    assert_eq!(outcomes, entries.map(|entry| booked(entry, Some(10))));
    assert!(kept.rejects.is_empty());
    let listed: Vec<NoWindowReason> = kept.in_no_window.values().map(|it| it.reason).collect();
    assert_eq!(listed, [NoWindowReason::TooLate]);
    let late: u64 = kept.slices.values().map(|slice| slice.late_count).sum();
    assert_eq!(late, 1);
}

#[test]
fn a_payment_in_no_window_comes_into_its_windows_and_counts_once_in_its_total() {
    let narrow = RulesOf::default();
    let wide = RulesOf {
        allowed_lateness: Span::DAY,
        max_future: Span::HOUR,
        ..narrow.clone()
    };
    let mut ahead = paid(4, 9_000);
    ahead.stamp = 7_205;
    let mut far_ahead = paid(5, 20_000);
    far_ahead.stamp = 7_205;
    let mut records: Vec<Stamped> = (0..3).map(|at| paid(at, 7_205)).collect();
    records.extend([paid(3, 0), ahead, far_ahead]);
    let mut kept = Kept::default();
    apply(&narrow, &mut kept, &records);
    let mut expected = Kept::default();
    apply(&wide, &mut expected, &records);
    let reasons: Vec<NoWindowReason> = kept.in_no_window.values().map(|it| it.reason).collect();
    let future = NoWindowReason::Future;
    assert_eq!(reasons, [NoWindowReason::TooLate, future, future]);

    let outcomes = again(&wide, &mut kept, &records);
    let entries = [Entry::Late, Entry::OnTime, Entry::Future];
    assert_eq!(outcomes, entries.map(|entry| booked(entry, Some(10))));
    assert_eq!(figures(&kept), figures(&expected));
    assert_eq!(kept.ledger, expected.ledger);
    assert_eq!(kept.notices, expected.notices);
    assert_eq!(kept.in_no_window.keys().collect::<Vec<_>>(), [&5]);
    let done = kept.clone();
    again(&wide, &mut kept, &records);
    assert_eq!(kept, done);
}

#[test]
fn a_payment_whose_money_reads_otherwise_stays_where_it_is() {
    let before = RulesOf::default();
    let mut late = paid(3, 0);
    late.value = late.value.replace("\"amount\":10", "\"amount\":11");
    let mut records: Vec<Stamped> = (0..3).map(|at| paid(at, 7_205)).collect();
    records.push(late);
    let mut kept = Kept::default();
    apply(&before, &mut kept, &records);
    let changed = kept.clone();
    for amount in ["amount", "cash"] {
        let now = RulesOf {
            amount,
            allowed_lateness: Span::DAY,
            ..before.clone()
        };
        let outcomes = again(&now, &mut kept, &records);
        assert_eq!(outcomes, [SecondChance::ReadDifferently]);
        assert_eq!(kept, changed);
    }
}

#[test]
fn a_payment_whose_time_was_read_wrongly_gets_the_right_one() {
    let wrong = RulesOf {
        event_time: "wrong",
        ..RulesOf::default()
    };
    let right = RulesOf::default();
    let mut records = vec![paid(0, 10)];
    let (ahead, further) = (START + 2 * HOUR, START + 3 * HOUR);
    records[0].value = records[0].value.replace(
        "\"time\"",
        &format!("\"further\":{further},\"wrong\":{ahead},\"time\""),
    );
    let mut kept = Kept::default();
    apply(&wrong, &mut kept, &records);
    assert_eq!(kept.ledger.entry(Entry::Future).count, 1);
    // Still wrong, and another time: it is listed with that one.
    let still = RulesOf {
        event_time: "further",
        ..RulesOf::default()
    };
    assert_eq!(
        again(&still, &mut kept, &records),
        [booked(Entry::Future, Some(10))]
    );
    assert_eq!(kept.in_no_window[&0].event_time.millis(), further);
    assert_eq!(
        again(&right, &mut kept, &records),
        [booked(Entry::OnTime, Some(10))]
    );
    let mut expected = Kept::default();
    apply(&right, &mut expected, &records);
    assert_eq!(figures(&kept).0, figures(&expected).0);
    assert_eq!(kept.ledger, expected.ledger);
    assert_eq!(kept.totals.len(), 1);
    let (is, was) = (kept.totals.values(), expected.totals.values());
    for (is, was) in is.zip(was) {
        assert_eq!(is, was);
    }
}

#[test]
fn another_record_in_its_place_changes_nothing() {
    let wrong = RulesOf {
        amount: "cash",
        ..RulesOf::default()
    };
    let records = [paid(0, 10)];
    let mut kept = Kept::default();
    apply(&wrong, &mut kept, &records);
    let before = kept.clone();
    let mut others = [paid(0, 10), paid(0, 10)];
    others[0].stamp += 1;
    others[1].value.push(' ');
    for other in others {
        let outcomes = again(&RulesOf::default(), &mut kept, &[other]);
        assert_eq!(outcomes, [SecondChance::AnotherRecord]);
        assert_eq!(kept, before);
    }
}
