//! Figures as they change, as server-sent events (the HTML standard, 9.2).
//!
//! Nothing is queued for a client. It has a place, the checkpoint up to which it has been told, and
//! when its socket takes more it is told what changed since, each figure once, as it is by then. So a
//! client that reads slowly gets fewer and newer figures, and one that falls too far behind is told to
//! load everything again.

mod batch;
mod held;
mod pace;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use self::batch::{Batch, Filter, ResumePoint};
use self::held::Held;
use self::pace::EventPace;
use super::SharedState;
use super::description::{ChangesParams, Event, LastEvent};
use super::parameters::Parameters;
use super::problem::{Failure, Problem};
use crate::observe::metrics::GaugeGuard;
use crate::view::changelog::Changelog;

/// A client that was told to load everything again is told nothing for so long.
const AFTER_RESET: Duration = Duration::from_secs(2);
/// A comment is sent when nothing else was sent for so long, so that clients do not take the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// So many different batches are kept for clients that have not been given theirs yet.
const KEPT: usize = 8;
/// All that are kept hold at most this part of what all batches may hold.
const KEPT_PART: usize = 4;

/// What all clients share.
pub(super) struct Events {
    seats: Arc<Semaphore>,
    pace: EventPace,
    /// The number of the newest checkpoint.
    newest: Arc<watch::Sender<u64>>,
    /// The newest batches. The task that renders one holds the lock, and the others wait for it.
    kept: Mutex<Vec<Arc<Batch>>>,
    /// The bytes of all batches that are held, including those whose client takes nothing.
    held: Held,
    /// At most about so many bytes are held.
    held_max: usize,
    stopping: watch::Sender<bool>,
}

impl Events {
    /// Room for `clients` at once, who are told what `changelog` says, in batches that hold `held_max` bytes
    /// together.
    pub(super) fn new(clients: usize, held_max: usize, changelog: &Changelog) -> Self {
        let newest = Arc::new(watch::Sender::new(0));
        let sender = Arc::clone(&newest);
        changelog.watch(move |number| {
            sender.send_replace(number);
        });
        // One may have been written before.
        newest.send_modify(|number| *number = changelog.newest().max(*number));
        let position = ResumePoint::at(changelog.newest(), changelog.life());
        Self {
            seats: Arc::new(Semaphore::new(clients)),
            pace: EventPace::new(position, Instant::now()),
            newest,
            kept: Mutex::new(Vec::new()),
            held: Held::default(),
            held_max,
            stopping: watch::Sender::new(false),
        }
    }

    /// Ends all streams: clients come back when the service does.
    pub(super) fn stop(&self) {
        self.stopping.send_replace(true);
    }
}

/// Totals and windows as they change, as server-sent events: `total`, `window`, `reading`, `reset`.
#[utoipa::path(get, path = "/api/v1/events", tag = "figures", params(ChangesParams, LastEvent),
    responses((status = 200, description = "Events", body = Event, content_type = "text/event-stream")))]
pub(super) async fn stream(
    State(app): State<Arc<SharedState>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let filter = match Parameters::of(&uri, &["branch", "window"]) {
        Ok(parameters) => {
            let app = Arc::clone(&app);
            let found = spawn_blocking(move || {
                let readings = &app.state.readings;
                readings.query(|reading| match Filter::of(&app, reading, &parameters) {
                    Err(Failure::Read(error)) => Err(error),
                    other => Ok(other),
                })
            });
            match found.await {
                Ok(Ok(Ok(filter))) => filter,
                Ok(Ok(Err(Failure::Problem(problem)))) => return problem.into_response(),
                Ok(Ok(Err(failure))) => {
                    tracing::error!(error = %failure, "the event stream can't begin");
                    return Problem::internal().into_response();
                }
                Ok(Err(error)) => {
                    tracing::error!(%error, "the event stream can't begin");
                    return Problem::internal().into_response();
                }
                Err(panicked) => {
                    tracing::error!(error = %panicked, "the event stream can't begin");
                    return Problem::internal().into_response();
                }
            }
        }
        Err(problem) => return problem.into_response(),
    };
    let Ok(permit) = Arc::clone(&app.events.seats).try_acquire_owned() else {
        return Problem::crowded(app.limits.streams).into_response();
    };
    let position = headers
        .get(header::HeaderName::from_static("last-event-id"))
        .map_or(ResumePoint::Newest, |id| {
            id.to_str().map_or(ResumePoint::Unknown, ResumePoint::parse)
        });
    let present = app.state.status.metrics().event_client();
    let client = Follower {
        stopping: app.events.stopping.subscribe(),
        newest: app.events.newest.subscribe(),
        app,
        filter,
        position,
        is_new: true,
        rests_until: None,
        last_sent: Instant::now(),
        _permit: permit,
        _present: present,
    };
    let body = Body::from_stream(unfold(client, async |mut client| {
        let bytes = client.next().await?;
        Some((Ok::<_, Infallible>(bytes), client))
    }));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    // Proxies that gather an answer before they pass it on would hold figures back.
    headers.insert(
        header::HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

/// One client, and how far it has been told.
struct Follower {
    app: Arc<SharedState>,
    filter: Filter,
    position: ResumePoint,
    /// Whether it has been told nothing yet: then it waits for no beat.
    is_new: bool,
    /// It is told nothing before.
    rests_until: Option<Instant>,
    last_sent: Instant,
    newest: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
    _present: GaugeGuard,
}

/// What is sent to a client next.
enum Next {
    /// What changed since `from`, at least up to this place.
    Changes {
        from: ResumePoint,
        upto: ResumePoint,
    },
    /// A sign of life.
    Comment,
}

impl Follower {
    /// What the client is sent next; `None` when the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        let silent = self.last_sent + KEEP_ALIVE;
        let mut stopping = self.stopping.clone();
        let next = tokio::select! {
            biased;
            // An error says that the sender is gone.
            _ = stopping.wait_for(|stopping| *stopping) => return None,
            due = self.due() => due?,
            () = sleep_until(silent) => Next::Comment,
        };
        let Next::Changes { from, upto } = next else {
            self.last_sent = Instant::now();
            return Some(Bytes::from_static(b":\n\n"));
        };
        let batch = self.batch(from, upto).await?;
        self.position = batch.upto;
        self.last_sent = Instant::now();
        if batch.is_reset {
            self.rests_until = Some(self.last_sent + AFTER_RESET);
        }
        Some(batch.bytes.clone())
    }

    /// Waits until there is something to send to the client; `None` when no more checkpoints are
    /// written.
    async fn due(&mut self) -> Option<Next> {
        if let Some(moment) = self.rests_until {
            sleep_until(moment).await;
            self.rests_until = None;
        }
        let (position, life) = (self.position, self.app.state.changelog.life());
        if std::mem::take(&mut self.is_new) {
            let newest = self.app.state.changelog.newest();
            if !position.is(newest, life) {
                let upto = ResumePoint::at(newest, life);
                return Some(Next::Changes {
                    from: position,
                    upto,
                });
            }
        }
        loop {
            let newer = |newest: &u64| ResumePoint::at(*newest, life) > position;
            let newest = *self.newest.wait_for(newer).await.ok()?;
            let newest = ResumePoint::at(newest, life);
            match self.app.events.pace.beat(position, newest, Instant::now()) {
                Ok(beat) => {
                    let (from, upto) = (beat.from(position), beat.upto);
                    return Some(Next::Changes { from, upto });
                }
                Err(due) => sleep_until(due).await,
            }
        }
    }

    /// What changed since `from`, at least up to `upto`.
    async fn batch(&self, from: ResumePoint, upto: ResumePoint) -> Option<Arc<Batch>> {
        let mut kept = self.app.events.kept.lock().await;
        let known = kept
            .iter()
            .rev()
            .find(|batch| batch.after == from && batch.filter == self.filter && batch.upto >= upto);
        if let Some(batch) = known {
            return Some(Arc::clone(batch));
        }
        // Each client that takes nothing keeps a batch from being forgotten, and may be alone with it.
        let is_full = self.app.events.held.bytes() >= self.app.events.held_max;
        let (app, filter) = (Arc::clone(&self.app), self.filter.clone());
        let made = spawn_blocking(move || {
            Batch::render(&app.state, filter, from, is_full, &app.events.held)
        })
        .await;
        let batch = match made {
            Ok(Ok(batch)) => Arc::new(batch),
            Ok(Err(error)) => {
                tracing::error!(%error, "an event stream ends");
                return None;
            }
            Err(panicked) => {
                tracing::error!(error = %panicked, "an event stream ends");
                return None;
            }
        };
        kept.push(Arc::clone(&batch));
        let most = self.app.events.held_max / KEPT_PART;
        while kept.len() > KEPT
            || (kept.len() > 1 && kept.iter().map(|batch| batch.bytes.len()).sum::<usize>() > most)
        {
            kept.remove(0);
        }
        Some(batch)
    }
}
