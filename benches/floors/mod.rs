//! What the machine can do at most: the same work written by hand, without an engine.

pub(crate) mod hold;
pub(crate) mod round_trips;

/// A fast source of numbers for the floors: the next 64 bits of `state`.
pub(crate) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
