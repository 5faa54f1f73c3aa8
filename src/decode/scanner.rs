//! The short way to a payment: the fields in the order that producers write them in.

use chrono_tz::Tz;
use tidegauge_windows::EventTime;

use super::create_time::{MILLIS_MAX, MILLIS_MIN};
use super::days::Days;
use super::digits::{leading_number, millis_of_day};
use crate::domain::amount::Amount;
use crate::domain::payment::{BranchId, Payment, PaymentNotices};

/// Reads payments that look as expected:
/// `{"createTime":"…","orderId":…,"payAmount":…,"payPlatform":…,"branchId":…}`, with or without one
/// space after each colon and comma, and without a sign on an integer, an exponent, an escape, a
/// null, or a local time on a day whose clocks change.
#[derive(Debug)]
pub(super) struct Scanner {
    days: Days,
}

impl Scanner {
    pub fn new(zone: Tz) -> Self {
        Self {
            days: Days::new(zone),
        }
    }

    /// The payment, or `None` when anything is not as expected: then nothing is said about it.
    #[inline]
    pub fn scan(&mut self, payload: &[u8]) -> Option<Payment> {
        let mut cursor = ByteCursor { rest: payload };
        cursor.literal(b"{\"createTime\":")?;
        let event_time = self.create_time(&mut cursor)?;
        cursor.field(b"\"orderId\":")?;
        let order_id = cursor.number()?;
        cursor.field(b"\"payAmount\":")?;
        let amount = cursor.amount()?;
        cursor.field(b"\"payPlatform\":")?;
        let platform = cursor.short_number()?;
        cursor.field(b"\"branchId\":")?;
        let branch = cursor.short_number()?;
        if cursor.rest != b"}" {
            return None;
        }
        Some(Payment {
            event_time,
            amount,
            branch: BranchId::new(u32::try_from(branch).ok()?)?,
            order_id: Some(i128::from(order_id)),
            platform: Some(platform),
            notices: PaymentNotices::default(),
        })
    }

    #[inline]
    fn create_time(&mut self, cursor: &mut ByteCursor<'_>) -> Option<EventTime> {
        cursor.skip(b' ');
        if !cursor.skip(b'"') {
            let millis = i64::try_from(cursor.number()?).ok()?;
            return written(millis);
        }
        let date = cursor.take::<10>()?;
        let [b' ' | b'T'] = cursor.take::<1>()? else {
            return None;
        };
        let time = cursor.take::<8>()?;
        let day = self.days.day(date)?;
        let mut millis = day.midnight + millis_of_day(*time)?;
        if cursor.skip(b'.') {
            millis += cursor.millis()?;
        }
        millis -= match cursor.take::<1>()? {
            b"\"" => return written(millis - day.shift?),
            b"Z" => 0,
            b"+" => cursor.offset()?,
            b"-" => -cursor.offset()?,
            _ => return None,
        };
        cursor.literal(b"\"")?;
        written(millis)
    }
}

/// The time, if it is in the years 0001 to 9999.
fn written(millis: i64) -> Option<EventTime> {
    (MILLIS_MIN..=MILLIS_MAX)
        .contains(&millis)
        .then_some(EventTime::from_millis(millis))
}

/// The bytes left to read. Each step is `None` when the next bytes are not the expected ones.
struct ByteCursor<'a> {
    rest: &'a [u8],
}

/// 10^0 to 10^18.
const POWERS_OF_TEN: [u64; 19] = {
    let mut powers = [1; 19];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

impl<'a> ByteCursor<'a> {
    #[inline]
    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(taken)
    }

    #[inline]
    fn literal<const N: usize>(&mut self, expected: &[u8; N]) -> Option<()> {
        (self.take()? == expected).then_some(())
    }

    /// Goes past one `byte`, if it comes next.
    #[inline]
    fn skip(&mut self, byte: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// A comma, the name, and a space behind either.
    #[inline]
    fn field<const N: usize>(&mut self, name: &[u8; N]) -> Option<()> {
        self.literal(b",")?;
        self.skip(b' ');
        self.literal(name)?;
        self.skip(b' ');
        Some(())
    }

    /// Up to 19 digits, and how many there are. Something must follow them by far.
    #[inline]
    fn digits(&mut self) -> Option<(u64, usize)> {
        let (mut number, mut count) = (0, 0);
        loop {
            let (more, length) = leading_number(*self.rest.first_chunk()?);
            if count + length > 19 {
                return None;
            }
            number = number * POWERS_OF_TEN[length] + more;
            count += length;
            self.rest = self.rest.get(length..)?;
            if length < 8 {
                return Some((number, count));
            }
        }
    }

    /// As [`ByteCursor::digits`], at least one and none of them a needless zero.
    #[inline]
    fn integer(&mut self) -> Option<(u64, usize)> {
        let first = *self.rest.first()?;
        let (number, count) = self.digits()?;
        (count == 1 || (count > 1 && first != b'0')).then_some((number, count))
    }

    #[inline]
    fn number(&mut self) -> Option<u64> {
        Some(self.integer()?.0)
    }

    /// An amount with up to 15 digits before the point and 18 behind it; may be in quotes.
    #[inline]
    fn amount(&mut self) -> Option<Amount> {
        let quoted = self.skip(b'"');
        let negative = self.skip(b'-');
        let (integer, count) = self.integer()?;
        if count > 15 {
            return None;
        }
        let mut units = i128::from(integer) * i128::from(POWERS_OF_TEN[18]);
        if self.skip(b'.') {
            let (fraction, decimals) = self.digits()?;
            if decimals == 0 {
                return None;
            }
            units += i128::from(fraction * POWERS_OF_TEN.get(18_usize.checked_sub(decimals)?)?);
        }
        if quoted {
            self.literal(b"\"")?;
        }
        Some(Amount::from_units(if negative { -units } else { units }))
    }

    /// An integer of up to 18 digits that may be the last thing there is.
    #[inline]
    fn short_number(&mut self) -> Option<i64> {
        let first = *self.rest.first()?;
        let (mut number, mut count) = (0, 0);
        while let [digit @ b'0'..=b'9', rest @ ..] = self.rest
            && count < 18
        {
            number = number * 10 + i64::from(digit - b'0');
            count += 1;
            self.rest = rest;
        }
        (count == 1 || (count > 1 && first != b'0')).then_some(number)
    }

    /// One to nine decimals of a second, cut to milliseconds.
    #[inline]
    fn millis(&mut self) -> Option<i64> {
        let (number, count) = self.digits()?;
        let number = match count {
            1..=3 => number * POWERS_OF_TEN[3 - count],
            4..=9 => number / POWERS_OF_TEN[count - 3],
            _ => return None,
        };
        i64::try_from(number).ok()
    }

    /// `HH:MM` in ms.
    #[inline]
    fn offset(&mut self) -> Option<i64> {
        let [h0, h1, b':', m0, m1] = self.take::<5>()? else {
            return None;
        };
        millis_of_day([*h0, *h1, b':', *m0, *m1, b':', b'0', b'0'])
    }
}
