//! The list of all routes, as text.

use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use super::parameters::Parameters;

/// All routes, each with what it answers.
#[utoipa::path(get, path = "/api/v1", tag = "service",
    responses((status = 200, description = "All routes", body = str, content_type = "text/plain")))]
pub(super) async fn index(uri: Uri) -> Response {
    match Parameters::of(&uri, &[]) {
        Ok(_) => ROUTES.into_response(),
        Err(problem) => problem.into_response(),
    }
}

const ROUTES: &str = "\
Tidegauge

/api/v1/totals                  running totals of all branches
/api/v1/totals/{branch}         of one branch, by name or id
/api/v1/windows                 window definitions, watermarks, what holds them back
/api/v1/windows/{name}          windows: ?branch= from= to= final= limit= cursor=
/api/v1/windows/{name}/current  windows that are not final yet
/api/v1/ledger                  every record consumed, once, under what became of it
/api/v1/rejects                 rejected records: ?limit= cursor=
/api/v1/late                    payments in no window (too_late, past_retention, future, conflict): ?limit= cursor=
/api/v1/duplicates              payments that repeat another (duplicate, conflict): ?limit= cursor=
/api/v1/status                  how each part is doing
/api/v1/events                  totals and windows as they change (SSE): ?branch= window=
/                               the live page
/metrics                        for Prometheus
/livez                          whether the process answers
/openapi.json                   all of this, for programs
/readyz                         whether it is ready: ?verbose says why not

totals and windows: ?format=csv|ndjson|arrow|parquet
";
