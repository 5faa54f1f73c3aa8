//! What every figure is now, over HTTP. Reads only; every answer is one checkpoint.

mod ask;
mod capacity;
mod description;
mod effort;
mod encoding;
mod etag;
mod events;
mod format;
mod guard;
mod health;
mod host;
mod ledger;
mod limits;
mod metrics;
mod openapi;
mod page;
mod page_cursor;
mod parameters;
mod pieces;
mod problem;
mod process;
mod progress;
mod question;
mod range;
mod records;
mod routes;
mod scrape;
mod server;
mod status;
mod tabular;
mod totals;
mod waiting;
mod windows;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

pub use self::limits::Limits;
pub use self::status::remarks_of;

use self::capacity::Capacity;
use self::events::Events;
use self::problem::Problem;
use self::progress::CheckpointProgress;
use self::tabular::FileCache;
use crate::domain::branch::Branches;
use crate::domain::secret::Secret;
use crate::host::clock::Instant;
use crate::observe::status::Status;
use crate::view::changelog::Changelog;
use crate::view::reading::Readings;

/// Where to listen, and who may ask.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The bearer token that requests must carry; without one every program that can connect may ask, so
    /// it is required for an address that is not loopback.
    pub token: Option<Secret>,
}

/// Everything that answers are made from.
#[derive(Clone)]
pub struct State {
    /// The figures.
    pub readings: Arc<dyn Readings>,
    /// What the newest checkpoints changed.
    pub changelog: Arc<Changelog>,
    /// How the parts are doing.
    pub status: Arc<Status>,
    /// The names of the branches.
    pub branches: Arc<Branches>,
    /// What the names of indexes begin with; none without Elasticsearch.
    pub index_prefix: Option<String>,
    /// The version of this program.
    pub version: &'static str,
    /// When the service started.
    pub started: Instant,
}

/// Why the service can't answer over HTTP.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing would keep strangers out.
    #[error(
        "{0} can be reached from other machines and no token is configured: set http.token_file, \
         or listen on 127.0.0.1"
    )]
    Unprotected(SocketAddr),
    /// The socket failed.
    #[error("the HTTP socket can't be used: {0}")]
    Socket(#[from] std::io::Error),
}

/// Answers on `listener` until `stop` is there; then lets open requests end. The limits are the
/// default, with as many connections as the process has file descriptors for.
///
/// # Errors
/// When the listener is reachable from other machines and there is no token.
pub async fn serve(
    listener: TcpListener,
    token: Option<Secret>,
    state: State,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let limits = Limits {
        connections: connections(process::max_fds()),
        ..Limits::default()
    };
    serve_within(limits, listener, token, state, stop).await
}

/// How many connections there may be in a process with `max_fds` file descriptors: half of them,
/// as the state, Kafka and Elasticsearch need some too.
fn connections(max_fds: Option<u64>) -> usize {
    let half = max_fds.and_then(|max| usize::try_from(max / 2).ok());
    let connections = half.unwrap_or(Limits::default().connections);
    connections.clamp(CONNECTIONS_MIN, CONNECTIONS_MAX)
}

const CONNECTIONS_MIN: usize = 64;
/// All who may wait for the state, and as many others as a process with few descriptors has.
const CONNECTIONS_MAX: usize = 4_608;

/// [`serve`] with limits other than the default.
///
/// # Errors
/// When the listener is reachable from other machines and there is no token.
pub async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    token: Option<Secret>,
    state: State,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    protected(listener.local_addr()?, token.as_ref())?;
    let status = Arc::clone(&state.status);
    let app = SharedState::new(state, token, limits.clone());
    let events = Arc::clone(&app);
    let stop = async move {
        stop.await;
        events.events.stop();
    };
    server::run(listener, routes(app), &limits, &status, stop).await;
    Ok(())
}

fn protected(address: SocketAddr, token: Option<&Secret>) -> Result<(), Error> {
    if token.is_some() || address.ip().to_canonical().is_loopback() {
        Ok(())
    } else {
        Err(Error::Unprotected(address))
    }
}

/// All routes, with everything that holds for each of them.
pub fn router(state: State, token: Option<Secret>, limits: Limits) -> Router {
    routes(SharedState::new(state, token, limits))
}

fn routes(app: Arc<SharedState>) -> Router {
    let v1 = Router::new()
        .route("/", get(routes::index))
        .route("/totals", get(totals::all))
        .route("/totals/{branch}", get(totals::one))
        .route("/windows", get(windows::definitions))
        .route("/windows/{name}", get(windows::list))
        .route("/windows/{name}/current", get(windows::current))
        .route("/ledger", get(ledger::show))
        .route("/rejects", get(records::rejects))
        .route("/late", get(records::late))
        .route("/duplicates", get(records::duplicates))
        .route("/status", get(status::show))
        .route("/events", get(events::stream));
    let routes = Router::new()
        .nest("/api/v1", v1)
        .route("/", get(page::show))
        .route("/ui/{*file}", get(page::part))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .route("/openapi.json", get(openapi::show))
        .fallback(async || {
            Problem::not_found("there is nothing at this address; \"/api/v1\" lists all")
        })
        .method_not_allowed_fallback(async || Problem::method_not_allowed());
    encoding::compressed(routes)
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard))
        .with_state(app)
}

/// What handlers share.
struct SharedState {
    state: State,
    token: Option<Secret>,
    capacity: Arc<Capacity>,
    /// How far the state has come, for requests that wait for it.
    progress: Arc<CheckpointProgress>,
    events: Events,
    limits: Limits,
    /// A number drawn at the start: answers of two lives of the process are never taken for one.
    life: u64,
    /// The files made last.
    kept: FileCache,
    /// What `/openapi.json` answers.
    openapi: Bytes,
}

impl SharedState {
    fn new(state: State, token: Option<Secret>, limits: Limits) -> Arc<Self> {
        let openapi = openapi::document(state.version, token.is_some()).into();
        let progress = CheckpointProgress::follow(&state, limits.waiters);
        Arc::new(Self {
            events: Events::new(limits.streams, limits.stream_bytes, &state.changelog),
            state,
            token,
            capacity: Arc::new(Capacity::new(&limits)),
            progress,
            limits,
            life: fastrand::u64(..),
            kept: FileCache::default(),
            openapi,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        for (max_fds, most) in [
            (None, 512),
            (Some(1_024), 512),
            (Some(256), 128),
            (Some(8_192), 4_096),
            (Some(0), 64),
            (Some(u64::MAX), 4_608),
        ] {
            assert_eq!(connections(max_fds), most, "{max_fds:?}");
        }
    }

    #[test]
    fn an_address_that_others_can_reach_needs_a_token() {
        for address in [
            "127.0.0.1:80",
            "127.3.2.1:80",
            "[::1]:80",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert!(
                protected(address.parse().unwrap(), None).is_ok(),
                "{address}"
            );
        }
        for address in [
            "0.0.0.0:80",
            "10.0.0.1:80",
            "[::]:80",
            "[::ffff:10.0.0.1]:80",
        ] {
            let address = address.parse().unwrap();
            let error = protected(address, None).unwrap_err();
            assert!(error.to_string().contains("token"));
            assert!(protected(address, Some(&Secret::new("x"))).is_ok());
        }
    }
}
