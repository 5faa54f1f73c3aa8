//! Which documents have changed since the last pass, as the writer tells.

use std::sync::Arc;

use tidegauge_windows::{Selection, Walk};
use tokio::sync::watch;

use crate::domain::document_key::DocumentKey;
use crate::view::changelog::{ChangeSet, Changelog};
use crate::view::reading::{ReadError, Reading};

/// Beyond so many changed slices all marks are looked at instead.
const SLICES_MAX: usize = 4_096;
/// And beyond so many windows that became final at once.
const FINALS_MAX: usize = 4_096;

/// Follows the writer's checkpoints, once it has been told to.
#[derive(Debug, Default)]
pub(super) struct ChangeFollower {
    followed: Option<Followed>,
}

#[derive(Debug)]
struct Followed {
    changelog: Arc<Changelog>,
    /// The number of the newest checkpoint.
    newest: watch::Receiver<u64>,
    /// All changes up to this checkpoint were asked for.
    seen: u64,
    /// [`Changelog::markings`] when this was last asked.
    markings: u64,
}

impl ChangeFollower {
    /// Those of the checkpoints that `changelog` tells of.
    pub(super) fn of(changelog: Arc<Changelog>) -> Self {
        let seen = changelog.newest();
        let (sender, newest) = watch::channel(seen);
        changelog.watch(move |number| {
            sender.send_replace(number);
        });
        Self {
            followed: Some(Followed {
                markings: changelog.markings(),
                changelog,
                newest,
                seen,
            }),
        }
    }

    /// Waits for a checkpoint that was not there when it was last asked what changed. Waits without
    /// end if no changelog is followed.
    pub(super) async fn come(&mut self) {
        if let Some(Followed { newest, .. }) = &mut self.followed
            && newest.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }

    /// What changed since the last call; `None` if that does not say which documents were marked: there
    /// is no changelog, the changes were too many, or documents were marked without a change.
    pub(super) fn take(&mut self) -> Option<ChangeSet> {
        let followed = self.followed.as_mut()?;
        followed.newest.mark_unchanged();
        let markings = followed.changelog.markings();
        let is_marked = std::mem::replace(&mut followed.markings, markings) != markings;
        let changes = followed.changelog.since(followed.seen);
        followed.seen = changes.upto;
        let changed = changes.changed.filter(|_| !is_marked)?;
        (changed.slices.len() <= SLICES_MAX).then_some(changed)
    }
}

/// Documents that changed, each part in key order.
#[derive(Debug, Default)]
pub(super) struct ChangedDocuments {
    /// Those that a change has few of: totals, final windows, and windows that don't overlap.
    pub(super) prompt: Vec<DocumentKey>,
    /// Windows that overlap and are not final.
    pub(super) overlapping: Vec<DocumentKey>,
}

/// The documents of totals and windows that `changed` marked; `None` if they are too many to be
/// named.
pub(super) fn documents(
    reading: &dyn Reading,
    changed: &ChangeSet,
) -> Result<Option<ChangedDocuments>, ReadError> {
    let frame = reading.frame();
    let overlaps: Vec<bool> = frame
        .definitions()
        .iter()
        .map(|one| one.overlap() > 1)
        .collect();
    let totals = changed.totals.iter().copied().map(DocumentKey::Total);
    let mut named = ChangedDocuments {
        prompt: totals.collect(),
        overlapping: Vec::new(),
    };
    let mut windows = frame.windows_of(&changed.slices);
    for closed in &changed.closed {
        let walk = Walk::new(Selection::from(*closed));
        let step = frame.walk(reading, &walk, FINALS_MAX)?;
        if step.rest.is_some() {
            return Ok(None);
        }
        windows.extend(step.windows);
    }
    windows.sort_unstable();
    windows.dedup();
    for (definition, window, branch) in windows {
        let overlaps = overlaps.get(usize::from(definition)) == Some(&true);
        let part = if overlaps && frame.closed_by(window).is_none() {
            &mut named.overlapping
        } else {
            &mut named.prompt
        };
        part.push(DocumentKey::Window {
            definition,
            window,
            branch,
        });
    }
    Ok(Some(named))
}
