//! Reads a scenario file: the spanned tree, walked by hand, so that all problems come at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::scenario::claims::{self, Vocabulary};
use crate::scenario::diagnostics::{Diagnostics, Problem, Problems, Source};
use crate::scenario::keys::top::{TEACH, TOP};
use crate::scenario::keys::{MAX_FILE, MAX_VARIANTS};
use crate::scenario::lower::{self, Lowered};
use crate::scenario::model::{Scenario, Teach, Variant};
use crate::scenario::reader::{Reader, Text, as_table};
use crate::scenario::set::SetFlag;
use crate::scenario::tree::{self, Place, SourceId, Table};
use crate::scenario::value;
use crate::scenario::variants::{self, Overlay};

/// Reads the text of a scenario file. `name` is what messages call the file; its stem, without
/// folders and `.toml`, is the scenario's name. Flags apply to the base and to all variants.
pub fn parse(name: &str, text: &str, sets: &[SetFlag]) -> Result<Scenario, Diagnostics> {
    check(name, text, sets).map(|(scenario, _)| scenario)
}

/// [`parse`], with what Kafka would log about valid but doubtful configs.
pub fn check(
    name: &str,
    text: &str,
    sets: &[SetFlag],
) -> Result<(Scenario, Vec<String>), Diagnostics> {
    let file = Source {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let mut sources = vec![file];
    sources.extend(sets.iter().map(SetFlag::source));
    let mut problems = Problems::new(sources);
    let Some(root) = syntax(text, &mut problems) else {
        return Err(problems.all());
    };
    let scenario = scenario(stem(name), &root, sets, &mut problems);
    let notices = problems.notices().to_vec();
    problems.or((scenario, notices))
}

/// `leader-crash-acks1` of `scenarios/acks/leader-crash-acks1.toml`.
pub fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.strip_suffix(".toml").unwrap_or(file)
}

/// The tree of a text, if it is TOML and has something in it.
pub(in crate::scenario) fn syntax(text: &str, problems: &mut Problems) -> Option<Table> {
    if text.len() > MAX_FILE {
        problems.add(Place::TOP, Problem::TooLong("1 MiB"));
        return None;
    }
    match tree::parse_file(text) {
        Ok(root) if root.entries.is_empty() => {
            problems.add(Place::TOP, Problem::Empty);
            None
        }
        Ok(root) => Some(root),
        Err(errors) => {
            for error in errors {
                problems.add(error.place, Problem::Syntax(error.message));
            }
            None
        }
    }
}

/// One set-up before it is lowered.
struct Layer {
    label: Arc<str>,
    tree: Table,
}

fn scenario(name: &str, root: &Table, sets: &[SetFlag], problems: &mut Problems) -> Scenario {
    let mut layers = layers(root, problems);
    apply_flags(&mut layers, sets, problems);
    let refusals = claims::refusals(root.get("claims").map(|entry| &entry.item));
    let mut vocabulary = Vocabulary::default();
    let mut variants = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let in_variant = (index > 0).then(|| Arc::clone(&layer.label));
        problems.enter(in_variant);
        let none = BTreeSet::new();
        let refused = refusals.get(&*layer.label).unwrap_or(&none);
        let Lowered {
            setup,
            events,
            groups,
        } = lower::set_up(&layer.tree, refused, problems);
        vocabulary.variants.push((Arc::clone(&layer.label), events));
        vocabulary.groups.extend(groups);
        if let Ok(setup) = &setup {
            let cluster = &setup.cluster;
            vocabulary.clients.extend(cluster.client_ids());
            let brokers = cluster.brokers + cluster.spare_brokers;
            vocabulary.brokers = vocabulary.brokers.max(brokers);
        }
        variants.push(Variant {
            name: Arc::clone(&layer.label),
            setup,
        });
    }
    problems.enter(None);
    // A `--set seed=…` is in the base's tree.
    let top = Reader::new(&layers[0].tree, Place::TOP, "", &TOP, problems);
    let text = |text: Option<Text<'_>>| text.map(|text| Arc::<str>::from(text.text));
    Scenario {
        name: Arc::from(name),
        question: text(top.text("question", problems)).unwrap_or_default(),
        answers: answers(&top, problems),
        catalogue: catalogue(&top, problems),
        seed: top.count("seed", problems).unwrap_or(0),
        variants,
        claims: claims::lower(top.item("claims"), &vocabulary, problems),
        teach: teach(&top, problems),
    }
}

/// The base and each variant laid over it.
fn layers(root: &Table, problems: &mut Problems) -> Vec<Layer> {
    let label = root
        .get("base_label")
        .and_then(|entry| entry.item.text())
        .unwrap_or("base");
    let mut layers = vec![Layer {
        label: Arc::from(label),
        tree: root.clone(),
    }];
    let overlays = root
        .get("variants")
        .and_then(|entry| as_table(&entry.item, "`variants`", problems));
    let count = 1 + overlays.map_or(0, |table| table.entries.len());
    if count > MAX_VARIANTS {
        let place = root.get("variants").map_or(Place::TOP, |entry| entry.place);
        problems.add(
            place,
            Problem::TooMany {
                what: "variants, the base among them",
                sum: value::grouped(count as u64),
                limit: value::grouped(MAX_VARIANTS as u64),
            },
        );
    }
    for entry in overlays
        .into_iter()
        .flat_map(|table| &table.entries)
        .take(MAX_VARIANTS - 1)
    {
        let what = format!("`variants.\"{}\"`", entry.key);
        let Some(overlay) = as_table(&entry.item, &what, problems) else {
            continue;
        };
        if layers.iter().any(|layer| *layer.label == *entry.key) {
            let label = entry.key.clone();
            problems.add(entry.place, Problem::DuplicateVariant { label });
        }
        let mut tree = root.clone();
        variants::apply(&mut tree, overlay, Overlay::Variant, problems);
        layers.push(Layer {
            label: Arc::from(entry.key.as_str()),
            tree,
        });
    }
    layers
}

/// Applies each flag wherever it applies; a flag that applies nowhere is a problem.
fn apply_flags(layers: &mut [Layer], sets: &[SetFlag], problems: &mut Problems) {
    for (index, set) in sets.iter().enumerate() {
        let source = SourceId(index as u32 + 1);
        let Some(overlay) = set.overlay(source, problems) else {
            continue;
        };
        let mut first_failure = None;
        let mut applied = false;
        for layer in &mut *layers {
            let mut attempt = problems.scratch();
            variants::apply(&mut layer.tree, &overlay, Overlay::Flag, &mut attempt);
            if attempt.count() == 0 {
                applied = true;
            } else if first_failure.is_none() {
                first_failure = Some(attempt);
            }
        }
        if let Some(failure) = first_failure.filter(|_| !applied) {
            problems.absorb(failure);
        }
    }
}

fn answers(top: &Reader<'_>, problems: &mut Problems) -> Vec<Arc<str>> {
    let mut answers = Vec::new();
    for text in top.texts("answers", problems) {
        let number = |prefix: char| -> Option<u32> {
            let digits = text.text.strip_prefix(prefix)?;
            let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        let known = number('A').is_some_and(|n| (1..=14).contains(&n))
            || number('B').is_some_and(|n| (1..=50).contains(&n));
        if !known {
            problems.add(
                text.place,
                Problem::BadValue {
                    what: format!("`answers` has \"{}\"", text.text),
                    why: "the questions are A1 to A14 and B1 to B50".to_owned(),
                    help: None,
                },
            );
        }
        answers.push(Arc::from(text.text));
    }
    answers
}

fn catalogue(top: &Reader<'_>, problems: &mut Problems) -> Option<Arc<str>> {
    let text = top.text("catalogue", problems)?;
    let digits = text.text.strip_prefix('S').unwrap_or("");
    if digits.len() != 2 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        problems.add(
            text.place,
            Problem::BadValue {
                what: format!("`catalogue` is \"{}\"", text.text),
                why: "a number of the catalogue is S and two digits, as in \"S01\"".to_owned(),
                help: None,
            },
        );
    }
    Some(Arc::from(text.text))
}

fn teach(top: &Reader<'_>, problems: &mut Problems) -> Teach {
    let Some((table, place)) = top.table("teach", problems) else {
        return Teach::default();
    };
    let reader = Reader::new(table, place, "teach", &TEACH, problems);
    let mut text = |key| {
        let text: Option<Text<'_>> = reader.text(key, problems);
        text.map(|text| Arc::from(text.text))
    };
    Teach {
        say: text("say"),
        model: text("model"),
    }
}
