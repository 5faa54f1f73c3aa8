//! `tidegauge query`: asks a running service.

use std::fs;

use anyhow::{Context, anyhow};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;

use super::arguments::{Query, Subject, Windows};
use super::failure::Failure;
use super::output::{self, Format, Row};
use crate::secret::Secret;

/// The most windows that a service gives in one answer.
const PAGE_MAX: u64 = 10_000;

/// Asks, and prints the answer.
///
/// # Errors
/// When the service can't be reached, refuses the question, or stdout can't be written.
pub fn run(query: &Query) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let service = Service::new(query)?;
    let (rows, whole) = runtime.block_on(service.answer(&query.subject))?;
    output::print(query.output, &rows, &whole)?;
    Ok(())
}

/// A running service.
struct Service {
    client: Client,
    url: Url,
    shown_url: String,
    token: Option<Secret>,
    output: Format,
}

/// Why an answer is not what was asked for: RFC 9457.
#[derive(Deserialize)]
struct Problem {
    title: String,
    detail: Option<String>,
}

impl Service {
    fn new(query: &Query) -> Result<Self, Failure> {
        let right = "give http://host:port";
        let mut url = Url::parse(&query.url)
            .with_context(|| format!("--url: \"{}\" is no address: {right}", query.url))
            .map_err(Failure::Usage)?;
        if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
            let message = anyhow!("--url: \"{}\" is no address of HTTP: {right}", query.url);
            return Err(Failure::Usage(message));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let client = Client::builder()
            .timeout(query.timeout)
            .user_agent(concat!("tidegauge/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("no connection can be made")?;
        let token = match &query.token_file {
            Some(path) => {
                let token = fs::read_to_string(path)
                    .with_context(|| format!("the token file {} can't be read", path.display()))?;
                Some(Secret::new(token.trim()))
            }
            None => None,
        };
        Ok(Self {
            client,
            url,
            shown_url: query.url.clone(),
            token,
            output: query.output,
        })
    }

    /// The rows of an answer, and the answer as a whole.
    async fn answer(&self, subject: &Subject) -> Result<(Vec<Row>, String), Failure> {
        match subject {
            Subject::Totals { branch: None } => {
                let (row, whole) = self.get(&["totals"], &[]).await?;
                Ok((rows_in(&row, "totals")?, whole))
            }
            Subject::Totals {
                branch: Some(branch),
            } => {
                let (row, whole) = self.get(&["totals", branch], &[]).await?;
                Ok((vec![row_in(&row, "total")?], whole))
            }
            Subject::Windows(windows) => self.windows(windows).await,
            Subject::Ledger => {
                let (row, whole) = self.get(&["ledger"], &[]).await?;
                Ok((ledger_rows(&row)?, whole))
            }
            Subject::Status => {
                let (row, whole) = self.get(&["status"], &[]).await?;
                Ok((self.status_rows(&row)?, whole))
            }
        }
    }

    /// All pages, as one.
    async fn windows(&self, windows: &Windows) -> Result<(Vec<Row>, String), Failure> {
        let mut rows = Vec::new();
        let mut cursor = None;
        let mut left = windows.limit.unwrap_or(u64::MAX);
        let reading = loop {
            let limit = left.min(PAGE_MAX).to_string();
            let parameters = [
                ("branch", windows.branch.as_deref()),
                ("from", windows.from.as_deref()),
                ("to", windows.to.as_deref()),
                ("final", windows.only_final.then_some("true")),
                ("limit", Some(limit.as_str())),
                ("cursor", cursor.as_deref()),
            ];
            let (row, _) = self.get(&["windows", &windows.name], &parameters).await?;
            let page = rows_in(&row, "items")?;
            left = left.saturating_sub(page.len() as u64);
            let is_empty = page.is_empty();
            rows.extend(page);
            cursor = text_in(&row, "next");
            if cursor.is_none() || left == 0 || is_empty {
                break row.get("reading").unwrap_or("null").to_owned();
            }
        };
        let whole = match self.output {
            Format::Json => {
                let items: Vec<String> = rows.iter().map(Row::to_json).collect();
                let items = items.join(",");
                let next = serde_json::Value::from(cursor);
                format!("{{\"reading\":{reading},\"items\":[{items}],\"next\":{next}}}")
            }
            _ => String::new(),
        };
        Ok((rows, whole))
    }

    /// The parts of the service, each with how it is doing; for programs, the status itself.
    fn status_rows(&self, status: &Row) -> Result<Vec<Row>, Failure> {
        if self.output != Format::Table {
            return Ok(vec![status.clone()]);
        }
        let mut rows = vec![line(&["service", &self.service_line(status), ""])?];
        let parts = status.get("parts").unwrap_or("{}");
        for (part, health) in Row::parse(parts).map_err(unexpected)?.fields() {
            let health = Row::parse(health).map_err(unexpected)?;
            let state = text_in(&health, "state").unwrap_or_default();
            let reason = text_in(&health, "reason").unwrap_or_default();
            rows.push(line(&[part, &state, &reason])?);
        }
        for partition in rows_in(status, "partitions")? {
            let field = |name| partition.get(name).unwrap_or("?").replace("null", "?");
            let name = format!("partition {}", field("partition"));
            let state = match (text_in(&partition, "halted"), partition.get("idle")) {
                (Some(_), _) => "halted",
                (None, Some("true")) => "idle",
                (None, _) => "active",
            };
            let halted = text_in(&partition, "halted").map(|why| format!("; {why}"));
            let watermark = text_in(&partition, "watermark").unwrap_or_else(|| "none".into());
            let more = format!(
                "position {}, lag {}, watermark {watermark}{}",
                field("position"),
                field("lag"),
                halted.unwrap_or_default(),
            );
            rows.push(line(&[&name, state, &more])?);
        }
        Ok(rows)
    }

    fn service_line(&self, status: &Row) -> String {
        let is_ready = status.get("ready") == Some("true");
        let state = if is_ready { "ready" } else { "not ready" };
        let version = text_in(status, "version").unwrap_or_default();
        format!("{state} ({version} at {})", self.shown_url)
    }

    async fn get(
        &self,
        path: &[&str],
        parameters: &[(&str, Option<&str>)],
    ) -> Result<(Row, String), Failure> {
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
            return Err(self.refused(status, &body));
        }
        let row = Row::parse(&body).map_err(unexpected)?;
        Ok((row, body))
    }

    fn unreachable(&self, error: reqwest::Error) -> Failure {
        let why = if error.is_timeout() {
            "it did not answer in time".to_owned()
        } else {
            let cause = anyhow::Error::from(error.without_url());
            cause.root_cause().to_string()
        };
        Failure::Unavailable(anyhow!("no service answers at {}: {why}", self.shown_url))
    }

    fn refused(&self, status: StatusCode, body: &str) -> Failure {
        let message = match serde_json::from_str(body) {
            Ok(Problem {
                title,
                detail: Some(detail),
            }) => format!("{title}: {detail}"),
            Ok(Problem { title, .. }) => title,
            Err(_) => format!("the service answered {status}"),
        };
        let message = anyhow!("{message} ({} at {})", status.as_u16(), self.shown_url);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            Failure::Unavailable(message)
        } else {
            Failure::Running(message)
        }
    }
}

fn unexpected(error: serde_json::Error) -> Failure {
    Failure::Running(anyhow!(
        "the answer is not that of a tidegauge service: {error}"
    ))
}

fn rows_in(row: &Row, field: &str) -> Result<Vec<Row>, Failure> {
    serde_json::from_str(row.get(field).unwrap_or("[]")).map_err(unexpected)
}

fn row_in(row: &Row, field: &str) -> Result<Row, Failure> {
    Row::parse(row.get(field).unwrap_or("{}")).map_err(unexpected)
}

fn text_in(row: &Row, field: &str) -> Option<String> {
    serde_json::from_str(row.get(field)?).ok()
}

/// One row for each entry of a ledger, and one for all.
fn ledger_rows(ledger: &Row) -> Result<Vec<Row>, Failure> {
    let entries = row_in(ledger, "entries")?;
    let mut rows = Vec::new();
    for (name, entry) in entries.fields() {
        let entry = Row::parse(entry).map_err(unexpected)?;
        let count = entry.get("count").unwrap_or("0");
        let amount = entry.get("pay_amount_exact").unwrap_or("null");
        let text = format!(r#"{{"entry":"{name}","count":{count},"pay_amount_exact":{amount}}}"#);
        rows.push(Row::parse(&text).map_err(unexpected)?);
    }
    let consumed = ledger.get("consumed").unwrap_or("0");
    let text = format!(r#"{{"entry":"consumed","count":{consumed},"pay_amount_exact":null}}"#);
    rows.push(Row::parse(&text).map_err(unexpected)?);
    Ok(rows)
}

fn line(cells: &[&str; 3]) -> Result<Row, Failure> {
    let [part, state, more] = cells.map(serde_json::Value::from);
    let text = format!(r#"{{"part":{part},"state":{state},"reason":{more}}}"#);
    Row::parse(&text).map_err(unexpected)
}
