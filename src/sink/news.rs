//! Which documents have changed since the last pass, as the writer tells.

use std::sync::Arc;

use tidegauge_windows::Frame;
use tokio::sync::watch;

use crate::document_key::DocumentKey;
use crate::feed::{Changed, Feed};

/// Beyond so many changed slices all marks are looked at instead.
const SLICES_MAX: usize = 4_096;

/// What the writer tells of its checkpoints, if anybody has it tell.
#[derive(Debug, Default)]
pub(super) struct News {
    followed: Option<Followed>,
}

#[derive(Debug)]
struct Followed {
    feed: Arc<Feed>,
    /// The number of the newest checkpoint.
    newest: watch::Receiver<u64>,
    /// All changes up to this checkpoint were asked for.
    seen: u64,
    /// [`Feed::markings`] when this was last asked.
    markings: u64,
}

impl News {
    /// Those of the checkpoints that `feed` tells of.
    pub(super) fn of(feed: Arc<Feed>) -> Self {
        let seen = feed.newest();
        let (sender, newest) = watch::channel(seen);
        feed.watch(move |number| {
            sender.send_replace(number);
        });
        Self {
            followed: Some(Followed {
                markings: feed.markings(),
                feed,
                newest,
                seen,
            }),
        }
    }

    /// Waits for a checkpoint that was not there when it was last asked what changed. Waits without
    /// end if no feed is followed.
    pub(super) async fn come(&mut self) {
        if let Some(Followed { newest, .. }) = &mut self.followed
            && newest.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }

    /// What changed since this was last asked; `None` if that does not say which documents were
    /// marked: nobody tells, or the changes were too many, or documents were marked without a
    /// change.
    pub(super) fn take(&mut self) -> Option<Changed> {
        let followed = self.followed.as_mut()?;
        followed.newest.mark_unchanged();
        let markings = followed.feed.markings();
        let is_marked = std::mem::replace(&mut followed.markings, markings) != markings;
        let changes = followed.feed.since(followed.seen);
        followed.seen = changes.upto;
        let changed = changes.changed.filter(|_| !is_marked)?;
        (changed.slices.len() <= SLICES_MAX).then_some(changed)
    }
}

/// The documents of totals and windows that `changed` marked, in key order.
pub(super) fn documents(frame: &Frame, changed: &Changed) -> Arc<[DocumentKey]> {
    let totals = changed.totals.iter().copied().map(DocumentKey::Total);
    let windows = frame.windows_of(&changed.slices).into_iter();
    let windows = windows.map(|(definition, window, branch)| DocumentKey::Window {
        definition,
        window,
        branch,
    });
    totals.chain(windows).collect()
}
