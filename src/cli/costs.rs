//! What `--show costs` adds: the assumptions about hosts that a run stands on, beside its result.
//!
//! They are no properties of Kafka. Each line says what was taken, in its unit, and who said so:
//! the scenario, or nobody, so that the default holds.

use std::fmt::Write as _;

use crate::cluster::spec::{ClusterSpec, DiskSpec, LatencySpec, NetworkSpec};
use crate::kafka::cpu::{CpuCosts, Declared};
use crate::report::style::wrap;
use crate::scenario::keys::TableDoc;
use crate::scenario::keys::hosts::{COMPRESS, COSTS, DECOMPRESS, DISKS, NETWORK};
use crate::scenario::model::{Setup, Variant};
use crate::scenario::value::{print_bandwidth, print_parts_per_million, print_size};

/// One assumption: its key, its value here, its default.
type Line = (&'static str, String, String);

/// A key and how its value is printed.
type Printed<T> = (&'static str, fn(&T) -> String);

/// The block, one column of values for each group of variants that share them.
pub(super) fn print(variants: &[Variant], width: usize) -> String {
    let mut groups: Vec<(Vec<&str>, &ClusterSpec)> = Vec::new();
    for variant in variants {
        let Ok(Setup { cluster, .. }) = &variant.setup else {
            continue;
        };
        let same = |other: &ClusterSpec| {
            (other.network, other.disks, other.costs)
                == (cluster.network, cluster.disks, cluster.costs)
        };
        match groups.iter_mut().find(|(_, other)| same(other)) {
            Some((names, _)) => names.push(&variant.name),
            None => groups.push((vec![&variant.name], cluster)),
        }
    }
    let mut text = String::new();
    for (names, cluster) in &groups {
        let of = if groups.len() == 1 {
            "declared assumptions, not properties of Kafka".to_owned()
        } else {
            format!("declared assumptions of {}", names.join(", "))
        };
        for (i, line) in wrap(&of, width.saturating_sub(12)).iter().enumerate() {
            let heading = if i == 0 { "COSTS" } else { "" };
            writeln!(text, " {heading:<10} {line}").expect("a string takes all");
        }
        for (doc, lines) in [
            (&NETWORK, network(&cluster.network)),
            (&DISKS, disks(&cluster.disks)),
            (&COSTS, costs(&cluster.costs, None)),
            (&COMPRESS, costs(&cluster.costs, Some("compress"))),
            (&DECOMPRESS, costs(&cluster.costs, Some("decompress"))),
        ] {
            table(&mut text, doc, &lines, width);
        }
    }
    text
}

/// The lines of a table of the file, under its header.
fn table(text: &mut String, doc: &TableDoc, lines: &[Line], width: usize) {
    writeln!(text, "  {}", doc.header).expect("a string takes all");
    for (name, value, default) in lines {
        let key = doc.key(name).expect("each line is a key of its table");
        let source = if value == default {
            "default"
        } else {
            "scenario"
        };
        let start = format!("    {name:<16} {value:<32} {source:<9} ");
        let room = width.saturating_sub(start.chars().count()).max(20);
        for (i, says) in wrap(key.says, room).iter().enumerate() {
            let start = if i == 0 {
                start.clone()
            } else {
                " ".repeat(start.chars().count())
            };
            writeln!(text, "{start}{says}").expect("a string takes all");
        }
    }
}

fn network(spec: &NetworkSpec) -> Vec<Line> {
    lines(
        spec,
        &NetworkSpec::default(),
        &[
            ("latency", |spec| latency(spec.latency)),
            ("bandwidth", |spec| print_bandwidth(spec.bandwidth)),
            ("loss", |spec| print_parts_per_million(spec.loss_ppm)),
        ],
    )
}

/// A latency in words.
fn latency(latency: LatencySpec) -> String {
    match latency {
        LatencySpec::Constant(at) => at.to_string(),
        LatencySpec::Uniform(from, to) => format!("{from}..{to}, evenly"),
        LatencySpec::Exponential { base, mean } => format!("{base} + exponential, mean {mean}"),
    }
}

fn disks(spec: &DiskSpec) -> Vec<Line> {
    lines(
        spec,
        &DiskSpec::default(),
        &[
            ("flush_latency", |spec| spec.flush_latency.to_string()),
            ("read_latency", |spec| spec.read_latency.to_string()),
            ("bandwidth", |spec| print_bandwidth(spec.bandwidth)),
            ("capacity", |spec| print_size(spec.capacity)),
            ("page_cache", |spec| print_size(spec.page_cache)),
            ("log_dirs", |spec| spec.log_dirs.to_string()),
        ],
    )
}

/// The declared CPU costs of one table.
fn costs(spec: &CpuCosts, table: Option<&str>) -> Vec<Line> {
    let of_table = CpuCosts::ALL
        .iter()
        .filter(|declared| declared.table == table);
    let line = |declared: &Declared| {
        let (value, default) = (spec.get(declared), CpuCosts::default().get(declared));
        (declared.key, value.to_string(), default.to_string())
    };
    of_table.map(line).collect()
}

/// The values of a part of the set-up beside its defaults.
fn lines<T>(spec: &T, default: &T, of: &[Printed<T>]) -> Vec<Line> {
    of.iter()
        .map(|(name, print)| (*name, print(spec), print(default)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::file::parse;
    use crate::scenario::set::SetFlag;

    fn variants(sets: &[&str]) -> Vec<Variant> {
        let entry = crate::scenario::library::find("leader-crash-acks1").unwrap();
        let sets: Vec<SetFlag> = sets.iter().map(|set| SetFlag((*set).to_owned())).collect();
        parse(entry.name, entry.source, &sets).unwrap().variants
    }

    #[test]
    fn every_assumption_has_its_value_and_its_source() {
        let text = print(&variants(&["disks.flush_latency=\"10ms\""]), 100);
        for doc in [&NETWORK, &DISKS, &COSTS] {
            assert!(text.contains(doc.header), "{text}");
            for key in doc.keys {
                let alone = format!("    {:<16} ", key.name);
                let block = format!("`{}` of [costs]", key.name);
                assert!(text.contains(&alone) || text.contains(&block), "{text}");
            }
        }
        let flush = text
            .lines()
            .find(|line| line.contains("flush_latency"))
            .unwrap();
        assert!(
            flush.contains("10ms") && flush.contains("scenario"),
            "{flush}"
        );
        assert_eq!(text.matches("scenario").count(), 1, "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
    }

    #[test]
    fn variants_that_differ_are_shown_apart() {
        let mut variants = variants(&[]);
        let Ok(setup) = &mut variants[1].setup else {
            panic!("nothing is refused");
        };
        setup.cluster.disks.bandwidth = 1_000;
        let text = print(&variants, 100);
        assert_eq!(text.matches("COSTS").count(), 2, "{text}");
        assert!(
            text.contains("of acks=1, acks=all + min.insync.replicas=2"),
            "{text}"
        );
    }
}
