//! Settings before validation, each with its place.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{ConfigProblem, SettingOrigin};

/// A section before validation.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) entries: BTreeMap<String, TableEntry>,
}

/// One key with its value.
#[derive(Clone, Debug)]
pub(super) struct TableEntry {
    /// Where the key is.
    pub(super) key: SettingOrigin,
    pub(super) setting: Setting,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) origin: SettingOrigin,
    pub(super) value: SettingValue,
}

/// A value of the kinds that TOML has.
#[derive(Clone, Debug)]
pub(super) enum SettingValue {
    Text(String),
    Integer(i64),
    /// A number that is not an integer, or too large for one.
    Number(String),
    Boolean(bool),
    Time(String),
    Array(Vec<Setting>),
    Table(Table),
}

impl SettingValue {
    /// What an operator calls a value of this kind.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "an integer",
            Self::Number(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::Time(_) => "a date or time",
            Self::Array(_) => "a list",
            Self::Table(_) => "a section",
        }
    }
}

impl Table {
    /// The settings of a TOML file; `known` are the keys and sections that it may set.
    ///
    /// # Errors
    /// All the places where it is not TOML; the first alone of a file that sets nothing of ours, as
    /// it is wrong in every line.
    pub(super) fn parse(text: &str, known: &[&str]) -> Result<Self, Vec<ConfigProblem>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return Ok(convert_table(table.get_ref(), &SettingOrigin::File));
        }
        let mut keys = table.get_ref().keys();
        let is_ours = keys.any(|key| known.contains(&key.get_ref().as_ref()));
        let problem = |error: &toml::de::Error| {
            let origin = SettingOrigin::File(error.span().unwrap_or(0..0));
            let message = format!("the file is not TOML: {}", error.message());
            ConfigProblem::new(origin, "", message)
        };
        if is_ours {
            return Err(errors.iter().map(problem).collect());
        }
        let start = |error: &&toml::de::Error| error.span().map_or(0, |span| span.start);
        let first = errors.iter().min_by_key(start).map(problem);
        // The content of such a file is unknown and may be a secret.
        Err(first.map(ConfigProblem::hidden).into_iter().collect())
    }

    pub(super) fn get(&self, key: &str) -> Option<&Setting> {
        self.entries.get(key).map(|entry| &entry.setting)
    }
}

impl Setting {
    /// The list or section that `text`, the value of a variable or flag, holds in TOML.
    ///
    /// # Errors
    /// Why it is not TOML.
    pub(super) fn parse(text: &str, origin: &SettingOrigin) -> Result<Self, String> {
        let value = DeValue::parse(text).map_err(|error| error.message().to_owned())?;
        Ok(convert(&value, &|_| origin.clone()))
    }
}

fn convert_table(table: &DeTable<'_>, origin: &dyn Fn(Range<usize>) -> SettingOrigin) -> Table {
    let entries = table
        .iter()
        .map(|(key, value)| {
            let entry = TableEntry {
                key: origin(key.span()),
                setting: convert(value, origin),
            };
            (key.get_ref().to_string(), entry)
        })
        .collect();
    Table { entries }
}

fn convert(
    value: &Spanned<DeValue<'_>>,
    origin: &dyn Fn(Range<usize>) -> SettingOrigin,
) -> Setting {
    Setting {
        origin: origin(value.span()),
        value: match value.get_ref() {
            DeValue::String(text) => SettingValue::Text(text.to_string()),
            DeValue::Integer(integer) => {
                match i64::from_str_radix(integer.as_str(), integer.radix()) {
                    Ok(integer) => SettingValue::Integer(integer),
                    Err(_) => SettingValue::Number(integer.to_string()),
                }
            }
            DeValue::Float(number) => SettingValue::Number(number.to_string()),
            DeValue::Boolean(boolean) => SettingValue::Boolean(*boolean),
            DeValue::Datetime(time) => SettingValue::Time(time.to_string()),
            DeValue::Array(items) => {
                SettingValue::Array(items.iter().map(|item| convert(item, origin)).collect())
            }
            DeValue::Table(table) => SettingValue::Table(convert_table(table, origin)),
        },
    }
}
