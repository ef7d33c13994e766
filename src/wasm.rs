//! L10, the engine as a WebAssembly module: scenario text in, report out.
//!
//! A host reserves room for the text, writes it there, runs it and reads the result; all of it is
//! bytes in linear memory, so that no generated glue stands between the two. The result as JSON is
//! that of `retrial run --format json`, byte for byte: `.ci/wasm` compares them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::report::claims::judge;
use crate::report::style::Style;
use crate::report::{Report, json, summary};
use crate::run::drive;
use crate::scenario::file::parse;

/// What an answer says when the text is no scenario; else the code of the verdict, as the command
/// line exits with it.
const NO_SCENARIO: u32 = 255;
/// What the scenario is called when its host does not say.
const UNNAMED: &str = "scenario.toml";

static TEXT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static RESULT: Mutex<String> = Mutex::new(String::new());

/// The form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For programs: one object and a line end.
    Json,
    /// For people, in so many columns.
    Text {
        /// How many.
        width: usize,
    },
}

/// A result and what it amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 0, 1 or 2 by the verdict; 255 when the text is no scenario.
    pub code: u32,
    /// The result, or what is wrong with the text.
    pub text: String,
}

/// Runs all variants of a scenario under `seed`, or under its own. `name` is what a report calls
/// the scenario.
pub fn answer(name: &str, text: &str, seed: Option<u64>, form: Form) -> Answer {
    let scenario = match parse(name, text, &[]) {
        Ok(scenario) => scenario,
        Err(problems) => {
            return Answer {
                code: NO_SCENARIO,
                text: problems.to_string(),
            };
        }
    };
    let seed = seed.unwrap_or(scenario.seed);
    let variants = scenario.variants.iter();
    let outcomes: Vec<_> = variants.map(|v| drive::run(v, seed)).collect();
    let judgement = judge(&scenario, seed, &outcomes);
    let code = u32::from(judgement.verdict.code());
    let report = Report {
        scenario: &scenario,
        target: name,
        seed,
        outcomes,
        judgement,
    };
    let text = match form {
        Form::Json => json::run(&report),
        Form::Text { width } => {
            let color = false;
            summary::print(&report, Style { width, color })
        }
    };
    Answer { code, text }
}

/// Makes room for `size` bytes of text and says where. Write there before anything else is called.
/// A first line `#! NAME` says what the scenario is called.
#[expect(unsafe_code, reason = "a name in the module's list of exports")]
#[unsafe(no_mangle)]
pub extern "C" fn retrial_reserve(size: u32) -> *mut u8 {
    let mut text = locked(&TEXT);
    text.clear();
    text.resize(size as usize, b' ');
    text.as_mut_ptr()
}

/// Runs what was written, for JSON. A negative seed is the scenario's own. The code of the answer.
#[expect(unsafe_code, reason = "a name in the module's list of exports")]
#[unsafe(no_mangle)]
pub extern "C" fn retrial_json(seed: i64) -> u32 {
    keep(seed, Form::Json)
}

/// Runs what was written, for people. A negative seed is the scenario's own. The code of the
/// answer.
#[expect(unsafe_code, reason = "a name in the module's list of exports")]
#[unsafe(no_mangle)]
pub extern "C" fn retrial_text(seed: i64, width: u32) -> u32 {
    let width = width.clamp(40, 1_000) as usize;
    keep(seed, Form::Text { width })
}

/// Where the last result is.
#[expect(unsafe_code, reason = "a name in the module's list of exports")]
#[unsafe(no_mangle)]
pub extern "C" fn retrial_result() -> *const u8 {
    locked(&RESULT).as_ptr()
}

/// How many bytes the last result has.
#[expect(unsafe_code, reason = "a name in the module's list of exports")]
#[unsafe(no_mangle)]
pub extern "C" fn retrial_result_size() -> u32 {
    locked(&RESULT).len() as u32
}

/// Answers the text that was written and keeps the result.
fn keep(seed: i64, form: Form) -> u32 {
    let bytes = locked(&TEXT);
    let answer = match str::from_utf8(&bytes) {
        Ok(text) => answer(name(text), text, u64::try_from(seed).ok(), form),
        Err(error) => Answer {
            code: NO_SCENARIO,
            text: format!("the text is not UTF-8: {error}\n"),
        },
    };
    *locked(&RESULT) = answer.text;
    answer.code
}

/// `acks/x` of a first line `#! acks/x`.
fn name(text: &str) -> &str {
    let first = text.lines().next().unwrap_or("");
    let named = first.strip_prefix("#!").map(str::trim);
    named.filter(|name| !name.is_empty()).unwrap_or(UNNAMED)
}

fn locked<T>(buffer: &Mutex<T>) -> MutexGuard<'_, T> {
    // After a panic there is nothing in a buffer that the next call does not overwrite.
    buffer.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::library::find;

    #[test]
    fn a_scenario_is_answered_as_on_the_command_line() {
        let entry = find("leader-crash-acks1").unwrap();
        let json = answer(entry.name, entry.source, Some(7), Form::Json);
        assert_eq!(json.code, 0);
        let value: serde_json::Value = serde_json::from_str(&json.text).unwrap();
        assert_eq!(
            (&value["seed"], &value["verdict"]),
            (&7.into(), &"held".into())
        );
        let text = answer(entry.name, entry.source, None, Form::Text { width: 100 });
        assert!(text.text.contains("seed 5 "), "{}", text.text);
    }

    #[test]
    fn what_is_no_scenario_says_why() {
        let bad = answer("x", "question = 7\n", None, Form::Json);
        assert_eq!(bad.code, NO_SCENARIO);
        assert!(bad.text.contains("`question`"), "{}", bad.text);
    }

    #[test]
    fn a_first_line_names_the_scenario() {
        assert_eq!(
            name("#! acks/isr-of-one \nquestion = \"?\""),
            "acks/isr-of-one"
        );
        assert_eq!(name("#!\n"), UNNAMED);
        assert_eq!(name("question = \"?\""), UNNAMED);
    }
}
