//! Figures as they change, as server-sent events (the HTML standard, 9.2).
//!
//! Nothing is queued for a client. It has a place, the checkpoint up to which it has been told, and
//! when its socket takes more it is told what changed since, each figure once, as it is by then. So
//! who reads slowly gets fewer and newer figures, and who falls too far behind is told to load all
//! anew.

mod batch;

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

use self::batch::{Batch, Filter, Place};
use super::App;
use super::openapi::{Changes, Event, LastEvent};
use super::parameters::Parameters;
use super::problem::{Failure, Problem};
use crate::metrics::Present;

/// Batches come at most this often, and for all clients at the same moments: who is told the same is
/// given the same bytes.
const EVERY: Duration = Duration::from_millis(250);
/// A client that was told to load all anew is left alone for so long.
const AFTER_RESET: Duration = Duration::from_secs(2);
/// A comment is sent when nothing else was for so long, so that nobody takes the line for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// So many different batches are kept for clients that have not been given theirs yet.
const KEPT: usize = 8;

/// What all clients share.
pub(super) struct Events {
    places: Arc<Semaphore>,
    /// The moments of batches are counted from here.
    began: Instant,
    /// The newest batches; whoever renders one holds it, and the others wait for it.
    kept: Mutex<Vec<Arc<Batch>>>,
    stopping: watch::Sender<bool>,
}

impl Events {
    /// Room for `clients` at once.
    pub(super) fn new(clients: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(clients)),
            began: Instant::now(),
            kept: Mutex::new(Vec::new()),
            stopping: watch::Sender::new(false),
        }
    }

    /// Ends all streams: clients come back when the service does.
    pub(super) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// The next common moment that is not before `earliest`.
    fn next_moment(&self, earliest: Instant) -> Instant {
        let since = earliest.duration_since(self.began).as_nanos();
        let moments = since.div_ceil(EVERY.as_nanos());
        self.began + EVERY * u32::try_from(moments).unwrap_or(u32::MAX)
    }
}

/// Totals and windows as they change, as server-sent events: `total`, `window`, `reading`, `reset`.
#[utoipa::path(get, path = "/api/v1/events", tag = "figures", params(Changes, LastEvent),
    responses((status = 200, description = "Events", body = Event, content_type = "text/event-stream")))]
pub(super) async fn stream(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Response {
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
                other => {
                    tracing::error!(?other, "the event stream can't begin");
                    return Problem::internal().into_response();
                }
            }
        }
        Err(problem) => return problem.into_response(),
    };
    let Ok(permit) = Arc::clone(&app.events.places).try_acquire_owned() else {
        return Problem::crowded(app.limits.streams).into_response();
    };
    let place = headers
        .get(header::HeaderName::from_static("last-event-id"))
        .map_or(Place::Newest, |id| {
            id.to_str().map_or(Place::Unknown, Place::parse)
        });
    let now = Instant::now();
    let present = app.state.status.metrics().event_client();
    let client = Client {
        stopping: app.events.stopping.subscribe(),
        app,
        filter,
        place,
        next: now,
        last_sent: now,
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
struct Client {
    app: Arc<App>,
    filter: Filter,
    place: Place,
    /// Nothing is sent before.
    next: Instant,
    last_sent: Instant,
    stopping: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
    _present: Present,
}

impl Client {
    /// What the client is sent next; `None` when the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let moment = self.app.events.next_moment(self.next);
            tokio::select! {
                // An error says that nobody is left who could go on.
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                () = sleep_until(moment) => {}
            }
            let now = Instant::now();
            self.next = now + EVERY / 2;
            if self
                .place
                .is(self.app.state.feed.newest(), self.app.state.generation)
            {
                if now - self.last_sent < KEEP_ALIVE {
                    continue;
                }
                self.last_sent = now;
                return Some(Bytes::from_static(b":\n\n"));
            }
            let batch = self.batch().await?;
            self.place = batch.upto;
            self.last_sent = now;
            if batch.is_reset {
                self.next = now + AFTER_RESET;
            }
            return Some(batch.bytes.clone());
        }
    }

    /// What changed since the client's place.
    async fn batch(&self) -> Option<Arc<Batch>> {
        let mut kept = self.app.events.kept.lock().await;
        let newest = self.app.state.feed.newest();
        let known = kept.iter().find(|batch| {
            batch.after == self.place
                && batch.filter == self.filter
                && batch.upto.is(newest, self.app.state.generation)
        });
        if let Some(batch) = known {
            return Some(Arc::clone(batch));
        }
        let (app, filter, place) = (Arc::clone(&self.app), self.filter.clone(), self.place);
        let made = spawn_blocking(move || Batch::render(&app.state, filter, place)).await;
        let batch = match made {
            Ok(Ok(batch)) => Arc::new(batch),
            other => {
                tracing::error!(?other, "an event stream ends");
                return None;
            }
        };
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(Arc::clone(&batch));
        Some(batch)
    }
}
