//! The words are those that librdkafka 2.12.1 with OpenSSL 3 said to a broker of Kafka 4.4.

#![allow(clippy::unwrap_used)]

use tidegauge_windows::EventTime;

use super::*;

fn security(protocol: &str) -> Security {
    Security {
        uses_tls: protocol.ends_with("ssl"),
        logs_in: protocol.starts_with("sasl"),
        ..Security::default()
    }
}

fn refusal(said: &str, protocol: &str) -> ConnectionRefusal {
    ConnectionFailure::of(said)
        .and_then(|failure| ConnectionRefusal::of(&failure, &security(protocol)))
        .unwrap_or_else(|| panic!("not understood: {said}"))
}

#[test]
fn a_refused_login_is_told_with_the_properties_to_check() {
    for said in [
        "sasl_ssl://127.0.0.1:17604/bootstrap: SASL authentication error: Authentication failed during \
         authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512 (after 338ms in \
         state AUTH_REQ)",
        "sasl_ssl://127.0.0.1:17604/1: SASL authentication error: Authentication failed: Invalid username \
         or password (after 320ms in state AUTH_REQ, 1 identical error(s) suppressed)",
    ] {
        let refusal = refusal(said, "sasl_ssl");
        assert_eq!(refusal.cause, Cause::Credentials);
        assert_eq!(refusal.broker, "127.0.0.1:17604");
        assert!(refusal.is_certain());
        let sentence = refusal.to_string();
        assert!(sentence.contains("sasl.username"), "{sentence}");
    }
}

#[test]
fn a_mechanism_that_the_broker_does_not_take_is_named_with_those_it_takes() {
    let said = "sasl_ssl://127.0.0.1:17604/bootstrap: SASL SCRAM-SHA-256 mechanism handshake failed: \
                Broker: Unsupported SASL mechanism: broker's supported mechanisms: SCRAM-SHA-512 (after \
                302ms in state AUTH_HANDSHAKE)";
    let sentence = refusal(said, "sasl_ssl").to_string();
    assert!(
        sentence.contains("mechanism SCRAM-SHA-256, but SCRAM-SHA-512; set sasl.mechanism"),
        "{sentence}"
    );
    let said = "sasl_plaintext://127.0.0.1:14415/bootstrap: SASL SCRAM-SHA-512 mechanism handshake \
                failed: Broker: Request not valid in current SASL state: broker's supported mechanisms:  \
                (after 3ms in state AUTH_HANDSHAKE)";
    assert_eq!(refusal(said, "sasl_plaintext").cause, Cause::NoLogin);
}

#[test]
fn a_certificate_that_is_not_accepted_is_told_from_one_that_the_broker_does_not_accept() {
    for said in [
        "ssl://127.0.0.1:14152/bootstrap: SSL handshake failed: ../ssl/statem/statem_clnt.c:1889:\
         tls_post_process_server_certificate error:0A000086:SSL routines::certificate verify failed: \
         broker certificate could not be verified, verify that ssl.ca.location is correctly configured \
         or root CA certificates are installed (install ca-certificates package) (after 6ms in state \
         SSL_HANDSHAKE)",
        "ssl://127.0.0.1:14152/bootstrap: ../ssl/statem/statem_clnt.c:1889:\
         tls_post_process_server_certificate error:0A000086:SSL routines::certificate verify failed \
         (after 3ms in state SSL_HANDSHAKE)",
    ] {
        let refusal = refusal(said, "ssl");
        assert_eq!(refusal.cause, Cause::Certificate(None));
        assert_eq!(refusal.broker, "127.0.0.1:14152");
    }
    let said = "ssl://127.0.0.1:18384/bootstrap: Receive failed: ../ssl/record/rec_layer_s3.c:1601:\
                ssl3_read_bytes error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert \
                number 42 (after 0ms in state APIVERSION_QUERY)";
    let asked = refusal(said, "ssl").to_string();
    assert!(asked.contains("wants a client certificate"), "{asked}");
    let given = Security {
        has_certificate: true,
        ..security("ssl")
    };
    let refused = ConnectionRefusal::of(&ConnectionFailure::of(said).unwrap(), &given)
        .unwrap()
        .to_string();
    assert!(
        refused.contains("refuses the client certificate"),
        "{refused}"
    );
}

#[test]
fn a_port_of_another_kind_is_guessed_from_how_it_closes_the_connection() {
    for (said, protocol, cause) in [
        (
            "127.0.0.1:16855/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN \
             (after 3ms in state APIVERSION_QUERY, 1 identical error(s) suppressed)",
            "plaintext",
            Cause::SilentWithoutTls,
        ),
        (
            "sasl_plaintext://127.0.0.1:14751/bootstrap: Disconnected: connection closed by peer: \
             receive 0 after POLLIN (after 10ms in state APIVERSION_QUERY)",
            "sasl_plaintext",
            Cause::SilentWithoutTls,
        ),
        (
            "sasl_ssl://127.0.0.1:16238/bootstrap: SASL authentication error: SaslAuthenticateRequest \
             failed: Local: Timed out (after 10000ms in state AUTH_REQ)",
            "sasl_ssl",
            Cause::SilentInLogin,
        ),
        (
            "ssl://127.0.0.1:14415/bootstrap: SSL handshake failed: Disconnected: SSL connection closed \
             by peer: connecting to a PLAINTEXT broker listener? (after 4ms in state SSL_HANDSHAKE)",
            "ssl",
            Cause::SilentInTls,
        ),
        (
            "ssl://127.0.0.1:14415/bootstrap: Disconnected: SSL connection closed by peer (after 1ms in \
             state SSL_HANDSHAKE)",
            "ssl",
            Cause::SilentInTls,
        ),
        (
            "ssl://127.0.0.1:17604/bootstrap: Disconnected: SSL connection closed by peer (after 63ms in \
             state UP)",
            "ssl",
            Cause::SilentWithoutLogin,
        ),
        (
            "ssl://127.0.0.1:17604/bootstrap: Send failed: SSL transport error: Broken pipe (after 3ms in \
             state UP)",
            "ssl",
            Cause::SilentWithoutLogin,
        ),
    ] {
        let refusal = refusal(said, protocol);
        assert_eq!(refusal.cause, cause, "{said}");
        assert!(!refusal.is_certain());
    }
}

#[test]
fn what_a_stopped_broker_causes_is_no_refusal() {
    for (said, protocol) in [
        (
            "127.0.0.1:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after \
             0ms in state CONNECT, 1 identical error(s) suppressed)",
            "plaintext",
        ),
        (
            "127.0.0.1:9092/1: Disconnected: connection closed by peer: receive 0 after POLLIN (after \
             90210ms in state UP)",
            "plaintext",
        ),
        (
            "sasl_ssl://127.0.0.1:9092/1: Disconnected: SSL connection closed by peer (after 63ms in \
             state UP)",
            "sasl_ssl",
        ),
        ("1/1 brokers are down", "ssl"),
        ("", "ssl"),
    ] {
        assert_eq!(
            ConnectionFailure::of(said)
                .and_then(|failure| ConnectionRefusal::of(&failure, &security(protocol))),
            None,
            "{said}"
        );
    }
}

#[test]
fn each_fault_of_a_certificate_has_its_sentence() {
    let sentence = |fault| {
        let refusal = ConnectionRefusal {
            broker: "k:9093".to_owned(),
            cause: Cause::Certificate(fault),
        };
        refusal.to_string()
    };
    let at = EventTime::from_millis(1_609_459_200_000);
    for (fault, words) in [
        (CertificateFault::UnknownAuthority, "ssl.ca.location"),
        (
            CertificateFault::Expired(Some(at)),
            "k:9093 expired on 2021-01-01T00:00:00Z",
        ),
        (
            CertificateFault::NotYetValid(Some(at)),
            "valid from 2021-01-01T00:00:00Z on",
        ),
        (
            CertificateFault::OtherHost(vec!["a.example".to_owned(), "b.example".to_owned()]),
            "is for a.example, b.example;",
        ),
    ] {
        let sentence = sentence(Some(fault));
        assert!(sentence.contains(words), "{sentence}");
    }
    assert!(sentence(None).contains("can't be verified"));
}
