//! Every output in the README and the book is what the program prints now.
//!
//! A line `<!-- output: run leader-crash-acks1 -->` before a fenced block says which command the
//! block shows. When a block is out of date the test fails and leaves the new page in
//! `target/pages/`, to be read and copied over.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MARK: &str = "<!-- output: ";

#[test]
fn outputs_in_the_book_come_from_the_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![PathBuf::from("README.md")];
    let mut chapters: Vec<PathBuf> = fs::read_dir(root.join("book/src"))
        .expect("the book exists")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .map(|path| path.strip_prefix(root).expect("below the root").to_owned())
        .collect();
    chapters.sort();
    pages.extend(chapters);
    let mut stale = Vec::new();
    for page in pages {
        let text = fs::read_to_string(root.join(&page)).expect("pages are readable");
        let fresh = refresh(&text);
        if fresh != text {
            let target = root.join("target/pages").join(&page);
            fs::create_dir_all(target.parent().expect("has a folder")).expect("can be made");
            fs::write(&target, fresh).expect("can be written");
            stale.push(format!(
                "{} (new text in {})",
                page.display(),
                target.display()
            ));
        }
    }
    assert!(stale.is_empty(), "out of date:\n{}", stale.join("\n"));
}

/// The page with every marked block replaced by what its command prints.
fn refresh(text: &str) -> String {
    let mut fresh = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        fresh.push_str(line);
        fresh.push('\n');
        let Some(command) = line.strip_prefix(MARK).and_then(|l| l.strip_suffix(" -->")) else {
            continue;
        };
        let fence = lines.next().expect("a block follows its mark");
        assert!(fence.starts_with("```"), "a block follows its mark: {line}");
        fresh.push_str(fence);
        fresh.push('\n');
        for old in lines.by_ref() {
            if old == "```" {
                break;
            }
        }
        fresh.push_str(&output(command));
        fresh.push_str("```\n");
    }
    fresh
}

fn output(command: &str) -> String {
    let arguments: Vec<&str> = command.split_whitespace().collect();
    let output = Command::new(env!("CARGO_BIN_EXE_retrial"))
        .args(&arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("output is text");
    assert!(!text.is_empty(), "retrial {command} prints something");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_end())
}
