//! Scaffolds of every kind: valid, canonical, and answered by a run without a failed claim.

use std::fs;

use super::*;
use crate::cli::{Host, execute};
use crate::run::drive;
use crate::scenario::fmt::format;

/// The exit code, the result and what was said on standard error.
fn retrial(arguments: &[&str], answers: Option<&str>) -> (u8, String, String) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut bytes = answers.map(str::as_bytes);
    let mut host = Host {
        runner: drive::run,
        stdout: &mut stdout,
        stderr: &mut stderr,
        answers: match &mut bytes {
            Some(bytes) => Some(bytes),
            None => None,
        },
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        no_color: true,
    };
    let arguments = std::iter::once("retrial").chain(arguments.iter().copied());
    let code = execute(arguments.map(Into::into), &mut host);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (code, text(stdout), text(stderr))
}

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("retrial-new-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_scaffold_is_valid_canonical_and_answered() {
    let folder = Folder::new("all");
    for fault in Fault::value_variants() {
        for acks in ["1", "all"] {
            for factor in ["1", "3"] {
                let fault = word(fault);
                let file = folder.file(&format!("{fault}-{acks}-{factor}.toml"));
                let flags = [
                    "--fault",
                    &fault,
                    "--acks",
                    acks,
                    "--replication-factor",
                    factor,
                ];
                let (code, out, err) = retrial(&[&["new", &file], &flags[..]].concat(), None);
                assert_eq!((code, err.as_str()), (0, ""));
                assert!(out.contains("next: retrial run "), "{out}");
                let text = fs::read_to_string(&file).unwrap();
                assert_eq!(format(&file, &text).unwrap(), text);
                assert_eq!(retrial(&["check", &file], None).0, 0);
                let (code, out, err) = retrial(&["run", &file, "--quiet"], None);
                assert_eq!(code, 0, "{out}{err}");
                assert!(out.contains("1,000"), "{out}");
            }
        }
    }
}

#[test]
fn answers_fill_what_no_flag_says() {
    let folder = Folder::new("answers");
    let file = folder.file("mine.toml");
    let answers = format!("{file}\nWhy \"so\"?\nmany\n5\n4\nnobody\nall\npause\n2\n1m30s\n5ms\n");
    let (code, _, err) = retrial(&["new", "--partitions", "2"], Some(&answers));
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("brokers [3]: a whole number from 1, please"),
        "{err}"
    );
    assert!(
        err.contains("acks: 1, all [1]: one of these words, please"),
        "{err}"
    );
    let text = fs::read_to_string(&file).unwrap();
    for line in [
        "question = \"Why \\\"so\\\"?\"",
        "brokers = 5",
        "partitions = 2",
        "replication_factor = 4",
        "base_label = \"acks=all\"",
        "members = 2",
        "handler = { takes = \"5ms\" }",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains("pause = \"leader(orders-0)\""), "{text}");
}

#[test]
fn racks_retention_and_readers_are_written() {
    let folder = Folder::new("more");
    let file = folder.file("mine.toml");
    let flags = [
        "--brokers",
        "4",
        "--racks",
        "2",
        "--retention",
        "1h",
        "--members",
        "3",
        "--handler",
        "20ms",
    ];
    let (code, _, err) = retrial(&[&["new", &file], &flags[..]].concat(), None);
    assert_eq!((code, err.as_str()), (0, ""));
    let text = fs::read_to_string(&file).unwrap();
    for line in [
        "brokers = 4\n",
        "racks = [\"a\", \"b\"]\n",
        "\"retention.ms\" = \"1h\"",
        "members = 3\n",
        "handler = { takes = \"20ms\" }\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(format(&file, &text).unwrap(), text);
    let (code, _, err) = retrial(&["new", "x.toml", "--handler", "1m30s"], None);
    assert_eq!(code, 2);
    assert!(err.contains("one number and one unit"), "{err}");
}

#[test]
fn a_file_is_overwritten_by_force_only() {
    let folder = Folder::new("force");
    let file = folder.file("mine.toml");
    fs::write(&file, "mine").unwrap();
    let (code, out, err) = retrial(&["new", &file], Some("never asked\n"));
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        err.ends_with("it is there already; --force overwrites it\n"),
        "{err}"
    );
    assert!(!err.contains("question ["), "{err}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(retrial(&["new", &file, "--force"], None).0, 0);
    assert!(fs::read_to_string(&file).unwrap().contains("question = "));
}

#[test]
fn what_would_not_run_is_not_written() {
    let folder = Folder::new("bad");
    let file = folder.file("mine.toml");
    let flags = ["--brokers", "2", "--replication-factor", "3"];
    let (code, out, err) = retrial(&[&["new", &file], &flags[..]].concat(), None);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("replication_factor"), "{err}");
    assert!(!Path::new(&file).exists());
    let (code, _, err) = retrial(&["new", &folder.file("mine.txt")], None);
    assert_eq!(code, 2);
    assert!(err.contains("ends in .toml"), "{err}");
    let (code, _, err) = retrial(&["new", &folder.file("nowhere/mine.toml")], None);
    assert_eq!(code, 2);
    assert!(err.contains("cannot write "), "{err}");
}
