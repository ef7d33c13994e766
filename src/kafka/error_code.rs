//! Kafka's error codes: names, numbers and which of them a client may retry.
//!
//! Source: org.apache.kafka.common.protocol.Errors (4.2).

macro_rules! error_codes {
    ($($name:ident = $code:literal $text:literal $(retry $retriable:ident)?;)*) => {
        /// An error that a response carries; `None` stands for NONE (0).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ErrorCode {
            $(#[doc = $text] $name = $code,)*
        }

        impl ErrorCode {
            /// Kafka's name of the error.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// True when a client may send the same request again (RetriableException).
            pub const fn is_retriable(self) -> bool {
                match self { $(Self::$name => false $(|| error_codes!(@$retriable))?,)* }
            }
        }
    };
    (@yes) => { true };
}

error_codes! {
    OffsetOutOfRange = 1 "OFFSET_OUT_OF_RANGE";
    CorruptMessage = 2 "CORRUPT_MESSAGE" retry yes;
    UnknownTopicOrPartition = 3 "UNKNOWN_TOPIC_OR_PARTITION" retry yes;
    LeaderNotAvailable = 5 "LEADER_NOT_AVAILABLE" retry yes;
    NotLeaderOrFollower = 6 "NOT_LEADER_OR_FOLLOWER" retry yes;
    RequestTimedOut = 7 "REQUEST_TIMED_OUT" retry yes;
    MessageTooLarge = 10 "MESSAGE_TOO_LARGE";
    CoordinatorLoadInProgress = 14 "COORDINATOR_LOAD_IN_PROGRESS" retry yes;
    RecordListTooLarge = 18 "RECORD_LIST_TOO_LARGE";
    NotEnoughReplicas = 19 "NOT_ENOUGH_REPLICAS" retry yes;
    NotEnoughReplicasAfterAppend = 20 "NOT_ENOUGH_REPLICAS_AFTER_APPEND" retry yes;
    InvalidRequiredAcks = 21 "INVALID_REQUIRED_ACKS";
    InvalidTimestamp = 32 "INVALID_TIMESTAMP";
    TopicAlreadyExists = 36 "TOPIC_ALREADY_EXISTS";
    InvalidPartitions = 37 "INVALID_PARTITIONS";
    InvalidReplicationFactor = 38 "INVALID_REPLICATION_FACTOR";
    InvalidReplicaAssignment = 39 "INVALID_REPLICA_ASSIGNMENT";
    InvalidConfig = 40 "INVALID_CONFIG";
    NotController = 41 "NOT_CONTROLLER" retry yes;
    InvalidRequest = 42 "INVALID_REQUEST";
    OutOfOrderSequenceNumber = 45 "OUT_OF_ORDER_SEQUENCE_NUMBER";
    DuplicateSequenceNumber = 46 "DUPLICATE_SEQUENCE_NUMBER";
    InvalidProducerEpoch = 47 "INVALID_PRODUCER_EPOCH";
    KafkaStorageError = 56 "KAFKA_STORAGE_ERROR" retry yes;
    UnknownProducerId = 59 "UNKNOWN_PRODUCER_ID";
    FencedLeaderEpoch = 74 "FENCED_LEADER_EPOCH" retry yes;
    UnknownLeaderEpoch = 75 "UNKNOWN_LEADER_EPOCH" retry yes;
    StaleBrokerEpoch = 77 "STALE_BROKER_EPOCH";
    OffsetNotAvailable = 78 "OFFSET_NOT_AVAILABLE" retry yes;
    PreferredLeaderNotAvailable = 80 "PREFERRED_LEADER_NOT_AVAILABLE" retry yes;
    EligibleLeadersNotAvailable = 83 "ELIGIBLE_LEADERS_NOT_AVAILABLE" retry yes;
    ElectionNotNeeded = 84 "ELECTION_NOT_NEEDED" retry yes;
    NoReassignmentInProgress = 85 "NO_REASSIGNMENT_IN_PROGRESS";
    InvalidRecord = 87 "INVALID_RECORD";
    InvalidUpdateVersion = 95 "INVALID_UPDATE_VERSION";
    UnknownTopicId = 100 "UNKNOWN_TOPIC_ID" retry yes;
    DuplicateBrokerRegistration = 101 "DUPLICATE_BROKER_REGISTRATION";
    BrokerIdNotRegistered = 102 "BROKER_ID_NOT_REGISTERED";
    IneligibleReplica = 107 "INELIGIBLE_REPLICA";
    NewLeaderElected = 108 "NEW_LEADER_ELECTED";
}

impl ErrorCode {
    /// Kafka's number.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// True when the client must refresh its metadata (InvalidMetadataException).
    pub const fn invalidates_metadata(self) -> bool {
        matches!(
            self,
            Self::UnknownTopicOrPartition
                | Self::LeaderNotAvailable
                | Self::NotLeaderOrFollower
                | Self::KafkaStorageError
                | Self::FencedLeaderEpoch
                | Self::UnknownLeaderEpoch
                | Self::UnknownTopicId
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_retriability_are_kafkas() {
        assert_eq!(ErrorCode::NotEnoughReplicas.code(), 19);
        assert_eq!(
            ErrorCode::NotEnoughReplicasAfterAppend.name(),
            "NOT_ENOUGH_REPLICAS_AFTER_APPEND"
        );
        assert!(ErrorCode::RequestTimedOut.is_retriable());
        assert!(!ErrorCode::OutOfOrderSequenceNumber.is_retriable());
        assert!(ErrorCode::NotLeaderOrFollower.invalidates_metadata());
    }
}
