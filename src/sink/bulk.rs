//! Bulk requests: many documents there, an outcome for each back.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use elasticsearch::http::request::Body;
use elasticsearch::params::VersionType;
use elasticsearch::{BulkOperation, BulkParts};
use serde::Deserialize;
use tidegauge_windows::planted::{Mistake, is_planted};

use super::client::Client;
use super::document::{Document, DocumentChange};
use super::index_identity;
use super::retry::{Verdict, classify};
use super::trouble::Trouble;
use crate::core::feedback::Family;
use crate::core::feedback::Mark;
use crate::domain::count::counted;
use crate::domain::document_key::DocumentKey;
use crate::host::clock::Instant;
use crate::observe::crash_point;
use crate::view::reading::ReadError;

/// Documents for one request.
#[derive(Debug)]
pub(super) struct Bulk {
    items: Vec<Item>,
    body: BytesMut,
}

/// A document in a bulk.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) key: DocumentKey,
    pub(super) mark: Mark,
    pub(super) target: Target,
    id: String,
    /// Whether the document is to be deleted.
    is_deletion: bool,
    /// Where its lines end in the body.
    end: usize,
}

impl Item {
    /// The id of its document.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

/// Where a document goes.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) family: Family,
    /// The index it is to end up in.
    pub(super) index: Arc<str>,
    /// The alias it is written to.
    pub(super) alias: Arc<str>,
    /// The [`index_identity::identity`] of the index; empty before it is known.
    pub(super) uuid: Arc<str>,
}

/// What became of one document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    /// Whether a document with a higher version is there.
    pub(super) is_outdated: bool,
    /// In words, if it is not done.
    pub(super) reason: String,
}

/// What became of the documents of a bulk.
#[derive(Debug, Default)]
pub(super) struct BulkReport {
    /// Those that there was an answer about.
    pub(super) outcomes: Vec<(Item, Outcome)>,
    /// Why there was none about the others.
    pub(super) trouble: Option<Trouble>,
    /// How long each request took, and whether it was answered as it should be.
    pub(super) requests: Vec<(Duration, bool)>,
    /// The server refuses requests of so many bytes.
    pub(super) too_large: Option<usize>,
    /// The server takes requests of so many bytes.
    pub(super) taken: usize,
}

impl BulkReport {
    // All of these have the same outcome, which no answer about one of them gave.
    fn settle(&mut self, items: Vec<Item>, verdict: Verdict, reason: String) {
        let outcome = Outcome {
            verdict,
            is_outdated: false,
            reason,
        };
        let settled = items.into_iter().map(|item| (item, outcome.clone()));
        self.outcomes.extend(settled);
    }
}

/// A bulk is taken apart while single documents may be to blame, into at most so many requests.
const REQUESTS_MAX: u32 = 64;

const QUERY: [(&str, &str); 2] = [
    ("require_alias", "true"),
    (
        "filter_path",
        "error,errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.index_uuid,items.*._id,items.*._index",
    ),
];

impl Bulk {
    pub(super) fn new() -> Self {
        Self {
            items: Vec::new(),
            body: BytesMut::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds a document, unless there are others and it would be longer than `max_bytes` with it.
    /// Whether it was added.
    pub(super) fn push(
        &mut self,
        key: DocumentKey,
        mark: Mark,
        target: &Target,
        document: Document,
        max_bytes: usize,
    ) -> Result<bool, ReadError> {
        let before = self.body.len();
        let written = match &document.change {
            DocumentChange::Write { version, source } => {
                let operation: BulkOperation<_> = BulkOperation::index(source)
                    .index(&*target.alias)
                    .id(&document.id)
                    .version(*version)
                    .version_type(VersionType::ExternalGte)
                    .into();
                operation.write(&mut self.body)
            }
            // Without a version: with one, an index that is lost would be made again, whatever
            // `require_alias` says.
            DocumentChange::Delete => {
                let operation: BulkOperation<()> = BulkOperation::delete(&document.id)
                    .index(&*target.alias)
                    .into();
                operation.write(&mut self.body)
            }
        };
        written.map_err(|error| {
            ReadError(format!(
                "document {} can't be written: {error}",
                document.id
            ))
        })?;
        if !self.is_empty() && self.body.len() > max_bytes {
            self.body.truncate(before);
            return Ok(false);
        }
        self.items.push(Item {
            key,
            mark,
            target: target.clone(),
            is_deletion: matches!(document.change, DocumentChange::Delete),
            id: document.id,
            end: self.body.len(),
        });
        Ok(true)
    }

    /// Sends it all, in more than one request if it is refused as a whole, and says what became of
    /// each document.
    pub(super) async fn deliver(self, client: &Client) -> BulkReport {
        let mut report = BulkReport::default();
        let mut parts = vec![BulkPart {
            body: self.body.into(),
            items: self.items,
        }];
        let mut requests = 0;
        while let Some(part) = parts.pop() {
            requests += 1;
            let began = Instant::now();
            let sent = part.send(client).await;
            report.requests.push((began.elapsed(), sent.is_ok()));
            match sent {
                Ok(outcomes) => {
                    report.taken = report.taken.max(part.body.len());
                    report.outcomes.extend(part.items.into_iter().zip(outcomes));
                }
                Err(trouble) => {
                    let halves = part.blame(trouble, requests < REQUESTS_MAX, &mut report);
                    if let Some((first, second)) = halves {
                        parts.extend([second, first]);
                    }
                    if report.trouble.is_some() {
                        break;
                    }
                }
            }
        }
        report
    }
}

/// A part of a bulk, as long as the server takes.
#[derive(Debug)]
struct BulkPart {
    body: Bytes,
    items: Vec<Item>,
}

impl BulkPart {
    async fn send(&self, client: &Client) -> Result<Vec<Outcome>, Trouble> {
        let path = BulkParts::None.url();
        crash_point::reach("bulk: before the request");
        let answer = client.post_lines(&path, &QUERY, self.body.clone()).await?;
        crash_point::reach("bulk: after the answer");
        outcomes(&self.items, answer.success()?)
    }

    // Refused as a whole: which document is to blame?
    fn blame(
        self,
        trouble: Trouble,
        may_split: bool,
        report: &mut BulkReport,
    ) -> Option<(Self, Self)> {
        if is_planted(Mistake::SilenceTakenForDelivery) && trouble.verdict == Verdict::Retry {
            report.settle(self.items, Verdict::Done, String::new());
            return None;
        }
        if !matches!(trouble.verdict, Verdict::TooLarge | Verdict::Park) || !may_split {
            report.trouble = Some(trouble);
            return None;
        }
        if self.items.len() > 1 {
            if trouble.verdict == Verdict::TooLarge {
                let known = report.too_large.unwrap_or(usize::MAX);
                report.too_large = Some(known.min(self.body.len()));
            }
            let (first, mut second) = self.halves();
            if is_planted(Mistake::HalfOfABulkForgotten) {
                let forgotten = std::mem::take(&mut second.items);
                second.body = Bytes::new();
                report.settle(forgotten, Verdict::Done, String::new());
            }
            return Some((first, second));
        }
        report.settle(self.items, Verdict::Park, trouble.reason);
        None
    }

    fn halves(mut self) -> (Self, Self) {
        let mut later = self.items.split_off(self.items.len() / 2);
        let middle = self.items.last().map_or(0, |item| item.end);
        for item in &mut later {
            item.end -= middle;
        }
        let second = Self {
            body: self.body.split_off(middle),
            items: later,
        };
        (self, second)
    }
}

#[derive(Deserialize)]
struct Answers<'a> {
    #[serde(borrow)]
    items: Vec<AnswerLine<'a>>,
}

#[derive(Deserialize)]
struct AnswerLine<'a> {
    #[serde(borrow)]
    index: Option<ItemAnswer<'a>>,
    #[serde(borrow)]
    delete: Option<ItemAnswer<'a>>,
}

#[derive(Deserialize)]
struct ItemAnswer<'a> {
    #[serde(rename = "_id", borrow)]
    id: Cow<'a, str>,
    #[serde(rename = "_index", borrow)]
    index: Cow<'a, str>,
    status: u16,
    error: Option<ItemError>,
}

#[derive(Deserialize)]
struct ItemError {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    reason: String,
    index_uuid: Option<String>,
}

// Answers are matched by position, and believed only if they are about the same documents.
fn outcomes(items: &[Item], body: &[u8]) -> Result<Vec<Outcome>, Trouble> {
    let answers: Answers = serde_json::from_slice(body)
        .map_err(|error| Trouble::garbage(format!("the answer can't be read: {error}")))?;
    if answers.items.len() != items.len() {
        return Err(Trouble::garbage(format!(
            "the answer is about {} instead of {}",
            counted(answers.items.len() as u64, "document"),
            items.len()
        )));
    }
    let pairs = items.iter().zip(answers.items);
    let outcomes = pairs.map(|(item, answer)| match (item.is_deletion, answer) {
        (
            false,
            AnswerLine {
                index: Some(answer),
                delete: None,
            },
        )
        | (
            true,
            AnswerLine {
                index: None,
                delete: Some(answer),
            },
        ) => outcome(item, answer),
        _ => Err(Trouble::garbage(format!(
            "the answer about {}/{} is about another action",
            item.target.index, item.id
        ))),
    });
    if is_planted(Mistake::AnswersInWrongOrder) {
        return outcomes.rev().collect();
    }
    outcomes.collect()
}

fn outcome(item: &Item, answer: ItemAnswer<'_>) -> Result<Outcome, Trouble> {
    let error = answer.error.as_ref();
    let mut verdict = match (item.is_deletion, answer.status, error) {
        // It was not there.
        (true, 404, None) => Verdict::Done,
        (_, status, error) => classify(status, error.map(|error| error.kind.as_str())),
    };
    if is_planted(Mistake::ItemsNotLookedAt) {
        verdict = Verdict::Done;
    }
    let is_outdated = verdict == Verdict::Done && answer.status == 409;
    let uuid = error.and_then(|error| error.index_uuid.as_deref());
    if is_outdated && uuid.is_some_and(|uuid| !index_identity::is_of(&item.target.uuid, uuid)) {
        // The newer document is in an index that was not inspected yet.
        verdict = Verdict::Missing;
    }
    // An error names the alias it was asked for.
    let there = *answer.index == *item.target.index || *answer.index == *item.target.alias;
    if answer.id != item.id || !there {
        return Err(Trouble::garbage(format!(
            "the answer is about {}/{} instead of {}/{}",
            answer.index, answer.id, item.target.index, item.id
        )));
    }
    let reason = match answer.error {
        _ if verdict == Verdict::Done => String::new(),
        Some(error) => format!(
            "{}/{}: status {}, {}: {}",
            item.target.index, item.id, answer.status, error.kind, error.reason
        ),
        None => format!(
            "{}/{}: status {}",
            item.target.index, item.id, answer.status
        ),
    };
    Ok(Outcome {
        verdict,
        is_outdated,
        reason,
    })
}

#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod tests;
