//! The id of a branch in answers and documents.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::domain::branch_key::BranchKey;
use crate::view::field::Scalar;
use crate::view::flat_row::FieldValue;

/// The id of a branch as it is shown: a number in JSON if it is an integer, and otherwise a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BranchIdAnswer {
    /// An integer from 0 to 2^31 − 1.
    Integer(u32),
    /// A text.
    Text(Arc<str>),
}

impl From<BranchKey> for BranchIdAnswer {
    fn from(key: BranchKey) -> Self {
        match key {
            BranchKey::Integer(id) => Self::Integer(id.get()),
            BranchKey::Text(text) => Self::Text(text),
        }
    }
}

impl Serialize for BranchIdAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(id) => serializer.serialize_u32(*id),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl FieldValue for BranchIdAnswer {
    const SCALAR: Scalar = Scalar::U32OrText;

    #[inline]
    fn text(&self) -> Option<&str> {
        match self {
            Self::Integer(_) => None,
            Self::Text(text) => Some(text),
        }
    }

    #[inline]
    fn u32(&self) -> Option<u32> {
        match self {
            Self::Integer(id) => Some(*id),
            Self::Text(_) => None,
        }
    }
}
