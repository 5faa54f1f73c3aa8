//! The bytes of every key: the one place that knows them. They are frozen; the tests hold them.
//!
//! A key is a prefix byte and then fields of fixed length, so that keys sort as their fields do:
//! big-endian, signed numbers with the sign bit flipped.

use std::ops::{Deref, Range};

use tidegauge_windows::{Block, EventTime, Window};

use crate::domain::document_key::Origin;
use crate::domain::payment::BranchId;

mod dirty;
mod index;
mod key_fields;
mod mark_group;
mod orders;
mod record_list;
mod topic;

pub(super) use dirty::{
    all_dirty, dirty, dirty_after, dirty_windows_before, dirty_windows_from, document_of,
};
pub(super) use index::{all_indexes, family_of_index, index};
use key_fields::KeyFields;
pub(super) use mark_group::MarkGroup;
pub(super) use orders::{all_orders, group_of_repeated, orders, repeated, repeated_to, segment_of};
pub(super) use record_list::RecordList;
pub(super) use topic::{
    all_halts, all_progress, halt, life, partition_of, partition_of_halt, progress, topic,
};

/// The register of prefix bytes. A byte that was ever used is never given another meaning.
mod prefix {
    pub(super) const IDENTITY: u8 = 0x01;
    pub(super) const HEAD: u8 = 0x02;
    pub(super) const SNAPSHOT: u8 = 0x03;
    pub(super) const PROGRESS: u8 = 0x04;
    pub(super) const CONFIGURED: u8 = 0x05;
    pub(super) const TASK: u8 = 0x06;
    pub(super) const DOCUMENTS: u8 = 0x07;
    pub(super) const TOPIC: u8 = 0x08;
    pub(super) const HALT: u8 = 0x09;
    pub(super) const LIFE: u8 = 0x0a;
    pub(super) const INDEX: u8 = 0x0b;
    pub(super) const TABLE_LIST: u8 = 0x0c;
    pub(super) const NAMES: u8 = 0x0d;
    pub(super) const TEXT: u8 = 0x0e;
    pub(super) const FORMER_RULES: u8 = 0x0f;
    pub(super) const TOTAL: u8 = 0x10;
    pub(super) const CELL: u8 = 0x11;
    pub(super) const REVISION: u8 = 0x12;
    pub(super) const ORDERS: u8 = 0x13;
    pub(super) const IN_NO_WINDOW: u8 = 0x20;
    pub(super) const IN_NO_WINDOW_AT: u8 = 0x21;
    pub(super) const REJECT: u8 = 0x22;
    pub(super) const REJECT_AT: u8 = 0x23;
    pub(super) const REPEATED: u8 = 0x24;
    pub(super) const DIRTY: u8 = 0x30;
}

/// The second byte of the keys of dirty marks and of indexes, in the order of [`DocumentKey`].
mod kind {
    pub(super) const TOTAL: u8 = 0x01;
    pub(super) const WINDOW: u8 = 0x02;
    pub(super) const IN_NO_WINDOW: u8 = 0x03;
    pub(super) const REJECT: u8 = 0x04;
}

/// A key's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct KeyBytes {
    // Zero behind `len`, so that comparing the arrays first, then the lengths, sorts as the slices.
    bytes: [u8; KEY_BYTES_MAX],
    len: u8,
}

// The mark of a window: prefix, kind, definition, start, end, branch.
const KEY_BYTES_MAX: usize = 24;

impl KeyBytes {
    fn new(prefix: u8) -> Self {
        let mut bytes = [0; KEY_BYTES_MAX];
        bytes[0] = prefix;
        Self { bytes, len: 1 }
    }

    fn bytes<const N: usize>(mut self, field: [u8; N]) -> Self {
        let start = usize::from(self.len);
        self.bytes[start..start + N].copy_from_slice(&field);
        #[expect(clippy::cast_possible_truncation, reason = "fields have up to 8 bytes")]
        let len = N as u8;
        self.len += len;
        self
    }

    fn byte(self, field: u8) -> Self {
        self.bytes([field])
    }

    fn u16(self, field: u16) -> Self {
        self.bytes(field.to_be_bytes())
    }

    fn u32(self, field: u32) -> Self {
        self.bytes(field.to_be_bytes())
    }

    fn u64(self, field: u64) -> Self {
        self.bytes(field.to_be_bytes())
    }

    fn i32(self, field: i32) -> Self {
        self.u32(field.cast_unsigned() ^ (1 << 31))
    }

    fn i64(self, field: i64) -> Self {
        self.u64(field.cast_unsigned() ^ (1 << 63))
    }

    fn time(self, field: EventTime) -> Self {
        self.i64(field.millis())
    }

    fn branch(self, field: BranchId) -> Self {
        self.u32(field.get())
    }

    fn origin(self, field: Origin) -> Self {
        self.i32(field.partition).i64(field.offset)
    }

    /// The first key that does not begin with this one.
    fn end(mut self) -> Self {
        let len = usize::from(self.len);
        // No prefix is 0xff, so the carry ends in the first byte at the latest.
        for at in (0..len).rev() {
            self.bytes[at] = self.bytes[at].wrapping_add(1);
            if self.bytes[at] != 0 {
                #[expect(clippy::cast_possible_truncation, reason = "below KEY_BYTES_MAX")]
                let at = at as u8;
                self.len = at + 1;
                break;
            }
        }
        self
    }

    /// All keys that begin with this one.
    fn all(self) -> Range<Self> {
        self..self.end()
    }
}

impl Deref for KeyBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl AsRef<[u8]> for KeyBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// The kind of a key, in words; `None` for a key that this version does not write.
pub(super) fn subject(key: &[u8]) -> Option<&'static str> {
    Some(match *key.first()? {
        prefix::IDENTITY
        | prefix::HEAD
        | prefix::SNAPSHOT
        | prefix::CONFIGURED
        | prefix::TASK
        | prefix::DOCUMENTS
        | prefix::TOPIC
        | prefix::LIFE
        | prefix::INDEX
        | prefix::TABLE_LIST
        | prefix::FORMER_RULES
        | prefix::NAMES => "state",
        prefix::PROGRESS | prefix::HALT => "partitions",
        prefix::TEXT => "texts",
        prefix::TOTAL => "totals",
        prefix::CELL => "cells",
        prefix::REVISION => "revisions",
        prefix::IN_NO_WINDOW => "late",
        prefix::REJECT => "rejects",
        prefix::ORDERS => "orders",
        prefix::REPEATED => "duplicates",
        prefix::IN_NO_WINDOW_AT | prefix::REJECT_AT => "places",
        prefix::DIRTY => "dirty",
        _ => return None,
    })
}

/// The names of branches that documents have.
pub(super) fn names() -> KeyBytes {
    KeyBytes::new(prefix::NAMES)
}

/// The text of a branch that is not an integer, by its number.
pub(super) fn text(number: u32) -> KeyBytes {
    KeyBytes::new(prefix::TEXT).u32(number)
}

/// [`text`] of all numbers.
pub(super) fn all_texts() -> Range<KeyBytes> {
    KeyBytes::new(prefix::TEXT).all()
}

/// The number of a [`text`] key.
pub(super) fn number_of_text(key: &[u8]) -> Option<u32> {
    let mut fields = KeyFields::after(key, prefix::TEXT)?;
    fields.u32().filter(|_| fields.is_done())
}

/// The rules that the state had before, with the positions at which they were given up.
pub(super) fn former_rules() -> KeyBytes {
    KeyBytes::new(prefix::FORMER_RULES)
}

/// The list of tables at the last checkpoint.
pub(super) fn table_list() -> KeyBytes {
    KeyBytes::new(prefix::TABLE_LIST)
}

/// The key of the state's identity.
pub(super) fn identity() -> KeyBytes {
    KeyBytes::new(prefix::IDENTITY)
}

/// The newest checkpoint's counters.
pub(super) fn head() -> KeyBytes {
    KeyBytes::new(prefix::HEAD)
}

/// The engine's snapshot.
pub(super) fn snapshot() -> KeyBytes {
    KeyBytes::new(prefix::SNAPSHOT)
}

/// The branches that zero windows are given for because they are configured.
pub(super) fn configured() -> KeyBytes {
    KeyBytes::new(prefix::CONFIGURED)
}

/// The marking task with this number.
pub(super) fn task(number: u64) -> KeyBytes {
    KeyBytes::new(prefix::TASK).u64(number)
}

/// [`task`] of all numbers.
pub(super) fn all_tasks() -> Range<KeyBytes> {
    KeyBytes::new(prefix::TASK).all()
}

/// The number of a [`task`] key.
pub(super) fn number_of_task(key: &[u8]) -> Option<u64> {
    let mut fields = KeyFields::after(key, prefix::TASK)?;
    fields.u64().filter(|_| fields.is_done())
}

/// Which documents are marked for delivery.
pub(super) fn documents() -> KeyBytes {
    KeyBytes::new(prefix::DOCUMENTS)
}

/// The total of a branch.
pub(super) fn total(branch: BranchId) -> KeyBytes {
    KeyBytes::new(prefix::TOTAL).branch(branch)
}

/// [`total`] of all branches from `from` on.
pub(super) fn totals_from(from: BranchId) -> Range<KeyBytes> {
    total(from)..KeyBytes::new(prefix::TOTAL).end()
}

/// The branch of a [`total`] key.
pub(super) fn branch_of_total(key: &[u8]) -> Option<BranchId> {
    let mut fields = KeyFields::after(key, prefix::TOTAL)?;
    fields.branch().filter(|_| fields.is_done())
}

/// What a branch has in a block.
pub(super) fn cell(block: Block, branch: BranchId) -> KeyBytes {
    cells_of(block).branch(branch)
}

/// [`cell`] of all branches from `from` on in a block.
pub(super) fn cells_from(block: Block, from: BranchId) -> Range<KeyBytes> {
    cell(block, from)..cells_of(block).end()
}

/// [`cell`] of a level: blocks from `from` on, that start before `to`.
pub(super) fn cells_between(
    level: u8,
    from: (EventTime, BranchId),
    to: EventTime,
) -> Range<KeyBytes> {
    let first = Block {
        level,
        start: from.0,
    };
    let end = Block { level, start: to };
    cell(first, from.1)..cells_of(end)
}

/// [`cell`] of all blocks of the level of `block` before it.
pub(super) fn cells_before(block: Block) -> Range<KeyBytes> {
    KeyBytes::new(prefix::CELL).byte(block.level)..cells_of(block)
}

fn cells_of(block: Block) -> KeyBytes {
    KeyBytes::new(prefix::CELL)
        .byte(block.level)
        .time(block.start)
}

/// The block's start and the branch of a [`cell`] key.
pub(super) fn slice_and_branch(key: &[u8]) -> Option<(EventTime, BranchId)> {
    let mut fields = KeyFields::after(key, prefix::CELL)?;
    fields.byte()?;
    let place = (fields.time()?, fields.branch()?);
    fields.is_done().then_some(place)
}

/// How often a window of a branch was revised.
pub(super) fn revision(definition: u16, window: Window, branch: BranchId) -> KeyBytes {
    KeyBytes::new(prefix::REVISION)
        .u16(definition)
        .time(window.start)
        .time(window.end)
        .branch(branch)
}

/// [`revision`] of all windows of a definition that start before `start`.
pub(super) fn revisions_before(definition: u16, start: EventTime) -> Range<KeyBytes> {
    let of_definition = KeyBytes::new(prefix::REVISION).u16(definition);
    of_definition..of_definition.time(start)
}

/// [`revision`] of all windows, from the key `from` on.
pub(super) fn revisions_from(from: KeyBytes) -> Range<KeyBytes> {
    from..KeyBytes::new(prefix::REVISION).end()
}

/// The key that is these bytes, if it is a [`revision`].
pub(super) fn revision_at(key: &[u8]) -> Option<KeyBytes> {
    let mut fields = KeyFields::after(key, prefix::REVISION)?;
    let definition = fields.u16()?;
    let window = Window::new(fields.time()?, fields.time()?);
    let branch = fields.branch()?;
    fields
        .is_done()
        .then(|| revision(definition, window, branch))
}

#[cfg(test)]
mod tests;
