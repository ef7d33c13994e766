//! The HOLD model on a bare heap: take the earliest actor, draw a delay, put the actor back.

use retrial::sim::rng::exponential;
use retrial::sim::time::SimDuration;

use crate::floors::next;

/// Mean delay of an actor.
pub(crate) const MEAN: SimDuration = SimDuration::from_secs(1);

/// Larger than every key.
const EMPTY: u128 = u128::MAX;

/// Four siblings in one cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Quad([u128; 4]);

/// A heap with four children a node, of keys `time << 64 | sequence << 24 | slot`: the children
/// of key `i` are quad `i + 1`, the root is apart.
pub(crate) struct BareHeap {
    root: u128,
    below: usize,
    quads: Vec<Quad>,
}

impl BareHeap {
    const fn new() -> Self {
        Self {
            root: EMPTY,
            below: 0,
            quads: Vec::new(),
        }
    }

    /// Adds a key while the heap is filled.
    fn push(&mut self, key: u128) {
        if self.root == EMPTY {
            self.root = key;
            return;
        }
        let mut place = self.below;
        self.below += 1;
        if place.is_multiple_of(4) {
            self.quads.push(Quad([EMPTY; 4]));
        }
        let (first, key) = (self.root.min(key), self.root.max(key));
        self.root = first;
        while place >= 4 {
            let parent = place / 4 - 1;
            let above = self.quads[parent / 4].0[parent % 4];
            if above < key {
                break;
            }
            self.quads[place / 4].0[place % 4] = above;
            place = parent;
        }
        self.quads[place / 4].0[place % 4] = key;
    }

    /// Takes the least key and puts `key` in its place: what a loop can do that knows that every
    /// event schedules one.
    fn replace(&mut self, key: u128) {
        let mut children = 0;
        let mut parent = None;
        while let Some(Quad([a, b, c, d])) = self.quads.get(children).copied() {
            let left = if b < a { (1, b) } else { (0, a) };
            let right = if d < c { (3, d) } else { (2, c) };
            let (child, least) = if right.1 < left.1 { right } else { left };
            if key < least {
                break;
            }
            self.set(parent, least);
            parent = Some((children, child));
            children = children * 4 + child + 1;
        }
        self.set(parent, key);
    }

    fn set(&mut self, place: Option<(usize, usize)>, key: u128) {
        match place {
            Some((quad, child)) => self.quads[quad].0[child] = key,
            None => self.root = key,
        }
    }
}

/// Actors that wait for their time, each with a random state of its own.
pub(crate) struct Hold {
    heap: BareHeap,
    actors: Vec<u64>,
    /// 48 bytes for each pending event, where an engine keeps what it carries.
    slab: Vec<[u64; 6]>,
    free: Vec<u32>,
    sequence: u64,
    digest: u64,
}

impl Hold {
    /// A loop with this many actors, in its steady state.
    pub(crate) fn new(actors: u32) -> Self {
        let mut hold = Self {
            heap: BareHeap::new(),
            actors: (0..u64::from(actors)).map(|n| n << 32).collect(),
            slab: vec![[0; 6]; actors as usize + 1],
            free: (0..=actors).collect(),
            sequence: 0,
            digest: 0,
        };
        for actor in 0..actors {
            let key = hold.key(0, actor);
            hold.heap.push(key);
        }
        hold.run_bare(u64::from(actors) * 10);
        hold
    }

    fn delay(&mut self, actor: u32) -> u64 {
        exponential(MEAN, next(&mut self.actors[actor as usize])).as_nanos()
    }

    fn key(&mut self, now: u64, slot: u32) -> u128 {
        let at = now + self.delay(slot);
        self.sequence += 1;
        u128::from(at) << 64 | u128::from(self.sequence << 24 | u64::from(slot))
    }

    fn fold(&mut self, word: u64) {
        let mixed = (self.digest ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.digest = mixed ^ (mixed >> 32);
    }

    /// Handles `events` events: the key names the actor.
    pub(crate) fn run_bare(&mut self, events: u64) -> u64 {
        for _ in 0..events {
            let key = self.heap.root;
            let now = (key >> 64) as u64;
            let actor = key as u32 & 0xff_ffff;
            self.fold(now);
            self.fold(u64::from(actor));
            let key = self.key(now, actor);
            self.heap.replace(key);
        }
        self.digest
    }
}

/// The same with 48 bytes a pending event in a slab, as an engine keeps them.
pub(crate) struct SlabHold(Hold);

impl SlabHold {
    /// A loop with this many actors, in its steady state.
    pub(crate) fn new(actors: u32) -> Self {
        let mut hold = Self(Hold::new(0));
        hold.0.actors = (0..u64::from(actors)).map(|n| n << 32).collect();
        hold.0.slab = vec![[0; 6]; actors as usize + 1];
        hold.0.free = (0..=actors).collect();
        for actor in 0..actors {
            let key = hold.key(0, actor);
            hold.0.heap.push(key);
        }
        hold.run(u64::from(actors) * 10);
        hold
    }

    fn key(&mut self, now: u64, actor: u32) -> u128 {
        let hold = &mut self.0;
        let at = now + hold.delay(actor);
        let slot = hold.free.pop().expect("there is one slot more than actors");
        hold.slab[slot as usize] = [u64::from(actor), now, at, 0, 0, 0];
        hold.sequence += 1;
        u128::from(at) << 64 | u128::from(hold.sequence << 24 | u64::from(slot))
    }

    /// Handles `events` events: the key names a slot, the slot names the actor.
    pub(crate) fn run(&mut self, events: u64) -> u64 {
        for _ in 0..events {
            let key = self.0.heap.root;
            let now = (key >> 64) as u64;
            let slot = key as u32 & 0xff_ffff;
            let actor = self.0.slab[slot as usize][0] as u32;
            self.0.free.push(slot);
            self.0.fold(now);
            self.0.fold(u64::from(actor));
            let key = self.key(now, actor);
            self.0.heap.replace(key);
        }
        self.0.digest
    }
}
