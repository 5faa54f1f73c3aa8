//! Windows: which there are, what holds them back, and what is in them.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tidegauge_windows::{Definition, Kind, Query};

use super::App;
use super::ask::{ask, render};
use super::cursor;
use super::parameters::Parameters;
use super::problem::{Failure, Problem, quoted};
use super::status::{HeldBackBy, PartitionAnswer};
use super::totals::find_branch;
use crate::answer::WindowAnswer;
use crate::reading::Reading;

/// `GET /api/v1/windows`: the definitions, and how far each partition has come.
pub(super) async fn definitions(State(app): State<Arc<App>>, uri: Uri) -> Response {
    #[derive(Serialize)]
    struct Windows<'a> {
        windows: Vec<DefinitionAnswer<'a>>,
        partitions: Vec<PartitionAnswer>,
    }
    if let Err(problem) = Parameters::of(&uri, &[]) {
        return problem.into_response();
    }
    ask(app, |app, reading| {
        let board = app.state.status.board();
        let partitions = PartitionAnswer::all(Some(reading), &board);
        let held_back_by = HeldBackBy::of(&partitions);
        let windows = reading
            .frame()
            .definitions()
            .iter()
            .map(|definition| DefinitionAnswer::new(app, definition, held_back_by.as_ref()))
            .collect();
        let windows = Windows {
            windows,
            partitions,
        };
        render(reading, &windows)
    })
    .await
}

#[derive(Serialize)]
struct DefinitionAnswer<'a> {
    name: &'a str,
    kind: &'static str,
    size_ms: i64,
    slide_ms: i64,
    offset_ms: i64,
    time_zone: &'static str,
    index: Option<String>,
    held_back_by: Option<&'a HeldBackBy>,
}

impl<'a> DefinitionAnswer<'a> {
    fn new(app: &App, definition: &'a Definition, held_back_by: Option<&'a HeldBackBy>) -> Self {
        let prefix = app.state.index_prefix.as_ref();
        Self {
            name: definition.name(),
            kind: match definition.kind() {
                Kind::Tumbling => "tumbling",
                Kind::Sliding => "sliding",
                Kind::Cumulative => "cumulative",
            },
            size_ms: definition.size().millis(),
            slide_ms: definition.slide().millis(),
            offset_ms: definition.offset().millis(),
            // Windows shorter than a day are aligned to the epoch, whatever zone is configured.
            time_zone: if definition.zoned() {
                definition.zone().name()
            } else {
                "UTC"
            },
            index: prefix.map(|prefix| format!("{prefix}-{}", definition.name())),
            held_back_by,
        }
    }
}

/// `GET /api/v1/windows/{name}`: the windows of a definition, by start and branch.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Response {
    const KNOWN: &[&str] = &["branch", "from", "to", "final", "limit", "cursor"];
    match Parameters::of(&uri, KNOWN) {
        Ok(parameters) => page(app, name, parameters, None).await,
        Err(problem) => problem.into_response(),
    }
}

/// `GET /api/v1/windows/{name}/current`: the windows that are not final yet.
pub(super) async fn current(
    State(app): State<Arc<App>>,
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Response {
    const KNOWN: &[&str] = &["branch", "from", "to", "limit", "cursor"];
    match Parameters::of(&uri, KNOWN) {
        Ok(parameters) => page(app, name, parameters, Some(false)).await,
        Err(problem) => problem.into_response(),
    }
}

async fn page(
    app: Arc<App>,
    name: Result<Path<String>, PathRejection>,
    parameters: Parameters,
    finality: Option<bool>,
) -> Response {
    let Ok(Path(name)) = name else {
        return Problem::path("the window in the path is not UTF-8 when decoded").into_response();
    };
    ask(app, move |app, reading| {
        let (number, definition) = find_definition(reading, &name)?;
        let (from, to) = parameters.range()?;
        let finality = match finality {
            Some(finality) => Some(finality),
            None => parameters.flag("final")?,
        };
        let limit = parameters.limit()?;
        let key = match parameters.text("branch") {
            Some(text) => Some(find_branch(app, reading, text)?),
            None => None,
        };
        let generation = reading.checkpoint().generation;
        let asked = (definition.name(), generation, from, to, key, finality);
        let after = match parameters.text("cursor") {
            Some(text) => Some(cursor::window_place(text, &asked)?),
            None => None,
        };
        let query = Query {
            definition: number,
            from,
            to,
            key,
            finality,
            after,
            // One more than wanted tells whether there is another page.
            limit: limit + 1,
        };
        let mut results = reading.frame().windows(reading, &query)?;
        let more = results.len() > limit;
        results.truncate(limit);
        let last = results.last().filter(|_| more);
        let next = last.map(|last| {
            cursor::after_window((last.window.start, last.key, last.window.end), &asked)
        });
        let items = results
            .iter()
            .map(|result| WindowAnswer::new(result, definition, &app.state.branches))
            .collect();
        render(reading, &Items { items, next })
    })
    .await
}

#[derive(Serialize)]
struct Items<'a> {
    items: Vec<WindowAnswer<'a>>,
    next: Option<String>,
}

pub(super) fn find_definition<'a>(
    reading: &'a dyn Reading,
    name: &str,
) -> Result<(u16, &'a Definition), Failure> {
    let definitions = reading.frame().definitions();
    (0..)
        .zip(definitions)
        .find(|(_, definition)| definition.name() == name)
        .ok_or_else(|| {
            let names: Vec<_> = definitions.iter().map(Definition::name).collect();
            Problem::not_found(format!(
                "there is no window {}; configured are: {}",
                quoted(name),
                names.join(", ")
            ))
            .into()
        })
}
