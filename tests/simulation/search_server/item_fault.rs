//! Faults that a caller chooses for single documents of bulks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::failure::Failure;

/// Why a document is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ItemFault {
    /// 429: the queue is full.
    Rejected,
    /// 503: the shard is not there.
    Unavailable,
    /// 400: it can't be read.
    Unparsable,
}

/// A document of a bulk that a fault may be chosen for.
#[derive(Clone, Copy, Debug)]
pub struct BulkItem<'a> {
    /// How many came before it since the faults were chosen.
    pub number: u64,
    /// The index that it goes to.
    pub index: &'a str,
    pub id: &'a str,
    pub is_deleted: bool,
}

/// Decides on each document of a bulk whether it is taken. What is not taken is not applied.
#[derive(Clone)]
pub struct ItemFaults {
    decide: Option<Arc<Decide>>,
    /// How many documents were decided on.
    count: u64,
}

type Decide = dyn Fn(&BulkItem<'_>) -> Option<ItemFault> + Send + Sync;

impl ItemFaults {
    /// All documents are taken.
    pub const fn none() -> Self {
        Self {
            decide: None,
            count: 0,
        }
    }

    /// As `decide` says.
    pub fn deciding(
        decide: impl Fn(&BulkItem<'_>) -> Option<ItemFault> + Send + Sync + 'static,
    ) -> Self {
        Self {
            decide: Some(Arc::new(decide)),
            count: 0,
        }
    }

    /// The documents with these numbers, from 0 on.
    pub fn at(faults: BTreeMap<u64, ItemFault>) -> Self {
        Self::deciding(move |item| faults.get(&item.number).copied())
    }

    /// The documents with these ids, in every index and every time.
    pub fn of_ids(ids: BTreeSet<String>, fault: ItemFault) -> Self {
        Self::deciding(move |item| ids.contains(item.id).then_some(fault))
    }

    /// What is wrong with the next document.
    pub(super) fn next(&mut self, index: &str, id: &str, is_deleted: bool) -> Option<Failure> {
        let item = BulkItem {
            number: self.count,
            index,
            id,
            is_deleted,
        };
        self.count += 1;
        let fault = self.decide.as_ref()?(&item)?;
        Some(match fault {
            ItemFault::Rejected => Failure::new(
                429,
                "es_rejected_execution_exception",
                "rejected execution of primary operation",
            ),
            ItemFault::Unavailable => Failure::new(
                503,
                "unavailable_shards_exception",
                format!("[{index}][0] primary shard is not active Timeout: [1m]"),
            ),
            ItemFault::Unparsable => Failure::new(
                400,
                "document_parsing_exception",
                format!("failed to parse field in document with id '{id}'"),
            ),
        })
    }
}
