//! A real server and a simulated one that are told the same.

use reqwest::{Method, Url};
use serde_json::Value;

use super::comparable::Comparable;
use crate::simulation::search_server::{SearchRequest, SearchServer};
use crate::support::lab::http::{self, Answer};

/// Both servers, and how their answers differed so far.
pub struct Twins {
    real: String,
    pub simulated: SearchServer,
    comparable: Comparable,
    differences: Vec<String>,
    played: usize,
}

/// Differences that are shown; the others follow from them, as a rule.
const SHOWN: usize = 8;

impl Twins {
    /// The real server at `url`, and a simulated one beside it.
    pub fn of(url: String) -> Self {
        let mut simulated = SearchServer::new();
        // The modules that the lab has don't know it.
        simulated.set_histograms(false);
        Self {
            real: url,
            simulated,
            comparable: Comparable::default(),
            differences: Vec::new(),
            played: 0,
        }
    }

    pub fn get(&mut self, path: &str) {
        self.play("GET", path, "");
    }

    pub fn put(&mut self, path: &str, body: &Value) {
        self.play("PUT", path, &body.to_string());
    }

    pub fn post(&mut self, path: &str, body: &Value) {
        self.play("POST", path, &body.to_string());
    }

    /// Lines of a bulk.
    pub fn bulk(&mut self, parameters: &str, lines: &[Value]) {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.play("POST", &format!("/_bulk{parameters}"), &lines);
    }

    /// Sends a request to both, and compares the answers. Gives that of the real server.
    pub fn play(&mut self, method: &str, path: &str, body: &str) -> Answer {
        self.played += 1;
        let url = format!("{}{path}", self.real);
        let content = match path.starts_with("/_bulk") {
            true => "application/x-ndjson",
            false => "application/json",
        };
        let sent = (!body.is_empty()).then(|| (content, body.to_owned()));
        let real = http::send(Method::from_bytes(method.as_bytes()).unwrap(), &url, sent);

        let parsed = Url::parse(&url).unwrap();
        let query: Vec<(String, String)> = parsed
            .query_pairs()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let query: Vec<(&str, &str)> = query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let simulated = self.simulated.answer(&SearchRequest {
            method,
            path: parsed.path(),
            query: &query,
            body: body.as_bytes(),
        });
        let simulated_text = String::from_utf8(simulated.body).unwrap();
        let is_sorted = body.contains("\"sort\"");
        let compared = self.comparable.differ(
            is_sorted,
            (real.status, &real.text),
            (simulated.status, &simulated_text),
        );
        if let Some((ours, theirs)) = compared {
            let shown: String = body.chars().take(600).collect();
            self.differences.push(format!(
                "{method} {path}\n{shown}\n  real:      {} {theirs}\n  simulated: {} {ours}",
                real.status, simulated.status
            ));
        }
        real
    }

    /// Notes a difference that another look has found.
    pub fn note(&mut self, difference: String) {
        self.differences.push(difference);
    }

    /// How many requests were sent to both.
    pub fn played(&self) -> usize {
        self.played
    }

    #[track_caller]
    pub fn assert_same(&self) {
        let differences = &self.differences;
        let shown = &differences[..differences.len().min(SHOWN)];
        assert!(
            differences.is_empty(),
            "{} of {} answers differ:\n{}",
            differences.len(),
            self.played,
            shown.join("\n")
        );
    }
}
