//! What an answer of any bytes is taken for: a door for the tests that feed such answers.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{Bulk, Target, outcomes};
use crate::core::feedback::{Family, Mark};
use crate::domain::document_key::DocumentKey;
use crate::domain::payment::BranchId;
use crate::sink::document::{Document, DocumentChange};
use crate::sink::server_answer::ServerAnswer;

/// A document that a bulk asked to write.
#[derive(Clone, Debug)]
pub struct AskedDocument {
    /// Its id.
    pub id: String,
    /// The index that it is to end up in.
    pub index: String,
    /// The alias that it is written to.
    pub alias: String,
    /// Tells the index from any other of its name.
    pub uuid: String,
}

/// The verdict on each document of a bulk and whether it was outdated, after an answer with this
/// `status` and `body`.
///
/// # Errors
/// The verdict on the whole request, when the answer says nothing about single documents.
pub fn verdicts(
    asked: &[AskedDocument],
    status: u16,
    body: &[u8],
) -> Result<Vec<(String, bool)>, String> {
    let mut bulk = Bulk::new();
    for document in asked {
        let target = Target {
            family: Family::Totals,
            index: Arc::from(&*document.index),
            alias: Arc::from(&*document.alias),
            uuid: Arc::from(&*document.uuid),
        };
        let written = Document {
            id: document.id.clone(),
            change: DocumentChange::Write {
                version: 2,
                source: RawValue::NULL.to_owned(),
            },
        };
        let key = DocumentKey::Total(BranchId::MAX);
        // All fit, and none of them can't be written.
        let _ = bulk.push(key, Mark(1), &target, written, usize::MAX);
    }
    let answer = ServerAnswer {
        status,
        body: body.to_vec(),
    };
    let judged = answer
        .success()
        .and_then(|body| outcomes(&bulk.items, body))
        .map_err(|trouble| format!("{:?}", trouble.verdict))?;
    let verdict = |outcome: super::Outcome| (format!("{:?}", outcome.verdict), outcome.is_outdated);
    Ok(judged.into_iter().map(verdict).collect())
}
