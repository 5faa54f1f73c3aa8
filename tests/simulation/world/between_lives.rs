//! What happens between two lives of the service, while nothing runs.

use std::hash::Hasher;

use super::{End, World};
use crate::circumstances::Fault;

impl World {
    // After a life: what is left on the disk.
    pub(super) fn end_life(&mut self, end: End) {
        let (requests, hash) = {
            let state = self.outside.state();
            (state.requests.0, state.requests.1.finish())
        };
        self.say(&format!(
            "the life ends after {requests} requests, {hash:x}: {end:?}"
        ));
        let mut state = self.outside.state();
        state.is_killed = false;
        state.disk.killed_at = None;
        let synced = std::mem::take(&mut state.synced);
        drop(state);
        self.trim_unread();
        if self.circumstances.has(Fault::SearchRestored) && self.restoration.one_in(3) {
            let restored = self.restore_search();
            self.say(&restored);
        }
        if end != End::PowerFailure {
            return;
        }
        self.lose_unsynced(synced);
    }

    // Retention may remove what the service never read while it did not run.
    fn trim_unread(&mut self) {
        if !self.circumstances.has(Fault::Trims) || self.former.is_some() || self.chance.one_in(2) {
            return;
        }
        let now = self.now();
        let mut topic = self.topic.lock().unwrap();
        self.producer.write(&mut topic, now);
        for partition in self.begun.clone() {
            let log = &mut topic.partitions[partition as usize];
            let to = self.chance.between(log.low, log.stable());
            log.trim(to);
            self.trace
                .push(format!("  partition {partition} is trimmed to {to}"));
        }
    }
}
