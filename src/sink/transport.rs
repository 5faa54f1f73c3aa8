//! What HTTP clients share: the certificates that they trust, and errors in one line.

use std::path::Path;

use reqwest::Certificate;

use super::tls_problem::tls_problem;

/// The most characters of a reason that are shown.
const SHOWN_MAX: usize = 200;

/// The certificates in a PEM file; at least one.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn certificates_in(path: &Path) -> Result<Vec<Certificate>, String> {
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| with_causes(&error))?;
    if found.is_empty() {
        return Err("it holds no certificate".into());
    }
    Ok(found)
}

/// Why a request failed, in one line: the innermost cause is the one that says what happened.
#[must_use]
pub fn with_causes(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(cause) = inner.source() {
        inner = cause;
        if let Some(problem) = tls_problem(inner) {
            return problem;
        }
    }
    in_short(&inner.to_string())
}

/// One line of `text` that fits a status.
pub(super) fn in_short(text: &str) -> String {
    let line = text
        .split(char::is_control)
        .find(|line| !line.trim().is_empty());
    let line = line.unwrap_or_default().trim();
    match line.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
