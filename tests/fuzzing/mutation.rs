//! Inputs that are nearly right: a seed with a few changes, two seeds in one, or words put together.

use fastrand::Rng;

use super::corpus::Corpus;

/// Makes one input after the other, the same ones in every run.
pub struct Mutator {
    rng: Rng,
    corpus: Corpus,
}

/// Any number; it must stay, so that a failure comes again.
const SEED: u64 = 0x7469_6465;
/// An input that grew longer is cut.
const LONGEST: usize = 16 << 10;
/// Numbers at the ends of ranges, and near them.
const NUMBERS: [&str; 18] = [
    "0",
    "-1",
    "1",
    "127",
    "255",
    "256",
    "400",
    "409",
    "32767",
    "65536",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "170141183460469231731687303715884105728",
    "1e400",
    "0.000000000000000000001",
];

impl Mutator {
    pub fn new(corpus: Corpus) -> Self {
        Self {
            rng: Rng::with_seed(SEED),
            corpus,
        }
    }

    /// The next input.
    pub fn input(&mut self) -> Vec<u8> {
        let mut bytes = match self.rng.u8(..16) {
            0 if !self.corpus.words.is_empty() => self.of_words(),
            1 => self.of_anything(),
            _ => self.seed(),
        };
        for _ in 0..self.rng.usize(1..=5) {
            self.change(&mut bytes);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn seed(&mut self) -> Vec<u8> {
        let at = self.rng.usize(..self.corpus.seeds.len());
        self.corpus.seeds[at].clone()
    }

    fn word(&mut self) -> Vec<u8> {
        if self.corpus.words.is_empty() || self.rng.u8(..4) == 0 {
            let at = self.rng.usize(..NUMBERS.len());
            return NUMBERS[at].as_bytes().to_vec();
        }
        let at = self.rng.usize(..self.corpus.words.len());
        self.corpus.words[at].clone()
    }

    fn of_words(&mut self) -> Vec<u8> {
        (0..self.rng.usize(1..20))
            .flat_map(|_| self.word())
            .collect()
    }

    fn of_anything(&mut self) -> Vec<u8> {
        let length = self.rng.usize(..64);
        std::iter::repeat_with(|| self.rng.u8(..))
            .take(length)
            .collect()
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        let at = self.rng.usize(..=length);
        let end = (at + self.rng.usize(..=8)).min(length);
        match self.rng.u8(..13) {
            0 if at < length => bytes[at] ^= 1 << self.rng.u8(..8),
            1 if at < length => bytes[at] = self.rng.u8(..),
            2 => bytes.insert(at, self.rng.u8(..)),
            3 => drop(bytes.drain(at..end)),
            4 => bytes.truncate(at),
            5 => bytes.extend_from_within(at..end),
            6 | 7 => {
                let word = self.word();
                bytes.splice(at..at, word);
            }
            8 => {
                let word = self.word();
                bytes.splice(at..end, word);
            }
            9 => {
                // The first part of one, the second of another.
                let other = self.seed();
                let from = self.rng.usize(..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            10 => self.change_a_number(bytes),
            11 => self.repeat_a_line(bytes),
            _ => {
                // Something that stands elsewhere in it.
                let from = self.rng.usize(..=length);
                let until = (from + self.rng.usize(..=16)).min(length);
                let part = bytes[from..until].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }

    /// Puts another number in the place of one.
    fn change_a_number(&mut self, bytes: &mut Vec<u8>) {
        let begins = |at: &usize| {
            bytes[*at].is_ascii_digit()
                && !at
                    .checked_sub(1)
                    .is_some_and(|before| bytes[before].is_ascii_digit())
        };
        let starts: Vec<usize> = (0..bytes.len()).filter(begins).collect();
        if starts.is_empty() {
            return;
        }
        let start = starts[self.rng.usize(..starts.len())];
        let digits = bytes[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        let end = start + digits.count();
        let number = NUMBERS[self.rng.usize(..NUMBERS.len())];
        bytes.splice(start..end, number.bytes());
    }

    fn repeat_a_line(&mut self, bytes: &mut Vec<u8>) {
        let lines: Vec<Vec<u8>> = bytes
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        let mut lines = lines;
        let line = lines[self.rng.usize(..lines.len())].clone();
        lines.insert(self.rng.usize(..=lines.len()), line);
        *bytes = lines.join(&b'\n');
    }
}
