//! Request and answer between two clients and a server, written by hand: a draw for the loss, a
//! draw for the latency, a flag for the cut, arrivals in order, two messages in flight.

use crate::floors::next;

#[derive(Clone, Copy, Default)]
struct Direction {
    last_arrival: u64,
    is_cut: bool,
    chance: u64,
}

/// Four directions and the two messages that are on their way.
pub(crate) struct RoundTrips {
    directions: [Direction; 4],
    /// When the message of each client arrives, where it goes and its number.
    flights: [(u64, bool, u64); 2],
    digest: u64,
}

impl RoundTrips {
    /// Both clients have sent their first request.
    pub(crate) fn new() -> Self {
        let mut directions = [Direction::default(); 4];
        for (direction, seed) in directions.iter_mut().zip(1..) {
            direction.chance = seed << 32;
        }
        Self {
            directions,
            flights: [(0, false, 0); 2],
            digest: 0,
        }
    }

    /// Runs `count` round trips, counted at the clients.
    pub(crate) fn run(&mut self, count: u64) -> u64 {
        let mut done = 0;
        while done < count {
            let client = usize::from(self.flights[1].0 < self.flights[0].0);
            let (now, to_server, number) = self.flights[client];
            let mixed = (self.digest ^ now ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.digest = mixed ^ (mixed >> 32);
            done += u64::from(!to_server);
            let direction = &mut self.directions[client * 2 + usize::from(to_server)];
            let bits = next(&mut direction.chance);
            // One in 10,000 is lost, and sent again 200 ms later.
            let mut at = now + 1_000_000 + ((u128::from(bits) * 100_000) >> 64) as u64;
            if direction.is_cut || next(&mut direction.chance) < u64::MAX / 10_000 {
                at += 200_000_000;
            }
            at = at.max(direction.last_arrival);
            direction.last_arrival = at;
            self.flights[client] = (at, !to_server, number + 1);
        }
        self.digest
    }
}
