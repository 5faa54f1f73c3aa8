//! How the facts of a record are read.

use chrono_tz::Tz;

use super::DecodeRules;
use super::branch_cache::BranchCache;
use super::mapping::Mapping;
use crate::domain::branch_key::BranchTextError;
use crate::domain::branch_texts::BranchTexts;
use crate::domain::payment::BranchId;

/// How facts are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'r> {
    pub mapping: &'r Mapping,
    /// Of times that don't say how far they are from UTC.
    pub zone: Tz,
    /// Whether order ids that are texts are told apart.
    pub text_order_ids: bool,
    /// The texts that are branches.
    pub texts: &'r BranchTexts,
    /// Those of them that were met before.
    pub branches: Option<&'r BranchCache>,
}

impl<'r> Rules<'r> {
    pub fn new(rules: &'r DecodeRules, texts: &'r BranchTexts) -> Self {
        Self {
            mapping: &rules.mapping,
            zone: rules.zone,
            text_order_ids: rules.text_order_ids,
            texts,
            branches: None,
        }
    }

    /// The branch that `text` is.
    pub fn intern(&self, text: &str) -> Result<BranchId, BranchTextError> {
        match self.branches {
            Some(cache) => cache.intern(self.texts, text),
            None => self.texts.intern(text),
        }
    }
}
