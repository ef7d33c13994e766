//! Chance: named independent streams, and draws by number for what happens very often.
//!
//! Modelled: every user of chance has a stream of its own, derived from the run's seed and a name,
//! so that one more draw here moves nothing there. ChaCha8 makes a stream's first state, because
//! seeds and names are as regular as 0, 1, 2 and "p1", "p2", and streams of related seeds must not
//! be related. The draws themselves are xoshiro256++: 32 bytes of state in place of some 300, which
//! matters when every actor has its own, and nobody attacks a simulation. A link draws by number
//! with [`draw`]: it keeps no state, so that what one message gets does not depend on which others
//! were sent.
//! Left out: floats; [`exponential`] reads a table of integer quantiles.
//! Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators"; Steele, Lea and
//! Flood, "Fast splittable pseudorandom number generators".

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;

/// The seed of a run, from which every stream comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// The streams of the run with this seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed of the run.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The stream of this name, from its beginning.
    pub fn stream(&self, name: &str) -> Rng {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        for (lane, word) in key[8..].chunks_exact_mut(8).zip(1_u64..) {
            let hash = name
                .bytes()
                .fold(draw(word, name.len() as u64), |hash, byte| {
                    draw(hash ^ u64::from(byte), word)
                });
            lane.copy_from_slice(&hash.to_le_bytes());
        }
        let mut chacha = ChaCha8Rng::from_seed(key);
        Rng {
            state: [0; 4].map(|_: u64| chacha.next_u64()),
        }
    }
}

/// One stream of chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        let (b, a) = (b ^ c, a ^ d);
        self.state = [a, b, c ^ (self.state[1] << 17), d.rotate_left(45)];
        result
    }

    /// A number below `n`, each with the same chance; 0 when `n` is 0.
    pub const fn below(&mut self, n: u64) -> u64 {
        // The high half of a product is even over 0..n but for 2^64 mod n low halves: draw again.
        let mut product = self.next_u64() as u128 * n as u128;
        if (product as u64) < n {
            let uneven = n.wrapping_neg() % n;
            while (product as u64) < uneven {
                product = self.next_u64() as u128 * n as u128;
            }
        }
        (product >> 64) as u64
    }

    /// A number from `low` up to but not including `high`; `low` when that leaves nothing.
    pub const fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low))
    }

    /// A span from `low` up to but not including `high`; `low` when that leaves nothing.
    pub const fn duration(&mut self, low: SimDuration, high: SimDuration) -> SimDuration {
        SimDuration::from_nanos(self.range(low.as_nanos(), high.as_nanos()))
    }

    /// True with this chance, exactly.
    pub const fn ratio(&mut self, chance: Ratio) -> bool {
        self.below(chance.denominator()) < chance.numerator()
    }

    /// A span from the exponential distribution of this mean.
    pub const fn exponential(&mut self, mean: SimDuration) -> SimDuration {
        exponential(mean, self.next_u64())
    }
}

/// The 64 bits of draw `number` of the key `key`: no state, any order.
pub const fn draw(key: u64, number: u64) -> u64 {
    let x = key.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A number below `n` out of 64 drawn bits; uneven by at most `n` parts in 2^64.
pub const fn scale(bits: u64, n: u64) -> u64 {
    ((bits as u128 * n as u128) >> 64) as u64
}

const CELLS: usize = 1024;
const CELL_BITS: u32 = CELLS.trailing_zeros();
/// ln 2 in units of 2^-64.
const LN_2: u128 = 12_786_308_645_202_655_660;
/// `-ln(1 - i/1024)` in units of 2^-32.
static QUANTILES: [u64; CELLS] = quantiles();
/// `ln 1024` in units of 2^-32: where the last cell, which has no end, begins again.
const LN_CELLS: u64 = ln(CELLS as u64);

/// The span of the exponential distribution of this mean that 64 drawn bits stand for.
///
/// The distribution is looked up in 1024 equally likely cells and linear within a cell; the last
/// cell is the whole distribution again, moved by ln 1024, as it forgets how long it has waited.
pub const fn exponential(mean: SimDuration, bits: u64) -> SimDuration {
    let mut bits = bits;
    let mut moved = 0;
    let mut cell = (bits >> (64 - CELL_BITS)) as usize;
    while cell == CELLS - 1 {
        moved += LN_CELLS;
        bits <<= CELL_BITS;
        cell = (bits >> (64 - CELL_BITS)) as usize;
    }
    let low = QUANTILES[cell];
    let width = QUANTILES[cell + 1] - low;
    let within = (bits << CELL_BITS) >> 32;
    let factor = moved + low + ((width * within) >> 32);
    let nanos = (mean.as_nanos() as u128 * factor as u128) >> 32;
    SimDuration::from_nanos(if nanos > u64::MAX as u128 {
        u64::MAX
    } else {
        nanos as u64
    })
}

const fn quantiles() -> [u64; CELLS] {
    let mut table = [0; CELLS];
    let mut i = 1;
    while i < CELLS {
        table[i] = LN_CELLS - ln((CELLS - i) as u64);
        i += 1;
    }
    table
}

/// The natural logarithm of `x >= 1` in units of 2^-32: bits of the base-2 logarithm by squaring.
const fn ln(x: u64) -> u64 {
    let whole = x.ilog2();
    let mut mantissa = (x as u128) << (63 - whole);
    let mut log2 = (whole as u128) << 48;
    let mut bit = 1_u128 << 47;
    while bit > 0 {
        mantissa = (mantissa * mantissa) >> 63;
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            log2 |= bit;
        }
        bit >>= 1;
    }
    // 2^-48 times 2^-64 to 2^-32, rounded.
    ((log2 * LN_2 + (1 << 79)) >> 80) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_seed_and_name_and_nothing_else() {
        let first = |seed, name: &str| Streams::new(seed).stream(name).next_u64();
        assert_eq!(first(7, "p1"), first(7, "p1"));
        assert_ne!(first(7, "p1"), first(7, "p2"));
        assert_ne!(first(7, "p1"), first(8, "p1"));
        assert_ne!(first(7, ""), first(7, "\0"));
    }

    #[test]
    fn the_first_draws_of_a_stream_never_change() {
        let mut rng = Streams::new(7).stream("placement");
        let draws = [0; 3].map(|_| rng.next_u64());
        assert_eq!(
            draws,
            [
                16_997_243_076_644_372_376,
                13_169_740_312_261_264_118,
                16_739_334_089_118_056_971
            ]
        );
    }

    #[test]
    fn below_reaches_every_number_equally_often() {
        let mut rng = Streams::new(1).stream("below");
        let mut seen = [0_u32; 6];
        for _ in 0..60_000 {
            seen[rng.below(6) as usize] += 1;
        }
        assert!(seen.iter().all(|n| (9_700..10_300).contains(n)), "{seen:?}");
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.range(5, 5), 5);
        assert_eq!(rng.range(5, 6), 5);
    }

    #[test]
    fn a_ratio_is_hit_as_often_as_it_says() {
        let mut rng = Streams::new(1).stream("ratio");
        let chance = Ratio::percent(1);
        let hits = (0..100_000).filter(|_| rng.ratio(chance)).count();
        assert!((900..1_100).contains(&hits), "{hits}");
        assert!(rng.ratio(Ratio::ONE));
        assert!(!rng.ratio(Ratio::ZERO));
    }

    #[test]
    fn exponential_spans_have_the_mean_and_the_tail_of_the_distribution() {
        let mut rng = Streams::new(1).stream("exponential");
        let mean = SimDuration::from_millis(1);
        let spans: Vec<u64> = (0..1_000_000)
            .map(|_| rng.exponential(mean).as_nanos())
            .collect();
        let average = spans.iter().sum::<u64>() / spans.len() as u64;
        assert!((997_000..1_003_000).contains(&average), "{average}");
        // e^-1, e^-7 and e^-8 of them last longer than 1, 7 and 8 means; 7 is beyond the table.
        let beyond = |means: u64| spans.iter().filter(|n| **n > means * 1_000_000).count();
        assert!((366_000..370_000).contains(&beyond(1)), "{}", beyond(1));
        assert!((850..980).contains(&beyond(7)), "{}", beyond(7));
        assert!((290..385).contains(&beyond(8)), "{}", beyond(8));
    }

    #[test]
    fn the_logarithm_table_is_exact_to_its_last_bit() {
        // ln 2 = 0.69314718055994530942, ln 1024 = 10 ln 2, ln 3 = 1.09861228866810969140.
        assert_eq!(ln(1), 0);
        assert_eq!(ln(2), 2_977_044_472);
        assert_eq!(ln(3), 4_718_503_851);
        assert_eq!(LN_CELLS, 29_770_444_718);
        assert!(QUANTILES.is_sorted());
    }

    #[test]
    fn numbered_draws_differ_by_key_and_by_number() {
        assert_ne!(draw(1, 1), draw(1, 2));
        assert_ne!(draw(1, 1), draw(2, 1));
        assert_eq!(scale(u64::MAX, 10), 9);
        assert_eq!(scale(0, 10), 0);
    }
}
