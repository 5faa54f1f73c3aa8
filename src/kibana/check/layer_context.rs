//! The documents that a layer of a panel shows.

use std::collections::BTreeMap;

use crate::kibana::DocumentSet;

/// The documents and fields that a layer shows.
pub(super) struct LayerContext<'a> {
    pub(super) documents: DocumentSet<'a>,
    pub(super) fields: &'a BTreeMap<String, String>,
    pub(super) time: Option<&'a str>,
    pub(super) location: &'a str,
}
