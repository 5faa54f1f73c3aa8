//! Incidents: what the client reports of a partition besides records.

use std::fmt::{self, Display, Formatter};

use rdkafka::types::RDKafkaErrorCode;

use super::log_client::LogEntry;
use super::start::NEW_STATE;

/// A report of the client about a partition that is not a record.
pub(super) enum PartitionIncident {
    /// The partition can't be read on.
    Halt(String),
    /// The brokers don't have the offset that is to be read next.
    OutOfRange(String),
    /// The client keeps trying.
    Passing(String),
}

/// Why a partition is not read for now: it is expected to pass.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum PassingProblem {
    /// No broker serves it.
    NoLeader,
    /// A broker or the client gives this reason.
    Refused(String),
}

impl Display for PassingProblem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLeader => f.write_str("no broker serves it now"),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl PartitionIncident {
    /// The incident that an entry other than a record stands for.
    pub(super) fn of(message: &impl LogEntry) -> Self {
        use RDKafkaErrorCode as Code;
        let why = message.reason();
        match message.error() {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation) => {
                Self::OutOfRange(why)
            }
            Some(Code::TopicAuthorizationFailed) => Self::Passing(
                "Kafka denies reading the topic: grant the user READ on it".to_owned(),
            ),
            Some(
                Code::UnknownPartition
                | Code::UnknownTopic
                | Code::UnknownTopicOrPartition
                | Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::Authentication
                | Code::OperationTimedOut
                | Code::WaitingForCoordinator,
            ) => Self::Passing(why),
            // Brokers' own errors leave the position where it is.
            Some(code) if code as i32 > 0 => Self::Passing(why),
            // The rest are records that can't be read, which the client would step over.
            _ => Self::Halt(format!(
                "{why}; the record there can't be read. Repair the log and run `tidegauge state \
                 resume`; or, to start after it, {NEW_STATE}"
            )),
        }
    }
}
