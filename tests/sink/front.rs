//! A scripted server, for answers that a real one can't be made to give.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::till::Till;

/// Knows templates and indexes as a real server does; answers to bulks come from the script.
pub struct Front {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    indexes: BTreeMap<String, Value>,
    script: VecDeque<Answer>,
    bulks: Vec<Vec<String>>,
    requests: Vec<String>,
    templates: BTreeMap<String, Value>,
    /// Settings of templates that are refused, as a serverless project does it.
    refused_settings: &'static [&'static str],
    /// The API key that is accepted, if one is asked for.
    key: Option<String>,
    /// What may not be done with it.
    denied: &'static str,
    /// How many searches are still to be refused.
    refused_searches: usize,
}

/// An answer to a bulk.
#[derive(Clone)]
pub enum Answer {
    /// One status per document, over and over; 2xx without an error.
    Statuses(Vec<u16>),
    /// That status with that body.
    Whole(u16, String),
    /// As if all went well, but for these many documents more or fewer.
    Miscounted(i32),
    /// As if all went well, but for other documents.
    Mixed,
    /// 413 for more than so many documents, else success.
    AtMost(usize),
    /// That answer, after so long.
    Late(Duration, Box<Answer>),
    /// None in time.
    Never,
}

struct Script(Arc<Mutex<State>>);

impl Front {
    pub fn start(till: &Till, script: impl IntoIterator<Item = Answer>) -> Self {
        let state = Arc::new(Mutex::new(State {
            script: script.into_iter().collect(),
            ..State::default()
        }));
        let server = till.runtime().block_on(async {
            let server = MockServer::start().await;
            let script = Script(Arc::clone(&state));
            Mock::given(any()).respond_with(script).mount(&server).await;
            server
        });
        Self { server, state }
    }

    /// One that refuses templates with these settings of indexes.
    pub fn refusing(till: &Till, refused_settings: &'static [&'static str]) -> Self {
        let front = Self::start(till, []);
        front.state.lock().unwrap().refused_settings = refused_settings;
        front
    }

    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// The ids in each bulk so far.
    pub fn bulks(&self) -> Vec<Vec<String>> {
        self.state.lock().unwrap().bulks.clone()
    }

    /// Accepts this API key only from now on, and denies `path` to its user.
    pub fn accept(&self, key: &str, path: &'static str) {
        let mut state = self.state.lock().unwrap();
        state.key = Some(key.to_owned());
        state.denied = path;
    }

    /// Refuses the next `count` searches, as if no shard were there.
    pub fn refuse_searches(&self, count: usize) {
        self.state.lock().unwrap().refused_searches = count;
    }

    /// The templates that it has taken, by their names.
    pub fn templates(&self) -> BTreeMap<String, Value> {
        self.state.lock().unwrap().templates.clone()
    }

    /// Methods and paths so far.
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

impl Respond for Script {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let path = request.url.path().to_owned();
        let said = request.headers.get("authorization");
        let said = said.map_or("", |value| value.to_str().unwrap());
        if let Some(key) = &state.key
            && said != format!("ApiKey {key}")
        {
            let refused = format!("401 {said}");
            state.requests.push(refused);
            return ResponseTemplate::new(401);
        }
        state.requests.push(format!("{} {path}", request.method));
        if !state.denied.is_empty() && path == state.denied {
            return ResponseTemplate::new(403);
        }
        let ok = |body: Value| ResponseTemplate::new(200).set_body_json(body);
        match (request.method.as_str(), path.as_str()) {
            ("GET", "/") if state.refused_settings.is_empty() => {
                ok(json!({"version": {"number": "8.19.0"}}))
            }
            ("GET", "/") => {
                ok(json!({"version": {"number": "8.11.0", "build_flavor": "serverless"}}))
            }
            ("POST", "/_bulk") => state.bulk(&request.body),
            ("POST", search) if search.ends_with("/_search") && state.refused_searches > 0 => {
                state.refused_searches -= 1;
                ResponseTemplate::new(503)
            }
            ("POST", search) if search.ends_with("/_search") => {
                ok(json!({"_shards": {"failed": 0}, "hits": {"hits": []}}))
            }
            ("GET" | "POST", refresh) if refresh.ends_with("/_refresh") => {
                ok(json!({"_shards": {"failed": 0}}))
            }
            ("POST", "/_aliases") => {
                state.change_aliases(&request.body);
                ok(json!({"acknowledged": true}))
            }
            ("PUT", path) if path.starts_with("/_index_template/") => {
                let name = path.trim_start_matches("/_index_template/");
                state.put_template(name, &request.body)
            }
            ("PUT", index) if !index[1..].contains('/') => {
                let mut index_body: Value = serde_json::from_slice(&request.body).unwrap();
                index_body["settings"] = json!({"index": {"uuid": path}});
                state.indexes.insert(index[1..].to_owned(), index_body);
                ok(json!({}))
            }
            ("PUT", _) => ok(json!({})),
            ("GET", _) => ok(json!(state.indexes)),
            _ => ResponseTemplate::new(405),
        }
    }
}

impl State {
    fn put_template(&mut self, name: &str, body: &[u8]) -> ResponseTemplate {
        let template: Value = serde_json::from_slice(body).unwrap();
        let settings = &template["template"]["settings"]["index"];
        let refused = self.refused_settings.iter();
        let refused: Vec<String> = refused
            .filter(|setting| !settings[**setting].is_null())
            .map(|setting| format!("index.{setting}"))
            .collect();
        if refused.is_empty() {
            self.templates.insert(name.to_owned(), template);
            return ResponseTemplate::new(200).set_body_json(json!({}));
        }
        let reason = format!(
            "Settings [{}] are not available when running in serverless mode",
            refused.join(",")
        );
        ResponseTemplate::new(400).set_body_json(json!({
            "error": { "type": "illegal_argument_exception", "reason": reason },
            "status": 400,
        }))
    }

    fn change_aliases(&mut self, body: &[u8]) {
        let body: Value = serde_json::from_slice(body).unwrap();
        for action in body["actions"].as_array().unwrap() {
            let add = &action["add"];
            let (index, alias) = (
                add["index"].as_str().unwrap(),
                add["alias"].as_str().unwrap(),
            );
            self.indexes.get_mut(index).unwrap()["aliases"][alias] = json!({});
        }
    }

    fn bulk(&mut self, body: &[u8]) -> ResponseTemplate {
        let lines = body
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        let actions: Vec<(String, String)> = lines
            .step_by(2)
            .map(|line| {
                let action: Value = serde_json::from_slice(line).unwrap();
                let text = |key: &str| action["index"][key].as_str().unwrap().to_owned();
                (
                    text("_index").trim_end_matches("-write").to_owned(),
                    text("_id"),
                )
            })
            .collect();
        let ids = actions.iter().map(|(index, id)| format!("{index}/{id}"));
        self.bulks.push(ids.collect());
        let answer = self
            .script
            .pop_front()
            .unwrap_or(Answer::Statuses(vec![201]));
        answer.to(&actions)
    }
}

impl Answer {
    /// What is sent to a bulk of these documents: index and id of each.
    fn to(self, actions: &[(String, String)]) -> ResponseTemplate {
        let count = actions.len();
        let item = |(at, (index, id)): (usize, &(String, String)), statuses: &[u16]| {
            let status = statuses[at % statuses.len()];
            let mut item = json!({"_index": index, "_id": id, "status": status});
            if status >= 300 {
                item["error"] = json!({"type": format!("type_{status}"), "reason": "so it is"});
            }
            json!({ "index": item })
        };
        let items = |statuses: &[u16]| -> Vec<Value> {
            actions
                .iter()
                .enumerate()
                .map(|one| item(one, statuses))
                .collect()
        };
        let all = |items: Vec<Value>| {
            ResponseTemplate::new(200).set_body_json(json!({"errors": true, "items": items}))
        };
        match self {
            Self::Statuses(statuses) => all(items(&statuses)),
            Self::Whole(status, body) => {
                let redirect = (300..400).contains(&status);
                let answer = ResponseTemplate::new(status);
                let answer = if redirect {
                    answer.insert_header("location", body.as_str())
                } else {
                    answer
                };
                answer.set_body_raw(body, "application/json")
            }
            Self::Miscounted(by) => {
                let mut items = items(&[201]);
                items.resize(count.saturating_add_signed(by as isize), items[0].clone());
                all(items)
            }
            Self::Mixed => {
                let mut items = items(&[201]);
                items.reverse();
                all(items)
            }
            Self::AtMost(most) if count > most => ResponseTemplate::new(413),
            Self::AtMost(_) => all(items(&[201])),
            Self::Late(delay, answer) => answer.to(actions).set_delay(delay),
            Self::Never => all(items(&[201])).set_delay(Duration::from_secs(3_600)),
        }
    }
}
