//! The scanner and the parser give the same for whatever comes.

use proptest::prelude::*;

use super::*;

fn zone() -> impl Strategy<Value = Tz> {
    prop_oneof![
        Just(Tz::UTC),
        Just(Tz::Asia__Shanghai),
        Just(Tz::America__New_York),
        proptest::sample::select(&chrono_tz::TZ_VARIANTS[..]),
    ]
}

/// A value of `createTime`, mostly right.
fn time() -> impl Strategy<Value = String> {
    prop_oneof![
        "\"20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[ T]([01][0-9]|2[0-4]):[0-5][0-9]:[0-5][0-9]\"",
        "\"[0-9]{4}-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,10})?(Z|[+-][0-2][0-9]:?[0-6][0-9])?\"",
        "\"20[0-9]{2}-0[1-9]-[0-2][1-9][ T][0-2][0-9]:[0-6][0-9](Z|[+-][0-2][0-9]:?[0-6][0-9])?\"",
        "-?[0-9]{1,15}\\.0{1,3}",
        // The days on which New York changes its clocks.
        "\"2026-(03-08|11-01) 0[0-3]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?\"",
        (-99_999_999_999_999..999_999_999_999_999_i64).prop_map(|millis| millis.to_string()),
        "-?[0-9]{1,20}",
    ]
}

/// A value of `payAmount`, mostly right.
fn amount() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,2})?",
        "-?[0-9]{1,17}(\\.[0-9]{0,21})?",
        "\"-?[0-9]{1,17}(\\.[0-9]{0,21})?\"",
        "-?[0-9]{1,3}\\.[0-9]{1,9}[eE][+-]?[0-9]{1,3}",
        (-1e6..1e16_f64).prop_map(|double| double.to_string()),
    ]
}

fn integer() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]",
        "[1-9][0-9]{0,9}",
        "-?[0-9]{1,21}",
        "-?[0-9]{1,10}\\.[0-9]{1,3}",
        "[0-9](\\.[0-9]{1,3})?[eE][+-]?[0-9]{1,2}",
        "null"
    ]
}

/// A payload in the usual order, with spaces behind colons and commas or without, mostly right.
fn payload() -> impl Strategy<Value = String> {
    let space = || prop_oneof![Just(""), Just(" ")];
    (time(), amount(), integer(), integer(), integer(), space(), space()).prop_map(
        |(time, amount, order, platform, branch, a, b)| {
            format!(
                "{{\"createTime\":{a}{time},{b}\"orderId\":{a}{order},{b}\"payAmount\":{a}{amount},{b}\
                 \"payPlatform\":{a}{platform},{b}\"branchId\":{a}{branch}}}"
            )
        },
    )
}

/// Bytes that formats and encodings begin with.
const BEGINNINGS: [&[u8]; 12] = [
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\x00\x00\x00\x00\x07",
    b"\x1f\x8b",
    b"\x28\xb5\x2f\xfd",
    b"Obj\x01",
    b"\x08\x01\x12\x01",
    b"[",
    b"\"",
    b"\0",
    b"",
];

/// What to do to a payload at a place given in thousandths of its length.
#[derive(Clone, Debug)]
enum Change {
    Put(usize, u8),
    Insert(usize, u8),
    Remove(usize),
    Cut(usize),
    Repeat(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let byte = || {
        prop_oneof![
            proptest::sample::select(&b"0123456789\"{}[],:.-+eETZ \\nullpayAmount\t\n"[..]),
            any::<u8>(),
        ]
    };
    prop_oneof![
        (0..1_000_usize, byte()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (0..1_000_usize, byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        (0..1_000_usize).prop_map(Change::Remove),
        (0..1_000_usize).prop_map(Change::Cut),
        (0..1_000_usize, 0..1_000_usize).prop_map(|(from, to)| Change::Repeat(from, to)),
    ]
}

fn changed(payload: &str, changes: &[Change]) -> Vec<u8> {
    let mut bytes = payload.as_bytes().to_vec();
    for change in changes {
        let place = |thousandths: usize| thousandths * bytes.len() / 1_000;
        match *change {
            _ if bytes.is_empty() => {}
            Change::Put(at, byte) => {
                let at = place(at);
                bytes[at] = byte;
            }
            Change::Insert(at, byte) => bytes.insert(place(at), byte),
            Change::Remove(at) => {
                bytes.remove(place(at));
            }
            Change::Cut(at) => bytes.truncate(place(at)),
            Change::Repeat(from, to) => {
                let (from, to) = (place(from.min(to)), place(from.max(to)));
                bytes.extend_from_within(from..to);
            }
        }
    }
    bytes
}

#[test]
fn decimals_of_a_second_are_cut_to_milliseconds_without_the_parser() {
    for (decimals, millis) in [
        ("1", 100),
        ("12", 120),
        ("05", 50),
        ("123", 123),
        ("1239", 123),
        ("0019999", 1),
        ("123999999", 123),
    ] {
        let payload = with_time(&format!("\"2026-11-01 00:50:00.{decimals}\""));
        assert!(scans(&payload), "{payload}");
        let read = payment(&payload).event_time.millis();
        assert_eq!(read, TIME + millis, "{payload}");
    }
}

#[test]
fn a_platform_of_19_digits_is_read_exactly_or_as_none() {
    for (platform, read) in [
        ("999999999999999999", Some(999_999_999_999_999_999)),
        ("9223372036854775807", Some(i64::MAX)),
        ("9223372036854775808", None),
        ("9999999999999999999", None),
    ] {
        let field = format!("\"payPlatform\":{platform}");
        let payload = with_more("").replace("\"payPlatform\":0", &field);
        assert_eq!(payment(&payload).platform, read, "{payload}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn scanner_and_parser_agree_on_payloads_in_the_usual_order(
        zone in zone(),
        payloads in prop::collection::vec(payload(), 1..4),
    ) {
        // One decoder for several, so that what it has learned of days is used.
        let mut decoder = Decoder::original(zone);
        for payload in payloads {
            let bytes = payload.as_bytes();
            prop_assert_eq!(decoder.decode(&Record::of(Some(bytes))), decoder.decode_json(&Record::of(Some(bytes))), "{}", payload);
        }
    }

    #[test]
    fn scanner_and_parser_agree_on_payloads_that_were_damaged(
        zone in zone(),
        payload in payload(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let bytes = changed(&payload, &changes);
        let mut decoder = Decoder::original(zone);
        prop_assert_eq!(decoder.decode(&Record::of(Some(&bytes))), decoder.decode_json(&Record::of(Some(&bytes))));
    }

    #[test]
    fn scanner_and_parser_agree_whatever_stands_before_and_behind(
        payload in payload(),
        before in proptest::sample::select(&BEGINNINGS[..]),
        behind in prop::collection::vec(any::<u8>(), 0..4),
        wide: bool,
    ) {
        let mut bytes = [before, payload.as_bytes(), &behind].concat();
        if wide {
            bytes = bytes.into_iter().flat_map(|byte| [byte, 0]).collect();
        }
        let mut decoder = Decoder::original(Tz::UTC);
        let decoded = decoder.decode(&Record::of(Some(&bytes)));
        prop_assert_eq!(&decoded, &decoder.decode_json(&Record::of(Some(&bytes))));
        let alone = decoder.decode(&Record::of(Some(payload.as_bytes())));
        if behind.is_empty() && !wide && (before.is_empty() || before == b"\xef\xbb\xbf") {
            // Offsets are those of the record, so they differ by the mark.
            let reason = |decoded: &Decoded| match decoded {
                Decoded::Reject(reject) => Some(reject.reason),
                _ => None,
            };
            prop_assert_eq!(reason(&decoded), reason(&alone));
            if let Decoded::Payment(_) = alone {
                prop_assert_eq!(decoded, alone);
            }
        }
    }

    #[test]
    fn a_detail_names_the_byte_that_stands_where_it_says(
        payload in payload(),
        before in proptest::sample::select(&BEGINNINGS[..]),
        changes in prop::collection::vec(change(), 1..4),
        bytes: Vec<u8>,
    ) {
        let decoder = Decoder::original(Tz::UTC);
        let changed = [before, &changed(&payload, &changes)].concat();
        for bytes in [bytes, changed] {
            let Decoded::Reject(Reject { reason: Reason::NotJson, detail }) = decoder.decode_json(&Record::of(Some(&bytes))) else {
                continue;
            };
            prop_assert!(detail.len() < 250, "{}", detail);
            if let Some((byte, offset)) = faults::named(&detail) {
                prop_assert_eq!(bytes.get(offset), Some(&byte), "{}: {:?}", detail, bytes);
            } else {
                let end = format!("it ends at offset {};", bytes.len());
                prop_assert!(detail.contains(&end), "{}: {:?}", detail, bytes);
            }
        }
    }

    #[test]
    fn scanner_and_parser_agree_on_any_bytes(
        bytes: Vec<u8>,
        tokens in prop::collection::vec(
            proptest::sample::select(
                &["{", "}", "[", "]", ",", ":", "\"createTime\"", "\"payAmount\"", "\"branchId\"", "\"orderId\"", "1",
                  "-", ".5", "e9", "null", "true", "NaN", "Infinity", "\"", "\\u0041", " ",
                  "\"2026-11-01 00:50:00\""][..],
            ),
            0..30,
        ),
    ) {
        let mut decoder = Decoder::original(Tz::UTC);
        prop_assert_eq!(decoder.decode(&Record::of(Some(&bytes))), decoder.decode_json(&Record::of(Some(&bytes))));
        let text = tokens.concat();
        prop_assert_eq!(decoder.decode(&Record::of(Some(text.as_bytes()))), decoder.decode_json(&Record::of(Some(text.as_bytes()))));
    }

    #[test]
    fn what_was_written_is_what_is_read(
        millis in -62_135_596_800_000..=253_402_300_799_999_i64,
        units in (1 - 1_000_000_000_000_000 * ONE)..1_000_000_000_000_000 * ONE,
        zeros in 0..19_u32,
        branch in 0..=BranchId::MAX.get(),
        order in 0..=i64::MAX,
        platform in 0..10_i64,
    ) {
        let units = units / 10_i128.pow(zeros) * 10_i128.pow(zeros);
        let time = chrono::DateTime::from_timestamp_millis(millis).unwrap();
        let expected = Payment {
            event_time: EventTime::from_millis(millis),
            amount: Amount::from_units(units),
            branch: BranchId::new(branch).unwrap(),
            order_id: Some(OrderId::Number(order.into())),
            platform: Some(platform),
            notices: PaymentNotices::default(),
        };
        let payload = format!(
            r#"{{"createTime":"{}","orderId":{order},"payAmount":{},"payPlatform":{platform},"branchId":{branch}}}"#,
            time.format("%Y-%m-%d %H:%M:%S%.3f"), Amount::from_units(units)
        );
        prop_assert!(scans(&payload), "{}", payload);
        prop_assert_eq!(payment(&payload), expected);
    }
}
