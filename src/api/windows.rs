//! Windows: which there are, what holds them back, and what is in them.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tidegauge_windows::{Cells, Definition, Kind, Query, Summary};
use utoipa::ToSchema;

use super::SharedState;
use super::ask::{Answered, ask, render};
use super::description::{DefinitionName, Finality, InForm, PageParams, WaitParams, WindowParams};
use super::effort::{Effort, Measured};
use super::page_cursor::{self, WindowPosition};
use super::parameters::Parameters;
use super::problem::{Failure, Problem, quoted};
use super::question::Question;
use super::status::{HeldBackBy, PartitionAnswer};
use super::tabular::{List, Page as Rows, Work, answer};
use super::totals::find_branch;
use crate::domain::payment::BranchId;
use crate::view::cell_cache::CellCache;
use crate::view::reading::{ReadError, Reading};
use crate::view::wire::WindowAnswer;

/// The window definitions, how far each partition has come, and what holds the windows back.
#[utoipa::path(get, path = "/api/v1/windows", tag = "figures", params(WaitParams),
    responses((status = 200, description = "The definitions", body = Answered<DefinitionsAnswer>)))]
pub(super) async fn definitions(State(app): State<Arc<SharedState>>, uri: Uri) -> Response {
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
        let windows = DefinitionsAnswer {
            windows,
            partitions,
        };
        render(reading, &windows)
    })
    .await
}

/// The window definitions, and how far each partition has come.
#[derive(Serialize, ToSchema)]
#[schema(as = Windows)]
struct DefinitionsAnswer<'a> {
    windows: Vec<DefinitionAnswer<'a>>,
    partitions: Vec<PartitionAnswer>,
}

/// A window definition.
#[derive(Serialize, ToSchema)]
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
    fn new(
        app: &SharedState,
        definition: &'a Definition,
        held_back_by: Option<&'a HeldBackBy>,
    ) -> Self {
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

/// The windows of a definition, by start and branch.
#[utoipa::path(get, path = "/api/v1/windows/{name}", tag = "figures",
    params(DefinitionName, WindowParams, Finality, PageParams, InForm, WaitParams),
    responses((status = 200, description = "Windows", body = Answered<Items>)))]
pub(super) async fn list(
    State(app): State<Arc<SharedState>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    const KNOWN: &[&str] = &["branch", "from", "to", "final", "limit", "cursor"];
    match Question::of(request, KNOWN) {
        Ok(question) => page(app, name, question, None).await,
        Err(problem) => problem.into_response(),
    }
}

/// The windows of a definition that are not final yet, by start and branch.
#[utoipa::path(get, path = "/api/v1/windows/{name}/current", tag = "figures",
    params(DefinitionName, WindowParams, PageParams, InForm, WaitParams),
    responses((status = 200, description = "Windows", body = Answered<Items>)))]
pub(super) async fn current(
    State(app): State<Arc<SharedState>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    const KNOWN: &[&str] = &["branch", "from", "to", "limit", "cursor"];
    match Question::of(request, KNOWN) {
        Ok(question) => page(app, name, question, Some(false)).await,
        Err(problem) => problem.into_response(),
    }
}

/// So many windows are in memory at once.
const PAGE: usize = 256;
/// Windows that overlap are made of the same cells: this many of them are remembered.
const CELLS: usize = 512;

async fn page(
    app: Arc<SharedState>,
    name: Result<Path<String>, PathRejection>,
    question: Question,
    finality: Option<bool>,
) -> Response {
    let Ok(Path(name)) = name else {
        return Problem::path("the window in the path is not UTF-8 when decoded").into_response();
    };
    let work = if question.is_short() && !question.wants_file() {
        Work::Light
    } else {
        Work::Heavy
    };
    answer(
        app,
        question,
        work,
        move |app, question, reading, answer| {
            let parameters = &question.parameters;
            let (number, definition) = find_definition(reading, &name)?;
            let (from, to) = parameters.range()?;
            let finality = match finality {
                Some(finality) => Some(finality),
                None => parameters.flag("final")?,
            };
            // A table holds all that is asked for, unless the request says otherwise.
            let is_whole = question.is_table() && parameters.text("limit").is_none();
            let limit = if is_whole {
                usize::MAX
            } else {
                parameters.limit()?
            };
            let key = match parameters.text("branch") {
                Some(text) => Some(find_branch(app, reading, text)?),
                None => None,
            };
            let generation = reading.checkpoint().generation;
            let asked = (definition.name(), generation, from, to, key, finality);
            let after = match parameters.text("cursor") {
                Some(text) => Some(page_cursor::window_position(text, &asked)?),
                None => None,
            };
            let query = Query {
                definition: number,
                from,
                to,
                key,
                finality,
                after,
                limit,
            };
            let list = List {
                name,
                field: "items",
                is_whole,
                has_next: true,
            };
            let effort = answer.effort();
            answer.list(question, reading, list, |page| {
                let last = write(app, definition, reading, &effort, query, page)?;
                Ok(last.map(|position| page_cursor::after_window(position, &asked)))
            })
        },
    )
    .await
}

/// Hands the windows that `query` selects to `page`, and gives the place of the last one if there
/// are more.
fn write<'a>(
    app: &'a SharedState,
    definition: &'a Definition,
    reading: &dyn Reading,
    effort: &Effort,
    query: Query<BranchId>,
    page: Rows<'_, WindowAnswer<'a>>,
) -> Result<Option<WindowPosition>, Failure> {
    let mut query = query;
    let mut rest = query.limit;
    loop {
        query.limit = rest.min(PAGE);
        // Nothing but what is shown of the windows is kept while the client takes it, or while
        // others have the turn.
        let (items, last) = read(app, definition, reading, effort, &query)?;
        page(&items)?;
        rest -= items.len();
        if last.is_none() || rest == 0 {
            return Ok(last);
        }
        query.after = last;
    }
}

/// The windows that `query` selects, and the place of the last one if there are more.
fn read<'a>(
    app: &'a SharedState,
    definition: &'a Definition,
    reading: &dyn Reading,
    effort: &Effort,
    query: &Query<BranchId>,
) -> Result<(Vec<WindowAnswer<'a>>, Option<WindowPosition>), Failure> {
    let remembered = CellCache::new(reading, CELLS);
    let cells: &dyn Cells<BranchId, Summary, Error = ReadError> = match definition.kind() {
        Kind::Sliding | Kind::Cumulative => &remembered,
        Kind::Tumbling => reading,
    };
    let query_one_more = Query {
        // One more than wanted tells whether there is another page.
        limit: query.limit + 1,
        ..*query
    };
    let cells = Measured::new(cells, effort);
    let mut results = reading.frame().windows(&cells, &query_one_more)?;
    let more = results.len() > query.limit;
    results.truncate(query.limit);
    let last = results.last().filter(|_| more);
    let last = last.map(|last| (last.window.start, last.key, last.window.end));
    let items = results
        .iter()
        .map(|result| WindowAnswer::new(result, definition, &app.state.branches))
        .collect();
    Ok((items, last))
}

/// A page of windows, and the cursor of the next one.
#[derive(Serialize, ToSchema)]
#[allow(
    dead_code,
    reason = "the OpenAPI document tells of it; it is written item by item"
)]
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
