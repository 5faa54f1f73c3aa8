//! When clients are told: at once after a quiet time, four times a second while figures change.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::batch::ResumePoint;

/// While figures change all the time, two beats are this far apart.
pub(super) const EVERY: Duration = Duration::from_millis(250);
/// After a quiet time the second beat may come so soon after the first one, and each distance is twice
/// the one before: what came first is rarely all of it.
const FIRST: Duration = Duration::from_millis(20);

/// The moments at which clients are told of changes. They are the same for all of them, so that
/// those who are told the same are given the same bytes.
#[derive(Debug)]
pub(super) struct EventPace(Mutex<Beat>);

/// One moment at which clients are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Beat {
    /// When it was.
    at: Instant,
    /// The next one is at least so far from it.
    gap: Duration,
    /// Clients before this place are told now, at least up to it.
    pub(super) upto: ResumePoint,
    /// What clients are told begins here, unless they are further behind.
    from: ResumePoint,
}

impl EventPace {
    /// A pace whose first beat may be at once. All clients are at `newest` or will be told so.
    pub(super) fn new(newest: ResumePoint, now: Instant) -> Self {
        Self(Mutex::new(Beat {
            at: now.checked_sub(EVERY * 2).unwrap_or(now),
            gap: EVERY,
            upto: newest,
            from: newest,
        }))
    }

    /// The beat at which a client at `position` is told that there is `newest`, a later place.
    ///
    /// # Errors
    /// The moment from which on there may be one.
    pub(super) fn beat(
        &self,
        position: ResumePoint,
        newest: ResumePoint,
        now: Instant,
    ) -> Result<Beat, Instant> {
        let mut beat = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if position < beat.upto {
            return Ok(*beat);
        }
        let due = beat.at + beat.gap;
        if now < due {
            return Err(due);
        }
        let was_quiet = now >= beat.at + EVERY * 2;
        *beat = Beat {
            at: now,
            gap: if was_quiet {
                FIRST
            } else {
                EVERY.min(beat.gap * 2)
            },
            upto: newest,
            // While figures change all the time, every client was told at the last beat or came after it.
            from: if was_quiet { position } else { beat.upto },
        };
        Ok(*beat)
    }
}

impl Beat {
    /// From where on a client at `position` is told. Some of it may be told again, which does no harm:
    /// clients that came at different moments are at the same place afterwards.
    pub(super) fn from(&self, position: ResumePoint) -> ResumePoint {
        self.from.min(position)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(number: u64) -> ResumePoint {
        ResumePoint::After(number)
    }

    #[test]
    fn the_first_change_after_a_quiet_time_is_told_at_once() {
        let now = Instant::now();
        let pace = EventPace::new(at(7), now);
        assert_eq!(pace.beat(at(7), at(8), now).unwrap().upto, at(8));
        let later = now + EVERY * 40;
        assert_eq!(pace.beat(at(8), at(9), later).unwrap().upto, at(9));
    }

    #[test]
    fn while_figures_change_beats_move_apart_to_a_quarter_of_a_second() {
        let mut now = Instant::now();
        let pace = EventPace::new(at(0), now);
        pace.beat(at(0), at(1), now).unwrap();
        for (number, gap) in [20, 40, 80, 160, 250, 250].into_iter().enumerate() {
            let position = at(number as u64 + 1);
            let newest = at(number as u64 + 2);
            let due = now + Duration::from_millis(gap);
            assert_eq!(
                pace.beat(position, newest, now + Duration::from_millis(1)),
                Err(due)
            );
            assert_eq!(pace.beat(position, newest, due).unwrap().upto, newest);
            now = due;
        }
        // It is quiet for a while: the next change is told at once, and one soon after it.
        now += EVERY * 2;
        pace.beat(at(7), at(8), now).unwrap();
        assert_eq!(pace.beat(at(8), at(9), now), Err(now + FIRST));
    }

    #[test]
    fn all_clients_are_told_at_one_beat_and_from_one_place() {
        let now = Instant::now();
        let pace = EventPace::new(at(7), now);
        let first = pace.beat(at(7), at(8), now).unwrap();
        assert_eq!(pace.beat(at(7), at(9), now + EVERY / 2), Ok(first));
        // One was told a little more, and one came in between.
        let now = now + EVERY;
        for position in [8, 9, 11] {
            let beat = pace.beat(at(position), at(12), now).unwrap();
            assert_eq!(beat.from(at(position)), at(8), "{position}");
        }
        // One could not take anything for a while.
        let beat = pace.beat(at(3), at(12), now).unwrap();
        assert_eq!(beat.from(at(3)), at(3));
    }

    #[test]
    fn nothing_of_before_a_quiet_time_is_told_again() {
        let now = Instant::now();
        let pace = EventPace::new(at(7), now);
        let later = now + EVERY * 4;
        let beat = pace.beat(at(500), at(501), later).unwrap();
        assert_eq!(beat.from(at(500)), at(500));
    }
}
