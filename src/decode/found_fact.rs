//! What stands at the places of a mapping, to be shown to people.

use std::borrow::Cow;
use std::fmt;

use super::Decoder;
use super::json::BYTE_ORDER_MARK;
use super::lookup::FoundValues;
use super::mapping::{Fact, MappingSettings, OrderIdFacts, Path, Place};
use super::quoted::excerpt;
use crate::domain::record::Record;

/// What stands at one place of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundFact {
    /// The place, as it is configured.
    pub place: String,
    /// The beginning of what stands there, as it is written; `None` if nothing does.
    pub found: Option<String>,
}

impl fmt::Display for FoundFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.found.as_deref().unwrap_or("nothing");
        write!(f, "{}: {found}", self.place)
    }
}

impl Decoder {
    /// What stands at each place of the mapping, each once.
    #[must_use]
    pub fn find(&self, record: &Record<'_>) -> Vec<FoundFact> {
        let mapping = &self.rules.mapping;
        let text = record
            .payload
            .map(|payload| payload.strip_prefix(BYTE_ORDER_MARK).unwrap_or(payload))
            .and_then(|payload| str::from_utf8(payload).ok());
        let values = text.and_then(|text| FoundValues::read(text, &mapping.tree).ok());
        let mut facts: Vec<&Fact> = mapping.required().collect();
        facts.extend(mapping.order_id.iter().flat_map(OrderIdFacts::facts));
        let mut found: Vec<FoundFact> = Vec::new();
        for fact in facts {
            let place = fact.place.to_string();
            if found.iter().any(|known| known.place == place) {
                continue;
            }
            let text = match &fact.place {
                Place::Payment(_) | Place::Value(_) => {
                    let value = values.as_ref().zip(fact.slot);
                    let value = value.and_then(|(values, slot)| values.get(slot));
                    value.map(|value| excerpt(&value.shown()))
                }
                Place::Key => record.key.map(shown),
                Place::Header(name) => record.headers.last(name).map(shown),
                Place::Timestamp => record.timestamp.map(|time| time.to_string()),
            };
            found.push(FoundFact { place, found: text });
        }
        // Most topics have no such field, and it may be missing.
        let order_id = MappingSettings::default().order_id.map(|it| it.to_string());
        found.retain(|fact| fact.found.is_some() || Some(&fact.place) != order_id.as_ref());
        for mapped in mapping.condition.iter().chain(&mapping.negative) {
            for (steps, slot) in mapped.condition.paths().iter().zip(&mapped.slots) {
                let place = Path::from(steps.clone()).to_string();
                let value = values.as_ref().and_then(|values| values.values[*slot]);
                if found.iter().all(|known| known.place != place) {
                    let found_there = value.map(excerpt);
                    found.push(FoundFact {
                        place,
                        found: found_there,
                    });
                }
            }
        }
        found
    }
}

fn shown(bytes: &[u8]) -> String {
    let text: Cow<'_, str> = String::from_utf8_lossy(bytes);
    excerpt(&format!("\"{text}\""))
}
