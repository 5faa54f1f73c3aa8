//! Kafka over TLS, with passwords and client certificates: the same figures, and one sentence for each thing that is
//! wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::Value;

use crate::support::lab::certificates::Validity;
use crate::support::lab::{Lock, SecureKafka, eventually, http, unique};
use crate::support::service::{Service, Setup, quoted};
use crate::support::topic::{START, paid};

/// Stands in every secret of these tests, and nowhere else.
const CANARY: &str = "canary";
const WRONG: &str = "canary-of-another";
/// What an operator must not have to read.
const RAW: [&str; 5] = [
    "SSL routines",
    "in state",
    "statem",
    "librdkafka",
    "/bootstrap",
];

/// Properties that fit a port, to be changed for what a test has go wrong.
#[derive(Clone)]
struct Properties(Vec<(&'static str, String)>);

impl Properties {
    fn none() -> Self {
        Self(Vec::new())
    }

    fn tls(kafka: &SecureKafka) -> Self {
        Self::none()
            .and("security.protocol", "ssl")
            .and_file("ssl.ca.location", kafka, "ca.pem")
    }

    fn password(kafka: &SecureKafka) -> Self {
        Self(kafka.password_properties().into())
    }

    fn certificate(kafka: &SecureKafka, name: &str) -> Self {
        Self::tls(kafka)
            .and_file("ssl.certificate.location", kafka, &format!("{name}.pem"))
            .and_file("ssl.key.location", kafka, &format!("{name}.key"))
    }

    fn and(mut self, property: &'static str, value: &str) -> Self {
        // The last one counts.
        self.0.push((property, value.to_owned()));
        self
    }

    fn and_file(self, property: &'static str, kafka: &SecureKafka, file: &str) -> Self {
        let path = kafka.file(file);
        self.and(property, &path.display().to_string())
    }

    fn setup(&self, brokers: &str, topic: &str) -> Setup {
        let mut setup = Setup::new(brokers, topic);
        for (property, value) in &self.0 {
            setup.set("kafka.properties", &quoted(property), &quoted(value));
        }
        // The file holds a password: one that every user can read is warned of.
        fs::set_permissions(setup.config(), fs::Permissions::from_mode(0o600)).unwrap();
        setup
    }
}

fn figures(service: &Service, records: u64) -> (Value, Value) {
    service.await_consumed(records);
    let mut totals = service.ask("totals");
    (
        totals["totals"].take(),
        service.ask("ledger")["entries"].take(),
    )
}

/// Everything that a service shows.
fn shown(service: &Service) -> String {
    let routes = ["api/v1/status", "metrics", "readyz?verbose"];
    let answers = routes.map(|route| http::get(&format!("{}/{route}", service.url())).text);
    format!("{}\n{}", service.log(), answers.join("\n"))
}

#[test]
fn the_figures_over_tls_are_those_over_plaintext() {
    let Some(kafka) = SecureKafka::shared() else {
        return;
    };
    let topic = unique("locked");
    kafka.kafka().create_topic(&topic, 2);
    let sent = (0..500).map(|i| {
        let amount = format!("{}.{:02}", i * 7 % 100, i % 100);
        paid(i % 2, START + i64::from(i) * 1_000, &amount, (i % 5) as u32)
    });
    kafka.kafka().send(&topic, sent);
    let plain = Properties::none().setup(&kafka.kafka().bootstrap(), &topic);
    let plain = figures(&plain.serve(), 500);
    assert_eq!(plain.1["on_time"]["count"], 500);
    for (lock, properties) in [
        (Lock::Password, Properties::password(kafka)),
        (
            Lock::ClientCertificate,
            // The key is not encrypted, so the phrase is not needed; it must not be shown either.
            Properties::certificate(kafka, "client").and("ssl.key.password", WRONG),
        ),
    ] {
        let setup = properties.setup(&kafka.bootstrap(lock), &topic);
        let service = setup.serve();
        assert_eq!(figures(&service, 500), plain, "{lock:?}");
        assert_eq!(service.part("source").0, "ok");
        let shown = shown(&service);
        assert!(!shown.contains(CANARY), "{shown}");
        assert!(!shown.contains(" WARN "), "{shown}");
    }
}

#[test]
fn what_keeps_broker_and_client_apart_is_one_sentence_with_the_property_to_change() {
    let Some(kafka) = SecureKafka::shared() else {
        return;
    };
    let topic = unique("locked");
    kafka.kafka().create_topic(&topic, 1);
    let (password, tls) = (Properties::password(kafka), Properties::tls(kafka));
    let plain = kafka.kafka().bootstrap();
    let at = |lock| kafka.bootstrap(lock);
    let cases = [
        (
            "an authority that is not trusted",
            at(Lock::Password),
            password
                .clone()
                .and_file("ssl.ca.location", kafka, "other-ca.pem"),
            1,
            [
                "was not issued by an authority that is trusted",
                "ssl.ca.location",
            ],
        ),
        (
            "an expired certificate",
            at(Lock::ExpiredCertificate),
            tls.clone(),
            1,
            [
                "expired on 2021-01-01T00:00:00Z",
                "give the broker a new one",
            ],
        ),
        (
            "a certificate for another host",
            at(Lock::OtherName),
            tls.clone(),
            1,
            [
                "is for kafka.example;",
                "ssl.endpoint.identification.algorithm",
            ],
        ),
        (
            "a wrong password",
            at(Lock::Password),
            password.clone().and("sasl.password", WRONG),
            1,
            ["the user or the password is wrong", "sasl.password"],
        ),
        (
            "an unknown user",
            at(Lock::Password),
            password.clone().and("sasl.username", "stranger"),
            1,
            ["the user or the password is wrong", "sasl.username"],
        ),
        (
            "another mechanism",
            at(Lock::Password),
            password.clone().and("sasl.mechanism", "SCRAM-SHA-256"),
            1,
            ["SCRAM-SHA-256, but SCRAM-SHA-512", "sasl.mechanism"],
        ),
        (
            "no client certificate",
            at(Lock::ClientCertificate),
            tls.clone(),
            1,
            ["wants a client certificate", "ssl.certificate.location"],
        ),
        (
            "a client certificate of another authority",
            at(Lock::ClientCertificate),
            Properties::certificate(kafka, "stranger"),
            1,
            ["refuses the client certificate", "ssl.certificate.location"],
        ),
        (
            "a login on a port without one",
            at(Lock::ClientCertificate),
            password
                .clone()
                .and_file("ssl.certificate.location", kafka, "client.pem")
                .and_file("ssl.key.location", kafka, "client.key"),
            1,
            ["takes no login on this port", "security.protocol"],
        ),
        (
            "no login on a port that wants one",
            at(Lock::Password),
            tls.clone(),
            75,
            ["as a port does that wants a login", "security.protocol"],
        ),
        (
            "no TLS on a port for it",
            at(Lock::ClientCertificate),
            Properties::none(),
            75,
            ["as a port for TLS does", "security.protocol"],
        ),
        (
            "TLS on a port without it",
            plain.clone(),
            tls,
            75,
            ["as a port without TLS does", "security.protocol"],
        ),
        (
            "TLS and a login on a port without either",
            plain,
            password,
            75,
            ["as a port without TLS does", "security.protocol"],
        ),
    ];
    // All at once: a start that has a little hope ends with its patience, which is 15 s.
    let started: Vec<_> = cases
        .iter()
        .map(|(what, brokers, properties, code, words)| {
            let setup = properties.setup(brokers, &topic);
            let process = setup.spawn(&["serve", "--until-end", "-o", "json"]);
            (what, brokers, code, words, setup, process)
        })
        .collect();
    for (what, brokers, code, words, _setup, process) in started {
        let outcome = process.wait(Duration::from_secs(60));
        let said = &outcome.stderr;
        assert_eq!(outcome.status.code(), Some(*code), "{what}: {said}");
        let error = said.lines().last().unwrap_or_default();
        assert!(error.starts_with("error: "), "{what}: {said}");
        assert!(error.contains(brokers), "{what}: {said}");
        for word in words {
            assert!(error.contains(word), "{what}: {word} is missing: {said}");
        }
        for raw in RAW {
            assert!(!said.contains(raw), "{what}: {raw}: {said}");
        }
        assert!(!said.contains(CANARY), "{what}: {said}");
        assert!(!outcome.stdout.contains(CANARY), "{what}");
        let warnings = said.matches(" WARN ").count();
        let expected = usize::from(*code == 75);
        assert_eq!(warnings, expected, "{what}: the error says it: {said}");
    }
}

#[test]
fn a_lock_that_changes_while_the_service_runs_is_its_condition_and_logged_once() {
    let Some(mut kafka) = SecureKafka::own() else {
        return;
    };
    let topic = unique("relocked");
    kafka.kafka().create_topic(&topic, 1);
    kafka.kafka().send(&topic, [paid(0, START, "1", 1)]);
    let setup = Properties::password(&kafka).setup(&kafka.bootstrap(Lock::Password), &topic);
    let service = setup.serve();
    service.await_consumed(1);
    let mut records = 1;
    for words in ["the user or the password is wrong", "expired on 2021-01-01"] {
        match records {
            1 => kafka.change_password(WRONG),
            _ => kafka.change_certificate(Lock::Password, Validity::Expired),
        }
        eventually(words, || {
            let (state, reason) = service.part("source");
            (state == "degraded" && reason.contains(words)).then_some(())
        });
        // It is tried again several times in this time.
        std::thread::sleep(Duration::from_secs(8));
        let (state, reason) = service.part("source");
        assert_eq!(state, "degraded");
        assert!(reason.contains(words), "{reason}");
        let log = service.log();
        assert_eq!(log.matches(words).count(), 1, "{log}");
        let shown = shown(&service);
        assert!(!shown.contains(CANARY), "{shown}");
        for raw in ["SSL routines", "AUTH_REQ", "SSL_HANDSHAKE"] {
            assert!(!shown.contains(raw), "{raw}: {shown}");
        }
        match records {
            1 => kafka.change_password(SecureKafka::PASSWORD),
            _ => kafka.change_certificate(Lock::Password, Validity::Now),
        }
        kafka
            .kafka()
            .send(&topic, [paid(0, START + records, "1", 1)]);
        records += 1;
        service.await_consumed(records as u64);
        eventually("a source that is well", || {
            (service.part("source").0 == "ok").then_some(())
        });
    }
}

#[test]
fn produce_says_the_same() {
    let Some(kafka) = SecureKafka::shared() else {
        return;
    };
    let topic = unique("locked");
    for (properties, words) in [
        (
            Properties::password(kafka).and("sasl.password", WRONG),
            "the user or the password is wrong",
        ),
        (
            Properties::password(kafka).and_file("ssl.ca.location", kafka, "other-ca.pem"),
            "was not issued by an authority that is trusted",
        ),
    ] {
        let setup = properties.setup(&kafka.bootstrap(Lock::Password), &topic);
        let outcome = setup.run(&["produce", "--count", "1", "--timeout", "3s"]);
        let said = &outcome.stderr;
        assert_eq!(outcome.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(!said.contains(CANARY), "{said}");
    }
}

#[test]
fn produce_without_the_right_to_write_names_that_right() {
    let Some(mut kafka) = SecureKafka::own() else {
        return;
    };
    let topic = unique("unwritable");
    kafka.kafka().create_topic(&topic, 1);
    kafka.allow(&["DESCRIBE"], &topic);
    let setup = Properties::password(&kafka).setup(&kafka.bootstrap(Lock::Password), &topic);
    let outcome = setup.run(&["produce", "--count", "5", "-vv"]);
    let said = &outcome.stderr;
    assert_eq!(outcome.status.code(), Some(1), "{said}");
    let end = said.lines().last().unwrap();
    assert!(end.contains("grant the user WRITE on the topic"), "{said}");
    assert!(!end.contains("Purge"), "{said}");
}
