//! The timeline of a file: one table per event, lowered to what breaks and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::fault::{Action, Event, Node, Occurrence, Target, Targets, When};
use crate::kafka::ids::DirectoryId;
use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::keys::event::EVENT;
use crate::scenario::keys::{ACTIONS, ActionDoc, ActionKind, COMPANIONS};
use crate::scenario::names::Names;
use crate::scenario::reader::{Reader, Text, as_table, wrong_type};
use crate::scenario::tree::{Item, Place, Table, Value};
use crate::scenario::value::{self, Instant};
use crate::scenario::{admin, command, faults, moment, selector};
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;

/// What `share` and `chance` take.
const SHARE: &str = "a share, as in \"1%\"";

/// `then = "corrupt"`, which needs nothing beside.
static CORRUPT_MESSAGE: ActionDoc = ActionDoc {
    name: "corrupt",
    two_nodes: false,
    needs: &[],
    lasts: false,
    on_disk: false,
    kind: ActionKind::OnNodes,
};

/// Clocks jump by at most this: ten years.
const FARTHEST_JUMP: i64 = 10 * 365 * 86_400 * 1_000_000_000;

/// Reads all events; also the ids of all, sound or not, so that a claim about an event with a
/// problem is not a problem of its own.
pub(in crate::scenario) fn lower(
    timeline: Option<&Item>,
    run_for: SimDuration,
    names: &Names,
    problems: &mut Problems,
) -> (Vec<Event>, BTreeSet<Arc<str>>) {
    let nothing = (Vec::new(), BTreeSet::new());
    let Some(item) = timeline else {
        return nothing;
    };
    let Value::Array(items) = &item.value else {
        let what = "`timeline`".to_owned();
        problems.add(item.place, wrong_type(what, "an array of events", item));
        return nothing;
    };
    let mut events = Vec::new();
    let mut seen: BTreeMap<String, bool> = BTreeMap::new();
    for item in items {
        let Some(table) = as_table(item, "each event of `timeline`", problems) else {
            continue;
        };
        let id = id_of(table);
        let by_default = table.get("id").is_none();
        if let Some(first_by_default) = seen.get(&id) {
            let place = table.get("id").map_or(item.place, |entry| entry.item.place);
            let by_default = by_default || *first_by_default;
            let id = id.clone();
            problems.add(place, Problem::DuplicateEvent { id, by_default });
        }
        seen.insert(id.clone(), by_default);
        let context = Context {
            id: &id,
            place: item.place,
            table,
            run_for,
            names,
        };
        events.extend(context.event(problems));
    }
    let ids = seen.into_keys().map(Arc::from).collect();
    (events, ids)
}

/// An event's id: what it says, or the name of its action.
pub(in crate::scenario) fn id_of(table: &Table) -> String {
    if let Some(id) = table.get("id").and_then(|entry| entry.item.text()) {
        return id.to_owned();
    }
    let then = table.get("then").and_then(|entry| entry.item.text());
    table
        .keys()
        .find(|key| is_action(key))
        .or(then)
        .unwrap_or("event")
        .to_owned()
}

/// True for a key that says what happens.
pub(in crate::scenario) fn is_action(key: &str) -> bool {
    ACTIONS.iter().any(|action| action.name == key)
}

fn action_names() -> Vec<String> {
    ACTIONS
        .iter()
        .map(|action| action.name.to_owned())
        .collect()
}

/// One event, being read.
struct Context<'t> {
    id: &'t str,
    place: Place,
    table: &'t Table,
    run_for: SimDuration,
    names: &'t Names,
}

impl Context<'_> {
    fn event(&self, problems: &mut Problems) -> Option<Event> {
        let path = format!("timeline.{}", self.id);
        let reader = Reader::new(self.table, self.place, &path, &EVENT, problems);
        Self::check_id(&reader, problems);
        let when = self.when(&reader, problems);
        let action = self.action(&reader, problems);
        let lasts = self.lasts(&reader, when.as_ref(), problems);
        let (doc, action) = action?;
        self.check_companions(doc, problems);
        if !self.table.keys().any(|key| key == "on") {
            self.check_here(doc, &action, problems);
        }
        // A rolling restart never lasts: its `for` is each node's.
        let lasts = lasts.filter(|_| !matches!(action, Action::RollingRestart { .. }));
        Some(Event {
            id: Arc::from(self.id),
            when: when?,
            action,
            lasts,
        })
    }

    fn check_id(reader: &Reader<'_>, problems: &mut Problems) {
        let Some(id) = reader.text("id", problems) else {
            return;
        };
        if faults::is_taken(id.text) {
            let by = "random faults".to_owned();
            let name = id.text.to_owned();
            problems.add(id.place, Problem::NameTaken { name, by });
        }
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if id.text.is_empty() || id.text.len() > 64 || !id.text.chars().all(fine) {
            problems.add(
                id.place,
                Problem::BadName {
                    kind: "an event",
                    name: id.text.to_owned(),
                    help: "an id has 1 to 64 letters, digits, `-` and `_`",
                },
            );
        }
    }

    fn two_of(&self, first: &str, second: &str, help: &'static str, problems: &mut Problems) {
        let place = self
            .table
            .get(second)
            .map_or(self.place, |entry| entry.place);
        problems.add(
            place,
            Problem::TwoOf {
                id: self.id.to_owned(),
                first: first.to_owned(),
                second: second.to_owned(),
                help,
            },
        );
    }

    fn unused(&self, key: &str, beside: &str, help: &'static str, problems: &mut Problems) {
        let Some(entry) = self.table.get(key) else {
            return;
        };
        problems.add(
            entry.place,
            Problem::UnusedKey {
                key: key.to_owned(),
                beside: beside.to_owned(),
                help,
            },
        );
    }

    fn when(&self, reader: &Reader<'_>, problems: &mut Problems) -> Option<When> {
        let (at, on) = (self.table.get("at"), self.table.get("on"));
        if at.is_some() && on.is_some() {
            let help = "`on` waits for a moment; `after` says from when";
            self.two_of("at", "on", help, problems);
            return None;
        }
        if on.is_some() {
            return self.on(reader, problems);
        }
        for key in ["nth", "every", "chance", "after", "then"] {
            let help = "it goes with `on`, which waits for a moment";
            self.unused(key, "a time", help, problems);
        }
        if at.is_none() {
            let id = self.id.to_owned();
            problems.add(self.place, Problem::NoTime { id });
            return None;
        }
        let instant = reader.form("at", "an instant, as in \"3s\"", problems, value::instant)?;
        let (last, when) = match instant {
            Instant::At(at) => (at, When::At(at)),
            Instant::Between(from, to) => (to, When::Between(from, to)),
        };
        if last >= self.run_for {
            let help = "at run_for everything heals: let it happen earlier, or run longer";
            self.after_end(reader.place("at"), &reader.name("at"), help, problems);
        }
        Some(when)
    }

    fn after_end(&self, place: Place, what: &str, help: &'static str, problems: &mut Problems) {
        problems.add(
            place,
            Problem::AfterEnd {
                what: what.to_owned(),
                run_for: self.run_for.to_string(),
                help,
            },
        );
    }

    fn on(&self, reader: &Reader<'_>, problems: &mut Problems) -> Option<When> {
        let moment = reader
            .text("on", problems)
            .and_then(|text| moment::moment(text, self.names, problems));
        let after = reader.duration("after", problems).unwrap_or_default();
        if after >= self.run_for {
            let help = "it would wait for what never comes";
            self.after_end(reader.place("after"), &reader.name("after"), help, problems);
        }
        let nth = reader.count_u32("nth", problems);
        let occurrence = match self.table.get("every") {
            None => Occurrence::Nth(nth),
            Some(entry) => {
                if !matches!(entry.item.value, Value::Boolean(_)) {
                    let what = reader.name("every");
                    let item = &entry.item;
                    problems.add(item.place, wrong_type(what, "true", item));
                }
                if self.table.get("nth").is_some() {
                    let help = "either the nth time, or every time";
                    self.two_of("nth", "every", help, problems);
                }
                if matches!(entry.item.value, Value::Boolean(false)) {
                    Occurrence::Nth(nth)
                } else {
                    Occurrence::Every
                }
            }
        };
        let occurrence = match self.chance(reader, problems) {
            Some(chance) => Occurrence::Chance(chance),
            None => occurrence,
        };
        Some(When::On {
            moment: moment?,
            occurrence,
            after,
        })
    }

    /// The chance of an event, if it has one.
    fn chance(&self, reader: &Reader<'_>, problems: &mut Problems) -> Option<Ratio> {
        reader.item("chance")?;
        for key in ["nth", "every"] {
            if self.table.get(key).is_some() {
                let help = "a chance is drawn each time";
                self.two_of(key, "chance", help, problems);
            }
        }
        reader.form("chance", SHARE, problems, value::share)
    }

    fn action(
        &self,
        reader: &Reader<'_>,
        problems: &mut Problems,
    ) -> Option<(&'static ActionDoc, Action)> {
        let mut given = self
            .table
            .keys()
            .filter(|key| is_action(key) || *key == "then");
        let Some(key) = given.next() else {
            // A misspelt action is reported as the unknown key that it is.
            if self.table.keys().all(|key| EVENT.key(key).is_some()) {
                problems.add(
                    self.place,
                    Problem::NoAction {
                        id: self.id.to_owned(),
                        known: action_names(),
                    },
                );
            }
            return None;
        };
        if let Some(second) = given.next() {
            let help = "one event does one thing; write a second event with the same `at`";
            self.two_of(key, second, help, problems);
        }
        if key == "then" {
            let word = reader.text("then", problems)?;
            if word.text == "corrupt" {
                return Some((&CORRUPT_MESSAGE, self.corrupt_message(word, problems)?));
            }
            let doc = self.then(word, problems)?;
            return Some((
                doc,
                self.on_nodes(doc, vec![Target::One(Node::Here)], reader, problems)?,
            ));
        }
        let doc = ACTIONS.iter().find(|action| action.name == key)?;
        let action = if doc.kind == ActionKind::Request {
            if key == "grow" && !self.needs(doc, "to", reader, problems) {
                return None;
            }
            Action::Command(admin::read(key, reader, self.names, problems)?)
        } else if doc.kind == ActionKind::Command {
            Action::Command(command::read(self.table, reader, self.names, problems)?)
        } else if doc.two_nodes {
            let (from, to) = self.two_nodes(key, reader, problems)?;
            self.between(doc, from, to, reader, problems)?
        } else {
            let targets = self.targets(doc, reader, problems)?;
            self.on_nodes(doc, targets, reader, problems)?
        };
        Some((doc, action))
    }

    /// `then = "corrupt"`: the message that was the moment is damaged, so there must be one.
    fn corrupt_message(&self, word: Text<'_>, problems: &mut Problems) -> Option<Action> {
        let on = self.table.get("on").and_then(|entry| entry.item.text());
        if on.is_none_or(|on| on.trim().starts_with("produce sent ")) {
            return Some(Action::CorruptMessage);
        }
        problems.add(
            word.place,
            Problem::BadValue {
                what: format!("`timeline.{}.then`", self.id),
                why: "this moment is no message that could be damaged".to_owned(),
                help: Some("wait for a message, as in on = \"produce sent orders-0\"".to_owned()),
            },
        );
        None
    }

    /// The action that `then` names.
    fn then(&self, word: Text<'_>, problems: &mut Problems) -> Option<&'static ActionDoc> {
        let alone = ["start", "rolling_restart"];
        let fits = |action: &&ActionDoc| {
            let on_nodes = action.kind == ActionKind::OnNodes;
            on_nodes && !action.two_nodes && !alone.contains(&action.name)
        };
        let found = ACTIONS
            .iter()
            .find(|action| action.name == word.text && fits(action));
        if found.is_none() {
            problems.add(
                word.place,
                Problem::UnknownWord {
                    what: format!("`timeline.{}.then`", self.id),
                    word: word.text.to_owned(),
                    known: ACTIONS
                        .iter()
                        .filter(fits)
                        .chain([&CORRUPT_MESSAGE])
                        .map(|action| action.name.to_owned())
                        .collect(),
                },
            );
        }
        found
    }

    /// The node of an action, or its nodes.
    fn targets(
        &self,
        doc: &ActionDoc,
        reader: &Reader<'_>,
        problems: &mut Problems,
    ) -> Option<Targets> {
        let key = doc.name;
        let is_list = (reader.item(key)).is_some_and(|i| matches!(&i.value, Value::Array(_)));
        let texts = if is_list {
            reader.texts(key, problems)
        } else {
            vec![reader.text(key, problems)?]
        };
        let bad = |place, why: &str, problems: &mut Problems| {
            let (what, why, help) = (reader.name(key), why.to_owned(), None);
            problems.add(place, Problem::BadValue { what, why, help });
        };
        if texts.is_empty() {
            bad(reader.place(key), "it names no node", problems);
        }
        let mut targets = Targets::new();
        let mut sound = !texts.is_empty();
        for text in texts {
            let Some(target) = selector::target(text, self.names, problems) else {
                sound = false;
                continue;
            };
            if doc.on_disk && selector::lacks_a_disk(&target, self.names) {
                let why = "it is an application: only brokers and controllers have disks";
                bad(text.place, why, problems);
            }
            if targets.contains(&target) {
                bad(text.place, "this node is named twice", problems);
            }
            targets.push(target);
        }
        sound.then_some(targets)
    }

    fn two_nodes(
        &self,
        key: &str,
        reader: &Reader<'_>,
        problems: &mut Problems,
    ) -> Option<(Node, Node)> {
        let texts = reader.texts(key, problems);
        let [from, to] = texts[..] else {
            if reader
                .item(key)
                .is_some_and(|item| matches!(&item.value, Value::Array(_)))
            {
                let what = reader.name(key);
                problems.add(
                    reader.place(key),
                    Problem::BadValue {
                        what,
                        why: "it takes two nodes".to_owned(),
                        help: Some("for example, [\"b1\", \"b2\"]".to_owned()),
                    },
                );
            }
            return None;
        };
        let nodes = (
            selector::node(from, self.names, problems),
            selector::node(to, self.names, problems),
        );
        let (from_node, to_node) = (nodes.0?, nodes.1?);
        if from_node == to_node {
            let what = reader.name(key);
            let (why, help) = ("both are the same node".to_owned(), None);
            problems.add(to.place, Problem::BadValue { what, why, help });
            return None;
        }
        Some((from_node, to_node))
    }

    fn between(
        &self,
        doc: &ActionDoc,
        from: Node,
        to: Node,
        reader: &Reader<'_>,
        problems: &mut Problems,
    ) -> Option<Action> {
        Some(match doc.name {
            "cut" => Action::Cut(from, to),
            "cut_one_way" => Action::CutOneWay(from, to),
            "reset" => Action::Reset(from, to),
            "corrupt" => {
                if !self.needs(doc, "share", reader, problems) {
                    return None;
                }
                let share = reader.form("share", SHARE, problems, value::share)?;
                Action::Corrupt(from, to, share)
            }
            "flap" => {
                let down = self.span(doc, "down", reader, problems);
                let up = self.span(doc, "up", reader, problems);
                Action::Flap {
                    one: from,
                    other: to,
                    down: down?,
                    up: up?,
                }
            }
            _ => Action::SlowLink(from, to, self.span(doc, "delay", reader, problems)?),
        })
    }

    fn on_nodes(
        &self,
        doc: &ActionDoc,
        on: Targets,
        reader: &Reader<'_>,
        problems: &mut Problems,
    ) -> Option<Action> {
        Some(match doc.name {
            "crash" => Action::Crash(on),
            "power_loss" => Action::PowerLoss(on),
            "lose_disk" => Action::LoseDisk(on),
            "stop" => Action::Stop(on),
            "start" => Action::Start(on),
            "pause" => Action::Pause(on),
            "isolate" => Action::Isolate(on),
            "fill_disk" => Action::FillDisk(on, self.log_dir(reader, problems)),
            "fail_disk" => Action::FailDisk(on, self.log_dir(reader, problems)),
            "rolling_restart" => {
                let down = self.span(doc, "for", reader, problems);
                let gap = self.span(doc, "gap", reader, problems);
                Action::RollingRestart {
                    on,
                    down: down?,
                    gap: gap?,
                }
            }
            "slow_disk" => Action::SlowDisk(on, self.span(doc, "delay", reader, problems)?),
            _ => Action::SkewClock(on, self.by(doc, reader, problems)?),
        })
    }

    /// The log directory whose disk is meant; all where none is named.
    fn log_dir(&self, reader: &Reader<'_>, problems: &mut Problems) -> Option<DirectoryId> {
        let entry = self.table.get("log_dir")?;
        let number = reader.count("log_dir", problems)?;
        if number > u64::from(self.names.log_dirs) {
            let (what, place) = (reader.name("log_dir"), entry.item.place);
            let why = match self.names.log_dirs {
                1 => "each broker has one log directory".to_owned(),
                count => format!("each broker has {count} log directories"),
            };
            let help = Some("`log_dirs` of [disks] says how many there are".to_owned());
            problems.add(place, Problem::BadValue { what, why, help });
            return None;
        }
        Some(DirectoryId(number as u32 - 1))
    }

    fn needs(
        &self,
        doc: &ActionDoc,
        key: &str,
        reader: &Reader<'_>,
        problems: &mut Problems,
    ) -> bool {
        let given = reader.item(key).is_some();
        if !given {
            let key_doc = EVENT
                .key(key)
                .expect("what an action needs is a key of an event");
            problems.add(
                self.place,
                Problem::MissingKey {
                    key: key.to_owned(),
                    table: format!("the event `{}`, a {},", self.id, doc.name),
                    example: key_doc.example.to_owned(),
                },
            );
        }
        given
    }

    /// A duration that the action needs.
    fn span(
        &self,
        doc: &ActionDoc,
        key: &str,
        reader: &Reader<'_>,
        problems: &mut Problems,
    ) -> Option<SimDuration> {
        if !self.needs(doc, key, reader, problems) {
            return None;
        }
        reader.duration(key, problems)
    }

    fn by(&self, doc: &ActionDoc, reader: &Reader<'_>, problems: &mut Problems) -> Option<i64> {
        if !self.needs(doc, "by", reader, problems) {
            return None;
        }
        reader.form(
            "by",
            "a duration with a unit, as in \"-8d\"",
            problems,
            |text| match value::signed_duration(text)? {
                0 => Err("a jump by nothing is none".to_owned()),
                by if by.abs() > FARTHEST_JUMP => {
                    Err("a clock jumps by at most 10 years".to_owned())
                }
                by => Ok(by),
            },
        )
    }

    fn lasts(
        &self,
        reader: &Reader<'_>,
        when: Option<&When>,
        problems: &mut Problems,
    ) -> Option<SimDuration> {
        let lasts = reader
            .item("for")
            .and_then(|_| reader.duration("for", problems))?;
        let from = match when? {
            When::At(at) => *at,
            When::Between(_, to) => *to,
            When::On { after, .. } => *after,
        };
        let ends = from.saturating_add(lasts);
        if from < self.run_for && ends > self.run_for {
            let help = "at run_for everything heals: shorten it, or leave `for` out";
            let what = format!("the end of `{}`, at {ends},", self.id);
            self.after_end(reader.place("for"), &what, help, problems);
        }
        Some(lasts)
    }

    /// `delay`, `by`, `for` and others go with some actions only.
    fn check_companions(&self, doc: &ActionDoc, problems: &mut Problems) {
        let beside = format!("`{}`", doc.name);
        for (key, help) in COMPANIONS {
            if !doc.needs.contains(&key) {
                self.unused(key, &beside, help, problems);
            }
        }
        if !doc.lasts {
            let help = "it happens at once; what takes it back is an event of its own";
            self.unused("for", &beside, help, problems);
        }
    }

    fn check_here(&self, doc: &ActionDoc, action: &Action, problems: &mut Problems) {
        let here = match action {
            Action::Crash(on)
            | Action::PowerLoss(on)
            | Action::LoseDisk(on)
            | Action::Stop(on)
            | Action::Start(on)
            | Action::RollingRestart { on, .. }
            | Action::Pause(on)
            | Action::Isolate(on)
            | Action::SlowDisk(on, _)
            | Action::FillDisk(on, _)
            | Action::FailDisk(on, _)
            | Action::SkewClock(on, _) => on.contains(&Target::One(Node::Here)),
            Action::CutOneWay(from, to)
            | Action::Cut(from, to)
            | Action::SlowLink(from, to, _)
            | Action::Corrupt(from, to, _)
            | Action::Flap {
                one: from,
                other: to,
                ..
            }
            | Action::Reset(from, to) => *from == Node::Here || *to == Node::Here,
            Action::CorruptMessage | Action::Command(_) => false,
        };
        if here && self.table.get("then").is_none() {
            let place = self
                .table
                .get(doc.name)
                .map_or(self.place, |entry| entry.item.place);
            problems.add(place, Problem::HereWithoutMoment);
        }
    }
}
