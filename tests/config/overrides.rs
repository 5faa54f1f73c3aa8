//! Environment variables and flags override the file.

use std::path::PathBuf;
use std::time::Duration;

use tidegauge::config::{Config, Need, Sources};

use super::{Typed, told};

#[test]
fn the_environment_overrides_the_file_and_flags_override_both() {
    let typed = Typed::new("[kafka]\ntopic = 'file'\ngroup_id = 'file'\nbrokers = 'file:1'\n");
    let sources = typed
        .sources()
        .variable("TIDEGAUGE_KAFKA__GROUP_ID", "variable")
        .variable("TIDEGAUGE_KAFKA__BROKERS", "variable:1")
        .flag("--brokers", "kafka.brokers", "flag:1");
    let kafka = Config::load(&sources, Need::Brokers).unwrap().kafka;
    assert_eq!(
        (
            kafka.topic.as_str(),
            kafka.group_id.as_str(),
            kafka.brokers.as_str()
        ),
        ("file", "variable", "flag:1")
    );
}

#[test]
fn every_kind_of_value_can_come_from_the_environment() {
    let sources = Sources::default()
        .variable("TIDEGAUGE_STATE_DIR", "/s")
        .variable("TIDEGAUGE_EVENT_TIME__ZERO_WINDOWS", "false")
        .variable("TIDEGAUGE_EVENT_TIME__IDLE_AFTER", "7s")
        .variable("TIDEGAUGE_ELASTICSEARCH__BULK__MAX_ACTIONS", "12")
        .variable("TIDEGAUGE_ELASTICSEARCH__BULK__MAX_SIZE", "1kb")
        .variable("TIDEGAUGE_KAFKA__PROPERTIES__SECURITY_PROTOCOL", "ssl")
        .variable("TIDEGAUGE_KAFKA__PROPERTIES__fetch.min.bytes", "2")
        .variable("TIDEGAUGE_BRANCHES", "{0='North', 1='South'}")
        .variable("TIDEGAUGE_BRANCHES__2", "East")
        .variable("TIDEGAUGE_WINDOW", "[{name='5m', size='5m'}]");
    let config = Config::load(&sources, Need::Nothing).unwrap();
    assert_eq!(config.state_dir, PathBuf::from("/s"));
    assert!(!config.event_time.settings.zero_windows);
    assert_eq!(config.event_time.idle_after, Duration::from_secs(7));
    let bulk = config.elasticsearch.unwrap().bulk;
    assert_eq!((bulk.max_actions, bulk.max_bytes), (12, 1_024));
    let properties: Vec<_> = config
        .kafka
        .properties
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        properties,
        [("fetch.min.bytes", "2"), ("security.protocol", "ssl")]
    );
    assert_eq!(config.branches.configured().count(), 3);
    assert_eq!(config.event_time.settings.definitions[0].name(), "5m");
    let flags = Sources::default()
        .flag("--set", "kafka.properties.fetch.min.bytes", "3")
        .flag("--set", "branches.4", "West");
    let config = Config::load(&flags, Need::Nothing).unwrap();
    // A text that is a branch keeps its capitals, and all that is in it.
    let texts = Sources::default()
        .variable("TIDEGAUGE_PAYMENT__BRANCH_TYPE", "any")
        .variable("TIDEGAUGE_BRANCHES__DE__0042", "Hamburg")
        .flag("--set", "branches.AT.1", "Wien");
    let texts = Config::load(&texts, Need::Nothing).unwrap().branches;
    let listed = texts.configured().map(ToString::to_string);
    assert_eq!(listed.collect::<Vec<_>>(), ["AT.1", "DE__0042"]);
    assert_eq!(config.kafka.properties["fetch.min.bytes"], "3");
    assert_eq!(config.branches.configured().count(), 1);
}

#[test]
fn a_wrong_variable_or_flag_is_named() {
    let told = |sources: Sources| told(&sources, Need::Nothing);
    let text = told(Sources::default().variable("TIDEGAUGE_KAFKA__BROKER", "a:1"));
    assert!(
        text.starts_with("TIDEGAUGE_KAFKA__BROKER: kafka.broker: "),
        "{text}"
    );
    assert!(text.contains("\"brokers\""), "{text}");
    let text = told(Sources::default().variable("TIDEGAUGE_KAFAK__BROKERS", "a:1"));
    assert!(text.contains("\"kafka\""), "{text}");
    let text = told(Sources::default().variable("TIDEGAUGE_STATEDIR", "x"));
    assert!(text.contains("\"state_dir\""), "{text}");
    for (name, right) in [
        ("TIDEGAUGE_KAFKA_BROKERS", "TIDEGAUGE_KAFKA__BROKERS"),
        ("TIDEGAUGE_BROKERS", "TIDEGAUGE_KAFKA__BROKERS"),
        ("TIDEGAUGE_HTTP_LISTEN", "TIDEGAUGE_HTTP__LISTEN"),
        (
            "TIDEGAUGE_ELASTICSEARCH_BULK_MAX_SIZE",
            "TIDEGAUGE_ELASTICSEARCH__BULK__MAX_SIZE",
        ),
        ("TIDEGAUGE_STATEDIR", "TIDEGAUGE_STATE_DIR"),
        ("TIDEGAUGE_LOGFORMAT", "TIDEGAUGE_LOG_FORMAT"),
    ] {
        let text = told(Sources::default().variable(name, "hunter2"));
        assert!(text.starts_with(&format!("{name}: ")), "{text}");
        assert!(text.contains(&format!("did you mean {right}")), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
    let text = told(Sources::default().variable("TIDEGAUGE_SOMETHING_ELSE", "x"));
    assert!(
        text.contains("no such setting") && !text.contains("did you mean"),
        "{text}"
    );
    let text = told(Sources::default().variable("TIDEGAUGE_BRANCHES", "North"));
    assert!(text.contains("not TOML"), "{text}");
    let text = told(Sources::default().variable("TIDEGAUGE_TOKEN", "s3cret"));
    assert!(
        text.contains("did you mean TIDEGAUGE_HTTP__TOKEN_FILE"),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "{text}");
    for topic in ["\"pay\"", "'pay'"] {
        let text = told(Sources::default().flag("--set", "branches.3", topic));
        assert!(
            text.contains("branches.3: ") && text.contains("leave the quotes out"),
            "{text}"
        );
        let text = told(Sources::default().flag("--set", "kafka.topic", topic));
        assert!(
            text.contains("kafka.topic: ") && text.contains("leave the quotes out"),
            "{text}"
        );
    }
    let text = told(Sources::default().variable("TIDEGAUGE_HTTP__LISTEN__PORT", "1"));
    assert!(text.contains("http.listen"), "{text}");
    let text = told(Sources::default().flag("--listen", "http.listen", "0.0.0.0:1"));
    assert!(text.starts_with("--listen: http.listen: "), "{text}");
}

#[test]
fn variables_of_other_programs_are_left_alone() {
    let sources = Sources::default()
        .variable("TIDEGAUGE_PORT", "tcp://10.0.0.1:8080")
        .variable("TIDEGAUGE_SERVICE_HOST", "10.0.0.1")
        .variable("TIDEGAUGE_PORT_8080_TCP_ADDR", "10.0.0.1")
        .variable("TIDEGAUGE_LOG", "debug")
        .variable("TIDEGAUGE_LOG_FORMAT", "json")
        .variable("TIDEGAUGE_URL", "http://x")
        .variable("TIDEGAUGE_TOKEN_FILE", "x")
        .variable("TIDEGAUGE_CONFIG", "x")
        .variable("TIDEGAUGE_SKIPS", "x")
        .variable("TIDEGAUGE_BIN", "x")
        .variable("TIDEGAUGE_TEST_PAYMENTS", "x")
        .variable("TIDEGAUGE_LAB_CACHE", "x")
        .variable("OTHER__KEY", "x");
    Config::load(&sources, Need::Nothing).unwrap();
}
