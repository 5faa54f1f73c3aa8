//! What a layer of a panel stands on.

use std::collections::BTreeMap;

use crate::kibana::DocumentSet;

/// What a layer looks at.
pub(super) struct LayerContext<'a> {
    pub(super) documents: DocumentSet<'a>,
    pub(super) fields: &'a BTreeMap<String, String>,
    pub(super) time: Option<&'a str>,
    pub(super) place: &'a str,
}
