//! How the service is doing, for operators; answered even when the state can't be read.

mod latencies;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tidegauge_windows::{EventTime, Participation};
use utoipa::ToSchema;

use self::latencies::LatenciesAnswer;
use super::SharedState;
use super::ask::{ask_even_without_state, to_json};
use super::parameters::Parameters;
use crate::core::effect::Notices;
use crate::core::seen_orders::OrderStats;
use crate::decode::Reason;
use crate::domain::count::agreeing;
use crate::domain::timestamp::rfc3339;
use crate::host::wall_clock::since_epoch;
use crate::observe::reader_use::ReaderUse;
use crate::observe::remark::{full_partitions, given_up, rejected, remarks};
use crate::observe::status::{Board, End, Part};
use crate::view::reading::{Checkpoint, Reading};
use crate::view::wire::ReadingAnswer;

/// How each part is doing, and why; given even when the state can't be read.
#[utoipa::path(get, path = "/api/v1/status", tag = "service",
    responses((status = 200, description = "How each part is doing", body = StatusAnswer)))]
pub(super) async fn show(State(app): State<Arc<SharedState>>, uri: Uri) -> Response {
    if let Err(problem) = Parameters::of(&uri, &[]) {
        return problem.into_response();
    }
    ask_even_without_state(app, |app, reading| {
        to_json(&StatusAnswer::new(app, reading))
    })
    .await
}

#[derive(Serialize, ToSchema)]
pub(super) struct StatusAnswer {
    /// Null when the state can't be read.
    reading: Option<ReadingAnswer>,
    version: &'static str,
    uptime_s: u64,
    ready: bool,
    parts: BTreeMap<&'static str, PartAnswer>,
    partitions: Vec<PartitionAnswer>,
    /// By what partitions are read.
    readers: ReadersAnswer,
    /// Records still to be read, of all partitions; null while it is not known of one that is read, as
    /// while no broker answers.
    lag: Option<i64>,
    dirty_documents: Option<u64>,
    /// The order ids that are remembered to find duplicates; null without `dedup.by`.
    order_ids: Option<OrderIdsAnswer>,
    last_checkpoint: Option<CheckpointAnswer>,
    notices: Option<NoticesAnswer>,
    /// What is odd about the start and the payments so far, in sentences; empty when nothing is.
    remarks: Vec<String>,
    /// A swap that this service does not follow; null when there is none.
    swap: Option<SwapAnswer>,
    /// What took how long in the last five minutes.
    latencies: LatenciesAnswer,
}

impl StatusAnswer {
    fn new(app: &SharedState, reading: Option<&dyn Reading>) -> Self {
        let board = app.state.status.board();
        let checkpoint = reading.map(Reading::checkpoint);
        let partitions = PartitionAnswer::all(reading, &board);
        Self {
            reading: reading.map(ReadingAnswer::of),
            version: app.state.version,
            uptime_s: app.state.started.elapsed().as_secs(),
            ready: board.ready(),
            parts: board
                .parts
                .iter()
                .map(|(part, health)| {
                    let dirty = checkpoint.map(|checkpoint| checkpoint.dirty);
                    let answer = PartAnswer {
                        state: health.condition.as_str(),
                        reason: match dirty.filter(|_| *part == Part::Sink) {
                            Some(dirty) => health.reason_with(dirty),
                            None => health.reason.clone(),
                        },
                    };
                    (part.as_str(), answer)
                })
                .collect(),
            lag: PartitionAnswer::sum_of_lags(&partitions),
            readers: ReadersAnswer::new(board.readers),
            partitions,
            dirty_documents: checkpoint.map(|checkpoint| checkpoint.dirty),
            order_ids: board.order_ids.map(OrderIdsAnswer::new),
            last_checkpoint: checkpoint.map(CheckpointAnswer::new),
            notices: checkpoint.map(|checkpoint| NoticesAnswer::new(&checkpoint.notices)),
            remarks: {
                let mut remarks = board.remarks.clone();
                remarks.extend(board.refused_swap.as_ref().map(|swap| swap.reason.clone()));
                let full = board.order_ids.map_or(0, |ids| ids.full_partitions);
                remarks.extend(full_partitions(full));
                remarks.extend(reading.map(remarks_of).unwrap_or_default());
                remarks
            },
            swap: board.refused_swap.map(|refused| SwapAnswer {
                state: "refused",
                generation: refused.generation,
                reason: refused.reason,
            }),
            latencies: LatenciesAnswer::new(&app.state.status.metrics().latencies(since_epoch())),
        }
    }
}

/// What is odd about the records that were read, in sentences.
#[must_use]
pub fn remarks_of(reading: &dyn Reading) -> Vec<String> {
    let checkpoint = reading.checkpoint();
    let partitions = &reading.frame().snapshot().partitions;
    let mut told = remarks(&checkpoint.ledger, &checkpoint.notices, partitions);
    told.extend(rejected(&checkpoint.ledger, &checkpoint.notices));
    told.extend(given_up(checkpoint.given_up));
    told
}

#[derive(Serialize, ToSchema)]
struct PartAnswer {
    state: &'static str,
    reason: String,
}

#[derive(Serialize, ToSchema)]
struct ReadersAnswer {
    /// So many partitions are read by the direct reader.
    direct: usize,
    /// So many are read by librdkafka.
    librdkafka: usize,
    /// Why some are read by librdkafka, the last reason; null while none is.
    reason: Option<String>,
}

impl ReadersAnswer {
    fn new(readers: ReaderUse) -> Self {
        Self {
            direct: readers.direct,
            librdkafka: readers.librdkafka,
            reason: readers.reason,
        }
    }
}

/// What became of the swap that was made last.
#[derive(Serialize, ToSchema)]
struct SwapAnswer {
    /// `refused`: this service continues with the generation before.
    state: &'static str,
    /// The generation that is live and can't be run.
    generation: u32,
    /// Why, and what to do.
    reason: String,
}

#[derive(Serialize, ToSchema)]
struct OrderIdsAnswer {
    /// So many, of all partitions.
    remembered: u64,
    /// Memory of the tables that find them.
    memory_bytes: u64,
    /// So many partitions remember as many as `dedup.max_ids` allows, and may take a resend for a new payment.
    full_partitions: u64,
}

impl OrderIdsAnswer {
    fn new(stats: OrderStats) -> Self {
        Self {
            remembered: stats.ids,
            memory_bytes: stats.bytes,
            full_partitions: stats.full_partitions,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct CheckpointAnswer {
    sequence: u64,
    as_of: String,
}

impl CheckpointAnswer {
    fn new(checkpoint: &Checkpoint) -> Self {
        Self {
            sequence: checkpoint.sequence,
            as_of: rfc3339(EventTime::from_millis(checkpoint.as_of)),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct NoticesAnswer {
    rounded: u64,
    skipped_local_times: u64,
    repeated_local_times: u64,
    unnamed_branches: u64,
    /// Payments whose record has a timestamp that can't be real, such as 0: it counts as none.
    unreal_timestamps: u64,
    /// Payments in January and February 1970: their times may be seconds, not milliseconds.
    times_like_seconds: u64,
    rejects: BTreeMap<&'static str, u64>,
}

impl NoticesAnswer {
    fn new(notices: &Notices) -> Self {
        Self {
            rounded: notices.rounded,
            skipped_local_times: notices.skipped_local_times,
            repeated_local_times: notices.repeated_local_times,
            unnamed_branches: notices.unnamed_branches,
            unreal_timestamps: notices.unreal_timestamps,
            times_like_seconds: notices.times_like_seconds,
            rejects: Reason::ALL
                .into_iter()
                .map(|reason| reason.as_str())
                .zip(notices.rejects)
                .collect(),
        }
    }
}

/// How far one partition has come.
#[derive(Serialize, ToSchema)]
pub(super) struct PartitionAnswer {
    pub(super) partition: i32,
    /// The next offset; null before the first checkpoint that knows it.
    pub(super) position: Option<i64>,
    /// The end offset; null until the broker has said, while it does not answer, and of a partition
    /// that is stopped.
    pub(super) end: Option<i64>,
    /// Records still to be read; null while the end is not known.
    pub(super) lag: Option<i64>,
    /// How many seconds ago a broker last confirmed the end, while it is not known by now; null
    /// otherwise.
    end_unconfirmed_s: Option<u64>,
    watermark: Option<String>,
    pub(super) idle: bool,
    /// An event time that the watermark does not follow before other payments agree; null when there is
    /// none.
    #[schema(format = DateTime)]
    unconfirmed_event_time: Option<String>,
    /// Why it is stopped; null when it is not.
    pub(super) halted: Option<String>,
    #[serde(skip)]
    pub(super) time: Option<EventTime>,
    #[serde(skip)]
    standing: Option<Participation>,
}

impl PartitionAnswer {
    /// Whether another one that counts has come exactly as far.
    fn is_level_with(&self, other: &Self) -> bool {
        other.partition != self.partition
            && other.standing == Some(Participation::Active)
            && other.time == self.time
    }

    /// Every partition that the reading or the board knows, by number.
    pub(super) fn all(reading: Option<&dyn Reading>, board: &Board) -> Vec<Self> {
        let positions = reading.map(|reading| &reading.checkpoint().positions);
        let frame = reading.map(Reading::frame);
        let times = frame.map(|frame| &frame.snapshot().partitions);
        let numbers: BTreeSet<i32> = (positions.into_iter().flat_map(BTreeMap::keys))
            .chain(times.into_iter().flat_map(BTreeMap::keys))
            .chain(board.partitions.keys())
            .copied()
            .collect();
        numbers
            .into_iter()
            .map(|partition| {
                let known = board.partitions.get(&partition);
                let position = positions.and_then(|all| all.get(&partition)).copied();
                let end = known.map(|known| known.end).unwrap_or_default();
                let unconfirmed = match end {
                    End::Known { .. } => None,
                    End::Unknown { age } => age,
                };
                let end = end.offset();
                let time = times.and_then(|all| all.get(&partition));
                let watermark = frame
                    .zip(time)
                    .and_then(|(frame, time)| time.watermark(frame.settings().out_of_orderness));
                Self {
                    partition,
                    position,
                    end,
                    lag: position
                        .zip(end)
                        .map(|(position, end)| end.saturating_sub(position).max(0)),
                    end_unconfirmed_s: unconfirmed.map(|age| age.as_secs()),
                    watermark: watermark.map(rfc3339),
                    idle: time.is_some_and(|time| time.participation == Participation::Idle),
                    unconfirmed_event_time: time
                        .and_then(|time| time.jump)
                        .map(|jump| rfc3339(jump.to)),
                    halted: known.and_then(|known| known.halted.clone()),
                    time: watermark,
                    standing: time.map(|time| time.participation),
                }
            })
            .collect()
    }

    /// The lag of all `partitions` together. A sum without one that is read would be too low, so it is
    /// unknown while one is; a partition that is stopped does not count.
    pub(super) fn sum_of_lags(partitions: &[Self]) -> Option<i64> {
        let is_known = |partition: &Self| partition.lag.is_some() || partition.halted.is_some();
        let lags = partitions.iter().filter_map(|partition| partition.lag);
        let sum = lags.reduce(i64::saturating_add);
        sum.filter(|_| partitions.iter().all(is_known))
    }
}

/// The partition that holds the combined watermark where it is.
#[derive(Serialize, ToSchema)]
pub(super) struct HeldBackBy {
    partition: i32,
    watermark: Option<String>,
    reason: String,
}

impl HeldBackBy {
    /// The active one of `partitions` that has no watermark, or the lowest.
    pub(super) fn of(partitions: &[PartitionAnswer]) -> Option<Self> {
        let lowest = partitions
            .iter()
            .filter(|partition| partition.standing == Some(Participation::Active))
            .min_by_key(|partition| (partition.time, partition.partition))?;
        let reason = match (&lowest.halted, lowest.lag) {
            (Some(halted), _) => format!("it is stopped: {halted}"),
            (None, Some(lag @ 1..)) => format!("{lag} of its records {} still to be read", agreeing(lag.unsigned_abs(), "is", "are")),
            (None, None) if lowest.position.is_some() => {
                "how many of its records are still to be read is unknown: no Kafka broker says".to_owned()
            }
            (None, _) if lowest.time.is_none() && lowest.unconfirmed_event_time.is_some() => {
                "only one payment has been read from it yet; it counts when another agrees with its \
                 time, or until it is idle"
                    .to_owned()
            }
            (None, _) if lowest.time.is_none() => {
                "no payment has been read from it yet; it counts until it is idle".to_owned()
            }
            (None, _) if partitions.iter().any(|other| lowest.is_level_with(other)) => {
                "it has come as far as others, and no partition is further behind; it counts until a payment \
                 with a later time comes, or until it is idle"
                    .to_owned()
            }
            (None, _) => {
                "its payments are the furthest behind; it counts until one with a later time \
                 comes, or until it is idle"
                    .to_owned()
            }
        };
        Some(Self {
            partition: lowest.partition,
            watermark: lowest.watermark.clone(),
            reason,
        })
    }
}
