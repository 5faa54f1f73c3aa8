//! What holds where nothing is set, and what `check` prints of it.

use tidegauge::config::{Config, Need};
use tidegauge::source::StartPosition;
use tidegauge_windows::{EventTime, Kind, Span};

use super::{Typed, valid};

/// The block of the documentation with every key at its default.
const EVERY_KEY: &str = r#"
state_dir = "state"
time_zone = "UTC"

[kafka]
brokers = "127.0.0.1:9092"
topic = "payment_msg"
group_id = "tidegauge"
start = "latest"
[kafka.properties]

[event_time]
out_of_orderness = "5s"
allowed_lateness = "1d"
idle_after = "30s"
quiet_after = "1m"
max_future = "5m"
retention = "35d"
zero_windows = true

[[window]]
name = "1m"
size = "1m"
[[window]]
name = "10m-by-1m"
size = "10m"
slide = "1m"
[[window]]
name = "1h"
size = "1h"
[[window]]
name = "day"
size = "1d"
step = "1h"
time_zone = "Asia/Shanghai"

[branches]
0 = "Branch_0"

[elasticsearch]
url = "http://127.0.0.1:9200"
index_prefix = "payments"
legacy_totals = "platform_pay_amount_1"
zero_windows = false
ca_file = ""
[elasticsearch.bulk]
max_actions = 5000
max_size = "5mb"
interval = "1s"
max_in_flight = 2

[http]
listen = "127.0.0.1:8080"
token_file = ""
"#;

#[test]
fn nothing_given_is_the_documented_default() {
    let given = valid(EVERY_KEY);
    let nothing =
        valid("kafka.brokers = '127.0.0.1:9092'\nbranches.0 = 'Branch_0'\n[elasticsearch]\n");
    assert_eq!(nothing.to_toml(), given.to_toml());
    assert_eq!(nothing.rules(), given.rules());
    let empty = valid("");
    assert!(empty.elasticsearch.is_none());
    assert!(empty.http.listen.ip().is_loopback());
    assert_eq!(empty.kafka.brokers, "");
}

#[test]
fn the_default_windows_are_the_four_documented_ones() {
    let settings = valid("").event_time.settings;
    let shown: Vec<_> = settings
        .definitions
        .iter()
        .map(|d| (d.name(), d.kind(), d.size(), d.slide(), d.zone().name()))
        .collect();
    let (minute, hour) = (Span::MINUTE, Span::HOUR);
    assert_eq!(
        shown,
        [
            ("1m", Kind::Tumbling, minute, minute, "UTC"),
            ("10m-by-1m", Kind::Sliding, minute.times(10), minute, "UTC"),
            ("1h", Kind::Tumbling, hour, hour, "UTC"),
            ("day", Kind::Cumulative, Span::DAY, hour, "Asia/Shanghai"),
        ]
    );
}

#[test]
fn what_check_prints_loads_to_the_same_configuration() {
    let typed = Typed::new("");
    let token = typed.file("token", "t0ken\n");
    let password = typed.file("password", " hunter2\n");
    let toml = format!(
        r#"
state_dir = "a \"quoted\" \\ päth"
time_zone = "America/New_York"
[kafka]
brokers = "a:1, b:2"
topic = "t"
start = 2026-11-01T00:00:00.25Z
[kafka.properties]
security.protocol = "ssl"
"fetch.wait.max.ms" = 7
enable.ssl.certificate.verification = false
[event_time]
out_of_orderness = "0s"
allowed_lateness = "2d3h4m5s6ms"
zero_windows = false
retention = "100d"
[[window]]
name = "s"
size = "7m"
slide = "3m"
offset = "1m30s"
[[window]]
name = "d"
size = "7d"
offset = "6h"
[[window]]
name = "c"
size = "1d"
step = "15m"
time_zone = "Asia/Kathmandu"
[branches]
7 = "Nord \"7\""
2147483647 = "last"
[elasticsearch]
url = "https://es.example:9200/path"
index_prefix = "tide"
legacy_totals = ""
give_up_after = "30d"
username = "tide"
password_file = {password:?}
[elasticsearch.bulk]
max_size = "1536b"
max_actions = 1
[http]
listen = "[::]:0"
token_file = {token:?}
"#
    );
    typed.file("t.toml", &toml);
    let first = Config::load(&typed.sources(), Need::Brokers).unwrap();
    typed.file("t.toml", &first.to_toml());
    let second = Config::load(&typed.sources(), Need::Brokers).unwrap();
    assert_eq!(first.to_toml(), second.to_toml());
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
    assert_eq!(first.kafka.properties, second.kafka.properties);
    assert_eq!(first.event_time, second.event_time);
    assert_eq!(
        first.kafka.start,
        StartPosition::At(EventTime::from_millis(1_793_491_200_250))
    );
    assert_eq!(first.kafka.brokers, "a:1,b:2");
    assert_eq!(
        first.event_time.settings.definitions[1].zone().name(),
        "America/New_York"
    );
    let sink = second.elasticsearch.unwrap();
    assert_eq!(sink.bulk.max_bytes, 1_536);
    assert_eq!(sink.legacy_totals, None);
}

#[test]
fn rules_hold_what_decides_a_figure_and_nothing_else() {
    let rules = valid("").rules();
    assert_eq!(
        rules,
        "time_zone = UTC\nevent_time.out_of_orderness = 5s\nevent_time.allowed_lateness = 1d\n\
         event_time.max_future = 5m\nevent_time.zero_windows = true\nwindow.1 = 1m, 1m tumbling\n\
         window.2 = 10m-by-1m, 10m sliding by 1m\nwindow.3 = 1h, 1h tumbling\n\
         window.4 = day, 1d cumulative by 1h, Asia/Shanghai\n"
    );
    for other in [
        "time_zone = 'Asia/Tokyo'",
        "[event_time]\nout_of_orderness = '6s'",
        "[event_time]\nallowed_lateness = '2d'",
        "[event_time]\nmax_future = '6m'",
        "[event_time]\nzero_windows = false",
        "[[window]]\nname = '1m'\nsize = '1m'",
    ] {
        assert_ne!(valid(other).rules(), rules, "{other}");
    }
    for same in [
        "state_dir = 'elsewhere'",
        "[kafka]\nbrokers = 'b:1'\nstart = 'earliest'\ngroup_id = 'g'",
        "[event_time]\nidle_after = '1s'\nquiet_after = '1s'\nretention = '50d'",
        "[branches]\n0 = 'North'",
        "[elasticsearch]",
        "[http]\nlisten = '127.0.0.1:1'",
    ] {
        assert_eq!(valid(same).rules(), rules, "{same}");
    }
}
