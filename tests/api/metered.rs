//! A state that counts the cells that are read of it, and can hold a reader up or fail at one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tidegauge::core::effect::{PaymentInNoWindow, RejectedRecord, RepeatedPayment};
use tidegauge::core::feedback::{Family, Mark};
use tidegauge::domain::document_key::{DocumentKey, Origin};
use tidegauge::domain::payment::BranchId;
use tidegauge::domain::provenance::Provenance;
use tidegauge::domain::total::Total;
use tidegauge::view::reading::{Checkpoint, ReadError, Reading, Readings};
use tidegauge_windows::{Block, Cells, EventTime, Frame, Summary, Window};
use tokio::task::spawn_blocking;

use super::world::{World, branch};

/// What is known of the readers of a [`Metered`] state.
#[derive(Default)]
pub(super) struct Meter {
    /// How many cells were read.
    cells: AtomicUsize,
    /// How many readers of branch 7 are held up.
    held: Mutex<usize>,
    changed: Condvar,
    /// Whether readers of branch 7 are held up.
    is_shut: AtomicBool,
    /// The cell, by number, that can't be read.
    broken: AtomicUsize,
    /// After how many cells reading rests, and for how long.
    rest: Mutex<Option<(usize, Duration)>>,
}

impl Meter {
    /// Holds readers of branch 7 up from now on.
    pub(super) fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
    }

    /// Lets them go.
    pub(super) fn open(&self) {
        let _held = self.held.lock().unwrap();
        self.is_shut.store(false, Ordering::SeqCst);
        self.changed.notify_all();
    }

    /// Reading fails at cell number `cell`, counted from 1.
    pub(super) fn break_at(&self, cell: usize) {
        self.broken.store(cell, Ordering::SeqCst);
    }

    /// Reading rests for `time` after every `cells` cells.
    pub(super) fn rest_every(&self, cells: usize, time: Duration) {
        *self.rest.lock().unwrap() = Some((cells, time));
    }

    /// How many cells were read so far.
    pub(super) fn cells(&self) -> usize {
        self.cells.load(Ordering::SeqCst)
    }

    /// Waits until `count` readers are held up.
    pub(super) async fn holds(self: &Arc<Self>, count: usize) {
        let meter = Arc::clone(self);
        spawn_blocking(move || {
            let held = meter.held.lock().unwrap();
            let long = Duration::from_secs(60);
            let (_held, waited) = meter
                .changed
                .wait_timeout_while(held, long, |held| *held < count)
                .unwrap();
            assert!(!waited.timed_out(), "fewer than {count} readers came");
        })
        .await
        .unwrap();
    }

    fn read(&self, key: BranchId) -> Result<(), ReadError> {
        let number = self.cells.fetch_add(1, Ordering::SeqCst) + 1;
        if number == self.broken.load(Ordering::SeqCst) {
            return Err(ReadError("the disk is gone".into()));
        }
        let rest = *self.rest.lock().unwrap();
        if let Some((cells, time)) = rest
            && number.is_multiple_of(cells)
        {
            std::thread::sleep(time);
        }
        if key == branch(7) && self.is_shut.load(Ordering::SeqCst) {
            let mut held = self.held.lock().unwrap();
            *held += 1;
            self.changed.notify_all();
            // When the test has failed, so may this end.
            let long = Duration::from_secs(60);
            let (mut held, waited) = self
                .changed
                .wait_timeout_while(held, long, |_| self.is_shut.load(Ordering::SeqCst))
                .unwrap();
            *held -= 1;
            if waited.timed_out() {
                self.is_shut.store(false, Ordering::SeqCst);
            }
        }
        Ok(())
    }
}

/// A state whose readers are counted.
pub(super) struct Metered {
    world: World,
    meter: Arc<Meter>,
}

/// `world`, and what counts its readers.
pub(super) fn metered(world: World) -> (Metered, Arc<Meter>) {
    let meter = Arc::new(Meter::default());
    let metered = Metered {
        world,
        meter: Arc::clone(&meter),
    };
    (metered, meter)
}

impl Readings for Metered {
    fn read(
        &self,
        read: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        read(self)
    }
}

impl Cells<BranchId, Summary> for Metered {
    type Error = ReadError;

    fn cell(&self, block: Block, key: BranchId) -> Result<Option<Summary>, ReadError> {
        self.meter.read(key)?;
        self.world.cell(block, key)
    }

    fn keys(&self, block: Block, from: BranchId, max: usize) -> Result<Vec<BranchId>, ReadError> {
        self.world.keys(block, from, max)
    }

    fn filled(
        &self,
        level: u8,
        from: (EventTime, BranchId),
        to: EventTime,
        limit: usize,
    ) -> Result<Vec<(EventTime, BranchId)>, ReadError> {
        self.world.filled(level, from, to, limit)
    }

    fn revision(&self, number: u16, window: Window, key: BranchId) -> Result<u64, ReadError> {
        self.world.revision(number, window, key)
    }

    fn known(&self, from: BranchId, max: usize) -> Result<Vec<(BranchId, EventTime)>, ReadError> {
        self.world.known(from, max)
    }

    fn known_since(&self, branch: BranchId) -> Result<Option<EventTime>, ReadError> {
        self.world.known_since(branch)
    }
}

impl Reading for Metered {
    fn checkpoint(&self) -> &Checkpoint {
        self.world.checkpoint()
    }

    fn frame(&self) -> &Frame {
        self.world.frame()
    }

    fn provenance(&self) -> Result<Option<Provenance>, ReadError> {
        Ok(None)
    }

    fn indexes(&self) -> Result<BTreeMap<Family, String>, ReadError> {
        Ok(BTreeMap::new())
    }

    fn total(&self, branch: BranchId) -> Result<Option<Total>, ReadError> {
        self.world.total(branch)
    }

    fn totals(&self, from: BranchId, limit: usize) -> Result<Vec<(BranchId, Total)>, ReadError> {
        self.world.totals(from, limit)
    }

    fn payment_in_no_window(&self, origin: Origin) -> Result<Option<PaymentInNoWindow>, ReadError> {
        self.world.payment_in_no_window(origin)
    }

    fn rejected_record(&self, origin: Origin) -> Result<Option<RejectedRecord>, ReadError> {
        self.world.rejected_record(origin)
    }

    fn payments_in_no_window(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, PaymentInNoWindow)>, ReadError> {
        self.world.payments_in_no_window(before, limit)
    }

    fn rejected_records(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, RejectedRecord)>, ReadError> {
        self.world.rejected_records(before, limit)
    }

    fn repeated_payments(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, RepeatedPayment)>, ReadError> {
        self.world.repeated_payments(before, limit)
    }

    fn dirty(
        &self,
        after: Option<DocumentKey>,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Mark)>, ReadError> {
        self.world.dirty(after, limit)
    }

    fn mark(&self, document: &DocumentKey) -> Result<Option<Mark>, ReadError> {
        self.world.mark(document)
    }
}
