//! What is added to the totals of branches: by payments in windows, what their slices say, and each other payment by itself.

use std::collections::BTreeMap;
use std::mem;

use tidegauge_windows::{Aggregate, EventTime, Placement};

use super::Pipeline;
use crate::domain::branch::Branches;
use crate::domain::payment::{BranchId, Payment};
use crate::domain::total::Total;

/// A branch's total: what was added since the last effects, and since when it is known.
pub(super) struct Running {
    pub(super) known_since: EventTime,
    pub(super) added: Option<Total>,
    /// Whether it has a configured name.
    pub(super) is_named: bool,
}

impl Running {
    /// That of a branch that is not known.
    pub(super) fn unknown(branch: BranchId, branches: &Branches) -> Self {
        Self {
            known_since: EventTime::MAX,
            added: None,
            is_named: branches.is_configured(branch),
        }
    }

    /// What is added to the total of `branch` until effects are taken; `touched` has the branches with such an addition.
    pub(super) fn added(&mut self, branch: BranchId, touched: &mut Vec<BranchId>) -> &mut Total {
        self.added.get_or_insert_with(|| {
            touched.push(branch);
            Total::ZERO
        })
    }
}

impl Pipeline {
    /// Adds a payment that is in no window.
    pub(super) fn add_to_total(&mut self, payment: &Payment, placement: Placement) {
        let running = self.totals.entry(payment.branch);
        let running = running.or_insert_with(|| Running::unknown(payment.branch, &self.branches));
        self.notices.unnamed_branches += u64::from(!running.is_named);
        let added = running.added(payment.branch, &mut self.touched);
        if placement == Placement::Future {
            added.add_future(payment);
        } else {
            added.add(payment);
        }
        // A future one, too, shows that there is such a branch.
        if payment.event_time < running.known_since {
            running.known_since = payment.event_time;
            self.engine.know(payment.branch, payment.event_time);
        }
    }

    /// Takes over what `lane` has added to totals by payments in no window.
    pub(super) fn absorb_totals(&mut self, lane: &mut Self) {
        self.counted_before.append(&mut lane.counted_before);
        for branch in mem::take(&mut lane.touched) {
            let theirs = lane.totals.get_mut(&branch);
            if let Some(added) = theirs.and_then(|running| running.added.take()) {
                let running = self.totals.entry(branch);
                let running = running.or_insert_with(|| Running::unknown(branch, &self.branches));
                running.added(branch, &mut self.touched).merge(&added);
            }
        }
    }

    /// What all payments since the last call add to totals. The engine knows the branches of all of them from then on.
    pub(super) fn take_totals(&mut self) -> BTreeMap<BranchId, Total> {
        let mut known = BTreeMap::new();
        for (_, branch, slice) in self.engine.slices() {
            let running = self.totals.entry(branch);
            let running = running.or_insert_with(|| Running::unknown(branch, &self.branches));
            let total = slice.total();
            if !running.is_named {
                self.notices.unnamed_branches += slice.count();
            }
            if total.known_since < running.known_since {
                running.known_since = total.known_since;
                known.insert(branch, total.known_since);
            }
            running.added(branch, &mut self.touched).merge(&total);
        }
        for (branch, since) in known {
            self.engine.know(branch, since);
        }
        for (branch, amount) in mem::take(&mut self.counted_before) {
            if let Some(running) = self.totals.get_mut(&branch) {
                self.notices.unnamed_branches -= u64::from(!running.is_named);
                running.added(branch, &mut self.touched).take_back(amount);
            }
        }
        let touched = mem::take(&mut self.touched).into_iter();
        touched
            .filter_map(|branch| Some((branch, self.totals.get_mut(&branch)?.added.take()?)))
            .collect()
    }
}
