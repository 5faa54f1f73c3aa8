//! The bytes of a payment.

use chrono_tz::Tz;
use tidegauge_windows::offset_at_utc;

use crate::domain::timestamp::date_of;

/// The fields of a payment except its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct PaymentFields {
    pub(super) order_id: i64,
    pub(super) cents: u64,
    pub(super) platform: u64,
    pub(super) branch: u64,
}

impl PaymentFields {
    /// Appends the payment as the original generator writes it, without spaces.
    pub(super) fn write(&self, out: &mut Vec<u8>, create_time: &[u8]) {
        out.extend_from_slice(b"{\"createTime\":\"");
        out.extend_from_slice(create_time);
        out.extend_from_slice(b"\",\"orderId\":");
        if self.order_id < 0 {
            out.push(b'-');
        }
        number(out, self.order_id.unsigned_abs());
        out.extend_from_slice(b",\"payAmount\":");
        number(out, self.cents / 100);
        out.push(b'.');
        out.extend_from_slice(&two_digits(self.cents % 100));
        out.extend_from_slice(b",\"payPlatform\":");
        number(out, self.platform);
        out.extend_from_slice(b",\"branchId\":");
        number(out, self.branch);
        out.push(b'}');
    }
}

/// Seconds since the epoch as `YYYY-MM-DD HH:MM:SS` in a zone.
#[derive(Debug)]
pub(super) struct LocalTimes {
    zone: Tz,
    /// The quarter of an hour last asked for, if the zone's offset is the same throughout, and the
    /// offset in seconds.
    quarter: Option<(i64, i64)>,
    /// The local day that `text` is of.
    day: Option<i64>,
    text: Vec<u8>,
}

const QUARTER: i64 = 900;

impl LocalTimes {
    pub(super) fn new(zone: Tz) -> Self {
        Self {
            zone,
            quarter: None,
            day: None,
            text: Vec::with_capacity(24),
        }
    }

    /// The text of a second.
    pub(super) fn text(&mut self, second: i64) -> &[u8] {
        let local = second.saturating_add(self.offset(second));
        let day = local.div_euclid(86_400);
        if self.day != Some(day) {
            let (year, month, of_month) = date_of(day);
            self.day = Some(day);
            self.text.clear();
            let date = format!("{year:04}-{month:02}-{of_month:02} 00:00:00");
            self.text.extend_from_slice(date.as_bytes());
        }
        let second = local.rem_euclid(86_400).unsigned_abs();
        let end = self.text.len();
        if let Some([h1, h2, _, m1, m2, _, s1, s2]) = self.text.get_mut(end.saturating_sub(8)..) {
            [*h1, *h2] = two_digits(second / 3_600);
            [*m1, *m2] = two_digits(second / 60 % 60);
            [*s1, *s2] = two_digits(second % 60);
        }
        &self.text
    }

    fn offset(&mut self, second: i64) -> i64 {
        if self.zone == Tz::UTC {
            return 0;
        }
        let quarter = second.div_euclid(QUARTER);
        if let Some((known, offset)) = self.quarter
            && known == quarter
        {
            return offset;
        }
        let start = quarter.saturating_mul(QUARTER);
        let first = offset_at(self.zone, start);
        if first != offset_at(self.zone, start.saturating_add(QUARTER - 1)) {
            return offset_at(self.zone, second);
        }
        self.quarter = Some((quarter, first));
        first
    }
}

/// The offset of a zone's clocks from UTC, in seconds.
fn offset_at(zone: Tz, second: i64) -> i64 {
    offset_at_utc(zone, second.saturating_mul(1_000)) / 1_000
}

fn number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn two_digits(number: u64) -> [u8; 2] {
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn local_times_are_those_of_chrono(
            seconds in proptest::collection::vec(-62_135_500_000_i64..253_402_200_000, 1..20),
            zone in proptest::sample::select(vec![
                Tz::UTC, Tz::Asia__Shanghai, Tz::America__New_York, Tz::Asia__Kathmandu,
                Tz::Africa__Monrovia,
            ]),
        ) {
            let mut times = LocalTimes::new(zone);
            for second in seconds {
                for second in [second, second + 1, second + 86_400] {
                    let time = DateTime::from_timestamp(second, 0).unwrap().with_timezone(&zone);
                    let expected = time.format("%Y-%m-%d %H:%M:%S").to_string();
                    let text = String::from_utf8(times.text(second).to_vec()).unwrap();
                    prop_assert_eq!(text, expected);
                }
            }
        }
    }

    #[test]
    fn a_clock_change_within_a_quarter_of_an_hour_is_seen() {
        // Liberia's clocks went from UTC−0:44:30 to UTC at 1972-01-07 00:44:30 UTC.
        let mut times = LocalTimes::new(Tz::Africa__Monrovia);
        let change = 63_593_070;
        assert_eq!(times.text(change - 1), b"1972-01-06 23:59:59");
        assert_eq!(times.text(change), b"1972-01-07 00:44:30");
    }
}
