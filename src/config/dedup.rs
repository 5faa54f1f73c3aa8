//! Duplicates: `[dedup]`.

use std::time::Duration;

use super::rules::span;
use super::section::{Section, one_of};
use super::toml_text::TomlText;
use super::windows;
use crate::core::seen_orders::DuplicateRule;
use crate::decode::mapping::MappingSettings;

/// How long an id is remembered unless the configuration says otherwise.
const WITHIN: Duration = Duration::from_secs(3_600);
/// The ids of a partition that are remembered unless the configuration says otherwise.
const MAX_IDS: usize = 20_000_000;
const NO_EFFECT: &str = "this has no effect while dedup.by is not set: no payments are compared; set \
                         dedup.by = \"order_id\", or leave this out";

/// Reads the section: when a payment is a duplicate, if any can be. `fields` says where the order id stands.
pub(super) fn read(section: &Section<'_>, fields: &MappingSettings) -> Option<DuplicateRule> {
    let mut is_empty = true;
    let is_on = section.parsed("by", false, |text| {
        is_empty = text.is_empty();
        match text {
            "" => Ok(false),
            "order_id" => Ok(true),
            other => Err(format!(
                "payments can't be compared by \"{other}\": {}, or \"\" to compare none",
                one_of(other, &["order_id"])
            )),
        }
    });
    let within = windows::span(section, "within", WITHIN);
    if within.is_zero() {
        section.problem("within", "give a duration of at least 1ms, such as \"1h\"");
    }
    let most = usize::try_from(DuplicateRule::IDS_MAX).unwrap_or(usize::MAX);
    let max_ids = section.integer("max_ids", MAX_IDS, 1, most);
    if is_on && fields.order_id.is_none() {
        section.problem(
            "by",
            "this needs payment.order_id: give the place of the order id",
        );
    }
    if is_empty {
        // The defaults, as `check` and the example print them, ask for nothing.
        let asked = [
            (
                "within",
                i64::try_from(WITHIN.as_millis()) != Ok(within.millis()),
            ),
            ("max_ids", max_ids != MAX_IDS),
        ];
        for (key, _) in asked.into_iter().filter(|(_, is_asked)| *is_asked) {
            section.warn(key, NO_EFFECT);
        }
    }
    is_on.then_some(DuplicateRule {
        within,
        max_ids: max_ids as u64,
    })
}

/// The section in force.
pub(super) fn write(rule: Option<DuplicateRule>, toml: &mut TomlText) {
    toml.head("[dedup]");
    toml.text("by", if rule.is_some() { "order_id" } else { "" });
    if let Some(rule) = rule {
        toml.text("within", &span(rule.within));
        toml.bare("max_ids", rule.max_ids);
    }
}

/// The lines of the rules: none if no payment can be a duplicate, so that a state from before there were duplicates has
/// the same rules.
pub(super) fn rules(rule: Option<DuplicateRule>) -> Vec<String> {
    let Some(rule) = rule else {
        return Vec::new();
    };
    vec![
        "dedup.by = order_id".to_owned(),
        format!("dedup.within = {}", span(rule.within)),
        format!("dedup.max_ids = {}", rule.max_ids),
    ]
}
