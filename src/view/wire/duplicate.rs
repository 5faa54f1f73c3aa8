//! A payment that repeats another, as it is shown.

use std::borrow::Cow;

use ethnum::I256;

use super::record_timestamp;
use crate::core::effect::RepeatedPayment;
use crate::domain::amount::{format_units, nearest_double};
use crate::domain::branch::Branches;
use crate::domain::timestamp::rfc3339;
use crate::view::branch_id_answer::BranchIdAnswer;
use crate::view::flat_row::flat_row;

flat_row! {
    /// A payment whose order id was seen before.
    pub struct DuplicateAnswer<'a> {
        /// The partition it was read from.
        pub partition: i32 => Partition,
        /// The offset in that partition.
        pub offset: i64 => Offset,
        /// Its Kafka timestamp; null when it has none.
        pub record_timestamp: Option<String> => Time,
        /// `duplicate`, or `conflict`: the amount or the branch is another.
        pub reason: &'static str => Word,
        /// When it happened.
        pub event_time: String => Time,
        /// The branch's name.
        pub branch: Cow<'a, str> => Name,
        /// The branch's id.
        pub branch_id: BranchIdAnswer => Id,
        /// The amount: the nearest double.
        pub pay_amount: f64 => Money,
        /// The amount, exact.
        pub pay_amount_exact: String => ExactMoney,
        /// The offset of the payment that counted, in the same partition.
        pub first_offset: i64 => Offset,
        /// The branch's name of the payment that counted.
        pub first_branch: Cow<'a, str> => Name,
        /// The amount of the payment that counted, exact.
        pub first_pay_amount_exact: String => ExactMoney,
        /// What was read: at most the first 512 bytes.
        pub read: &'a str => Text,
    }
}

impl<'a> DuplicateAnswer<'a> {
    /// What is shown of `repeated`.
    #[must_use]
    pub fn new(repeated: &'a RepeatedPayment, branches: &'a Branches) -> Self {
        let amount = I256::from(repeated.amount.units());
        let first = &repeated.first;
        Self {
            partition: repeated.origin.partition,
            offset: repeated.origin.offset,
            record_timestamp: record_timestamp(repeated.timestamp),
            reason: if repeated.is_conflict() {
                "conflict"
            } else {
                "duplicate"
            },
            event_time: rfc3339(repeated.event_time),
            branch: branches.name(repeated.branch),
            branch_id: branches.key(repeated.branch).into(),
            pay_amount: nearest_double(amount),
            pay_amount_exact: format_units(amount),
            first_offset: first.offset,
            first_branch: branches.name(first.branch),
            first_pay_amount_exact: first.amount.to_string(),
            read: &repeated.read,
        }
    }
}
