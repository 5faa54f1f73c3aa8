//! The values of a JSON object that a mapping wants, as they are written.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::mapping::Tree;
use super::place_value::PlaceValue;

/// The text of each wanted value.
#[derive(Debug)]
pub(super) struct FoundValues<'a> {
    /// By slot; `None` if it is not there. `null` is there.
    pub values: Vec<Option<&'a str>>,
    /// The first name that comes up again in an object on the way to a wanted value, be it one that
    /// matters or not. Names are compared as they read, not as they are escaped.
    pub repeated: Option<Cow<'a, str>>,
    /// The text of an object on the way in which a name has an escape that stands for no character.
    bad_name: Option<&'a str>,
}

/// Why a text has no fields.
#[derive(Debug)]
pub(super) enum LookupError {
    /// The parser stopped.
    Syntax(serde_json::Error),
    /// The value begins as one of another kind.
    NotAnObject,
    /// In the object at this offset of the text a name has an escape that stands for no character.
    BadName(usize),
}

impl<'a> FoundValues<'a> {
    /// What stands at the path of this slot; `None` if nothing does, or null.
    pub fn get(&self, slot: usize) -> Option<PlaceValue<'a>> {
        let raw = self.values.get(slot).copied().flatten();
        raw.filter(|raw| *raw != "null").map(PlaceValue::Json)
    }

    /// The values that `tree` wants of the object that `text` is.
    pub fn read(text: &'a str, tree: &Tree) -> Result<Self, LookupError> {
        let mut found = Self {
            values: vec![None; tree.slots()],
            repeated: None,
            bad_name: None,
        };
        let mut parser = serde_json::Deserializer::from_str(text);
        let walk = LookupWalk {
            tree,
            at: Tree::ROOT,
            found: &mut found,
        };
        parser
            .deserialize_map(walk)
            .and_then(|()| parser.end())
            .map_err(|error| match error.classify() {
                // Its message would quote the value at any length.
                Category::Data => LookupError::NotAnObject,
                _ => LookupError::Syntax(error),
            })?;
        match found.bad_name {
            // It is a part of `text`, so it begins no earlier.
            Some(object) => Err(LookupError::BadName(
                object.as_ptr().addr() - text.as_ptr().addr(),
            )),
            None => Ok(found),
        }
    }
}

/// A walk through one object or array.
struct LookupWalk<'w, 'a> {
    tree: &'w Tree,
    /// The node that stands for it.
    at: usize,
    found: &'w mut FoundValues<'a>,
}

impl<'a> LookupWalk<'_, 'a> {
    /// Takes `value`, which stands where the node `child` does, and what is wanted within.
    fn take(&mut self, child: usize, value: &'a RawValue) {
        let text = value.get();
        let node = self.tree.node(child);
        if let Some(slot) = node.slot {
            self.found.values[slot] = Some(text);
        }
        let walk = LookupWalk {
            tree: self.tree,
            at: child,
            found: self.found,
        };
        let mut parser = serde_json::Deserializer::from_str(text);
        let walked = if text.starts_with('{') && node.wants_fields() {
            parser.deserialize_map(walk)
        } else if text.starts_with('[') && node.wants_items() {
            parser.deserialize_seq(walk)
        } else {
            return;
        };
        // The parser has been through it once, but has not looked at what escapes of names stand for.
        if walked.is_err() {
            self.found.bad_name.get_or_insert(text);
        }
    }
}

impl<'a> Visitor<'a> for LookupWalk<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(FieldName(name)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            if let Some(child) = self.tree.node(self.at).field(&name) {
                self.take(child, value);
            }
            if names.contains(&name) {
                self.found.repeated.get_or_insert(name);
            } else {
                names.insert(name);
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(value) = items.next_element::<&RawValue>()? {
            if let Some(child) = self.tree.node(self.at).item(index) {
                self.take(child, value);
            }
            index += 1;
        }
        Ok(())
    }
}

/// A name, borrowed unless it has escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct FieldName<'a>(#[serde(borrow)] Cow<'a, str>);
