//! TOML as it is being written.

use std::path::Path;

/// TOML as it is being written.
#[derive(Default)]
pub(super) struct TomlText(pub(super) String);

impl TomlText {
    pub(super) fn head(&mut self, head: &str) {
        self.0.push_str(&format!("\n{head}\n"));
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.bare(key, quoted(value));
    }

    pub(super) fn path(&mut self, key: &str, path: Option<&Path>) {
        let path = path.map(|path| path.display().to_string());
        self.text(key, &path.unwrap_or_default());
    }

    pub(super) fn bare(&mut self, key: &str, value: impl std::fmt::Display) {
        self.0.push_str(&format!("{key} = {value}\n"));
    }
}

/// A key: in quotes if it needs some.
pub(super) fn key(text: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !text.is_empty() && text.chars().all(is_bare) {
        true => text.to_owned(),
        // It has no control characters.
        false => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
