//! Events of the timeline.

use crate::scenario::keys::Absent::{Means, Value};
use crate::scenario::keys::{LONGEST, ONE_DAY, TableDoc, Takes, UP_TO_A_DAY, UP_TO_A_YEAR, key};
use crate::sim::time::SimDuration;

/// A millisecond to a day: what goes on and on must not fill a run.
const A_WHILE: Takes = Takes::Duration {
    min: SimDuration::from_millis(1),
    max: ONE_DAY,
};

/// `{ … }` in `timeline`.
pub static EVENT: TableDoc = TableDoc {
    header: "an event of `timeline`",
    says: "A time or a moment, and one action. At `run_for` everything heals.",
    keys: &[
        key(
            "id",
            Takes::Text,
            Means("its action's name"),
            "id = \"crash\"",
            "What variants, claims, --set and the random stream `timeline/ID` call it.",
        ),
        key(
            "at",
            Takes::Instant,
            Means("`on` says when"),
            "at = \"10s..20s\"",
            "When, before `run_for`: an instant, or a range from which each seed draws one.",
        ),
        key(
            "on",
            Takes::Form("a moment"),
            Means("`at` says when"),
            "on = \"leader appended orders-0\"",
            "The moment of the protocol that it waits for; the rest of that step never happens.",
        ),
        key(
            "nth",
            Takes::Count {
                min: 1,
                max: 1_000_000_000,
            },
            Value("1"),
            "nth = 3",
            "With `on`: which time.",
        ),
        key(
            "every",
            Takes::True,
            Means("once"),
            "every = true",
            "With `on`: each time, not once.",
        ),
        key(
            "after",
            UP_TO_A_YEAR,
            Value("0s"),
            "after = \"5s\"",
            "With `on`: not before this.",
        ),
        key(
            "crash",
            Takes::Targets,
            Means("-"),
            "crash = \"leader(orders-0)\"",
            "kill -9: memory is lost, the page cache and the disk stay.",
        ),
        key(
            "power_loss",
            Takes::Targets,
            Means("-"),
            "power_loss = [\"b1\", \"b2\"]",
            "Power loss: what was not flushed is lost too.",
        ),
        key(
            "lose_disk",
            Takes::Targets,
            Means("-"),
            "lose_disk = \"b1\"",
            "The disk's content is lost, and with it the process.",
        ),
        key(
            "stop",
            Takes::Targets,
            Means("-"),
            "stop = \"brokers\"",
            "A stop in good order (SIGTERM): controlled shutdown.",
        ),
        key(
            "start",
            Takes::Targets,
            Means("-"),
            "start = \"b3\"",
            "A start after a crash or a stop.",
        ),
        key(
            "rolling_restart",
            Takes::Targets,
            Means("-"),
            "rolling_restart = \"brokers\"",
            "One after the other is stopped in good order, started `for` after its process has ended, and followed by the next after `gap`.",
        ),
        key(
            "pause",
            Takes::Targets,
            Means("-"),
            "pause = \"billing-1\"",
            "The process stands still (SIGSTOP, a long GC pause).",
        ),
        key(
            "cut",
            Takes::Nodes,
            Means("-"),
            "cut = [\"b1\", \"c1\"]",
            "Nothing arrives between the two.",
        ),
        key(
            "cut_one_way",
            Takes::Nodes,
            Means("-"),
            "cut_one_way = [\"b1\", \"b2\"]",
            "Nothing arrives from the first at the second.",
        ),
        key(
            "isolate",
            Takes::Targets,
            Means("-"),
            "isolate = \"b1\"",
            "Nothing arrives between the node and any other host.",
        ),
        key(
            "slow_link",
            Takes::Nodes,
            Means("-"),
            "slow_link = [\"b1\", \"b2\"]",
            "Messages from the first to the second take `delay` longer.",
        ),
        key(
            "flap",
            Takes::Nodes,
            Means("-"),
            "flap = [\"b1\", \"b2\"]",
            "The link between the two is cut for `down`, whole for `up`, and so on.",
        ),
        key(
            "reset",
            Takes::Nodes,
            Means("-"),
            "reset = [\"p1\", \"leader(orders-0)\"]",
            "All connections between the two are reset; what is on its way is lost.",
        ),
        key(
            "slow_disk",
            Takes::Targets,
            Means("-"),
            "slow_disk = \"b1\"",
            "Flushes take `delay` longer.",
        ),
        key(
            "fill_disk",
            Takes::Targets,
            Means("-"),
            "fill_disk = \"b1\"",
            "The disk is full.",
        ),
        key(
            "fail_disk",
            Takes::Targets,
            Means("-"),
            "fail_disk = \"b1\"",
            "Every call of the disk fails.",
        ),
        key(
            "skew_clock",
            Takes::Targets,
            Means("-"),
            "skew_clock = \"p1\"",
            "The wall clock jumps by `by`.",
        ),
        key(
            "then",
            Takes::Form("the name of an action on one node"),
            Means("an action of its own"),
            "then = \"crash\"",
            "With `on`: this action, on the host where the moment happened; the same as crash = \"here\".",
        ),
        key(
            "delay",
            Takes::Duration {
                min: SimDuration::from_nanos(1),
                max: ONE_DAY,
            },
            Means("needed by slow_link and slow_disk"),
            "delay = \"40ms\"",
            "How much longer.",
        ),
        key(
            "by",
            Takes::SignedDuration,
            Means("needed by skew_clock"),
            "by = \"-8d\"",
            "How far the clock jumps, within 10 years, not 0.",
        ),
        key(
            "gap",
            UP_TO_A_DAY,
            Means("needed by rolling_restart"),
            "gap = \"30s\"",
            "From the start of one node to the stop of the next.",
        ),
        key(
            "down",
            A_WHILE,
            Means("needed by flap"),
            "down = \"1s\"",
            "How long the link is cut each time.",
        ),
        key(
            "up",
            A_WHILE,
            Means("needed by flap"),
            "up = \"2s\"",
            "How long the link is whole in between.",
        ),
        key(
            "for",
            Takes::Duration {
                min: SimDuration::from_nanos(1),
                max: LONGEST,
            },
            Means("until `run_for`"),
            "for = \"20s\"",
            "How long it lasts; then it is undone: a start after a crash, a heal after a cut. Of a rolling_restart: how long each node is down. Not with start and reset.",
        ),
    ],
};
