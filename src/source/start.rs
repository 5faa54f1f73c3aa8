//! Where to start in a partition, and when not to.

use tidegauge_windows::planted::{Mistake, is_planted};

use crate::core::effect::{Fingerprint, Progress};
use crate::domain::topic_id::TopicId;

/// How to begin with a new state. Documents of the old state have higher versions, so in its indexes they would
/// win over those of a new one; and both would share the alias of the totals.
pub(super) const NEW_STATE: &str = "stop the service, and start it with a new state_dir, a new \
                               elasticsearch.index_prefix and a new elasticsearch.legacy_totals";

/// How to read all that the topic holds now into a new state: by default existing records are skipped.
pub(super) fn from_earliest() -> String {
    format!("{NEW_STATE}, and kafka.start = \"earliest\"")
}

pub(super) const STRAYED: &str = "the Kafka client returned a record out of order; restart \
                                  the service, nothing is lost";

/// The offsets that brokers hold of a partition: `low` up to, not including, `high`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OffsetRange {
    /// The first offset that is there.
    pub low: i64,
    /// The offset after the last one.
    pub high: i64,
}

/// How a partition is started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PartitionStart {
    /// The next offset to deliver.
    pub(super) position: i64,
    /// The offset to read from.
    pub(super) from: i64,
    /// The end offset now.
    pub(super) end: i64,
    /// The expected fingerprint of the record at `from`.
    pub(super) verify: Option<Fingerprint>,
    /// A note for the operator.
    pub(super) note: Option<String>,
    /// Why it is not to be read.
    pub(super) refusal: Option<String>,
}

impl PartitionStart {
    /// At `position`, for the first time.
    pub(super) fn fresh(position: i64, offset_range: OffsetRange) -> Self {
        // An offset that was removed since it was asked for has nothing before it any more.
        let position = position.clamp(offset_range.low, offset_range.high.max(offset_range.low));
        Self {
            position,
            from: position,
            end: offset_range.high,
            verify: None,
            note: None,
            refusal: None,
        }
    }

    /// At the beginning of a partition that was added after the first start. Without its first records, figures
    /// would lack them.
    pub(super) fn added(offset_range: OffsetRange) -> Self {
        Self {
            position: 0,
            from: 0,
            end: offset_range.high,
            verify: None,
            note: None,
            refusal: refusal(0, offset_range),
        }
    }

    /// Behind what was applied, if the partition is still the same.
    pub(super) fn again(applied: &Progress, offset_range: OffsetRange) -> Self {
        let position = applied.position;
        if is_planted(Mistake::GapSkipped) && position < offset_range.low {
            return Self::fresh(offset_range.low, offset_range);
        }
        let starting = Self {
            position,
            from: position,
            end: offset_range.high,
            verify: None,
            note: None,
            refusal: refusal(position, offset_range),
        };
        match applied.fingerprint {
            Some(fingerprint) if fingerprint.offset < offset_range.low => Self {
                note: Some(removed(fingerprint.offset, position)),
                ..starting
            },
            Some(fingerprint) if fingerprint.offset < position => Self {
                from: fingerprint.offset,
                verify: Some(fingerprint),
                ..starting
            },
            _ => starting,
        }
    }

    /// Not at all: it was applied before, and is not there.
    pub(super) fn vanished(applied: Option<&Progress>) -> Self {
        let position = applied.map_or(0, |progress| progress.position);
        Self {
            position,
            from: position,
            end: position,
            verify: None,
            note: None,
            refusal: Some(vanished()),
        }
    }
}

/// What an operator should know if the last record applied, at `offset`, is not there any more.
pub(super) fn removed(offset: i64, position: i64) -> String {
    format!(
        "retention has removed the last record applied, at offset {offset}, so it can't be verified that this is the \
         log that was read before; the next offset to read is {position}"
    )
}

/// Why nothing is read of a topic that is not there.
pub(super) fn deleted() -> String {
    format!(
        "the topic was deleted. To read a new one of that name, {}",
        from_earliest()
    )
}

/// Why nothing is read of the topic `now`: `before` had its name.
pub(super) fn replaced(before: TopicId, now: TopicId) -> String {
    format!(
        "the topic was deleted and recreated: its id was {before} and is {now} now. Nothing of the \
         new one is applied; to read it, {}",
        from_earliest()
    )
}

/// Why nothing is read of a partition that is not there.
pub(super) fn vanished() -> String {
    format!(
        "the partition does not exist any more: the topic was recreated with fewer partitions. To \
         read the topic as it is now, {}",
        from_earliest()
    )
}

/// Why reading can't continue at `position` in a partition that holds these offsets, if it can't.
pub(super) fn refusal(position: i64, offset_range: OffsetRange) -> Option<String> {
    let OffsetRange { low, high } = offset_range;
    if high < position {
        Some(format!(
            "the partition ends at offset {high}, but everything before {position} was applied: \
             the topic was truncated or recreated. Nothing of the partition is applied; to read \
             the topic as it is now, {}",
            from_earliest()
        ))
    } else if low > position {
        Some(format!(
            "offsets [{position}, {low}) were removed before they were read, by retention or by \
             hand: {} offsets are lost. Nothing of the partition is applied any more; \
             to continue without them, {}, and set retention.ms=-1 on topics that hold history",
            low - position,
            from_earliest()
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn offset_range(low: i64, high: i64) -> OffsetRange {
        OffsetRange { low, high }
    }

    fn applied(position: i64) -> Progress {
        Progress {
            position,
            first: Some(0),
            fingerprint: Some(Fingerprint {
                offset: position - 1,
                timestamp: 0,
                hash: 0,
            }),
        }
    }

    #[test]
    fn the_last_applied_record_is_read_again() {
        let starting = PartitionStart::again(&applied(8), offset_range(0, 10));
        assert_eq!((starting.position, starting.from), (8, 7));
        assert!(starting.verify.is_some() && starting.refusal.is_none());
    }

    #[test]
    fn reading_may_continue_at_the_end() {
        let starting = PartitionStart::again(&applied(8), offset_range(0, 8));
        assert_eq!((starting.position, starting.from), (8, 7));
        assert_eq!(starting.refusal, None);
    }

    #[test]
    fn a_partition_that_ends_before_the_position_is_refused() {
        let refusal = PartitionStart::again(&applied(8), offset_range(0, 7))
            .refusal
            .unwrap();
        assert!(refusal.contains("ends at offset 7"), "{refusal}");
    }

    #[test]
    fn a_gap_is_refused_and_named() {
        let refusal = PartitionStart::again(&applied(8), offset_range(9, 12))
            .refusal
            .unwrap();
        assert!(refusal.contains("[8, 9)"), "{refusal}");
    }

    #[test]
    fn retention_up_to_the_position_only_prevents_the_verification() {
        let starting = PartitionStart::again(&applied(8), offset_range(8, 12));
        assert_eq!((starting.position, starting.from), (8, 8));
        assert!(starting.verify.is_none() && starting.note.is_some());
        assert_eq!(starting.refusal, None);
    }

    #[test]
    fn a_position_without_a_record_needs_no_verification() {
        let progress = Progress {
            position: 8,
            first: Some(8),
            fingerprint: None,
        };
        let starting = PartitionStart::again(&progress, offset_range(0, 12));
        assert_eq!((starting.from, starting.verify), (8, None));
    }

    #[test]
    fn a_first_start_stays_within_what_is_there() {
        assert_eq!(PartitionStart::fresh(3, offset_range(5, 9)).position, 5);
        assert_eq!(PartitionStart::fresh(7, offset_range(5, 9)).position, 7);
        assert_eq!(PartitionStart::fresh(0, offset_range(0, 0)).position, 0);
    }

    #[test]
    fn who_is_told_to_begin_a_new_state_is_told_of_the_indexes() {
        let id = |bits| TopicId::new(bits).unwrap();
        for told in [
            deleted(),
            replaced(id(1), id(2)),
            vanished(),
            refusal(8, offset_range(0, 7)).unwrap(),
            refusal(8, offset_range(9, 12)).unwrap(),
        ] {
            // Documents of the old state would win over those of a new one.
            let stop = "stop the service, and start it with a new state_dir";
            assert!(told.contains(stop), "{told}");
            assert!(told.contains("a new elasticsearch.index_prefix"), "{told}");
            // Two prefixes would share the alias.
            assert!(told.contains("a new elasticsearch.legacy_totals"), "{told}");
            // By default, what the topic holds would be skipped.
            assert!(told.contains("kafka.start = \"earliest\""), "{told}");
        }
    }
}
