//! The bytes of keys are frozen, and sort as their fields do.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::core::feedback::Family;
use crate::domain::document_key::DocumentKey;

fn at(millis: i64) -> EventTime {
    EventTime::from_millis(millis)
}

fn branch(id: u32) -> BranchId {
    BranchId::new(id).unwrap()
}

fn window(start: i64, end: i64) -> Window {
    Window::new(at(start), at(end))
}

fn hex(key: KeyBytes) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_kind_of_key_has_frozen_bytes() {
    let origin = Origin {
        partition: 2,
        offset: 9,
    };
    let block = Block {
        level: 1,
        start: at(-1),
    };
    let of_window = DocumentKey::Window {
        definition: 1,
        window: window(0, 60_000),
        branch: branch(7),
    };
    let expected = [
        (identity(), "01"),
        (head(), "02"),
        (snapshot(), "03"),
        (configured(), "05"),
        (task(7), "060000000000000007"),
        (super::documents(), "07"),
        (topic(), "08"),
        (halt(3), "0980000003"),
        (life(), "0a"),
        (former_rules(), "0f"),
        (index(Family::Totals), "0b01"),
        (
            index(Family::Windows {
                definition: 1,
                from: at(0),
                to: at(60_000),
            }),
            "0b0200018000000000000000800000000000ea60",
        ),
        (index(Family::NoWindow), "0b03"),
        (index(Family::Rejects), "0b04"),
        (table_list(), "0c"),
        (names(), "0d"),
        (text(7), "0e00000007"),
        (progress(-1), "047fffffff"),
        (progress(3), "0480000003"),
        (total(branch(7)), "1000000007"),
        (total(BranchId::of_text(7).unwrap()), "1080000007"),
        (cell(block, branch(7)), "11017fffffffffffffff00000007"),
        (
            revision(2, window(0, 60_000), branch(7)),
            "1200028000000000000000800000000000ea6000000007",
        ),
        (RecordList::NoWindow.entry(5), "200000000000000005"),
        (
            RecordList::NoWindow.number_at(origin),
            "21800000028000000000000009",
        ),
        (RecordList::Rejects.entry(5), "220000000000000005"),
        (
            RecordList::Rejects.number_at(origin),
            "23800000028000000000000009",
        ),
        (orders(-1, 7), "1300000000000000077fffffff"),
        (repeated(5), "240000000000000005"),
        (dirty(&DocumentKey::Total(branch(7))), "300100000007"),
        (
            dirty(&of_window),
            "300200018000000000000000800000000000ea6000000007",
        ),
        (
            dirty(&DocumentKey::NoWindow(origin)),
            "3003800000028000000000000009",
        ),
        (
            dirty(&DocumentKey::Reject(origin)),
            "3004800000028000000000000009",
        ),
    ];
    for (key, bytes) in expected {
        assert_eq!(hex(key), bytes);
    }
}

#[test]
fn a_range_ends_where_its_last_number_overflows() {
    assert_eq!(hex(totals_from(BranchId::MAX).end), "11");
    let after = DocumentKey::Reject(Origin {
        partition: i32::MAX,
        offset: i64::MAX,
    });
    assert_eq!(hex(dirty_after(Some(&after)).start), "3005");
    assert_eq!(
        hex(dirty_windows_from(u16::MAX, EventTime::MIN).end),
        "3003"
    );
    let last = Block {
        level: u8::MAX,
        start: EventTime::MAX,
    };
    assert_eq!(hex(cells_from(last, BranchId::MAX).end), "12");
}

#[test]
fn ranges_hold_what_they_name_and_nothing_beside_it() {
    let block = |level, start| Block {
        level,
        start: at(start),
    };
    let before = cells_before(block(1, 0));
    assert!(before.contains(&cell(block(1, -1), BranchId::MAX)));
    assert!(before.contains(&cell(block(1, i64::MIN), branch(0))));
    assert!(!before.contains(&cell(block(1, 0), branch(0))));
    assert!(!before.contains(&cell(block(0, -1), branch(0))));

    let of_block = cells_from(block(0, 5), branch(2));
    assert!(of_block.contains(&cell(block(0, 5), branch(2))));
    assert!(of_block.contains(&cell(block(0, 5), BranchId::MAX)));
    assert!(!of_block.contains(&cell(block(0, 5), branch(1))));
    assert!(!of_block.contains(&cell(block(0, 6), branch(2))));

    let revisions = revisions_before(3, at(0));
    assert!(revisions.contains(&revision(3, window(-60, 60), branch(1))));
    assert!(!revisions.contains(&revision(3, window(0, 60), branch(1))));
    assert!(!revisions.contains(&revision(2, window(-60, 60), branch(1))));

    let all = dirty_after(None);
    assert!(all.contains(&dirty(&DocumentKey::Total(branch(0)))));
    assert!(!all.contains(&RecordList::Rejects.number_at(Origin {
        partition: i32::MAX,
        offset: i64::MAX,
    })));
}

#[test]
fn an_index_is_known_by_its_family() {
    let windows = |definition, from, to| Family::Windows {
        definition,
        from: at(from),
        to: at(to),
    };
    for family in [
        Family::Totals,
        windows(0, i64::MIN, i64::MAX),
        windows(u16::MAX, -1, 1),
        Family::NoWindow,
        Family::Rejects,
    ] {
        assert_eq!(family_of_index(&index(family)), Some(family));
    }
}

#[test]
fn a_key_that_goes_on_is_not_taken_for_a_shorter_one() {
    let longer = |key: KeyBytes| [&key[..], &[0]].concat();
    let document = DocumentKey::Total(branch(1));
    assert_eq!(document_of(&longer(dirty(&document))), None);
    assert_eq!(family_of_index(&longer(index(Family::Totals))), None);
    assert_eq!(branch_of_total(&longer(total(branch(1)))), None);
    assert_eq!(partition_of(&longer(progress(1))), None);
    assert_eq!(partition_of_halt(&longer(halt(1))), None);
    assert_eq!(number_of_task(&longer(task(1))), None);
    assert_eq!(number_of_text(&longer(text(1))), None);
    let entry = longer(RecordList::Rejects.entry(1));
    assert_eq!(RecordList::Rejects.number_of(&entry), None);
    let block = Block {
        level: 0,
        start: at(0),
    };
    assert_eq!(slice_and_branch(&longer(cell(block, branch(1)))), None);
    let revision = revision(1, window(0, 60), branch(1));
    assert_eq!(revision_at(&longer(revision)), None);
}

#[test]
fn a_state_is_counted_by_what_its_keys_are_about() {
    let origin = Origin {
        partition: 2,
        offset: 9,
    };
    let block = Block {
        level: 1,
        start: at(0),
    };
    let expected = [
        (identity(), "state"),
        (head(), "state"),
        (snapshot(), "state"),
        (configured(), "state"),
        (task(7), "state"),
        (super::documents(), "state"),
        (topic(), "state"),
        (life(), "state"),
        (index(Family::Totals), "state"),
        (table_list(), "state"),
        (names(), "state"),
        (former_rules(), "state"),
        (text(7), "texts"),
        (progress(3), "partitions"),
        (halt(3), "partitions"),
        (total(branch(7)), "totals"),
        (cell(block, branch(7)), "cells"),
        (revision(2, window(0, 60), branch(7)), "revisions"),
        (RecordList::NoWindow.entry(5), "late"),
        (RecordList::Rejects.entry(5), "rejects"),
        (RecordList::NoWindow.number_at(origin), "places"),
        (RecordList::Rejects.number_at(origin), "places"),
        (dirty(&DocumentKey::Reject(origin)), "dirty"),
    ];
    for (key, about) in expected {
        assert_eq!(subject(&key), Some(about), "{}", hex(key));
    }
    assert_eq!(subject(b"another program's"), None);
    assert_eq!(subject(&[]), None);
}

#[test]
fn places_of_a_list_are_in_the_order_of_the_topic_and_name_their_records() {
    let at = |partition, offset| Origin { partition, offset };
    for list in [RecordList::NoWindow, RecordList::Rejects] {
        let range = list.places_from(at(1, 5));
        for (origin, is_in) in [
            (at(0, 9), false),
            (at(1, 4), false),
            (at(1, 5), true),
            (at(2, 0), true),
            (at(i32::MAX, i64::MAX), true),
        ] {
            let key = list.number_at(origin);
            assert_eq!(list.place_of(&key), Some(origin));
            assert_eq!(range.contains(&key), is_in, "{origin:?}");
        }
        assert_eq!(list.place_of(&list.entry(5)), None);
    }
}

fn branches() -> impl Strategy<Value = BranchId> {
    any::<u32>().prop_map(BranchId::from_bits)
}

fn origins() -> impl Strategy<Value = Origin> {
    (any::<i32>(), any::<i64>()).prop_map(|(partition, offset)| Origin { partition, offset })
}

fn documents() -> impl Strategy<Value = DocumentKey> {
    let windows = (any::<u16>(), any::<i64>(), any::<i64>(), branches());
    prop_oneof![
        branches().prop_map(DocumentKey::Total),
        windows.prop_map(|(definition, start, end, branch)| DocumentKey::Window {
            definition,
            window: window(start, end),
            branch,
        }),
        origins().prop_map(DocumentKey::NoWindow),
        origins().prop_map(DocumentKey::Reject),
    ]
}

proptest! {
    #[test]
    fn marks_sort_as_their_documents(a in documents(), b in documents()) {
        prop_assert_eq!(dirty(&a).cmp(&dirty(&b)), a.cmp(&b));
        prop_assert_eq!((*dirty(&a)).cmp(&dirty(&b)), a.cmp(&b));
        prop_assert_eq!(dirty_after(Some(&a)).contains(&dirty(&b)), b > a);
    }

    #[test]
    fn cells_sort_by_level_time_and_branch(
        a in (any::<u8>(), any::<i64>(), branches()),
        b in (any::<u8>(), any::<i64>(), branches()),
    ) {
        let key = |(level, start, branch): (u8, i64, BranchId)| {
            cell(Block { level, start: at(start) }, branch)
        };
        prop_assert_eq!((*key(a)).cmp(&key(b)), a.cmp(&b));
    }

    #[test]
    fn what_a_key_is_about_is_read_from_it(
        document in documents(), partition: i32, branch in branches(), number: u64, level: u8,
        start: i64,
    ) {
        prop_assert_eq!(document_of(&dirty(&document)), Some(document));
        prop_assert_eq!(partition_of(&progress(partition)), Some(partition));
        prop_assert_eq!(branch_of_total(&total(branch)), Some(branch));
        let cell = cell(Block { level, start: at(start) }, branch);
        prop_assert_eq!(slice_and_branch(&cell), Some((at(start), branch)));
        prop_assert_eq!(partition_of_halt(&halt(partition)), Some(partition));
        prop_assert_eq!(number_of_task(&task(number)), Some(number));
        prop_assert_eq!(number_of_text(&text(branch.get())), Some(branch.get()));
        let revision = revision(level.into(), window(start, i64::MAX), branch);
        prop_assert_eq!(revision_at(&revision), Some(revision));
        prop_assert_eq!(RecordList::NoWindow.number_of(&RecordList::NoWindow.entry(number)), Some(number));
        prop_assert_eq!(RecordList::NoWindow.number_of(&RecordList::Rejects.entry(number)), None);
    }

    #[test]
    fn no_bytes_panic(prefix in 0u8..0x40, rest: Vec<u8>) {
        let mut key = vec![prefix];
        key.extend(rest);
        let _ = document_of(&key);
        let _ = partition_of(&key);
        let _ = branch_of_total(&key);
        let _ = slice_and_branch(&key);
        let _ = number_of_task(&key);
        let _ = number_of_text(&key);
        let _ = RecordList::NoWindow.number_of(&key);
    }
}
