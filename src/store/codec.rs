//! The bytes of numbers and texts in values: compact, and safe to read whatever they are.
//!
//! Whole numbers are LEB128 varints, signed ones zigzag first. The encoding is frozen.

use ethnum::{I256, U256};

/// Writes fields one after another.
#[derive(Debug, Default)]
pub(super) struct ByteEncoder {
    bytes: Vec<u8>,
}

impl ByteEncoder {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
        }
    }

    /// The bytes written so far.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Forgets what has been written and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(super) fn byte(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Bytes as they are. Their number is known to the reader.
    #[inline]
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "takes the lowest seven bits"
    )]
    pub(super) fn u64(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.u64(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.i64(i64::from(value));
    }

    pub(super) fn i128(&mut self, value: i128) {
        self.u128(((value << 1) ^ (value >> 127)).cast_unsigned());
    }

    pub(super) fn i256(&mut self, value: I256) {
        let mut value = ((value << 1u32) ^ (value >> 255u32)).as_u256();
        while value > U256::from(u128::MAX) {
            self.bytes.push(value.as_u8() | 0x80);
            value >>= 7u32;
        }
        self.u128(value.as_u128());
    }

    pub(super) fn text(&mut self, value: &str) {
        self.u64(value.len() as u64);
        self.bytes.extend_from_slice(value.as_bytes());
    }

    /// A byte that says whether there is one, and then it.
    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => {
                self.byte(1);
                write(self, value);
            }
            None => self.byte(0),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "takes the lowest seven bits"
    )]
    fn u128(&mut self, mut value: u128) {
        while value > u128::from(u64::MAX) {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.u64(value as u64);
    }
}

/// Reads what an [`ByteEncoder`] wrote, and refuses anything else without a panic.
#[derive(Clone, Debug)]
pub(super) struct ByteDecoder<'a> {
    bytes: &'a [u8],
}

/// The bytes are not what they should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Malformed;

/// The result of a decoding.
pub(super) type DecodeResult<T> = Result<T, Malformed>;

impl<'a> ByteDecoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// `read` over all of `bytes`.
    pub(super) fn all<T>(
        bytes: &'a [u8],
        read: impl FnOnce(&mut Self) -> DecodeResult<T>,
    ) -> DecodeResult<T> {
        let mut decoder = Self::new(bytes);
        let value = read(&mut decoder)?;
        if decoder.bytes.is_empty() {
            Ok(value)
        } else {
            Err(Malformed)
        }
    }

    pub(super) fn byte(&mut self) -> DecodeResult<u8> {
        let (byte, rest) = self.bytes.split_first().ok_or(Malformed)?;
        self.bytes = rest;
        Ok(*byte)
    }

    #[inline]
    pub(super) fn u64(&mut self) -> DecodeResult<u64> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return Err(Malformed);
            }
            value |= part << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    pub(super) fn u32(&mut self) -> DecodeResult<u32> {
        u32::try_from(self.u64()?).map_err(|_| Malformed)
    }

    pub(super) fn i64(&mut self) -> DecodeResult<i64> {
        let value = self.u64()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    pub(super) fn i32(&mut self) -> DecodeResult<i32> {
        i32::try_from(self.i64()?).map_err(|_| Malformed)
    }

    pub(super) fn i128(&mut self) -> DecodeResult<i128> {
        let value = self.u256()?;
        if value > U256::from(u128::MAX) {
            return Err(Malformed);
        }
        let value = value.as_u128();
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    pub(super) fn i256(&mut self) -> DecodeResult<I256> {
        let value = self.u256()?;
        let sign = if value & U256::ONE == U256::ONE {
            I256::MINUS_ONE
        } else {
            I256::ZERO
        };
        Ok((value >> 1u32).as_i256() ^ sign)
    }

    pub(super) fn text(&mut self) -> DecodeResult<String> {
        let len = usize::try_from(self.u64()?).map_err(|_| Malformed)?;
        let (text, rest) = self.bytes.split_at_checked(len).ok_or(Malformed)?;
        self.bytes = rest;
        String::from_utf8(text.to_vec()).map_err(|_| Malformed)
    }

    /// The next `len` bytes.
    pub(super) fn bytes(&mut self, len: usize) -> DecodeResult<&'a [u8]> {
        let (bytes, rest) = self.bytes.split_at_checked(len).ok_or(Malformed)?;
        self.bytes = rest;
        Ok(bytes)
    }

    pub(super) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> DecodeResult<T>,
    ) -> DecodeResult<Option<T>> {
        match self.byte()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Malformed),
        }
    }

    /// How many things follow, of at least one byte each: never more than there are bytes left, so
    /// it is safe to reserve memory for them.
    pub(super) fn len(&mut self) -> DecodeResult<usize> {
        let len = usize::try_from(self.u64()?).map_err(|_| Malformed)?;
        if len > self.bytes.len() {
            return Err(Malformed);
        }
        Ok(len)
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes that are left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// A byte that must be `expected`: the format of what follows.
    pub(super) fn format(&mut self, expected: u8) -> DecodeResult<()> {
        if self.byte()? == expected {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    fn u256(&mut self) -> DecodeResult<U256> {
        let mut low: u128 = 0;
        // 18 × 7 bits fit into the fast half.
        for shift in (0..126).step_by(7) {
            let byte = self.byte()?;
            low |= u128::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(U256::from(low));
            }
        }
        let mut value = U256::from(low);
        for shift in (126..256u32).step_by(7) {
            let byte = self.byte()?;
            let part = U256::from(byte & 0x7f);
            if part << shift >> shift != part {
                return Err(Malformed);
            }
            value |= part << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut ByteEncoder)) -> Vec<u8> {
        let mut encoder = ByteEncoder::default();
        write(&mut encoder);
        encoder.into_bytes()
    }

    #[test]
    fn numbers_have_frozen_bytes() {
        assert_eq!(written(|e| e.u64(0)), [0]);
        assert_eq!(written(|e| e.u64(127)), [127]);
        assert_eq!(written(|e| e.u64(128)), [0x80, 1]);
        assert_eq!(written(|e| e.i64(-1)), [1]);
        assert_eq!(written(|e| e.i64(1)), [2]);
        assert_eq!(written(|e| e.i128(-64)), [127]);
        assert_eq!(written(|e| e.i256(I256::from(64))), [0x80, 1]);
        assert_eq!(written(|e| e.text("é")), [2, 0xc3, 0xa9]);
        assert_eq!(written(|e| e.option(Some(5), ByteEncoder::u64)), [1, 5]);
        assert_eq!(written(|e| e.option(None, ByteEncoder::u64)), [0]);
    }

    #[test]
    fn the_ends_of_each_range_come_back() {
        for value in [0, 1, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let bytes = written(|e| e.u64(value));
            assert_eq!(ByteDecoder::all(&bytes, ByteDecoder::u64), Ok(value));
        }
        for value in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX] {
            let bytes = written(|e| e.i64(value));
            assert_eq!(ByteDecoder::all(&bytes, ByteDecoder::i64), Ok(value));
        }
        for value in [i128::MIN, i128::MIN + 1, -1, 0, 1, i128::MAX] {
            let bytes = written(|e| e.i128(value));
            assert_eq!(ByteDecoder::all(&bytes, ByteDecoder::i128), Ok(value));
        }
        for value in [I256::MIN, I256::MINUS_ONE, I256::ZERO, I256::ONE, I256::MAX] {
            let bytes = written(|e| e.i256(value));
            assert_eq!(ByteDecoder::all(&bytes, ByteDecoder::i256), Ok(value));
        }
    }

    #[test]
    fn a_number_beyond_its_range_is_refused() {
        let beyond = written(|e| e.i256(I256::from(i128::MAX) + I256::ONE));
        assert_eq!(ByteDecoder::all(&beyond, ByteDecoder::i128), Err(Malformed));
        assert_eq!(ByteDecoder::all(&beyond, ByteDecoder::u64), Err(Malformed));
        let wide = written(|e| e.i64(i64::from(i32::MAX) + 1));
        assert_eq!(ByteDecoder::all(&wide, ByteDecoder::i32), Err(Malformed));
        assert_eq!(
            ByteDecoder::all(&[0xff; 40], ByteDecoder::i256),
            Err(Malformed)
        );
    }

    #[test]
    fn bytes_left_over_are_refused() {
        assert_eq!(ByteDecoder::all(&[1, 1], ByteDecoder::byte), Err(Malformed));
    }

    #[test]
    fn a_length_beyond_the_bytes_is_refused() {
        let bytes = written(|e| e.u64(1 << 40));
        assert_eq!(ByteDecoder::new(&bytes).len(), Err(Malformed));
        assert_eq!(ByteDecoder::new(&bytes).text(), Err(Malformed));
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back(
            a: u64, b: i64, c: i128, high: i128, low: u128, text: String, d: Option<i32>,
        ) {
            let wide = I256::from_words(high, low.cast_signed());
            let bytes = written(|e| {
                e.u64(a);
                e.i64(b);
                e.i128(c);
                e.i256(wide);
                e.text(&text);
                e.option(d, ByteEncoder::i32);
            });
            let back = ByteDecoder::all(&bytes, |d| {
                Ok((d.u64()?, d.i64()?, d.i128()?, d.i256()?, d.text()?, d.option(ByteDecoder::i32)?))
            });
            prop_assert_eq!(back, Ok((a, b, c, wide, text, d)));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = ByteDecoder::new(&bytes).u64();
            let _ = ByteDecoder::new(&bytes).i128();
            let _ = ByteDecoder::new(&bytes).i256();
            let _ = ByteDecoder::new(&bytes).text();
            let _ = ByteDecoder::new(&bytes).option(ByteDecoder::i32);
        }
    }
}
