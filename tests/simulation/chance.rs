//! Random decisions that a seed repeats.

/// A source of random decisions.
#[derive(Clone)]
pub struct Chance(fastrand::Rng);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Another source, for a part that decides by itself.
    pub fn fork(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// From 0 up to and including `most`.
    pub fn up_to(&mut self, most: u64) -> u64 {
        self.0.u64(0..=most)
    }

    /// One of the numbers from `least` up to and including `most`.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        self.0.i64(least..=most)
    }

    /// True once in `times` times.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.0.u64(0..times) == 0
    }

    /// From 1 up to `most`, small ones as often as large ones.
    pub fn size(&mut self, most: u64) -> u64 {
        let bits = u64::from(most.max(1).ilog2()) + 1;
        let most_here = 1_u64 << self.0.u64(0..=bits);
        self.0.u64(1..=most_here.min(most.max(1)))
    }

    /// One of these.
    pub fn of<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.0.usize(0..some.len())]
    }

    pub fn shuffle<T>(&mut self, some: &mut [T]) {
        self.0.shuffle(some);
    }
}
