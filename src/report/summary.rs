//! What a run found, for the terminal: the question, a plain answer, the table, lag over time,
//! what was claimed, what to say. Parts that a run has nothing for are left out.

use crate::report::claims::{Finding, Judgement};
use crate::report::marks::moments;
use crate::report::metrics;
use crate::report::numbers::{duration, instant, metric, thousands};
use crate::report::spark::Scale;
use crate::report::style::{Style, Tone, clip, columns, wrap};
use crate::report::table::{Cell, Row, Table, beside};
use crate::report::{Report, answer, disk_reads, outages, run_id, throttles};
use crate::run::Outcome;
use crate::scenario::model::Scenario;
use crate::sim::time::SimTime;

/// The most columns that the names of variants take; longer ones are wrapped.
const LABEL_MAX: usize = 34;
/// The fewest, where names are wrapped so that all numbers stand in one block.
const LABEL_MIN: usize = 14;

/// The whole result of one scenario under one seed.
pub fn print(report: &Report<'_>, style: Style) -> String {
    let right = format!(
        "seed {}   Kafka 4.x semantics   run {:016x}",
        report.seed,
        run_id(report)
    );
    let mut out = style.edges(&report.scenario.name, &right);
    if !report.scenario.question.is_empty() {
        out.push_str(&style.plain(&report.scenario.question));
    }
    if let Some(base) = report.outcomes.first() {
        let mut answer = answer::of_run(report.scenario, base);
        let others = report.outcomes[1..].iter().map(|outcome| {
            let lost = outcome.delivery.lost;
            let verb = if lost == 1 { "is" } else { "are" };
            (
                &*outcome.variant,
                lost,
                format!("{} {verb} gone", thousands(lost)),
            )
        });
        if base.refused.is_none() {
            let lost = answer::of_others(base.delivery.lost, others);
            answer.push_str(&lost.unwrap_or_else(|| counts_of_others(report, base)));
        }
        let tone = if base.delivery.lost > 0 {
            Tone::Bad
        } else {
            Tone::Strong
        };
        for line in style.plain(&answer).lines() {
            out.push_str(&style.paint(tone, line));
            out.push('\n');
        }
    }
    out.push('\n');
    let label_width = label_width(report, style);
    for columns in blocks(
        &report.outcomes,
        style.width.saturating_sub(1 + label_width),
    ) {
        out.push_str(&table(&report.outcomes, &columns, label_width).print(style));
    }
    out.push_str(&legend(&report.outcomes, label_width, style));
    for group in metrics::group_names(&report.outcomes) {
        out.push('\n');
        out.push_str(&lag(report, group, label_width, style));
    }
    out.push('\n');
    out.push_str(&outages::print(&report.outcomes, style));
    out.push_str(&throttles::print(&report.outcomes, style));
    out.push_str(&disk_reads::print(&report.outcomes, style));
    out.push_str(&troubles(&report.outcomes, style));
    out.push_str(&judgement(&report.judgement, style));
    out.push_str(&teaching(report.scenario, style));
    out.push_str(&style.paragraph(
        "next",
        Tone::Faint,
        &format!(
            "retrial run {target} --seeds 0..100 · retrial explain {target}",
            target = report.target
        ),
    ));
    out
}

/// What to add when the base's count is zero and those of other variants are not.
fn counts_of_others(report: &Report<'_>, base: &Outcome) -> String {
    let number = |outcome: &Outcome, word: &str| {
        let number = metrics::find(outcome, word).unwrap_or(0);
        u64::try_from(number).unwrap_or(0)
    };
    let Some(word) = answer::counted(report.scenario, base) else {
        return String::new();
    };
    let others = report.outcomes[1..].iter().map(|outcome| {
        let count = number(outcome, word);
        let words = format!("there are {}", thousands(count));
        (&*outcome.variant, count, words)
    });
    let lost = base.delivery.lost;
    let others = answer::of_others(lost + number(base, word), others);
    others.unwrap_or_default()
}

/// How wide the column of variants is, for the table and the bars alike: as wide as the names, or
/// as narrow as leaves room for all numbers in one block, if the names can be wrapped so.
fn label_width(report: &Report<'_>, style: Style) -> usize {
    let outcomes = &report.outcomes;
    let variants = outcomes.iter().map(|outcome| outcome.variant.to_string());
    let groups = metrics::group_names(outcomes).into_iter().map(heading);
    let labels: Vec<String> = variants.chain(groups).collect();
    let natural = (labels.iter())
        .map(|label| columns(label))
        .fold(12, usize::max)
        .min(LABEL_MAX);
    let longest_word = (labels.iter())
        .flat_map(|label| label.split_whitespace())
        .map(columns)
        .fold(LABEL_MIN, usize::max);
    let all: Vec<Column> = [record_columns(outcomes), reader_columns(outcomes)].concat();
    let numbers = table(outcomes, &all, 0).cells_width();
    let room = style.width.saturating_sub(1 + numbers);
    if room >= longest_word {
        natural.min(room)
    } else {
        natural
    }
}

fn heading(group: &str) -> String {
    format!("lag, group {group}")
}

/// A column: its head, and its cell of an outcome.
type Column = (&'static str, fn(&Outcome) -> Cell);

/// The columns of the comparison: all in one block, or, where that is too wide, what became of
/// the records in one and what the readers saw in another.
fn blocks(outcomes: &[Outcome], room: usize) -> Vec<Vec<Column>> {
    let (records, readers) = (record_columns(outcomes), reader_columns(outcomes));
    let all: Vec<Column> = records.iter().chain(&readers).copied().collect();
    if table(outcomes, &all, 0).cells_width() <= room {
        vec![all]
    } else {
        vec![records, readers]
    }
}

/// What became of the records.
fn record_columns(outcomes: &[Outcome]) -> Vec<Column> {
    let mut columns: Vec<Column> = vec![
        ("sent", |o| count(o.delivery.sent)),
        ("acked", |o| count(o.delivery.acked)),
        ("refused", |o| count(o.delivery.refused)),
        ("unknown", |o| count(o.delivery.unknown)),
        ("readable", |o| count(o.delivery.readable)),
        ("LOST", |o| bad(o.delivery.lost)),
        ("dup", |o| count(o.delivery.duplicated)),
    ];
    if outcomes.iter().any(|outcome| outcome.delivery.expired > 0) {
        columns.push(("expired", |o| count(o.delivery.expired)));
    }
    columns
}

/// What the readers saw; in a run without readers the order of the log and the time of an answer.
fn reader_columns(outcomes: &[Outcome]) -> Vec<Column> {
    let any = |what: fn(&Outcome) -> u64| outcomes.iter().any(|outcome| what(outcome) > 0);
    let mut columns: Vec<Column> = Vec::new();
    if any(|o| o.delivery.reordered) {
        columns.push(("reordered", |o| count(o.delivery.reordered)));
    }
    if any(|o| o.delivery.reordered_keys) {
        columns.push(("key order", |o| count(o.delivery.reordered_keys)));
    }
    if outcomes.iter().all(|outcome| outcome.groups.is_empty()) {
        // Nobody reads: what a record costs is told by its answer.
        columns.push(("p99 ack", |o| time(o, "ack_p99_ns")));
        return columns;
    }
    columns.push(("late", |o| count(o.delivery.late)));
    if any(|o| sum_groups(o, "reprocessed")) {
        columns.push(("again", |o| count(sum_groups(o, "reprocessed"))));
    }
    if any(|o| sum_groups(o, "skipped")) {
        columns.push(("skipped", |o| count(sum_groups(o, "skipped"))));
    }
    if any(|o| sum_groups(o, "unread_expired")) {
        columns.push(("UNREAD", |o| bad(sum_groups(o, "unread_expired"))));
    }
    if any(reads_from_disk) {
        columns.push(("disk reads", |o| count(reads_from_disk(o))));
    }
    columns.push(("max lag", |o| {
        let lags = o.groups.values().map(|group| group.max_lag);
        count(lags.max().unwrap_or(0))
    }));
    columns.push(("p99 e2e", |o| time(o, "e2e_p99_ns")));
    columns
}

/// How often a fetch had to wait for a disk.
fn reads_from_disk(outcome: &Outcome) -> u64 {
    let reads = metrics::find(outcome, "disk_reads").unwrap_or(0);
    u64::try_from(reads).unwrap_or(0)
}

/// A metric in nanoseconds; a dash where nothing was measured.
fn time(outcome: &Outcome, name: &str) -> Cell {
    match metrics::find(outcome, name) {
        Some(nanos) => Cell::plain(metric(name, nanos)),
        None => Cell::plain("-"),
    }
}

/// The comparison of the variants.
fn table(outcomes: &[Outcome], columns: &[Column], label_width: usize) -> Table {
    let rows = outcomes.iter().map(|outcome| match &outcome.refused {
        Some(refused) => Row::Sentence(
            outcome.variant.to_string(),
            format!("Kafka refuses this configuration: {}", refused.message),
        ),
        None => Row::Cells(
            outcome.variant.to_string(),
            columns.iter().map(|(_, cell)| cell(outcome)).collect(),
        ),
    });
    Table {
        label_width,
        rows: rows.collect(),
        heads: columns.iter().map(|(head, _)| *head).collect(),
    }
}

fn count(number: u64) -> Cell {
    Cell::plain(thousands(number))
}

fn bad(number: u64) -> Cell {
    match number {
        0 => count(0),
        _ => Cell::toned(thousands(number), Tone::Bad),
    }
}

/// A word of the groups, summed over them.
fn sum_groups(outcome: &Outcome, word: &str) -> u64 {
    (outcome.groups.values())
        .flat_map(metrics::group)
        .filter(|(name, _)| *name == word)
        .map(|(_, number)| number)
        .sum()
}

/// What those words of the table mean that are easily mistaken, where they count something.
fn legend(outcomes: &[Outcome], label_width: usize, style: Style) -> String {
    let sum = |what: fn(&Outcome) -> u64| outcomes.iter().map(what).sum::<u64>();
    let extra = |name: &str| -> i64 {
        (outcomes.iter())
            .filter_map(|outcome| metrics::find(outcome, name))
            .sum()
    };
    let mut lines = Vec::new();
    if sum(|o| o.delivery.refused) > 0 {
        lines.push("refused: the application was told so, and no replica holds a copy".to_owned());
    }
    if sum(|o| o.delivery.unknown) > 0 {
        let mut line =
            "unknown: the application was told a failure or nothing, and a copy exists".to_owned();
        if extra("untold") > 0 {
            line.push_str("; or it was told nothing and there is none");
        }
        lines.push(line);
    }
    let timeouts = sum(|o| o.delivery.told_timeout);
    if timeouts > 0 {
        lines.push(format!(
            "told a time-out: {}",
            (outcomes.iter())
                .filter(|outcome| outcome.delivery.told_timeout > 0)
                .map(|outcome| format!(
                    "{} of {}",
                    thousands(outcome.delivery.told_timeout),
                    outcome.variant
                ))
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    let indent = " ".repeat(1 + label_width + 2);
    let room = style.width.saturating_sub(1 + label_width + 2).max(20);
    let mut out = String::new();
    for line in lines.iter().flat_map(|line| wrap(line, room)) {
        out.push_str(&style.paint(Tone::Faint, &format!("{indent}{line}")));
        out.push('\n');
    }
    out
}

/// The lag of one group, a row for each variant, all on one scale.
fn lag(report: &Report<'_>, group: &str, label_width: usize, style: Style) -> String {
    let rows: Vec<(&Outcome, String)> = (report.outcomes.iter())
        .filter_map(|outcome| {
            let series = outcome.lag.get(group)?;
            let mut text = match series.peak {
                0 => "no lag".to_owned(),
                peak => format!(
                    "peak {} at {}",
                    thousands(peak),
                    duration(series.peak_at.as_nanos())
                ),
            };
            if series.no_leader_per_mille > 0 {
                let share = (series.no_leader_per_mille + 5) / 10;
                text.push_str(&format!("; no leader {share}%"));
            }
            Some((outcome, text))
        })
        .collect();
    let room = style.width.saturating_sub(1 + label_width + 2);
    let widest = rows
        .iter()
        .map(|(_, text)| columns(text))
        .max()
        .unwrap_or(0);
    let series = || {
        rows.iter()
            .filter_map(|(outcome, _)| outcome.lag.get(group))
    };
    let scale = Scale {
        end: (rows.iter().map(|(outcome, _)| outcome.ended_at))
            .max()
            .unwrap_or(SimTime::ZERO),
        top: series().map(|series| series.peak).max().unwrap_or(0),
        columns: room.saturating_sub(3 + widest).clamp(8, 60),
    };
    let marks: Vec<&[_]> = rows.iter().map(|(outcome, _)| &outcome.marks[..]).collect();
    let names: Vec<&str> = rows.iter().map(|(outcome, _)| &*outcome.variant).collect();
    let mut axis = scale.axis(&moments(&marks), &names, room, 5);
    if rows.len() > 1 {
        let note = "(one scale for all)";
        let used = columns(&axis[0]);
        if used + 2 + columns(note) <= room {
            axis[0].push_str(&" ".repeat(room - used - columns(note)));
            axis[0].push_str(note);
        }
    }
    let axis: Vec<String> = axis.iter().map(|line| format!("  {line}")).collect();
    let mut out = beside(&heading(group), label_width, &axis);
    for (outcome, text) in &rows {
        let Some(series) = outcome.lag.get(group) else {
            continue;
        };
        let text = clip(text, room.saturating_sub(scale.columns + 3));
        let bars = format!("  {}   {text}", scale.bars(series));
        out.push_str(&beside(&outcome.variant, label_width, &[bars]));
    }
    out
}

/// Guarantees that broke and what never drained: nobody should overlook them.
fn troubles(outcomes: &[Outcome], style: Style) -> String {
    let mut out = String::new();
    for outcome in outcomes {
        for violation in &outcome.violations {
            let text = format!(
                "{}: {} at {}: {}",
                outcome.variant,
                violation.guarantee,
                instant(violation.at.as_nanos()),
                violation.evidence.join("; ")
            );
            out.push_str(&style.paragraph("BROKEN", Tone::Bad, &text));
        }
        if !outcome.settled && outcome.refused.is_none() {
            let text = format!(
                "{}: still busy when the drain was over: {}",
                outcome.variant,
                outcome.unsettled.join("; ")
            );
            out.push_str(&style.paragraph("UNSETTLED", Tone::Bad, &text));
        }
    }
    out
}

/// The claims: those that hold in one line, each other one in a line of its own.
pub(super) fn judgement(judgement: &Judgement, style: Style) -> String {
    let mut out = String::new();
    let held = (judgement.claims.iter())
        .filter(|claim| claim.finding.held())
        .count();
    if !judgement.claims.is_empty() {
        let all = judgement.claims.len();
        let (tone, text) = if held == all {
            (Tone::Good, format!("all {all} hold"))
        } else {
            (Tone::Bad, format!("{held} of {all} hold"))
        };
        out.push_str(&style.paragraph("CLAIMS", tone, &text));
    }
    for claim in &judgement.claims {
        let (variant, text) = (&claim.variant, &claim.text);
        let line = match &claim.finding {
            Finding::Held(_) => continue,
            Finding::Failed(actual) if judgement.seeds == 1 => {
                let subject = text.split_whitespace().next().unwrap_or_default();
                let actual = metric(subject, *actual);
                // A claim about a share of the seeds is put to this one.
                let here = if text.ends_with("seed") || text.ends_with("seeds") {
                    " in this seed"
                } else {
                    ""
                };
                format!("FAILED {variant}: {text}, and it is {actual}{here}")
            }
            Finding::Failed(held) => {
                let (judged, first) = (claim.of, claim.first_against);
                let first =
                    first.map_or(String::new(), |seed| format!("; first not in seed {seed}"));
                format!("FAILED {variant}: {text}, and it held in {held} of {judged}{first}")
            }
            Finding::Vacuous(why) => {
                format!("VACUOUS {variant}: {text}: {why}, so nothing was shown")
            }
        };
        out.push_str(&style.paragraph("", Tone::Bad, &line));
    }
    for line in judgement.untested() {
        let line = format!("{line}, so nothing was shown");
        out.push_str(&style.paragraph("VACUOUS", Tone::Bad, &line));
    }
    out
}

/// The caveat of the model and what to say.
pub(super) fn teaching(scenario: &Scenario, style: Style) -> String {
    let teach = &scenario.teach;
    let mut out = String::new();
    if let Some(model) = &teach.model {
        out.push_str(&style.paragraph("MODEL", Tone::Faint, model));
    }
    if let Some(say) = &teach.say {
        out.push_str(&style.paragraph("SAY IT", Tone::Strong, &format!("\"{say}\"")));
    }
    out
}
