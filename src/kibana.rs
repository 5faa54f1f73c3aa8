//! Kibana: data views and a dashboard over the indexes that the sink fills, rendered from the
//! configuration, checked without a Kibana, and loaded into one.
//!
//! Kibana accepts saved objects with invalid content and then shows an empty panel. So everything that
//! is to be loaded passes [`check::faults`] first, which knows what our indexes hold.

pub mod check;
mod client;
mod column;
mod config;
mod dashboard;
mod data_view;
mod error;
mod load;
mod panel;
mod saved_object;

use std::collections::BTreeMap;

use tidegauge_windows::{Definition, Kind};

pub use self::client::Kibana;
pub use self::config::Config;
pub use self::error::{Error, Refusal};
pub use self::load::Loaded;
pub use self::saved_object::{SavedObject, ndjson};
use crate::sink::DocumentFields;
use crate::view::field::Field;
use crate::view::flat_row::FlatRow;
use crate::view::wire::{NoWindowAnswer, RejectAnswer, TotalAnswer, WindowAnswer};

/// The oldest Kibana that the objects load into: major and minor version. Older ones refuse their
/// stamps, which are the lowest that by-value Lens panels of today's form can have.
pub const OLDEST: (u32, u32) = (8, 9);

/// The indexes that the dashboard shows.
#[derive(Clone, Debug)]
pub struct IndexLayout {
    /// The prefix of every alias.
    pub prefix: String,
    /// The window definitions.
    pub definitions: Vec<Definition>,
    /// The fields of the documents.
    pub fields: DocumentFields,
}

/// The documents behind one alias.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DocumentSet<'a> {
    /// One per branch.
    Totals,
    /// One per window and branch.
    Windows(&'a Definition),
    /// One per payment in no window.
    NoWindow,
    /// One per rejected record.
    Rejects,
}

impl IndexLayout {
    /// All objects: the data views, then the dashboard.
    #[must_use]
    pub fn objects(&self) -> Vec<SavedObject> {
        let mut objects: Vec<SavedObject> = data_view::all(self)
            .iter()
            .map(data_view::DataView::object)
            .collect();
        objects.push(dashboard::object(self));
        objects
    }

    /// The id of the dashboard.
    #[must_use]
    pub fn dashboard_id(&self) -> String {
        format!("{}-dashboard", self.prefix)
    }

    /// The alias of documents.
    #[must_use]
    pub fn alias(&self, documents: DocumentSet<'_>) -> String {
        let last = match documents {
            DocumentSet::Totals => "totals",
            DocumentSet::Windows(definition) => definition.name(),
            DocumentSet::NoWindow => "late",
            DocumentSet::Rejects => "rejects",
        };
        format!("{}-{last}", self.prefix)
    }

    /// The documents behind an alias, and their fields.
    #[must_use]
    pub fn behind(&self, alias: &str) -> Option<(DocumentSet<'_>, &BTreeMap<String, String>)> {
        let windows = self.definitions.iter().map(DocumentSet::Windows);
        let all = [
            DocumentSet::Totals,
            DocumentSet::NoWindow,
            DocumentSet::Rejects,
        ];
        let documents = all
            .into_iter()
            .chain(windows)
            .find(|documents| self.alias(*documents) == alias)?;
        Some((documents, self.fields_of(documents)))
    }

    /// The fields of documents.
    #[must_use]
    pub const fn fields_of(&self, documents: DocumentSet<'_>) -> &BTreeMap<String, String> {
        match documents {
            DocumentSet::Totals => &self.fields.totals,
            DocumentSet::Windows(_) => &self.fields.windows,
            DocumentSet::NoWindow => &self.fields.late,
            DocumentSet::Rejects => &self.fields.rejects,
        }
    }
}

impl DocumentSet<'_> {
    /// The fields that the documents share with answers over HTTP.
    pub(crate) const fn figures(&self) -> &'static [Field] {
        match self {
            Self::Totals => TotalAnswer::FIELDS,
            Self::Windows(_) => WindowAnswer::FIELDS,
            Self::NoWindow => NoWindowAnswer::FIELDS,
            Self::Rejects => RejectAnswer::FIELDS,
        }
    }

    /// Whether a payment can be in several windows of the set, so that they must not be added up.
    #[must_use]
    pub fn overlap(&self) -> bool {
        matches!(self, Self::Windows(definition) if definition.kind() != Kind::Tumbling)
    }
}
