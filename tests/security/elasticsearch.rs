//! Elasticsearch behind TLS and credentials.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::thread;

use serde_json::Value;

use crate::support::compare::Figures;
use crate::support::lab::certificates::{Authority, Certificate, Purpose, Validity};
use crate::support::lab::{Elastic, Kafka, LockedFront, eventually, http, unique};
use crate::support::service::{Service, Setup, legacy_totals, quoted};
use crate::support::topic::{START, paid};

const FIRST_KEY: &str = "Y2FuYXJ5LW9uZTpmaXJzdA==";
const SECOND_KEY: &str = "Y2FuYXJ5LXR3bzpzZWNvbmQ=";

/// A topic with a payment, and a service that delivers to `url`.
fn setup(kafka: &Kafka, url: &str, name: &str) -> Setup {
    kafka.create_topic(name, 1);
    kafka.send(name, [paid(0, START, "1", 1)]);
    Setup::of(kafka, name)
        .with("elasticsearch", "url", &quoted(url))
        .with("elasticsearch", "index_prefix", &quoted(name))
        .with(
            "elasticsearch",
            "legacy_totals",
            &quoted(&legacy_totals(name)),
        )
}

fn key_file(setup: &Setup, key: &str) -> String {
    let path = setup.path("api-key");
    fs::write(&path, key).unwrap();
    quoted(path.to_str().unwrap())
}

/// A service that has delivered a payment with the first key, which is the only one that is accepted.
fn delivered_with_first_key(
    kafka: &Kafka,
    elastic: &Elastic,
    name: &str,
) -> (LockedFront, Setup, Service) {
    delivered_with(kafka, elastic, name, |setup| key_file(setup, FIRST_KEY))
}

/// The same with the file of the key that `file` makes.
fn delivered_with(
    kafka: &Kafka,
    elastic: &Elastic,
    name: &str,
    file: impl FnOnce(&Setup) -> String,
) -> (LockedFront, Setup, Service) {
    let front = LockedFront::start(elastic.port(), None, &format!("ApiKey {FIRST_KEY}"));
    let mut setup = setup(kafka, &front.url(), name);
    let file = file(&setup);
    setup.set("elasticsearch", "api_key_file", &file);
    let service = setup.serve();
    service.await_consumed(1);
    service.await_delivered();
    (front, setup, service)
}

/// Nothing that the service shows holds `secret`.
#[track_caller]
fn assert_hidden(service: &Service, secrets: &[&str]) {
    let metrics = http::get(&format!("{}/metrics", service.url())).text;
    let shown = [service.log(), service.ask("status").to_string(), metrics];
    for secret in secrets {
        for text in &shown {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[test]
fn a_replaced_api_key_is_read_again_without_a_restart() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("key");
    let (front, setup, service) = delivered_with_first_key(kafka, elastic, &name);

    // The old key is taken back before the file is replaced.
    front.accept(&format!("ApiKey {SECOND_KEY}"));
    kafka.send(&name, [paid(0, START, "2", 1)]);
    service.await_consumed(2);
    let reason = eventually("that access is denied", || {
        let (state, reason) = service.part("sink");
        (state == "failed").then_some(reason)
    });
    assert!(reason.contains("has denied access since"), "{reason}");
    assert!(reason.contains("check the credentials"), "{reason}");
    key_file(&setup, SECOND_KEY);
    service.await_delivered();
    eventually("that all is well", || {
        (service.part("sink").0 == "ok").then_some(())
    });
    Figures::ask(&service).assert_documented(elastic, &name);
    assert_eq!(
        front.seen(),
        [
            format!("ApiKey {FIRST_KEY}"),
            format!("ApiKey {SECOND_KEY}")
        ]
    );
    assert_hidden(&service, &[FIRST_KEY, SECOND_KEY]);
}

#[test]
fn a_key_that_is_replaced_first_is_used_at_once_when_the_old_one_ends() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("key");
    let (front, setup, service) = delivered_with_first_key(kafka, elastic, &name);
    key_file(&setup, SECOND_KEY);
    front.accept(&format!("ApiKey {SECOND_KEY}"));
    kafka.send(&name, [paid(0, START, "2", 1)]);
    service.await_consumed(2);
    service.await_delivered();
    let log = service.log();
    assert!(
        log.contains("the credentials of Elasticsearch were read again"),
        "{log}"
    );
    assert!(!log.contains("nothing can be delivered"), "{log}");
    assert_hidden(&service, &[FIRST_KEY, SECOND_KEY]);
}

/// Puts `key` where a kubelet puts the value of a Secret: the file is a link into the directory `..data`, which is a link
/// too, to a directory of each version. That link is replaced, and the former version is deleted.
fn mount_key(setup: &Setup, version: &str, key: &str) -> String {
    let volume = setup.path("volume");
    let (data, next) = (volume.join("..data"), volume.join("..data_tmp"));
    let former = fs::read_link(&data).ok();
    fs::create_dir_all(volume.join(version)).unwrap();
    fs::write(volume.join(version).join("api-key"), key).unwrap();
    symlink(version, &next).unwrap();
    fs::rename(&next, &data).unwrap();
    match former {
        Some(former) => fs::remove_dir_all(volume.join(former)).unwrap(),
        None => symlink("..data/api-key", volume.join("api-key")).unwrap(),
    }
    quoted(volume.join("api-key").to_str().unwrap())
}

#[test]
fn a_key_in_a_secret_of_kubernetes_is_replaced_without_a_restart() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("mounted");
    let (front, setup, service) = delivered_with(kafka, elastic, &name, |setup| {
        mount_key(setup, "..2026_11_01", FIRST_KEY)
    });
    mount_key(&setup, "..2026_11_02", SECOND_KEY);
    front.accept(&format!("ApiKey {SECOND_KEY}"));
    kafka.send(&name, [paid(0, START, "2", 1)]);
    service.await_consumed(2);
    service.await_delivered();
    let log = service.log();
    assert!(!log.contains("nothing can be delivered"), "{log}");
    assert_hidden(&service, &[FIRST_KEY, SECOND_KEY]);
}

#[test]
fn basic_authentication_is_sent_and_a_wrong_password_is_told_without_it() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    // tide:canary-password
    let right = "Basic dGlkZTpjYW5hcnktcGFzc3dvcmQ=";
    let front = LockedFront::start(elastic.port(), None, right);
    let name = unique("basic");
    let mut setup = setup(kafka, &front.url(), &name);
    let path = setup.path("password");
    fs::write(&path, "canary-wrong").unwrap();
    setup.set("elasticsearch", "username", "\"tide\"");
    setup.set(
        "elasticsearch",
        "password_file",
        &quoted(path.to_str().unwrap()),
    );
    let service = setup.serve();
    service.await_consumed(1);
    let reason = eventually("that access is denied", || {
        let (state, reason) = service.part("sink");
        (state == "failed").then_some(reason)
    });
    assert!(
        reason.contains("unable to authenticate with [Basic ***]"),
        "{reason}"
    );
    let verified = setup.run(&["index", "verify"]);
    assert_ne!(verified.status.code(), Some(0));
    for part in [
        "denies access",
        "check the credentials and their privileges",
    ] {
        assert!(verified.stderr.contains(part), "{part}: {verified:?}");
    }
    assert!(!format!("{verified:?}").contains("canary"), "{verified:?}");
    fs::write(&path, "canary-password").unwrap();
    service.await_delivered();
    let totals: Vec<Value> = elastic
        .documents(&format!("{name}-totals"))
        .into_iter()
        .map(|total| total.source["pay_amount_exact"].clone())
        .collect();
    assert_eq!(totals, ["1"]);
    assert!(front.seen().iter().any(|value| value == right));
    assert_hidden(&service, &["canary", "dGlkZTpjYW5hcnkt"]);
}

fn ca_file(setup: &Setup, pem: &str) -> String {
    let path = setup.path("ca.pem");
    fs::write(&path, pem).unwrap();
    quoted(path.to_str().unwrap())
}

#[test]
fn figures_are_the_same_through_tls_and_an_api_key() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let authority = Authority::new("lab");
    let tls = authority.server(&["127.0.0.1"]).server_config();
    let front = LockedFront::start(elastic.port(), Some(tls), &format!("ApiKey {FIRST_KEY}"));
    let name = unique("tls");
    let mut setup = setup(kafka, &front.url(), &name);
    let (key, ca) = (
        key_file(&setup, FIRST_KEY),
        ca_file(&setup, &authority.pem()),
    );
    setup.set("elasticsearch", "api_key_file", &key);
    setup.set("elasticsearch", "ca_file", &ca);
    setup.serve_until_end();
    let service = setup.serve();
    service.await_delivered();
    Figures::ask(&service).assert_documented(elastic, &name);
    assert_eq!(front.seen(), [format!("ApiKey {FIRST_KEY}")]);
    assert_hidden(&service, &[FIRST_KEY]);
}

/// A service and `index verify` say `sentence` of the server on `url`, while they trust `trusted`.
#[track_caller]
fn assert_told(kafka: &Kafka, url: &str, trusted: &str, sentence: &str) {
    let name = unique("untrusted");
    let mut setup = setup(kafka, url, &name);
    let ca = ca_file(&setup, trusted);
    setup.set("elasticsearch", "ca_file", &ca);
    let service = setup.serve();
    service.await_consumed(1);
    eventually(sentence, || {
        let (state, reason) = service.part("sink");
        (state == "degraded" && reason.contains(sentence)).then_some(())
    });
    let verified = setup.run(&["index", "verify"]);
    assert_eq!(verified.status.code(), Some(75), "{verified:?}");
    assert!(verified.stderr.contains(sentence), "{verified:?}");
}

#[test]
fn each_fault_of_a_certificate_is_one_sentence_that_says_what_to_do() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let (authority, other) = (Authority::new("lab"), Authority::new("another"));
    // Elasticsearch gives the authority that it makes the same name on each installation.
    let namesake = Authority::new("lab");
    let expired = authority.issue(Purpose::Server, &["127.0.0.1"], Validity::Expired);
    let for_clients = authority.issue(Purpose::Client, &["127.0.0.1"], Validity::Now);
    let named = authority.server(&["es.example"]);
    let right = authority.server(&["127.0.0.1"]);
    let itself = Certificate::self_signed(&["127.0.0.1"]);
    let untrusted = "its certificate is from an authority that is not trusted: give the certificate of that \
                     authority as ca_file";
    for (certificate, trusted, sentence) in [
        (&right, other.pem(), untrusted),
        (&right, namesake.pem(), untrusted),
        (
            &expired,
            authority.pem(),
            "its certificate expired at 2021-01-01T00:00:00Z: renew it",
        ),
        (
            &named,
            authority.pem(),
            "its certificate is not for 127.0.0.1: use an address that the certificate names (es.example)",
        ),
        (
            &itself,
            itself.pem.clone(),
            "its certificate is that of an authority (CA:TRUE), not of a server: issue one for the server \
             with it, and keep it as ca_file; or make one without CA:TRUE",
        ),
        (
            &for_clients,
            authority.pem(),
            "its certificate is not for servers: issue one with the extended key usage serverAuth",
        ),
    ] {
        let front = LockedFront::start(elastic.port(), Some(certificate.server_config()), "");
        assert_told(kafka, &front.url(), &trusted, sentence);
    }
}

/// A server that answers the first bytes of each connection with `answer`, and hangs up.
fn answering(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    address.to_string()
}

#[test]
fn a_server_that_speaks_another_protocol_is_told_with_what_to_change() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let authority = Authority::new("lab");
    let plain = LockedFront::start(elastic.port(), None, "");
    let right = authority.server(&["127.0.0.1"]);
    let secure = LockedFront::start(elastic.port(), Some(right.server_config()), "");
    // An alert, protocol_version: how a server of TLS 1.1 answers.
    let old = answering(&[21, 3, 1, 0, 2, 2, 70]);
    // As Elasticsearch behind TLS treats a request without it.
    let silent = answering(b"");
    for (url, sentence) in [
        (
            plain.url().replace("http://", "https://"),
            "it does not speak TLS: write http:// in the address, or enable TLS there",
        ),
        (
            secure.url().replace("https://", "http://"),
            "it does not answer with HTTP: if it speaks TLS, write https:// in the address",
        ),
        (
            format!("http://{silent}"),
            "it closed the connection without an answer: if it speaks TLS, write https:// in the address",
        ),
        (
            format!("https://{old}"),
            "it speaks no TLS version that is supported: enable TLS 1.2 or 1.3 there",
        ),
    ] {
        assert_told(kafka, &url, &authority.pem(), sentence);
    }
}
