//! Which marks there are, as far as the writer knows without reading the state.

use super::halved_cache::HalvedCache;
use super::keys::MarkGroup;

/// Which documents have a mark, and which of those marks no delivery has read.
///
/// It holds what the newest batches set and cleared: only they change marks.
#[derive(Debug)]
pub(super) struct KnownMarks {
    groups: HalvedCache<MarkGroup, KnownGroup>,
}

/// What is known of a group: each bit is of a document.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct KnownGroup {
    /// Documents with a mark.
    pub(super) there: u64,
    /// Documents without a mark.
    pub(super) absent: u64,
    /// Documents with a mark that the first [`KnownGroup::readings`] readings of deliveries have not read.
    unread: u64,
    readings: u64,
}

/// The bytes that a group takes in a map.
const GROUP_BYTES: usize = 128;
/// Half of the bytes of all groups.
const HALF_BYTES: usize = 3 << 20;

impl Default for KnownMarks {
    fn default() -> Self {
        Self {
            groups: HalvedCache::new(HALF_BYTES),
        }
    }
}

impl KnownMarks {
    /// What is known of `group`.
    pub(super) fn group(&self, group: &MarkGroup) -> KnownGroup {
        self.groups.get(group).copied().unwrap_or_default()
    }

    /// Those of `group` with a mark that no delivery has read, after so many readings of deliveries.
    pub(super) fn unread(&self, group: &MarkGroup, readings: u64) -> u64 {
        let known = self.group(group);
        if known.readings == readings {
            known.unread
        } else {
            0
        }
    }

    /// Unless they are marked by this batch, the documents of `bits` have no mark.
    pub(super) fn note_absent(&mut self, group: MarkGroup, bits: u64) {
        self.groups.keep(group, GROUP_BYTES, |known| {
            known.absent |= bits & !known.there;
        });
    }

    /// The documents of `bits` are marked. `readings`: no more readings of deliveries were taken before that; `None` if it
    /// is not known.
    pub(super) fn set(&mut self, group: MarkGroup, bits: u64, readings: Option<u64>) {
        self.groups.keep(group, GROUP_BYTES, |known| {
            known.there |= bits;
            known.absent &= !bits;
            if let Some(readings) = readings {
                if known.readings != readings {
                    known.unread = 0;
                    known.readings = readings;
                }
                known.unread |= bits;
            }
        });
    }

    /// The documents of `bits` are not marked any more.
    pub(super) fn clear(&mut self, group: MarkGroup, bits: u64) {
        self.groups.keep(group, GROUP_BYTES, |known| {
            known.there &= !bits;
            known.absent |= bits;
            known.unread &= !bits;
        });
    }
}
