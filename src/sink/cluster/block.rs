//! What keeps documents out of an index.

use serde_json::Value;

/// Why an index can't be written to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sink) enum IndexBlock {
    /// This setting says so.
    Setting(&'static str),
    /// It is closed.
    Closed,
}

/// The settings that do it.
const SETTINGS: [&str; 3] = [
    "index.blocks.write",
    "index.blocks.read_only",
    "index.blocks.read_only_allow_delete",
];

impl IndexBlock {
    /// The one that the settings of an index show.
    pub(super) fn of(settings: &Value) -> Option<Self> {
        let index = &settings["index"];
        // A server sets it when it closes an index, and removes it when it opens the index again. The
        // settings of an index do not show its state otherwise.
        if index["verified_before_close"] == "true" {
            return Some(Self::Closed);
        }
        let is_set = |setting: &&str| {
            let name = setting.trim_start_matches("index.blocks.");
            index["blocks"][name] == "true"
        };
        SETTINGS.into_iter().find(is_set).map(Self::Setting)
    }

    /// That the index `name` is blocked, and by what, in words.
    pub(in crate::sink) fn told(self, name: &str) -> String {
        let why = match self {
            Self::Setting(setting) => format!("{setting} is set"),
            Self::Closed => format!("it is closed; open it with POST {name}/_open"),
        };
        format!("the index {name} can't be written to: {why}")
    }
}
