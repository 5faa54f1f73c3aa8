//! What a thread that fetches is asked for.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::fetch_place::FetchPlace;

/// Orders for a thread that fetches.
#[derive(Default)]
pub(super) struct Mailbox {
    orders: Mutex<Orders>,
    came: Condvar,
}

/// An order.
#[derive(Debug)]
pub(super) enum FetchOrder {
    /// Fetch a partition from here on, whatever was asked for before.
    Read(i32, FetchPlace),
    /// Fetch a partition no more.
    Stop(i32),
}

#[derive(Default)]
struct Orders {
    waiting: Vec<FetchOrder>,
    is_closed: bool,
}

impl Mailbox {
    /// Adds an order; `false` if it is closed.
    pub(super) fn put(&self, order: FetchOrder) -> bool {
        let mut orders = self.lock();
        if orders.is_closed {
            return false;
        }
        orders.waiting.push(order);
        drop(orders);
        self.came.notify_one();
        true
    }

    /// All orders that wait. If it `waits`, there is at least one. `None` once it is closed.
    pub(super) fn take(&self, waits: bool) -> Option<Vec<FetchOrder>> {
        let mut orders = self.lock();
        while waits && orders.waiting.is_empty() && !orders.is_closed {
            orders = self
                .came
                .wait(orders)
                .unwrap_or_else(PoisonError::into_inner);
        }
        (!orders.is_closed).then(|| mem::take(&mut orders.waiting))
    }

    /// Whether it is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Ends the thread. Gives the orders that it has not taken.
    pub(super) fn close(&self) -> Vec<FetchOrder> {
        let mut orders = self.lock();
        orders.is_closed = true;
        let waiting = mem::take(&mut orders.waiting);
        drop(orders);
        self.came.notify_one();
        waiting
    }

    // A panic elsewhere leaves whole orders: each change is one step.
    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
