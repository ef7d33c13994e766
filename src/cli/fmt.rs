//! `retrial fmt`: the canonical form of a scenario file, printed, written back or only compared.

use std::fs;
use std::io::{self, Write};

use crate::cli::{Session, source};
use crate::scenario::drawing::draw;
use crate::scenario::fmt::format;

/// Arguments of `retrial fmt`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Paths of files that end in .toml, or names from the library
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Write the canonical form back into each file
    #[arg(long, conflicts_with = "check")]
    write: bool,
    /// Print only the names of the files that are not in canonical form; exit code 2 if any
    #[arg(long)]
    check: bool,
}

/// Runs the subcommand. Nothing is printed or written unless all files can be formatted.
pub(super) fn run(args: &Args, session: &mut Session<'_>, out: &mut dyn Write) -> io::Result<u8> {
    let mut formatted = Vec::new();
    let mut wrong = false;
    for file in &args.files {
        if args.write && !source::is_file(file) {
            let message = "is no file: --write takes paths that end in .toml";
            writeln!(session.stderr, "error: {file} {message}")?;
            wrong = true;
            continue;
        }
        let canonical = match source::read(file) {
            Err(why) => Err(format!("error: {why}\n")),
            Ok(text) => match format(file, &text) {
                Ok(canonical) => Ok((file, text, canonical)),
                Err(problems) => {
                    let width = session.style.width;
                    Err(draw(&problems, session.problem_style, width))
                }
            },
        };
        match canonical {
            Ok(formed) => formatted.push(formed),
            Err(message) => {
                session.stderr.write_all(message.as_bytes())?;
                wrong = true;
            }
        }
    }
    if wrong {
        return Ok(2);
    }
    let mut code = 0;
    for (file, text, canonical) in formatted {
        if args.check {
            if text != canonical {
                writeln!(out, "{file}")?;
                code = 2;
            }
        } else if !args.write {
            out.write_all(canonical.as_bytes())?;
        } else if text != canonical {
            fs::write(file, canonical).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot write {file}: {error}"))
            })?;
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::PathBuf;

    use super::*;
    use crate::cli::{Host, execute};

    /// The exit code, the result and what was said on standard error.
    fn retrial(arguments: &[&str]) -> (u8, String, String) {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut host = Host {
            runner: |_, _| unreachable!("these commands run nothing"),
            stdout: &mut stdout,
            stderr: &mut stderr,
            answers: None,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            no_color: false,
        };
        let arguments = ["retrial"].iter().chain(arguments);
        let code = execute(arguments.map(OsString::from), &mut host);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (code, text(stdout), text(stderr))
    }

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("retrial-{}-{name}.toml", std::process::id()));
        fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn fmt_prints_compares_and_writes() {
        let path = file("fmt", "# why\nseed   = 3\nquestion = '?'\n");
        let name = path.to_str().unwrap();
        let canonical = "question = \"?\"\n# why\nseed = 3\n";
        assert_eq!(
            retrial(&["fmt", name]),
            (0, canonical.to_owned(), String::new())
        );
        assert_eq!(retrial(&["fmt", "--check", name]).0, 2);
        assert_eq!(
            retrial(&["fmt", "--write", name]),
            (0, String::new(), String::new())
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), canonical);
        assert_eq!(
            retrial(&["fmt", "--check", name]),
            (0, String::new(), String::new())
        );
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn fmt_writes_nothing_when_a_file_is_no_toml() {
        let good = file("good", "question   = '?'\n");
        let bad = file("bad", "question = \n");
        let (code, out, err) = retrial(&[
            "fmt",
            "--write",
            good.to_str().unwrap(),
            bad.to_str().unwrap(),
        ]);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.contains("toml_syntax"), "{err}");
        assert_eq!(fs::read_to_string(&good).unwrap(), "question   = '?'\n");
        fs::remove_file(good).unwrap();
        fs::remove_file(bad).unwrap();
    }

    #[test]
    fn check_shows_all_problems_and_notes_what_is_doubtful() {
        let (code, out, _) = retrial(&["check", "leader-crash-acks1"]);
        assert_eq!(code, 0);
        assert!(
            out.starts_with("leader-crash-acks1: valid, 3 variants, "),
            "{out}"
        );
        let path = file("check", "seed = -1\nquestion = 2\n");
        let (code, out, _) = retrial(&["check", path.to_str().unwrap()]);
        assert_eq!(code, 2);
        assert!(
            out.contains("out_of_range") && out.contains("wrong_type"),
            "{out}"
        );
        assert!(out.ends_with("2 problems\n"), "{out}");
        fs::remove_file(path).unwrap();
        let (code, _, err) = retrial(&["check", "leader-crash-ack1"]);
        assert_eq!(code, 2);
        assert!(err.contains("did you mean leader-crash-acks1?"), "{err}");
        let (code, _, err) = retrial(&["check", "nowhere.toml"]);
        assert_eq!(code, 2);
        assert!(err.contains("cannot read nowhere.toml"), "{err}");
    }

    #[test]
    fn explain_takes_set_flags() {
        let set = "producers.p1.config.acks=0";
        let (code, out, _) = retrial(&["explain", "leader-crash-acks1", "--set", set]);
        assert_eq!(code, 0);
        assert!(out.contains("acks is 0"), "{out}");
        assert_eq!(
            retrial(&["explain", "leader-crash-acks1", "--set", "x=1"]).0,
            2
        );
    }

    #[test]
    fn list_answers_by_theme_and_by_question() {
        let (code, out, _) = retrial(&["list"]);
        assert_eq!(code, 0);
        assert!(out.contains("\nby question\n"), "{out}");
        let (code, out, _) = retrial(&["list", "--format", "json", "--question", "B10"]);
        assert_eq!(code, 0);
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let scenarios = json["scenarios"].as_array().unwrap();
        assert!(
            scenarios
                .iter()
                .any(|each| each["name"] == "leader-crash-acks1")
        );
        assert!(scenarios.iter().all(|each| {
            each["answers"]
                .as_array()
                .unwrap()
                .iter()
                .any(|answer| answer == "B10")
        }));
        assert_eq!(retrial(&["list", "--question", "A15"]).0, 2);
    }
}
