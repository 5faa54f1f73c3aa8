//! What a question may still take: time, a turn to work on it, and a client that waits for it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tidegauge_windows::{Block, Cells, EventTime, Summary, Window};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::capacity::{Capacity, Seat, Turn};
use super::problem::Failure;
use crate::domain::payment::BranchId;
use crate::host::clock::Instant;
use crate::view::reading::ReadError;

/// A light question may look at so many cells, branches and records; then it moves to a heavy place.
const LIGHT_STEPS: usize = 4_096;
/// After so many steps the question checks whether its client still waits, and how long the turn has lasted.
const STEPS: usize = 64;
/// After so long a heavy question lets others have a turn, between two pages: it holds little then.
const TURN: Duration = Duration::from_millis(500);
/// After so long it does even within a page: it looks for windows and finds few.
const TURN_MAX: Duration = Duration::from_secs(2);

/// How long a request is still waited for. Making headway extends it.
#[derive(Clone)]
pub(super) struct Patience {
    until: watch::Sender<Instant>,
    /// When the answer was begun: what the client itself wants to wait for comes before.
    began: watch::Sender<Instant>,
    step: Duration,
}

impl Patience {
    /// Waits for `step` from now, and for as long after each headway.
    pub(super) fn new(step: Duration) -> Self {
        let now = Instant::now();
        Self {
            until: watch::Sender::new(now + step),
            began: watch::Sender::new(now),
            step,
        }
    }

    /// What the client wants to wait for is over: the answer begins now.
    pub(super) fn begin(&self) {
        self.began.send_replace(Instant::now());
        self.headway();
    }

    /// How long ago the answer was begun.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.borrow().elapsed()
    }

    /// Something of the answer was made, or the request need not wait for others any more.
    pub(super) fn headway(&self) {
        self.wait_for(Duration::ZERO);
    }

    /// The request waits for others, for `time` at most; its own time begins after that.
    pub(super) fn wait_for(&self, time: Duration) {
        self.until.send_replace(Instant::now() + time + self.step);
    }

    /// Waits until it has run out.
    pub(super) async fn runs_out(&self) {
        let mut until = self.until.subscribe();
        loop {
            let end = *until.borrow_and_update();
            tokio::select! {
                () = sleep_until(end) => return,
                // There is always a sender: this one.
                _ = until.changed() => {}
            }
        }
    }
}

/// Held as long as the client waits for an answer: by its request, then by its body.
pub(super) struct Interest;

/// What is spent on one question. It lives where the question is worked on, off the async threads.
pub(super) struct Effort {
    capacity: Arc<Capacity>,
    patience: Patience,
    interest: Weak<Interest>,
    /// It ends by then in any case.
    until: Instant,
    steps: AtomicUsize,
    admitted: Mutex<Option<Admitted>>,
}

struct Admitted {
    seat: Arc<Seat>,
    /// Without one the question is light, or waits.
    turn: Option<(Turn, Instant)>,
    is_heavy: bool,
}

impl Effort {
    /// For a question in the place `seat`, with its first `turn` if it is heavy, which `interest`
    /// waits for, until `until`.
    pub(super) fn new(
        capacity: &Arc<Capacity>,
        patience: Patience,
        interest: &Arc<Interest>,
        until: Instant,
        seat: Arc<Seat>,
        turn: Option<Turn>,
    ) -> Self {
        let admitted = Admitted {
            seat,
            is_heavy: turn.is_some(),
            turn: turn.map(|turn| (turn, Instant::now())),
        };
        Self {
            capacity: Arc::clone(capacity),
            patience,
            interest: Arc::downgrade(interest),
            until,
            steps: AtomicUsize::new(0),
            admitted: Mutex::new(Some(admitted)),
        }
    }

    /// Who waits for the answer; none when they are gone.
    pub(super) fn interest(&self) -> Option<Arc<Interest>> {
        self.interest.upgrade()
    }

    /// The place, for the answer to have it too.
    pub(super) fn seat(&self) -> Option<Arc<Seat>> {
        self.admitted()
            .as_ref()
            .map(|admitted| Arc::clone(&admitted.seat))
    }

    /// Counts `count` steps of work. Now and then it lets others have a turn.
    ///
    /// # Errors
    /// When the question should be worked on no longer.
    pub(super) fn steps(&self, count: usize) -> Result<(), Failure> {
        let before = self.steps.fetch_add(count, Ordering::Relaxed);
        let now = before + count;
        if before <= LIGHT_STEPS && now > LIGHT_STEPS {
            self.become_heavy()?;
        }
        if before / STEPS != now / STEPS {
            self.check(TURN_MAX)?;
        }
        Ok(())
    }

    /// Some of the answer was made.
    ///
    /// # Errors
    /// When the question should be worked on no longer.
    pub(super) fn headway(&self) -> Result<(), Failure> {
        self.patience.headway();
        self.check(TURN)
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Waits for the client in `wait`; meanwhile others have the turn.
    pub(super) fn rest<T>(&self, wait: impl FnOnce() -> T) -> T {
        let had_turn = self
            .admitted()
            .as_mut()
            .is_some_and(|admitted| admitted.turn.take().is_some());
        let result = wait();
        if had_turn {
            self.take_turn();
        }
        result
    }

    /// The work is done: its place is free, but for the answer.
    pub(super) fn leave(&self) {
        *self.admitted() = None;
    }

    fn check(&self, turn_max: Duration) -> Result<(), Failure> {
        if self.interest.strong_count() == 0 {
            return Err(Failure::GivenUp);
        }
        if self.is_over() {
            return Err(Failure::TooLong);
        }
        let is_long = self.admitted().as_ref().is_some_and(|admitted| {
            let turn = admitted.turn.as_ref();
            turn.is_some_and(|(_, began)| began.elapsed() >= turn_max)
        });
        if is_long {
            self.patience.wait_for(self.capacity.longest_wait(TURN_MAX));
            self.rest(|| {});
            self.patience.headway();
            return self.check(turn_max);
        }
        Ok(())
    }

    fn take_turn(&self) {
        // Behind those who wait already. It is the question's own thread that waits.
        if let Some(turn) = Handle::current().block_on(self.capacity.turn())
            && let Some(admitted) = self.admitted().as_mut()
        {
            admitted.turn = Some((turn, Instant::now()));
        }
    }

    fn become_heavy(&self) -> Result<(), Failure> {
        match self.admitted().as_mut() {
            Some(admitted) if !admitted.is_heavy => {
                admitted.seat.move_to(self.capacity.heavy()?);
                admitted.is_heavy = true;
            }
            _ => return Ok(()),
        }
        self.patience.wait_for(self.capacity.queue_timeout());
        let turn = Handle::current().block_on(self.capacity.first_turn())?;
        self.patience.headway();
        if let Some(admitted) = self.admitted().as_mut() {
            admitted.turn = Some((turn, Instant::now()));
        }
        Ok(())
    }

    fn admitted(&self) -> MutexGuard<'_, Option<Admitted>> {
        lock(&self.admitted)
    }
}

// What is in them is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cells whose reading counts as effort.
pub(super) struct Measured<'a> {
    cells: &'a dyn Cells<BranchId, Summary, Error = ReadError>,
    effort: &'a Effort,
}

impl<'a> Measured<'a> {
    /// `cells`, read for the question of `effort`.
    pub(super) fn new(
        cells: &'a dyn Cells<BranchId, Summary, Error = ReadError>,
        effort: &'a Effort,
    ) -> Self {
        Self { cells, effort }
    }
}

impl Cells<BranchId, Summary> for Measured<'_> {
    type Error = Failure;

    fn cell(&self, block: Block, key: BranchId) -> Result<Option<Summary>, Failure> {
        self.effort.steps(1)?;
        Ok(self.cells.cell(block, key)?)
    }

    fn keys(&self, block: Block, from: BranchId, limit: usize) -> Result<Vec<BranchId>, Failure> {
        self.effort.steps(1)?;
        Ok(self.cells.keys(block, from, limit)?)
    }

    fn filled(
        &self,
        level: u8,
        from: (EventTime, BranchId),
        to: EventTime,
        limit: usize,
    ) -> Result<Vec<(EventTime, BranchId)>, Failure> {
        self.effort.steps(1)?;
        Ok(self.cells.filled(level, from, to, limit)?)
    }

    fn revision(&self, definition: u16, window: Window, key: BranchId) -> Result<u64, Failure> {
        Ok(self.cells.revision(definition, window, key)?)
    }

    fn known(&self, from: BranchId, limit: usize) -> Result<Vec<(BranchId, EventTime)>, Failure> {
        self.effort.steps(1)?;
        Ok(self.cells.known(from, limit)?)
    }

    fn known_since(&self, branch: BranchId) -> Result<Option<EventTime>, Failure> {
        self.effort.steps(1)?;
        Ok(self.cells.known_since(branch)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::mpsc::channel;

    use tokio::task::spawn_blocking;

    use super::*;
    use crate::api::Limits;

    const LONG: Duration = Duration::from_secs(600);

    fn capacity(heavy: usize) -> Arc<Capacity> {
        Arc::new(Capacity::new(&Limits {
            in_flight: 1,
            heavy,
            turns: 1,
            queue_timeout: LONG,
            ..Limits::default()
        }))
    }

    async fn heavy(capacity: &Arc<Capacity>, interest: &Arc<Interest>) -> Effort {
        let seat = capacity.heavy().unwrap();
        let turn = Some(capacity.first_turn().await.unwrap());
        let until = Instant::now() + LONG;
        Effort::new(capacity, Patience::new(LONG), interest, until, seat, turn)
    }

    #[tokio::test]
    async fn a_question_that_waits_for_its_client_lets_others_have_its_turn() {
        let capacity = capacity(2);
        let interest = Arc::new(Interest);
        let first = heavy(&capacity, &interest).await;
        let (client, taken) = channel::<()>();
        let first = spawn_blocking(move || {
            first.rest(|| taken.recv().unwrap());
            first
        });
        let second = heavy(&capacity, &interest).await;
        client.send(()).unwrap();
        // It continues once the other has ended.
        assert!(!first.is_finished());
        drop(second);
        first.await.unwrap();
    }

    #[tokio::test]
    async fn a_light_question_gives_its_place_to_others_when_it_turns_out_heavy() {
        let capacity = capacity(1);
        let interest = Arc::new(Interest);
        let until = Instant::now() + LONG;
        let seat = capacity.light().unwrap();
        let effort = Effort::new(&capacity, Patience::new(LONG), &interest, until, seat, None);
        let effort = spawn_blocking(move || {
            effort.steps(LIGHT_STEPS).unwrap();
            effort
        });
        let effort = effort.await.unwrap();
        assert!(capacity.light().is_err());
        let effort = spawn_blocking(move || {
            effort.steps(1).unwrap();
            effort
        });
        let effort = effort.await.unwrap();
        assert!(capacity.light().is_ok());
        assert!(capacity.heavy().is_err());
        drop(effort);
        assert!(capacity.heavy().is_ok());
    }

    #[tokio::test]
    async fn a_question_ends_when_its_client_has_left_or_its_time_is_over() {
        let capacity = capacity(1);
        let interest = Arc::new(Interest);
        let effort = heavy(&capacity, &interest).await;
        effort.headway().unwrap();
        drop(interest);
        assert!(matches!(effort.headway(), Err(Failure::GivenUp)));
        drop(effort);
        let interest = Arc::new(Interest);
        let seat = capacity.heavy().unwrap();
        let now = Instant::now();
        let effort = Effort::new(&capacity, Patience::new(LONG), &interest, now, seat, None);
        assert!(matches!(effort.steps(STEPS), Err(Failure::TooLong)));
    }

    #[tokio::test]
    async fn patience_runs_out_unless_there_is_headway() {
        Patience::new(Duration::ZERO).runs_out().await;
        let patience = Patience::new(LONG);
        let short = Duration::from_millis(20);
        assert!(
            tokio::time::timeout(short, patience.runs_out())
                .await
                .is_err()
        );
    }
}
