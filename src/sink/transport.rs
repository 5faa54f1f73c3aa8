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
    // A server that expects TLS shows by what it does with a request without it.
    let is_plain = error.url().is_some_and(|url| url.scheme() == "http");
    let mut inner: &dyn std::error::Error = error;
    while let Some(cause) = inner.source() {
        inner = cause;
        if let Some(problem) = tls_problem(inner) {
            return problem;
        }
        if is_plain && let Some(problem) = inner.downcast_ref().and_then(plain_problem) {
            return problem.into();
        }
    }
    in_short(&inner.to_string())
}

/// Why a server does not answer with HTTP, if it may be because it expects TLS.
fn plain_problem(error: &hyper::Error) -> Option<&'static str> {
    let is_other_protocol =
        error.is_parse() && !error.is_parse_status() && !error.is_parse_too_large();
    if is_other_protocol {
        Some("it does not answer with HTTP: if it speaks TLS, write https:// in the address")
    } else if error.is_incomplete_message() {
        Some(
            "it closed the connection without an answer: if it speaks TLS, write https:// in the \
             address",
        )
    } else {
        None
    }
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
