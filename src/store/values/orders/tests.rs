#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::core::effect::{FirstPayment, RepeatedPayment};
use crate::domain::document_key::Origin;
use crate::store::values::RepeatedGroup;

fn times() -> impl Strategy<Value = EventTime> {
    any::<i64>().prop_map(EventTime::from_millis)
}

fn amounts() -> impl Strategy<Value = Amount> {
    let units = prop_oneof![
        any::<i128>(),
        (-99_999..99_999_i128).prop_map(|cents| cents * 10_i128.pow(16)),
        (-9..9_i128).prop_map(|whole| whole * 10_i128.pow(18)),
    ];
    units.prop_map(Amount::from_units)
}

fn ids() -> impl Strategy<Value = OrderId> {
    prop_oneof![
        (0..9_i128).prop_map(OrderId::Number),
        any::<i128>().prop_map(OrderId::Number),
        (0..9_u128).prop_map(OrderId::Text),
        any::<u128>().prop_map(OrderId::Text),
    ]
}

prop_compose! {
    fn orders()(
        id in ids(),
        offset in any::<i64>(),
        event_time in times(),
        branch in any::<u32>(),
        amount in amounts(),
        clock in option::of(times()),
    ) -> SeenOrder {
        // The least time stands for none.
        let clock = clock.filter(|clock| *clock != EventTime::MIN);
        SeenOrder::new(id, offset, event_time, BranchId::from_bits(branch), amount).at_clock(clock)
    }
}

prop_compose! {
    fn segments()(
        first in any::<u64>(),
        began in option::of(times()),
        orders in vec(orders(), 0..=OrderSegment::LEN_MAX),
    ) -> StoredOrders {
        StoredOrders { first: first / 2, began, orders }
    }
}

fn hex(value: &impl StoredValue) -> String {
    let bytes = value.encode();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn order(id: OrderId, offset: i64, cents: i128) -> SeenOrder {
    let event_time = EventTime::from_millis(1_000 + offset);
    let amount = Amount::from_units(cents * 10_i128.pow(16));
    let order = SeenOrder::new(id, offset, event_time, BranchId::new(7).unwrap(), amount);
    order.at_clock(Some(EventTime::from_millis(1_000)))
}

#[test]
fn segments_and_payments_that_repeat_others_have_frozen_bytes() {
    let segment = StoredOrders {
        first: 300,
        began: Some(EventTime::from_millis(1_000)),
        orders: vec![
            order(OrderId::Number(1_000_001), 12, 1_250),
            order(OrderId::Number(1_000_000), 13, 1),
        ],
    };
    assert_eq!(hex(&segment), SEGMENT);
    let repeated = RepeatedPayment {
        origin: Origin {
            partition: 1,
            offset: 9,
        },
        timestamp: Some(5),
        event_time: EventTime::from_millis(3),
        branch: BranchId::new(7).unwrap(),
        amount: Amount::from_units(2),
        first: FirstPayment {
            offset: 4,
            branch: BranchId::of_text(1).unwrap(),
            amount: Amount::from_units(-1),
        },
        read: "{}".into(),
    };
    assert_eq!(
        hex(&repeated),
        "0212010a0607040881808080080102".to_owned() + "7b7d"
    );
    assert_eq!(
        RepeatedPayment::decode(&repeated.encode()),
        Ok(repeated.clone())
    );
    let group = RepeatedGroup {
        first: 300,
        payments: vec![repeated.clone(), repeated],
    };
    let payment = "0212010a06070408818080800801027b7d";
    assert_eq!(hex(&group), format!("ac0202{payment}{payment}"));
    assert_eq!(RepeatedGroup::decode(&group.encode()), Ok(group));
}

const SEGMENT: &str =
    "01ac0201d00f02100000010380841e0101180102e80700010e0201020002d207010000e1040001010000";

#[test]
fn an_id_takes_few_bytes() {
    let ids = 0..OrderSegment::LEN_MAX as i64;
    let of = |id: &dyn Fn(i64) -> OrderId| StoredOrders {
        first: 1 << 40,
        began: Some(EventTime::from_millis(1_793_491_200_000)),
        orders: ids
            .clone()
            .map(|n| order(id(n), (1 << 40) + n, i128::from(n * 997)))
            .collect(),
    };
    let bytes = |id: &dyn Fn(i64) -> OrderId| of(id).encode().len() / OrderSegment::LEN_MAX;
    // One byte of the number, one each of offset and time, three of the amount; and a share of the bases.
    assert_eq!(
        bytes(&|n| OrderId::Number(10_000_000_000 + i128::from(n))),
        6
    );
    assert_eq!(bytes(&|n| OrderId::of_text(&n.to_string())), 21);
}

#[test]
fn rows_that_say_what_can_t_be_are_refused() {
    let segment = |orders| StoredOrders {
        first: 0,
        began: None,
        orders,
    };
    let too_long = segment(vec![
        order(OrderId::Number(1), 1, 1);
        OrderSegment::LEN_MAX + 1
    ]);
    assert_eq!(StoredOrders::decode(&too_long.encode()), Err(Malformed));
    let bytes = segment(vec![order(OrderId::Number(1), 1, 1)]).encode();
    assert!(StoredOrders::decode(&bytes).is_ok());
    for (at, byte) in [(0, 2), (4, 19), (5, 4), (5, 17), (6, 17)] {
        let mut damaged = bytes.clone();
        damaged[at] = byte;
        assert_eq!(StoredOrders::decode(&damaged), Err(Malformed), "{at}");
    }
    // There are two kinds of ids, 0 and 1.
    let mut damaged = segment(vec![order(OrderId::Text(1), 1, 1)]).encode();
    assert_eq!(damaged[5..8], [0, 1, 2]);
    damaged[7] = 4;
    assert_eq!(StoredOrders::decode(&damaged), Err(Malformed));
}

proptest! {
    #[test]
    fn segments_come_back_and_one_order_is_read_without_the_others(segment in segments()) {
        let bytes = segment.encode();
        let back = StoredOrders::decode(&bytes);
        prop_assert_eq!(back.as_ref(), Ok(&segment));
        for len in 0..bytes.len() {
            prop_assert!(OrderRows::read(&bytes[..len]).is_err());
        }
        let rows = OrderRows::read(&bytes).unwrap();
        for (place, order) in segment.orders.iter().enumerate() {
            prop_assert_eq!(rows.order(place), Ok((segment.first + place as u64, *order)));
        }
        prop_assert_eq!(rows.order(segment.orders.len()), Err(Malformed));
    }

    #[test]
    fn no_damage_to_a_segment_panics(segment in segments(), at: prop::sample::Index, byte: u8) {
        let mut bytes = segment.encode();
        let index = at.index(bytes.len());
        bytes[index] = byte;
        let _ = StoredOrders::decode(&bytes);
        if let Ok(rows) = OrderRows::read(&bytes) {
            for place in 0..=OrderSegment::LEN_MAX {
                let _ = rows.order(place);
            }
        }
    }
}
