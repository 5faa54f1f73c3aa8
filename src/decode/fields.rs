//! The fields of a JSON object, as they are written.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::mem;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

/// The text of each field that matters; `None` if it is missing or null.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub create_time: Option<&'a RawValue>,
    pub pay_amount: Option<&'a RawValue>,
    pub branch_id: Option<&'a RawValue>,
    pub order_id: Option<&'a RawValue>,
    pub pay_platform: Option<&'a RawValue>,
    /// The first name that comes up again, be it one that matters or not. Names are compared as
    /// they read, not as they are escaped.
    pub repeated: Option<Cow<'a, str>>,
}

/// Why a text has no fields.
#[derive(Debug)]
pub(super) enum FieldsError {
    /// The parser stopped.
    Syntax(serde_json::Error),
    /// The payload begins as a value of another kind.
    NotAnObject,
}

impl<'a> Fields<'a> {
    /// The fields of the object that `text` is.
    pub fn read(text: &'a str) -> Result<Self, FieldsError> {
        serde_json::from_str(text).map_err(|error| match error.classify() {
            // Its message would quote the value at any length.
            Category::Data => FieldsError::NotAnObject,
            _ => FieldsError::Syntax(error),
        })
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        let mut given = [false; 5];
        let mut others = BTreeSet::new();
        while let Some(Name(name)) = map.next_key()? {
            let (number, field) = match &*name {
                "createTime" => (0, &mut fields.create_time),
                "payAmount" => (1, &mut fields.pay_amount),
                "branchId" => (2, &mut fields.branch_id),
                "orderId" => (3, &mut fields.order_id),
                "payPlatform" => (4, &mut fields.pay_platform),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    if others.contains(&name) {
                        fields.repeated.get_or_insert(name);
                    } else {
                        others.insert(name);
                    }
                    continue;
                }
            };
            let raw: &RawValue = map.next_value()?;
            *field = (raw.get() != "null").then_some(raw);
            if mem::replace(&mut given[number], true) {
                fields.repeated.get_or_insert(name);
            }
        }
        Ok(fields)
    }
}

/// The text that the JSON string `raw` stands for; `None` if an escape in it stands for no
/// character.
pub(super) fn unquote(raw: &str) -> Option<Cow<'_, str>> {
    let plain = raw.strip_prefix('"')?.strip_suffix('"')?;
    if plain.contains('\\') {
        return serde_json::from_str(raw).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(plain))
}

/// A name, borrowed unless it has escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
