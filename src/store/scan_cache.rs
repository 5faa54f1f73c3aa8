//! A cache of the cells that a scan has passed and that are about to be asked for one by one.

use std::collections::BTreeMap;
use std::ops::Range;

use tidegauge_windows::{Block, EventTime};

use super::keys::KeyBytes;
use crate::domain::payment::BranchId;

/// The cells of the blocks that were scanned last, stretches without cells, and one of keys without a revision.
///
/// A page of windows asks which branches a block has, and then for each of their cells: these are
/// neighbours, and to look each up by itself takes several times as long.
#[derive(Debug, Default)]
pub(super) struct ScanCache {
    pages: Vec<CellPage>,
    /// How many blocks in a row were scanned and have no cell.
    empty_blocks: u32,
    /// By level: no block that starts in this range has a cell.
    empty: BTreeMap<u8, Range<EventTime>>,
    /// How many revisions in a row were asked for and are not there.
    absent: u32,
    /// No key from the first one up to the second one, which is not included, has a revision.
    unrevised: Option<(KeyBytes, KeyBytes)>,
}

/// The cells of one block, from one branch on.
#[derive(Debug)]
pub(super) struct CellPage {
    block: Block,
    from: BranchId,
    /// The first branch that is not in it; `None`: all are.
    to: Option<BranchId>,
    /// In order, each with the end of its cell in `bytes`.
    ends: Vec<(BranchId, usize)>,
    bytes: Vec<u8>,
}

/// The outcome of looking a cell up in the cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CellLookup<'a> {
    /// The cell has this value.
    Value(&'a [u8]),
    /// There is no such cell.
    Absent,
    /// Not cached: the cell has to be read from the database.
    Nothing,
}

/// All pages take about this much memory at most.
const BYTES_MAX: usize = 256 << 10;
const PAGES_MAX: usize = 64;
const ENTRY_BYTES: usize = 16;
/// So many revisions or cells in a row are not there: it is worth to look for the next one that is.
const ABSENT_MIN: u32 = 8;

impl CellPage {
    pub(super) fn new(block: Block, from: BranchId) -> Self {
        Self {
            block,
            from,
            to: None,
            ends: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Adds the next cell, if there is room for it and was for all before.
    pub(super) fn add(&mut self, branch: BranchId, value: &[u8]) {
        if self.to.is_some() {
            return;
        }
        if self.bytes() + ENTRY_BYTES + value.len() > BYTES_MAX {
            self.to = Some(branch);
            return;
        }
        self.bytes.extend_from_slice(value);
        self.ends.push((branch, self.bytes.len()));
    }

    /// What follows, from `branch` on, is not scanned.
    pub(super) fn end_before(&mut self, branch: BranchId) {
        self.to.get_or_insert(branch);
    }

    fn bytes(&self) -> usize {
        self.bytes.len() + self.ends.len() * ENTRY_BYTES
    }

    fn cell(&self, branch: BranchId) -> CellLookup<'_> {
        if branch < self.from || self.to.is_some_and(|to| branch >= to) {
            return CellLookup::Nothing;
        }
        let Ok(at) = self.ends.binary_search_by_key(&branch, |end| end.0) else {
            return CellLookup::Absent;
        };
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before].1);
        CellLookup::Value(&self.bytes[start..self.ends[at].1])
    }
}

impl ScanCache {
    /// Keeps `page`; others go if all would take too much memory.
    pub(super) fn keep(&mut self, page: CellPage) {
        self.pages.retain(|kept| kept.block != page.block);
        let bytes: usize = self.pages.iter().map(CellPage::bytes).sum();
        if bytes + page.bytes() > BYTES_MAX || self.pages.len() >= PAGES_MAX {
            self.pages.clear();
        }
        self.pages.push(page);
    }

    /// Looks up the cell of `branch` in `block`.
    pub(super) fn cell(&self, block: Block, branch: BranchId) -> CellLookup<'_> {
        // The newest are asked for first.
        let page = self.pages.iter().rev().find(|page| page.block == block);
        match page {
            Some(page) => page.cell(branch),
            None if self.is_empty(block) => CellLookup::Absent,
            None => CellLookup::Nothing,
        }
    }

    /// Whether `block` is known to have no cell.
    pub(super) fn is_empty(&self, block: Block) -> bool {
        let stretch = self.empty.get(&block.level);
        stretch.is_some_and(|stretch| stretch.contains(&block.start))
    }

    /// A block was scanned. Whether the next cell of its level should be looked for.
    pub(super) fn scanned(&mut self, has_cells: bool) -> bool {
        self.empty_blocks = if has_cells { 0 } else { self.empty_blocks + 1 };
        self.empty_blocks >= ABSENT_MIN
    }

    /// Notes that no block of `level` that starts in `starts` has a cell.
    pub(super) fn no_cells(&mut self, level: u8, starts: Range<EventTime>) {
        self.empty.insert(level, starts);
    }

    /// Whether `key` is known to have no revision.
    pub(super) fn is_unrevised(&self, key: &KeyBytes) -> bool {
        let stretch = self.unrevised.as_ref();
        stretch.is_some_and(|(from, to)| from <= key && key < to)
    }

    /// A revision was looked up. Whether the next one that is there should be looked for.
    pub(super) fn looked_up(&mut self, is_there: bool) -> bool {
        self.absent = if is_there { 0 } else { self.absent + 1 };
        self.absent >= ABSENT_MIN
    }

    /// Notes that no key in `from..to` has a revision.
    pub(super) fn no_revision(&mut self, from: KeyBytes, to: KeyBytes) {
        self.absent = 0;
        self.unrevised = Some((from, to));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tidegauge_windows::{EventTime, Window};

    use super::*;
    use crate::store::keys;

    fn block(start: i64) -> Block {
        Block {
            level: 0,
            start: EventTime::from_millis(start),
        }
    }

    fn branch(number: u32) -> BranchId {
        BranchId::new(number).unwrap()
    }

    #[test]
    fn a_page_knows_what_was_scanned_and_no_more() {
        let mut scanned = ScanCache::default();
        let mut page = CellPage::new(block(0), branch(2));
        page.add(branch(3), b"three");
        page.add(branch(5), b"five");
        page.end_before(branch(8));
        scanned.keep(page);
        assert_eq!(scanned.cell(block(0), branch(1)), CellLookup::Nothing);
        assert_eq!(scanned.cell(block(0), branch(2)), CellLookup::Absent);
        assert_eq!(
            scanned.cell(block(0), branch(3)),
            CellLookup::Value(b"three")
        );
        assert_eq!(
            scanned.cell(block(0), branch(5)),
            CellLookup::Value(b"five")
        );
        assert_eq!(scanned.cell(block(0), branch(7)), CellLookup::Absent);
        assert_eq!(scanned.cell(block(0), branch(8)), CellLookup::Nothing);
        assert_eq!(scanned.cell(block(1), branch(3)), CellLookup::Nothing);
        // The same block scanned from another branch on.
        scanned.keep(CellPage::new(block(0), branch(8)));
        assert_eq!(scanned.cell(block(0), branch(3)), CellLookup::Nothing);
        assert_eq!(scanned.cell(block(0), branch(9)), CellLookup::Absent);
        // A page of another block takes nothing away.
        scanned.keep(CellPage::new(block(1), branch(0)));
        assert_eq!(scanned.cell(block(0), branch(9)), CellLookup::Absent);
        assert_eq!(scanned.cell(block(1), branch(9)), CellLookup::Absent);
    }

    #[test]
    fn a_stretch_without_cells_is_one_of_its_level() {
        let mut scanned = ScanCache::default();
        let stretch = block(60).start..block(120).start;
        scanned.no_cells(0, stretch);
        assert_eq!(scanned.cell(block(59), branch(3)), CellLookup::Nothing);
        assert_eq!(scanned.cell(block(60), branch(3)), CellLookup::Absent);
        assert!(scanned.is_empty(block(119)));
        assert!(!scanned.is_empty(block(120)));
        assert!(!scanned.is_empty(Block {
            level: 1,
            ..block(60)
        }));
    }

    #[test]
    fn memory_is_bounded() {
        let value = [0; 1_000];
        let mut scanned = ScanCache::default();
        for start in 0..200 {
            let mut page = CellPage::new(block(start), branch(0));
            for number in 0..start as u32 * 4 {
                page.add(branch(number), &value);
            }
            assert!(page.bytes() <= BYTES_MAX);
            scanned.keep(page);
            assert!(scanned.pages.iter().map(CellPage::bytes).sum::<usize>() <= BYTES_MAX);
            assert!(scanned.pages.len() <= PAGES_MAX);
        }
        // The last page was cut.
        assert_eq!(
            scanned.cell(block(199), branch(5)),
            CellLookup::Value(&value)
        );
        assert_eq!(scanned.cell(block(199), branch(790)), CellLookup::Nothing);
        // Of small cells, it is their places that take most.
        let mut page = CellPage::new(block(0), branch(0));
        for number in 0..200_000 {
            page.add(branch(number), b"1");
        }
        let places = page.ends.len() * size_of::<(BranchId, usize)>();
        assert!(page.bytes.len() + places <= BYTES_MAX);
    }

    //      60        120       180
    //  ----[---------)---------|----
    //       no revision
    #[test]
    fn a_stretch_without_revisions_ends_before_the_next_one() {
        let key = |start| {
            let window = Window::new(block(start).start, block(start + 60).start);
            keys::revision(0, window, branch(1))
        };
        let mut scanned = ScanCache::default();
        assert!(!scanned.is_unrevised(&key(60)));
        scanned.no_revision(key(60), key(120));
        let unrevised = [0, 60, 119, 120, 180].map(|start| scanned.is_unrevised(&key(start)));
        assert_eq!(unrevised, [false, true, true, false, false]);
    }

    #[test]
    fn what_comes_next_is_looked_for_once_several_in_a_row_are_missing() {
        let mut scanned = ScanCache::default();
        let mut look = |is_there| (scanned.scanned(is_there), scanned.looked_up(is_there));
        for _ in 0..2 {
            for _ in 1..ABSENT_MIN {
                assert_eq!(look(false), (false, false));
            }
            // One that is there begins a new row.
            assert_eq!(look(true), (false, false));
        }
        for _ in 1..ABSENT_MIN {
            assert_eq!(look(false), (false, false));
        }
        assert_eq!(look(false), (true, true));
    }
}
