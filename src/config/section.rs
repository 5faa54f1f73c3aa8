//! Reading one section: every key with its kind, its default and a sentence for what is wrong.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use tracing::warn;

use super::keys::{closest, join};
use super::problem::{ConfigProblem, Problems, SettingOrigin};
use super::raw::{Setting, SettingValue, Table};
use super::size;
use super::zone::zone;
use crate::domain::count::counted;
use crate::domain::duration;
use crate::domain::secret::Secret;
use crate::domain::secret_file::{self, SecretFile, SecretFileError};

/// A section that is being read. A value that is wrong is noted and read as its default, so that all
/// that is wrong is found in one go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section<'a> {
    path: &'a str,
    origin: &'a SettingOrigin,
    table: Option<&'a Table>,
    problems: &'a Problems,
}

impl<'a> Section<'a> {
    /// The section `path`, which starts at `origin`.
    pub(super) fn new(
        path: &'a str,
        origin: &'a SettingOrigin,
        table: Option<&'a Table>,
        problems: &'a Problems,
    ) -> Self {
        Self {
            path,
            origin,
            table,
            problems,
        }
    }

    /// The section `path` within this one, whose last part is `key`.
    pub(super) fn section(&self, key: &str, path: &'a str) -> Self {
        let setting = self.get(key);
        let table = match setting.map(|setting| &setting.value) {
            Some(SettingValue::Table(table)) => Some(table),
            Some(other) => {
                let kind = other.kind();
                self.problem(key, format!("this is a section, [{path}], and not {kind}"));
                None
            }
            None => None,
        };
        let origin = setting.map_or(&SettingOrigin::Missing, |setting| &setting.origin);
        Self::new(path, origin, table, self.problems)
    }

    /// Whether anything is set in it, or its head is there.
    pub(super) fn is_given(&self) -> bool {
        self.table.is_some()
    }

    pub(super) fn table(&self) -> Option<&'a Table> {
        self.table
    }

    pub(super) fn problems(&self) -> &'a Problems {
        self.problems
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Setting> {
        self.table?.get(key)
    }

    /// Notes what is wrong with `key`.
    pub(super) fn problem(&self, key: &str, message: impl Into<String>) {
        let origin = match self.get(key) {
            Some(setting) => setting.origin.clone(),
            // A flag that made the section is not to blame for what is missing in it.
            None if self.origin.is_text_only() => SettingOrigin::Missing,
            None => self.origin.clone(),
        };
        let full = join(self.path, key);
        self.problems.add(ConfigProblem::new(origin, full, message));
    }

    /// A value written as text, read by `parse`, whose error says what would be right.
    pub(super) fn parsed<T>(
        &self,
        key: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        match self.get(key).map(|setting| &setting.value) {
            None => default,
            Some(SettingValue::Text(text) | SettingValue::Time(text)) => match parse(text) {
                Ok(value) => value,
                Err(message) => {
                    self.problem(key, message);
                    default
                }
            },
            Some(other) => {
                let kind = other.kind();
                self.problem(key, format!("{kind} stands where a text in quotes belongs"));
                default
            }
        }
    }

    /// A text as it is.
    pub(super) fn text(&self, key: &str, default: &str) -> String {
        self.parsed(key, default.to_owned(), |text| Ok(text.to_owned()))
    }

    /// A text; an empty one counts as missing.
    pub(super) fn optional(&self, key: &str) -> Option<String> {
        Some(self.text(key, "")).filter(|text| !text.is_empty())
    }

    /// A duration.
    pub(super) fn duration(&self, key: &str, default: Duration) -> Duration {
        if let Some(SettingValue::Integer(number)) = self.get(key).map(|setting| &setting.value) {
            let seconds = counted(number.unsigned_abs(), "second");
            let message = format!("the unit is missing: write \"{number}s\" for {seconds}");
            self.problem(key, message);
            return default;
        }
        self.parsed(key, default, |text| {
            duration::parse(text)
                .map_err(|error| format!("\"{text}\" is not a valid duration: {error}"))
        })
    }

    /// A number of bytes.
    pub(super) fn size(&self, key: &str, default: usize) -> usize {
        if let Some(SettingValue::Integer(number)) = self.get(key).map(|setting| &setting.value) {
            let bytes = counted(number.unsigned_abs(), "byte");
            let message = format!("the unit is missing: write \"{number}b\" for {bytes}");
            self.problem(key, message);
            return default;
        }
        self.parsed(key, default, |text| {
            size::parse(text).map_err(|error| format!("\"{text}\" is not a valid size: {error}"))
        })
    }

    /// A whole number from `least` to `most`.
    pub(super) fn integer(&self, key: &str, default: usize, least: usize, most: usize) -> usize {
        let Some(setting) = self.get(key) else {
            return default;
        };
        let integer = match &setting.value {
            SettingValue::Integer(integer) => usize::try_from(*integer).ok(),
            SettingValue::Text(text) if setting.origin.is_text_only() => text.parse().ok(),
            _ => None,
        };
        match integer {
            Some(integer) if (least..=most).contains(&integer) => integer,
            _ => {
                self.problem(
                    key,
                    format!("give a whole number from {least} to {most}, without quotes"),
                );
                default
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, key: &str, default: bool) -> bool {
        let Some(setting) = self.get(key) else {
            return default;
        };
        let boolean = match &setting.value {
            SettingValue::Boolean(boolean) => Some(*boolean),
            SettingValue::Text(text) if setting.origin.is_text_only() => text.parse().ok(),
            _ => None,
        };
        boolean.unwrap_or_else(|| {
            self.problem(key, "give true or false, without quotes");
            default
        })
    }

    /// An IANA time zone.
    pub(super) fn zone(&self, key: &str, default: Tz) -> Tz {
        self.parsed(key, default, zone)
    }

    /// The path of a file that must be readable, if one is given.
    pub(super) fn file(&self, key: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.optional(key)?);
        match fs::read(&path) {
            Ok(_) => Some(path),
            Err(error) => {
                let path = path.display();
                self.problem(key, format!("the file {path} can't be read: {error}"));
                None
            }
        }
    }

    /// The secret in a file, without white space around it, if a file is given; with its path.
    pub(super) fn secret(&self, key: &str) -> Option<(PathBuf, Secret)> {
        let path = PathBuf::from(self.optional(key)?);
        match secret_file::read(&path) {
            Ok(SecretFile { secret, warning }) => {
                if let Some(warning) = warning {
                    self.warn(key, &warning);
                }
                Some((path, secret))
            }
            Err(SecretFileError { message, is_hidden }) => {
                if is_hidden {
                    self.add_hidden(key, message);
                } else {
                    self.problem(key, message);
                }
                None
            }
        }
    }

    /// Logs what should be corrected in `key`, although it can be used.
    pub(super) fn warn(&self, key: &str, warning: &str) {
        warn!("{}: {warning}", join(self.path, key));
    }

    /// Notes what is wrong with `key`, without its line: what stands there may be a secret.
    pub(super) fn add_hidden(&self, key: &str, message: impl Into<String>) {
        let origin = self.get(key).map_or(self.origin, |setting| &setting.origin);
        let problem = ConfigProblem::new(origin.clone(), join(self.path, key), message);
        self.problems.add(problem.hidden());
    }
}

/// What of `known` may be meant by `word`, as the end of a sentence; only a word that is close is
/// proposed.
#[must_use]
pub fn one_of(word: &str, known: &[&str]) -> String {
    let near = closest(word, known.iter().copied()).filter(|(_, distance)| *distance <= 3);
    let known = known.join(", ");
    match near {
        Some((near, _)) => format!("did you mean \"{near}\"? Known are {known}"),
        None => format!("known are {known}"),
    }
}
