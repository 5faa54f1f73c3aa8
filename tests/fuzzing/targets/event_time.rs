//! Times: `createTime` in every zone, times in questions, and durations.

use std::time::Duration;

use tidegauge::decode::{Decoded, Decoder, Reason};
use tidegauge::domain::record::Record;
use tidegauge::domain::{duration, timestamp};
use tidegauge_windows::{EventTime, LocalTime};

use super::arithmetic::{Whole, Written};
use super::clock;

/// An input is the text of a time, as it stands in a record or in a question.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    in_a_record(text, data);
    in_a_question(text);
    length(text);
}

fn in_a_record(text: &str, data: &[u8]) {
    let zone = clock::zone(data);
    let mut decoder = Decoder::original(zone);
    let mut read = |written: &str| {
        let record = format!(r#"{{"createTime":{written},"payAmount":1,"branchId":1}}"#);
        // Twice, so that what is learned of a day is used.
        let first = decoder.decode(&Record::of(Some(record.as_bytes())));
        assert_eq!(
            decoder.decode(&Record::of(Some(record.as_bytes()))),
            first,
            "{record}"
        );
        match first {
            Decoded::Filtered(_) => panic!("no payment is filtered out"),
            Decoded::Payment(payment) => Ok((payment.event_time, payment.notices.local_time)),
            Decoded::Reject(reject) => Err(reject.reason),
            Decoded::Tombstone => unreachable!("it has a value"),
        }
    };
    let quoted = serde_json::to_string(text).unwrap();
    let expected = clock::create_time(text, zone)
        .map(|(millis, local)| (EventTime::from_millis(millis), local))
        .ok_or(Reason::BadTime);
    assert_eq!(read(&quoted), expected, "{text:?} in {zone}");
    if let Some(number) = Written::read(text) {
        let millis = match number.integer() {
            Some(Whole::Value(value)) => i64::try_from(value).ok(),
            _ => None,
        };
        let expected = millis
            .filter(|millis| clock::is_in_range(*millis))
            .map(|millis| (EventTime::from_millis(millis), LocalTime::Plain))
            .ok_or(Reason::BadTime);
        assert_eq!(read(text), expected, "{text}");
    }
}

fn in_a_question(text: &str) {
    let parsed = timestamp::parse_rfc3339(text);
    if let Some(time) = parsed {
        let shown = timestamp::rfc3339(time);
        if (0..=9_999).contains(&timestamp::date_of(time.millis().div_euclid(86_400_000)).0) {
            assert_eq!(timestamp::parse_rfc3339(&shown), Some(time), "{text}");
            assert_eq!(clock::rfc3339(&shown), Some(time.millis()), "{text}");
        }
    }
    // Chrono takes second 60, and more forms than are documented here.
    let is_usual = text.len() >= 20
        && text.as_bytes().get(10) == Some(&b'T')
        && text.get(17..19).is_some_and(|second| second < "60");
    if let Some(millis) = clock::rfc3339(text).filter(|_| is_usual) {
        let ours = parsed.map(EventTime::millis);
        assert_eq!(ours, Some(millis), "{text}");
    }
}

fn length(text: &str) {
    let Ok(parsed) = duration::parse(text) else {
        return;
    };
    assert!(parsed <= duration::LONGEST);
    assert_eq!(
        duration::parse(&duration::text(parsed)),
        Ok(parsed),
        "{text}"
    );
    // Added up from the right, digit by digit.
    let mut sum = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let number: u64 = rest[..rest.len() - unit.len()].parse().unwrap();
        let after = unit.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let millis = match &unit[..unit.len() - after.len()] {
            "d" => 86_400_000,
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1_000,
            "ms" => 1,
            other => unreachable!("{other} is no unit"),
        };
        sum += Duration::from_millis(number * millis);
        rest = after;
    }
    assert_eq!(parsed, sum, "{text}");
}
