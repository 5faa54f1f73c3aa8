//! What was read ahead: what the threads that fetch have, and the thread that applies has not taken yet.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::fetched::FetchedPart;
use crate::domain::topic_id::TopicId;
use crate::host::clock::Instant;

/// A queue between threads that fetch and the one that applies, bounded in bytes.
pub(super) struct ReadAhead {
    queue: Mutex<DeliveryQueue>,
    /// Something came.
    filled: Condvar,
    /// Something was taken.
    freed: Condvar,
    bytes_max: usize,
}

/// What a thread that fetches has to say.
#[derive(Debug)]
pub(in crate::source) enum FetchDelivery {
    /// The topic that is read from now on.
    Topic(TopicId),
    /// Something of a partition that is read since it was asked for so many times.
    Part { turn: u64, part: FetchedPart },
    /// A partition can't be read on here, and why.
    GivenBack {
        partition: i32,
        turn: u64,
        reason: String,
    },
}

#[derive(Default)]
struct DeliveryQueue {
    deliveries: VecDeque<(FetchDelivery, usize)>,
    bytes: usize,
    is_closed: bool,
}

impl ReadAhead {
    /// A queue that takes in no more once it holds `bytes_max` bytes.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            queue: Mutex::default(),
            filled: Condvar::new(),
            freed: Condvar::new(),
            bytes_max,
        }
    }

    /// Adds a delivery that holds about `bytes`, once there is room; `false` if it is closed.
    pub(super) fn push(&self, delivery: FetchDelivery, bytes: usize) -> bool {
        let mut queue = self.lock();
        while queue.bytes >= self.bytes_max && !queue.is_closed {
            queue = self
                .freed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if queue.is_closed {
            return false;
        }
        queue.bytes += bytes;
        queue.deliveries.push_back((delivery, bytes));
        drop(queue);
        self.filled.notify_one();
        true
    }

    /// Adds that a partition can't be read on, and why.
    pub(super) fn give_back(&self, partition: i32, turn: u64, reason: String) {
        let given_back = FetchDelivery::GivenBack {
            partition,
            turn,
            reason,
        };
        // Once it is closed, nothing is read.
        self.push(given_back, 0);
    }

    /// Whether it holds as many bytes as it may.
    pub(super) fn is_full(&self) -> bool {
        self.lock().bytes >= self.bytes_max
    }

    /// Waits for something for at most `wait`, and gives it to `take` with all that is there, until `take` says that it
    /// has enough.
    pub(super) fn take(&self, wait: Duration, mut take: impl FnMut(FetchDelivery) -> bool) {
        let until = Instant::now() + wait;
        let mut queue = self.lock();
        while queue.deliveries.is_empty() && !queue.is_closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let (woken, _) = self
                .filled
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner);
            queue = woken;
        }
        while let Some((delivery, bytes)) = queue.deliveries.pop_front() {
            queue.bytes -= bytes;
            if take(delivery) {
                break;
            }
        }
        drop(queue);
        self.freed.notify_all();
    }

    /// Takes in nothing more, and forgets what is there.
    pub(super) fn close(&self) {
        let mut queue = self.lock();
        queue.is_closed = true;
        queue.deliveries.clear();
        queue.bytes = 0;
        drop(queue);
        self.freed.notify_all();
        self.filled.notify_all();
    }

    // A panic elsewhere leaves a whole queue: each change of it is one step.
    fn lock(&self) -> MutexGuard<'_, DeliveryQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
