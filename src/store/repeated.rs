//! The list of payments that repeat others, in groups: fewer keys come and go than payments.

use std::ops::ControlFlow;

use super::commit::Draft;
use super::database::{Database, malformed};
use super::error::Error;
use super::keys;
use super::snapshot::{Read, StateSnapshot};
use super::values::{RepeatedGroup, StoredValue};
use crate::core::effect::RepeatedPayment;
use crate::view::reading::ReadError;

/// So many payments are kept, the newest, and the others of the group of the first of them.
const KEEP: u64 = 100_000;
/// Payments whose numbers have the same quotient by this are a group.
const GROUP: u64 = 64;
/// At most so many groups are deleted at once, beside as many as come.
const STEP: u64 = 16;

/// Puts `payments` into `draft`, at the end of the list in `database`.
pub(super) fn put(
    draft: &mut Draft<'_>,
    database: &Database,
    mut payments: &[RepeatedPayment],
) -> Result<(), Error> {
    let came = payments.len() as u64;
    // Those that would go at once are not written.
    let gone = came.saturating_sub(KEEP);
    payments = &payments[usize::try_from(gone).unwrap_or(usize::MAX)..];
    let mut next = draft.head_mut().repeated.next + gone;
    while !payments.is_empty() {
        let key = keys::repeated(next / GROUP);
        let is_begun = !next.is_multiple_of(GROUP);
        let begun: Option<RepeatedGroup> = is_begun
            .then(|| database.value(&key))
            .transpose()?
            .flatten();
        let mut group = begun
            .filter(|begun| begun.next() == next)
            .unwrap_or_default();
        if group.payments.is_empty() {
            group.first = next;
        }
        let room = usize::try_from(GROUP - next % GROUP).unwrap_or(usize::MAX);
        let (some, others) = payments.split_at(room.min(payments.len()));
        group.payments.extend_from_slice(some);
        draft.put(&key, &group);
        next = group.next();
        payments = others;
    }
    draft.head_mut().repeated.next = next;
    trim(draft, came);
    Ok(())
}

fn trim(draft: &mut Draft<'_>, came: u64) {
    let range = draft.head_mut().repeated;
    let from = range.first / GROUP;
    let to = (range.next.saturating_sub(KEEP) / GROUP).clamp(from, from + came / GROUP + STEP);
    for group in from..to {
        draft.batch_mut().delete(keys::repeated(group));
    }
    draft.head_mut().repeated.first = range.first.max(to * GROUP);
}

impl RepeatedGroup {
    /// The number after its last payment.
    fn next(&self) -> u64 {
        self.first + self.payments.len() as u64
    }
}

impl StateSnapshot<'_> {
    /// The payments that repeat others before number `before`, the newest first, at most `limit`.
    pub(super) fn repeated(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Read<Vec<(u64, RepeatedPayment)>> {
        let mut entries = Vec::new();
        let groups = keys::repeated_to(before.map(|before| before / GROUP));
        self.scan_down(groups, |key, value| {
            let group = RepeatedGroup::decode(value).ok();
            let group = group.ok_or_else(|| ReadError(malformed(key)))?;
            let numbered = group.payments.into_iter().enumerate().rev();
            let numbered = numbered.map(|(at, payment)| (group.first + at as u64, payment));
            let wanted =
                numbered.filter(|(number, _)| before.is_none_or(|before| *number < before));
            entries.extend(wanted.take(limit - entries.len()));
            Ok(match entries.len() < limit {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            })
        })?;
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::core::effect::{Effects, FirstPayment};
    use crate::domain::amount::Amount;
    use crate::domain::document_key::Origin;
    use crate::domain::ledger::Entry;
    use crate::domain::payment::BranchId;
    use crate::store::Store;
    use crate::store::journal::tests::beginning;
    use crate::store::orders::tests::comparing;
    use tidegauge_windows::EventTime;

    fn repeated(offsets: std::ops::Range<i64>) -> Effects {
        let payment = |offset| RepeatedPayment {
            origin: Origin {
                partition: 0,
                offset,
            },
            timestamp: None,
            event_time: EventTime::from_millis(5),
            branch: BranchId::new(1).unwrap(),
            amount: Amount::from_units(1),
            first: FirstPayment {
                offset: 0,
                branch: BranchId::new(1).unwrap(),
                amount: Amount::from_units(2),
            },
            read: String::new(),
        };
        let mut effects = Effects {
            repeated: offsets.map(payment).collect(),
            ..beginning()
        };
        for payment in &effects.repeated {
            effects.ledger.consumed += 1;
            effects.ledger.book(Entry::Conflict, Some(payment.amount));
        }
        effects
    }

    #[test]
    fn the_newest_payments_that_repeat_others_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), &comparing()).unwrap();
        let newest = |store: &Store, before, limit| {
            let readings = store.readings();
            let found = readings.query(|reading| reading.repeated_payments(before, limit));
            let found = found.unwrap().into_iter();
            found
                .map(|(number, payment)| (number, payment.origin.offset))
                .collect::<Vec<_>>()
        };
        store.commit(&repeated(0..4), &[], 0).unwrap();
        store.commit(&repeated(4..10), &[], 0).unwrap();
        assert_eq!(newest(&store, None, 2), [(9, 9), (8, 8)]);
        assert_eq!(newest(&store, Some(2), 9), [(1, 1), (0, 0)]);
        assert_eq!(newest(&store, Some(0), 9), []);
        assert_eq!(newest(&store, None, 0), []);
        // More at once than are kept. The group of the oldest is kept whole, but has only those that were written.
        let many = i64::try_from(KEEP).unwrap() + 20;
        store.commit(&repeated(10..10 + many), &[], 0).unwrap();
        let all = newest(&store, None, usize::MAX);
        assert_eq!(all.len() as u64, KEEP);
        let last = 9 + many;
        assert_eq!((all[0], all.last().unwrap().1), ((last as u64, last), 30));
        // Groups go as others come.
        for round in 0..10 {
            let from = 10 + many + round * 1_000;
            store.commit(&repeated(from..from + 1_000), &[], 0).unwrap();
            let all = newest(&store, None, usize::MAX);
            assert!(
                (KEEP..KEEP + GROUP).contains(&(all.len() as u64)),
                "{}",
                all.len()
            );
            assert!(all.iter().map(|(number, _)| number).rev().is_sorted());
            assert!(all.iter().all(|(number, offset)| *number == *offset as u64));
            let kept = store.head.repeated;
            assert_eq!(kept.first, all.last().unwrap().0);
        }
        let many = many + 10_000;
        drop(store);
        let (store, recovered) = Store::open(dir.path(), &comparing()).unwrap();
        assert_eq!(
            recovered.ledger.entry(Entry::Conflict).count,
            10 + many as u64
        );
        assert_eq!(newest(&store, None, 1)[0].1, 9 + many);
    }
}
