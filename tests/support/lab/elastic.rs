//! Elasticsearch and OpenSearch for tests.

use std::env;
use std::sync::OnceLock;

use reqwest::Method;
use serde_json::{Value, json};

use super::http::{self, Answer};
use super::server::Server;
use crate::support::compare::Document;

/// Which server this run of the tests asks for: the newest Elasticsearch, unless `TIDEGAUGE_TEST_DIST` names
/// another one of `lab/`.
pub fn dist() -> &'static str {
    static DIST: OnceLock<String> = OnceLock::new();
    DIST.get_or_init(|| env::var("TIDEGAUGE_TEST_DIST").unwrap_or_else(|_| "es9".to_owned()))
}

/// One node of Elasticsearch or OpenSearch.
#[derive(Debug)]
pub struct Elastic {
    server: Server,
}

impl Elastic {
    /// The one that all tests of this binary share. Write under a [`unique`](super::unique) prefix.
    #[track_caller]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Elastic>> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::start(true))
            .as_ref()
            .or_else(skipped)
    }

    /// One that this test may stop, kill and start again.
    #[track_caller]
    pub fn own() -> Option<Self> {
        Self::start(false)
    }

    /// One for a static: what is never dropped leaves no directory behind.
    #[track_caller]
    pub fn own_to_the_end() -> Option<Self> {
        Self::start(true)
    }

    /// Elasticsearch 7.17, whatever this run asks for.
    #[track_caller]
    pub fn seven() -> Option<Self> {
        Server::start("es7", false).map(|server| Self { server })
    }

    #[track_caller]
    fn start(shared: bool) -> Option<Self> {
        Server::start(dist(), shared).map(|server| Self { server })
    }

    /// Where it answers, without a slash at the end. The same after each restart.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port())
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// The port that it answers on.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// GET of a path such as `/_cat/indices`.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        http::get(&(self.url() + path))
    }

    /// PUT of JSON.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        http::put(&(self.url() + path), body)
    }

    /// POST of JSON.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        http::post(&(self.url() + path), body)
    }

    /// DELETE.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        http::delete(&(self.url() + path))
    }

    /// How many documents an index, alias or pattern holds, the newest writes included; 0 if there is none such.
    #[track_caller]
    pub fn count(&self, index: &str) -> u64 {
        self.refresh(index);
        let found = settled(|| self.get(&format!("/{index}/_count")));
        if found.status == 404 {
            0
        } else {
            found.ok().json()["count"].as_u64().expect("a count")
        }
    }

    /// All documents of an index, alias or pattern by id, the newest writes included; none if there is none such.
    ///
    /// Fails the test if two indexes hold documents of one id.
    #[track_caller]
    pub fn documents(&self, index: &str) -> Vec<Document> {
        self.refresh(index);
        let query = json!({"size": 5000, "version": true, "sort": ["_doc"]});
        let first = settled(|| self.post(&format!("/{index}/_search?scroll=1m"), &query));
        if first.status == 404 {
            return Vec::new();
        }
        let mut documents = Vec::new();
        let mut page = first.ok().json();
        loop {
            let hits = page["hits"]["hits"].as_array().expect("hits");
            let text = |hit: &Value, key: &str| hit[key].as_str().expect("a text").to_owned();
            documents.extend(hits.iter().map(|hit| Document {
                index: text(hit, "_index"),
                id: text(hit, "_id"),
                version: hit["_version"].as_u64().expect("a version"),
                source: hit["_source"].clone(),
            }));
            let scroll = page["_scroll_id"].clone();
            if hits.is_empty() {
                http::send(
                    Method::DELETE,
                    &format!("{}/_search/scroll", self.url()),
                    Some(("application/json", json!({"scroll_id": scroll}).to_string())),
                );
                break;
            }
            page = self
                .post(
                    "/_search/scroll",
                    &json!({"scroll": "1m", "scroll_id": scroll}),
                )
                .ok()
                .json();
        }
        documents.sort_by(|one, other| one.id.cmp(&other.id));
        for pair in documents.windows(2) {
            assert!(
                pair[0].id != pair[1].id,
                "{} lives in {} and in {}",
                pair[0].id,
                pair[0].index,
                pair[1].index
            );
        }
        documents
    }

    /// Makes the newest writes visible to searches.
    #[track_caller]
    pub fn refresh(&self, index: &str) {
        let url = format!("{}/{index}/_refresh", self.url());
        let done = http::send(Method::POST, &url, None);
        assert!(
            done.status == 404 || done.status == 200,
            "status {}: {}",
            done.status,
            done.text
        );
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// SIGTERM, and waits for the end.
    #[track_caller]
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Starts it again with the data and the port it had.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.server.start_again();
    }
}

/// The first test that asked for the shared server was noted as skipped; the later ones are here.
#[track_caller]
fn skipped() -> Option<&'static Elastic> {
    // Asking again notes this test too; the answer is remembered, so nothing is tried again.
    let none = Server::start(dist(), true);
    assert!(none.is_none(), "{} appeared in the middle of a run", dist());
    None
}

/// What `ask` answers once no shard is on its way any more: a new index has none for a moment.
#[track_caller]
fn settled(ask: impl Fn() -> Answer) -> Answer {
    super::eventually("the shards are there", || {
        let answer = ask();
        (answer.status != 503).then_some(answer)
    })
}
