//! Moments on a time axis that several variants share: what happened in all of them, and what in
//! some only, so that nothing is taken for what happened in another.

use std::collections::BTreeMap;

use crate::report::numbers::instant;
use crate::run::Mark;
use crate::sim::time::SimTime;

/// A moment with its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// When.
    pub(super) at: SimTime,
    /// When and what: `3s crash b1`.
    pub(super) text: String,
    /// The variants in which it happened, by index, where these are not all.
    pub(super) only: Vec<usize>,
    /// How many marks it stands for.
    pub(super) count: usize,
}

/// The moments of these variants: first those of all of them, then all others, each in order of
/// time. Marks of one instant that say the same but for their last word are one moment.
pub(super) fn moments(variants: &[&[Mark]]) -> Vec<Moment> {
    let mut found: Vec<Moment> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (variant, marks) in variants.iter().enumerate() {
        for (mark, more) in joined(marks) {
            let mut text = format!("{} {}", instant(mark.at.as_nanos()), mark.label);
            if more > 0 {
                text.push_str(&format!(" (+{more})"));
            }
            let index = *known.entry(text).or_insert_with_key(|text| {
                found.push(Moment {
                    at: mark.at,
                    text: text.clone(),
                    only: Vec::new(),
                    count: 0,
                });
                found.len() - 1
            });
            let moment = &mut found[index];
            moment.count += 1 + more;
            if moment.only.last() != Some(&variant) {
                moment.only.push(variant);
            }
        }
    }
    for moment in &mut found {
        if moment.only.len() == variants.len() {
            moment.only.clear();
        }
    }
    found.sort_by_key(|moment| (!moment.only.is_empty(), moment.at));
    found
}

/// Marks that say the same, but for their last word, at the same instant: the first, and how many
/// more.
fn joined(marks: &[Mark]) -> Vec<(&Mark, usize)> {
    let saying = |mark: &Mark| match mark.label.rsplit_once(' ') {
        Some((most, _)) => most.to_owned(),
        None => mark.label.clone(),
    };
    let mut joined: Vec<(&Mark, usize)> = Vec::new();
    for mark in marks {
        let same =
            |known: &&mut (&Mark, usize)| known.0.at == mark.at && saying(known.0) == saying(mark);
        match joined.iter_mut().rev().find(same) {
            Some((_, more)) => *more += 1,
            None => joined.push((mark, 0)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(millis: u64, label: &str) -> Mark {
        Mark {
            at: SimTime::from_nanos(millis * 1_000_000),
            label: label.to_owned(),
        }
    }

    #[test]
    fn what_happened_in_some_variants_only_is_not_said_of_all() {
        let base = [mark(3_000, "crash b1"), mark(11_400, "b2 leads orders-0")];
        let other = [
            mark(1_000, "reassign orders-0"),
            mark(3_000, "crash b1"),
            // The same to who reads tenths.
            mark(11_410, "b2 leads orders-0"),
            mark(12_000, "b3 leads orders-0"),
        ];
        let third = [mark(3_000, "crash b1"), mark(12_000, "b3 leads orders-0")];
        let said: Vec<(String, Vec<usize>)> = moments(&[&base, &other, &third])
            .into_iter()
            .map(|moment| (moment.text, moment.only))
            .collect();
        let expected = [
            ("3s crash b1", vec![]),
            ("1s reassign orders-0", vec![1]),
            ("11.4s b2 leads orders-0", vec![0, 1]),
            ("12s b3 leads orders-0", vec![1, 2]),
        ];
        assert_eq!(said, expected.map(|(text, only)| (text.to_owned(), only)));
    }

    #[test]
    fn marks_of_one_instant_that_say_the_same_are_one() {
        let marks = [
            mark(5_000, "b1 leads orders-0"),
            mark(5_000, "b1 leads orders-4"),
            mark(5_000, "b2 back"),
            mark(5_000, "b1 leads orders-9"),
        ];
        let said: Vec<(String, usize)> = moments(&[&marks])
            .into_iter()
            .map(|moment| (moment.text, moment.count))
            .collect();
        let expected = [("5s b1 leads orders-0 (+2)", 3), ("5s b2 back", 1)];
        assert_eq!(said, expected.map(|(text, count)| (text.to_owned(), count)));
    }
}
