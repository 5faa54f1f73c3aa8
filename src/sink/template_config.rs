//! What an operator may say about the index templates.

use serde_json::{Value, json};

use crate::domain::duration;

/// The priority of the index templates, and the settings that indexes get from them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TemplateConfig {
    /// The priority, 0 to 1,000,000: of several templates for a name, the one with the highest counts.
    pub priority: usize,
    /// How many primary shards an index has, at least 1.
    pub shards: usize,
    /// How many copies each has.
    pub replicas: Replicas,
    /// The policy of index lifecycle management that indexes get, if any.
    pub lifecycle_policy: Option<String>,
}

/// How many copies of its shards an index has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Replicas {
    /// So many.
    Fixed(u32),
    /// As many as there are nodes for, within these bounds: `0-1`, `0-all`.
    Expanding(String),
}

impl Default for TemplateConfig {
    fn default() -> Self {
        Self {
            priority: 500,
            shards: 1,
            replicas: Replicas::Expanding("0-1".into()),
            lifecycle_policy: None,
        }
    }
}

impl TemplateConfig {
    /// Whether an operator has said how many shards or replicas there are to be.
    pub(super) fn is_sized(&self) -> bool {
        let usual = Self::default();
        (self.shards, &self.replicas) != (usual.shards, &usual.replicas)
    }

    /// The settings of indexes; only the lifecycle policy, if the server decides on the others itself
    /// and refuses them, as a serverless project does: shards, replicas, and a refresh every second
    /// ([settings of serverless][1]).
    ///
    /// [1]: https://www.elastic.co/docs/reference/elasticsearch/index-settings/serverless
    pub(super) fn settings(&self, decided_by_server: bool) -> Value {
        let mut index = json!({});
        if !decided_by_server {
            index["refresh_interval"] = json!("1s");
            index["number_of_shards"] = self.shards.into();
            match &self.replicas {
                Replicas::Fixed(count) => index["number_of_replicas"] = (*count).into(),
                Replicas::Expanding(bounds) => index["auto_expand_replicas"] = json!(bounds),
            }
        }
        if let Some(policy) = &self.lifecycle_policy {
            index["lifecycle"] = json!({ "name": policy });
        }
        json!({ "index": index })
    }

    /// How the settings of a live template differ from these, in words. `decided_by_server` says
    /// whether the template leaves to the server what that may decide on.
    pub(super) fn drift(&self, live: &Value, decided_by_server: bool) -> Vec<String> {
        let at = |settings: &Value, name: &str| match settings["index"].pointer(name)? {
            Value::Null => None,
            // What says that there is none.
            Value::String(text) if matches!(text.as_str(), "_none" | "false") => None,
            Value::Bool(false) => None,
            Value::String(text) => Some(text.clone()),
            // The server gives numbers as texts.
            other => Some(other.to_string()),
        };
        // What an operator has said is not left to the server.
        let ours = self.settings(decided_by_server && !self.is_sized());
        let differs = |name: &'static str| {
            let shown = name.trim_start_matches('/').replace('/', ".");
            match (at(live, name), at(&ours, name)) {
                (live, ours) if live == ours => None,
                (Some(live), Some(ours)) if is_same_time(&live, &ours) => None,
                (Some(live), Some(ours)) => Some(format!("{shown} is {live}, not {ours}")),
                (None, Some(ours)) => Some(format!("{shown} is not set, and should be {ours}")),
                (live, None) => Some(format!(
                    "{shown} is {}, and should not be set",
                    live.unwrap_or_default()
                )),
            }
        };
        let all = SETTINGS.into_iter().chain(OTHERS);
        all.filter_map(differs).collect()
    }
}

/// Whether the live template of that name says itself that settings are left to the server.
pub(super) fn decided_by_server(template: &Value) -> bool {
    template["_meta"][SETTINGS_MARK] == DECIDED
}

/// Notes in the `_meta` of a template that it leaves settings to the server: that they are absent
/// does not tell, as others can remove them too.
pub(super) fn mark_decided(meta: &mut Value) {
    meta[SETTINGS_MARK] = DECIDED.into();
}

// A server keeps the text that it was given: 1000ms is 1s.
fn is_same_time(live: &str, ours: &str) -> bool {
    let of = |text| duration::parse(text).ok();
    of(live).is_some_and(|live| Some(live) == of(ours))
}

/// The settings that a server may decide on itself.
const SETTINGS: [&str; 4] = [
    "/refresh_interval",
    "/number_of_shards",
    "/number_of_replicas",
    "/auto_expand_replicas",
];
/// The settings that no server decides on. All but the first are never ours: with a block or the pipeline
/// of others, new indexes take nothing, or something else.
const OTHERS: [&str; 8] = [
    "/lifecycle/name",
    "/default_pipeline",
    "/final_pipeline",
    "/blocks/write",
    "/blocks/read_only",
    "/blocks/read_only_allow_delete",
    "/blocks/read",
    "/blocks/metadata",
];
/// Where `_meta` of a template says who decides on settings.
const SETTINGS_MARK: &str = "settings";
const DECIDED: &str = "decided by the server";

impl Replicas {
    /// Reads `1`, `0-1` or `0-all`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u32>()
                .ok()
                .filter(|number| is_number && *number <= REPLICAS_MAX)
        };
        match text.split_once('-') {
            None => number(text).map(Self::Fixed),
            Some((least, most)) => {
                let least = number(least)?;
                let is_range = most == "all" || number(most).is_some_and(|most| most >= least);
                is_range.then(|| Self::Expanding(text.to_owned()))
            }
        }
    }

    /// As [`Replicas::parse`] reads it.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Fixed(count) => count.to_string(),
            Self::Expanding(bounds) => bounds.clone(),
        }
    }
}

/// More copies than any cluster has nodes for.
const REPLICAS_MAX: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_a_number_or_a_range() {
        for text in ["0", "1", "0-1", "0-all", "2-4"] {
            let read = Replicas::parse(text).map(|replicas| replicas.text());
            assert_eq!(read.as_deref(), Some(text));
        }
        for text in ["", "-1", "1-0", "all", "0-", "+1", "1.5", "0-ALL", "99999"] {
            assert_eq!(Replicas::parse(text), None, "{text}");
        }
    }

    #[test]
    fn settings_name_only_what_was_said_and_what_the_server_takes() {
        let usual = TemplateConfig::default();
        let index = json!({ "refresh_interval": "1s", "number_of_shards": 1, "auto_expand_replicas": "0-1" });
        assert_eq!(usual.settings(false)["index"], index);
        assert_eq!(usual.settings(true)["index"], json!({}));
        assert!(!usual.is_sized());
        let said = TemplateConfig {
            shards: 3,
            replicas: Replicas::Fixed(2),
            lifecycle_policy: Some("payments".into()),
            ..usual
        };
        assert!(said.is_sized());
        let index = json!({
            "refresh_interval": "1s",
            "number_of_shards": 3,
            "number_of_replicas": 2,
            "lifecycle": { "name": "payments" },
        });
        assert_eq!(said.settings(false)["index"], index);
        assert_eq!(
            said.settings(true)["index"],
            json!({ "lifecycle": { "name": "payments" } })
        );
    }

    #[test]
    fn drift_names_each_setting_and_what_is_wrong_with_it() {
        let live = json!({ "index": {
            "refresh_interval": "1s",
            "number_of_shards": "1",
            "auto_expand_replicas": "0-1",
            "lifecycle": { "name": "old" },
        } });
        let usual = TemplateConfig::default();
        assert_eq!(
            usual.drift(&live, false),
            ["lifecycle.name is old, and should not be set"]
        );
        let said = TemplateConfig {
            shards: 3,
            replicas: Replicas::Fixed(2),
            lifecycle_policy: Some("new".into()),
            ..usual.clone()
        };
        assert_eq!(
            said.drift(&live, false),
            [
                "number_of_shards is 1, not 3",
                "number_of_replicas is not set, and should be 2",
                "auto_expand_replicas is 0-1, and should not be set",
                "lifecycle.name is old, not new",
            ]
        );
    }

    #[test]
    fn absent_settings_are_right_only_where_the_template_says_that_the_server_decides() {
        let usual = TemplateConfig::default();
        let none = json!({});
        let missing = [
            "refresh_interval is not set, and should be 1s",
            "number_of_shards is not set, and should be 1",
            "auto_expand_replicas is not set, and should be 0-1",
        ];
        assert_eq!(usual.drift(&none, false), missing);
        assert!(usual.drift(&none, true).is_empty());
        // An operator's numbers are never left to a server.
        let said = TemplateConfig { shards: 2, ..usual };
        let found = said.drift(&none, true);
        assert!(
            found.contains(&"number_of_shards is not set, and should be 2".to_owned()),
            "{found:?}"
        );

        let mut template = json!({ "_meta": { "managed_by": "tidegauge" } });
        assert!(!decided_by_server(&template));
        mark_decided(&mut template["_meta"]);
        assert!(decided_by_server(&template));
        assert!(!decided_by_server(&json!({})));
    }

    #[test]
    fn the_refresh_interval_is_compared_as_a_time() {
        let usual = TemplateConfig::default();
        let mut live = usual.settings(false);
        for (interval, is_drift) in [("1000ms", false), ("1s", false), ("5s", true), ("-1", true)] {
            live["index"]["refresh_interval"] = json!(interval);
            assert_eq!(
                usual.drift(&live, false).len(),
                usize::from(is_drift),
                "{interval}"
            );
        }
    }

    #[test]
    fn blocks_and_pipelines_of_others_are_drift() {
        let usual = TemplateConfig::default();
        let mut live = usual.settings(false);
        live["index"]["default_pipeline"] = json!("enrich");
        live["index"]["final_pipeline"] = json!("_none");
        live["index"]["blocks"] = json!({ "write": "true", "read_only": "false" });
        assert_eq!(
            usual.drift(&live, false),
            [
                "default_pipeline is enrich, and should not be set",
                "blocks.write is true, and should not be set",
            ]
        );
    }
}
