//! A pipeline with its state on disk, and a sink that delivers from it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use tidegauge::core::feedback::{Blocked, Family, Feedback};
use tidegauge::core::pipeline::{Pipeline, PipelineStart};
use tidegauge::domain::branch::Branches;
use tidegauge::domain::branch_key::BranchKey;
use tidegauge::domain::branch_names::BranchNames;
use tidegauge::domain::payment::BranchId;
use tidegauge::domain::record::Record;
use tidegauge::observe::status::{Condition, Part, Status};
use tidegauge::sink::{Config, Order, Pacing, Sink};
use tidegauge::store::{Identity, MarkedDocuments, Store};
use tidegauge::view::reading::Readings;
use tidegauge_windows::{Definition, EventTime, Query, Settings, Span};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::support::lab::{Elastic, eventually, unique};

/// Takes payments in.
pub struct Till {
    runtime: Runtime,
    _dir: TempDir,
    store: Arc<Mutex<Store>>,
    readings: Arc<dyn Readings>,
    branches: Arc<Branches>,
    pipeline: Pipeline,
    offset: i64,
    /// All that sinks said so far.
    feedback: Arc<Mutex<Vec<Said>>>,
    /// Whether the documents of lost indexes are marked only by [`Till::mark_all`].
    marks_later: Arc<AtomicBool>,
    /// How the last sink is doing.
    status: Mutex<Arc<Status>>,
}

/// What a sink said.
#[derive(PartialEq, Eq, Debug)]
pub enum Said {
    /// So many documents are delivered.
    Delivered(usize),
    /// These await delivery again.
    Recreated(Family),
    /// These can't be delivered for a long time.
    Blocked(Blocked),
}

/// A sink at work.
pub struct Running {
    orders: watch::Sender<Order>,
    task: JoinHandle<()>,
    status: Arc<Status>,
    readings: Arc<dyn Readings>,
}

/// 2026-11-01T00:00:00Z, in ms.
pub const NOVEMBER: i64 = 1_793_491_200_000;
pub const MINUTE: i64 = 60_000;

/// A configuration under names of its own, with little patience.
pub fn config(url: &str) -> Config {
    let mut config = Config::new(url).unwrap();
    config.index_prefix = unique("pay");
    config.legacy_totals = Some(unique("legacy"));
    config.bulk.interval = Duration::from_millis(20);
    config.pacing = Pacing {
        retry_first: Duration::from_millis(5),
        retry_most: Duration::from_millis(50),
        // A sink that waits for this in vain hangs its test.
        last_pass: Duration::from_secs(3_600),
        ..Pacing::default()
    };
    config
}

/// How many documents an index holds; `None` while it is not there, or not yet ready to say.
pub fn count_now(elastic: &Elastic, index: &str) -> Option<u64> {
    elastic.post(&format!("/{index}/_refresh"), &json!({}));
    let answer = elastic.get(&format!("/{index}/_count"));
    (answer.status == 200).then(|| answer.json()["count"].as_u64().unwrap())
}

fn branch(id: u32) -> BranchId {
    BranchId::new(id).unwrap()
}

/// The windows of a till.
pub fn definitions() -> Vec<Definition> {
    let utc = chrono_tz::UTC;
    vec![
        Definition::tumbling("1m", Span::MINUTE, Span::ZERO, utc).unwrap(),
        Definition::tumbling("1h", Span::HOUR, Span::ZERO, utc).unwrap(),
    ]
}

fn settings() -> Arc<Settings> {
    Arc::new(Settings {
        definitions: definitions(),
        out_of_orderness: Span::SECOND.times(5),
        allowed_lateness: Span::HOUR,
        max_future: Span::MINUTE.times(5),
        retention: Span::DAY.times(35),
        zero_windows: true,
    })
}

impl Till {
    pub fn new() -> Self {
        Self::of(MarkedDocuments::WithPayments)
    }

    /// One whose state marks these documents.
    pub fn of(documents: MarkedDocuments) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let names = [(BranchKey::Integer(branch(3)), "Harbour".to_owned())];
        let names = Arc::new(BranchNames::new(names.into()));
        let identity = Identity {
            topic: "payment_msg".into(),
            generation: 1,
            rules: "rules = test\n".into(),
            settings: settings(),
            names,
            documents,
        };
        let (store, recovered) = Store::open(dir.path(), &identity).unwrap();
        let branches = store.branches();
        let start = PipelineStart {
            snapshot: recovered.snapshot,
            known: recovered.known,
            progress: recovered.progress,
        };
        let mut pipeline = Pipeline::new(settings(), chrono_tz::UTC, Arc::clone(&branches), start);
        pipeline.assign(0, 0);
        let mut till = Self {
            runtime: Runtime::new().unwrap(),
            _dir: dir,
            readings: store.readings(),
            store: Arc::new(Mutex::new(store)),
            pipeline,
            branches,
            offset: 0,
            feedback: Arc::default(),
            marks_later: Arc::default(),
            status: Mutex::default(),
        };
        // As a service does it as soon as it knows the partitions.
        till.commit();
        till
    }

    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub fn readings(&self) -> &dyn Readings {
        &*self.readings
    }

    /// Takes a payment in that happened at `time`, ms since the epoch.
    pub fn pay(&mut self, time: i64, branch: u32, amount: &str) {
        let payload =
            format!(r#"{{"createTime":{time},"payAmount":{amount},"branchId":{branch}}}"#);
        self.take(payload.as_bytes());
    }

    /// Takes a record in.
    pub fn take(&mut self, payload: &[u8]) {
        let record = Record {
            partition: 0,
            offset: self.offset,
            timestamp: Some(NOVEMBER),
            payload: Some(payload),
            ..Record::default()
        };
        self.offset += 1;
        self.pipeline.apply([record]).unwrap();
    }

    /// Writes a checkpoint of all that was taken in.
    pub fn commit(&mut self) {
        let effects = self.pipeline.take_effects();
        let committed = self.store.lock().unwrap().commit(&effects, &[], NOVEMBER);
        committed.unwrap();
        self.mark_all();
    }

    /// From now on, the documents of lost indexes are marked only by [`Till::mark_all`].
    pub fn mark_later(&self) {
        self.marks_later.store(true, Ordering::Relaxed);
    }

    /// Marks all documents that are to be marked.
    pub fn mark_all(&self) {
        let mut store = self.store.lock().unwrap();
        while store.mark_more().unwrap() {}
    }

    pub fn close_quietly(&mut self, now: i64) {
        self.pipeline.set_idle(0, true);
        self.pipeline.close_quiet(EventTime::from_millis(now));
        self.commit();
    }

    /// Starts a sink that hurries.
    pub fn deliver(&self, config: &Config) -> Running {
        self.deliver_as(Order::Hurry, config, Arc::new(Status::new()))
    }

    /// Starts a sink with an order.
    pub fn deliver_as(&self, order: Order, config: &Config, status: Arc<Status>) -> Running {
        *self.status.lock().unwrap() = Arc::clone(&status);
        let (readings, branches) = (Arc::clone(&self.readings), Arc::clone(&self.branches));
        let sink = Sink::new(config.clone(), readings, branches, Arc::clone(&status)).unwrap();
        let sink = sink.following(self.store.lock().unwrap().changelog());
        let (sender, mut receiver) = mpsc::channel(4);
        let (store, log) = (Arc::clone(&self.store), Arc::clone(&self.feedback));
        let marks_later = Arc::clone(&self.marks_later);
        self.runtime.spawn(async move {
            while let Some(feedback) = receiver.recv().await {
                let mut store = store.lock().unwrap();
                let mut log = log.lock().unwrap();
                match feedback {
                    Feedback::Delivered(documents) => {
                        store.acknowledge(&documents).unwrap();
                        log.push(Said::Delivered(documents.len()));
                    }
                    Feedback::Indexes(indexes) => {
                        store.note_indexes(&indexes).unwrap();
                    }
                    Feedback::Recreated(families, on_durable) => {
                        for family in families {
                            store.mark_again(family).unwrap();
                            log.push(Said::Recreated(family));
                        }
                        // That they are to be marked outlasts a crash from here on.
                        while !marks_later.load(Ordering::Relaxed) && store.mark_more().unwrap() {}
                        on_durable.call();
                    }
                    Feedback::Blocked(blocked) => {
                        store.block(blocked.clone());
                        log.push(Said::Blocked(blocked));
                    }
                }
            }
        });
        let (orders, received) = watch::channel(order);
        Running {
            orders,
            task: self.runtime.spawn(async move {
                // The status says it too.
                drop(sink.run(sender, received).await);
            }),
            status,
            readings: Arc::clone(&self.readings),
        }
    }

    /// How many documents await delivery.
    pub fn dirty(&self) -> u64 {
        self.readings
            .query(|reading| Ok(reading.checkpoint().dirty))
            .unwrap()
    }

    #[track_caller]
    pub fn await_delivery(&self) {
        self.await_that("all documents delivered", || self.dirty() == 0);
    }

    /// Waits until something holds; says what the sink says if it never does.
    #[track_caller]
    pub fn await_that(&self, what: &str, holds: impl Fn() -> bool) {
        let patience = Instant::now() + Duration::from_secs(60);
        while !holds() {
            let board = self.status.lock().unwrap().board();
            assert!(
                Instant::now() < patience,
                "this never came: {what}; {board:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs a sink until all is delivered.
    #[track_caller]
    pub fn deliver_all(&self, config: &Config) {
        let sink = self.deliver(config);
        self.await_delivery();
        self.stop(sink);
    }

    /// Orders a sink to stop, and waits until it has.
    pub fn stop(&self, sink: Running) {
        sink.orders.send_replace(Order::Stop);
        self.runtime.block_on(sink.task).unwrap();
    }

    /// All that sinks said, and forgets it.
    pub fn take_feedback(&self) -> Vec<Said> {
        std::mem::take(&mut self.feedback.lock().unwrap())
    }

    /// What sinks said last of documents that can't be delivered.
    pub fn blocked(&self) -> Option<Blocked> {
        let feedback = self.feedback.lock().unwrap();
        let blocked = |said: &Said| match said {
            Said::Blocked(blocked) => Some(blocked.clone()),
            Said::Delivered(_) | Said::Recreated(_) => None,
        };
        feedback.iter().rev().find_map(blocked)
    }

    /// All windows that hold payments: the definition's number and the start.
    pub fn windows_with_payments(&self) -> Vec<(u16, EventTime)> {
        self.readings
            .query(|reading| {
                let frame = reading.frame();
                let mut found = Vec::new();
                for (number, _) in (0..).zip(frame.definitions()) {
                    let windows = frame.windows(reading, &Query::all(number))?;
                    let paid = windows.iter().filter(|window| window.aggregate.count > 0);
                    found.extend(paid.map(|window| (number, window.window.start)));
                }
                Ok(found)
            })
            .unwrap()
    }

    /// The families that sinks asked to be marked again.
    pub fn recreated_families(&self) -> BTreeSet<Family> {
        let feedback = self.feedback.lock().unwrap();
        let recreated = feedback.iter().filter_map(|said| match said {
            Said::Recreated(family) => Some(*family),
            Said::Delivered(_) | Said::Blocked(_) => None,
        });
        recreated.collect()
    }

    /// How often sinks said that an index was created again.
    pub fn recreated(&self) -> usize {
        let feedback = self.feedback.lock().unwrap();
        let recreated = |said: &&Said| matches!(said, Said::Recreated(_));
        feedback.iter().filter(recreated).count()
    }
}

impl Running {
    pub fn condition(&self) -> Condition {
        self.status.board().parts[&Part::Sink].condition
    }

    /// What it says, as it is shown: with the documents that await delivery.
    pub fn reason(&self) -> String {
        let dirty = self
            .readings
            .query(|reading| Ok(reading.checkpoint().dirty));
        self.status.board().parts[&Part::Sink].reason_with(dirty.unwrap())
    }

    /// Waits until it says that it is in that condition, for a reason with these words.
    #[track_caller]
    pub fn await_condition(&self, condition: Condition, words: &str) -> String {
        eventually(&format!("{condition:?}, {words}"), || {
            let reason = self.reason();
            (self.condition() == condition && reason.contains(words)).then_some(reason)
        })
    }
}
