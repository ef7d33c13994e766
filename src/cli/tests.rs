//! Command lines against a made-up runner: what comes out, where, and with which exit code.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::cli::{Host, Runner, execute};
use crate::report::fixtures;
use crate::run::Outcome;
use crate::scenario::model::Variant;

/// What a command line did.
struct Done {
    code: u8,
    out: String,
    err: String,
}

/// Loses two records where the variant is called acks=1.
fn loses(variant: &Variant, _seed: u64) -> Outcome {
    made_up(variant, 2)
}

/// Loses nothing.
fn keeps(variant: &Variant, _seed: u64) -> Outcome {
    made_up(variant, 0)
}

/// Loses as many records as the seed's last digit.
fn varies(variant: &Variant, seed: u64) -> Outcome {
    made_up(variant, seed % 10)
}

/// Never the same.
fn wavers(variant: &Variant, _seed: u64) -> Outcome {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut outcome = made_up(variant, 2);
    outcome.fingerprint = COUNT.fetch_add(1, Ordering::Relaxed);
    outcome
}

/// As [`loses`], but no fault had anything to act on.
fn misses(variant: &Variant, seed: u64) -> Outcome {
    let mut outcome = loses(variant, seed);
    for fault in &mut outcome.faults {
        fault.hit = false;
    }
    outcome
}

/// The fixture's outcome under the name and the timeline of any variant.
fn made_up(variant: &Variant, lost: u64) -> Outcome {
    let setup = match &variant.setup {
        Ok(setup) => setup,
        Err(refused) => return Outcome::refused(&variant.name, refused),
    };
    let lost = if &*variant.name == "acks=1" { lost } else { 0 };
    let scenario = fixtures::scenario();
    let mut outcome = fixtures::outcome(&scenario, "acks=1", lost);
    outcome.variant = variant.name.clone();
    let fault = outcome.faults.remove(0);
    outcome.faults = (setup.timeline.iter())
        .map(|event| crate::run::FaultReport {
            id: event.id.clone(),
            ..fault.clone()
        })
        .collect();
    outcome
}

fn retrial(runner: Runner, arguments: &[&str]) -> Done {
    on_terminal(runner, arguments, false, false)
}

fn on_terminal(runner: Runner, arguments: &[&str], terminal: bool, no_color: bool) -> Done {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = execute(
        std::iter::once("retrial")
            .chain(arguments.iter().copied())
            .map(Into::into),
        &mut Host {
            runner,
            stdout: &mut out,
            stderr: &mut err,
            answers: None,
            stdout_is_terminal: terminal,
            stderr_is_terminal: false,
            no_color,
        },
    );
    Done {
        code,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
    }
}

const RUN: [&str; 2] = ["run", "leader-crash-acks1"];

fn run(runner: Runner, more: &[&str]) -> Done {
    retrial(runner, &[&RUN, more].concat())
}

#[test]
fn the_result_goes_to_standard_output_and_the_timing_to_standard_error() {
    let done = run(loses, &[]);
    assert!(done.out.starts_with(" leader-crash-acks1 "), "{}", done.out);
    assert!(!done.out.contains("events/s"));
    assert!(done.err.contains("events/s"), "{}", done.err);
    assert_eq!(run(loses, &["--quiet"]).err, "");
    assert_eq!(run(loses, &["--quiet"]).out, done.out);
}

#[test]
fn exit_codes_tell_held_failed_and_vacuous_apart() {
    assert_eq!(run(loses, &[]).code, 0);
    assert_eq!(run(keeps, &[]).code, 1);
    let vacuous = run(misses, &[]);
    assert_eq!(vacuous.code, 2, "{}{}", vacuous.out, vacuous.err);
    assert!(vacuous.out.contains("hit nothing"), "{}", vacuous.out);
    let bad = run(loses, &["--set", "timeline.crash.at=\"soon\""]);
    assert_eq!((bad.code, bad.out.as_str()), (2, ""), "{}", bad.err);
}

#[test]
fn nondeterminism_exits_with_3() {
    assert_eq!(run(loses, &["--check-determinism"]).code, 0);
    let done = run(wavers, &["--check-determinism"]);
    assert_eq!(done.code, 3);
    assert!(
        done.err
            .contains("nondeterminism: leader-crash-acks1, acks=1, seed "),
        "{}",
        done.err
    );
    let done = run(wavers, &["--check-determinism", "--seeds", "0..3"]);
    assert_eq!(done.code, 3);
}

#[test]
fn an_unknown_scenario_suggests_the_nearest_and_nothing_runs() {
    let done = retrial(loses, &["run", "leader-crash-acks1", "leader-crsh-acks1"]);
    assert_eq!((done.code, done.out.as_str()), (2, ""));
    assert!(
        done.err.contains("did you mean leader-crash-acks1?"),
        "{}",
        done.err
    );
}

#[test]
fn a_missing_file_and_a_bad_file_exit_with_2() {
    let done = retrial(loses, &["run", "nowhere.toml"]);
    assert_eq!((done.code, done.out.as_str()), (2, ""));
    assert!(
        done.err.starts_with("error: cannot read nowhere.toml: "),
        "{}",
        done.err
    );
    let done = run(loses, &["--set", "nonsense=1"]);
    assert_eq!((done.code, done.out.as_str()), (2, ""));
    assert!(done.err.contains("nonsense"), "{}", done.err);
}

#[test]
fn an_unknown_variant_suggests_the_nearest() {
    let done = run(loses, &["--variant", "acks=11"]);
    assert_eq!((done.code, done.out.as_str()), (2, ""));
    assert!(
        done.err.contains("did you mean \"acks=1\"?"),
        "{}",
        done.err
    );
}

#[test]
fn only_the_chosen_variants_run() {
    let done = run(loses, &["--variant", "acks=all", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(json["variants"].as_array().unwrap().len(), 1);
    assert_eq!(json["variants"][0]["name"], "acks=all");
}

#[test]
fn the_seed_is_the_flag_or_the_files_own() {
    let seed = |more: &[&str]| {
        let done = run(loses, &[&["--format", "json"], more].concat());
        serde_json::from_str::<serde_json::Value>(&done.out).unwrap()["seed"].clone()
    };
    assert_eq!(seed(&[]), 5);
    assert_eq!(seed(&["--seed", "18446744073709551615"]), u64::MAX);
}

#[test]
fn bad_numbers_are_refused_with_what_to_write() {
    for (flags, expected) in [
        (["--seed", "abc"], "a seed is a whole number"),
        (["--seed", "-1"], "--seed"),
        (["--seeds", "5"], "seeds are written A..B"),
        (["--seeds", "a..b"], "seeds are written A..B"),
        (["--seeds", "5..5"], "there is no seed from 5"),
        (["--seeds", "9..3"], "there is no seed from 9"),
        (["--jobs", "3"], "--seeds"),
        (
            ["--seeds", "0..18446744073709551615"],
            "at most 1000000 seeds",
        ),
        (["--width", "10"], "a width is from 40 to 1000 columns"),
        (["--width", "x"], "a width is from 40 to 1000 columns"),
        (["--format", "xml"], "possible values: text, json"),
        (["--sead", "3"], "--seed"),
    ] {
        let done = run(loses, &flags);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{flags:?}");
        assert!(done.err.contains(expected), "{flags:?}: {}", done.err);
    }
    let done = run(loses, &["--seeds", "0..2", "--jobs", "0"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("from 1 to 1024"), "{}", done.err);
}

#[test]
fn many_seeds_are_the_same_for_any_number_of_threads() {
    let of = |jobs, format| {
        run(
            varies,
            &["--seeds", "0..40", "--jobs", jobs, "--format", format],
        )
    };
    for format in ["text", "json"] {
        let one = of("1", format);
        assert_eq!(one.code, 0, "{}", one.out);
        assert_eq!(of("7", format).out, one.out);
    }
    let json: serde_json::Value = serde_json::from_str(&of("2", "json").out).unwrap();
    assert_eq!(json["seeds"], serde_json::json!([0, 40]));
    assert_eq!(
        json["variants"][0]["metrics"]["lost"],
        serde_json::json!({"seeds_over_zero": 36, "min": 0, "median": 4, "max": 9, "worst_seed": 9})
    );
}

#[test]
fn several_scenarios_are_one_object_a_line() {
    let done = retrial(
        loses,
        &[
            "run",
            "leader-crash-acks1",
            "leader-crash-acks1",
            "--format",
            "json",
        ],
    );
    assert_eq!(done.out.lines().count(), 2);
    for line in done.out.lines() {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(json["format"], 1);
    }
}

#[test]
fn a_failed_claim_of_any_scenario_decides_the_exit_code() {
    let done = retrial(keeps, &["run", "leader-crash-acks1", "leader-crash-acks1"]);
    assert_eq!(done.code, 1);
}

#[test]
fn colour_is_for_terminals_unless_somebody_says_otherwise() {
    let coloured = |more: &[&str], terminal, no_color| {
        let arguments = [&RUN, more].concat();
        on_terminal(loses, &arguments, terminal, no_color)
            .out
            .contains('\u{1b}')
    };
    assert!(!coloured(&[], false, false));
    assert!(coloured(&[], true, false));
    assert!(!coloured(&[], true, true));
    assert!(coloured(&["--color", "always"], false, true));
    assert!(!coloured(&["--color", "never"], true, false));
}

#[test]
fn a_terminal_changes_colours_and_no_word() {
    for arguments in [
        &RUN[..],
        &["run", "leader-crash-acks1", "--seeds", "0..5"],
        &["run", "leader-crash-acks1", "--format", "json"],
        &["list"],
        &["explain", "leader-crash-acks1"],
        &["fmt", "leader-crash-acks1"],
        &["check", "leader-crash-acks1"],
        &["check", "leader-crash-acks1", "--set", "nonsense=1"],
        &["--help"],
    ] {
        let plain = on_terminal(varies, arguments, false, false).out;
        assert!(!plain.contains('\u{1b}'), "{arguments:?}");
        let bare = on_terminal(varies, arguments, true, true).out;
        assert_eq!(bare, plain, "{arguments:?}");
        let coloured = on_terminal(varies, arguments, true, false).out;
        assert_eq!(uncoloured(&coloured), plain, "{arguments:?}");
    }
}

/// The text without its colour codes.
fn uncoloured(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        out + part.split_once('m').expect("a colour code ends in m").1
    })
}

#[test]
fn problems_look_the_same_for_every_command() {
    let folder = std::env::temp_dir().join(format!("retrial-bad-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (broken, binary) = (folder.join("broken.toml"), folder.join("binary.toml"));
    std::fs::write(&broken, "question =\nrun_for = 40s\n").unwrap();
    std::fs::write(&binary, b"question = \"?\"\nseed = \xff\n").unwrap();
    let said = |command: &str, path: &std::path::Path| {
        let done = retrial(loses, &[command, path.to_str().unwrap()]);
        assert_eq!(done.code, 2, "{command}");
        done.out + &done.err
    };
    for command in ["run", "check", "explain", "fmt"] {
        assert_eq!(said(command, &broken), said("check", &broken), "{command}");
        let (text, folder) = (said(command, &binary), said(command, &folder));
        assert!(
            text.contains("line 2 is not UTF-8 text"),
            "{command}: {text}"
        );
        assert!(
            folder.contains("there is no scenario"),
            "{command}: {folder}"
        );
    }
    assert!(said("check", &broken).ends_with("2 problems\n"));
    let unended = said("run", &folder.join("broken"));
    assert!(unended.contains("did you mean the file"), "{unended}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn all_unknown_variants_are_named_at_once() {
    let done = run(loses, &["--variant", "x", "--variant", "y"]);
    assert_eq!(done.code, 2);
    assert_eq!(done.err.lines().count(), 2, "{}", done.err);
}

#[test]
fn a_result_goes_into_a_file_whole_or_not_at_all() {
    let folder = std::env::temp_dir().join(format!("retrial-out-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("result.txt");
    let file = path.to_str().unwrap();
    let done = run(keeps, &["--out", file]);
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, run(keeps, &[]).out);
    let done = run(keeps, &["--out", file, "--set", "nonsense=1"]);
    assert_eq!(done.code, 2);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    let nowhere = folder.join("nowhere/result.txt");
    let done = run(keeps, &["--out", nowhere.to_str().unwrap()]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("cannot write"), "{}", done.err);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn help_is_a_result_and_no_command_is_an_error() {
    let help = retrial(loses, &["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert!(help.out.contains("run"));
    let none = retrial(loses, &[]);
    assert_eq!((none.code, none.out.as_str()), (2, ""));
}
