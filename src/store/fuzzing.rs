//! What stored bytes are read as: a door for the tests that feed bytes of any kind.

use std::fmt::Debug;
use std::path::Path;

use tidegauge_windows::{Aggregate, Snapshot, Summary};

use super::codec::ByteEncoder;
use super::head::CheckpointHead;
use super::identity::{MarkedDocuments, StoredIdentity};
use super::keys;
use super::table_list::TableList;
use super::task::Task;
use super::values::{RepeatedGroup, StoredNames, StoredOrders, StoredValue, merge_summary};
use crate::core::effect::{PaymentInNoWindow, Progress, RejectedRecord};
use crate::domain::payment::BranchId;
use crate::domain::topic_id::TopicId;
use crate::domain::total::Total;
use crate::view::changelog::Life;

/// The values that are kept, by name.
pub const VALUES: [&str; 19] = [
    "identity",
    "head",
    "snapshot",
    "progress",
    "branches",
    "task",
    "documents",
    "topic",
    "total",
    "summary",
    "no_window",
    "reject",
    "number",
    "text",
    "life",
    "table_list",
    "names",
    "orders",
    "repeated",
];

/// A value that was read, and what is read once it is written again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadValue {
    /// The value.
    pub value: String,
    /// The bytes that are written for it.
    pub written: Vec<u8>,
    /// What is read from these.
    pub again: Option<String>,
}

/// Reads `bytes` as the value `name` of [`VALUES`]; `None` if they are refused.
#[must_use]
pub fn read(name: &str, bytes: &[u8]) -> Option<ReadValue> {
    match name {
        "identity" => {
            let read = |bytes: &[u8]| StoredIdentity::read(bytes, Path::new("state")).ok();
            let value = read(bytes)?;
            let written = value.encode();
            Some(ReadValue {
                value: format!("{value:?}"),
                again: read(&written).map(|again| format!("{again:?}")),
                written,
            })
        }
        "head" => read_as::<CheckpointHead>(bytes),
        "snapshot" => read_as::<Snapshot>(bytes),
        "progress" => read_as::<Progress>(bytes),
        "branches" => read_as::<Vec<BranchId>>(bytes),
        "task" => read_as::<Task>(bytes),
        "documents" => read_as::<MarkedDocuments>(bytes),
        "topic" => read_as::<TopicId>(bytes),
        "total" => read_as::<Total>(bytes),
        "summary" => read_as::<Summary>(bytes),
        "no_window" => read_as::<PaymentInNoWindow>(bytes),
        "reject" => read_as::<RejectedRecord>(bytes),
        "number" => read_as::<u64>(bytes),
        "text" => read_as::<String>(bytes),
        "life" => read_as::<Life>(bytes),
        "table_list" => read_as::<TableList>(bytes),
        "names" => read_as::<StoredNames>(bytes),
        "orders" => read_as::<StoredOrders>(bytes),
        "repeated" => read_as::<RepeatedGroup>(bytes),
        _ => None,
    }
}

fn read_as<V: StoredValue + Debug>(bytes: &[u8]) -> Option<ReadValue> {
    let value = V::decode(bytes).ok()?;
    let written = value.encode();
    Some(ReadValue {
        value: format!("{value:?}"),
        again: V::decode(&written).ok().map(|again| format!("{again:?}")),
        written,
    })
}

/// The bytes of a cell with `amounts` added, each with whether it is late: merged as the writer does, and
/// read, added to and written. `None` where it is refused.
#[must_use]
pub fn merge(cell: &[u8], amounts: &[(i128, bool)]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let mut added = Summary::default();
    for (amount, late) in amounts {
        added.add(amount, *late);
    }
    let mut merged = ByteEncoder::default();
    let merged = merge_summary(cell, &added, &mut merged).map(|()| merged.into_bytes());
    let plain = Summary::decode(cell).map(|mut plain| {
        plain.merge(&added);
        plain.encode()
    });
    (merged.ok(), plain.ok())
}

/// The bytes that are written for what the key `bytes` names; `None` if it is not known.
#[must_use]
pub fn key_again(bytes: &[u8]) -> Option<Vec<u8>> {
    let document = || keys::document_of(bytes).map(|document| keys::dirty(&document));
    let total = || keys::branch_of_total(bytes).map(keys::total);
    let task = || keys::number_of_task(bytes).map(keys::task);
    let text = || keys::number_of_text(bytes).map(keys::text);
    let revision = || keys::revision_at(bytes);
    let index = || keys::family_of_index(bytes).map(keys::index);
    let orders =
        || keys::segment_of(bytes).map(|(partition, number)| keys::orders(partition, number));
    let repeated = || keys::group_of_repeated(bytes).map(keys::repeated);
    let listed = || orders().or_else(repeated);
    let rest = || revision().or_else(index).or_else(text).or_else(listed);
    let key = document().or_else(total).or_else(task).or_else(rest)?;
    Some(key.to_vec())
}
