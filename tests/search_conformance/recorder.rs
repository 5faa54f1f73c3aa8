//! A front that sends what a client sends to both servers, one request at a time.

use std::sync::{Arc, Mutex};

use tokio::runtime::Runtime;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::twins::Twins;

/// The front; the client gets the answers of the real server.
pub struct Recorder {
    server: MockServer,
    twins: Arc<Mutex<Twins>>,
}

struct Both(Arc<Mutex<Twins>>);

impl Recorder {
    pub fn of(twins: Twins, runtime: &Runtime) -> Self {
        let twins = Arc::new(Mutex::new(twins));
        let both = Both(Arc::clone(&twins));
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(any()).respond_with(both).mount(&server).await;
            server
        });
        Self { server, twins }
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// Does something with both servers while no request is under way.
    pub fn with<T>(&self, act: impl FnOnce(&mut Twins) -> T) -> T {
        act(&mut self.twins.lock().unwrap())
    }
}

impl Respond for Both {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path = match request.url.query() {
            None => request.url.path().to_owned(),
            Some(query) => format!("{}?{query}", request.url.path()),
        };
        let body = String::from_utf8(request.body.clone()).unwrap();
        let answer = self
            .0
            .lock()
            .unwrap()
            .play(request.method.as_str(), &path, &body);
        ResponseTemplate::new(answer.status).set_body_raw(answer.text, "application/json")
    }
}
