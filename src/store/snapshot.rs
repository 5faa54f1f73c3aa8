//! The state at one moment, with types.

mod cells;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use rocksdb::{ReadOptions, Snapshot as Moment};
use tidegauge_windows::planted::{Mistake, is_planted};
use tidegauge_windows::{EventTime, Key as _, Snapshot};

use super::codec::{ByteDecoder, DecodeResult};
use super::database::{Database, malformed};
use super::head::CheckpointHead;
use super::identity::MarkedDocuments;
use super::keys::{self, KeyBytes, RecordList};
use super::scan_cache::ScanCache;
use super::values::StoredValue;
use crate::core::effect::Progress;
use crate::core::feedback::{Blocked, Family, Mark};
use crate::domain::document_key::{DocumentKey, Origin};
use crate::domain::payment::BranchId;
use crate::domain::provenance::FormerRules;
use crate::domain::topic_id::TopicId;
use crate::domain::total::Total;
use crate::view::reading::ReadError;

/// The whole state at the moment the image was taken, whatever is written since.
pub(super) struct StateSnapshot<'a> {
    moment: Moment<'a>,
    /// Branches known by configuration, in order.
    configured: &'a [BranchId],
    scanned: RefCell<ScanCache>,
}

/// The result of a read.
pub(super) type Read<T> = Result<T, ReadError>;

/// The direction of a scan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Direction {
    Up,
    Down,
}

impl<'a> StateSnapshot<'a> {
    pub(super) fn take(database: &'a Database, configured: &'a [BranchId]) -> Self {
        Self {
            moment: database.rocks().snapshot(),
            configured,
            scanned: RefCell::default(),
        }
    }

    pub(super) fn head(&self) -> Read<CheckpointHead> {
        self.value(&keys::head()).map(Option::unwrap_or_default)
    }

    pub(super) fn engine(&self) -> Read<Snapshot> {
        self.value(&keys::snapshot()).map(Option::unwrap_or_default)
    }

    /// The branches that were known by configuration at the newest checkpoint.
    pub(super) fn learned(&self) -> Read<Vec<BranchId>> {
        self.value(&keys::configured())
            .map(Option::unwrap_or_default)
    }

    pub(super) fn progress(&self) -> Read<BTreeMap<i32, Progress>> {
        let mut progress = BTreeMap::new();
        self.scan(keys::all_progress(), Direction::Up, |key, value| {
            progress.insert(parsed(key, keys::partition_of)?, decoded(key, value)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(progress)
    }

    /// Hands the texts of branches to `visit`, each with its key and number, in order.
    pub(super) fn texts(
        &self,
        mut visit: impl FnMut(&[u8], u32, String) -> Read<ControlFlow<()>>,
    ) -> Read<()> {
        self.scan(keys::all_texts(), Direction::Up, |key, value| {
            visit(
                key,
                parsed(key, keys::number_of_text)?,
                decoded(key, value)?,
            )
        })
    }

    pub(super) fn topic(&self) -> Read<Option<TopicId>> {
        self.value(&keys::topic())
    }

    /// The rules that the state had before it adopted others, oldest first.
    pub(super) fn former_rules(&self) -> Read<Vec<FormerRules>> {
        let former = self.value(&keys::former_rules())?;
        Ok(former.unwrap_or_default())
    }

    /// The partitions that can't be read on, and why.
    pub(super) fn halts(&self) -> Read<BTreeMap<i32, String>> {
        let mut halts = BTreeMap::new();
        self.scan(keys::all_halts(), Direction::Up, |key, value| {
            halts.insert(parsed(key, keys::partition_of_halt)?, decoded(key, value)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(halts)
    }

    /// The uuids of the indexes that hold what was delivered.
    pub(super) fn indexes(&self) -> Read<BTreeMap<Family, String>> {
        let mut indexes = BTreeMap::new();
        self.scan(keys::all_indexes(), Direction::Up, |key, value| {
            indexes.insert(parsed(key, keys::family_of_index)?, decoded(key, value)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(indexes)
    }

    pub(super) fn total(&self, branch: BranchId) -> Read<Option<Total>> {
        self.value(&keys::total(branch))
    }

    /// At most `limit` totals of branches from `from` on.
    pub(super) fn totals(&self, from: BranchId, limit: usize) -> Read<Vec<(BranchId, Total)>> {
        let mut totals = Vec::new();
        self.scan(keys::totals_from(from), Direction::Up, |key, value| {
            if totals.len() >= limit {
                return Ok(ControlFlow::Break(()));
            }
            let total: Total = decoded(key, value)?;
            if is_planted(Mistake::BranchOfTheFutureHidden) && total.first_event_time().is_none() {
                return Ok(ControlFlow::Continue(()));
            }
            totals.push((parsed(key, keys::branch_of_total)?, total));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(totals)
    }

    /// The last branch, in order, that has a total.
    pub(super) fn last_branch(&self) -> Read<Option<BranchId>> {
        let mut last = None;
        let totals = keys::totals_from(BranchId::FIRST);
        self.scan(totals, Direction::Down, |key, _| {
            last = Some(parsed(key, keys::branch_of_total)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(last)
    }

    /// The entry of `list` about the record at `origin`.
    pub(super) fn entry_at<V: StoredValue>(
        &self,
        list: RecordList,
        origin: Origin,
    ) -> Read<Option<V>> {
        match self.value(&list.number_at(origin))? {
            Some(number) => self.value(&list.entry(number)),
            None => Ok(None),
        }
    }

    /// The places of at most `limit` records of `list` from `from` on, by partition and offset.
    pub(super) fn places(&self, list: RecordList, from: Origin, limit: usize) -> Read<Vec<Origin>> {
        let mut places = Vec::new();
        self.scan(list.places_from(from), Direction::Up, |key, _| {
            if places.len() >= limit {
                return Ok(ControlFlow::Break(()));
            }
            places.push(parsed(key, |key| list.place_of(key))?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(places)
    }

    /// The entries of `list` before number `before`, the newest first, at most `limit`.
    pub(super) fn entries<V: StoredValue>(
        &self,
        list: RecordList,
        before: Option<u64>,
        limit: usize,
    ) -> Read<Vec<(u64, V)>> {
        let mut entries = Vec::new();
        self.scan(list.before(before), Direction::Down, |key, value| {
            if entries.len() >= limit {
                return Ok(ControlFlow::Break(()));
            }
            let number = parsed(key, |key| list.number_of(key))?;
            entries.push((number, decoded(key, value)?));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(entries)
    }

    /// At most `limit` dirty marks after the one of `after`.
    pub(super) fn dirty(
        &self,
        after: Option<&DocumentKey>,
        limit: usize,
    ) -> Read<Vec<(DocumentKey, Mark)>> {
        let mut dirty = Vec::new();
        self.scan(keys::dirty_after(after), Direction::Up, |key, value| {
            if dirty.len() >= limit {
                return Ok(ControlFlow::Break(()));
            }
            let mark = Mark(decoded(key, value)?);
            dirty.push((parsed(key, keys::document_of)?, mark));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(dirty)
    }

    /// The mark of `document`, if it has one.
    pub(super) fn mark(&self, document: &DocumentKey) -> Read<Option<Mark>> {
        Ok(self.value(&keys::dirty(document))?.map(Mark))
    }

    /// The earliest start, from `from` on, of a window of a definition that awaits delivery and can
    /// be delivered.
    pub(super) fn first_dirty_window(
        &self,
        definition: u16,
        from: EventTime,
        blocked: &Blocked,
    ) -> Read<Option<EventTime>> {
        let mut next = Some(from);
        while let Some(from) = next.take() {
            let mut first = None;
            let range = keys::dirty_windows_from(definition, from);
            self.scan(range, Direction::Up, |key, _| {
                let document = parsed(key, keys::document_of)?;
                let DocumentKey::Window { window, .. } = document else {
                    return Ok(ControlFlow::Break(()));
                };
                if blocked.documents.contains(&document) {
                    return Ok(ControlFlow::Continue(()));
                }
                match blocked.end_of_family(definition, window.start) {
                    Some(end) => next = Some(end),
                    None => first = Some(window.start),
                }
                Ok(ControlFlow::Break(()))
            })?;
            if first.is_some() {
                return Ok(first);
            }
        }
        Ok(None)
    }

    /// At most `limit` windows of a definition that await delivery and start before `start`.
    pub(super) fn dirty_windows_before(
        &self,
        definition: u16,
        start: EventTime,
        limit: usize,
    ) -> Read<Vec<DocumentKey>> {
        let mut documents = Vec::new();
        let range = keys::dirty_windows_before(definition, start);
        self.scan(range, Direction::Up, |key, _| {
            if documents.len() >= limit {
                return Ok(ControlFlow::Break(()));
            }
            documents.push(parsed(key, keys::document_of)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(documents)
    }

    /// The marking tasks that are not done, by number.
    pub(super) fn tasks<T: StoredValue>(&self) -> Read<Vec<(u64, T)>> {
        let mut tasks = Vec::new();
        self.scan(keys::all_tasks(), Direction::Up, |key, value| {
            tasks.push((parsed(key, keys::number_of_task)?, decoded(key, value)?));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(tasks)
    }

    /// Whether there are marking tasks that are not done.
    pub(super) fn is_marking(&self) -> Read<bool> {
        let mut is_marking = false;
        self.scan(keys::all_tasks(), Direction::Up, |_, _| {
            is_marking = true;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(is_marking)
    }

    /// Which documents are marked; states of storage version 1 do not say.
    pub(super) fn documents(&self) -> Read<Option<MarkedDocuments>> {
        self.value(&keys::documents())
    }

    /// Hands all in `range` to `visit`, the first first.
    pub(super) fn scan_up(
        &self,
        range: Range<KeyBytes>,
        visit: impl FnMut(&[u8], &[u8]) -> Read<ControlFlow<()>>,
    ) -> Read<()> {
        self.scan(range, Direction::Up, visit)
    }

    /// Hands all in `range` to `visit`, the last first.
    pub(super) fn scan_down(
        &self,
        range: Range<KeyBytes>,
        visit: impl FnMut(&[u8], &[u8]) -> Read<ControlFlow<()>>,
    ) -> Read<()> {
        self.scan(range, Direction::Down, visit)
    }

    fn value<V: StoredValue>(&self, key: &KeyBytes) -> Read<Option<V>> {
        let bytes = self
            .moment
            .get_pinned(key)
            .map_err(|error| ReadError(error.into_string()))?;
        bytes.map(|bytes| decoded(key, &bytes)).transpose()
    }

    fn scan(
        &self,
        range: Range<KeyBytes>,
        direction: Direction,
        mut visit: impl FnMut(&[u8], &[u8]) -> Read<ControlFlow<()>>,
    ) -> Read<()> {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(&*range.start);
        options.set_iterate_upper_bound(&*range.end);
        let mut at = self.moment.raw_iterator_opt(options);
        match direction {
            Direction::Up => at.seek_to_first(),
            Direction::Down => at.seek_to_last(),
        }
        while let Some((key, value)) = at.item() {
            if visit(key, value)?.is_break() {
                return Ok(());
            }
            match direction {
                Direction::Up => at.next(),
                Direction::Down => at.prev(),
            }
        }
        at.status().map_err(|error| ReadError(error.into_string()))
    }
}

fn decoded<V: StoredValue>(key: &[u8], bytes: &[u8]) -> Read<V> {
    readable(key, ByteDecoder::all(bytes, V::read))
}

fn readable<V>(key: &[u8], value: DecodeResult<V>) -> Read<V> {
    value.map_err(|_| ReadError(malformed(key)))
}

fn parsed<T>(key: &[u8], parse: impl FnOnce(&[u8]) -> Option<T>) -> Read<T> {
    parse(key).ok_or_else(|| ReadError(malformed(key)))
}
