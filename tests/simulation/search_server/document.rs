//! The documents of an index, with their versions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

/// All documents of one index.
#[derive(Clone, Default)]
pub struct Documents {
    /// As they were written last. Deleted ones stay, for their versions.
    written: BTreeMap<String, Document>,
    /// As searches see them: as they were at the last refresh.
    searchable: BTreeMap<String, Document>,
    /// Those that were written since.
    unrefreshed: BTreeSet<String>,
    next_seq_no: i64,
}

/// One document.
#[derive(Clone)]
pub struct Document {
    pub version: i64,
    pub seq_no: i64,
    pub primary_term: i64,
    /// None once it is deleted.
    pub source: Option<Arc<Value>>,
}

/// What a write demands of the document that is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Demand {
    /// Nothing: the server counts versions.
    Nothing,
    /// A lower version than this.
    Lower(i64),
    /// This version, or a lower one.
    NotHigher(i64),
    /// That it is still as it was written by this operation.
    Unchanged { seq_no: i64, primary_term: i64 },
}

/// A write that was carried out.
pub struct Written {
    pub document: Document,
    /// Whether there was a document before.
    pub was_there: bool,
}

impl Demand {
    /// Whether the writer sets the version.
    pub const fn is_external(self) -> bool {
        matches!(self, Self::Lower(_) | Self::NotHigher(_))
    }

    // The version of the document after a write; why the write is refused.
    fn judge(self, id: &str, there: Option<&Document>) -> Result<i64, String> {
        let conflict = |why: String| Err(format!("[{id}]: version conflict, {why}"));
        let next = there.map_or(1, |there| there.version + 1);
        match (self, there) {
            (Self::Lower(version), Some(there)) if there.version >= version => conflict(format!(
                "current version [{}] is higher or equal to the one provided [{version}]",
                there.version
            )),
            (Self::NotHigher(version), Some(there)) if there.version > version => {
                conflict(format!(
                    "current version [{}] is higher than the one provided [{version}]",
                    there.version
                ))
            }
            (Self::Lower(version) | Self::NotHigher(version), _) => Ok(version),
            (Self::Nothing, _) => Ok(next),
            (
                Self::Unchanged {
                    seq_no,
                    primary_term,
                },
                there,
            ) => match there.filter(|there| there.source.is_some()) {
                Some(there) if (there.seq_no, there.primary_term) == (seq_no, primary_term) => {
                    Ok(next)
                }
                Some(there) => conflict(format!(
                    "required seqNo [{seq_no}], primary term [{primary_term}]. current document \
                     has seqNo [{}] and primary term [{}]",
                    there.seq_no, there.primary_term
                )),
                None => conflict(format!(
                    "required seqNo [{seq_no}], primary term [{primary_term}]. but no document \
                     was found"
                )),
            },
        }
    }
}

impl Documents {
    /// Writes a document, or deletes it if there is no `source`.
    ///
    /// # Errors
    /// When what is there is not as `demand` wants it: says how.
    pub fn write(
        &mut self,
        id: &str,
        demand: Demand,
        source: Option<Arc<Value>>,
        primary_term: i64,
    ) -> Result<Written, String> {
        let there = self.written.get(id);
        let version = demand.judge(id, there)?;
        let was_there = there.is_some_and(|there| there.source.is_some());
        let document = Document {
            version,
            seq_no: self.next_seq_no,
            primary_term,
            source,
        };
        self.next_seq_no += 1;
        self.written.insert(id.to_owned(), document.clone());
        self.unrefreshed.insert(id.to_owned());
        Ok(Written {
            document,
            was_there,
        })
    }

    /// Shows searches all that was written.
    pub fn refresh(&mut self) {
        for id in std::mem::take(&mut self.unrefreshed) {
            match self.written.get(&id) {
                Some(document) if document.source.is_some() => {
                    self.searchable.insert(id, document.clone());
                }
                _ => {
                    self.searchable.remove(&id);
                }
            }
        }
    }

    /// Forgets the versions of deleted documents, as a server does after `index.gc_deletes`.
    pub fn forget_deleted(&mut self) {
        self.written.retain(|_, document| document.source.is_some());
    }

    /// The document as it was written last, unless it was deleted.
    pub fn get(&self, id: &str) -> Option<&Document> {
        self.written
            .get(id)
            .filter(|document| document.source.is_some())
    }

    /// All documents as they were written last, with their sources.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Document, &Value)> {
        with_sources(&self.written)
    }

    /// All documents as searches see them.
    pub fn searchable(&self) -> impl Iterator<Item = (&str, &Document, &Value)> {
        with_sources(&self.searchable)
    }
}

fn with_sources(
    documents: &BTreeMap<String, Document>,
) -> impl Iterator<Item = (&str, &Document, &Value)> {
    documents.iter().filter_map(|(id, document)| {
        let source = document.source.as_deref()?;
        Some((id.as_str(), document, source))
    })
}
