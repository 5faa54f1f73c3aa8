//! The files that properties of Kafka name.
#![allow(clippy::unwrap_used)]

use std::fs;

use crate::support::lab::certificates::Authority;
use crate::support::service::{Setup, quoted};

/// Stands in the passphrase, and nowhere else.
const CANARY: &str = "canary-phrase";

#[test]
fn check_names_the_file_that_is_wrong() {
    let dir = Setup::new("127.0.0.1:1", "payment_msg");
    let authority = Authority::new("an authority");
    let (one, other) = (authority.client("one"), authority.client("other"));
    let file = |name: &str, text: &str| {
        let path = dir.path(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (ca, certificate) = (file("ca.pem", &authority.pem()), file("one.pem", &one.pem));
    let (key, other_key) = (file("one.key", &one.key), file("other.key", &other.key));
    let text = file("text", "no certificate");
    let right = [
        ("ssl.ca.location", ca.as_str()),
        ("ssl.certificate.location", &certificate),
        ("ssl.key.location", &key),
    ];
    let check = |changed: &str, path: &str| {
        let mut setup = Setup::new("127.0.0.1:1", "payment_msg");
        setup.set("kafka.properties", "\"security.protocol\"", "\"ssl\"");
        setup.set("kafka.properties", "\"ssl.key.password\"", &quoted(CANARY));
        for (property, path) in right {
            setup.set("kafka.properties", &quoted(property), &quoted(path));
        }
        setup.set("kafka.properties", &quoted(changed), &quoted(path));
        let outcome = setup.run(&["check"]);
        let said = outcome.stdout + &outcome.stderr;
        assert!(!said.contains(CANARY), "{said}");
        (outcome.status.code(), said)
    };
    let (code, said) = check("ssl.ca.location", &ca);
    assert_eq!(code, Some(0), "{said}");
    for (property, path, words) in [
        (
            "ssl.ca.location",
            "/nowhere/ca.pem",
            "can't be read: No such file",
        ),
        ("ssl.ca.location", &text, "holds no certificate (PEM)"),
        (
            "ssl.certificate.location",
            "/nowhere/c.pem",
            "can't be read: No such file",
        ),
        (
            "ssl.certificate.location",
            &text,
            "holds no certificate (PEM)",
        ),
        (
            "ssl.key.location",
            "/nowhere/k.pem",
            "can't be read: No such file",
        ),
        ("ssl.key.location", "/", "can't be read: Is a directory"),
        ("ssl.key.location", &text, "holds no private key (PEM)"),
        (
            "ssl.key.location",
            &other_key,
            "does not belong to the certificate in",
        ),
    ] {
        let (code, said) = check(property, path);
        assert_eq!(code, Some(78), "{property} = {path}: {said}");
        assert!(
            said.contains(&format!("kafka.properties.{property}: ")),
            "{said}"
        );
        assert!(said.contains(&format!("{path} {words}")), "{said}");
    }
}
