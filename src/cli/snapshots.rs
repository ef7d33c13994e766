//! What the command line says of itself, and which code it exits with, kept in `snapshots/cli`.

use std::path::Path;

use clap::CommandFactory;

use crate::cli::{Cli, Host, execute};
use crate::run::drive;

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/cli"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// The code, the result and what was said on standard error.
fn retrial(line: &str) -> (u8, String, String) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let arguments = std::iter::once("retrial").chain(line.split_whitespace());
    let code = execute(
        arguments.map(Into::into),
        &mut Host {
            runner: drive::run,
            stdout: &mut stdout,
            stderr: &mut stderr,
            answers: None,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            no_color: true,
        },
    );
    let text = |bytes| String::from_utf8(bytes).expect("output is text");
    (code, text(stdout), text(stderr))
}

#[test]
fn every_command_says_what_it_does() {
    let mut cli = Cli::command().term_width(100);
    cli.build();
    let mut help = vec![cli.render_long_help().to_string()];
    for command in cli.get_subcommands_mut() {
        help.push(command.render_long_help().to_string());
    }
    let rule = format!("\n{}\n", "-".repeat(100));
    let help: Vec<String> = (help.iter())
        .map(|text| {
            text.lines()
                .map(str::trim_end)
                .collect::<Vec<_>>()
                .join("\n")
        })
        .collect();
    settings().bind(|| insta::assert_snapshot!("help", help.join(&rule)));
}

#[test]
fn every_outcome_has_its_exit_code() {
    let mut table = String::new();
    for line in [
        "",
        "--help",
        "--version",
        "nonsense",
        "list",
        "list --theme scale --question A5",
        "list --theme nonsense",
        "list --question C1",
        "run leader-crash-acks1 --quiet",
        "run leader-crash-acks1 --quiet --set timeline.crash=\"off\"",
        "run leader-crash-acks1 --quiet --set timeline.crash.at=\"15s\"",
        "run leader-crash-acks1 --quiet --set producers.p1.count=0",
        "run leader-crash-acks1 --quiet --show costs",
        "run leader-crash-acks1 --quiet --show costs --format json",
        "run nonsense",
        "run nowhere.toml",
        "check leader-crash-acks1",
        "check nowhere.toml",
        "explain leader-crash-acks1",
        "fmt --check leader-crash-acks1",
        "new nowhere/x.toml",
        "new nowhere/x.txt",
        "schema",
        "completions bash",
        "completions nonsense",
    ] {
        let (code, out, err) = retrial(line);
        // The start of the first line: the rest may name what the library has today.
        let first = |text: &str| -> String {
            let line = text.lines().next().unwrap_or("-").trim();
            line.chars().take(60).collect()
        };
        let (out, err) = (first(&out), first(&err));
        table.push_str(&format!(
            "{code}  retrial {line}\n   out: {out}\n   err: {err}\n"
        ));
    }
    settings().bind(|| insta::assert_snapshot!("exit-codes", table));
}

#[test]
fn each_shell_completes_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, out, _) = retrial(&format!("completions {shell}"));
        assert_eq!(code, 0);
        for command in ["run", "list", "new", "schema", "completions"] {
            assert!(out.contains(command), "{shell} lacks {command}");
        }
        assert!(out.contains("show") && out.contains("charts"), "{shell}");
    }
}

#[test]
fn the_list_is_narrowed_by_theme_and_by_question() {
    let names = |flags: &str| -> Vec<String> {
        let (code, out, err) = retrial(&format!("list --format json {flags}"));
        assert_eq!((code, err.as_str()), (0, ""));
        let json: serde_json::Value = serde_json::from_str(&out).expect("it is JSON");
        let scenarios = json["scenarios"].as_array().expect("it is a list");
        let name = |scenario: &serde_json::Value| scenario["name"].as_str().map(str::to_owned);
        scenarios.iter().filter_map(name).collect()
    };
    let all = names("");
    let scale = names("--theme scale");
    assert!(scale.contains(&"million-records".to_owned()), "{scale:?}");
    assert!(scale.len() < all.len());
    assert!(names("--question A5").contains(&"leader-crash-acks1".to_owned()));
    assert_eq!(names("--theme scale --question A5"), Vec::<String>::new());
    let (_, out, _) = retrial("list --theme scale --question A5");
    assert_eq!(out, "no scenario of theme scale answers A5 yet\n");
}

#[test]
fn charts_are_drawn_into_a_folder() {
    let folder = std::env::temp_dir().join(format!("retrial-draws-{}", std::process::id()));
    let name = folder.display();
    let (code, out, err) = retrial(&format!("run leader-crash-acks1 --quiet --charts {name}"));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert_eq!(out, retrial("run leader-crash-acks1 --quiet").1);
    let seeds = format!("run leader-crash-acks1 --quiet --seeds 0..3 --jobs 1 --charts {name}");
    let (_, _, err) = retrial(&seeds);
    assert_eq!(err, "");
    let mut files: Vec<String> = (std::fs::read_dir(&folder).expect("the folder is there"))
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    files.sort();
    std::fs::remove_dir_all(&folder).expect("it is ours");
    let files: Vec<&str> = (files.iter())
        .map(|file| file.trim_start_matches("leader-crash-acks1-"))
        .collect();
    assert_eq!(
        files,
        [
            "charts.txt",
            "lag.svg",
            "latency.svg",
            "load.svg",
            "partitions.svg",
            "seeds-acked.svg",
            "seeds-charts.txt",
            "seeds-lost.svg",
            "throughput.svg"
        ]
    );
}
