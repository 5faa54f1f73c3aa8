//! Windows: which there are, what holds them back, and what is in them.

use std::fmt::Debug;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde::Serialize;
use tidegauge_windows::{Cells, Definition, EventTime, Kind, Query, Summary};
use utoipa::ToSchema;

use super::SharedState;
use super::ask::{Answered, ask, render};
use super::description::{DefinitionName, Finality, InForm, PageParams, WaitParams, WindowParams};
use super::effort::{Effort, Measured};
use super::page_cursor::{self, WindowPosition};
use super::problem::{Failure, Problem, quoted};
use super::question::Question;
use super::status::{HeldBackBy, PartitionAnswer};
use super::tabular::{List, Page as Rows, Work, answer};
use super::totals::NamedBranch;
use crate::domain::branch_key::BranchKey;
use crate::domain::payment::BranchId;
use crate::view::cell_cache::CellCache;
use crate::view::reading::{ReadError, Reading};
use crate::view::wire::WindowAnswer;

/// The window definitions, how far each partition has come, and what holds the windows back.
#[utoipa::path(get, path = "/api/v1/windows", tag = "figures", params(WaitParams),
    responses((status = 200, description = "The definitions", body = Answered<DefinitionsAnswer>)))]
pub(super) async fn definitions(
    State(app): State<Arc<SharedState>>,
    request: Request,
) -> Result<Response, Problem> {
    let question = Question::of_json(request, &[])?;
    question.wait(&app, |_| Ok(())).await?;
    let response = ask(app, |app, reading| {
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
    });
    Ok(response.await)
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
) -> Result<Response, Problem> {
    const KNOWN: &[&str] = &["branch", "from", "to", "final", "limit", "cursor"];
    page(app, name, Question::of(request, KNOWN)?, None).await
}

/// The windows of a definition that are not final yet, by start and branch.
#[utoipa::path(get, path = "/api/v1/windows/{name}/current", tag = "figures",
    params(DefinitionName, WindowParams, PageParams, InForm, WaitParams),
    responses((status = 200, description = "Windows", body = Answered<Items>)))]
pub(super) async fn current(
    State(app): State<Arc<SharedState>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    const KNOWN: &[&str] = &["branch", "from", "to", "limit", "cursor"];
    page(app, name, Question::of(request, KNOWN)?, Some(false)).await
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
) -> Result<Response, Problem> {
    let Ok(Path(name)) = name else {
        let detail = "the window in the path is not UTF-8 when decoded";
        return Err(Problem::path(detail));
    };
    let asked = WindowQuestion::of(&app, &question, name, finality)?;
    question
        .wait(&app, |now| {
            let query = asked.query(&app, &now.definitions, now.generation);
            query.map(|_| ())
        })
        .await?;
    let work = if question.is_short() && !question.wants_file() {
        Work::Light
    } else {
        Work::Heavy
    };
    let response = answer(
        app,
        question,
        work,
        move |app, question, reading, answer| {
            let generation = reading.checkpoint().generation;
            let definitions = reading.frame().definitions();
            let (definition, mut query) = asked.query(app, definitions, generation)?;
            if let Some(branch) = &asked.branch {
                query.key = Some(branch.known(app, reading)?);
            }
            let list = List {
                name: asked.name.clone(),
                field: "items",
                is_whole: asked.is_whole,
                has_next: true,
            };
            let effort = answer.effort();
            answer.list(question, reading, list, |page| {
                let last = write(app, definition, reading, &effort, query, page)?;
                let asked = asked.identity(generation);
                Ok(last.map(|position| {
                    page_cursor::after_window(position, &app.state.branches, &asked)
                }))
            })
        },
    );
    Ok(response.await)
}

/// Which windows a request asks for, as far as it says so by itself.
struct WindowQuestion {
    name: String,
    from: Option<EventTime>,
    to: Option<EventTime>,
    finality: Option<bool>,
    branch: Option<NamedBranch>,
    cursor: Option<String>,
    limit: usize,
    /// Whether all are asked for, and not a page of them.
    is_whole: bool,
}

impl WindowQuestion {
    /// What `question` asks for of the definition `name`; of all its windows, or those of `finality`.
    fn of(
        app: &SharedState,
        question: &Question,
        name: String,
        finality: Option<bool>,
    ) -> Result<Self, Problem> {
        let parameters = &question.parameters;
        let (from, to) = parameters.range()?;
        // A table holds all that is asked for, unless the request says otherwise.
        let is_whole = question.is_table() && parameters.text("limit").is_none();
        Ok(Self {
            name,
            from,
            to,
            finality: match finality {
                Some(finality) => Some(finality),
                None => parameters.flag("final")?,
            },
            branch: NamedBranch::in_parameters(app, parameters)?,
            cursor: parameters.text("cursor").map(str::to_owned),
            limit: if is_whole {
                usize::MAX
            } else {
                parameters.limit()?
            },
            is_whole,
        })
    }

    /// What a cursor belongs to.
    fn identity(&self, generation: u32) -> impl Debug + use<'_> {
        let key = self.branch.as_ref().map(|branch| match &branch.key {
            BranchKey::Integer(id) => id as &dyn Debug,
            BranchKey::Text(text) => text,
        });
        let name = self.name.as_str();
        (name, generation, self.from, self.to, key, self.finality)
    }

    /// The definition among `definitions`, those of `generation`, and what to look for in it, of all branches.
    fn query<'a>(
        &self,
        app: &SharedState,
        definitions: &'a [Definition],
        generation: u32,
    ) -> Result<(&'a Definition, Query<BranchId>), Problem> {
        let (number, definition) = find_definition(definitions, &self.name)?;
        let after = match &self.cursor {
            Some(text) => {
                let asked = self.identity(generation);
                Some(page_cursor::window_position(
                    text,
                    &app.state.branches,
                    &asked,
                )?)
            }
            None => None,
        };
        let query = Query {
            definition: number,
            from: self.from,
            to: self.to,
            key: None,
            finality: self.finality,
            after,
            limit: self.limit,
        };
        Ok((definition, query))
    }
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

/// The definition `name` among `definitions`, with its number.
pub(super) fn find_definition<'a>(
    definitions: &'a [Definition],
    name: &str,
) -> Result<(u16, &'a Definition), Problem> {
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
        })
}
