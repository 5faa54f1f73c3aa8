#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn record(offset: i64, payload: &'static [u8]) -> Record<'static> {
    Record {
        partition: 0,
        offset,
        timestamp: Some(1_000),
        payload: Some(payload),
        ..Record::default()
    }
}

fn verifying() -> PartitionCursor {
    PartitionCursor::new(8, 7, 10, Some(fingerprint(&record(7, b"seven"))))
}

#[test]
fn the_last_applied_record_is_verified_and_not_delivered_again() {
    let mut cursor = verifying();
    assert_eq!(cursor.judge(&record(7, b"seven")), RecordVerdict::Skip);
    assert!(cursor.pass(8));
    assert_eq!(cursor.position(), 9);
}

#[test]
fn another_record_in_its_place_halts() {
    for other in [
        record(7, b"other"),
        Record {
            timestamp: Some(1_001),
            ..record(7, b"seven")
        },
        Record {
            payload: None,
            ..record(7, b"seven")
        },
    ] {
        let mut cursor = verifying();
        assert!(matches!(cursor.judge(&other), RecordVerdict::Halt(_)));
        assert!(!cursor.pass(8));
        assert_eq!(cursor.judge(&record(8, b"eight")), RecordVerdict::Skip);
    }
}

#[test]
fn a_compacted_record_is_missed_with_a_warning_only() {
    let mut cursor = verifying();
    assert!(matches!(
        cursor.judge(&record(9, b"nine")),
        RecordVerdict::Warn(_)
    ));
    assert_eq!(cursor.position(), 10);

    let mut cursor = verifying();
    assert!(cursor.end_reached(9).is_some());
    assert!(cursor.at_end() && cursor.pass(9));
}

#[test]
fn a_removed_record_is_not_verified() {
    let mut cursor = verifying();
    assert_eq!(cursor.begins_at(7), None);
    assert_eq!(cursor.resume_from(), 7);
    assert_eq!(cursor.begins_at(8), Some(7));
    assert_eq!(cursor.begins_at(8), None);
    assert_eq!(cursor.resume_from(), 8);
    assert!(cursor.pass(8));
}

#[test]
fn nothing_passes_before_it_is_verified_and_after_a_halt() {
    let mut cursor = verifying();
    assert!(!cursor.pass(8));
    cursor.halt();
    assert!(!cursor.pass(8));
    assert_eq!(cursor.judge(&record(8, b"")), RecordVerdict::Skip);
}

#[test]
fn a_record_is_delivered_once_and_gaps_are_passed() {
    let mut cursor = PartitionCursor::new(5, 5, 9, None);
    assert!(cursor.pass(5));
    assert_eq!(cursor.judge(&record(5, b"")), RecordVerdict::Skip);
    assert!(cursor.pass(9));
    assert_eq!(cursor.judge(&record(8, b"")), RecordVerdict::Skip);
    assert_eq!(cursor.position(), 10);
}

#[test]
fn nothing_at_or_past_the_stop_is_delivered() {
    let mut cursor = PartitionCursor::new(0, 0, 9, None);
    cursor.stop_at(2);
    assert!(cursor.pass(0) && !cursor.finished());
    assert_eq!(cursor.judge(&record(2, b"")), RecordVerdict::Skip);
    // Offset 1 was a mark of a transaction: the record behind it shows that it is passed.
    assert!(cursor.finished());
    assert_eq!(cursor.position(), 2);
}

#[test]
fn the_end_counts_offsets_that_are_never_delivered() {
    let mut cursor = PartitionCursor::new(0, 0, 3, None);
    cursor.stop_at(3);
    assert!(cursor.pass(0) && cursor.pass(1) && !cursor.finished());
    assert_eq!(cursor.end_reached(3), None);
    assert!(cursor.finished() && cursor.at_end());
    assert_eq!(cursor.position(), 3);
}

#[test]
fn a_stop_that_is_reached_waits_for_the_verification() {
    let mut cursor = verifying();
    cursor.stop_at(8);
    assert!(!cursor.finished());
    assert_eq!(cursor.judge(&record(7, b"seven")), RecordVerdict::Skip);
    assert!(cursor.finished());
}

#[test]
fn the_end_is_unknown_until_it_is_asked_for_again() {
    let mut cursor = PartitionCursor::new(3, 3, 3, None);
    assert!(!cursor.at_end());
    assert!(cursor.note_end(3) && cursor.at_end());
    cursor.forget_end();
    assert!(!cursor.at_end());
    assert!(!cursor.note_end(4));
}

#[test]
fn an_end_that_is_confirmed_is_known_again_and_an_older_answer_does_not_lower_it() {
    let mut cursor = PartitionCursor::new(3, 3, 3, None);
    cursor.confirm_end(3, true);
    assert!(cursor.at_end());
    cursor.forget_end();
    cursor.confirm_end(3, true);
    assert!(cursor.at_end());
    cursor.confirm_end(4, false);
    cursor.confirm_end(3, true);
    assert!(!cursor.at_end() && cursor.end() == 4);
}

#[test]
fn an_answer_older_than_a_record_does_not_say_that_the_end_is_reached() {
    // asked     end is 4      record 3 comes      the answer comes
    // ──┼──────────┼─────────────────┼──────────────────────┼──────►
    // By then the broker may hold more.
    let mut cursor = PartitionCursor::new(3, 3, 3, None);
    assert!(cursor.pass(3));
    cursor.confirm_end(4, false);
    assert!(!cursor.at_end());
    cursor.end_reached(4);
    cursor.confirm_end(4, false);
    assert!(cursor.at_end(), "it said so itself");
}
