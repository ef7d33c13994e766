//! The fingerprint of a run: one word, folded from every event in order.

/// A running fold of 64-bit words; equal runs have equal digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0x6a09_e667_f3bc_c908)
    }
}

impl Digest {
    /// Folds the next word in.
    pub(crate) const fn fold(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }

    /// The digest so far.
    pub(crate) const fn value(self) -> u64 {
        self.0
    }
}
