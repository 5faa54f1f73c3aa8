//! A client that follows the events, loses its connection now and then, and resumes where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use tidegauge::host::clock::Instant;
use tower::ServiceExt;

use super::reader;
use crate::support::compare::{Figures, key};
use crate::support::oracle::Key;

/// What a client holds.
#[derive(Default)]
pub struct Follower {
    /// The id of the last reading that it was told of.
    last: Option<String>,
    totals: BTreeMap<u64, Value>,
    windows: BTreeMap<Key, Value>,
    /// When it left last, by the clock of its own.
    left: Option<Instant>,
}

/// More than this is never told at once.
const FRAMES_MAX: usize = 1_000;
/// How long it listens when nothing comes.
const SILENCE: Duration = Duration::from_millis(600);

impl Follower {
    /// Connects, takes in what is told at once, and leaves.
    ///
    /// # Errors
    /// When what is told can't be understood.
    pub fn listen(&mut self, router: &Router, windows: &[&'static str]) -> Result<(), String> {
        let last = self.last.clone().unwrap_or_else(|| "0".into());
        // No clock of the service may seem to have gone back.
        let from = self.left.max(Some(Instant::now()));
        let (told, left) = events(router, &last, from);
        self.left = Some(left);
        for event in told {
            let field = |name: &str| {
                let mut lines = event.lines();
                lines.find_map(|line| line.strip_prefix(name).map(str::trim))
            };
            let data: Value = serde_json::from_str(field("data:").unwrap_or("null"))
                .map_err(|error| format!("an event can't be read: {error}: {event}"))?;
            match field("event:") {
                Some("total") => {
                    let branch = data["branch_id"].as_u64().unwrap_or_default();
                    self.totals.insert(branch, data);
                }
                Some("window") => self.note_window(windows, data),
                Some("endless") => {
                    return Err(format!("the events of {last} never end: {event}"));
                }
                Some("reset") => self.load(router, windows)?,
                _ => {}
            }
            // An event with an id ends what belongs together.
            if let Some(id) = field("id:") {
                self.last = Some(id.to_owned());
            }
        }
        Ok(())
    }

    /// What it holds is what the routes give. Windows past retention are not taken from it; `is_all_kept` if there are
    /// none.
    pub fn check(&self, figures: &Figures, is_all_kept: bool) -> Result<(), String> {
        let totals: BTreeMap<u64, &Value> = figures
            .totals
            .iter()
            .map(|total| (total["branch_id"].as_u64().unwrap_or_default(), total))
            .collect();
        let mut paid = self
            .totals
            .iter()
            .filter(|(_, total)| total["pay_count"] != 0);
        if let Some((_, total)) = paid.find(|(branch, _)| !totals.contains_key(branch)) {
            return Err(format!(
                "a follower of events holds what is not there: {total}"
            ));
        }
        for (branch, total) in totals {
            if self.totals.get(&branch) != Some(total) {
                let held = self.totals.get(&branch);
                return Err(format!(
                    "a follower of events holds {held:?} instead of {total}"
                ));
            }
        }
        let mut given = BTreeSet::new();
        for (name, items) in &figures.windows {
            for item in items.iter().filter(|item| item["pay_count"] != 0) {
                let key = key(name, item);
                let held = self.windows.get(&key);
                if held != Some(item) {
                    return Err(format!(
                        "a follower of events holds {held:?} instead of {item}"
                    ));
                }
                given.insert(key);
            }
        }
        let mut paid = self
            .windows
            .iter()
            .filter(|(_, item)| item["pay_count"] != 0);
        match paid.find(|(key, _)| is_all_kept && !given.contains(key)) {
            Some((_, item)) => Err(format!(
                "a follower of events holds what is not there: {item}"
            )),
            None => Ok(()),
        }
    }

    fn note_window(&mut self, windows: &[&'static str], item: Value) {
        let name = windows.iter().find(|name| item["window"] == **name);
        if let Some(name) = name {
            self.windows.insert(key(name, &item), item);
        }
    }

    fn load(&mut self, router: &Router, windows: &[&'static str]) -> Result<(), String> {
        let figures = reader::figures(router, windows)?;
        self.totals.clear();
        self.windows.clear();
        for total in figures.totals {
            self.totals
                .insert(total["branch_id"].as_u64().unwrap_or_default(), total);
        }
        for (name, items) in figures.windows {
            for item in items {
                self.windows.insert(key(name, &item), item);
            }
        }
        Ok(())
    }
}

// The events that are told to a client which has been told up to `last`, and when it leaves. It comes at
// `from`, if that is later than now.
fn events(router: &Router, last: &str, from: Option<Instant>) -> (Vec<String>, Instant) {
    let router = router.clone();
    let request = Request::get("/api/v1/events")
        .header("host", "localhost:8080")
        .header("last-event-id", last)
        .body(Body::empty())
        .unwrap();
    let told = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let ahead = from.map(|from| from.saturating_duration_since(Instant::now()));
            tokio::time::advance(ahead.unwrap_or_default()).await;
            let response = router.oneshot(request).await.unwrap();
            let mut body = response.into_body();
            let (mut text, mut frames) = (Vec::new(), 0);
            while let Ok(Some(Ok(frame))) = tokio::time::timeout(SILENCE, body.frame()).await {
                frames += 1;
                if frames > FRAMES_MAX {
                    text.extend_from_slice(b"event: endless\ndata: null\n\n");
                    break;
                }
                if let Ok(data) = frame.into_data() {
                    text.extend_from_slice(&data);
                }
            }
            (String::from_utf8_lossy(&text).into_owned(), Instant::now())
        })
    });
    let (told, left) = told.join().unwrap();
    let events = told.split("\n\n").map(str::to_owned);
    (events.filter(|event| !event.is_empty()).collect(), left)
}
