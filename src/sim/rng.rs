//! Named independent random streams. Interim form; the engine's own file replaces it.

/// A random stream.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

/// The source of all streams of a run.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    /// The run's seed.
    pub seed: u64,
}

impl Streams {
    /// The stream of that name.
    pub fn stream(&self, name: &str) -> Rng {
        let mut state = self.seed ^ 0x9e37_79b9_7f4a_7c15;
        for byte in name.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Rng { state }
    }
}

impl Rng {
    /// The next 64 random bits.
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..n`; `n` is at least 1.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }
}
