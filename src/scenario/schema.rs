//! The JSON Schema (draft 7) of a scenario file, for editors that know TOML.
//!
//! Made of the tables by which files are read, so that the two can't differ in a name, a type or a
//! range. Whatever `retrial check` accepts, the schema accepts. Left out, as a schema can't say it:
//! references between names, limits over several tables, config names of which only some dots are
//! quoted, and the bounds of Kafka's configs, which a scenario may break on purpose
//! (`refused_config`).

use serde_json::{Map, Value, json};

use crate::kafka::config::broker::BrokerConfig;
use crate::kafka::config::consumer::ConsumerConfig;
use crate::kafka::config::entry::Entry;
use crate::kafka::config::producer::ProducerConfig;
use crate::kafka::config::text::Text;
use crate::kafka::config::topic::TopicConfig;
use crate::kafka::config::value::{Kind, OFFSET_RESETS};
use crate::kafka::config::{Component, ComponentKind};
use crate::kafka::quota::QuotaType;
use crate::kafka::throttled_replicas::Side;
use crate::scenario::keys::apps::{GROUP, HANDLER, KEYS, ON_ERROR, PRODUCER};
use crate::scenario::keys::event::EVENT;
use crate::scenario::keys::faults::FAULTS;
use crate::scenario::keys::hosts::{
    CLUSTER, COMPRESS, COSTS, DECOMPRESS, DISKS, FEATURES, LATENCY, NETWORK, TOPIC,
};
use crate::scenario::keys::quotas::{ALTERED, QUOTA};
use crate::scenario::keys::top::{TEACH, TOP};
use crate::scenario::keys::{ACTIONS, Absent, ActionKind, Key, SET_UP, TableDoc, Takes};
use crate::scenario::moment::{FENCED, OF_PARTITION};

const DURATION: &str = "[0-9_]+([.][0-9_]+)? *(ns|us|\u{b5}s|ms|s|min|m|h|d)";
const SHARE: &str = "[0-9_]+(([.][0-9_]+)? *%?| */ *[0-9_]+)";
const SIZE: &str = "[0-9_]+([.][0-9_]+)? *(B|[kK]B|[MGT]B|[KMGT]iB)";

/// What a table must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// All of it.
    Whole,
    /// A few keys, laid over a whole one.
    Change,
}

/// The schema, as one JSON object.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for part in [Part::Whole, Part::Change] {
        for doc in [
            &CLUSTER,
            &TOPIC,
            &PRODUCER,
            &ON_ERROR,
            &GROUP,
            &HANDLER,
            &QUOTA,
            &NETWORK,
            &DISKS,
            &COSTS,
            &COMPRESS,
            &DECOMPRESS,
            &FAULTS,
        ] {
            definitions.insert(part.name(doc), table(doc, part));
        }
    }
    definitions.insert(Part::Change.name(&EVENT), table(&EVENT, Part::Change));
    for doc in [&KEYS, &LATENCY, &TEACH] {
        definitions.insert(Part::Whole.name(doc), table(doc, Part::Whole));
    }
    definitions.insert(Part::Whole.name(&EVENT), event());
    definitions.insert("variant".to_owned(), variant());
    definitions.insert("producer config".to_owned(), configs::<ProducerConfig>());
    definitions.insert("consumer config".to_owned(), configs::<ConsumerConfig>());
    definitions.insert("topic config".to_owned(), configs::<TopicConfig>());
    definitions.insert("broker config".to_owned(), configs::<BrokerConfig>());
    let mut schema = table(&TOP, Part::Whole);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("Retrial scenario");
    schema["definitions"] = Value::Object(definitions);
    schema
}

impl Part {
    /// What a table is called among the definitions.
    fn name(self, doc: &TableDoc) -> String {
        let header = doc.header.replace(['`', '[', ']'], "");
        let header = header.replace(".NAME", "");
        match self {
            Self::Whole => header,
            Self::Change => format!("change of {header}"),
        }
    }

    fn link(self, doc: &TableDoc) -> Value {
        link(&self.name(doc))
    }
}

fn link(definition: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{}", definition.replace(' ', "%20")) })
}

/// A table with the keys of its description and no others.
fn table(doc: &TableDoc, part: Part) -> Value {
    let properties: Map<String, Value> = doc
        .keys
        .iter()
        .map(|key| (key.name.to_owned(), described(key, value(doc, key, part))))
        .collect();
    let mut table = json!({
        "type": "object",
        "description": doc.says,
        "properties": properties,
        "additionalProperties": false,
    });
    let required: Vec<&str> = (doc.keys.iter())
        .filter(|key| key.absent == Absent::Required)
        .map(|key| key.name)
        .collect();
    if part == Part::Whole && !required.is_empty() {
        table["required"] = json!(required);
    }
    table
}

/// The schema of a value with what its key says. Draft 7 reads nothing beside a `$ref`.
fn described(key: &Key, value: Value) -> Value {
    let mut value = if value.get("$ref").is_some() {
        json!({ "allOf": [value] })
    } else {
        value
    };
    let absent = match key.absent {
        Absent::Required => "Required.".to_owned(),
        Absent::Value(default) => format!("Default: {default}."),
        Absent::Means("-") => String::new(),
        Absent::Means(words) => format!("If absent: {words}."),
    };
    let says = format!("{} {absent}\n\nExample: {}", key.says, key.example);
    value["description"] = json!(says);
    if let Absent::Value(default) = key.absent {
        let number = matches!(key.takes, Takes::Count { .. });
        let default = if number {
            json!(default.parse::<u64>().ok())
        } else {
            json!(default)
        };
        value["default"] = default;
    }
    value
}

/// What a key takes.
fn value(doc: &TableDoc, key: &Key, part: Part) -> Value {
    match key.takes {
        Takes::Text => json!({ "type": "string" }),
        Takes::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Takes::Targets => json!({ "anyOf": [
            { "type": "string" }, { "type": "array", "items": { "type": "string" } },
        ] }),
        Takes::Nodes => json!({
            "type": "array", "items": { "type": "string" }, "minItems": 2, "maxItems": 2,
        }),
        Takes::Count { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Takes::Duration { .. } => form(DURATION),
        Takes::SignedDuration => form(&format!("[-+]?{DURATION}")),
        Takes::Instant => durations(),
        Takes::Size { .. } => form(SIZE),
        Takes::Bandwidth { .. } => form(&format!("{SIZE} */s")),
        Takes::Share => form(SHARE),
        Takes::Rate => form("flood|as fast as possible|[0-9._]+ *[kKM]? */.+"),
        Takes::Word(words) => json!({ "type": "string", "enum": words }),
        Takes::True => json!({ "type": "boolean", "enum": [true] }),
        Takes::Config => link(&format!("{} config", owner(doc))),
        Takes::Form(_) | Takes::Table => special(key.name, part),
    }
}

/// A duration or a range of them.
fn durations() -> Value {
    form(&format!("{DURATION}( *[.][.] *{DURATION})?"))
}

/// A string of a form, with room around it.
fn form(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": format!("^\\s*({pattern})\\s*$") })
}

/// Whose config a table has.
fn owner(doc: &TableDoc) -> ComponentKind {
    match doc.header {
        header if header == PRODUCER.header => ComponentKind::Producer,
        header if header == GROUP.header => ComponentKind::Consumer,
        header if header == TOPIC.header => ComponentKind::Topic,
        _ => ComponentKind::Broker,
    }
}

/// The keys with a form or a table of their own.
fn special(name: &str, part: Part) -> Value {
    let named =
        |doc: &TableDoc| json!({ "type": "object", "additionalProperties": part.link(doc) });
    match name {
        "timeline" => match part {
            Part::Whole => events(),
            Part::Change => json!({ "anyOf": [events(), changed_events()] }),
        },
        "faults" => part.link(&FAULTS),
        "cluster" => part.link(&CLUSTER),
        "topics" => named(&TOPIC),
        "producers" => named(&PRODUCER),
        "groups" => named(&GROUP),
        "quotas" => named(&QUOTA),
        "network" => part.link(&NETWORK),
        "disks" => part.link(&DISKS),
        "costs" => part.link(&COSTS),
        "handler" => part.link(&HANDLER),
        "compress" => part.link(&COMPRESS),
        "decompress" => part.link(&DECOMPRESS),
        "on_error" => part.link(&ON_ERROR),
        "partition" => json!({ "anyOf": [
            { "enum": ["partitioner", "key_modulo"] },
            { "type": "integer", "minimum": 0 },
            { "type": "array", "items": { "type": "integer", "minimum": 0 } },
        ] }),
        "compression_ratio" | "request_percentage" => form(SHARE),
        "variants" => json!({ "type": "object", "additionalProperties": link("variant") }),
        "claims" => json!({
            "type": "object",
            "additionalProperties": { "type": "array", "items": { "type": "string" } },
        }),
        "teach" => Part::Whole.link(&TEACH),
        "keys" => json!({ "anyOf": [{ "enum": ["none"] }, Part::Whole.link(&KEYS)] }),
        "latency" => json!({ "anyOf": [
            durations(),
            part.latency(),
        ] }),
        "start_at" => form(&format!("-? *{DURATION}")),
        "pauses" => json!({
            "type": "array", "items": form(&format!("{DURATION} *[.][.] *{DURATION}")),
        }),
        "features" => dotted(FEATURES.keys.iter().map(|key| {
            let level = value(&FEATURES, key, part);
            (key.name, described(key, level))
        })),
        // Of an event it is a duration; of random faults it may be a range.
        "for" => durations(),
        "alter_config" => altered(),
        "delete_records" | "elect" | "reassign" | "verify_reassignment" => form("\\S+-[0-9]+"),
        "grow" | "client" => json!({ "type": "string" }),
        "alter_quotas" => altered_quotas(),
        "unregister" => form("b[0-9]+"),
        "on" => form(&moments()),
        "then" => json!({ "type": "string", "enum": on_one_node() }),
        other => unreachable!("`{other}` has a form without a schema"),
    }
}

impl Part {
    /// A latency as a table; a variant may change one of its halves.
    fn latency(self) -> Value {
        match self {
            Self::Whole => self.link(&LATENCY),
            Self::Change => table(&LATENCY, self),
        }
    }
}

fn events() -> Value {
    json!({ "type": "array", "items": Part::Whole.link(&EVENT) })
}

/// Events by id: changed, switched off or added.
fn changed_events() -> Value {
    let change = json!({ "anyOf": [{ "enum": ["off"] }, Part::Change.link(&EVENT)] });
    json!({ "type": "object", "additionalProperties": change })
}

/// An event says when, and does one thing; some things need more to be said.
fn event() -> Value {
    let has = |name: &str| json!({ "required": [name] });
    let mut actions: Vec<Value> = ACTIONS.iter().map(|action| has(action.name)).collect();
    actions.push(has("then"));
    let needs: Map<String, Value> = (ACTIONS.iter())
        // What tools and administrators may have beside, they may also do without; but for `grow`.
        .filter(|action| action.kind == ActionKind::OnNodes || action.name == "grow")
        .filter(|action| !action.needs.is_empty())
        .map(|action| {
            let may: &[&str] = if action.on_disk { &["log_dir"] } else { &[] };
            let needs = action.needs.iter().filter(|key| !may.contains(key));
            (action.name.to_owned(), json!(needs.collect::<Vec<_>>()))
        })
        .collect();
    let mut event = table(&EVENT, Part::Whole);
    event["allOf"] = json!([{ "oneOf": [has("at"), has("on")] }, { "oneOf": actions }]);
    event["dependencies"] = Value::Object(needs);
    event
}

/// What a variant changes: a part of the set-up.
fn variant() -> Value {
    let properties: Map<String, Value> = (SET_UP.iter())
        .map(|name| {
            let key = TOP.key(name).expect("the set-up is a part of the file");
            let value = value(&TOP, key, Part::Change);
            ((*name).to_owned(), described(key, value))
        })
        .collect();
    json!({
        "type": "object",
        "description": "The base with these keys changed.",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// A topic and some of its configs.
fn altered() -> Value {
    let lists = Side::ALL.map(|side| (side.replicas_config(), json!({ "type": "string" })));
    let entries = TopicConfig::ENTRIES.iter();
    let entries = entries.map(|entry| (entry.name, config(entry)));
    let mut configs = dotted(entries.chain(lists));
    configs["properties"]["topic"] = json!({ "type": "string" });
    configs["required"] = json!(["topic"]);
    configs["minProperties"] = json!(2);
    configs
}

/// A client.id and some of its quotas.
fn altered_quotas() -> Value {
    let mut altered = table(&ALTERED, Part::Whole);
    for quota in QuotaType::ALL {
        let known = altered["properties"][quota.name()].take();
        altered["properties"][quota.name()] = json!({ "anyOf": [{ "enum": ["off"] }, known] });
    }
    altered["minProperties"] = json!(2);
    altered
}

/// The configs of a component, by their whole names or, unquoted in the file, as tables of tables.
/// Their bounds are left to Kafka: a scenario may show what it refuses.
fn configs<C: Component>() -> Value {
    let mut all = dotted(C::ENTRIES.iter().map(|entry| (entry.name, config(entry))));
    all["description"] = json!(format!("Kafka's configs of a {}.", C::KIND));
    all
}

/// A table of names with dots in them, quoted or not.
fn dotted(names: impl Iterator<Item = (&'static str, Value)>) -> Value {
    let mut all = open_table();
    for (name, value) in names {
        let mut inner = &mut all;
        let mut segments: Vec<&str> = name.split('.').collect();
        let last = segments.pop().expect("a split text has a last part");
        for segment in &segments {
            let properties = &mut inner["properties"];
            if properties.get(*segment).is_none() {
                properties[*segment] = open_table();
            }
            inner = &mut properties[*segment];
        }
        inner["properties"][last] = value.clone();
        all["properties"][name] = value;
    }
    all
}

/// A table without keys yet.
fn open_table() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

fn config<C: Component>(entry: &Entry<C>) -> Value {
    let number = json!({ "type": ["integer", "string", "boolean"] });
    let mut value = match entry.kind {
        Kind::Millis(_) | Kind::Bytes(_) | Kind::Count(_) => number,
        Kind::Text => {
            json!({ "type": ["integer", "string", "boolean"], "maxLength": Text::MAX_BYTES })
        }
        Kind::Boolean => json!({ "anyOf": [{ "enum": [true, false] }, number] }),
        Kind::OneOf(words) => json!({ "anyOf": [{ "enum": words }, number] }),
        Kind::OffsetReset => json!({ "anyOf": [{ "enum": OFFSET_RESETS }, number] }),
    };
    let default = match (entry.get)(&C::default()) {
        Some(default) => format!("{} {}", entry.kind.pretty(default), entry.kind.unit()),
        None => C::KIND.open().to_owned(),
    };
    let says = format!("{}. Default: {}.", entry.doc, default.trim_end());
    value["description"] = json!(says);
    value
}

/// A pattern of all moments.
fn moments() -> String {
    let phrases: Vec<String> = (OF_PARTITION.iter())
        .map(|(phrase, ..)| phrase.replace(' ', " +"))
        .collect();
    let fenced = FENCED.0.replace(' ', " +");
    format!("({}) +\\S+-[0-9]+|{fenced} +b[0-9]+", phrases.join("|"))
}

fn on_one_node() -> Vec<&'static str> {
    (ACTIONS.iter())
        .filter(|action| !action.two_nodes && action.kind == ActionKind::OnNodes)
        .map(|action| action.name)
        .chain(["corrupt"])
        .collect()
}
