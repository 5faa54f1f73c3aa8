//! Eight decimal digits at a time, in one register.

const ZEROS: u64 = u64::from_le_bytes(*b"00000000");
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// How many of the eight bytes, from the first on, are digits, and the number these write.
///
/// The number is gathered in pairs, then fours, then all eight: a well-known trick, described by
/// Daniel Lemire in "Quickly parsing eight digits" (2018).
#[inline]
pub(super) fn leading_number(bytes: [u8; 8]) -> (u64, usize) {
    let values = u64::from_le_bytes(bytes) ^ ZEROS;
    // A byte above 9 gets its high bit; what it carries over spoils only the bytes behind it.
    let others = (values.wrapping_add(0x7676_7676_7676_7676) | values) & HIGH_BITS;
    let bits = others.trailing_zeros() & !7;
    // Digits in front of zeros would count ten times too much each, so they move to the end.
    let aligned = if bits == 0 { 0 } else { values << (64 - bits) };
    let pairs = aligned.wrapping_mul(10).wrapping_add(aligned >> 8);
    let firsts = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let seconds = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    (firsts.wrapping_add(seconds) >> 32, bits as usize / 8)
}

/// The milliseconds from midnight to `HH:MM:SS`; `None` if no clock shows that.
#[inline]
pub(super) fn millis_of_day(bytes: [u8; 8]) -> Option<i64> {
    let values = u64::from_le_bytes(bytes) ^ u64::from_le_bytes(*b"00:00:00");
    // Added to a byte above the largest value of its place, this gives it its high bit.
    const ROOM: u64 = u64::from_le_bytes([
        0x7f - 2,
        0x7f - 9,
        0x7f,
        0x7f - 5,
        0x7f - 9,
        0x7f,
        0x7f - 5,
        0x7f - 9,
    ]);
    let bad = (values.wrapping_add(ROOM) | values) & HIGH_BITS != 0;
    let pairs = values
        .wrapping_mul(10)
        .wrapping_add(values >> 8)
        .to_le_bytes();
    let [hour, minute, second] = [pairs[0], pairs[3], pairs[6]].map(i64::from);
    (!bad && hour < 24).then_some((hour * 3_600 + minute * 60 + second) * 1_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_number_of_leading_digits_is_read() {
        assert_eq!(leading_number(*b"12345678"), (12_345_678, 8));
        assert_eq!(leading_number(*b"99999999"), (99_999_999, 8));
        assert_eq!(leading_number(*b"00000000"), (0, 8));
        assert_eq!(leading_number(*b"1234567,"), (1_234_567, 7));
        assert_eq!(leading_number(*b"7,\"payPl"), (7, 1));
        assert_eq!(leading_number(*b"x1234567"), (0, 0));
        assert_eq!(leading_number(*b"12\xff45678"), (12, 2));
        assert_eq!(leading_number(*b"12:/4567"), (12, 2));
        assert_eq!(leading_number(*b"12\xb045678"), (12, 2));
    }

    #[test]
    fn every_second_of_a_day_is_read_and_no_other() {
        for hour in 0..100_i64 {
            for minute in 0..100 {
                for second in 0..100 {
                    let text = format!("{hour:02}:{minute:02}:{second:02}");
                    let bytes = text.as_bytes().first_chunk().copied().unwrap_or_default();
                    let millis = ((hour * 60 + minute) * 60 + second) * 1_000;
                    let right = hour < 24 && minute < 60 && second < 60;
                    assert_eq!(millis_of_day(bytes), right.then_some(millis), "{text}");
                }
            }
        }
    }

    #[test]
    fn each_place_of_a_time_of_day_takes_its_own_bytes_and_no_others() {
        let places = [
            b'0'..=b'2',
            b'0'..=b'9',
            b':'..=b':',
            b'0'..=b'5',
            b'0'..=b'9',
            b':'..=b':',
            b'0'..=b'5',
            b'0'..=b'9',
        ];
        for (at, taken) in places.iter().enumerate() {
            for byte in 0..=u8::MAX {
                let mut bytes = *b"00:00:00";
                bytes[at] = byte;
                let is_time = millis_of_day(bytes).is_some();
                assert_eq!(is_time, taken.contains(&byte), "{}", bytes.escape_ascii());
            }
        }
    }

    proptest! {
        #[test]
        fn leading_digits_are_read_as_one_by_one(
            digits in "[0-9]{0,8}",
            tail in any::<[u8; 8]>(),
        ) {
            let mut bytes = tail;
            bytes[..digits.len()].copy_from_slice(digits.as_bytes());
            let count = bytes.iter().take_while(|c| c.is_ascii_digit()).count();
            let number = bytes[..count].iter().fold(0, |n, c| n * 10 + u64::from(c - b'0'));
            prop_assert_eq!(leading_number(bytes), (number, count));
        }

        #[test]
        fn only_digits_and_colons_are_a_time_of_day(
            good in "[0-2][0-9]:[0-5][0-9]:[0-5][0-9]",
            at in 0..8_usize,
            byte: u8,
        ) {
            let mut bytes: [u8; 8] = good.as_bytes().first_chunk().copied().unwrap_or_default();
            bytes[at] = byte;
            let number = |two: &[u8]| match two {
                [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some(i64::from((a - b'0') * 10 + b - b'0')),
                _ => None,
            };
            let expected = (|| {
                let hour = number(&bytes[..2]).filter(|n| *n < 24)?;
                let minute = number(&bytes[3..5]).filter(|n| *n < 60)?;
                let second = number(&bytes[6..]).filter(|n| *n < 60)?;
                (bytes[2] == b':' && bytes[5] == b':')
                    .then_some(((hour * 60 + minute) * 60 + second) * 1_000)
            })();
            prop_assert_eq!(millis_of_day(bytes), expected);
        }
    }
}
