//! A priority queue of packed 128-bit keys: a heap with four children a node.
//!
//! The four children of a node share one cache line, and places without a key hold the largest
//! key, so that the least of four is found without a branch on how many there are. The least key
//! is taken out lazily: its place stays vacant until the next push fills it, which saves the
//! handler that schedules something a second walk through the heap.
//! Source: Johnson, "Priority queues with update and finding minimum spanning trees" (d-ary
//! heaps).

/// Larger than every key.
const EMPTY: u128 = u128::MAX;

/// Four siblings in one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Quad([u128; 4]);

/// The keys; each is unequal to all others and below `u128::MAX`.
///
/// Place `p` is in quad `p / 4`. The root has place 3, alone in the first quad; the children of
/// place `p` are quad `p - 2`.
#[derive(Clone, Debug)]
pub(crate) struct Heap {
    quads: Vec<Quad>,
    /// The first place that was never filled, or not filled again.
    end: usize,
    /// The root was taken and nothing has filled its place.
    vacant: bool,
}

const ROOT: usize = 3;

impl Heap {
    pub(crate) fn new() -> Self {
        Self {
            quads: vec![Quad([EMPTY; 4])],
            end: ROOT,
            vacant: false,
        }
    }

    /// How many keys there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.end - ROOT - usize::from(self.vacant)
    }

    /// The least key.
    pub(crate) fn peek(&mut self) -> Option<u128> {
        if self.vacant {
            self.fill();
        }
        let root = self.quads[0].0[ROOT];
        (root != EMPTY).then_some(root)
    }

    /// Takes the key that [`Heap::peek`] has just shown.
    pub(crate) fn take(&mut self) {
        debug_assert!(
            !self.vacant && self.end > ROOT,
            "a key is taken after it was shown"
        );
        self.vacant = true;
    }

    /// Adds a key.
    pub(crate) fn push(&mut self, key: u128) {
        if self.vacant {
            self.vacant = false;
            self.sift_down(key);
        } else {
            self.sift_up(key);
        }
    }

    /// Fills the vacant root with the last key.
    #[inline(never)]
    fn fill(&mut self) {
        self.vacant = false;
        self.end -= 1;
        let key = std::mem::replace(&mut self.quads[self.end / 4].0[self.end % 4], EMPTY);
        if self.end > ROOT {
            if self.end.is_multiple_of(4) {
                self.quads.pop();
            }
            self.sift_down(key);
        }
    }

    /// Puts `key` where the root was and moves it down to its place.
    fn sift_down(&mut self, key: u128) {
        let mut place = ROOT;
        // Places stay far below the largest `usize`: there is a key in memory for each.
        while let Some(Quad(children)) = self.quads.get(place.wrapping_sub(2)) {
            let (child, least) = least(*children);
            if key < least {
                break;
            }
            self.set(place, least);
            place = (place.wrapping_sub(2) << 2) | child;
        }
        self.set(place, key);
    }

    /// Appends `key` and moves it up to its place.
    fn sift_up(&mut self, key: u128) {
        let mut place = self.end;
        self.end += 1;
        if place.is_multiple_of(4) {
            self.quads.push(Quad([EMPTY; 4]));
        }
        while place > ROOT {
            let parent = place / 4 + 2;
            let above = self.quads[parent / 4].0[parent % 4];
            if above < key {
                break;
            }
            self.set(place, above);
            place = parent;
        }
        self.set(place, key);
    }

    fn set(&mut self, place: usize, key: u128) {
        self.quads[place / 4].0[place % 4] = key;
    }
}

/// The least of four keys and which it is.
fn least(keys: [u128; 4]) -> (usize, u128) {
    let [a, b, c, d] = keys;
    let left = if b < a { (1, b) } else { (0, a) };
    let right = if d < c { (3, d) } else { (2, c) };
    if right.1 < left.1 { right } else { left }
}
