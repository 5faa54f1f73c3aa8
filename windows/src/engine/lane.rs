//! Several engines, each of which inserts the inputs of some partitions: lanes.
//!
//! Inputs are judged by their own partition alone, and slices add up in any order, so lanes can be on several threads.
//! What is decided by all partitions together is decided by one of them, the primary, while no other inserts: it
//! [absorbs](Engine::absorb) what they know, moves the combined watermark and hands out the changes, and all others
//! [follow](Engine::follow).

use alloc::vec::Vec;
use core::mem;

use hashbrown::HashMap;

use super::Engine;
use crate::activity::Activity;
use crate::changes::merge_slices;
use crate::known_keys::KnownKeys;
use crate::{Aggregate, Key};

impl<K: Key, A: Aggregate> Engine<K, A> {
    /// Makes this engine the primary of several, and gives one for the partitions that `is_its` names: inputs of these
    /// are inserted there from now on, and no longer here.
    #[must_use]
    pub fn split_off(&mut self, is_its: impl Fn(i32) -> bool) -> Self {
        Self {
            settings: self.settings.clone(),
            grid: self.grid.clone(),
            watermarks: self.watermarks.split_off(is_its),
            // What follows holds what this lane adds to that of the primary, until that absorbs it.
            activity: Activity::default(),
            known: KnownKeys::default(),
            quiet_closes: Vec::new(),
            latest: None,
            floor: self.floor,
            kept_from: self.kept_from,
            in_calendar_until: self.in_calendar_until,
            open_from: self.open_from,
            slice: self.slice,
            slices: HashMap::default(),
            behind: HashMap::default(),
            revisions: HashMap::default(),
            finals: Vec::new(),
            learned: Vec::new(),
            reached: Vec::new(),
        }
    }

    /// Takes in what `lane` knows beside its slices. To be called for all lanes before
    /// [`Engine::advance`], [`Engine::close_quiet`] and [`Engine::take_changes`], which are called for the primary alone.
    pub fn absorb(&mut self, lane: &mut Self) {
        self.watermarks.absorb(&mut lane.watermarks);
        self.latest = self.latest.max(lane.latest);
        // They are counted in the windows that were final when they came: the watermark has not moved since.
        for (slice, count) in lane.behind.drain() {
            *self.behind.entry(slice).or_default() += count;
        }
        for (key, since) in lane.learned.drain(..) {
            self.know(key, since);
        }
        lane.reached.clear();
        for stretch in lane.activity.take() {
            let pieces = self.activity.cover(stretch).into_iter();
            let open_from = self.open_from;
            self.reached
                .extend(pieces.filter(|piece| piece.start < open_from));
        }
    }

    /// Takes over what `primary` has decided. To be called for all other lanes before the next input of any.
    pub fn follow(&mut self, primary: &Self) {
        self.watermarks.follow(&primary.watermarks);
        self.floor = primary.floor;
        self.kept_from = primary.kept_from;
        self.open_from = primary.open_from;
    }

    /// Takes in the slices of `lane`, for the next [`Engine::take_changes`].
    pub fn absorb_slices(&mut self, lane: &mut Self) {
        merge_slices(&mut self.slices, mem::take(&mut lane.slices));
    }
}
