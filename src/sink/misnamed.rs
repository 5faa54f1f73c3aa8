//! Totals whose document is called after a name that their branch no longer has.
//!
//! The id of a total is its branch's name, so a configuration that renames branches leaves
//! documents behind, and one that exchanges names lets a branch's total meet another's document,
//! with a version that says nothing about it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use elasticsearch::http::request::Body;
use elasticsearch::indices::IndicesRefreshParts;
use elasticsearch::{BulkOperation, BulkOperations, BulkParts, MgetParts, SearchParts};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::warn;

use super::cluster::Cluster;
use super::trouble::Trouble;
use crate::core::feedback::Family;
use crate::domain::branch::Branches;
use crate::domain::branch_key::BranchKey;
use crate::domain::payment::BranchId;
use crate::host::clock::Instant;

/// A total's document under a name that its branch does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Misnamed {
    /// The name.
    pub(super) id: String,
    /// The branch whose total is in it.
    pub(super) branch: BranchKey,
    seq_no: i64,
    primary_term: i64,
}

/// When totals under former names are looked for, and what was wrong the last time.
#[derive(Debug, Default)]
pub(super) struct MisnamedSearch {
    /// `None` while there can't be any.
    due: Option<Instant>,
    problem: Option<String>,
}

impl MisnamedSearch {
    /// There may be some: a run begins, or an index of totals was replaced.
    pub(super) fn begin(&mut self) {
        self.due = Some(Instant::now());
    }

    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }

    /// What there was has been found.
    pub(super) fn finish(&mut self) {
        *self = Self::default();
    }

    /// It is tried again after `wait`. A problem that lasts is told once.
    pub(super) fn refused(&mut self, reason: String, wait: Duration) {
        self.due = Some(Instant::now() + wait);
        if self.problem.as_ref() != Some(&reason) {
            warn!(
                reason,
                "totals under former names can't be looked for: trying again"
            );
            self.problem = Some(reason);
        }
    }
}

/// A document as it was found.
#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_seq_no")]
    seq_no: Option<i64>,
    #[serde(rename = "_primary_term")]
    primary_term: Option<i64>,
    #[serde(rename = "_source")]
    source: Option<DocumentSource>,
    #[serde(default)]
    sort: Vec<Value>,
}

#[derive(Deserialize)]
struct DocumentSource {
    #[serde(default)]
    branch_id: Value,
}

impl DocumentSource {
    // None in a document that no version of ours wrote.
    fn branch(&self) -> Option<BranchKey> {
        match &self.branch_id {
            Value::String(text) => text.parse().ok(),
            id => {
                let id = BranchId::new(u32::try_from(id.as_u64()?).ok()?)?;
                Some(BranchKey::Integer(id))
            }
        }
    }
}

/// So many documents are asked for at once.
const PAGE: usize = 5_000;
/// A `terms` query takes no more.
const TERMS_MAX: usize = 65_536;

impl Misnamed {
    fn of(hit: Hit, branches: &Branches) -> Option<Self> {
        let branch: BranchKey = hit.source?.branch()?;
        (branches.names().name(&branch) != hit.id).then_some(Self {
            id: hit.id,
            branch,
            seq_no: hit.seq_no?,
            primary_term: hit.primary_term?,
        })
    }
}

impl Cluster {
    /// The documents of totals whose id is not the name of their branch. Searches only the
    /// branches that a name of the configuration concerns: the document of any other branch has the name that its
    /// id gives it.
    pub(super) async fn misnamed(&self, branches: &Branches) -> Result<Vec<Misnamed>, Trouble> {
        let index = self.names().index(Family::Totals);
        let refresh = IndicesRefreshParts::Index(&[&index]).url();
        let refreshed = self.client().order(&refresh).await?;
        if refreshed.status == 404 {
            return Ok(Vec::new());
        }
        // What is not refreshed is not found.
        refreshed.whole()?;
        let path = SearchParts::Index(&[&index]).url();
        let mut query = concerned(branches);
        let mut found = Vec::new();
        let mut after: Option<Vec<Value>> = None;
        loop {
            let mut body = json!({
                "size": PAGE,
                "query": query,
                "_source": ["branch_id"],
                "seq_no_primary_term": true,
                "sort": [{ "branch": "asc" }],
            });
            if let Some(after) = &after {
                body["search_after"] = json!(after);
            }
            let answer = self.client().post(&path, &body).await?;
            if answer.status == 400 && query != all() {
                // Some clusters don't allow queries that are expensive.
                query = all();
                continue;
            }
            let hits = answer.found::<Hit>()?.all()?;
            after = hits.last().map(|hit| hit.sort.clone());
            let is_last = hits.len() < PAGE;
            found.extend(
                hits.into_iter()
                    .filter_map(|hit| Misnamed::of(hit, branches)),
            );
            if is_last {
                return Ok(found);
            }
        }
    }

    /// Of `totals`, those whose document is there and not that of another branch; and the documents
    /// that are.
    pub(super) async fn own_totals(
        &self,
        totals: &[BranchId],
        branches: &Branches,
    ) -> Result<(BTreeSet<BranchId>, Vec<Misnamed>), Trouble> {
        #[derive(Deserialize)]
        struct FoundDocuments {
            docs: Vec<Value>,
        }
        let ids: BTreeMap<String, BranchId> = totals
            .iter()
            .map(|branch| (branches.name(*branch).into_owned(), *branch))
            .collect();
        let index = self.names().index(Family::Totals);
        let path = MgetParts::Index(&index).url();
        let body = json!({ "ids": ids.keys().collect::<Vec<_>>() });
        let answer = self.client().post(&path, &body).await?;
        let (mut own, mut others) = (BTreeSet::new(), Vec::new());
        for document in answer.json::<FoundDocuments>()?.docs {
            let Ok(hit) = serde_json::from_value::<Hit>(document) else {
                continue;
            };
            let Some(wanted) = ids.get(&hit.id).copied() else {
                continue;
            };
            let Some(source) = &hit.source else {
                // It was deleted a moment ago.
                continue;
            };
            if source
                .branch()
                .is_none_or(|branch| branch == branches.key(wanted))
            {
                own.insert(wanted);
            } else if let Some(other) = Misnamed::of(hit, branches) {
                others.push(other);
            }
        }
        Ok((own, others))
    }

    /// Deletes documents that are still as they were found. Gives those whose deletion is refused.
    pub(super) async fn delete_misnamed(
        &self,
        misnamed: &[Misnamed],
    ) -> Result<Vec<Misnamed>, Trouble> {
        #[derive(Deserialize)]
        struct Answer {
            items: Vec<Value>,
        }
        let index = self.names().index(Family::Totals);
        let mut refused = Vec::new();
        for some in misnamed.chunks(PAGE) {
            let mut lines = BulkOperations::new();
            for document in some {
                let delete = BulkOperation::<()>::delete(&document.id)
                    .index(&index)
                    .if_seq_no(document.seq_no)
                    .if_primary_term(document.primary_term);
                lines.push(delete).map_err(|error| {
                    Trouble::garbage(format!("{} can't be deleted: {error}", document.id))
                })?;
            }
            let path = BulkParts::None.url();
            let lines = lines.bytes().unwrap_or_default();
            let answer = self.client().post_lines(&path, &[], lines).await?;
            let outcomes = answer.json::<Answer>()?.items;
            if outcomes.len() != some.len() {
                return Err(Trouble::garbage(format!(
                    "the answer is about {} of {} deletions",
                    outcomes.len(),
                    some.len()
                )));
            }
            for (document, outcome) in some.iter().zip(outcomes) {
                // One that was written meanwhile stays: it belongs to another branch.
                let is_over = matches!(
                    outcome["delete"]["status"].as_u64(),
                    Some(200..300 | 404 | 409)
                );
                if !is_over {
                    refused.push(document.clone());
                }
            }
        }
        Ok(refused)
    }
}

// Documents with a name that is not made of the branch's id, and those of branches whose name the configuration
// decides.
fn concerned(branches: &Branches) -> Value {
    let names = branches.names();
    let configured: Vec<String> = match names.has_texts() {
        false => names.configured().map(ToString::to_string).collect(),
        true => names.concerned().iter().map(ToString::to_string).collect(),
    };
    if configured.len() > TERMS_MAX {
        return all();
    }
    let mut other_name =
        json!({ "bool": { "must_not": { "regexp": { "branch": "Branch_[0-9]+" } } } });
    if names.has_texts() {
        // Most texts are their own name, and there may be many.
        let script = "doc['branch'].size() == 1 && doc['branch_id'].size() == 1 && \
                      doc['branch'].value == doc['branch_id'].value";
        let text = json!({ "script": { "script": { "source": script } } });
        other_name["bool"]["must_not"] = json!([other_name["bool"]["must_not"], text]);
    }
    json!({ "bool": { "should": [
        other_name,
        { "terms": { "branch_id": configured } },
    ] } })
}

fn all() -> Value {
    json!({ "match_all": {} })
}
