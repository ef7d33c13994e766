//! Configs that are read and checked by Kafka's ranges although what they switch on is still to come:
//! a scenario that sets one is told so at its place.
//!
//! Modelled: names, kinds and ranges of the transactional producer. Left out: transactions.
//! Source: ProducerConfig (4.2); KIP-98, KIP-939.

use crate::kafka::config::ComponentKind;
use crate::kafka::config::problem::ConfigProblem;
use crate::kafka::config::value::{Bounds, ConfigValue, Kind};

/// What a planned config takes.
#[derive(Clone, Copy, Debug)]
enum Takes {
    /// What any other config can take.
    A(Kind),
    /// A string that is not empty.
    Text,
}

const HELP: &str = "leave it out: without it the producer is idempotent within one session, which \
                    is all that can be simulated so far";

const PRODUCER: [(&str, Takes); 3] = [
    ("transactional.id", Takes::Text),
    (
        "transaction.timeout.ms",
        // An INT without a lower bound; no time is negative here.
        Takes::A(Kind::Millis(Bounds {
            min: 0,
            max: i32::MAX as i64,
        })),
    ),
    (
        "transaction.two.phase.commit.enable",
        Takes::A(Kind::Boolean),
    ),
];

/// The problem with setting a planned config: a bad value, or that it is not simulated yet.
pub(super) fn check(
    component: ComponentKind,
    name: &str,
    given: ConfigValue<'_>,
) -> Result<(), ConfigProblem> {
    let planned = PRODUCER.iter().find(|(known, _)| *known == name);
    let Some((name, takes)) = planned.filter(|_| component == ComponentKind::Producer) else {
        return Ok(());
    };
    match takes {
        Takes::A(kind) => {
            kind.read(name, given)?;
        }
        Takes::Text => {
            let fine = matches!(given, ConfigValue::Text(text) if !text.is_empty());
            if !fine {
                return Err(ConfigProblem::Invalid {
                    name,
                    value: given.to_string(),
                    why: "expected a string that is not empty".to_owned(),
                });
            }
        }
    }
    Err(ConfigProblem::NotYet {
        name,
        what: "transactions",
        help: HELP,
    })
}
