//! The id of a Kafka topic: it differs from those of earlier topics with the same name.

use std::fmt;
use std::str::FromStr;

/// A topic's id, as its cluster gave it when it was created: no two topics have the same.
///
/// As text it is what `kafka-topics.sh --describe` shows: 22 characters of base64 for URLs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TopicId(u128);

/// It is not the text of an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a topic id: a topic id is 22 characters of base64, not all of them A")]
pub struct TopicIdError;

/// How many characters hold 128 bits, 6 bits each; the last has two of them.
const CHARACTERS: usize = 22;
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl TopicId {
    /// The id with these bits; `None` for zero, by which brokers say that they know none.
    #[must_use]
    pub fn new(bits: u128) -> Option<Self> {
        (bits != 0).then_some(Self(bits))
    }

    /// Its 128 bits, which are not all zero.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in 0..CHARACTERS {
            // The bits from the top; behind the last character stand four that are not there.
            let digit = match place {
                21 => (self.0 & 0b11) << 4,
                _ => (self.0 >> (122 - 6 * place)) & 0b11_1111,
            };
            // Six bits are below 64.
            f.write_str(char::from(DIGITS[digit as usize]).encode_utf8(&mut [0; 4]))?;
        }
        Ok(())
    }
}

impl FromStr for TopicId {
    type Err = TopicIdError;

    /// Takes both alphabets of base64: the client library writes the other one.
    fn from_str(text: &str) -> Result<Self, TopicIdError> {
        if text.len() != CHARACTERS {
            return Err(TopicIdError);
        }
        let mut bits = 0;
        for (place, character) in text.bytes().enumerate() {
            let character = match character {
                b'+' => b'-',
                b'/' => b'_',
                other => other,
            };
            let digit = DIGITS.iter().position(|digit| *digit == character);
            let digit = digit.ok_or(TopicIdError)? as u128;
            bits = match place {
                21 if digit & 0b1111 != 0 => return Err(TopicIdError),
                21 => bits << 2 | digit >> 4,
                _ => bits << 6 | digit,
            };
        }
        Self::new(bits).ok_or(TopicIdError)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_has_the_text_that_kafkas_tools_show() {
        // java: new Uuid(0x0123456789abcdefL, 0xfedcba9876543210L).toString()
        let bits = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;
        let id = TopicId::new(bits).unwrap();
        assert_eq!(id.bits(), bits);
        assert_eq!(id.to_string(), "ASNFZ4mrze_-3LqYdlQyEA");
        assert_eq!("ASNFZ4mrze/+3LqYdlQyEA".parse(), Ok(id));
    }

    #[test]
    fn other_text_is_not_an_id() {
        for text in [
            "",
            "AAAAAAAAAAAAAAAAAAAAAA",
            "ASNFZ4mrze_-3LqYdlQyE",
            "ASNFZ4mrze_-3LqYdlQyEB",
            "ASNFZ4mrze_-3LqYdlQyé",
            "ASNFZ4mrze_-3LqYdl yEA",
        ] {
            assert_eq!(text.parse::<TopicId>(), Err(TopicIdError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bits in 1_u128..) {
            let id = TopicId::new(bits).unwrap();
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
