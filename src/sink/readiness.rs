//! Whether there is a place for documents: indexes that are ours, in order, and hold what is known to
//! be delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tidegauge_windows::planted::{Mistake, is_planted};
use tracing::{info, warn};

use super::aliases;
use super::cluster::{LostContent, Ready};
use super::delivery::{Delivery, Interrupted, blocking};
use super::expected::{Past, expected};
use super::mark_order::MarkOrder;
use super::retry::Verdict;
use super::trouble::Trouble;
use crate::core::feedback::{Family, Feedback};
use crate::host::clock::Instant;

/// When totals under former names are looked for or deleted again, where that was refused.
const MISNAMED_AGAIN: Duration = Duration::from_secs(10);

/// What is known of an index after it was made ready, or not.
enum Readiness {
    /// Documents can be sent to it.
    Ready,
    /// Not now.
    Waits,
    /// It lacks documents that count as delivered.
    Lost,
}

impl Delivery {
    // Before the first checkpoint there is nothing to deliver, and the provenance is not known yet.
    pub(super) async fn knows_provenance(&mut self) -> Result<bool, Interrupted> {
        let readings = Arc::clone(&self.readings);
        let provenance = blocking(move || readings.query(|reading| reading.provenance())).await?;
        if let Some(provenance) = provenance {
            self.cluster.belongs_to(provenance);
        }
        Ok(self.cluster.provenance().is_some())
    }

    pub(super) async fn set_up(&mut self) -> Result<(), Interrupted> {
        self.cluster.own_indexes().await?;
        self.cluster.set_up().await?;
        // Whatever fails here: a later round looks for them, too.
        self.misnamed_search.begin();
        let mut former = BTreeMap::new();
        if self.had_former_life {
            former = self.former_life().await?;
        }
        self.inspect().await?;
        if self.had_former_life {
            // What was delivered in a former life is to be there.
            former.retain(|family, _| {
                !self.destinations.is_known(*family) && self.destinations.is_gone(*family)
            });
            self.recreated(former).await?;
            self.destinations.former_life_is_known();
        }
        self.find_misnamed().await?;
        if !self.handover.is_never() && !self.cluster.is_public() {
            // Readers saw this generation before: what is written from now on is for them as well.
            let holders = self.cluster.holders().await?;
            if aliases::are_here(self.cluster.names(), &holders) {
                self.publish().await;
            }
        }
        self.report_now().await;
        Ok(())
    }

    // The families that have documents. Takes note of the indexes that a former life delivered them to.
    async fn former_life(&mut self) -> Result<BTreeMap<Family, Past>, Interrupted> {
        let readings = Arc::clone(&self.readings);
        let zeros = self.zero_windows;
        let (families, indexes) = blocking(move || {
            readings.query(|reading| Ok((expected(reading, zeros)?, reading.indexes()?)))
        })
        .await?;
        for (family, index) in indexes {
            // Of windows past retention nothing is missed.
            let is_expected = families.contains_key(&family) && !self.destinations.is_known(family);
            if is_expected && !is_planted(Mistake::IndexForgotten) {
                self.destinations.remember(family, index);
            }
        }
        Ok(families)
    }

    // What names were changed for is delivered again, and what is called by a former name is deleted
    // once that is sure.
    async fn find_misnamed(&mut self) -> Result<(), Interrupted> {
        let misnamed = match self.cluster.misnamed(&self.branches).await {
            // As where the mapping of the totals has drifted, or a shard of theirs is lost: nothing else waits until
            // that is repaired.
            Err(trouble) if !matches!(trouble.verdict, Verdict::Denied | Verdict::Foreign) => {
                self.misnamed_search.refused(trouble.reason, MISNAMED_AGAIN);
                return Ok(());
            }
            misnamed => misnamed?,
        };
        let Some(first) = misnamed.first() else {
            self.misnamed_search.finish();
            return Ok(());
        };
        warn!(
            documents = misnamed.len(),
            first = first.id,
            now = %self.branches.names().name(&first.branch),
            "branches have other names now: all documents are delivered again, and totals under \
             former names are deleted"
        );
        let readings = Arc::clone(&self.readings);
        let zeros = self.zero_windows;
        let known = blocking(move || readings.query(|reading| expected(reading, zeros)));
        let order = self.mark_again(known.await?.into_keys().collect()).await?;
        // Only now: if this ends before, they are looked for again.
        self.misnamed = misnamed;
        self.misnamed_search.finish();
        self.misnamed_marks = Some(order);
        self.delete_misnamed_at = Some(Instant::now());
        Ok(())
    }

    pub(super) async fn delete_misnamed(&mut self) -> Result<(), Interrupted> {
        if self.misnamed_search.is_due() {
            self.find_misnamed().await?;
        }
        let is_due = self
            .delete_misnamed_at
            .is_some_and(|at| at <= Instant::now());
        if is_due
            && self
                .misnamed_marks
                .as_ref()
                .is_some_and(MarkOrder::is_durable)
        {
            self.misnamed = self.cluster.delete_misnamed(&self.misnamed).await?;
            let is_over = self.misnamed.is_empty();
            self.delete_misnamed_at = (!is_over).then(|| Instant::now() + MISNAMED_AGAIN);
        }
        Ok(())
    }

    // Looks whether the indexes are the ones that we know, in order.
    pub(super) async fn inspect(&mut self) -> Result<(), Interrupted> {
        let live = self.cluster.own_indexes().await?;
        self.answered();
        let compared = self.destinations.compare(&live);
        let mut lost = BTreeMap::new();
        for family in compared.gone {
            if self.destinations.is_gone(family) {
                lost.insert(family, Past::Delivered);
            }
        }
        for (family, uuid) in compared.found {
            let target = self.cluster.target(family);
            if self.destinations.is_ready(target, uuid, false) {
                lost.insert(family, Past::Delivered);
            }
        }
        self.recreated(lost).await?;
        self.ensure_all(compared.changed).await?;
        self.next_inspection = Some(Instant::now() + self.pacing.inspect);
        if self.handover.is_at_once() || self.cluster.is_public() {
            self.publish().await;
        }
        Ok(())
    }

    // Whether the index of any of them is ready now.
    pub(super) async fn ensure_all(
        &mut self,
        families: BTreeSet<Family>,
    ) -> Result<bool, Interrupted> {
        let mut is_any_ready = false;
        let mut lost = BTreeMap::new();
        let mut failed = None;
        let families = families
            .into_iter()
            .filter(|family| !self.destinations.awaits_marks(*family))
            .map(|family| match self.destinations.relies_on(family) {
                true => (family, LostContent::Delivered),
                false => (family, LostContent::None),
            })
            .collect();
        for (family, ensured) in self.cluster.ensure_all(families).await {
            // What is known of the others is noted in any case.
            match self.ensured(family, ensured).await {
                Ok(Readiness::Ready) => is_any_ready = true,
                Ok(Readiness::Waits) => {}
                Ok(Readiness::Lost) => {
                    lost.insert(family, Past::Delivered);
                }
                Err(interrupted) => failed = Some(interrupted),
            }
        }
        self.recreated(lost).await?;
        failed.map_or(Ok(is_any_ready), Err)
    }

    async fn ensured(
        &mut self,
        family: Family,
        ensured: Result<Ready, Trouble>,
    ) -> Result<Readiness, Interrupted> {
        let now = Instant::now();
        let ready = match ensured {
            Ok(ready) => ready,
            Err(trouble) => {
                self.destinations.is_doubtful(family);
                match trouble.verdict {
                    Verdict::Denied | Verdict::Foreign => return Err(trouble.into()),
                    Verdict::Park => {
                        warn!(reason = trouble.reason, "its documents are kept back");
                        let wait = self.pacing.inspect;
                        self.destinations
                            .hold_for(family, now, wait, trouble.reason);
                    }
                    _ => {
                        let index = self.cluster.target(family).index;
                        self.hold(family, &index, now, trouble.reason);
                    }
                }
                return Ok(Readiness::Waits);
            }
        };
        self.answered();
        if ready.is_new && self.cluster.is_public() {
            self.publish().await;
        }
        let target = self.cluster.target(family);
        let is_lost = self.destinations.is_ready(target, ready.uuid, ready.is_new);
        Ok(if is_lost {
            Readiness::Lost
        } else {
            Readiness::Ready
        })
    }

    // All documents of these are delivered again, once that is sure: then to all of them.
    async fn recreated(&mut self, families: BTreeMap<Family, Past>) -> Result<(), Interrupted> {
        for (family, past) in &families {
            let index = self.cluster.names().index(*family);
            match past {
                Past::Delivered => warn!(
                    index,
                    "an index was lost or replaced: its documents are delivered again"
                ),
                Past::Untouched => info!(
                    index,
                    "an index is not there yet: its documents are delivered"
                ),
            }
        }
        if families.is_empty() || is_planted(Mistake::LostIndexNotFilled) {
            return Ok(());
        }
        let order = self.mark_again(families.keys().copied().collect()).await?;
        // An older snapshot brings totals back under the names that branches had then, and zeros.
        self.outdated_zeros.may_be_back();
        if families.get(&Family::Totals) == Some(&Past::Delivered) {
            self.misnamed_search.begin();
        }
        for family in families.into_keys() {
            self.destinations.await_marks(family, order.clone());
        }
        Ok(())
    }

    // Orders that all of their documents are delivered again.
    async fn mark_again(&mut self, families: BTreeSet<Family>) -> Result<MarkOrder, Interrupted> {
        self.passes.next_full = None;
        self.handover.begin_again();
        let (order, on_durable) = self.mark_orders.order();
        self.tell(Feedback::Recreated(families, on_durable)).await?;
        Ok(order)
    }
}
