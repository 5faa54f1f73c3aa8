//! `tidegauge query`: queries a running service and prints the answer.

mod dot_segments;
mod latencies;
mod parsing;
mod rows;

use std::time::Duration;

use anyhow::{Context, anyhow};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;

use self::dot_segments::is_dots;
use self::parsing::{row_in, rows_in, text_in, unexpected};
use super::arguments::{GlobalArgs, QueryArgs, QueryCommand, RecordsArgs};
use super::endpoint::{self, Address, FlagOrVariable};
use super::failure::CommandFailure;
use super::output::{self, OutputFormat};
use super::row::JsonRow;
use super::streams;
use super::table::TableOptions;
use super::watch::Watch;
use crate::domain::count::{counted, grouped};
use crate::domain::secret::Secret;

/// The most windows that a service gives in one answer.
const PAGE_MAX: u64 = 10_000;

/// Queries the service and prints the answer.
///
/// # Errors
/// When the service can't be reached, refuses the question, or stdout can't be written.
pub fn run(query: &QueryArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let service = Service::new(query, globals)?;
    let options = TableOptions {
        colour: TableOptions::of_stdout().colour && !query.no_color,
        ..TableOptions::of_stdout()
    };
    runtime.block_on(async {
        match query.watch {
            Some(interval) => service.watch(&query.subject, options, interval).await,
            None => {
                let text = service.text(&query.subject, options).await?;
                Ok(streams::print(text.as_bytes())?)
            }
        }
    })
}

/// A running service.
struct Service {
    client: Client,
    url: Url,
    shown_url: String,
    token: Option<Secret>,
    output: OutputFormat,
}

/// An error response of the service (RFC 9457).
#[derive(Deserialize)]
struct ProblemDetails {
    title: String,
    detail: Option<String>,
}

impl Service {
    fn new(query: &QueryArgs, globals: &GlobalArgs) -> Result<Self, CommandFailure> {
        let sources = query.sources(globals);
        let address = Address::of(&FlagOrVariable::url(query.url.as_deref()), &sources)?;
        let mut url = address.parsed()?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let client = Client::builder()
            .timeout(query.timeout)
            .user_agent(concat!("tidegauge/", env!("CARGO_PKG_VERSION")));
        // A proxy can't reach the loopback address of this machine.
        let client = if endpoint::is_loopback(&url) {
            client.no_proxy()
        } else {
            client
        };
        let client = client.build().context("no connection can be made")?;
        let named = FlagOrVariable::token_file(query.token_file.as_deref());
        let token = endpoint::token_file(&named, &url, &sources);
        let token = token.as_deref().map(endpoint::token_in).transpose()?;
        Ok(Self {
            client,
            url,
            shown_url: address.shown(),
            token,
            output: query.output,
        })
    }

    /// An answer as text, in the output format.
    async fn text(
        &self,
        subject: &QueryCommand,
        options: TableOptions,
    ) -> Result<String, CommandFailure> {
        let (rows, whole) = self.answer(subject).await?;
        let mut text = Vec::new();
        let columns = rows::columns(subject);
        output::write(&mut text, self.output, &columns, &rows, &whole, options)?;
        let mut text = String::from_utf8_lossy(&text).into_owned();
        if self.output == OutputFormat::Table && !matches!(subject, QueryCommand::Status) {
            text.push_str(&self.footer(subject).await?);
        }
        Ok(text)
    }

    /// Shows answers until a signal comes. If the service is unavailable, it shows why and tries again.
    async fn watch(
        &self,
        subject: &QueryCommand,
        options: TableOptions,
        interval: Duration,
    ) -> Result<(), CommandFailure> {
        // The first answer comes before the screen is cleared, so that an error ends the command.
        let mut text = self.text(subject, options).await?;
        let mut watch = Watch::start()?;
        loop {
            watch.show(&text)?;
            if !watch.wait(interval).await {
                return Ok(());
            }
            text = match self.text(subject, options).await {
                Err(CommandFailure::Unavailable(error)) => format!("{error:#}\n"),
                answer => answer?,
            };
        }
    }

    /// The line below a table: watermark, time and lag of the figures.
    async fn footer(&self, subject: &QueryCommand) -> Result<String, CommandFailure> {
        let (status, _) = self.get(&["status"], &[]).await?;
        let reading = row_in(&status, "reading")?;
        let time =
            |name| text_in(&reading, name).map(|time| time.replace('T', " ").replace('Z', ""));
        let lag = status.get("lag").and_then(|lag| lag.parse::<u64>().ok());
        let lag = lag.map_or_else(|| "unknown".to_owned(), grouped);
        let watermark = time("watermark").unwrap_or_else(|| "none yet".into());
        let as_of = time("as_of").unwrap_or_default();
        let note = rows::note(subject, &status);
        Ok(format!(
            " watermark {watermark} · as of {as_of} · lag {lag}{note}\n"
        ))
    }

    /// The rows of an answer, and the answer as a whole.
    async fn answer(
        &self,
        subject: &QueryCommand,
    ) -> Result<(Vec<JsonRow>, String), CommandFailure> {
        match subject {
            QueryCommand::Totals { branch: None } => {
                let (row, whole) = self.get(&["totals"], &[]).await?;
                Ok((rows_in(&row, "totals")?, whole))
            }
            QueryCommand::Totals {
                branch: Some(branch),
            } if is_dots(branch) => self.total_in_list(branch).await,
            QueryCommand::Totals {
                branch: Some(branch),
            } => {
                let (row, whole) = self.get(&["totals", branch], &[]).await?;
                Ok((vec![row_in(&row, "total")?], whole))
            }
            QueryCommand::Windows(windows) => {
                let parameters = [
                    ("branch", windows.branch.as_deref()),
                    ("from", windows.from.as_deref()),
                    ("to", windows.to.as_deref()),
                    ("final", windows.only_final.then_some("true")),
                ];
                self.pages(&["windows", &windows.name], &parameters, windows.limit)
                    .await
            }
            QueryCommand::Late(records) => self.records("late", records).await,
            QueryCommand::Duplicates(records) => self.records("duplicates", records).await,
            QueryCommand::Rejects(records) => self.records("rejects", records).await,
            QueryCommand::Definitions => {
                let (row, whole) = self.get(&["windows"], &[]).await?;
                let definitions = rows_in(&row, "windows")?;
                let rows = if self.output == OutputFormat::Table {
                    rows::definitions(&definitions)?
                } else {
                    definitions
                };
                Ok((rows, whole))
            }
            QueryCommand::Ledger => {
                let (row, whole) = self.get(&["ledger"], &[]).await?;
                Ok((rows::ledger(&row)?, whole))
            }
            QueryCommand::Status => {
                let (row, whole) = self.get(&["status"], &[]).await?;
                let rows = if self.output == OutputFormat::Table {
                    rows::status(&row, &self.shown_url)?
                } else {
                    vec![row]
                };
                Ok((rows, whole))
            }
        }
    }

    async fn records(
        &self,
        route: &str,
        records: &RecordsArgs,
    ) -> Result<(Vec<JsonRow>, String), CommandFailure> {
        let limit = (!records.all).then_some(records.limit);
        self.pages(&[route], &[], limit).await
    }

    /// Reads all pages of a list.
    async fn pages(
        &self,
        path: &[&str],
        asked: &[(&str, Option<&str>)],
        limit: Option<u64>,
    ) -> Result<(Vec<JsonRow>, String), CommandFailure> {
        let mut rows = Vec::new();
        let mut cursor = None;
        let mut left = limit.unwrap_or(u64::MAX);
        let reading = loop {
            let limit = left.min(PAGE_MAX).to_string();
            let page = [
                ("limit", Some(limit.as_str())),
                ("cursor", cursor.as_deref()),
            ];
            let (row, _) = self.get(path, &[asked, &page].concat()).await?;
            let page = rows_in(&row, "items")?;
            left = left.saturating_sub(page.len() as u64);
            let is_empty = page.is_empty();
            rows.extend(page);
            cursor = text_in(&row, "next");
            if cursor.is_none() || left == 0 || is_empty {
                break row.get("reading").unwrap_or("null").to_owned();
            }
        };
        if cursor.is_some() && matches!(self.output, OutputFormat::Csv | OutputFormat::Ndjson) {
            // The rows themselves can't say it.
            streams::note(format_args!(
                "{} shown, and there are more: give a higher --limit",
                counted(rows.len() as u64, "row")
            ));
        }
        let whole = match self.output {
            OutputFormat::Json => {
                let items: Vec<String> = rows.iter().map(JsonRow::to_json).collect();
                let items = items.join(",");
                let next = serde_json::Value::from(cursor);
                format!("{{\"reading\":{reading},\"items\":[{items}],\"next\":{next}}}")
            }
            _ => String::new(),
        };
        Ok((rows, whole))
    }

    async fn get(
        &self,
        path: &[&str],
        parameters: &[(&str, Option<&str>)],
    ) -> Result<(JsonRow, String), CommandFailure> {
        if let Some(part) = path.iter().find(|part| is_dots(part)) {
            return Err(CommandFailure::Running(anyhow!(
                "nothing has the name \"{part}\""
            )));
        }
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        let given = parameters
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?)));
        if given.clone().count() > 0 {
            url.query_pairs_mut().extend_pairs(given);
        }
        let mut request = self.client.get(url);
        if let Some(token) = &self.token {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                .map_err(|_| anyhow!("the token has characters that can't be sent"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(error))?;
        let status = response.status();
        let body = response
            .text()
            .await
            .map_err(|error| self.unreachable(error))?;
        if !status.is_success() {
            let branch = parameters
                .iter()
                .any(|(name, value)| *name == "branch" && value.is_some());
            let is_branch = branch || path.first() == Some(&"totals");
            // The service does not list branches: there may be many.
            let hint = match status {
                StatusCode::NOT_FOUND
                    if is_branch && path != ["totals"] && body.contains("branch") =>
                {
                    Box::pin(self.branches()).await
                }
                _ => String::new(),
            };
            return Err(self.refused(status, &body, &hint));
        }
        let row = JsonRow::parse(&body).map_err(unexpected)?;
        Ok((row, body))
    }

    /// The known branches, at most twenty, as the end of a sentence.
    async fn branches(&self) -> String {
        const SHOWN: usize = 20;
        let Ok((totals, _)) = self.get(&["totals"], &[]).await else {
            return String::new();
        };
        let rows = rows_in(&totals, "totals").unwrap_or_default();
        let names: Vec<String> = rows
            .iter()
            .filter_map(|row| text_in(row, "branch"))
            .collect();
        let more = if names.len() > SHOWN { ", …" } else { "" };
        let names: Vec<String> = names.into_iter().take(SHOWN).collect();
        match names.is_empty() {
            true => "; there are no branches yet".to_owned(),
            false => format!("; known branches: {}{more}", names.join(", ")),
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> CommandFailure {
        let why = endpoint::reason_of(error);
        CommandFailure::Unavailable(anyhow!(
            "no service answers at {}: {why}{}; start one (tidegauge serve, tidegauge demo), or name \
             another by --url or TIDEGAUGE_URL",
            self.shown_url,
            Address::hint(&self.url)
        ))
    }

    fn refused(&self, status: StatusCode, body: &str, hint: &str) -> CommandFailure {
        let url = &self.shown_url;
        let code = status.as_u16();
        let message = match serde_json::from_str(body) {
            Ok(ProblemDetails { .. }) if status == StatusCode::UNAUTHORIZED => match &self.token {
                Some(_) => anyhow!(
                    "the service at {url} does not accept this token: give the file with the right \
                     one by --token-file or TIDEGAUGE_TOKEN_FILE"
                ),
                None => anyhow!(
                    "the service at {url} asks for a token: give the file that holds it by \
                     --token-file or TIDEGAUGE_TOKEN_FILE"
                ),
            },
            Ok(ProblemDetails {
                title,
                detail: Some(detail),
            }) => anyhow!("{title}: {detail}{hint} ({code} at {url})"),
            Ok(ProblemDetails { title, .. }) => anyhow!("{title}{hint} ({code} at {url})"),
            Err(_) => anyhow!(
                "the server at {url} is not a Tidegauge service (status {status}): check --url"
            ),
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            CommandFailure::Unavailable(message)
        } else {
            CommandFailure::Running(message)
        }
    }
}
