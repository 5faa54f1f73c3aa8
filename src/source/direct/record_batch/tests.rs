#![allow(clippy::unwrap_used)]

use super::*;

/// A number as it is written in a record.
fn number(value: i64, to: &mut Vec<u8>) {
    let mut zigzag = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while zigzag >= 0x80 {
        to.push(zigzag.to_le_bytes()[0] | 0x80);
        zigzag >>= 7;
    }
    to.push(zigzag.to_le_bytes()[0]);
}

fn position(bytes: &[u8]) -> RecordCursor<'_> {
    RecordCursor {
        bytes,
        at: 0,
        begin: 0,
    }
}

#[test]
fn numbers_are_read_as_they_are_written_and_not_beyond_their_end() {
    for value in [0, -1, 1, 63, -64, 64, 300, i64::MAX, i64::MIN, 1 << 40] {
        let mut bytes = Vec::new();
        number(value, &mut bytes);
        assert_eq!(position(&bytes).number(), Some(value));
        for cut in 0..bytes.len() {
            assert_eq!(position(&bytes[..cut]).number(), None, "{value} {cut}");
        }
    }
    assert_eq!(position(&[0x80; 11]).number(), None);
}

#[test]
fn a_field_that_is_not_there_is_not_an_empty_one() {
    let mut bytes = Vec::new();
    for size in [-1, 0, -2, 5] {
        number(size, &mut bytes);
    }
    let mut at = position(&bytes);
    assert_eq!(at.field().unwrap().of(&bytes), None);
    assert_eq!(at.field().unwrap().of(&bytes), Some(&[][..]));
    assert_eq!(at.field(), None);
    // It would end behind the bytes.
    assert_eq!(at.field(), None);
}

#[test]
fn the_last_header_of_a_name_counts() {
    let mut headers = Vec::new();
    number(3, &mut headers);
    for (name, value) in [("a", Some("1")), ("b", None), ("a", Some("2"))] {
        number(1, &mut headers);
        headers.extend_from_slice(name.as_bytes());
        match value {
            Some(value) => {
                number(1, &mut headers);
                headers.extend_from_slice(value.as_bytes());
            }
            None => number(-1, &mut headers),
        }
    }
    assert_eq!(last_header(&headers, "a"), Some(&b"2"[..]));
    assert_eq!(last_header(&headers, "b"), None);
    assert_eq!(last_header(&headers, "c"), None);
    assert_eq!(last_header(&headers[..5], "a"), None);
}

#[test]
fn the_last_batch_of_a_fetch_may_be_there_in_part() {
    let mut batch = [0; HEADER_SIZE];
    batch[FORMAT_AT] = 2;
    batch[8..12].copy_from_slice(&49_i32.to_be_bytes());
    for part in 0..HEADER_SIZE {
        assert_eq!(BatchHeader::read(&batch[..part]), Ok(None), "{part}");
    }
    let header = BatchHeader::read(&batch).unwrap().unwrap();
    assert_eq!((header.size, header.next_offset()), (HEADER_SIZE, 1));
    // Smaller than its head, and negative.
    for size in [48, -1] {
        batch[8..12].copy_from_slice(&i32::to_be_bytes(size));
        assert!(BatchHeader::read(&batch).is_err(), "{size}");
    }
}

#[test]
fn offsets_that_no_log_has_are_refused() {
    let mut batch = [0; HEADER_SIZE];
    batch[FORMAT_AT] = 2;
    batch[8..12].copy_from_slice(&49_i32.to_be_bytes());
    for (base, delta, is_valid) in [
        (0, 0, true),
        (i64::MAX - 1, 0, true),
        (i64::MAX, 0, false),
        (i64::MAX - 5, 9, false),
        (-1, 0, false),
        (5, -1, false),
    ] {
        batch[..8].copy_from_slice(&i64::to_be_bytes(base));
        batch[23..27].copy_from_slice(&i32::to_be_bytes(delta));
        assert_eq!(
            BatchHeader::read(&batch).is_ok(),
            is_valid,
            "{base} {delta}"
        );
    }
}
