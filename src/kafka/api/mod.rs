//! One file per API key: the request and the response, as plain data.
//!
//! An `Option<ErrorCode>` in a response is Kafka's error code, `None` being NONE.

pub mod admin;
pub mod allocate_producer_ids;
pub mod alter_partition;
pub mod assign_replicas_to_dirs;
pub mod broker_heartbeat;
pub mod broker_registration;
pub mod delete_records;
pub mod envelope;
pub mod fetch;
pub mod incremental_alter_configs;
pub mod init_producer_id;
pub mod list_offsets;
pub mod metadata;
pub mod offset_for_leader_epoch;
pub mod produce;
pub mod quorum_fetch;
