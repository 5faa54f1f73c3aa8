//! Reads the payment's JSON object: the values that the interpreter uses.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt,
};
use cel::common::value::Val;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::scalar::CelNumber;
use crate::decode::quoted::unquote;

/// The value of the JSON object `text`, with the members in `fields` alone, or with all of them.
/// `None` if `text` is not a JSON object, or if in one of those members a string has an escape that
/// stands for no character or values are nested more than [`DEPTH_MAX`] deep.
pub(super) fn read<'t>(text: &'t str, fields: Option<&BTreeSet<String>>) -> Option<CelMap<'t>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = ObjectMembers(fields).deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    let members = members.into_iter().map(|(name, raw)| {
        // The parser above has checked that this is JSON.
        let value = ObjectValues::new(raw.get()).value()?;
        Some((CelMapKey::String(name.into()), value))
    });
    members.collect::<Option<HashMap<_, _>>>().map(CelMap::from)
}

/// How deep values may be nested in the object, as for the parser of the rest of the payment.
const DEPTH_MAX: usize = 128;

/// A name, borrowed unless it has escapes.
#[derive(serde::Deserialize, PartialEq, Eq, Hash)]
#[serde(transparent)]
pub(super) struct MemberName<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

struct ObjectMembers<'f>(Option<&'f BTreeSet<String>>);

impl<'de> DeserializeSeed<'de> for ObjectMembers<'_> {
    type Value = HashMap<Cow<'de, str>, &'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectMembers<'_> {
    type Value = HashMap<Cow<'de, str>, &'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = HashMap::new();
        while let Some(MemberName(name)) = members.next_key()? {
            if self.0.is_none_or(|fields| fields.contains(&*name)) {
                if found.insert(name, members.next_value()?).is_some() {
                    return Err(A::Error::custom("a name is given twice"));
                }
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Reads values from JSON that is known to be valid. What is not stops it.
struct ObjectValues<'t> {
    rest: &'t str,
    /// How many more arrays and objects may be nested.
    depth: usize,
}

impl<'t> ObjectValues<'t> {
    fn new(rest: &'t str) -> Self {
        // The object around it is one.
        let depth = DEPTH_MAX - 1;
        Self { rest, depth }
    }

    fn value(&mut self) -> Option<Box<dyn Val + 't>> {
        Some(match self.next()? {
            b'{' => {
                self.enter()?;
                let mut members = HashMap::new();
                while !self.closes(b'}')? {
                    let name = CelMapKey::String(unquote(self.string()?)?.into());
                    // Names that are given twice have no one value.
                    if members.insert(name, self.value()?).is_some() {
                        return None;
                    }
                }
                self.depth += 1;
                Box::new(CelMap::from(members))
            }
            b'[' => {
                self.enter()?;
                let mut elements = Vec::new();
                while !self.closes(b']')? {
                    elements.push(self.value()?);
                }
                self.depth += 1;
                Box::new(CelList::from(elements))
            }
            b'"' => Box::new(CelString::from(unquote(self.string()?)?)),
            _ => match self.word()? {
                "null" => Box::new(CelNull),
                "true" => Box::new(CelBool::from(true)),
                "false" => Box::new(CelBool::from(false)),
                number => match CelNumber::read(number)? {
                    CelNumber::Int(int) => Box::new(CelInt::from(int)),
                    CelNumber::Uint(uint) => Box::new(CelUInt::from(uint)),
                    CelNumber::Double(double) => Box::new(CelDouble::from(double)),
                },
            },
        })
    }

    /// Goes to the next token, past blanks and what separates tokens.
    fn next(&mut self) -> Option<u8> {
        let separates = |c| matches!(c, ' ' | '\t' | '\r' | '\n' | ',' | ':');
        self.rest = self.rest.trim_start_matches(separates);
        self.rest.bytes().next()
    }

    /// Whether the array or object ends here; goes past its bracket then.
    fn closes(&mut self, bracket: u8) -> Option<bool> {
        let closes = self.next()? == bracket;
        if closes {
            self.skip();
        }
        Some(closes)
    }

    /// Goes into an array or object; `None` if that is too deep.
    fn enter(&mut self) -> Option<()> {
        self.depth = self.depth.checked_sub(1)?;
        self.skip();
        Some(())
    }

    /// Goes past a bracket.
    fn skip(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    fn string(&mut self) -> Option<&'t str> {
        self.next()?;
        let mut escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        let (string, rest) = self.rest.split_at_checked(end + 2)?;
        self.rest = rest;
        Some(string)
    }

    fn word(&mut self) -> Option<&'t str> {
        let ends = |c| matches!(c, ' ' | '\t' | '\r' | '\n' | ',' | ']' | '}');
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }
}
