//! The branches of texts that were met before, without the lock of the table.

use std::cell::RefCell;

use xxhash_rust::xxh3::xxh3_64;

use crate::domain::branch_key::BranchTextError;
use crate::domain::branch_texts::BranchTexts;
use crate::domain::payment::BranchId;

/// One place for each text, by its hash: the last text that had it. So it is bounded, and texts that
/// were made to have the same hash cost no more than texts that are new.
#[derive(Debug)]
pub(super) struct BranchCache(RefCell<Vec<Option<KnownText>>>);

/// A text and its branch.
type KnownText = (Box<str>, BranchId);

/// About 24 bytes each, beside the texts.
const PLACES: usize = 8_192;

impl Default for BranchCache {
    fn default() -> Self {
        Self(RefCell::new(Vec::new()))
    }
}

impl BranchCache {
    /// The branch of `text`, if it was met lately.
    #[inline]
    pub fn find(&self, text: &str) -> Option<BranchId> {
        let places = self.0.borrow();
        match places.get(place_of(text))? {
            Some((known, id)) if **known == *text => Some(*id),
            _ => None,
        }
    }

    /// As [`BranchTexts::intern`] of `table`, which must be the same at each call.
    #[inline]
    pub fn intern(&self, table: &BranchTexts, text: &str) -> Result<BranchId, BranchTextError> {
        let mut places = self.0.borrow_mut();
        if places.is_empty() {
            places.resize(PLACES, None);
        }
        let place = &mut places[place_of(text)];
        match place {
            Some((known, id)) if **known == *text => Ok(*id),
            _ => {
                let id = table.intern(text)?;
                *place = Some((text.into(), id));
                Ok(id)
            }
        }
    }
}

#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lower bits are as good as all"
)]
fn place_of(text: &str) -> usize {
    xxh3_64(text.as_bytes()) as usize % PLACES
}
