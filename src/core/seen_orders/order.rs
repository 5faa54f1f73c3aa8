//! A payment that later ones are compared with.

use tidegauge_windows::EventTime;

use crate::domain::amount::Amount;
use crate::domain::payment::{BranchId, OrderId, Payment};

/// A payment with an order id that counted, as far as later ones are compared with it. It fits into a cache line: millions
/// are written and read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SeenOrder {
    id_bits: u128,
    /// Its amount.
    pub amount: Amount,
    /// Its offset in its partition.
    pub offset: i64,
    /// When it happened.
    pub event_time: EventTime,
    /// [`EventTime::MIN`] if there is none.
    clock: EventTime,
    /// Its branch.
    pub branch: BranchId,
    is_text: bool,
}

const _: () = assert!(size_of::<SeenOrder>() == 64);

impl SeenOrder {
    /// `payment`, of an order `id`, which is at `offset`. `clock` is [`SeenOrder::clock`].
    #[must_use]
    pub fn of(payment: &Payment, id: OrderId, offset: i64, clock: Option<EventTime>) -> Self {
        let (amount, branch) = (payment.amount, payment.branch);
        Self::new(id, offset, payment.event_time, branch, amount).at_clock(clock)
    }

    /// The payment with these facts, at no clock.
    #[must_use]
    pub fn new(
        id: OrderId,
        offset: i64,
        event_time: EventTime,
        branch: BranchId,
        amount: Amount,
    ) -> Self {
        let (id_bits, is_text) = match id {
            OrderId::Number(number) => (number.cast_unsigned(), false),
            OrderId::Text(bits) => (bits, true),
        };
        Self {
            id_bits,
            amount,
            offset,
            event_time,
            clock: EventTime::MIN,
            branch,
            is_text,
        }
    }

    /// The same at `clock`.
    #[must_use]
    pub fn at_clock(self, clock: Option<EventTime>) -> Self {
        let clock = clock.unwrap_or(EventTime::MIN);
        Self { clock, ..self }
    }

    /// Its order id.
    #[must_use]
    pub fn id(&self) -> OrderId {
        match self.is_text {
            false => OrderId::Number(self.id_bits.cast_signed()),
            true => OrderId::Text(self.id_bits),
        }
    }

    /// The highest believed event time of its partition right after it; `None` if none was believed yet.
    #[must_use]
    pub fn clock(&self) -> Option<EventTime> {
        (self.clock != EventTime::MIN).then_some(self.clock)
    }
}

impl std::fmt::Debug for SeenOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeenOrder")
            .field("id", &self.id())
            .field("offset", &self.offset)
            .field("event_time", &self.event_time)
            .field("branch", &self.branch)
            .field("amount", &self.amount)
            .field("clock", &self.clock())
            .finish()
    }
}
