//! The scenario reference of the book, below its mark, is what the tables of keys and configs say.

use std::fmt::Write as _;
use std::path::Path;

use crate::kafka::config::Component;
use crate::kafka::config::broker::BrokerConfig;
use crate::kafka::config::consumer::ConsumerConfig;
use crate::kafka::config::producer::ProducerConfig;
use crate::kafka::config::topic::TopicConfig;
use crate::scenario::claims;
use crate::scenario::keys::{ALL, Absent, Key, Takes};
use crate::scenario::moment;
use crate::scenario::value::{grouped, print_bandwidth, print_size};

const MARK: &str = "<!-- generated from the tables of keys -->\n";

#[test]
fn the_reference_of_the_book_is_printed_from_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src/scenario-reference.md");
    let page = std::fs::read_to_string(&path).expect("the page and a string take all");
    let (before, after) = page.split_once(MARK).expect("the page has its mark");
    let fresh = reference();
    if after != fresh {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages");
        std::fs::create_dir_all(&folder).expect("the page and a string take all");
        let new = folder.join("scenario-reference.md");
        std::fs::write(&new, format!("{before}{MARK}{fresh}"))
            .expect("the page and a string take all");
        panic!("the page is out of date; the new one is {}", new.display());
    }
}

fn reference() -> String {
    let mut page = String::new();
    for table in ALL {
        let title = table.header.replace('[', "\\[").replace(']', "\\]");
        writeln!(page, "\n## {title}\n\n{}\n", table.says).expect("the page and a string take all");
        writeln!(
            page,
            "| key | takes | where it is not given | |\n|---|---|---|---|"
        )
        .expect("the page and a string take all");
        for key in table.keys {
            writeln!(
                page,
                "| `{}` | {} | {} | {} <br>`{}` |",
                key.name,
                takes(key),
                absent(key.absent),
                key.says,
                key.example
            )
            .expect("the page and a string take all");
        }
    }
    moments(&mut page);
    words(&mut page);
    page.push_str("\n## Kafka's configs\n\nA bare number is in the unit of the table.\n");
    configs::<TopicConfig>("Topics: `config` of \\[topics.NAME\\]", &mut page);
    configs::<ProducerConfig>("Producers: `config` of \\[producers.NAME\\]", &mut page);
    configs::<ConsumerConfig>("Consumers: `config` of \\[groups.NAME\\]", &mut page);
    configs::<BrokerConfig>(
        "Brokers and controllers: `config` of \\[cluster\\]",
        &mut page,
    );
    page
}

fn takes(key: &Key) -> String {
    match key.takes {
        Takes::Text => "a string".to_owned(),
        Takes::Texts => "an array of strings".to_owned(),
        Takes::Count { min, max } => format!("{} to {}", grouped(min), grouped(max)),
        Takes::Duration { min, max } => format!("a duration, {min} to {max}"),
        Takes::SignedDuration => "a duration, perhaps negative".to_owned(),
        Takes::Instant => "an instant or a range".to_owned(),
        Takes::Size { min, max } => format!("a size, {} to {}", print_size(min), print_size(max)),
        Takes::Bandwidth { min, max } => {
            format!(
                "a bandwidth, {} to {}",
                print_bandwidth(min),
                print_bandwidth(max)
            )
        }
        Takes::Share => "a share".to_owned(),
        Takes::Rate => "a rate".to_owned(),
        Takes::Word(words) => {
            let quoted: Vec<String> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
            quoted.join(" or ")
        }
        Takes::True => "`true`".to_owned(),
        Takes::Targets => "a node, a set, or an array of them".to_owned(),
        Takes::Nodes => "two nodes".to_owned(),
        Takes::Config => "Kafka's configs, see below".to_owned(),
        Takes::Form(form) => form.to_owned(),
        Takes::Table => "a table".to_owned(),
    }
}

fn absent(absent: Absent) -> String {
    match absent {
        Absent::Required => "must be given".to_owned(),
        Absent::Value(value) => format!("`{value}`"),
        Absent::Means("-") => String::new(),
        Absent::Means(words) => words.to_owned(),
    }
}

fn moments(page: &mut String) {
    page.push_str("\n## Moments\n\n| `on = …` | when |\n|---|---|\n");
    for (words, _, says) in moment::OF_PARTITION {
        writeln!(page, "| `\"{words} orders-0\"` | {says} |")
            .expect("the page and a string take all");
    }
    let (words, says) = moment::FENCED;
    writeln!(page, "| `\"{words} b1\"` | {says} |").expect("the page and a string take all");
}

fn words(page: &mut String) {
    let list = |words: &[&str]| {
        let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        quoted.join(", ")
    };
    page.push_str("\n## Words of claims\n\n");
    writeln!(page, "Of the audit: {}.\n", list(&claims::DELIVERY))
        .expect("the page and a string take all");
    writeln!(
        page,
        "Of a group, as `groups.NAME.WORD`: {}, {}.",
        list(&claims::GROUP),
        list(&claims::GROUP_TIMES)
    )
    .expect("the page and a string take all");
}

fn configs<C: Component>(title: &str, page: &mut String) {
    writeln!(
        page,
        "\n### {title}\n\n| config | values | default | |\n|---|---|---|---|"
    )
    .expect("the page and a string take all");
    let default = C::default();
    for entry in C::ENTRIES {
        let value = (entry.get)(&default);
        let default = value.map_or(C::KIND.open().to_owned(), |value| format!("`{value}`"));
        writeln!(
            page,
            "| `{}` | {} {} | {default} | {} |",
            entry.name,
            entry.kind.range(),
            entry.kind.unit(),
            entry.doc
        )
        .expect("the page and a string take all");
    }
}
