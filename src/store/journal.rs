//! The lists of records that are in no window: numbered as they grow, cut at the old end.

use rocksdb::WriteBatch;

use super::database::Database;
use super::error::Error;
use super::head::NumberRange;
use super::keys::RecordList;
use super::mark::Marks;
use crate::core::effect::{PaymentInNoWindow, RejectedRecord};
use crate::core::feedback::Blocked;
use crate::domain::document_key::Origin;

/// One of the lists.
#[derive(Debug)]
pub(super) struct Journal<'a> {
    database: &'a Database,
    list: RecordList,
    /// The number after the last entry that is stored.
    stored: u64,
}

/// Take at most so many entries off in one batch.
const TRIMMED_MAX: u64 = 10_000;

impl NumberRange {
    /// The number of the next entry.
    pub(super) fn take(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }
}

impl<'a> Journal<'a> {
    /// A list whose stored entries have numbers below `stored`.
    pub(super) fn new(database: &'a Database, list: RecordList, stored: u64) -> Self {
        Self {
            database,
            list,
            stored,
        }
    }

    /// Takes the oldest entries off while there are more than `keep`, up to the first that awaits
    /// delivery and is not blocked. Says how many awaited delivery and were given up.
    pub(super) fn trim(
        &mut self,
        numbers: &mut NumberRange,
        keep: u64,
        mut marks: Option<&mut Marks>,
        blocked: &Blocked,
        batch: &mut WriteBatch,
    ) -> Result<u64, Error> {
        let mut given_up = 0;
        let surplus = numbers
            .next
            .saturating_sub(numbers.first)
            .saturating_sub(numbers.gaps)
            .saturating_sub(keep);
        let mut left = surplus.min(TRIMMED_MAX);
        for _ in 0..TRIMMED_MAX {
            if left == 0 {
                break;
            }
            let Some(origin) = self.origin_of(numbers.first)? else {
                // An entry of this very batch is not there yet: it is taken off by the next one.
                if numbers.first >= self.stored {
                    break;
                }
                numbers.first += 1;
                numbers.gaps = numbers.gaps.saturating_sub(1);
                continue;
            };
            left -= 1;
            let document = self.list.document(origin);
            if let Some(marks) = marks.as_deref_mut()
                && marks.is_dirty(self.database, &document)?
            {
                if !blocked.documents.contains(&document)
                    && !blocked.families.contains(&self.list.family())
                {
                    break;
                }
                marks.forget(&document);
                given_up += 1;
            }
            batch.delete(self.list.entry(numbers.first));
            batch.delete(self.list.number_at(origin));
            numbers.first += 1;
        }
        Ok(given_up)
    }

    fn origin_of(&self, number: u64) -> Result<Option<Origin>, Error> {
        let key = self.list.entry(number);
        Ok(match self.list {
            RecordList::NoWindow => self
                .database
                .value::<PaymentInNoWindow>(&key)?
                .map(|late| late.origin),
            RecordList::Rejects => self
                .database
                .value::<RejectedRecord>(&key)?
                .map(|reject| reject.origin),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;
    use std::sync::Arc;

    use tidegauge_windows::{Changes, Settings, Snapshot, Span};

    use crate::core::effect::timestamps::TimestampRange;
    use crate::core::effect::{Effects, Notices, Progress, RejectedRecord};
    use crate::core::feedback::{Blocked, Family};
    use crate::core::seen_orders::OrderChanges;
    use crate::decode::Reason;
    use crate::domain::document_key::{DocumentKey, Origin};
    use crate::domain::ledger::Ledger;
    use crate::store::{Identity, MarkedDocuments, Store};

    pub(in crate::store) fn identity() -> Identity {
        let settings = Settings {
            definitions: Vec::new(),
            out_of_orderness: Span::SECOND,
            allowed_lateness: Span::HOUR,
            max_future: Span::MINUTE,
            retention: Span::DAY,
            zero_windows: false,
        };
        Identity {
            topic: "t".into(),
            generation: 1,
            rules: String::new(),
            settings: Arc::new(settings),
            names: Arc::default(),
            documents: MarkedDocuments::WithPayments,
        }
    }

    /// What begins a state: partition 0 is read from its first record on.
    pub(in crate::store) fn beginning() -> Effects {
        let progress = Progress {
            position: 1,
            first: Some(0),
            fingerprint: None,
        };
        Effects {
            progress: BTreeMap::from([(0, progress)]),
            ..rejects(0..0)
        }
    }

    pub(in crate::store) fn rejects(offsets: std::ops::Range<i64>) -> Effects {
        let reject = |offset| RejectedRecord {
            origin: Origin {
                partition: 0,
                offset,
            },
            timestamp: None,
            reason: Reason::NotJson,
            detail: String::new(),
            read: String::new(),
        };
        Effects {
            changes: Changes {
                slices: Default::default(),
                revisions: Default::default(),
                finals: Vec::new(),
                known: Vec::new(),
                reached: Vec::new(),
                snapshot: Snapshot::default(),
            },
            totals: BTreeMap::new(),
            ledger: Ledger::default(),
            notices: Notices::default(),
            timestamps: TimestampRange::EMPTY,
            rejects: offsets.map(reject).collect(),
            in_no_window: Vec::new(),
            repeated: Vec::new(),
            orders: OrderChanges::default(),
            progress: BTreeMap::new(),
            corrections: Default::default(),
        }
    }

    fn kept(store: &Store) -> Vec<i64> {
        let readings = store.readings();
        let kept = readings
            .query(|reading| reading.rejected_records(None, usize::MAX))
            .unwrap();
        kept.iter()
            .map(|(_, reject)| reject.origin.offset)
            .collect()
    }

    fn acknowledge(store: &mut Store, offsets: &[i64]) {
        let dirty = store
            .readings()
            .query(|reading| reading.dirty(None, usize::MAX))
            .unwrap();
        let is_meant = |key: &DocumentKey| matches!(key, DocumentKey::Reject(origin) if offsets.contains(&origin.offset));
        let acks: Vec<_> = dirty.into_iter().filter(|(key, _)| is_meant(key)).collect();
        store.acknowledge(&acks).unwrap();
    }

    #[test]
    fn the_newest_are_kept_and_all_that_await_delivery() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), &identity()).unwrap();
        store.keep = 3;
        store.commit(&rejects(0..5), &[], 0).unwrap();
        store.commit(&rejects(5..6), &[], 0).unwrap();
        assert_eq!(kept(&store), [5, 4, 3, 2, 1, 0]);

        // The second awaits delivery: it and all after it stay.
        acknowledge(&mut store, &[0, 2, 3]);
        store.commit(&rejects(6..7), &[], 0).unwrap();
        assert_eq!(kept(&store), [6, 5, 4, 3, 2, 1]);

        acknowledge(&mut store, &[1]);
        store.commit(&rejects(0..0), &[], 0).unwrap();
        assert_eq!(kept(&store), [6, 5, 4]);
        let gone = Origin {
            partition: 0,
            offset: 3,
        };
        let readings = store.readings();
        let gone = readings.query(|reading| reading.rejected_record(gone));
        assert_eq!(gone.unwrap(), None);
        drop(readings);

        // A restart knows where the list begins.
        drop(store);
        let (mut store, _) = Store::open(dir.path(), &identity()).unwrap();
        store.keep = 1;
        acknowledge(&mut store, &[4, 5]);
        store.commit(&rejects(0..0), &[], 0).unwrap();
        assert_eq!(kept(&store), [6]);
    }

    #[test]
    fn an_entry_that_can_not_be_delivered_does_not_hold_the_list() {
        let first = DocumentKey::Reject(Origin {
            partition: 0,
            offset: 0,
        });
        let cases: [(Option<DocumentKey>, Option<Family>, &[i64]); 4] = [
            (None, None, &[3, 2, 1, 0]),
            // The second is waited for still.
            (Some(first), None, &[3, 2, 1]),
            (None, Some(Family::Rejects), &[3]),
            (None, Some(Family::NoWindow), &[3, 2, 1, 0]),
        ];
        for (document, family, left) in cases {
            let dir = tempfile::tempdir().unwrap();
            let (mut store, _) = Store::open(dir.path(), &identity()).unwrap();
            store.keep = 1;
            store.commit(&rejects(0..4), &[], 0).unwrap();
            store.block(Blocked {
                documents: document.into_iter().collect(),
                families: family.into_iter().collect(),
            });
            store.commit(&rejects(0..0), &[], 0).unwrap();
            assert_eq!(kept(&store), left, "{document:?} {family:?}");
            // Those that went await nothing.
            assert_eq!(store.checkpoint().dirty, left.len() as u64);
            // They are counted, also after a restart.
            let given_up = 4 - left.len() as u64;
            assert_eq!(store.checkpoint().given_up, given_up);
            drop(store);
            let (store, _) = Store::open(dir.path(), &identity()).unwrap();
            assert_eq!(store.checkpoint().given_up, given_up);
        }
    }
}
