//! What second chances take back, in the batch that has what is booked instead.

use super::Draft;
use crate::core::effect::correction::{Corrections, ListChange, ListedRecord};
use crate::core::feedback::Blocked;
use crate::domain::document_key::Origin;
use crate::store::error::Error;
use crate::store::keys::RecordList;

impl Draft<'_> {
    /// Keeps the lists as they are to be: takes back what `corrections` say, or else cuts the old ends.
    pub(in crate::store) fn keep_lists(
        &mut self,
        corrections: &Corrections,
        keep: u64,
        blocked: &Blocked,
    ) -> Result<(), Error> {
        match corrections.is_empty() {
            true => self.trim_lists(keep, blocked),
            false => self.correct(corrections),
        }
    }

    /// Takes back what was booked and listed before, and marks the documents of it. To be called after
    /// [`Draft::merge`].
    ///
    /// # Errors
    /// When it was not booked and listed like that: the batch must not be written then.
    fn correct(&mut self, corrections: &Corrections) -> Result<(), Error> {
        let left = self.head.ledger.without(&corrections.taken_back);
        self.head.ledger =
            left.ok_or_else(|| self.unbooked("more is taken back than was booked"))?;
        for (at, taken_back) in corrections.rejects_taken_back.iter().enumerate() {
            let count = self.head.notices.rejects[at].checked_sub(*taken_back);
            let count = count.ok_or_else(|| self.unbooked("rejects are not counted as such"));
            self.head.notices.rejects[at] = count?;
        }
        for change in &corrections.changes {
            match change {
                ListChange::NoReject(origin) => {
                    self.take_from_list(RecordList::Rejects, *origin)?;
                    self.head.rejects.gaps += 1;
                }
                ListChange::InWindows(origin) => {
                    self.take_from_list(RecordList::NoWindow, *origin)?;
                    self.head.in_no_window.gaps += 1;
                }
                ListChange::Replaced(ListedRecord::Reject(reject)) => {
                    let number = self.number_at(RecordList::Rejects, reject.origin)?;
                    self.put(&RecordList::Rejects.entry(number), reject);
                    self.mark([RecordList::Rejects.document(reject.origin)]);
                }
                ListChange::Replaced(ListedRecord::InNoWindow(payment)) => {
                    let number = self.number_at(RecordList::NoWindow, payment.origin)?;
                    self.put(&RecordList::NoWindow.entry(number), payment);
                    self.mark([RecordList::NoWindow.document(payment.origin)]);
                }
            }
        }
        Ok(())
    }

    // The document without an entry is marked: a delivery deletes it.
    fn take_from_list(&mut self, list: RecordList, origin: Origin) -> Result<(), Error> {
        let number = self.number_at(list, origin)?;
        self.batch.delete(list.entry(number));
        self.batch.delete(list.number_at(origin));
        self.mark([list.document(origin)]);
        Ok(())
    }

    // What is not listed any more was counted before.
    fn number_at(&self, list: RecordList, origin: Origin) -> Result<u64, Error> {
        let number: Option<u64> = self.database.value(&list.number_at(origin))?;
        number.ok_or_else(|| self.unbooked("a record that is to leave a list is not in it"))
    }

    fn unbooked(&self, reason: &str) -> Error {
        Error::Damaged {
            path: self.database.path().to_owned(),
            reason: reason.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;
    use std::ops::Range;

    use super::*;
    use crate::core::effect::{Effects, Progress};
    use crate::core::feedback::Mark;
    use crate::decode::Reason;
    use crate::domain::amount::Amount;
    use crate::domain::document_key::DocumentKey;
    use crate::domain::ledger::{Entry, Ledger};
    use crate::domain::payment::BranchId;
    use crate::domain::total::Total;
    use crate::store::journal::tests::{beginning, identity, rejects};
    use crate::store::{RecordsListed, Store};

    fn origin(offset: i64) -> Origin {
        Origin {
            partition: 0,
            offset,
        }
    }

    fn booked(entry: Entry, count: u64, amount: Option<Amount>) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.consumed = count;
        (0..count).for_each(|_| ledger.book(entry, amount));
        ledger
    }

    /// Rejects at these offsets, booked and counted.
    fn rejected(offsets: Range<i64>) -> Effects {
        let count = u64::try_from(offsets.end - offsets.start).unwrap();
        let mut effects = Effects {
            ledger: booked(Entry::Rejected, count, None),
            ..rejects(offsets)
        };
        effects.notices.rejects[Reason::NotJson as usize] = count;
        effects
    }

    /// The rejects at these offsets are payments of 1 in a total now.
    fn second_chances(offsets: &[i64]) -> Effects {
        let count = offsets.len() as u64;
        let one = Amount::from_units(1);
        let total = Total {
            count,
            amount: count.into(),
            ..Total::ZERO
        };
        let mut effects = Effects {
            ledger: booked(Entry::OnTime, count, Some(one)),
            totals: BTreeMap::from([(BranchId::MAX, total)]),
            ..rejects(0..0)
        };
        let changes = offsets
            .iter()
            .map(|offset| ListChange::NoReject(origin(*offset)));
        effects.corrections = Corrections {
            taken_back: booked(Entry::Rejected, count, None),
            changes: changes.collect(),
            ..Corrections::default()
        };
        effects.corrections.rejects_taken_back[Reason::NotJson as usize] = count;
        effects
    }

    /// Everything that a second chance changes, as one reading shows it.
    type Shown = (Vec<i64>, Ledger, [u64; 6], Option<u64>, Vec<DocumentKey>);

    fn shown(store: &Store) -> Shown {
        let readings = store.readings();
        let shown = readings.query(|reading| {
            let listed = reading.rejected_records(None, usize::MAX)?;
            let checkpoint = reading.checkpoint();
            let dirty = reading.dirty(None, usize::MAX)?;
            Ok((
                listed.iter().map(|(_, it)| it.origin.offset).collect(),
                checkpoint.ledger.clone(),
                checkpoint.notices.rejects,
                reading.total(BranchId::MAX)?.map(|total| total.count),
                dirty.into_iter().map(|(document, _)| document).collect(),
            ))
        });
        shown.unwrap()
    }

    fn deliver_all(store: &mut Store) {
        let readings = store.readings();
        let dirty: Vec<(DocumentKey, Mark)> = readings
            .query(|reading| reading.dirty(None, usize::MAX))
            .unwrap();
        store.acknowledge(&dirty).unwrap();
    }

    #[test]
    fn a_reject_that_is_a_payment_now_moves_in_one_write_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), &identity()).unwrap();
        store.commit(&beginning(), &[], 0).unwrap();
        store.commit(&rejected(0..5), &[], 0).unwrap();
        deliver_all(&mut store);
        store.commit(&second_chances(&[1, 3]), &[], 0).unwrap();
        let mut ledger = booked(Entry::Rejected, 3, None);
        ledger.merge(&booked(Entry::OnTime, 2, Some(Amount::from_units(1))));
        let documents = vec![
            DocumentKey::Total(BranchId::MAX),
            DocumentKey::Reject(origin(1)),
            DocumentKey::Reject(origin(3)),
        ];
        let mut notices = [0; 6];
        notices[Reason::NotJson as usize] = 3;
        let expected = (vec![4, 2, 0], ledger, notices, Some(2), documents);
        assert_eq!(shown(&store), expected);
        let places = store.listed(RecordsListed::Rejects, origin(1), 9).unwrap();
        let places: Vec<i64> = places.iter().map(|it| it.origin().offset).collect();
        assert_eq!(places, [2, 4]);

        // The same again, and some of the same, are refused whole.
        for again in [&[1, 3][..], &[0, 3]] {
            let refused = store.commit(&second_chances(again), &[], 0).unwrap_err();
            assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
            assert_eq!(shown(&store), expected);
        }
        drop(store);
        let (store, recovered) = Store::open(dir.path(), &identity()).unwrap();
        assert_eq!(shown(&store), expected);
        assert_eq!(recovered.ledger, expected.1);
    }

    #[test]
    fn more_than_was_booked_can_not_be_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), &identity()).unwrap();
        store.commit(&rejected(0..2), &[], 0).unwrap();
        let before = shown(&store);
        let mut of_too_late = second_chances(&[1]);
        of_too_late.corrections.taken_back = booked(Entry::TooLate, 1, None);
        let mut of_bad_time = second_chances(&[1]);
        of_bad_time.corrections.rejects_taken_back = [0, 0, 0, 1, 0, 0];
        for wrong in [of_too_late, of_bad_time] {
            assert!(store.commit(&wrong, &[], 0).is_err());
            assert_eq!(shown(&store), before);
        }
    }

    #[test]
    fn an_entry_that_says_something_else_now_keeps_its_place_and_is_delivered_again() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), &identity()).unwrap();
        store.commit(&rejected(0..3), &[], 0).unwrap();
        deliver_all(&mut store);
        let now = crate::core::effect::RejectedRecord {
            reason: Reason::BadTime,
            ..rejects(1..2).rejects.remove(0)
        };
        let mut effects = rejects(0..0);
        effects.notices.rejects[Reason::BadTime as usize] = 1;
        effects.corrections.rejects_taken_back[Reason::NotJson as usize] = 1;
        let listed = ListedRecord::Reject(now.clone());
        effects.corrections.changes = vec![ListChange::Replaced(listed)];
        store.commit(&effects, &[], 0).unwrap();
        let (listed, ledger, reasons, _, dirty) = shown(&store);
        assert_eq!(listed, [2, 1, 0]);
        assert_eq!(ledger, booked(Entry::Rejected, 3, None));
        assert_eq!(reasons, [2, 0, 0, 1, 0, 0]);
        assert_eq!(dirty, [DocumentKey::Reject(origin(1))]);
        let found = store.readings();
        let found = found.query(|reading| reading.rejected_record(origin(1)));
        assert_eq!(found.unwrap(), Some(now));
    }

    #[test]
    fn a_list_with_gaps_keeps_the_newest_entries_that_there_are() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), &identity()).unwrap();
        store.commit(&rejected(0..10), &[], 0).unwrap();
        store.keep = 4;
        store
            .commit(&second_chances(&[0, 2, 3, 8]), &[], 0)
            .unwrap();
        deliver_all(&mut store);
        // Six are left: the oldest two of them go, over the gaps.
        store.commit(&rejects(0..0), &[], 0).unwrap();
        assert_eq!(shown(&store).0, [9, 7, 6, 5]);
        drop(store);
        let (mut store, _) = Store::open(dir.path(), &identity()).unwrap();
        store.keep = 4;
        store.commit(&rejected(10..12), &[], 0).unwrap();
        assert_eq!(shown(&store).0, [11, 10, 9, 7]);
        deliver_all(&mut store);
        store.commit(&rejected(12..15), &[], 0).unwrap();
        deliver_all(&mut store);
        store.commit(&rejects(0..0), &[], 0).unwrap();
        // The gap at 8 is behind the beginning.
        assert_eq!(shown(&store).0, [14, 13, 12, 11]);
        assert_eq!(store.head.rejects.gaps, 0);
    }

    #[test]
    fn positions_are_not_moved_by_a_second_chance() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), &identity()).unwrap();
        let progress = Progress {
            position: 5,
            first: Some(0),
            fingerprint: None,
        };
        let read = Effects {
            progress: BTreeMap::from([(0, progress)]),
            ..rejected(0..5)
        };
        store.commit(&read, &[], 0).unwrap();
        let moved = Effects {
            progress: read.progress.clone(),
            ..second_chances(&[0])
        };
        let after = store.commit(&moved, &[], 0).unwrap();
        assert_eq!(after.positions, BTreeMap::from([(0, 5)]));
        assert_eq!(after.ledger.consumed, 5);
    }
}
