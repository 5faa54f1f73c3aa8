//! Documents that are to be marked again, and whether that outlasts a power failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::core::feedback::OnDurable;

/// An order to the writer to mark documents again.
#[derive(Clone, Debug)]
pub(super) struct MarkOrder {
    is_durable: Arc<AtomicBool>,
}

impl MarkOrder {
    /// Whether the documents will be delivered again, whatever happens.
    pub(super) fn is_durable(&self) -> bool {
        self.is_durable.load(Ordering::Acquire)
    }
}

/// Makes orders, and waits for them.
#[derive(Debug, Default)]
pub(super) struct MarkOrders {
    any_durable: Arc<Notify>,
    /// How many are not durable yet.
    pending: Arc<AtomicUsize>,
}

impl MarkOrders {
    /// A new order, and what the writer is to call.
    pub(super) fn order(&self) -> (MarkOrder, OnDurable) {
        let order = MarkOrder {
            is_durable: Arc::default(),
        };
        let (is_durable, any_durable) =
            (Arc::clone(&order.is_durable), Arc::clone(&self.any_durable));
        let pending = Arc::clone(&self.pending);
        pending.fetch_add(1, Ordering::AcqRel);
        let on_durable = OnDurable::new(move || {
            is_durable.store(true, Ordering::Release);
            pending.fetch_sub(1, Ordering::AcqRel);
            any_durable.notify_one();
        });
        (order, on_durable)
    }

    /// Whether any of them is not durable yet.
    pub(super) fn is_any_pending(&self) -> bool {
        self.pending.load(Ordering::Acquire) > 0
    }

    /// Waits until an order has become durable since the last call.
    pub(super) async fn any_durable(&self) {
        self.any_durable.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_pending_until_what_it_asks_for_is_durable() {
        let orders = MarkOrders::default();
        assert!(!orders.is_any_pending());
        let (first, on_first) = orders.order();
        let (second, on_second) = orders.order();
        on_second.call();
        assert!(orders.is_any_pending());
        assert!(!first.is_durable() && second.is_durable());
        on_first.call();
        assert!(first.is_durable() && !orders.is_any_pending());
    }
}
