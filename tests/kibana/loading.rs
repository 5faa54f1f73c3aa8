//! The loader: it waits, loads once or again, and is loud about whatever is not taken.

mod drift;

use std::fs;
use std::process::Output;

use serde_json::json;
use tidegauge::config::{Config, Need, Sources};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{layout_of, run, stderr, stdout};
use crate::support::lab::wait;

/// Plays Kibana, which can't be had here, and its faults.
struct StandIn {
    server: &'static MockServer,
}

const IMPORT: &str = "/api/saved_objects/_import";
const EXPORT: &str = "/api/saved_objects/_export";

impl StandIn {
    fn new() -> Self {
        // Async code of the harness needs what it borrows for good.
        let server = Box::leak(Box::new(wait(MockServer::start())));
        Self { server }
    }

    /// One that is available at once.
    fn available(version: &str) -> Self {
        let kibana = Self::new();
        kibana.answers("GET", "/api/status", status(version));
        kibana
    }

    fn answers(&self, verb: &'static str, at: &str, answer: ResponseTemplate) {
        self.mount(Mock::given(method(verb)).and(path(at)).respond_with(answer));
    }

    fn mount(&self, mock: Mock) {
        wait(mock.mount(self.server));
    }

    fn takes_all(&self) {
        let count = layout_of("").objects().len();
        let answer = json!({"success": true, "successCount": count, "warnings": []});
        self.answers(
            "POST",
            IMPORT,
            ResponseTemplate::new(200).set_body_json(answer),
        );
    }

    fn requests(&self) -> Vec<Request> {
        wait(self.server.received_requests()).unwrap()
    }

    fn imports(&self) -> Vec<Request> {
        let of = |request: &Request| request.url.path().ends_with("/_import");
        self.requests().into_iter().filter(of).collect()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let url = self.server.uri();
        let all = [arguments, &["--url", &url]].concat();
        run(&all)
    }

    fn load(&self) -> Output {
        self.run(&["load", "--wait", "20s"])
    }
}

fn status(version: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "name": "kibana",
        "version": {"number": version, "build_snapshot": false},
        "status": {"overall": {"level": "available", "summary": "All services are available"}},
    }))
}

#[track_caller]
fn assert_ends(output: &Output, code: i32, words: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "\"{word}\" is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn objects_are_sent_as_kibana_wants_them_and_the_same_each_time() {
    let kibana = StandIn::available("8.19.0");
    kibana.takes_all();
    for _ in 0..2 {
        let output = kibana.load();
        assert_ends(&output, 0, &[]);
        let said = stdout(&output);
        assert!(said.contains("10 objects loaded"), "{said}");
        assert!(
            said.contains("/app/dashboards#/view/payments-dashboard"),
            "{said}"
        );
    }
    let imports = kibana.imports();
    assert_eq!(imports.len(), 2);
    let objects = tidegauge::kibana::ndjson(&layout_of("").objects());
    for import in &imports {
        assert_eq!(import.url.query(), Some("overwrite=true"));
        assert!(import.headers.contains_key("kbn-xsrf"));
        let kind = import.headers["content-type"].to_str().unwrap();
        assert!(kind.starts_with("multipart/form-data; boundary="), "{kind}");
        let body = String::from_utf8(import.body.clone()).unwrap();
        assert!(
            body.contains("name=\"file\"; filename=\"tidegauge.ndjson\""),
            "{body}"
        );
        assert!(
            body.contains(&objects),
            "the file is not what export prints"
        );
    }
}

#[test]
fn a_kibana_that_is_starting_is_waited_for() {
    let kibana = StandIn::new();
    let starting = |answer: ResponseTemplate, times: u64, priority: u8| {
        let mock = Mock::given(method("GET"))
            .and(path("/api/status"))
            .respond_with(answer);
        kibana.mount(mock.up_to_n_times(times).with_priority(priority));
    };
    let not_ready = ResponseTemplate::new(503).set_body_string("Kibana server is not ready yet");
    starting(not_ready, 1, 1);
    let html = "<html>\n<body>Bad gateway</body>";
    starting(
        ResponseTemplate::new(502).set_body_raw(html, "text/html"),
        1,
        2,
    );
    let level = json!({"status": {"overall": {"level": "critical", "summary": "no shards"}}});
    starting(ResponseTemplate::new(503).set_body_json(level), 1, 3);
    kibana.answers("GET", "/api/status", status("9.2.0"));
    kibana.takes_all();
    assert_ends(&kibana.load(), 0, &[]);
    let asked = kibana.requests().len() - kibana.imports().len();
    assert_eq!(asked, 4);
}

#[test]
fn an_import_that_is_cut_short_is_done_again() {
    let kibana = StandIn::available("8.19.0");
    let busy = ResponseTemplate::new(503).set_body_string("busy");
    let mock = Mock::given(method("POST"))
        .and(path(IMPORT))
        .respond_with(busy);
    kibana.mount(mock.up_to_n_times(1).with_priority(1));
    kibana.takes_all();
    assert_ends(&kibana.load(), 0, &[]);
    assert_eq!(kibana.imports().len(), 2);
}

#[test]
fn success_false_with_status_200_fails_and_names_each_object() {
    let kibana = StandIn::available("8.19.0");
    let answer = json!({
        "success": false,
        "successCount": 8,
        "errors": [
            {"type": "dashboard", "id": "payments-dashboard", "meta": {"title": "x"}, "error": {
                "type": "missing_references",
                "references": [{"type": "index-pattern", "id": "payments-1m"}],
            }},
            {"type": "index-pattern", "id": "payments-late", "error": {
                "type": "unknown", "message": "belongs to a more recent version", "statusCode": 422,
            }},
        ],
    });
    kibana.answers(
        "POST",
        IMPORT,
        ResponseTemplate::new(200).set_body_json(answer),
    );
    let output = kibana.load();
    assert_ends(
        &output,
        1,
        &[
            "accepted 8 of 10 objects",
            "dashboard payments-dashboard: missing_references (index-pattern payments-1m)",
            "index-pattern payments-late: unknown (belongs to a more recent version)",
        ],
    );
    assert_eq!(stdout(&output), "");
    assert_eq!(kibana.imports().len(), 1);
}

#[test]
fn success_without_all_objects_fails() {
    let kibana = StandIn::available("8.19.0");
    let answer = json!({"success": true, "successCount": 9});
    kibana.answers(
        "POST",
        IMPORT,
        ResponseTemplate::new(200).set_body_json(answer),
    );
    assert_ends(&kibana.load(), 1, &["accepted 9 of 10 objects"]);
}

#[test]
fn what_kibana_says_of_a_bad_request_is_told() {
    let kibana = StandIn::available("8.19.0");
    let answer = json!({"statusCode": 400, "error": "Bad Request", "message": "no unique objects"});
    kibana.answers(
        "POST",
        IMPORT,
        ResponseTemplate::new(400).set_body_json(answer),
    );
    assert_ends(
        &kibana.load(),
        1,
        &["can't load", "status 400: no unique objects"],
    );
    let kibana = StandIn::available("8.19.0");
    let page = ResponseTemplate::new(200).set_body_raw("<html>\nhello", "text/html");
    kibana.answers("POST", IMPORT, page);
    assert_ends(&kibana.load(), 1, &["its answer is not JSON: <html>"]);
}

#[test]
fn an_old_kibana_is_refused_before_anything_is_sent() {
    for version in ["7.17.28", "8.8.2"] {
        let kibana = StandIn::available(version);
        kibana.takes_all();
        assert_ends(&kibana.load(), 1, &["too old", version, "8.9"]);
        assert_eq!(kibana.imports().len(), 0);
    }
    // 7.x before 7.12 speaks of colours; what it is, it says all the same.
    let kibana = StandIn::new();
    let colours =
        json!({"version": {"number": "7.9.3"}, "status": {"overall": {"state": "green"}}});
    kibana.answers(
        "GET",
        "/api/status",
        ResponseTemplate::new(200).set_body_json(colours),
    );
    assert_ends(&kibana.load(), 1, &["Kibana 7.9.3", "too old"]);
}

#[test]
fn a_kibana_that_lets_us_not_in_is_not_waited_for() {
    for code in [401, 403] {
        let kibana = StandIn::new();
        kibana.answers("GET", "/api/status", ResponseTemplate::new(code));
        assert_ends(
            &kibana.load(),
            1,
            &["it denies access", "kibana.api_key_file"],
        );
        assert_eq!(kibana.requests().len(), 1);
    }
    let kibana = StandIn::new();
    let login = ResponseTemplate::new(302).insert_header("location", "/login?next=%2F");
    kibana.answers("GET", "/api/status", login);
    assert_ends(&kibana.load(), 1, &["a redirect", "kibana.url"]);
}

#[test]
fn what_never_becomes_available_ends_with_75_and_the_last_reason() {
    // A port that was just free has no listener.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let output = run(&[
        "load",
        "--wait",
        "1s",
        "--url",
        &format!("http://127.0.0.1:{port}"),
    ]);
    assert_ends(&output, 75, &["not available within 1s", "refused"]);

    let kibana = StandIn::new();
    let page = ResponseTemplate::new(200).set_body_raw("<html>\n<b>Welcome", "text/html");
    kibana.answers("GET", "/api/status", page);
    let output = kibana.run(&["load", "--wait", "1s"]);
    assert_ends(&output, 75, &["not Kibana", "<html>"]);

    let kibana = StandIn::new();
    let degraded = json!({"status": {"overall": {"level": "degraded", "summary": "one is down"}}});
    kibana.answers(
        "GET",
        "/api/status",
        ResponseTemplate::new(200).set_body_json(degraded),
    );
    let output = kibana.run(&["load", "--wait", "1s"]);
    assert_ends(&output, 75, &["it is degraded: one is down"]);
}

#[test]
fn a_kibana_that_answers_nothing_is_left_in_time() {
    let kibana = StandIn::new();
    let never = status("8.19.0").set_delay(std::time::Duration::from_secs(600));
    kibana.answers("GET", "/api/status", never);
    let output = kibana.run(&["load", "--wait", "1s"]);
    assert_ends(&output, 75, &["no answer in time"]);
}

#[test]
fn a_space_is_in_the_address_and_a_missing_one_is_named() {
    let kibana = StandIn::available("8.19.0");
    let answer = json!({"success": true, "successCount": 10});
    let taken = ResponseTemplate::new(200).set_body_json(answer);
    kibana.answers("POST", &format!("/s/finance{IMPORT}"), taken);
    let output = kibana.run(&["load", "--wait", "5s", "--space", "finance"]);
    assert_ends(&output, 0, &[]);
    assert!(
        stdout(&output).contains("/s/finance/app/dashboards"),
        "{}",
        stdout(&output)
    );
    let output = kibana.run(&["load", "--wait", "5s", "--space", "sales"]);
    assert_ends(&output, 1, &["no space \"sales\""]);
    let output = kibana.run(&["load", "--space", "../x"]);
    assert_ends(&output, 78, &["--space", "not the id of a space"]);
}

#[test]
fn credentials_are_sent_and_shown_nowhere() {
    let kibana = StandIn::new();
    let basic = "Basic ZWxhc3RpYzpodW50ZXIy";
    let secured = |verb: &'static str, at: &str, answer: ResponseTemplate| {
        let mock = Mock::given(method(verb)).and(path(at));
        kibana.mount(
            mock.and(header("authorization", basic))
                .respond_with(answer),
        );
    };
    secured("GET", "/api/status", status("8.19.0"));
    let answer = json!({"success": false, "successCount": 0, "errors": []});
    secured(
        "POST",
        IMPORT,
        ResponseTemplate::new(200).set_body_json(answer),
    );
    let dir = tempfile::tempdir().unwrap();
    let (config, password) = (dir.path().join("c.toml"), dir.path().join("password"));
    fs::write(&password, "hunter2\n").unwrap();
    let text = format!("[kibana]\nusername = 'elastic'\npassword_file = {password:?}\n");
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let output = kibana.run(&["load", "-vv", "--wait", "5s", "--config", config]);
    assert_ends(&output, 1, &["accepted 0 of 10", "gave no reason"]);
    assert!(!stderr(&output).contains("hunter2") && !stderr(&output).contains("ZWxhc3"));
}

#[test]
fn the_section_is_printed_so_that_it_can_be_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    fs::write(&key, "s3cret==").unwrap();
    let file = dir.path().join("c.toml");
    let section = "url = 'https://kibana.example/base'\nspace = 'finance'\nwait = '90s'\n";
    fs::write(
        &file,
        format!("[kibana]\napi_key_file = {key:?}\n{section}"),
    )
    .unwrap();
    let load = |file| Config::load(&Sources::of_file(file), Need::Nothing).unwrap();
    let first = load(file.clone());
    let printed = first.to_toml();
    assert!(!printed.contains("s3cret") && !format!("{first:?}").contains("s3cret"));
    fs::write(&file, &printed).unwrap();
    let second = load(file);
    assert_eq!(first.kibana, second.kibana);
    let kibana = second.kibana.unwrap();
    assert_eq!(
        kibana.in_space("x"),
        "https://kibana.example/base/s/finance/x"
    );
    assert_eq!(kibana.wait.as_secs(), 90);
}
