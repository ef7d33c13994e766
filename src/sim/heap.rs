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
#[derive(Clone, Debug)]
pub(crate) struct Heap {
    /// The least key, `EMPTY` when there is none, whatever while `vacant`.
    root: u128,
    /// The root was taken and nothing has filled its place.
    vacant: bool,
    /// Keys below the root. Key `i` is in quad `i / 4`; its children are quad `i + 1`.
    below: usize,
    quads: Vec<Quad>,
}

impl Heap {
    pub(crate) const fn new() -> Self {
        Self {
            root: EMPTY,
            vacant: false,
            below: 0,
            quads: Vec::new(),
        }
    }

    /// How many keys there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        if self.vacant || self.root == EMPTY {
            self.below
        } else {
            self.below + 1
        }
    }

    /// The least key.
    pub(crate) fn peek(&mut self) -> Option<u128> {
        if self.vacant {
            self.fill();
        }
        (self.root != EMPTY).then_some(self.root)
    }

    /// Takes the key that [`Heap::peek`] has just shown.
    pub(crate) fn take(&mut self) {
        debug_assert!(
            !self.vacant && self.root != EMPTY,
            "a key is taken after it was shown"
        );
        self.vacant = true;
    }

    /// Adds a key.
    pub(crate) fn push(&mut self, key: u128) {
        if self.vacant {
            self.vacant = false;
            self.sift_down(key);
        } else if self.root == EMPTY {
            self.root = key;
        } else {
            self.sift_up(key);
        }
    }

    /// Fills the vacant root with the last key.
    fn fill(&mut self) {
        self.vacant = false;
        let Some(last) = self.below.checked_sub(1) else {
            self.root = EMPTY;
            return;
        };
        self.below = last;
        let place = &mut self.quads[last / 4].0[last % 4];
        let key = std::mem::replace(place, EMPTY);
        if last.is_multiple_of(4) {
            self.quads.pop();
        }
        self.sift_down(key);
    }

    /// Puts `key` where the root was and moves it down to its place.
    fn sift_down(&mut self, key: u128) {
        let mut hole = &mut self.root;
        let mut rest = &mut self.quads[..];
        let mut skipped = 0;
        let mut children = 0;
        // `rest` begins with quad `skipped`; splitting it keeps the parent's place at hand.
        while let Some((quad, later)) = rest
            .get_mut(children - skipped..)
            .and_then(<[Quad]>::split_first_mut)
        {
            let (child, least) = least(quad.0);
            if key < least {
                break;
            }
            *hole = least;
            hole = &mut quad.0[child];
            rest = later;
            skipped = children + 1;
            children = children * 4 + child + 1;
        }
        *hole = key;
    }

    /// Appends `key` and moves it up to its place.
    fn sift_up(&mut self, key: u128) {
        let mut place = self.below;
        self.below += 1;
        if place.is_multiple_of(4) {
            self.quads.push(Quad([EMPTY; 4]));
        }
        while place >= 4 {
            let parent = place / 4 - 1;
            let above = self.quads[parent / 4].0[parent % 4];
            if above < key {
                break;
            }
            self.quads[place / 4].0[place % 4] = above;
            place = parent;
        }
        if place < 4 && key < self.root {
            self.quads[0].0[place] = std::mem::replace(&mut self.root, key);
        } else {
            self.quads[place / 4].0[place % 4] = key;
        }
    }
}

/// The least of four keys and which it is.
fn least(keys: [u128; 4]) -> (usize, u128) {
    let [a, b, c, d] = keys;
    let left = if b < a { (1, b) } else { (0, a) };
    let right = if d < c { (3, d) } else { (2, c) };
    if right.1 < left.1 { right } else { left }
}
