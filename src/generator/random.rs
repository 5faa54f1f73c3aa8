//! Random numbers that stay the same in every version.

/// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
///
/// Written out here because the bytes of a seed are a promise, which no library makes.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number, all equally likely.
    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, all as good as equally likely.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        scale(self.draw(), limit)
    }
}

/// A draw brought down below `limit`: Lemire, "Fast random integer generation in an interval", 2019,
/// without the rejection step, whose bias of `limit` / 2^64 can't be observed.
pub(super) fn scale(draw: u64, limit: u64) -> u64 {
    ((u128::from(draw) * u128::from(limit)) >> 64) as u64
}

/// The number that a `fraction` of all draws is below.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates at the bounds, and takes NaN as 0"
)]
pub(super) fn share(fraction: f64) -> u64 {
    (fraction * 18_446_744_073_709_551_616.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_paper() {
        // The first outputs of the reference implementation for the seed 1234567.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.draw(), 6_457_827_717_110_365_317);
        assert_eq!(random.draw(), 3_203_168_211_198_807_973);
        assert_eq!(random.draw(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn a_share_holds_at_its_bounds() {
        assert_eq!(share(0.0), 0);
        assert_eq!(share(0.5), 1 << 63);
        assert_eq!(share(1.0), u64::MAX);
        assert_eq!(share(7.0), u64::MAX);
        assert_eq!(share(f64::NAN), 0);
        assert_eq!(scale(u64::MAX, 10), 9);
        assert_eq!(scale(0, 10), 0);
    }
}
