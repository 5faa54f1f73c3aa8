//! What is wrong with a configuration, with all problems in one report.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use tracing::warn;

use super::secret_keys::{is_for_secret, may_hold_secret};
use crate::domain::count::counted;
use crate::domain::secret::{names_secret, shown_key};
use crate::domain::secret_file;

/// Why the configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file that was named, or found, can't be read.
    #[error(
        "the configuration {file} can't be read: {reason}; give another with --config or TIDEGAUGE_CONFIG"
    )]
    Unreadable {
        /// The file, and who named it.
        file: String,
        /// Why.
        reason: std::io::Error,
    },
    /// The file with the token for a service can't be used.
    #[error("the token file: {reason}")]
    TokenFile {
        /// Why.
        reason: String,
    },
    /// Settings are not valid: each problem with its place, its key and what would be right.
    #[error("{0}")]
    Invalid(ProblemReport),
}

/// All problems, rendered. Displays one paragraph for each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProblemReport {
    problems: Vec<String>,
    /// The file that was read and who named it.
    file: Option<String>,
}

impl ProblemReport {
    /// One paragraph for each problem: place, key, what is wrong and what would be right; for a
    /// problem in the file, its line too.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for ProblemReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        write!(
            f,
            "the configuration has {}",
            counted(count as u64, "problem")
        )?;
        match &self.file {
            Some(file) => write!(f, "; its file is {file}"),
            None => Ok(()),
        }
    }
}

/// Where a setting comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum SettingOrigin {
    /// These bytes of the file.
    File(Range<usize>),
    /// The environment variable of this name.
    Variable(String),
    /// The flag of this name.
    Flag(String),
    /// Nowhere: it is missing.
    Missing,
}

impl SettingOrigin {
    /// Whether it can hold only text: what it means depends on the key.
    pub(super) fn is_text_only(&self) -> bool {
        matches!(self, Self::Variable(_) | Self::Flag(_))
    }
}

/// One problem of a setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ConfigProblem {
    origin: SettingOrigin,
    key: String,
    message: String,
    /// Whether the line may show a secret, whatever its key is.
    is_hidden: bool,
}

impl ConfigProblem {
    /// `key` is the full name of the setting; empty if the problem is not about one.
    pub(super) fn new(
        origin: SettingOrigin,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            origin,
            key: key.into(),
            message: message.into(),
            is_hidden: false,
        }
    }

    /// The same, told without the line: what stands there may be a secret.
    pub(super) fn hidden(self) -> Self {
        Self {
            is_hidden: true,
            ..self
        }
    }
}

/// The file that was read, if any.
#[derive(Clone, Debug, Default)]
pub(super) struct ConfigText {
    /// Its name as it is shown.
    pub(super) name: Option<String>,
    /// Its name and who gave it, if a user did.
    pub(super) told: Option<String>,
    pub(super) text: String,
}

/// Collects problems, so that all are reported at once.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: RefCell<Vec<ConfigProblem>>,
    /// The first key whose secret stands in the file itself.
    secret_in_file: RefCell<Option<String>>,
}

impl Problems {
    pub(super) fn add(&self, problem: ConfigProblem) {
        let mut found = self.found.borrow_mut();
        if !found.contains(&problem) {
            found.push(problem);
        }
    }

    /// Notes that the secret of `key` stands in the file itself.
    pub(super) fn note_secret_in_file(&self, key: String) {
        self.secret_in_file.borrow_mut().get_or_insert(key);
    }

    pub(super) fn count(&self) -> usize {
        self.found.borrow().len()
    }

    /// The report, in the order of the file; `None` without problems. A file that holds a secret and that
    /// every user can read is not refused, but logged.
    pub(super) fn report(self, document: &ConfigText) -> Option<ProblemReport> {
        if let Some(key) = self.secret_in_file.into_inner() {
            document.warn_if_open(&key);
        }
        let mut found = self.found.into_inner();
        if found.is_empty() {
            return None;
        }
        found.sort_by_key(|problem| match &problem.origin {
            SettingOrigin::File(span) => span.start,
            _ => usize::MAX,
        });
        let problems = found.iter().map(|problem| document.render(problem));
        Some(ProblemReport {
            problems: problems.collect(),
            file: document.told.clone(),
        })
    }
}

impl ConfigText {
    /// Warns if every user can read the file, which holds the secret of `key`.
    fn warn_if_open(&self, key: &str) {
        let name = self.name.as_deref();
        if let Some(warning) = name.and_then(|name| secret_file::warning(Path::new(name))) {
            warn!("{}: {warning}", shown_key(key));
        }
    }

    fn render(&self, problem: &ConfigProblem) -> String {
        let key = match problem.key.as_str() {
            "" => String::new(),
            key => format!("{}: ", shown_key(key)),
        };
        let message = &problem.message;
        let name = self.name.as_deref().unwrap_or("configuration");
        match &problem.origin {
            SettingOrigin::Variable(variable) => format!("{variable}: {key}{message}"),
            SettingOrigin::Flag(flag) => format!("{flag}: {key}{message}"),
            SettingOrigin::Missing => format!("{name}: {key}{message}"),
            SettingOrigin::File(span) => {
                let marked = MarkedLine::of(&self.text, span);
                let (line, column) = (marked.line, marked.column);
                let hides = problem.is_hidden
                    || is_for_secret(problem.key.rsplit_once('.').map_or("", |(_, key)| key))
                    || names_secret(&problem.key)
                    || may_hold_secret(self.statement(span))
                    || (problem.key.is_empty() && marked.sets_nothing());
                let excerpt = if hides {
                    String::new()
                } else {
                    marked.excerpt()
                };
                format!("{name}:{line}:{column}: {key}{message}{excerpt}")
            }
        }
    }
}

impl ConfigText {
    /// The text from the last line above `span` that sets something to the end of the line of `span`:
    /// a value may go over several lines.
    fn statement(&self, span: &Range<usize>) -> &str {
        let mut at = span.start.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let (before, after) = self.text.split_at(at);
        let end = at + after.find('\n').unwrap_or(after.len());
        let mut start = before.rfind('\n').map_or(0, |newline| newline + 1);
        while start > 0 && !self.text[start..end].contains('=') {
            start = self.text[..start - 1]
                .rfind('\n')
                .map_or(0, |newline| newline + 1);
        }
        &self.text[start..end]
    }
}

/// A stretch of a line of the file.
struct MarkedLine<'a> {
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    /// In characters.
    width: usize,
    text: &'a str,
}

/// Show no more than this of a line, in characters.
const LINE_MAX: usize = 120;

impl<'a> MarkedLine<'a> {
    fn of(text: &'a str, span: &Range<usize>) -> Self {
        let mut at = span.start.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let before = text.get(..at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text.get(line_start..).unwrap_or_default();
        let line = line.lines().next().unwrap_or_default();
        let column = before.len() - line_start;
        let marked = line.get(column..).unwrap_or_default();
        let length = (span.end.max(at) - at).min(marked.len());
        let width = marked
            .char_indices()
            .take_while(|(at, _)| *at < length)
            .count();
        Self {
            line: before.matches('\n').count() + 1,
            column: line.get(..column).unwrap_or_default().chars().count() + 1,
            width: width.max(1),
            text: line,
        }
    }

    /// Whether the line neither sets a key nor names a section: the file may be that of a secret.
    fn sets_nothing(&self) -> bool {
        // Base64 ends with the sign.
        let value = self.text.split_once('=').map(|(_, value)| value.trim());
        let sets = value.is_some_and(|value| !value.is_empty() && !value.starts_with('='));
        !sets && !self.text.trim_start().starts_with('[')
    }

    /// The line with a mark under the stretch, unless it could show a secret.
    fn excerpt(&self) -> String {
        let length = self.text.chars().count();
        // Addresses may have a password in them, or a key behind them.
        let has_user = self.text.contains('@') || self.text.contains('?');
        if has_user || length > LINE_MAX || self.text.trim().is_empty() {
            return String::new();
        }
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        // A tab must stay one, or the mark would not stand under its word.
        let indent: String = self
            .text
            .chars()
            .take(self.column - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let mark = "^".repeat(self.width);
        format!("\n {number} | {}\n {margin} | {indent}{mark}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str, word: &str) -> String {
        let start = text.find(word).unwrap_or(text.len());
        let document = ConfigText {
            name: Some("t.toml".into()),
            told: None,
            text: text.into(),
        };
        let origin = SettingOrigin::File(start..start + word.len());
        document.render(&ConfigProblem::new(origin, "a.b", "is wrong"))
    }

    #[test]
    fn the_word_is_marked_by_characters_not_bytes() {
        assert_eq!(
            rendered("x = 1\nñame = \"ßad\" # c\n", "\"ßad\""),
            "t.toml:2:8: a.b: is wrong\n 2 | ñame = \"ßad\" # c\n   |        ^^^^^"
        );
    }

    #[test]
    fn a_line_that_could_hold_a_secret_is_not_shown() {
        assert_eq!(
            rendered("\"sasl.password\" = hunter2", "hunter2"),
            "t.toml:1:19: a.b: is wrong"
        );
    }

    #[test]
    fn no_place_makes_it_panic() {
        let text = "é\r\n\n\tß";
        for start in 0..text.len() + 3 {
            for end in start..text.len() + 3 {
                let marked = MarkedLine::of(text, &(start..end));
                assert!(marked.line >= 1 && marked.column >= 1);
                let _ = marked.excerpt();
            }
        }
    }
}
