//! What a layer of a panel stands on.

use std::collections::BTreeMap;

use crate::kibana::Documents;

/// What a layer looks at.
pub(super) struct Ground<'a> {
    pub(super) documents: Documents<'a>,
    pub(super) fields: &'a BTreeMap<String, String>,
    pub(super) time: Option<&'a str>,
    pub(super) place: &'a str,
}
