//! Configs of topics that change.

use crate::controller::tests::*;

#[test]
fn configs_of_a_topic_change_together_or_not_at_all() {
    let mut lab = Lab::new();
    let both = [
        ("retention.ms", Some("60000")),
        ("min.insync.replicas", Some("2")),
    ];
    assert_eq!(alter_config(&mut lab, &both), None);
    assert_eq!(
        lab.take_facts(),
        ["26 retention.ms = 60000", "26 min.insync.replicas = 2"]
    );
    let invalid = [
        [("retention.ms", Some("1")), ("segment.bytes", Some("14"))],
        [("retention.ms", Some("1")), ("segment.bytes", Some("many"))],
        [
            ("retention.ms", Some("1")),
            ("retention.parsecs", Some("1")),
        ],
    ];
    for changes in invalid {
        assert_eq!(
            alter_config(&mut lab, &changes),
            Some(ErrorCode::InvalidConfig)
        );
    }
    // What holds already is no change.
    assert_eq!(alter_config(&mut lab, &both), None);
    assert_eq!(alter_config(&mut lab, &[("retention.ms", None)]), None);
    lab.run_for(COMMIT);
    assert_eq!(
        lab.take_facts().last().map(String::as_str),
        Some("156 retention.ms = default")
    );
    let image = lab.controller.image();
    let config = image.topic(TopicId(0)).expect("it exists").config;
    assert_eq!(
        (config.retention_ms, config.min_insync_replicas),
        (None, Some(2))
    );
}
