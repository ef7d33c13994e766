//! Any run, against naive books.

use crate::check::audit::tests::*;

/// What may happen next, by choice numbers that are resolved when it does.
#[derive(Clone, Debug)]
enum Action {
    Wait(u64),
    Send {
        sender: u32,
        count: u32,
    },
    Tell {
        ids: Choice,
        outcome: u8,
    },
    Reject {
        ids: Choice,
        timeout: bool,
    },
    Read {
        group: u32,
        lane: u32,
        ids: Choice,
    },
    Process {
        group: u32,
        lane: u32,
        base: u64,
        each: u64,
        ids: Choice,
    },
    Expire(Choice),
    Leader {
        lane: u32,
        lost: bool,
    },
}

/// Records of one sender: where to begin, how many, and how far apart.
#[derive(Clone, Debug)]
struct Choice {
    sender: u32,
    from: u32,
    count: u32,
    stride: u32,
}

/// A replica in the end, by choices.
#[derive(Clone, Debug)]
struct LogChoice {
    lane: u32,
    leads: bool,
    epoch: u32,
    start: u64,
    tail: u64,
    batches: Vec<Choice>,
}

fn choice() -> impl Strategy<Value = Choice> {
    (0..2_u32, 0..40_u32, 1..6_u32, 1..39_u32).prop_map(|(sender, from, count, stride)| Choice {
        sender,
        from,
        count,
        stride,
    })
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => (0..9_u64).prop_map(Action::Wait),
        3 => (0..2_u32, 1..9_u32).prop_map(|(sender, count)| Action::Send { sender, count }),
        3 => (choice(), 0..4_u8).prop_map(|(ids, outcome)| Action::Tell { ids, outcome }),
        1 => (choice(), any::<bool>()).prop_map(|(ids, timeout)| Action::Reject { ids, timeout }),
        4 => (0..2_u32, 0..2_u32, choice())
            .prop_map(|(group, lane, ids)| Action::Read { group, lane, ids }),
        4 => (0..2_u32, 0..2_u32, 0..9_u64, 0..5_u64, choice()).prop_map(
            |(group, lane, base, each, ids)| Action::Process { group, lane, base, each, ids }
        ),
        1 => choice().prop_map(Action::Expire),
        1 => (0..3_u32, any::<bool>()).prop_map(|(lane, lost)| Action::Leader { lane, lost }),
    ]
}

fn log_choice() -> impl Strategy<Value = LogChoice> {
    (
        0..3_u32,
        any::<bool>(),
        0..3_u32,
        0..4_u64,
        0..4_u64,
        prop::collection::vec(choice(), 0..8),
    )
        .prop_map(|(lane, leads, epoch, start, tail, batches)| LogChoice {
            lane,
            leads,
            epoch,
            start,
            tail,
            batches,
        })
}

/// A lane of the sender's stream.
fn place(sender: u32, lane: u32) -> Place {
    match (sender, lane) {
        (0, 0) => P0,
        (0, _) => P1,
        _ => OTHER,
    }
}

/// Resolves choices against what has been sent.
struct Builder {
    case: Case,
    now: u64,
    sent: [u32; 2],
    last_sent_at: [u64; 2],
}

impl Builder {
    fn ids(&self, choice: &Choice) -> Vec<u32> {
        let sent = self.sent[choice.sender as usize];
        let mut ids: Vec<u32> = (0..choice.count.min(sent))
            .map(|i| choice.sender * 40 + (choice.from + i * choice.stride) % sent)
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        ids.retain(|id| seen.insert(*id));
        ids
    }

    #[expect(clippy::too_many_lines, reason = "one arm per action")]
    fn act(&mut self, action: &Action) {
        let now = self.now;
        match action {
            Action::Wait(span) => self.now += span,
            Action::Send { sender, count } => {
                let sent = &mut self.sent[*sender as usize];
                let count = (*count).min(40 - *sent);
                self.last_sent_at[*sender as usize] = now;
                let first = sender * 40 + *sent;
                *sent += count;
                if count > 0 {
                    self.case.sent(now, first, count);
                }
            }
            Action::Tell { ids, outcome } => {
                let ids = self.ids(ids);
                let outcome = [
                    FAILED,
                    TIMED_OUT,
                    Outcome::Acked(None),
                    Outcome::Acked(Some(0)),
                ][usize::from(*outcome)];
                if !ids.is_empty() {
                    self.case.told(now, &ids, outcome);
                }
            }
            Action::Reject { ids, timeout } => {
                if let Some(first) = self.ids(ids).first() {
                    self.case.note(
                        now,
                        Delivery::Rejected {
                            by: SenderId(ids.sender),
                            first: RecordId(*first),
                            count: 1,
                            timeout: *timeout,
                        },
                    );
                }
            }
            Action::Read { group, lane, ids } => {
                let place = place(ids.sender, *lane);
                let ids = self.ids(ids);
                if !ids.is_empty() {
                    self.case.read(now, *group, place, &ids);
                }
            }
            Action::Process {
                group,
                lane,
                base,
                each,
                ids: choice,
            } => {
                let ids = self.ids(choice);
                if ids.is_empty() {
                    return;
                }
                let room = now - self.last_sent_at[choice.sender as usize];
                // The first group reports in order; the second's handlers overlap.
                let each = if *group == 0 {
                    0
                } else {
                    (*each).min(room / ids.len() as u64)
                };
                self.case.note(
                    now,
                    Delivery::Processed {
                        by: reader(*group),
                        place: place(choice.sender, *lane),
                        base_offset: *base,
                        parcel: parcel(&ids),
                        part: whole(&ids),
                        each: SimDuration::from_nanos(each),
                    },
                );
            }
            Action::Expire(ids) => {
                let ids = self.ids(ids);
                self.case.notes.push((now, Note::Expired(ids)));
            }
            Action::Leader { lane, lost } => {
                let place = [P0, P1, OTHER][*lane as usize];
                let note = if *lost {
                    Note::Lost(place)
                } else {
                    Note::Found(place)
                };
                self.case.notes.push((now, note));
            }
        }
    }

    fn log(&mut self, choice: &LogChoice) {
        let place = [P0, P1, OTHER][choice.lane as usize];
        let batches: Vec<Vec<u32>> = (choice.batches.iter())
            .map(|batch| Choice {
                sender: place.stream,
                ..batch.clone()
            })
            .map(|batch| self.ids(&batch))
            .filter(|ids| !ids.is_empty())
            .collect();
        let end: u64 = batches.iter().map(|ids| ids.len() as u64).sum();
        let high_watermark = end.saturating_sub(choice.tail);
        self.case.replicas.push(Log {
            place,
            leads: choice.leads,
            epoch: choice.epoch,
            log_start: choice.start.min(high_watermark),
            high_watermark,
            batches,
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_audit_counts_what_the_definitions_say(
        actions in prop::collection::vec(action(), 1..80),
        logs in prop::collection::vec(log_choice(), 0..6),
        groups in 0..3_usize,
        lag_steps in 1..30_u32,
    ) {
        let mut builder = Builder { case: Case::new(), now: 0, sent: [0; 2], last_sent_at: [0; 2] };
        let group = builder.case.plan.groups[0].clone();
        builder.case.plan.groups.push(GroupPlan { interleaved: true, ..group });
        builder.case.plan.groups.truncate(groups);
        for action in &actions {
            let reader = match action {
                Action::Read { group, .. } | Action::Process { group, .. } => Some(*group),
                Action::Wait(_) | Action::Send { .. } | Action::Tell { .. }
                | Action::Reject { .. } | Action::Expire(_) | Action::Leader { .. } => None,
            };
            if reader.is_none_or(|group| (group as usize) < groups) {
                builder.act(action);
            }
        }
        for log in &logs {
            builder.log(log);
        }
        let mut case = builder.case;
        case.end = builder.now;
        case.lag_steps = lag_steps;
        prop_assert_eq!(case.run(), naive::audit(&case));
    }
}
