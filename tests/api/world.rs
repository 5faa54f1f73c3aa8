//! A small state in memory, and a way to ask it.

mod reading;
mod repeated;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use chrono_tz::Tz;
use http_body_util::BodyExt;
use serde_json::Value;
use tidegauge::api::{Limits, State, router};
use tidegauge::core::effect::{
    NoWindowReason, Notices, PaymentInNoWindow, RejectedRecord, RepeatedPayment,
};
use tidegauge::decode::Reason;
use tidegauge::domain::amount::Amount;
use tidegauge::domain::branch::Branches;
use tidegauge::domain::branch_key::BranchKey;
use tidegauge::domain::branch_names::BranchNames;
use tidegauge::domain::document_key::Origin;
use tidegauge::domain::ledger::{Entry, Ledger};
use tidegauge::domain::payment::BranchId;
use tidegauge::domain::secret::Secret;
use tidegauge::domain::total::Total;
use tidegauge::observe::reader_use::ReaderUse;
use tidegauge::observe::status::{Condition, End, Part, PartitionStatus, Status};
use tidegauge::view::changelog::Changelog;
use tidegauge::view::reading::{Checkpoint, Readings};
use tidegauge_windows::{
    Definition, Engine, EventTime, Frame, MemoryCells, Settings, Span, Summary,
};
use tower::ServiceExt;

/// 2026-11-01T00:00:00Z.
pub(super) const START: i64 = 1_793_491_200_000;
const UNITS: i128 = 1_000_000_000_000_000_000;

/// A state that answers from memory.
pub(super) struct World {
    pub(super) checkpoint: Checkpoint,
    frame: Frame,
    cells: MemoryCells<BranchId, Summary>,
    totals: BTreeMap<BranchId, Total>,
    late: Vec<PaymentInNoWindow>,
    rejects: Vec<RejectedRecord>,
    repeated: Vec<RepeatedPayment>,
}

pub(super) fn branch(id: u32) -> BranchId {
    BranchId::new(id).unwrap()
}

pub(super) fn at(millis: i64) -> EventTime {
    EventTime::from_millis(START + millis)
}

fn settings() -> Arc<Settings> {
    let zone = Tz::Asia__Shanghai;
    let ten = Span::MINUTE.times(10);
    Arc::new(Settings {
        definitions: vec![
            Definition::tumbling("1m", Span::MINUTE, Span::ZERO, Tz::UTC).unwrap(),
            Definition::sliding("10m-by-1m", ten, Span::MINUTE, Span::ZERO, Tz::UTC).unwrap(),
            Definition::cumulative("day", Span::DAY, Span::HOUR, Span::ZERO, zone).unwrap(),
        ],
        out_of_orderness: Span::from_millis(5_000),
        allowed_lateness: Span::DAY,
        max_future: Span::from_millis(300_000),
        retention: Span::DAY.times(35),
        zero_windows: true,
    })
}

impl World {
    /// Nothing was read yet.
    pub(super) fn empty() -> Self {
        let frame = Frame::new(settings(), tidegauge_windows::Snapshot::default());
        Self {
            checkpoint: Checkpoint {
                generation: 1,
                sequence: 0,
                as_of: START,
                positions: BTreeMap::new(),
                ledger: Ledger::default(),
                notices: Notices::default(),
                dirty: 0,
                given_up: 0,
                is_marking: false,
            },
            frame,
            cells: MemoryCells::default(),
            totals: BTreeMap::new(),
            late: Vec::new(),
            rejects: Vec::new(),
            repeated: Vec::new(),
        }
    }

    /// Five minutes of payments of branches 0, 7 and 9 in two partitions; branch 1 is configured
    /// and has none. Partition 1 is behind: the watermark is at 3 minutes 5 seconds.
    pub(super) fn busy() -> Self {
        let settings = settings();
        let mut engine = Engine::new(Arc::clone(&settings));
        let mut world = Self::empty();
        engine.know(branch(0), EventTime::MIN);
        engine.know(branch(1), EventTime::MIN);
        let payments = [
            (0, 1_000, 0, UNITS / 10),
            (0, 2_000, 0, UNITS / 5),
            (0, 61_000, 7, -5 * UNITS),
            (1, 62_000, 9, 100_000 * UNITS + 1),
            (0, 290_000, 0, 3 * UNITS),
            (1, 190_000, 7, 2 * UNITS),
            (0, 63_000, 7, 7 * UNITS),
        ];
        for (partition, millis, id, units) in payments {
            engine.insert(partition, at(millis), None, branch(id), &units);
            engine.know(branch(id), at(millis));
            engine.advance();
            let amount = Amount::from_units(units);
            let late = millis == 63_000;
            let entry = if late { Entry::Late } else { Entry::OnTime };
            world.book(entry, Some(amount));
            world.add_total(branch(id), at(millis), amount);
        }
        world.add_late();
        world.add_rejects();
        world.add_repeated();
        world.checkpoint.sequence = 12;
        world.checkpoint.as_of = START + 300_250;
        world.checkpoint.dirty = 4;
        world.checkpoint.positions = BTreeMap::from([(0, 8), (1, 5)]);
        world.checkpoint.notices.rounded = 1;
        let changes = engine.take_changes();
        world.frame = Frame::new(settings, changes.snapshot.clone());
        world.cells.apply(world.frame.grid(), changes);
        world
    }

    /// `minutes` minutes in each of which branches 0, 7 and 9 have one payment each, without zero
    /// windows.
    pub(super) fn long(minutes: i64) -> Self {
        let settings = Arc::new(Settings {
            zero_windows: false,
            ..(*settings()).clone()
        });
        let mut engine = Engine::new(Arc::clone(&settings));
        let mut world = Self::empty();
        for minute in 0..minutes {
            for id in [0, 7, 9] {
                let time = at(minute * 60_000);
                engine.insert(0, time, None, branch(id), &UNITS);
                engine.know(branch(id), time);
                world.book(Entry::OnTime, Some(Amount::from_units(UNITS)));
                world.add_total(branch(id), time, Amount::from_units(UNITS));
            }
            engine.advance();
        }
        world.checkpoint.sequence = 12;
        let changes = engine.take_changes();
        world.frame = Frame::new(settings, changes.snapshot.clone());
        world.cells.apply(world.frame.grid(), changes);
        world
    }

    /// Two partitions that have been read to their ends, their last payments of one moment.
    pub(super) fn level() -> Self {
        let mut engine: Engine<BranchId, Summary> = Engine::new(settings());
        let mut world = Self::empty();
        for (partition, millis) in [(0, 1_000), (0, 2_000), (1, 1_000), (1, 2_000)] {
            engine.insert(partition, at(millis), None, branch(0), &UNITS);
        }
        engine.advance();
        world.checkpoint.positions = BTreeMap::from([(0, 8), (1, 25)]);
        let changes = engine.take_changes();
        world.frame = Frame::new(settings(), changes.snapshot.clone());
        world
    }

    /// Nothing but `count` rejects of 4 KiB each.
    pub(super) fn of_rejects(count: i64) -> Self {
        let mut world = Self::empty();
        world.rejects = (0..count)
            .map(|offset| RejectedRecord {
                origin: Origin {
                    partition: 0,
                    offset,
                },
                timestamp: None,
                reason: Reason::NotJson,
                detail: "no payment".into(),
                read: "x".repeat(4 << 10),
            })
            .collect();
        world
    }

    fn book(&mut self, entry: Entry, amount: Option<Amount>) {
        self.checkpoint.ledger.consumed += 1;
        self.checkpoint.ledger.book(entry, amount);
    }

    pub(super) fn add_total(&mut self, branch: BranchId, time: EventTime, amount: Amount) {
        let total = Total {
            count: 1,
            amount: amount.units().into(),
            first: time,
            last: time,
            known_since: time,
        };
        self.totals
            .entry(branch)
            .and_modify(|known| known.merge(&total))
            .or_insert(total);
    }

    fn add_late(&mut self) {
        let late = [
            (NoWindowReason::TooLate, -200_000_000),
            (NoWindowReason::Future, 900_000_000),
        ];
        for (index, (reason, millis)) in late.into_iter().enumerate() {
            let amount = Amount::from_units(UNITS / 2);
            let entry = match reason {
                NoWindowReason::TooLate => Entry::TooLate,
                NoWindowReason::PastRetention => Entry::PastRetention,
                NoWindowReason::Future => Entry::Future,
                NoWindowReason::Conflict => Entry::Conflict,
            };
            self.book(entry, Some(amount));
            self.add_total(branch(9), at(millis), amount);
            self.late.push(PaymentInNoWindow {
                origin: Origin {
                    partition: 1,
                    offset: 2 + index as i64,
                },
                timestamp: Some(START + 100),
                reason,
                event_time: at(millis),
                watermark: Some(at(57_000)),
                branch: branch(9),
                amount,
                read: "{\"branchId\":9}".into(),
            });
        }
    }

    fn add_rejects(&mut self) {
        for (offset, reason) in [
            (4, Reason::NotJson),
            (5, Reason::BadTime),
            (6, Reason::NotJson),
        ] {
            self.book(Entry::Rejected, None);
            let number = Reason::ALL.iter().position(|known| *known == reason);
            self.checkpoint.notices.rejects[number.unwrap()] += 1;
            self.rejects.push(RejectedRecord {
                origin: Origin {
                    partition: 0,
                    offset,
                },
                timestamp: None,
                reason,
                detail: "no payment".into(),
                read: "<script>\u{0}\u{fffd}".into(),
            });
        }
        self.book(Entry::Tombstone, None);
    }

    /// The routes over this state.
    pub(super) fn routes(self) -> Router {
        router(state(self), None, Limits::default())
    }
}

/// What the routes are made from, with two parts at work and the sink in trouble.
pub(super) fn state(readings: impl Readings) -> State {
    let status = Status::new();
    status.set(Part::Source, Condition::Ok, "");
    status.set(Part::Store, Condition::Ok, "");
    status.set(
        Part::Sink,
        Condition::Degraded,
        "Elasticsearch does not answer",
    );
    let end = |end| PartitionStatus {
        end: End::Known {
            offset: end,
            age: Duration::ZERO,
        },
        halted: None,
    };
    status.set_readers(ReaderUse {
        direct: 1,
        librdkafka: 1,
        reason: Some("it has no leader".into()),
    });
    status.set_partition(0, end(8));
    status.set_partition(1, end(25));
    let names = [
        (BranchKey::Integer(branch(0)), "Mitte/Nord".into()),
        (BranchKey::Integer(branch(1)), "Branch_1".into()),
    ];
    State {
        readings: Arc::new(readings),
        changelog: Arc::new(Changelog::new(12)),
        status: Arc::new(status),
        branches: Arc::new(Branches::of_names(&Arc::new(BranchNames::new(
            names.into(),
        )))),
        index_prefix: Some("payments".into()),
        version: "0.0.0-test",
        started: tokio::time::Instant::now(),
    }
}

pub(super) fn token() -> Secret {
    Secret::new("correct horse")
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The members of a well-formed problem of this status.
    pub(super) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["title"], self.status.canonical_reason().unwrap());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        problem
    }
}

/// Sends a request to the routes; as any client does, it says whom it asks.
pub(super) async fn send(routes: &Router, mut request: Request<Body>) -> Answer {
    let localhost = HeaderValue::from_static("localhost:8080");
    request.headers_mut().entry("host").or_insert(localhost);
    send_as_is(routes, request).await
}

/// Sends a request without adding anything to it.
pub(super) async fn send_as_is(routes: &Router, request: Request<Body>) -> Answer {
    let response = routes.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    assert_eq!(head.headers["x-content-type-options"], "nosniff");
    // What has a tag may be kept, if it is asked for again before it is shown.
    let tagged = head.headers.contains_key("etag");
    let cache_control = if tagged { "no-cache" } else { "no-store" };
    assert_eq!(head.headers["cache-control"], cache_control);
    Answer {
        status: head.status,
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// GETs `uri`.
pub(super) async fn get(routes: &Router, uri: &str) -> Answer {
    send(routes, Request::get(uri).body(Body::empty()).unwrap()).await
}

/// GETs `uri` and gives the JSON of a good answer.
pub(super) async fn json(routes: &Router, uri: &str) -> Value {
    let answer = get(routes, uri).await;
    assert_eq!(answer.status, 200, "{uri}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}
