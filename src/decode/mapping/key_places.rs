//! Where a key stands.

use std::fmt;

use super::place::Place;
use super::template::Template;

/// Where a key stands: what amounts are summed by, or what tells orders apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyPlaces {
    /// At one place.
    One(Place),
    /// At several.
    Several(Template),
}

/// As it is read.
impl fmt::Display for KeyPlaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(place) => place.fmt(f),
            Self::Several(template) => template.fmt(f),
        }
    }
}
