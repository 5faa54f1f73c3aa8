//! `tidegauge export`.

use crate::support::service::Setup;

fn exported(setup: &Setup, arguments: &[&str]) -> (Option<i32>, String, String) {
    let outcome = setup.run(&[&["export", "flink-sql"], arguments].concat());
    (outcome.status.code(), outcome.stdout, outcome.stderr)
}

#[test]
fn what_flink_sql_can_not_do_is_refused_all_at_once_and_by_name() {
    let setup = Setup::new("127.0.0.1:1", "pay")
        .with("", "time_zone", "\"Europe/Berlin\"")
        .with(
            "",
            "window",
            r#"[{ name = "ny", size = "1d", time_zone = "America/New_York" },
                { name = "second", size = "1d", slide = "1s", time_zone = "UTC" }]"#,
        )
        .with("dedup", "by", "\"order_id\"")
        .with("dedup", "within", "\"1d\"")
        .with("payment", "amount_point", "\",\"")
        .with("payment", "where", "'note.matches(\"^a\")'")
        .with("payment", "negative_where", "'size(tags) > 1'");
    let (code, script, said) = exported(&setup, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(script, "");
    for refused in [
        "\n  dedup: ",
        "\n  time_zone: ",
        "America/New_York already",
        "\n  window \"second\": ",
        "\n  payment.amount_point, payment.amount_thousands: ",
        "\n  payment.where: matches()",
        "\n  payment.negative_where: ",
    ] {
        assert!(said.contains(refused), "{refused} is missing: {said}");
    }
}

#[test]
fn window_functions_refuse_what_they_would_get_wrong() {
    let setup = Setup::new("127.0.0.1:1", "pay").with(
        "",
        "window",
        r#"[{ name = "ny", size = "1d", time_zone = "America/New_York" },
            { name = "uneven", size = "10m", slide = "4m" },
            { name = "1m", size = "1m" }]"#,
    );
    let (code, _, said) = exported(&setup, &["--late", "drop"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("\n  window \"ny\": ") && said.contains("\n  window \"uneven\": "),
        "{said}"
    );
    let (code, script, said) = exported(&setup, &["--late", "drop", "--window", "1m"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        script.contains("TUMBLE(") && script.contains("`payments-1m`"),
        "{script}"
    );
    let (code, _, said) = exported(&setup, &["--window", "1n"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("there is no window \"1n\"; there are: ny, uneven, 1m"),
        "{said}"
    );
}

#[test]
fn secrets_and_properties_of_librdkafka_are_left_out_of_a_script_and_named() {
    let setup = Setup::new("127.0.0.1:1", "pay")
        .with("kafka.properties", "security.protocol", "\"sasl_ssl\"")
        .with("kafka.properties", "sasl.mechanism", "\"SCRAM-SHA-512\"")
        .with("kafka.properties", "sasl.username", "\"tide\"")
        .with("kafka.properties", "sasl.password", "\"hunter2-canary\"")
        .with("kafka.properties", "fetch.queue.backoff.ms", "5");
    let (code, script, said) = exported(&setup, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!script.contains("canary") && !said.contains("canary"));
    for line in [
        "'properties.security.protocol' = 'SASL_SSL'",
        "'properties.sasl.mechanism' = 'SCRAM-SHA-512'",
        "fetch.queue.backoff.ms, sasl.password, sasl.username",
    ] {
        assert!(script.contains(line), "{line} is missing: {script}");
    }
}

#[test]
fn texts_of_the_configuration_end_no_text_and_no_comment_of_a_script() {
    let setup = Setup::new("127.0.0.1:1", "pay")
        .with("kafka", "topic", "\"it's\"")
        .with(
            "elasticsearch",
            "url",
            "\"http://user:canary@127.0.0.1:9200/a%27b\"",
        )
        .with("branches", "1", "\"O'Hare\\n; DROP\"");
    let (code, script, said) = exported(&setup, &["--target", "flink-1.20"]);
    match code {
        Some(0) => assert!(
            script.contains("'it''s'") && !script.contains("canary"),
            "{script}"
        ),
        // Names of topics and branches may be refused before.
        _ => assert!(
            said.contains("kafka.topic") || said.contains("branches"),
            "{said}"
        ),
    }
}
