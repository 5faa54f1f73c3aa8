//! Showing readers this generation in place of the one before.

use std::sync::Arc;
use std::time::Duration;

use tidegauge_windows::planted::{Mistake, is_planted};

use super::{Delivery, Interrupted, blocking};
use crate::core::feedback::Blocked;
use crate::host::clock::Instant;
use crate::sink::collect::lock;

/// Readers of the generation before see nothing new meanwhile, so they don't wait for what is refused,
/// nor longer than this for an index that takes nothing.
const HANDOVER_PATIENCE: Duration = Duration::from_secs(30);

impl Delivery {
    // Shows it once all is delivered that the generation before had.
    pub(super) async fn hand_over(&mut self) -> Result<(), Interrupted> {
        if self.cluster.is_public() || !self.is_handed_over().await? {
            return Ok(());
        }
        // An index may have been lost since the last look.
        self.inspect().await?;
        if self.is_handed_over().await? {
            self.publish().await;
        }
        Ok(())
    }

    async fn is_handed_over(&mut self) -> Result<bool, Interrupted> {
        if is_planted(Mistake::ShownTooEarly) && !self.handover.is_never() {
            return Ok(true);
        }
        // Until an order is carried out, readings do not show that documents are to be marked.
        if self.handover.is_never() || self.mark_orders.is_any_pending() {
            return Ok(false);
        }
        let mut handover = self.handover.clone();
        let now = Instant::now();
        let blocked = Blocked {
            documents: lock(&self.memory).blocked(now, Duration::ZERO),
            families: self.destinations.blocked(now, HANDOVER_PATIENCE),
        };
        let readings = Arc::clone(&self.readings);
        let (handover, is_done) = blocking(move || {
            let is_done = readings.query(|reading| {
                handover.note(reading);
                handover.is_done(reading, &blocked)
            })?;
            Ok((handover, is_done))
        })
        .await?;
        self.handover = handover;
        Ok(is_done)
    }

    // Documents go whether or not readers can be shown them; the status tells if not.
    pub(in crate::sink) async fn publish(&mut self) {
        let may_take = !self.handover.is_at_once();
        if self.cluster.publish(may_take).await.is_err() {
            let soon = Instant::now() + self.pacing.retry_most;
            self.next_inspection = self.next_inspection.map(|next| next.min(soon));
        }
    }
}
