//! A random scenario file: one seed draws the cluster, the workload, what may break and when.
//!
//! A seed first draws which kinds of faults it knows at all, then faults of these kinds: some seeds
//! have one kind many times, some all at once. Whatever overlaps, overlaps. When the last fault is
//! over, a producer and a group start on a topic of their own: they must get through.

use std::fmt::Write as _;

use retrial::sim::rng::{Rng, Streams};

/// Records that must get through when every fault is over.
const AFTER: u64 = 40;
/// When the workload and the faults begin and end, in ms; a fault may last longer.
const WINDOW: (u64, u64) = (1_000, 20_000);
/// The longest fault, in ms.
const LONGEST: u64 = 12_000;

/// What a fault does to one node.
const ON_NODE: [&str; 10] = [
    "crash",
    "power_loss",
    "lose_disk",
    "stop",
    "pause",
    "isolate",
    "slow_disk",
    "fill_disk",
    "fail_disk",
    "skew_clock",
];
/// What a fault does between two nodes.
const BETWEEN: [&str; 4] = ["cut", "cut_one_way", "slow_link", "reset"];
/// Moments of a partition for which a fault may wait.
const MOMENTS: [&str; 8] = [
    "leader appended",
    "follower appended",
    "produce answered",
    "high watermark advanced",
    "isr shrunk",
    "isr expanded",
    "leader elected",
    "replica truncated",
];

/// Those of them that the controller brings about. They stop nobody but brokers here: what the
/// controller commits in a step that never ends is in its log, and no checker is told of it.
const AT_CONTROLLER: [&str; 3] = ["isr shrunk", "isr expanded", "leader elected"];

/// A random scenario.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Its text.
    pub text: String,
    /// True when every producer waits for all in-sync replicas.
    pub acks_all: bool,
    /// True when nothing that it does may cost an acked record.
    pub survives: bool,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a coin that the seed has tossed"
)]
struct Draw {
    rng: Rng,
    brokers: u64,
    partitions: u64,
    replicas: u64,
    producers: u64,
    members: u64,
    /// The kinds of faults that this seed knows.
    kinds: Vec<&'static str>,
    /// True when faults also hit applications.
    hits_apps: bool,
    unclean: bool,
    all_acks: bool,
    idempotent: bool,
    /// Threads and producers of each application.
    threads: (u64, u64),
}

/// The file of a seed.
pub(crate) fn file(seed: u64) -> File {
    let mut draw = Draw::new(seed);
    let mut timeline = String::new();
    let mut over = WINDOW.1;
    for index in 0..draw.between(1, 8) {
        let ends = draw.fault(index, &mut timeline);
        over = over.max(ends);
    }
    let hosts = draw.hosts();
    let topics = draw.topics();
    let apps = draw.apps(over);
    let survives = draw.survives();
    let mut claims = vec![
        "unsettled == 0".to_owned(),
        format!("groups.after.processed == {AFTER}"),
    ];
    if survives {
        claims.push("lost == 0".to_owned());
    }
    if survives && draw.idempotent && !draw.hits_apps {
        claims.push("duplicated == 0".to_owned());
        // Between producers there is no order.
        if draw.threads.1 == 1 {
            claims.push("reordered == 0".to_owned());
        }
    }
    let text = format!(
        "question = \"Does every guarantee hold, and does all go on when the faults are over?\"\n\
         seed = {seed}\nrun_for = \"{}ms\"\nbase_label = \"swarm\"\n\
         timeline = [\n{timeline}]\n\n{hosts}{topics}{apps}[claims]\nswarm = {claims:?}\n",
        over + 5_000,
    );
    File {
        text,
        acks_all: draw.all_acks,
        survives,
    }
}

/// How many threads an application has, and producers: one for all in half of the seeds.
fn threads(seed: u64) -> (u64, u64) {
    let mut rng = Streams::new(seed).stream("swarm/threads");
    let threads = 1 + rng.below(6);
    let producers = if rng.below(2) == 0 {
        1
    } else {
        1 + rng.below(threads)
    };
    (threads, producers)
}

impl Draw {
    fn new(seed: u64) -> Self {
        let mut draw = Self {
            rng: Streams::new(seed).stream("swarm"),
            brokers: 0,
            partitions: 0,
            replicas: 0,
            producers: 0,
            members: 0,
            kinds: Vec::new(),
            hits_apps: false,
            unclean: false,
            all_acks: true,
            idempotent: true,
            threads: threads(seed),
        };
        draw.brokers = draw.between(3, 5);
        draw.partitions = draw.between(1, 4);
        draw.replicas = draw.pick([1, 2, 3, 3, 3]);
        draw.producers = draw.between(1, 3);
        draw.members = draw.between(1, 3);
        draw.hits_apps = draw.one_in(4);
        draw.unclean = draw.one_in(6);
        let all = ON_NODE.iter().chain(&BETWEEN);
        let mut kinds: Vec<_> = all.copied().collect();
        kinds.retain(|_| draw.one_in(3));
        draw.kinds = kinds;
        if draw.kinds.is_empty() {
            draw.kinds.push("crash");
        }
        draw
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.rng.below(most - least + 1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.rng.below(n) == 0
    }

    fn pick<T: Copy, const N: usize>(&mut self, from: [T; N]) -> T {
        from[self.rng.below(N as u64) as usize]
    }

    /// Acked records survive whatever leaves the logs of a clean leader whole.
    fn survives(&self) -> bool {
        let harmless = !["power_loss", "lose_disk"]
            .iter()
            .any(|kind| self.kinds.contains(kind));
        self.all_acks && !self.unclean && harmless
    }

    /// Adds a fault to the timeline; when it is over.
    fn fault(&mut self, index: u64, timeline: &mut String) -> u64 {
        let kind = self.kinds[self.rng.below(self.kinds.len() as u64) as usize];
        let at = self.between(WINDOW.0, WINDOW.1);
        let waits = self.one_in(4);
        let moment = self.pick(MOMENTS);
        let at_controller = waits && AT_CONTROLLER.contains(&moment);
        let when = if waits {
            let partition = self.rng.below(self.partitions);
            let nth = self.between(1, 12);
            format!("on = \"{moment} orders-{partition}\", nth = {nth}, after = \"{at}ms\"")
        } else {
            format!("at = \"{at}ms\"")
        };
        let lasts = self.between(200, LONGEST);
        let (action, node) = if BETWEEN.contains(&kind) {
            let one = self.between(1, self.brokers);
            let other = self.other(one);
            (format!("{kind} = [\"b{one}\", \"{other}\"]"), None)
        } else {
            let node = if at_controller {
                format!("b{}", self.between(1, self.brokers))
            } else if waits && self.one_in(2) {
                "here".to_owned()
            } else {
                self.node(kind)
            };
            (format!("{kind} = \"{node}\""), Some(node))
        };
        let more = match kind {
            "slow_disk" => format!(", delay = \"{}ms\"", self.between(1, 300)),
            "slow_link" => format!(", delay = \"{}ms\"", self.between(1, 900)),
            "skew_clock" => format!(
                ", by = \"{}{}ms\"",
                self.pick(["", "-"]),
                self.between(1, 9_000)
            ),
            _ => String::new(),
        };
        let span = match kind {
            "reset" => String::new(),
            _ => format!(", for = \"{lasts}ms\""),
        };
        writeln!(
            timeline,
            "  {{ id = \"f{index}\", {when}, {action}{more}{span} }},"
        )
        .expect("a string takes all");
        // A broker whose disk failed has halted: it is started when the disk works again.
        if let Some(node) = node.filter(|node| kind == "fail_disk" && node.starts_with('b')) {
            let at = at + lasts + 1;
            writeln!(
                timeline,
                "  {{ id = \"f{index}-start\", at = \"{at}ms\", start = \"{node}\" }},"
            )
            .expect("a string takes all");
        }
        at + lasts + 2
    }

    /// A node to act on.
    fn node(&mut self, kind: &str) -> String {
        let broker = self.between(1, self.brokers);
        let partition = self.rng.below(self.partitions);
        let has_process = ["crash", "stop", "pause", "isolate", "skew_clock"].contains(&kind);
        if self.hits_apps && has_process && self.one_in(2) {
            let app = self.rng.below(self.producers + self.members);
            return if app < self.producers {
                format!("p{}", app + 1)
            } else {
                format!("billing-{}", app - self.producers + 1)
            };
        }
        match self.rng.below(6) {
            // The only controller has the only copy of the cluster's metadata.
            0 if kind != "lose_disk" => "controller".to_owned(),
            1 => format!("follower(orders-{partition})"),
            2 | 3 => format!("leader(orders-{partition})"),
            _ => format!("b{broker}"),
        }
    }

    /// Whom a broker talks to.
    fn other(&mut self, one: u64) -> String {
        match self.rng.below(4) {
            0 => "c1".to_owned(),
            1 if self.hits_apps => format!("p{}", self.between(1, self.producers)),
            _ => format!(
                "b{}",
                (one + self.rng.below(self.brokers - 1)) % self.brokers + 1
            ),
        }
    }

    /// The cluster and what its hosts are like.
    fn hosts(&mut self) -> String {
        let mut config = Vec::new();
        if self.one_in(3) {
            config.push(
                "\"broker.session.timeout.ms\" = 3000, \"broker.heartbeat.interval.ms\" = 500",
            );
        }
        if self.one_in(2) {
            config.push(self.pick([
                "\"replica.lag.time.max.ms\" = 2000",
                "\"replica.lag.time.max.ms\" = 8000",
            ]));
        }
        if self.one_in(4) {
            config.push(self.pick([
                "\"log.flush.interval.messages\" = 1",
                "\"log.flush.interval.messages\" = 20",
            ]));
        }
        if self.one_in(4) {
            config.push("\"num.io.threads\" = 1");
        }
        let mut text = format!(
            "[cluster]\nbrokers = {}\nconfig = {{ {} }}\n\n",
            self.brokers,
            config.join(", ")
        );
        let latency = self.pick([None, None, Some("1ms..9ms"), Some("20ms")]);
        let loss = self.pick(["0%", "0%", "0.1%", "1%"]);
        writeln!(text, "[network]\nloss = \"{loss}\"").expect("a string takes all");
        if let Some(latency) = latency {
            writeln!(text, "latency = \"{latency}\"").expect("a string takes all");
        }
        if self.one_in(4) {
            text.push_str("\n[disks]\nflush_latency = \"20ms\"\n");
        }
        if self.one_in(4) {
            text.push_str("\n[costs]\nproduce = \"1ms\"\nfetch = \"1ms\"\nother = \"1ms\"\n");
        }
        text.push('\n');
        text
    }

    fn topics(&mut self) -> String {
        let least = match self.replicas {
            1 => 1,
            2 => self.pick([1, 1, 2]),
            _ => self.pick([1, 2, 2, 2, 3]),
        };
        let mut text = String::new();
        for (name, partitions) in [("orders", self.partitions), ("after", 2)] {
            writeln!(
                text,
                "[topics.{name}]\npartitions = {partitions}\nreplication_factor = {}\n\
                 config = {{ \"min.insync.replicas\" = {least}, \
                 \"unclean.leader.election.enable\" = {} }}\n",
                self.replicas, self.unclean,
            )
            .expect("a string takes all");
        }
        text
    }

    /// Producers and readers; those named `after` start when every fault is over. With several
    /// requests in flight a fresh leader that refuses the first batch, for want of replicas, may
    /// take the second, as Kafka does: then the first can't get in any more.
    fn apps(&mut self, over: u64) -> String {
        let mut text = String::new();
        for producer in 1..=self.producers {
            let config = self.producer_config();
            let count = self.between(100, 800);
            let rate = (count * 1_000 / WINDOW.1).max(1);
            let arrivals = self.pick(["even", "poisson"]);
            let keys = match self.rng.below(3) {
                0 => "\"none\"".to_owned(),
                1 => format!("{{ uniform = {} }}", self.between(1, 50)),
                _ => format!("{{ cycle = {} }}", self.between(1, 50)),
            };
            let size = self.pick([0, 10, 100, 4_000]);
            let payload = self.pick(["descriptor", "descriptor", "bytes"]);
            writeln!(
                text,
                "[producers.p{producer}]\ntopic = \"orders\"\nrate = \"{rate}/s\"\n\
                 arrivals = \"{arrivals}\"\ncount = {count}\nkeys = {keys}\n\
                 value_size = \"{size}B\"\npayload = \"{payload}\"\n\
                 threads = {}\nproducers = {}\nconfig = {{ {config} }}\n",
                self.threads.0, self.threads.1,
            )
            .expect("a string takes all");
        }
        let takes = self.pick(["0s", "1ms", "20ms"]);
        let polled = self.pick([1, 10, 500]);
        let wait = self.pick([500, 500, 50]);
        writeln!(
            text,
            "[producers.after]\ntopic = \"after\"\nrate = \"40/s\"\ncount = {AFTER}\n\
             start = \"{over}ms\"\nconfig = {{ acks = \"all\", \
             \"max.in.flight.requests.per.connection\" = 1 }}\n\n\
             [groups.billing]\ntopics = [\"orders\"]\nmembers = {}\nprotocol = \"assign\"\n\
             handler = {{ takes = \"{takes}\" }}\nconfig = {{ \"max.poll.records\" = {polled}, \
             \"fetch.max.wait.ms\" = {wait} }}\n\n\
             [groups.after]\ntopics = [\"after\"]\nprotocol = \"assign\"\nstart = \"{over}ms\"\n",
            self.members,
        )
        .expect("a string takes all");
        text
    }

    fn producer_config(&mut self) -> String {
        let acks = self.pick(["\"all\"", "\"all\"", "\"all\"", "\"all\"", "1", "0"]);
        let idempotent = acks == "\"all\"" && !self.one_in(4);
        self.all_acks &= acks == "\"all\"";
        self.idempotent &= idempotent;
        let mut config = vec![
            format!("acks = {acks}"),
            format!("\"enable.idempotence\" = {idempotent}"),
            format!("\"linger.ms\" = {}", self.pick([0, 0, 5, 100])),
            format!("\"batch.size\" = {}", self.pick([0, 200, 16_384, 16_384])),
            format!(
                "\"max.in.flight.requests.per.connection\" = {}",
                self.pick([1, 2, 5, 5])
            ),
        ];
        if self.one_in(3) {
            // Requests and records time out while a fault lasts.
            config.push("\"request.timeout.ms\" = 1500, \"delivery.timeout.ms\" = 6000".to_owned());
        }
        if self.one_in(5) {
            config.push("\"buffer.memory\" = 60000, \"max.block.ms\" = 2000".to_owned());
        }
        config.join(", ")
    }
}
