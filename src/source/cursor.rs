//! Where one partition is read, and what of it may be delivered.

use tidegauge_windows::planted::{Mistake, is_planted};

use crate::core::effect::Fingerprint;
use crate::core::pipeline::fingerprint;
use crate::domain::record::Record;

use super::start::from_earliest;

/// The place in one partition.
#[derive(Debug)]
pub(super) struct PartitionCursor {
    /// The next offset to deliver.
    position: i64,
    /// Nothing at or past it is delivered.
    stop: i64,
    state: CursorState,
    at_end: bool,
    /// The end offset when it was last asked for.
    end: i64,
    /// The position when it was last looked whether it moves.
    seen: i64,
    /// Where reading began, until the last record applied is verified.
    from: i64,
}

#[derive(Clone, Copy, Debug)]
enum CursorState {
    /// The first record must be this one, which was applied before.
    Verifying(Fingerprint),
    Reading,
    Halted,
}

/// What to do with a record.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum RecordVerdict {
    Deliver,
    Skip,
    /// Deliver it, and tell the operator.
    Warn(String),
    /// The record proves that the partition is not the one that was read before.
    Halt(String),
}

impl PartitionCursor {
    /// A cursor that delivers from `position` on. The partition is read from `from` on, and begins
    /// with the record `verify`, if that is given.
    pub(super) const fn new(
        position: i64,
        from: i64,
        end: i64,
        verify: Option<Fingerprint>,
    ) -> Self {
        let state = match verify {
            Some(fingerprint) => CursorState::Verifying(fingerprint),
            None => CursorState::Reading,
        };
        Self {
            position,
            stop: i64::MAX,
            state,
            at_end: false,
            end,
            seen: -1,
            from,
        }
    }

    /// Moves past the record at `offset` if it is to be delivered and nothing else is to be said.
    #[inline]
    pub(super) fn pass(&mut self, offset: i64) -> bool {
        let passes = matches!(self.state, CursorState::Reading)
            && offset >= self.position
            && offset < self.stop;
        if passes {
            self.position = offset + 1;
            self.at_end = false;
        }
        passes
    }

    /// Judges a record that does not simply pass.
    pub(super) fn judge(&mut self, record: &Record<'_>) -> RecordVerdict {
        match self.state {
            CursorState::Halted => RecordVerdict::Skip,
            CursorState::Reading => {
                if self.pass(record.offset) {
                    return RecordVerdict::Deliver;
                }
                self.step_over(record.offset);
                RecordVerdict::Skip
            }
            CursorState::Verifying(expected) if record.offset == expected.offset => {
                let found = fingerprint(record);
                if found != expected {
                    self.halt();
                    return RecordVerdict::Halt(format!(
                        "the record at offset {} is not the one that was applied before: the topic \
                         was recreated or rewritten. Nothing of the partition is applied; to read \
                         the topic as it is now, {}",
                        expected.offset,
                        from_earliest()
                    ));
                }
                self.state = CursorState::Reading;
                if is_planted(Mistake::LastRecordTwice) {
                    return RecordVerdict::Deliver;
                }
                RecordVerdict::Skip
            }
            CursorState::Verifying(expected) if record.offset > expected.offset => {
                self.state = CursorState::Reading;
                if self.pass(record.offset) {
                    return RecordVerdict::Warn(unverified(expected.offset));
                }
                self.step_over(record.offset);
                RecordVerdict::Skip
            }
            CursorState::Verifying(_) => RecordVerdict::Skip,
        }
    }

    // What comes shows that nothing before it is left to come.
    fn step_over(&mut self, offset: i64) {
        self.position = self.position.max(offset.min(self.stop));
    }

    /// Takes note that brokers have nothing more from `offset` on. Returns what the operator
    /// should know.
    pub(super) fn end_reached(&mut self, offset: i64) -> Option<String> {
        let mut note = None;
        match self.state {
            CursorState::Halted => return None,
            CursorState::Reading => {}
            CursorState::Verifying(expected) => {
                if offset < self.position {
                    return None;
                }
                self.state = CursorState::Reading;
                note = Some(unverified(expected.offset));
            }
        }
        self.step_over(offset);
        self.end = self.end.max(offset);
        self.at_end = offset >= self.position;
        note
    }

    /// Takes note of the end offset as asked for; whether everything before it is delivered.
    pub(super) fn note_end(&mut self, end: i64) -> bool {
        self.end = end;
        self.at_end = matches!(self.state, CursorState::Reading) && self.position >= end;
        self.at_end
    }

    /// Takes note that the end was at `end` at least, as was said a while ago. If nothing of the partition
    /// was heard since then (`is_newest`), it is known by that whether all is delivered.
    pub(super) fn confirm_end(&mut self, end: i64, is_newest: bool) {
        let was_at_end = self.at_end;
        let is_at_end = self.note_end(self.end.max(end));
        self.at_end = is_at_end && (is_newest || was_at_end);
    }

    /// Whatever was known about the end may no longer hold.
    pub(super) const fn forget_end(&mut self) {
        self.at_end = false;
    }

    /// Delivers nothing more.
    pub(super) const fn halt(&mut self) {
        self.state = CursorState::Halted;
        self.at_end = false;
    }

    /// Delivers nothing at or past `offset`.
    pub(super) const fn stop_at(&mut self, offset: i64) {
        self.stop = offset;
    }

    pub(super) const fn finished(&self) -> bool {
        match self.state {
            CursorState::Halted => true,
            CursorState::Verifying(_) => false,
            CursorState::Reading => self.position >= self.stop,
        }
    }

    pub(super) const fn is_halted(&self) -> bool {
        matches!(self.state, CursorState::Halted)
    }

    pub(super) const fn position(&self) -> i64 {
        self.position
    }

    pub(super) const fn end(&self) -> i64 {
        self.end
    }

    pub(super) const fn at_end(&self) -> bool {
        self.at_end
    }

    /// Whether nothing came since the last call.
    pub(super) const fn is_stalled(&mut self) -> bool {
        let still = self.position == self.seen;
        self.seen = self.position;
        still
    }

    /// Whether nothing came since the last call of [`is_stalled`](Self::is_stalled).
    pub(super) const fn is_where_seen(&self) -> bool {
        self.position == self.seen
    }

    /// Where to read on if all that is under way is dropped.
    pub(super) const fn resume_from(&self) -> i64 {
        match self.state {
            CursorState::Verifying(_) => self.from,
            CursorState::Reading | CursorState::Halted => self.position,
        }
    }
}

fn unverified(offset: i64) -> String {
    format!(
        "the last record applied, at offset {offset}, is gone from the log (compaction does that), \
         so it can't be verified that this is the log that was read before; reading continues"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn record(offset: i64, payload: &'static [u8]) -> Record<'static> {
        Record {
            partition: 0,
            offset,
            timestamp: Some(1_000),
            payload: Some(payload),
        }
    }

    fn verifying() -> PartitionCursor {
        PartitionCursor::new(8, 7, 10, Some(fingerprint(&record(7, b"seven"))))
    }

    #[test]
    fn the_last_applied_record_is_verified_and_not_delivered_again() {
        let mut cursor = verifying();
        assert_eq!(cursor.judge(&record(7, b"seven")), RecordVerdict::Skip);
        assert!(cursor.pass(8));
        assert_eq!(cursor.position(), 9);
    }

    #[test]
    fn another_record_in_its_place_halts() {
        for other in [
            record(7, b"other"),
            Record {
                timestamp: Some(1_001),
                ..record(7, b"seven")
            },
            Record {
                payload: None,
                ..record(7, b"seven")
            },
        ] {
            let mut cursor = verifying();
            assert!(matches!(cursor.judge(&other), RecordVerdict::Halt(_)));
            assert!(!cursor.pass(8));
            assert_eq!(cursor.judge(&record(8, b"eight")), RecordVerdict::Skip);
        }
    }

    #[test]
    fn a_compacted_record_is_missed_with_a_warning_only() {
        let mut cursor = verifying();
        assert!(matches!(
            cursor.judge(&record(9, b"nine")),
            RecordVerdict::Warn(_)
        ));
        assert_eq!(cursor.position(), 10);

        let mut cursor = verifying();
        assert!(cursor.end_reached(9).is_some());
        assert!(cursor.at_end() && cursor.pass(9));
    }

    #[test]
    fn nothing_passes_before_it_is_verified_and_after_a_halt() {
        let mut cursor = verifying();
        assert!(!cursor.pass(8));
        cursor.halt();
        assert!(!cursor.pass(8));
        assert_eq!(cursor.judge(&record(8, b"")), RecordVerdict::Skip);
    }

    #[test]
    fn a_record_is_delivered_once_and_gaps_are_passed() {
        let mut cursor = PartitionCursor::new(5, 5, 9, None);
        assert!(cursor.pass(5));
        assert_eq!(cursor.judge(&record(5, b"")), RecordVerdict::Skip);
        assert!(cursor.pass(9));
        assert_eq!(cursor.judge(&record(8, b"")), RecordVerdict::Skip);
        assert_eq!(cursor.position(), 10);
    }

    #[test]
    fn nothing_at_or_past_the_stop_is_delivered() {
        let mut cursor = PartitionCursor::new(0, 0, 9, None);
        cursor.stop_at(2);
        assert!(cursor.pass(0) && !cursor.finished());
        assert_eq!(cursor.judge(&record(2, b"")), RecordVerdict::Skip);
        // Offset 1 was a mark of a transaction: the record behind it shows that it is passed.
        assert!(cursor.finished());
        assert_eq!(cursor.position(), 2);
    }

    #[test]
    fn the_end_counts_offsets_that_are_never_delivered() {
        let mut cursor = PartitionCursor::new(0, 0, 3, None);
        cursor.stop_at(3);
        assert!(cursor.pass(0) && cursor.pass(1) && !cursor.finished());
        assert_eq!(cursor.end_reached(3), None);
        assert!(cursor.finished() && cursor.at_end());
        assert_eq!(cursor.position(), 3);
    }

    #[test]
    fn a_stop_that_is_reached_waits_for_the_verification() {
        let mut cursor = verifying();
        cursor.stop_at(8);
        assert!(!cursor.finished());
        assert_eq!(cursor.judge(&record(7, b"seven")), RecordVerdict::Skip);
        assert!(cursor.finished());
    }

    #[test]
    fn the_end_is_unknown_until_it_is_asked_for_again() {
        let mut cursor = PartitionCursor::new(3, 3, 3, None);
        assert!(!cursor.at_end());
        assert!(cursor.note_end(3) && cursor.at_end());
        cursor.forget_end();
        assert!(!cursor.at_end());
        assert!(!cursor.note_end(4));
    }

    #[test]
    fn an_end_that_is_confirmed_is_known_again_and_an_older_answer_does_not_lower_it() {
        let mut cursor = PartitionCursor::new(3, 3, 3, None);
        cursor.confirm_end(3, true);
        assert!(cursor.at_end());
        cursor.forget_end();
        cursor.confirm_end(3, true);
        assert!(cursor.at_end());
        cursor.confirm_end(4, false);
        cursor.confirm_end(3, true);
        assert!(!cursor.at_end() && cursor.end() == 4);
    }

    #[test]
    fn an_answer_older_than_a_record_does_not_say_that_the_end_is_reached() {
        // asked     end is 4      record 3 comes      the answer comes
        // ──┼──────────┼─────────────────┼──────────────────────┼──────►
        // By then the broker may hold more.
        let mut cursor = PartitionCursor::new(3, 3, 3, None);
        assert!(cursor.pass(3));
        cursor.confirm_end(4, false);
        assert!(!cursor.at_end());
        cursor.end_reached(4);
        cursor.confirm_end(4, false);
        assert!(cursor.at_end(), "it said so itself");
    }
}
