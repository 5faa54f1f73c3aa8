//! Bytes read from the front, without a parser.
//!
//! `inline(always)`: the scanner of the original message is a tenth slower where the compiler calls these.

use super::digits::{leading_number, millis_of_day};
use crate::domain::amount::Amount;

/// The bytes left to read. Each step is `None` when the next bytes are not the expected ones.
pub(super) struct ByteCursor<'a> {
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
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is left to read.
    #[inline]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Goes past so many bytes.
    #[inline]
    pub fn advance(&mut self, count: usize) -> Option<()> {
        self.rest = self.rest.get(count..)?;
        Some(())
    }

    #[inline]
    pub fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(taken)
    }

    #[inline]
    pub fn literal<const N: usize>(&mut self, expected: &[u8; N]) -> Option<()> {
        (self.take()? == expected).then_some(())
    }

    /// Goes past one `byte`, if it comes next.
    #[inline]
    pub fn skip(&mut self, byte: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// `begin`, which is a comma and a name with its colon; or the same with a space behind the comma, the colon, or both.
    #[inline(always)]
    pub fn field<const N: usize>(&mut self, begin: &[u8; N]) -> Option<()> {
        // Mostly there is neither, and a look at all of it is faster than one at each part.
        match self.rest.split_first_chunk::<N>() {
            Some((found, rest)) if found == begin => self.rest = rest,
            _ => {
                self.literal(b",")?;
                self.skip(b' ');
                self.rest = self.rest.strip_prefix(&begin[1..])?;
            }
        }
        self.skip(b' ');
        Some(())
    }

    /// Up to 19 digits, and how many there are. Something must follow them by far.
    #[inline(always)]
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
    #[inline(always)]
    fn integer(&mut self) -> Option<(u64, usize)> {
        let first = *self.rest.first()?;
        let (number, count) = self.digits()?;
        if count == 0 || (count > 1 && first == b'0') {
            return None;
        }
        Some((number, count))
    }

    #[inline]
    pub fn number(&mut self) -> Option<u64> {
        Some(self.integer()?.0)
    }

    /// An amount with up to 15 digits before the point and 18 behind it, which leaves out `scale`
    /// decimals; may be in quotes.
    #[inline(always)]
    pub fn amount(&mut self, scale: usize) -> Option<Amount> {
        let quoted = self.skip(b'"');
        let negative = self.skip(b'-');
        let (integer, count) = self.integer()?;
        if count > 15 {
            return None;
        }
        let kept = 18_usize.checked_sub(scale)?;
        let mut units = i128::from(integer) * i128::from(POWERS_OF_TEN[kept]);
        if self.skip(b'.') {
            let (fraction, decimals) = self.digits()?;
            if decimals == 0 {
                return None;
            }
            units += i128::from(fraction * POWERS_OF_TEN.get(kept.checked_sub(decimals)?)?);
        }
        if quoted {
            self.literal(b"\"")?;
        }
        Some(Amount::from_units(if negative { -units } else { units }))
    }

    /// An integer of up to 18 digits that may be the last thing there is.
    #[inline(always)]
    pub fn short_number(&mut self) -> Option<i64> {
        let first = *self.rest.first()?;
        // Mostly it has one digit.
        if let [digit @ b'0'..=b'9', next, ..] = self.rest
            && !next.is_ascii_digit()
        {
            self.rest = &self.rest[1..];
            return Some(i64::from(digit - b'0'));
        }
        let (mut number, mut count) = (0, 0);
        while let [digit @ b'0'..=b'9', rest @ ..] = self.rest
            && count < 18
        {
            number = number * 10 + i64::from(digit - b'0');
            count += 1;
            self.rest = rest;
        }
        if count == 0 || (count > 1 && first == b'0') {
            return None;
        }
        Some(number)
    }

    /// One to nine decimals of a second, cut to milliseconds.
    #[inline]
    pub fn millis(&mut self) -> Option<i64> {
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
    pub fn offset(&mut self) -> Option<i64> {
        let [h0, h1, b':', m0, m1] = self.take::<5>()? else {
            return None;
        };
        millis_of_day([*h0, *h1, b':', *m0, *m1, b':', b'0', b'0'])
    }

    /// Goes past a JSON value that is a string, a number or a word. `None` if there is none, also if it
    /// is a string with an escape by number, which may be half of a character.
    #[inline]
    pub fn skip_value(&mut self) -> Option<()> {
        match *self.rest.first()? {
            b'"' => self.skip_string(),
            b'-' | b'0'..=b'9' => self.skip_number(),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => None,
        }
    }

    #[inline]
    fn skip_string(&mut self) -> Option<()> {
        let text = self.rest.get(1..)?;
        let (mut at, mut is_ascii) = (0, true);
        loop {
            at += plain_bytes(text.get(at..)?);
            match text.get(at)? {
                b'"' => break,
                b'\\' => {
                    let escaped = text.get(at + 1)?;
                    b"\"\\/bfnrt".contains(escaped).then_some(())?;
                    at += 2;
                }
                0..b' ' => return None,
                byte => {
                    is_ascii &= byte.is_ascii();
                    at += 1;
                }
            }
        }
        if !is_ascii {
            str::from_utf8(text.get(..at)?).ok()?;
        }
        self.rest = text.get(at + 1..)?;
        Some(())
    }

    #[inline]
    fn skip_number(&mut self) -> Option<()> {
        self.skip(b'-');
        let first = *self.rest.first()?;
        let whole = self.skip_digits();
        (whole == 1 || (whole > 1 && first != b'0')).then_some(())?;
        match self.rest.first() {
            Some(b'.' | b'e' | b'E') => self.skip_fraction(),
            _ => Some(()),
        }
    }

    /// What may stand behind the first digits of a number.
    fn skip_fraction(&mut self) -> Option<()> {
        if self.skip(b'.') {
            (self.skip_digits() > 0).then_some(())?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _ = self.skip(b'+') || self.skip(b'-');
            (self.skip_digits() > 0).then_some(())?;
        }
        Some(())
    }

    #[inline]
    fn skip_digits(&mut self) -> usize {
        let count = self.rest.iter().take_while(|c| c.is_ascii_digit()).count();
        self.rest = self.rest.get(count..).unwrap_or_default();
        count
    }
}

/// How many of the first bytes are neither quotes, backslashes, control characters nor beyond ASCII,
/// in steps of eight; perhaps fewer than there are.
///
/// The tests for a byte in a word are those of "Bit Twiddling Hacks" by Sean Eron Anderson.
#[inline]
fn plain_bytes(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH_BITS: u64 = ONES << 7;
    let mut count = 0;
    for chunk in text.chunks_exact(8) {
        // Chunks have eight bytes.
        let word = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        let holds = |byte: u8| {
            let zeros = word ^ (ONES * u64::from(byte));
            zeros.wrapping_sub(ONES) & !zeros
        };
        let control = word.wrapping_sub(ONES * u64::from(b' ')) & !word;
        let odd = (holds(b'"') | holds(b'\\') | control | word) & HIGH_BITS;
        if odd != 0 {
            return count + (odd.trailing_zeros() / 8) as usize;
        }
        count += 8;
    }
    count
}
