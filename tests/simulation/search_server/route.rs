//! What a request asks for: method, path and parameters.

use serde_json::json;

use super::SearchRequest;
use super::failure::Failure;

/// A request without its body.
pub struct Route<'a> {
    pub method: &'a str,
    path: &'a str,
    /// The parts of the path, decoded.
    segments: Vec<String>,
    parameters: &'a [(&'a str, &'a str)],
}

impl<'a> Route<'a> {
    pub fn of(request: &SearchRequest<'a>) -> Self {
        let parts = request.path.split('/').filter(|part| !part.is_empty());
        Self {
            method: request.method,
            path: request.path,
            segments: parts.map(decoded).collect(),
            parameters: request.query,
        }
    }

    pub fn segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The value of a parameter, if it is given.
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut given = self.parameters.iter().filter(|(given, _)| *given == name);
        given.next().map(|(_, value)| *value)
    }

    /// Whether a parameter says yes.
    pub fn says(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value != "false")
    }

    /// Refuses parameters but these.
    pub fn takes(&self, names: &[&str]) -> Result<(), Failure> {
        let mut unknown = self.parameters.iter();
        match unknown.find(|(name, _)| !names.contains(name)) {
            None => Ok(()),
            Some((name, value)) => Err(unsupported(&format!(
                "{} {}?{name}={value}",
                self.method, self.path
            ))),
        }
    }

    /// What a gap of the simulation is answered with.
    pub fn unsupported(&self) -> Failure {
        unsupported(&format!("{} {}", self.method, self.path))
    }
}

/// The refusal of something that the simulation does not know.
pub fn unsupported(what: &str) -> Failure {
    let reason = format!("simulated server: unsupported {what}");
    Failure::plain(400, json!({ "error": reason, "status": 400 }))
}

fn decoded(part: &str) -> String {
    let bytes = part.as_bytes();
    let digit = |at: usize| {
        bytes
            .get(at)
            .and_then(|byte| char::from(*byte).to_digit(16))
    };
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                plain.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}
