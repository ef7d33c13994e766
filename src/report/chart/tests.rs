//! Charts of a real run: always the same bytes, well formed, complete, and in words.

use std::path::Path;

use super::*;
use crate::run::record::record;
use crate::scenario::file::parse;
use crate::scenario::library::find;

fn recorded(name: &'static str, seed: u64) -> Recorded<'static> {
    let entry = find(name).unwrap();
    let scenario = parse(entry.name, entry.source, &[]).unwrap();
    let variants = (scenario.variants.iter())
        .map(|variant| (Arc::clone(&variant.name), record(variant, seed)))
        .collect();
    Recorded {
        scenario: entry.name,
        seed,
        variants,
    }
}

/// Every element is closed, every attribute quoted, in the little XML that is written here.
fn assert_well_formed(svg: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        assert!(!tag.contains('<'), "{tag}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag
            .trim_start_matches('/')
            .split([' ', '/'])
            .next()
            .unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = &rest[end + 1..];
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn the_same_run_gives_the_same_pictures_and_words() {
    let one = of_run(&recorded("leader-crash-acks1", 5));
    assert_eq!(one, of_run(&recorded("leader-crash-acks1", 5)));
    let names: Vec<&str> = one.iter().map(|chart| chart.name.as_str()).collect();
    assert_eq!(
        names,
        ["throughput", "latency", "lag", "partitions", "load"]
    );
    for chart in &one {
        assert_well_formed(&chart.svg);
        for variant in ["acks=1", "acks=all", "acks=all + min.insync.replicas=2"] {
            let heading = [format!(">{variant}</text>"), format!(">{variant}: ")];
            let is_named = heading.iter().any(|name| chart.svg.contains(name));
            assert!(is_named, "{}: {variant}", chart.name);
            assert!(
                chart.says.contains(&format!("\n{variant}: ")),
                "{}",
                chart.says
            );
        }
        let name = &chart.name;
        let (title, desc) = (
            format!("id=\"{name}-title\""),
            format!("id=\"{name}-desc\""),
        );
        assert!(chart.svg.contains(&title) && chart.svg.contains(&desc));
        let (lines, variants) = (chart.says.lines().count(), 3);
        assert_eq!(lines, 1 + variants, "{}", chart.says);
        assert!(
            !chart.svg.contains("NaN") && !chart.svg.contains("=\"-"),
            "{}",
            chart.name
        );
    }
    assert!(one[0].svg.contains(" crash b2</text>"), "faults are marked");
}

#[test]
fn a_chart_looks_as_it_did() {
    let charts = of_run(&recorded("leader-crash-acks1", 5));
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/charts"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("lag", charts[2].svg);
        insta::assert_snapshot!("partitions", charts[3].svg);
        let says = charts
            .iter()
            .map(|chart| format!("{}\n{}", chart.title, chart.says));
        insta::assert_snapshot!("words", says.collect::<Vec<_>>().join("\n\n"));
    });
}

#[test]
fn many_seeds_are_a_strip_of_dots() {
    let strip = Strip {
        metric: "groups.billing.max_lag".to_owned(),
        seeds: (0, 500),
        variants: vec![
            (Arc::from("many alike"), vec![3; 500]),
            (Arc::from("spread"), (0..500).collect()),
            (Arc::from("none"), Vec::new()),
        ],
    };
    let chart = of_seeds("x", &strip);
    assert_eq!(chart.name, "seeds-groups-billing-max-lag");
    assert_well_formed(&chart.svg);
    assert!(
        chart
            .says
            .contains("many alike: over 0 in 500 of 500 seeds; least 3, median 3")
    );
    assert!(
        chart
            .says
            .contains("spread: over 0 in 499 of 500 seeds; least 0, median 249")
    );
    assert!(chart.says.contains("none: no seed has it"));
    assert!(chart.svg.matches("<circle").count() > 100);
}

#[test]
fn what_kafka_refuses_is_said_and_not_drawn() {
    let mut recorded = recorded("leader-crash-acks1", 5);
    recorded.variants[1].1 = None;
    for chart in of_run(&recorded) {
        assert!(
            chart.says.contains("\nacks=all: Kafka refuses the config."),
            "{}",
            chart.says
        );
    }
    for (_, recording) in &mut recorded.variants {
        *recording = None;
    }
    assert!(of_run(&recorded).is_empty());
}
