//! The texts of a state: branches that are not integers, each with its number.
//!
//! A figure is stored under the number of its branch, so a text is in the batch of the first figure of it, or
//! in one before. Texts are never deleted.

use std::ops::ControlFlow;
use std::sync::Arc;

use rocksdb::WriteBatch;

use super::database::malformed;
use super::identity::{STORAGE_VERSION_TEXTS, StoredIdentity};
use super::readings::StateContext;
use super::snapshot::{Read, StateSnapshot};
use super::values::StoredValue;
use super::{Store, keys};
use crate::domain::branch::Branches;
use crate::domain::branch_texts::BranchTexts;
use crate::domain::payment::BranchId;
use crate::view::reading::ReadError;

impl Store {
    /// What the branches of this state are and what they are called, as payments and readers add to them.
    #[must_use]
    pub fn branches(&self) -> Arc<Branches> {
        Arc::clone(&self.branches)
    }
}

/// All texts of the state of `snapshot`.
pub(super) fn read(snapshot: &StateSnapshot<'_>) -> Read<BranchTexts> {
    let mut texts: Vec<String> = Vec::new();
    snapshot.texts(|key, number, text| {
        // One that is missing would give its number to another text.
        if usize::try_from(number) != Ok(texts.len()) {
            return Err(ReadError(malformed(key)));
        }
        texts.push(text);
        Ok(ControlFlow::Continue(()))
    })?;
    let count = texts.len();
    let texts = BranchTexts::restore(texts)
        .map_err(|error| ReadError(format!("its texts of branches: {error}")))?;
    // Each branch with figures has a total.
    let last = snapshot.last_branch()?.and_then(BranchId::text_number);
    match last.map(usize::try_from) {
        None => Ok(texts),
        Some(Ok(last)) if last < count => Ok(texts),
        Some(_) => Err(ReadError("the text of a branch is missing".into())),
    }
}

/// Puts the texts that are not `kept` into `batch`. Gives how many are kept then.
pub(super) fn put(
    batch: &mut WriteBatch,
    texts: &BranchTexts,
    kept: usize,
    identity: impl FnOnce() -> StoredIdentity,
) -> usize {
    let added = texts.since(kept);
    if kept == 0 && !added.is_empty() {
        let identity = StoredIdentity {
            version: STORAGE_VERSION_TEXTS,
            ..identity()
        };
        batch.put(keys::identity(), identity.encode());
    }
    for (number, (_, text)) in (0_u32..).skip(kept).zip(&added) {
        batch.put(keys::text(number), text.to_string().encode());
    }
    kept + added.len()
}

impl StateContext {
    /// What is stored of the identity, for a state without texts.
    pub(super) fn identity(&self) -> StoredIdentity {
        StoredIdentity {
            version: super::identity::STORAGE_VERSION,
            topic: self.topic.clone(),
            generation: self.generation,
            rules: self.rules.clone(),
        }
    }
}
