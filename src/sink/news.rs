//! Which documents have changed since the last pass, as the writer tells.

use std::sync::Arc;

use tokio::sync::watch;

use crate::document_key::DocumentKey;
use crate::feed::Feed;

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
            followed: Some(Followed { feed, newest, seen }),
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

    /// The documents that changed since this was last asked, in key order; `None` if no feed
    /// is followed, or they were too many.
    pub(super) fn take(&mut self) -> Option<Arc<[DocumentKey]>> {
        let followed = self.followed.as_mut()?;
        followed.newest.mark_unchanged();
        let changes = followed.feed.since(followed.seen);
        followed.seen = changes.upto;
        changes.documents.map(Arc::from)
    }
}
