//! Capacity: how many questions are worked on, and how many answers are on their way, at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Limits;
use super::problem::Problem;

/// Light questions and heavy ones have places of their own, so that no number of heavy ones keeps a
/// light one from its answer.
pub(super) struct Capacity {
    light: Arc<Semaphore>,
    heavy: Arc<Semaphore>,
    /// Heavy questions that are worked on. Others wait for their turn, or for their client.
    turns: Arc<Semaphore>,
    /// Requests that wait until their file can be made.
    files: Arc<Semaphore>,
    /// Room for answers that are whole in memory, in KiB.
    room: Arc<Semaphore>,
    limits: Limits,
}

/// A place of one question. Its answer has it too, until the last of it is handed over.
pub(super) struct Seat(Mutex<OwnedSemaphorePermit>);

/// The right to work on a heavy question now.
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
}

/// Room in memory for an answer that is whole.
pub(super) type Room = Arc<OwnedSemaphorePermit>;

impl Capacity {
    /// As many as `limits` allow.
    pub(super) fn new(limits: &Limits) -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self {
            light: semaphore(limits.in_flight),
            heavy: semaphore(limits.heavy),
            turns: semaphore(limits.turns),
            files: semaphore(limits.files_waiting),
            room: semaphore(limits.whole_bytes >> 10),
            limits: limits.clone(),
        }
    }

    /// A place for a light question, if one is free.
    pub(super) fn light(&self) -> Result<Arc<Seat>, Problem> {
        seat(&self.light).ok_or_else(|| Problem::overloaded(self.limits.in_flight))
    }

    /// A place for a heavy question, if one is free. Working on it needs a [`Turn`] too.
    pub(super) fn heavy(&self) -> Result<Arc<Seat>, Problem> {
        seat(&self.heavy).ok_or_else(|| self.crowded())
    }

    /// How long the first turn of a heavy question is waited for.
    pub(super) fn queue_timeout(&self) -> Duration {
        self.limits.queue_timeout
    }

    /// How long a question waits for another turn at most, if all others take `turn` for theirs.
    pub(super) fn longest_wait(&self, turn: Duration) -> Duration {
        let others = u32::try_from(self.limits.heavy).unwrap_or(u32::MAX);
        turn.saturating_mul(others)
    }

    /// The first turn of a heavy question.
    pub(super) async fn first_turn(&self) -> Result<Turn, Problem> {
        match timeout(self.limits.queue_timeout, self.turn()).await {
            Ok(Some(turn)) => Ok(turn),
            Ok(None) | Err(_) => Err(self.crowded()),
        }
    }

    /// The next turn, after those who asked before; never none, because no semaphore is closed.
    pub(super) async fn turn(&self) -> Option<Turn> {
        let permit = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        Some(Turn { _permit: permit })
    }

    /// The right to wait until a file can be made.
    pub(super) fn file(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.files)
            .try_acquire_owned()
            .map_err(|_| Problem::files_wait(self.limits.files_waiting))
    }

    /// Room for an answer of `bytes`, if there is. One that is larger than all room takes all.
    pub(super) fn room(&self, bytes: usize) -> Option<Room> {
        let kib = bytes.div_ceil(1 << 10).min(self.limits.whole_bytes >> 10);
        let permit = Arc::clone(&self.room)
            .try_acquire_many_owned(u32::try_from(kib).ok()?)
            .ok()?;
        Some(Arc::new(permit))
    }

    /// How many answers are made or sent just now.
    pub(super) fn in_flight(&self) -> usize {
        let taken =
            |semaphore: &Semaphore, all: usize| all - semaphore.available_permits().min(all);
        taken(&self.light, self.limits.in_flight) + taken(&self.heavy, self.limits.heavy)
    }

    fn crowded(&self) -> Problem {
        Problem::heavy_overloaded(self.limits.heavy)
    }
}

impl Seat {
    /// Takes the place `other` instead of its own, which is free then.
    pub(super) fn move_to(&self, other: Arc<Self>) {
        if let Some(Self(permit)) = Arc::into_inner(other) {
            let permit = permit.into_inner().unwrap_or_else(PoisonError::into_inner);
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = permit;
        }
    }
}

fn seat(seats: &Arc<Semaphore>) -> Option<Arc<Seat>> {
    let permit = Arc::clone(seats).try_acquire_owned().ok()?;
    Some(Arc::new(Seat(Mutex::new(permit))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn capacity() -> Capacity {
        Capacity::new(&Limits {
            in_flight: 1,
            heavy: 2,
            turns: 1,
            whole_bytes: 4 << 10,
            ..Limits::default()
        })
    }

    #[test]
    fn heavy_questions_take_no_place_of_light_ones() {
        let capacity = capacity();
        let heavy = [capacity.heavy().unwrap(), capacity.heavy().unwrap()];
        assert!(capacity.heavy().is_err());
        let light = capacity.light().unwrap();
        assert!(capacity.light().is_err());
        assert_eq!(capacity.in_flight(), 3);
        drop(heavy);
        light.move_to(capacity.heavy().unwrap());
        assert_eq!(capacity.in_flight(), 1);
        assert!(capacity.light().is_ok());
    }

    #[test]
    fn whole_answers_share_the_room_and_a_huge_one_takes_all_of_it() {
        let capacity = capacity();
        let first = capacity.room(3 << 10).unwrap();
        assert!(capacity.room(1_025).is_none());
        assert!(capacity.room(1_024).is_some());
        assert!(capacity.room(1 << 30).is_none());
        drop(first);
        let _huge = capacity.room(1 << 30).unwrap();
        assert!(capacity.room(1).is_none());
    }
}
