//! What is outside of the simulated process: its disk and the search server.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tidegauge::host::clock::Instant;
use tidegauge::host::simulation::{self, SearchAnswer, SearchRequest};

use super::chance::Chance;
use super::publication::PublicationWatch;
use crate::search_server::{self, ItemFault, ItemFaults, SearchServer};

/// What is outside of the process, and its troubles.
#[derive(Clone)]
pub struct Outside(Arc<Mutex<OutsideState>>);

/// What the outside is like now.
pub struct OutsideState {
    pub search: SearchServer,
    pub search_troubles: SearchTroubles,
    pub disk: DiskTroubles,
    pub publication: PublicationWatch,
    /// How many requests were answered, and a hash of all of them.
    pub requests: (u64, DefaultHasher),
    /// How long the logs of each database were when they were last forced to the disk.
    pub synced: BTreeMap<PathBuf, BTreeMap<PathBuf, u64>>,
    /// Whether the process is no more: nothing that it still does has an effect.
    pub is_killed: bool,
    chance: Chance,
    /// When the server last refreshed its indexes, and forgot deleted documents.
    refreshed: Option<Instant>,
    forgotten: Option<Instant>,
}

/// What the search server does wrong. Each is true once in so many requests; 0 for never.
#[derive(Clone, Copy, Default)]
pub struct SearchTroubles {
    pub is_away: bool,
    pub lost_requests: u64,
    pub lost_answers: u64,
    pub errors: u64,
    pub garbage: u64,
    pub repeats: u64,
    pub slowest_ms: u64,
}

/// What the disk does wrong.
#[derive(Clone, Copy, Default)]
pub struct DiskTroubles {
    pub is_full: bool,
    pub does_not_open: bool,
    /// The process is killed at this write from now, counted from 1.
    pub killed_at: Option<u64>,
}

/// How often what was written is shown to searches.
const REFRESH: Duration = Duration::from_secs(1);
/// How long the versions of deleted documents are remembered.
const FORGET: Duration = Duration::from_secs(60);
/// Longer than any request may take.
const FOR_EVER: Duration = Duration::from_secs(3_600);

impl Outside {
    pub fn new(chance: Chance) -> Self {
        Self(Arc::new(Mutex::new(OutsideState {
            search: SearchServer::new(),
            search_troubles: SearchTroubles::default(),
            disk: DiskTroubles::default(),
            publication: PublicationWatch::default(),
            requests: (0, DefaultHasher::new()),
            synced: BTreeMap::new(),
            is_killed: false,
            chance,
            refreshed: None,
            forgotten: None,
        })))
    }

    pub fn state(&self) -> MutexGuard<'_, OutsideState> {
        self.0.lock().unwrap()
    }
}

impl OutsideState {
    /// Some documents of bulks are not taken from now on: once in `times` each.
    pub fn refuse_items(&mut self, times: u64) {
        if times == 0 {
            return self.search.set_item_faults(ItemFaults::none());
        }
        let chance = Mutex::new(self.chance.fork());
        self.search.set_item_faults(ItemFaults::deciding(move |_| {
            let mut chance = chance.lock().unwrap();
            let faults = [
                ItemFault::Rejected,
                ItemFault::Unavailable,
                ItemFault::Unparsable,
            ];
            chance.one_in(times).then(|| chance.of(&faults))
        }));
    }

    /// Somebody deletes an index.
    pub fn delete_index(&mut self, name: &str) {
        self.search.delete_index(name);
        self.publication.note_loss();
    }

    /// Somebody restores an older snapshot.
    pub fn restore(&mut self, snapshot: &SearchServer) {
        self.search.restore(snapshot);
        self.publication.note_restored();
    }

    fn check_alive(&self) -> Result<(), String> {
        match self.is_killed {
            true => Err("the process was killed".into()),
            false => Ok(()),
        }
    }

    fn answered(&mut self, request: &SearchRequest) -> (u16, Vec<u8>) {
        // What Elasticsearch does as time passes.
        let now = Instant::now();
        if self.refreshed.is_none_or(|at| now >= at + REFRESH) {
            self.refreshed = Some(now);
            self.search.refresh_all();
        }
        if self.forgotten.is_none_or(|at| now >= at + FORGET) {
            self.forgotten = Some(now);
            self.search.forget_deleted();
        }
        let query: Vec<(&str, &str)> = request
            .query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let asked = search_server::SearchRequest {
            method: &request.method,
            path: &request.path,
            query: &query,
            body: &request.body,
        };
        self.requests.0 += 1;
        (asked.method, asked.path, asked.query, asked.body).hash(&mut self.requests.1);
        let before = self.publication.before(&self.search, &asked);
        let answer = self.search.answer(&asked);
        self.publication.after(&self.search, &asked, before);
        (answer.status, answer.body)
    }
}

impl simulation::Outside for Outside {
    fn write(&self, _: &Path) -> Result<(), String> {
        let mut state = self.state();
        state.check_alive()?;
        if let Some(left) = state.disk.killed_at {
            state.disk.killed_at = Some(left - 1);
            if left <= 1 {
                state.disk.killed_at = None;
                state.is_killed = true;
                return Err("the process was killed".into());
            }
        }
        match state.disk.is_full {
            true => Err("IO error: No space left on device".into()),
            false => Ok(()),
        }
    }

    fn sync(&self, path: &Path) -> Result<(), String> {
        let mut state = self.state();
        state.check_alive()?;
        if state.disk.is_full {
            return Err("IO error: No space left on device".into());
        }
        let lengths = logs(path);
        state.synced.insert(path.to_owned(), lengths);
        Ok(())
    }

    fn open(&self, _: &Path) -> Result<(), String> {
        let state = self.state();
        state.check_alive()?;
        match state.disk.does_not_open {
            true => Err("IO error: Input/output error".into()),
            false => Ok(()),
        }
    }

    fn ask(&self, request: SearchRequest) -> SearchAnswer {
        let outside = self.clone();
        Box::pin(async move {
            let (mut troubles, mut chance) = {
                let mut state = outside.state();
                (state.search_troubles, state.chance.fork())
            };
            let mut happens = |times: u64| times > 0 && chance.one_in(times);
            let (is_lost, is_answer_lost, is_error, is_garbage, is_repeated) = (
                happens(troubles.lost_requests),
                happens(troubles.lost_answers),
                happens(troubles.errors),
                happens(troubles.garbage),
                happens(troubles.repeats),
            );
            let latency = 1 + chance.up_to(troubles.slowest_ms);
            tokio::time::sleep(Duration::from_millis(latency)).await;
            troubles.is_away |= outside.state().search_troubles.is_away;
            if troubles.is_away {
                return Err("error sending request: connection refused".into());
            }
            if is_lost {
                // It may arrive long after the client has given it up.
                if chance.one_in(2) {
                    let late = Duration::from_millis(chance.up_to(60_000));
                    tokio::spawn(async move {
                        tokio::time::sleep(late).await;
                        let mut state = outside.state();
                        // The service has gone on since.
                        state.publication.note_loss();
                        state.answered(&request);
                    });
                }
                tokio::time::sleep(FOR_EVER).await;
                return Err("no answer".into());
            }
            if is_error {
                let status = chance.of(&[429, 500, 502, 503, 504]);
                return Ok((status, b"{\"error\":{\"type\":\"simulated\"}}".to_vec()));
            }
            // A gateway may answer without asking the server.
            if is_garbage && chance.one_in(2) {
                let bodies = ["<html>Please wait</html>", "[]", "\"ok\"", "true"];
                return Ok((200, chance.of(&bodies).into()));
            }
            let (status, mut body) = {
                let mut state = outside.state();
                if state.is_killed {
                    return Err("the process was killed".into());
                }
                if is_repeated {
                    state.answered(&request);
                }
                state.answered(&request)
            };
            if is_answer_lost {
                match chance.one_in(2) {
                    true => tokio::time::sleep(FOR_EVER).await,
                    false => return Err("connection reset by peer".into()),
                }
            }
            if is_garbage {
                let at = chance.up_to(body.len() as u64) as usize;
                body.truncate(at);
                if chance.one_in(2) {
                    body = b"<html>Bad Gateway</html>".to_vec();
                }
                return Ok((200, body));
            }
            let latency = chance.up_to(troubles.slowest_ms);
            tokio::time::sleep(Duration::from_millis(latency)).await;
            Ok((status, body))
        })
    }
}

/// The logs of a database and how long they are.
pub fn logs(path: &Path) -> BTreeMap<PathBuf, u64> {
    let files = std::fs::read_dir(path).into_iter().flatten().flatten();
    files
        .filter(|file| file.path().extension().is_some_and(|kind| kind == "log"))
        .filter_map(|file| Some((file.path(), file.metadata().ok()?.len())))
        .collect()
}
