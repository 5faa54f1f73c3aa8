//! Index templates: what new indexes get.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::expression::{matches, overlap};
use super::failure::Failure;
use super::index_request::acknowledged;
use super::mapping::Mapping;
use super::setting::Settings;
use super::{Answered, SearchServer, parsed};

/// What indexes whose names match get.
#[derive(Clone)]
pub struct Template {
    patterns: Vec<String>,
    /// Of several that match, the one with the highest counts.
    priority: u64,
    pub settings: Settings,
    pub mapping: Mapping,
    pub aliases: BTreeMap<String, Value>,
    /// Notes of who made it.
    meta: Option<Value>,
}

/// What a template may say.
const KEYS: [&str; 6] = [
    "_meta",
    "composed_of",
    "index_patterns",
    "priority",
    "template",
    "version",
];

impl Template {
    fn of(name: &str, given: &Value, knows_histograms: bool) -> Result<Self, Failure> {
        let keys = given.as_object().into_iter().flat_map(|given| given.keys());
        for key in keys {
            if !KEYS.contains(&key.as_str()) {
                let reason = format!("[index_template] unknown field [{key}]");
                return Err(Failure::new(400, "x_content_parse_exception", reason));
            }
        }
        let patterns = match &given["index_patterns"] {
            Value::String(one) => vec![one.clone()],
            several => {
                let several = several.as_array().into_iter().flatten();
                several
                    .filter_map(|one| one.as_str().map(str::to_owned))
                    .collect()
            }
        };
        let template = &given["template"];
        let settings = Settings::of(&template["settings"]).map_err(|failure| {
            let reason = format!(
                "index_template [{name}] invalid, cause [Validation Failed: 1: {};]",
                failure.reason()
            );
            Failure::new(400, "invalid_index_template_exception", reason)
        })?;
        let mapping = Mapping::of(&template["mappings"], knows_histograms);
        let aliases = template["aliases"].as_object().cloned().unwrap_or_default();
        Ok(Self {
            patterns,
            priority: given["priority"].as_u64().unwrap_or_default(),
            settings,
            mapping: mapping.map_err(|problem| problem.of_template(name))?,
            aliases: aliases.into_iter().collect(),
            meta: given.get("_meta").cloned(),
        })
    }

    fn matches(&self, index: &str) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern, index))
    }

    fn overlaps(&self, other: &Self) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|one| other.patterns.iter().any(|other| overlap(one, other)))
    }

    fn shown(&self) -> Value {
        let mut template = json!({});
        if !self.settings.is_empty() {
            template["settings"] = self.settings.shown();
        }
        if !self.mapping.is_empty() {
            template["mappings"] = self.mapping.shown();
        }
        if !self.aliases.is_empty() {
            template["aliases"] = json!(self.aliases);
        }
        let mut shown = json!({
            "index_patterns": self.patterns,
            "template": template,
            "composed_of": [],
            "priority": self.priority,
        });
        if let Some(meta) = &self.meta {
            shown["_meta"] = meta.clone();
        }
        shown
    }
}

impl SearchServer {
    pub(super) fn put_template(&mut self, name: &str, body: &[u8]) -> Answered {
        let template = Template::of(name, &parsed(body)?, self.knows_histograms)?;
        let mut others = self.templates.iter().filter(|(other, _)| *other != name);
        let rival = others
            .find(|(_, other)| other.priority == template.priority && other.overlaps(&template));
        if let Some((rival, theirs)) = rival {
            return Err(Failure::illegal(format!(
                "index template [{name}] has index patterns [{}] matching patterns from existing \
                 templates [{rival}] with patterns ({rival} => [{}]) that have the same priority \
                 [{}], multiple index templates may not match during index creation, please use a \
                 different priority",
                template.patterns.join(", "),
                theirs.patterns.join(", "),
                template.priority,
            )));
        }
        self.templates.insert(name.to_owned(), template);
        Ok(acknowledged())
    }

    pub(super) fn template_shown(&self, name: &str) -> Answered {
        let Some(template) = self.templates.get(name) else {
            let reason = format!("index template matching [{name}] not found");
            return Err(Failure::new(404, "resource_not_found_exception", reason));
        };
        let shown = json!({ "name": name, "index_template": template.shown() });
        Ok(json!({ "index_templates": [shown] }))
    }

    pub(super) fn template_deleted(&mut self, name: &str) -> Answered {
        match self.templates.remove(name) {
            Some(_) => Ok(acknowledged()),
            None => {
                let reason = format!("index_template [{name}] missing");
                Err(Failure::new(
                    404,
                    "index_template_missing_exception",
                    reason,
                ))
            }
        }
    }

    /// What an index of that name would get, and which templates match it in vain.
    pub(super) fn simulate_index(&self, name: &str) -> Value {
        let Some(template) = self.template_for(name) else {
            return json!({});
        };
        let outbid = self
            .templates
            .iter()
            .filter(|(_, other)| other.matches(name) && !std::ptr::eq(*other, template))
            .map(|(other, it)| json!({ "name": other, "index_patterns": it.patterns }));
        let mut gets = json!({
            "settings": template.settings.shown(),
            "aliases": template.aliases,
        });
        if !template.mapping.is_empty() {
            gets["mappings"] = template.mapping.shown();
        }
        json!({
            "template": gets,
            "overlapping": outbid.collect::<Vec<_>>(),
        })
    }

    /// The template that counts for an index of that name.
    pub(super) fn template_for(&self, name: &str) -> Option<&Template> {
        let matching = self.templates.values().filter(|one| one.matches(name));
        matching.max_by_key(|one| one.priority)
    }
}
