//! Every diagnostic as a user sees it: one bad file each, beside its drawing in
//! `snapshots/diagnostics`.

mod properties;
mod reference;
mod schema;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::scenario::diagnostics::CODES;
use crate::scenario::drawing::{Style, draw};
use crate::scenario::file::parse;
use crate::scenario::set::SetFlag;

fn bad_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scenario/tests/bad");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the test's own input is sound")
        .map(|entry| entry.expect("the test's own input is sound").path())
        .collect();
    files.sort();
    files
}

/// Flags stand in the first lines, as comments.
fn flags(text: &str) -> Vec<SetFlag> {
    text.lines()
        .map_while(|line| line.strip_prefix("# --set "))
        .map(|flag| SetFlag(flag.to_owned()))
        .collect()
}

#[test]
fn every_diagnostic_names_its_place_and_says_what_to_do() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/diagnostics"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut seen = BTreeSet::new();
    for path in bad_files() {
        let text = std::fs::read_to_string(&path).expect("the test's own input is sound");
        let name = path
            .file_stem()
            .expect("the test's own input is sound")
            .to_str()
            .expect("the test's own input is sound");
        let problems = parse(&format!("{name}.toml"), &text, &flags(&text)).unwrap_err();
        seen.extend(
            problems
                .problems
                .iter()
                .map(|located| located.problem.code()),
        );
        let drawing = draw(&problems, Style::Plain, 100);
        settings.bind(|| insta::assert_snapshot!(name, drawing));
    }
    let missing: Vec<_> = CODES.iter().filter(|code| !seen.contains(*code)).collect();
    // Tests of their own make the files that are too large to keep.
    let made = [&"file_too_long", &"more_problems"];
    assert_eq!(missing, made, "each code has a bad file");
}

#[test]
fn a_file_is_at_most_a_mebibyte() {
    let text = " ".repeat((1 << 20) + 1);
    let problems = parse("x.toml", &text, &[]).unwrap_err();
    assert_eq!(problems.problems[0].problem.code(), "file_too_long");
}

#[test]
fn of_very_many_problems_the_first_are_told() {
    let keys: Vec<String> = (0..100_000).map(|i| format!("k{i}=1")).collect();
    for text in [keys.join("\n"), "\r".repeat(1 << 20), ".".repeat(1 << 20)] {
        let problems = parse("x.toml", &text, &[]).unwrap_err();
        let codes: Vec<_> = (problems.problems.iter())
            .map(|located| located.problem.code())
            .collect();
        assert!(codes.len() <= 201, "{}", codes.len());
        assert!(codes.len() < 201 || codes[200] == "more_problems");
        assert!(draw(&problems, Style::Plain, 100).contains("problem"));
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let problems = parse("x.toml", "question = 7\n", &[]).unwrap_err();
    let coloured = draw(&problems, Style::Coloured, 100);
    assert!(coloured.contains('\u{1b}'));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some(start) = rest.find('\u{1b}') {
        plain.push_str(&rest[..start]);
        rest = &rest[start
            + rest[start..]
                .find('m')
                .expect("the test's own input is sound")
            + 1..];
    }
    plain.push_str(rest);
    assert_eq!(plain, draw(&problems, Style::Plain, 100));
}
