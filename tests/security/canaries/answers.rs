//! A service that has every secret, with servers that refuse and repeat them: its answers, metrics and log lines.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::{CANARY, Files, Search};
use crate::support::lab::{Lock, LockedFront, Message, SecureKafka, eventually, unique, wait};
use crate::support::service::{Service, Setup, quoted};
use crate::support::topic::{START, paid};

/// What was answered: status, headers and as much of the body as came.
fn ask(service: &Service, uri: &str, authorization: &str) -> String {
    let url = format!("{}{uri}", service.url());
    let authorization = authorization.to_owned();
    wait(async move {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(url).header("authorization", authorization);
        let mut response = request.send().await.unwrap();
        let mut said = format!("{} {:?}\n", response.status(), response.headers());
        // The stream of events has no end.
        let patience = Duration::from_millis(500);
        while let Ok(Ok(Some(part))) = tokio::time::timeout(patience, response.chunk()).await {
            said += &String::from_utf8_lossy(&part);
        }
        said
    })
}

/// The routes of OpenAPI, with values for what stands in braces.
fn routes(service: &Service, authorization: &str) -> BTreeSet<String> {
    let said = ask(service, "/openapi.json", authorization);
    let body = said.split_once('\n').unwrap().1;
    let openapi: Value = serde_json::from_str(body).unwrap();
    let paths = openapi["paths"].as_object().unwrap().keys();
    let routes = paths.map(|path| {
        let parts = path.split('/').map(|part| match part.strip_prefix('{') {
            Some(_) => "1m",
            None => part,
        });
        parts.collect::<Vec<_>>().join("/")
    });
    routes.collect()
}

#[test]
fn a_service_with_every_secret_shows_none_in_any_answer_or_log_line() {
    let Some(kafka) = SecureKafka::shared() else {
        return;
    };
    let topic = unique("shown");
    kafka.kafka().create_topic(&topic, 1);
    let reject = Message {
        partition: 0,
        timestamp: START,
        payload: Some(b"no payment".to_vec()),
        ..Message::default()
    };
    kafka.kafka().send(&topic, [paid(0, START, "1", 1), reject]);
    let files = Files::new();
    let front = LockedFront::start(1, None, "another");
    let mut setup = Setup::new(&kafka.bootstrap(Lock::Password), &topic);
    for (section, key, value) in files.right() {
        // Servers and ports are those of this test.
        if !["kafka", "kafka.properties"].contains(&section) && key != "listen" {
            setup.set(section, key, &value);
        }
    }
    for (property, value) in kafka.password_properties() {
        setup.set("kafka.properties", &quoted(property), &quoted(&value));
    }
    setup.set("kafka.properties", "debug", "\"all\"");
    setup.set("kafka.properties", "\"ssl.key.password\"", &quoted(CANARY));
    setup.set("elasticsearch", "url", &quoted(&front.url()));
    let mut command: Command = setup.command(&["serve", "-vv"]);
    command.env("TIDEGAUGE_LOG", "trace");
    let service = setup.start_command(&mut command).await_address();
    let right = format!("Bearer {CANARY}-token");
    eventually("that both records are read", || {
        let ledger = ask(&service, "/api/v1/ledger", &right);
        ledger.contains("\"consumed\":2").then_some(())
    });
    eventually("that the search server repeats the credentials", || {
        let status = ask(&service, "/api/v1/status", &right);
        status
            .contains("unable to authenticate with [Basic ***]")
            .then_some(())
    });
    let routes = routes(&service, &right);
    assert!(routes.len() > 12, "{routes:?}");
    let mut search = Search::default();
    for route in &routes {
        for uri in [
            route.clone(),
            format!("{route}?limit=none&format=none&wait=none"),
            format!("{route}?token={CANARY}"),
            format!("{route}?access_token={CANARY}&limit=1"),
        ] {
            for authorization in [
                right.clone(),
                format!("Bearer {CANARY}-other"),
                format!("Basic {CANARY}"),
                format!("{CANARY}-token"),
                format!("Bearer {CANARY}-token,x"),
            ] {
                let said = ask(&service, &uri, &authorization);
                search.look(&format!("GET {uri} with {authorization}"), &said);
            }
        }
    }
    for uri in [
        "/nothing",
        "/metrics",
        "/readyz?verbose",
        "/api/v1/rejects",
        "/",
    ] {
        search.look(uri, &ask(&service, uri, &right));
    }
    let log = service.log();
    assert!(
        log.contains("TRACE") && log.contains("librdkafka"),
        "the log is not that of all levels"
    );
    search.look("the log while it runs", &log);
    let ended = service.stop(Duration::from_secs(30));
    search.look("the log to its end", &ended.stderr);
    search.assert_none(200);
}
