//! The text at a path of an object, as the mapping finds it for a compiled condition.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use crate::decode::condition::object::MemberName;
use crate::decode::path::PathStep;

/// The JSON text that `steps` lead to in the value `raw`; `None` if nothing is there, or `raw` is
/// not JSON, or gives the name twice.
pub(super) fn locate<'t>(raw: &'t str, steps: &[PathStep]) -> Option<&'t str> {
    steps.iter().try_fold(raw, |raw, step| {
        let mut reader = serde_json::Deserializer::from_str(raw);
        let found = match step {
            PathStep::Field(name) => ObjectMember(name).deserialize(&mut reader),
            PathStep::Index(index) => Element(*index).deserialize(&mut reader),
        };
        found.ok().flatten().map(RawValue::get)
    })
}

struct ObjectMember<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for ObjectMember<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ObjectMember<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(MemberName(name)) = members.next_key()? {
            if name == self.0 {
                if found.replace(members.next_value()?).is_some() {
                    return Err(A::Error::custom("a name is given twice"));
                }
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct Element(usize);

impl<'de> DeserializeSeed<'de> for Element {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        for _ in 0..self.0 {
            if elements.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = elements.next_element()?;
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}
