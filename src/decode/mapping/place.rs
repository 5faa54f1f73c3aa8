//! Where a fact stands in a record.

use std::fmt;
use std::str::FromStr;

use crate::decode::path::{Path, PathError};

/// A place of a record that holds a fact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    /// A path in the payment's object: what the envelope holds.
    Payment(Path),
    /// A path in the whole value: `$value.op`.
    Value(Path),
    /// The record's key, as text: `$key`.
    Key,
    /// The record's timestamp: `$timestamp`.
    Timestamp,
    /// The value of the last header with this name, as text: `$header.NAME`.
    Header(String),
}

/// Why a text names no place.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlaceError {
    /// It begins with `$`, and there is no such place.
    #[error(
        "\"{0}\" is not a place: write a path (\"store.id\"), \"$key\", \"$timestamp\", \
         \"$header.NAME\" or \"$value.PATH\""
    )]
    Unknown(String),
    /// It is not a path.
    #[error("\"{path}\" is not a path: {error}")]
    Path {
        /// What stands there.
        path: String,
        /// Why.
        error: PathError,
    },
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let path = |path: &str| {
            path.parse().map_err(|error| PlaceError::Path {
                path: path.to_owned(),
                error,
            })
        };
        let Some(name) = text.strip_prefix('$') else {
            return Ok(Self::Payment(path(text)?));
        };
        match (name, name.split_once('.')) {
            ("key", _) => Ok(Self::Key),
            ("timestamp", _) => Ok(Self::Timestamp),
            (_, Some(("header", header))) if !header.is_empty() => {
                Ok(Self::Header(header.to_owned()))
            }
            (_, Some(("value", rest))) => Ok(Self::Value(path(rest)?)),
            _ => Err(PlaceError::Unknown(text.to_owned())),
        }
    }
}

/// As it is read.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payment(path) => path.fmt(f),
            Self::Value(path) => write!(f, "$value.{path}"),
            Self::Key => f.write_str("$key"),
            Self::Timestamp => f.write_str("$timestamp"),
            Self::Header(name) => write!(f, "$header.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_place_is_a_path_or_a_part_of_the_record() {
        for (text, place) in [
            ("a", Place::Payment(Path::field("a"))),
            ("$value.a", Place::Value(Path::field("a"))),
            ("$key", Place::Key),
            ("$timestamp", Place::Timestamp),
            ("$header.x-store.id", Place::Header("x-store.id".to_owned())),
        ] {
            assert_eq!(text.parse::<Place>().as_ref(), Ok(&place));
            assert_eq!(place.to_string(), text);
        }
        let unknown = ["$", "$keys", "$header", "$header.", "$offset", "$key.id"];
        for text in unknown {
            assert_eq!(
                text.parse::<Place>(),
                Err(PlaceError::Unknown(text.to_owned()))
            );
        }
        for text in ["", "$value.", "a..b"] {
            assert!(matches!(
                text.parse::<Place>(),
                Err(PlaceError::Path { .. })
            ));
        }
    }
}
