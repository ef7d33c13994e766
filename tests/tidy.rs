//! The source text keeps its own rules: layers, outside crates, sizes, deviations, snapshots.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The layer of each top-level module; a module imports itself and lower layers only.
const LAYERS: &[(&str, u32)] = &[
    ("sim", 0),
    ("delivery", 1),
    ("kafka", 1),
    ("assignor", 2),
    ("check", 2),
    ("log", 2),
    ("metadata", 2),
    ("raft", 2),
    ("rpc", 2),
    ("workload", 2),
    ("broker", 3),
    ("client", 3),
    ("controller", 3),
    ("app", 4),
    ("cluster", 5),
    ("fault", 6),
    ("scenario", 7),
    ("run", 8),
    ("report", 9),
    ("seeds", 9),
    ("cli", 10),
    ("wasm", 10),
];

/// Arrows inside a layer that are meant: plain data of `kafka` speaks of delivered records.
const PEERS: &[(&str, &str)] = &[("kafka", "delivery")];

/// Which outside crates a module may name; `std` and derives of `thiserror` are free.
const CRATES: &[(&str, &[&str])] = &[
    ("sim", &["rand_chacha"]),
    ("kafka", &["crc32c", "strsim", "indexmap", "serde"]),
    ("check", &["hdrhistogram", "petgraph"]),
    (
        "scenario",
        &["toml", "miette", "strsim", "indexmap", "serde_json"],
    ),
    (
        "report",
        &["comfy_table", "hdrhistogram", "serde", "serde_json"],
    ),
    (
        "cli",
        &[
            "clap",
            "clap_complete",
            "indicatif",
            "miette",
            "serde_json",
            "strsim",
        ],
    ),
    ("main", &["clap"]),
    ("wasm", &["serde_json"]),
];

/// Every outside crate of the manifest, as source text names it.
const OUTSIDE: &[&str] = &[
    "clap",
    "clap_complete",
    "comfy_table",
    "crc32c",
    "hdrhistogram",
    "indexmap",
    "indicatif",
    "miette",
    "petgraph",
    "rand_chacha",
    "serde",
    "serde_json",
    "strsim",
    "toml",
];

#[test]
fn imports_go_down_only() {
    let layers: BTreeMap<&str, u32> = LAYERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        if module == "lib" || module == "main" {
            continue;
        }
        let Some(layer) = layers.get(module.as_str()) else {
            wrong.push(format!("{}: module {module} has no layer", path.display()));
            continue;
        };
        for (number, line) in code_lines(&text) {
            if line.contains("crate::{") || line.contains("super::super") {
                wrong.push(format!(
                    "{}:{number}: name the module in full",
                    path.display()
                ));
            }
            if line.trim_start().starts_with("pub use ") {
                wrong.push(format!("{}:{number}: re-exports", path.display()));
            }
            for target in crate_paths(line) {
                let below = layers.get(target.as_str()).is_some_and(|to| to < layer);
                let peer = PEERS.contains(&(module.as_str(), target.as_str()));
                if target != module && !below && !peer {
                    wrong.push(format!(
                        "{}:{number}: {module} imports {target}",
                        path.display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_layer_names_only_its_outside_crates() {
    let allowed: BTreeMap<&str, &[&str]> = CRATES.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        let allowed = allowed.get(module.as_str()).copied().unwrap_or(&[]);
        for (number, line) in code_lines(&text) {
            for name in OUTSIDE {
                let named =
                    line.contains(&format!("{name}::")) && !line.contains(&format!("::{name}::"));
                let whole = !line.contains(&format!("_{name}::"));
                if named && whole && !allowed.contains(name) {
                    wrong.push(format!(
                        "{}:{number}: {module} names {name}",
                        path.display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//!") {
            wrong.push(format!("{}: opens without //!", path.display()));
        }
        let own = text
            .split("\n#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        let lines = own.lines().count();
        if lines > 800 && !path.ends_with("tests.rs") {
            wrong.push(format!("{}: {lines} lines", path.display()));
        }
        for (number, line) in text.lines().enumerate() {
            // Lines of tables and of inline snapshots are as long as they are.
            let is_table = line.contains('"') || line.contains(" [one of ");
            if line.chars().count() > 110 && !is_table {
                wrong.push(format!(
                    "{}:{}: over 110 columns",
                    path.display(),
                    number + 1
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_book_lists_every_deviation() {
    let page = fs::read_to_string(root().join("book/src/deviations.md")).expect("the page exists");
    let page = normal(&page);
    let mut missing = Vec::new();
    for (path, deviation) in deviations() {
        if !page.contains(&normal(&deviation)) {
            missing.push(format!("{}: {deviation}", path.display()));
        }
    }
    assert!(
        missing.is_empty(),
        "not in book/src/deviations.md:\n{}",
        missing.join("\n")
    );
}

#[test]
fn every_scenario_has_its_snapshot_and_every_snapshot_its_scenario() {
    let stems = |dir: &str, extension: &str| -> BTreeSet<String> {
        files(&root().join(dir), extension)
            .iter()
            .map(|path| {
                let relative = path
                    .strip_prefix(root().join(dir))
                    .expect("below the folder");
                relative
                    .to_string_lossy()
                    .replace(&format!(".{extension}"), "")
            })
            .collect()
    };
    // Scale scenarios are run in release builds only: they have claims and no snapshot.
    let mut scenarios = stems("scenarios", "toml");
    scenarios.retain(|stem| !stem.starts_with("scale/"));
    assert_eq!(scenarios, stems("snapshots/scenarios", "snap"));
}

/// Every `// Deviation:` with the comment lines that continue it.
fn deviations() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for (path, text) in sources() {
        let mut lines = text.lines().map(str::trim).peekable();
        while let Some(line) = lines.next() {
            let comment = line.trim_start_matches('/').trim_start_matches('!').trim();
            let Some(first) = comment.strip_prefix("Deviation:") else {
                continue;
            };
            if !line.starts_with("//") {
                continue;
            }
            let mut whole = first.trim().to_owned();
            while let Some(next) = lines.peek().filter(|l| l.starts_with("//")) {
                let next = next.trim_start_matches('/').trim_start_matches('!').trim();
                let ends = next.is_empty()
                    || next.starts_with("Deviation:")
                    || next.starts_with("Source:");
                if ends || whole.ends_with('.') {
                    break;
                }
                whole.push(' ');
                whole.push_str(next);
                lines.next();
            }
            found.push((path.clone(), whole));
        }
    }
    found
}

fn normal(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('`', "")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<(PathBuf, String)> {
    let base = root().join("src");
    files(&base, "rs")
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("sources are readable");
            (
                path.strip_prefix(root())
                    .expect("below the root")
                    .to_owned(),
                text,
            )
        })
        .collect()
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else {
        return found;
    };
    for entry in entries {
        let path = entry.expect("entries are readable").path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// `src/broker/api/fetch.rs` → `broker`; `src/run.rs` → `run`.
fn module_of(path: &Path) -> String {
    let first = path.iter().nth(1).expect("below src").to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.split("//").next().unwrap_or_default()))
        .filter(|(_, line)| !line.trim().is_empty())
}

/// The top-level modules that a line names by `crate::…`.
fn crate_paths(line: &str) -> Vec<String> {
    line.split("crate::")
        .skip(1)
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect()
        })
        .filter(|name: &String| !name.is_empty())
        .collect()
}
