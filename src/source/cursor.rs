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

    /// Moves past the records from `first` to `last`, which follow each other, if all of them are to be delivered and nothing
    /// else is to be said.
    pub(super) fn pass_all(&mut self, first: i64, last: i64) -> bool {
        let passes = matches!(self.state, CursorState::Reading)
            && first >= self.position
            && last < self.stop;
        passes && self.pass(last)
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

    /// Brokers hold nothing before `low`: if the record to verify was there, it is not waited for any more. Returns
    /// its offset then.
    pub(super) fn begins_at(&mut self, low: i64) -> Option<i64> {
        match self.state {
            CursorState::Verifying(expected) if expected.offset < low => {
                self.state = CursorState::Reading;
                Some(expected.offset)
            }
            _ => None,
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
mod tests;
