//! Payments that repeat others.

use tidegauge::core::effect::{FirstPayment, RepeatedPayment};
use tidegauge::domain::amount::Amount;
use tidegauge::domain::document_key::Origin;

use super::{START, UNITS, World, at, branch};

impl World {
    /// A duplicate and a conflict, which are in the list alone.
    pub(super) fn add_repeated(&mut self) {
        for (offset, first_units) in [(7, UNITS / 2), (8, 3 * UNITS)] {
            self.repeated.push(RepeatedPayment {
                origin: Origin {
                    partition: 1,
                    offset,
                },
                timestamp: Some(START + 100),
                event_time: at(1_000),
                branch: branch(9),
                amount: Amount::from_units(UNITS / 2),
                first: FirstPayment {
                    offset: 2,
                    branch: branch(9),
                    amount: Amount::from_units(first_units),
                },
                read: "{\"branchId\":9}".into(),
            });
        }
    }
}
