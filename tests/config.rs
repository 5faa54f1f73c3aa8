//! Settings become a configuration, or one report of all that is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tidegauge::config::{Config, Need, Sources};
use tidegauge::sink::Credentials;
use tidegauge::source::StartPosition;
use tidegauge_windows::{EventTime, Kind, Span};

/// A configuration file in a directory of its own.
struct Typed {
    dir: TempDir,
}

impl Typed {
    fn new(toml: &str) -> Self {
        let typed = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        typed.file("t.toml", toml);
        typed
    }

    /// Writes a file beside it and gives its path.
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn sources(&self) -> Sources {
        Sources::of_file(self.dir.path().join("t.toml"))
    }
}

#[track_caller]
fn valid(toml: &str) -> Config {
    Config::load(&Typed::new(toml).sources(), Need::Nothing).unwrap()
}

/// What is said of `sources`, the directory of the file left out.
#[track_caller]
fn told(sources: &Sources, need: Need) -> String {
    let text = Config::load(sources, need).unwrap_err().to_string();
    let short = |line: &str| match line.split_once("/t.toml") {
        Some((_, rest)) => format!("t.toml{rest}"),
        None => line.to_owned(),
    };
    text.lines().map(short).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn wrong(toml: &str) -> String {
    told(&Typed::new(toml).sources(), Need::Nothing)
}

/// Asserts that one problem is told of `toml`, at `place`, with all of `words`.
#[track_caller]
fn refuses(toml: &str, place: &str, words: &[&str]) {
    let text = wrong(toml);
    assert!(text.starts_with(&format!("t.toml:{place}: ")), "{text}");
    assert!(text.ends_with("the configuration has 1 problem"), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

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
fn secrets_are_read_from_files_and_shown_nowhere() {
    let typed = Typed::new("");
    let key = typed.file("key", "\n  s3cret==\n");
    let toml = format!(
        "[kafka.properties]\nsasl.password = 's3cret=='\n[elasticsearch]\napi_key_file = {key:?}\n\
         [http]\ntoken_file = {key:?}\n"
    );
    typed.file("t.toml", &toml);
    let config = Config::load(&typed.sources(), Need::Nothing).unwrap();
    assert!(!format!("{config:?} {config:#?}").contains("s3cret"));
    assert!(!config.to_toml().contains("s3cret"));
    assert!(config.to_toml().contains("\"sasl.password\" = \"***\""));
    assert_eq!(config.http.token.unwrap().expose(), "s3cret==");
    match config.elasticsearch.unwrap().credentials {
        Credentials::ApiKey(key) => assert_eq!(key.expose(), "s3cret=="),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_secret_is_not_shown_when_its_line_or_its_value_is_wrong() {
    for toml in [
        "[kafka.properties]\nsasl.password = 's3cret\n",
        "[kafka.properties]\nsasl.password = ['s3cret']\n",
        "[kafka]\nsasl.password = 's3cret'\n",
        "[elasticsearch]\npassword = 's3cret'\n",
        "[elasticsearch]\nurl = 'http://me:s3cret@127.0.0.1:9200'\n",
        "[elasticsearch]\nurl = 'http://me:s3cret@127.0.0.1:port'\n",
        "[http]\ntoken = 's3cret'\n",
        "[kafka.properties]\n\"sasl.passwrd\" = 's3cret'\n",
        "[kafka.properties]\nsasl.passwrd = 's3cret'\n",
        "[kafka.properties]\n'sasl.pw' = 's3cret'\n",
        "[kafka.properties]\n'sasl.passwrd' = \"\"\"\ns3cret\n",
        "[kafka]\nproperties = { 'sasl.pasword' = 's3cret', x = }\n",
        "[kafka]\npasswort = 's3cret'\n",
        "[kafka]\nbrokers = 'SASL_SSL://me:s3cret@b:port'\n",
        "sasl_pass = 's3cret'\n",
        "[elasticsearch]\napi_key = 's3cret'\n",
        "[elasticsearch]\napikey = 's3cret\n",
        "[elasticsearch]\npasswort = 's3cret'\n",
        "[elasticsearch]\nurl = 'http://127.0.0.1:9200/?apikey=s3cret'\n",
        "[elasticsearch]\nurl = 'me:s3cret@127.0.0.1:9200'\n",
        "[elasticsearch]\napi_key_file = 's3cret'\n",
        "[elasticsearch]\nusername = 'me'\npassword_file = 's3cret/=='\n",
        "[kibana]\nurl = 'http://127.0.0.1:5601/?apikey=s3cret'\n",
        "[http]\ntoken_file = 's3cret'\n",
        "[http]\ntokn = 's3cret'\n",
        // A secret in place of the file that holds it.
        "[elasticsearch]\npasword_file = 's3cret'\n",
        "[elasticsearch]\npasswd_file = 's3cret'\n",
        "[elasticsearch]\npw_file = 's3cret'\n",
        "[elasticsearch]\napi_kye_file = 's3cret'\n",
        "[elasticsearch]\napi_ky = 's3cret'\n",
        "[http]\ntokn_file = 's3cret'\n",
        "[elasticsearch]\npassword_file = ['s3cret']\n",
        // What does not parse.
        "[elasticsearch]\npassword_file=s3cret\n",
        "http.token_file=\"s3cret\n",
        "[kafka.properties]\nsasl.password: s3cret\n",
        "s3cret\n",
        "s3cret=\n",
        "s3cret==\n",
        "\ns3cret[0]\nme:s3cret:1\n",
        // A secret that has slipped into the key.
        "[kafka.properties]\n\"sasl.password=s3cret\" = ''\n",
        "[kafka.properties]\n\"sasl.password s3cret\" = ''\n",
        "[kafka.properties]\n\"sasl.password: s3cret\" = 1\n",
        "[kafka.properties]\nsasl.password.s3cret = 1\n",
        "[elasticsearch]\n'password=s3cret' = 1\n",
        "[http]\n\"token s3cret\" = 1\n",
    ] {
        let text = wrong(toml);
        assert!(!text.contains("s3cret"), "{text}");
    }
    let sources = Sources::default().variable("TIDEGAUGE_HTTP__TOKEN", "s3cret");
    assert!(!told(&sources, Need::Nothing).contains("s3cret"));
    for (variable, key) in [
        (
            "TIDEGAUGE_KAFKA__PROPERTIES__SASL_PASSWRD",
            "kafka.properties.sasl.passwrd",
        ),
        (
            "TIDEGAUGE_ELASTICSEARCH__PASSWORT",
            "elasticsearch.passwort",
        ),
        (
            "TIDEGAUGE_ELASTICSEARCH__API_KEY_FILE",
            "elasticsearch.api_key_file",
        ),
        ("TIDEGAUGE_HTTP__TOKEN_FILE", "http.token_file"),
    ] {
        let sources = Sources::default().variable(variable, "s3cret");
        assert!(!told(&sources, Need::Nothing).contains("s3cret"));
        let sources = Sources::default().flag("--set", key, "s3cret");
        let text = told(&sources, Need::Nothing);
        assert!(text.contains(key) && !text.contains("s3cret"), "{text}");
    }
    for address in [
        "http://h:1/?apikey=s3cret",
        "http://me:s3cret@h:1",
        "me:s3cret@h",
    ] {
        let sources = Sources::default().flag("--set", "elasticsearch.url", address);
        assert!(!told(&sources, Need::Nothing).contains("s3cret"));
    }
}

#[test]
fn a_file_of_a_secret_that_every_user_can_write_is_refused() {
    for (mode, is_refused) in [
        (0o600, false),
        (0o640, false),
        (0o644, false),
        (0o606, true),
        (0o666, true),
    ] {
        let typed = Typed::new("");
        let path = typed.file("token", "correct horse\n");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        typed.file("t.toml", &format!("[http]\ntoken_file = {path:?}\n"));
        let loaded = Config::load(&typed.sources(), Need::Nothing);
        assert_eq!(loaded.is_err(), is_refused, "{mode:o}");
        if is_refused {
            let text = told(&typed.sources(), Need::Nothing);
            assert!(
                text.contains("http.token_file: every user can write"),
                "{text}"
            );
            assert!(text.contains("chmod 600"), "{text}");
        }
    }
}

#[test]
fn a_token_of_a_few_characters_is_refused() {
    let typed = Typed::new("");
    for (content, is_refused) in [("x", true), ("abc\n", true), ("tide", false)] {
        let path = typed.file("token", content);
        typed.file(
            "t.toml",
            &format!("[http]\nlisten = '0.0.0.0:80'\ntoken_file = {path:?}\n"),
        );
        let loaded = Config::load(&typed.sources(), Need::Nothing);
        assert_eq!(loaded.is_err(), is_refused, "{content}");
        if is_refused {
            let text = told(&typed.sources(), Need::Nothing);
            assert!(
                text.contains("fewer than 4 characters") && text.contains("openssl rand"),
                "{text}"
            );
            assert!(text.ends_with("the configuration has 1 problem"), "{text}");
        }
    }
}

#[test]
fn an_empty_secret_or_one_that_can_not_be_read_is_refused() {
    let typed = Typed::new("");
    for (content, words) in [(" \n", "is empty"), ("one\ntwo", "more than one line")] {
        let path = typed.file("secret", content);
        typed.file("t.toml", &format!("[http]\ntoken_file = {path:?}\n"));
        let text = told(&typed.sources(), Need::Nothing);
        assert!(
            text.contains("http.token_file: the file ") && text.contains(words),
            "{text}"
        );
    }
    refuses(
        "[http]\ntoken_file = '/nowhere/at/all'\n",
        "2:14",
        &["http.token_file", "/nowhere/at/all", "can't be read"],
    );
}

#[test]
fn an_unknown_key_names_its_place_and_the_closest_known_one() {
    let text = wrong("[kafka]\ntopic = \"t\"\nbrokerz = \"localhost:9092\"\n");
    assert_eq!(
        text,
        "t.toml:3:1: kafka.brokerz: there is no such key in [kafka]: did you mean \"brokers\"? (known here: brokers, \
         topic, group_id, start, properties)\n 3 | brokerz = \"localhost:9092\"\n   | ^^^^^^^\n\
         the configuration has 1 problem"
    );
    refuses("stat_dir = 'x'", "1:1", &["stat_dir", "\"state_dir\""]);
    refuses("[kafak]\n", "1:2", &["kafak", "\"kafka\""]);
    refuses("brokers = 'a:1'", "1:1", &["\"kafka.brokers\""]);
    refuses(
        "[kafka]\nsecurity.protocol = 'ssl'",
        "2:1",
        &["[kafka.properties]"],
    );
    refuses(
        "[[window]]\nname = 'a'\nsize = '1m'\nslid = '1m'\n",
        "4:1",
        &["window.slid", "\"slide\""],
    );
    refuses(
        "[elasticsearch.bulk]\nmax_action = 1\n",
        "2:1",
        &["\"max_actions\""],
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file() {
    let text = wrong(
        "time_zone = 'Asia/Shangai'\n[kafka]\nstart = 'newest'\nport = 1\n[event_time]\nmax_future = 5\n\
         [[window]]\nname = 'A'\nsize = '1m'\n[http]\nlisten = '0.0.0.0:80'\n",
    );
    let places: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("t.toml:"))
        .map(|line| line.split(':').nth(2).unwrap().trim())
        .collect();
    let expected = [
        "time_zone",
        "kafka.start",
        "kafka.port",
        "event_time.max_future",
        "window.name",
        "http.listen",
    ];
    assert_eq!(places, expected);
    assert!(text.ends_with("the configuration has 6 problems"), "{text}");
    assert!(
        text.contains("\"Asia/Shanghai\"")
            && text.contains("\"latest\"")
            && text.contains("\"5s\""),
        "{text}"
    );
}

#[test]
fn a_file_that_is_not_toml_names_each_line() {
    let text = wrong("a =\n[kafka]\nb = = 2\n");
    assert!(
        text.contains("t.toml:1:") && text.contains("t.toml:3:"),
        "{text}"
    );
    refuses("[http]\n[http]\n", "2:2", &["duplicate key"]);
}

#[test]
fn a_file_that_is_not_toml_is_told_once_and_shown_only_if_it_sets_something_of_ours() {
    let line =
        |number: u32| format!("user{number}:x:{number}:{number}::/home/user{number}:/bin/sh\n");
    let users: String = (0..31).map(line).collect();
    let told = wrong(&users);
    let expected = "t.toml:1:6: the file is not TOML: ";
    assert!(told.starts_with(expected), "{told}");
    assert!(told.contains("the configuration has 1 problem"), "{told}");
    for shown in ["user", "/bin/sh", "31"] {
        assert!(!told.contains(shown), "{told}");
    }
    let told = wrong("PIN=1234 5678\nexport A=b\n");
    assert!(told.starts_with("t.toml:1:"), "{told}");
    assert!(!told.contains("1234"), "{told}");
    // Of a configuration with a slip of the pen, the line helps.
    let told = wrong("state_dir = \"x\"\n[http]\nlisten = 1 2\n");
    let expected = "t.toml:3:10: the file is not TOML: ";
    assert!(told.starts_with(expected), "{told}");
    assert!(told.contains("listen = 1 2"), "{told}");
}

#[test]
fn a_file_that_can_not_be_read_is_named() {
    let text = told(&Sources::of_file("/nowhere/t.toml"), Need::Nothing);
    assert!(
        text.contains("can't be read") && text.contains("No such file"),
        "{text}"
    );
}

#[test]
fn the_wrong_kind_of_value_says_what_belongs_there() {
    refuses(
        "state_dir = 5",
        "1:13",
        &["state_dir", "an integer", "text in quotes"],
    );
    refuses("state_dir = ''", "1:13", &["needs a directory"]);
    refuses("kafka = 'x'", "1:9", &["[kafka]", "a section"]);
    refuses("[event_time]\nidle_after = 30", "2:14", &["\"30s\""]);
    refuses(
        "[event_time]\nidle_after = '1.5s'",
        "2:14",
        &["whole numbers"],
    );
    refuses(
        "[event_time]\nzero_windows = 'true'",
        "2:16",
        &["without quotes"],
    );
    refuses("[elasticsearch.bulk]\nmax_size = '5m'", "2:12", &["512kb"]);
    refuses(
        "[elasticsearch.bulk]\nmax_size = '0b'",
        "2:12",
        &["1b to 100mb"],
    );
    refuses(
        "[elasticsearch.bulk]\ninterval = '0s'",
        "2:12",
        &["above zero"],
    );
    refuses(
        "[elasticsearch.bulk]\nmax_actions = 0",
        "2:15",
        &["from 1 to"],
    );
    refuses(
        "[elasticsearch.bulk]\nmax_in_flight = '2'",
        "2:17",
        &["without quotes"],
    );
}

#[test]
fn kafka_is_checked_before_anything_connects() {
    refuses("[kafka]\nbrokers = 'a:1,,b'", "2:11", &["host:port"]);
    refuses("[kafka]\nbrokers = 'a:x'", "2:11", &["\"a:x\""]);
    refuses("[kafka]\ntopic = 'a b'", "2:9", &["1 to 249"]);
    refuses(
        "[kafka]\nstart = 'erliest'",
        "2:9",
        &["\"earliest\"", "RFC 3339"],
    );
    refuses(
        "[kafka.properties]\nsecurity.protocol = 'tls'",
        "2:1",
        &["kafka.properties.security.protocol"],
    );
    refuses(
        "[kafka.properties]\nfetch.mini.bytes = 1",
        "2:1",
        &["kafka.properties.fetch.mini.bytes"],
    );
    refuses(
        "[kafka.properties]\ngroup.id = 'x'",
        "2:1",
        &["kafka.group_id"],
    );
    refuses(
        "[kafka.properties]\n'auto.offset.reset' = 'latest'",
        "2:1",
        &["auto.offset.reset"],
    );
    for brokers in ["a", "a:1", "a:1, b:2", "[::1]:9092", "PLAINTEXT://a:1"] {
        valid(&format!("[kafka]\nbrokers = '{brokers}'"));
    }
}

#[test]
fn brokers_are_missing_only_where_they_are_needed() {
    let typed = Typed::new("[kafka]\ntopic = 't'\n");
    Config::load(&typed.sources(), Need::Nothing).unwrap();
    let text = told(&typed.sources(), Need::Brokers);
    assert!(text.starts_with("t.toml:1:1: kafka.brokers: "), "{text}");
    assert!(text.contains("TIDEGAUGE_KAFKA__BROKERS"), "{text}");
}

#[test]
fn windows_are_checked_one_by_one() {
    let window = |rest: &str| format!("[[window]]\nname = 'a'\nsize = '7m'\n{rest}\n");
    refuses(&window("slide = '1m'\nstep = '1m'"), "5:8", &["not both"]);
    refuses(&window("slide = '8m'"), "4:9", &["slide", "8m"]);
    refuses(&window("slide = '0s'"), "4:9", &["zero"]);
    refuses(&window("step = '2m'"), "4:8", &["divide"]);
    refuses(&window("offset = '7m'"), "4:10", &["offset"]);
    refuses(&window("offset = '-7m'"), "4:10", &["offset"]);
    refuses(&window("offset = '--1m'"), "4:10", &["not a valid offset"]);
    refuses(&window("slide = '-1m'"), "4:9", &["window.slide"]);
    refuses(
        &window("time_zone = 'Shanghai'"),
        "4:13",
        &["\"Asia/Shanghai\""],
    );
    refuses("[[window]]\nname = 'a'\n", "1:1", &["window.size"]);
    refuses("[[window]]\nsize = '1m'\n", "1:1", &["window.name"]);
    refuses("[[window]]\nname = 'a'\nsize = '0s'\n", "3:8", &["zero"]);
    refuses(
        "[[window]]\nname = 'a'\nsize = '36h'\ntime_zone = 'Asia/Shanghai'\n",
        "3:8",
        &["whole days"],
    );
    refuses(
        "[window]\nname = 'a'\nsize = '1m'\n",
        "1:1",
        &["[[window]]"],
    );
    refuses("window = []\n", "1:10", &["the default four"]);
    for name in [
        "",
        "A",
        "-a",
        "a_b",
        "a.b",
        "ä",
        "totals",
        "late",
        "rejects",
        "totals-g1",
    ] {
        refuses(
            &format!("[[window]]\nname = '{name}'\nsize = '1m'\n"),
            "2:8",
            &["window.name"],
        );
    }
    let twice = window("") + &window("");
    refuses(&twice, "6:8", &["named \"a\" already"]);
    valid("[[window]]\nname = 'totals-by-day'\nsize = '1d'\n");
}

#[test]
fn windows_that_are_too_many_to_keep_up_are_refused_with_their_number() {
    let window = |rest: &str| format!("[[window]]\nname = 'a'\n{rest}\n");
    let short = ["100ms or more", "is too short"];
    refuses(&window("size = '1ms'"), "3:8", &short);
    refuses(&window("size = '99ms'"), "3:8", &short);
    refuses(&window("size = '1m'\nslide = '10ms'"), "4:9", &short);
    refuses(&window("size = '1m'\nstep = '50ms'"), "4:8", &short);
    valid(&window("size = '100ms'"));
    valid(&window("size = '1s'\noffset = '500ms'"));
    valid(&window("size = '1500ms'"));
    // Every payment changes each window that holds it.
    for (rest, place, words) in [
        (
            "size = '7d'\nslide = '1s'",
            "4:9",
            "window.slide: every payment would be in 604,800 windows of \"a\", and change each: at most 100,000",
        ),
        (
            "size = '2d'\nstep = '1s'",
            "4:8",
            "window.step: every payment would be in 172,800 windows",
        ),
        (
            "size = '100001s'\nslide = '1s'",
            "4:9",
            "in 100,001 windows",
        ),
    ] {
        refuses(&window(rest), place, &[words]);
    }
    valid(&window("size = '100000s'\nslide = '1s'"));
    valid(&window("size = '7d'\nslide = '1m'"));
    valid(&window("size = '1d'\nstep = '1s'"));
    // All definitions together.
    let second = |seconds: u64| {
        let first = window("size = '50000s'\nslide = '1s'");
        format!("{first}[[window]]\nname = 'b'\nsize = '{seconds}s'\nslide = '1s'\n")
    };
    valid(&second(50_000));
    let words = "in 50,001 windows of \"b\", and 100,001 with all definitions";
    refuses(&second(50_001), "8:9", &[words]);
    // Where it is configured, whatever is wrong with others before it.
    let before = "[[window]]\nname = 'c'\nsize = '0s'\n".to_owned();
    let text = wrong(&(before + &window("size = '7d'\nslide = '1s'")));
    let told = "t.toml:7:9: window.slide: every payment would be in 604,800 windows";
    assert!(text.contains(told), "{text}");
}

#[test]
fn windows_whose_indexes_could_not_be_told_apart_are_refused_together() {
    let of = |names: &[&str]| -> String {
        let window = |name: &&str| format!("[[window]]\nname = '{name}'\nsize = '1m'\n");
        names.iter().map(window).collect()
    };
    for (names, place) in [
        (["1m", "1m-g1"], "5:8"),
        (["1m-g1", "1m"], "2:8"),
        (["1m", "1m-g12-late"], "5:8"),
        (["a-b", "a-b-g0"], "5:8"),
        (["1m-g1", "1m-g1-g2"], "5:8"),
    ] {
        refuses(&of(&names), place, &["window.name", "can't be told from"]);
    }
    for name in ["totals-g1", "late-g7-write", "rejects-g1-2026"] {
        refuses(&of(&[name]), "2:8", &["window.name", "can't be told from"]);
    }
    // Each of these has an index of its own in every generation.
    for names in [
        ["1m", "1m-g"],
        ["1m", "1m-gold"],
        ["1m", "1m-g1x"],
        ["1m", "1m-1"],
        ["1m-g1", "2m"],
        ["status", "current"],
    ] {
        valid(&of(&names));
    }
}

#[test]
fn a_slide_as_long_as_the_window_is_tumbling() {
    let config = valid("[[window]]\nname = 'a'\nsize = '1m'\nslide = '60s'\n");
    assert_eq!(
        config.event_time.settings.definitions[0].kind(),
        Kind::Tumbling
    );
}

#[test]
fn retention_must_reach_as_far_as_corrections() {
    let toml = |retention: &str| {
        format!(
            "[event_time]\nallowed_lateness = '1d'\nretention = '{retention}'\n[[window]]\nname = 'a'\nsize = '2h'\n"
        )
    };
    valid(&toml("1d2h"));
    refuses(
        &toml("1d1h59m59s999ms"),
        "3:13",
        &["retention", "1d2h at least"],
    );
    refuses(
        "[event_time]\nallowed_lateness = '40d'\n",
        "2:20",
        &["retention", "allowed_lateness"],
    );
}

#[test]
fn branches_have_names_of_their_own() {
    let config = valid("[branches]\n0 = 'North'\n7 = 'Branch_7'\n2147483647 = 'Last'\n");
    assert_eq!(config.branches.configured().count(), 3);
    refuses(
        "[branches]\n0 = 'a'\n1 = 'a'\n",
        "3:1",
        &["branches.1", "branch 0"],
    );
    refuses("[branches]\n2147483648 = 'a'\n", "2:1", &["2147483647"]);
    refuses("[branches]\n-1 = 'a'\n", "2:1", &["branches.-1"]);
    refuses("[branches]\n01 = 'a'\n", "2:1", &["branches.01"]);
    refuses("[branches]\n0 = ''\n", "2:1", &["empty"]);
    refuses("[branches]\n0 = 1\n", "2:1", &["in quotes"]);
    refuses("[branches]\n0 = '5'\n", "2:1", &["another branch"]);
    refuses("[branches]\n0 = 'Branch_5'\n", "2:1", &["branch 5"]);
    valid("[branches]\n0 = 'Branch_5'\n5 = 'Branch_0'\n");
}

#[test]
fn elasticsearch_is_checked_before_anything_is_written() {
    let section = |rest: &str| format!("[elasticsearch]\n{rest}\n");
    refuses(&section("url = 'es:9200'"), "2:7", &["http://host:port"]);
    refuses(&section("url = 'ftp://es'"), "2:7", &["http"]);
    for prefix in ["Pay", "_pay", "-p", "a b", "a/b", "a,b", "a*", "", ".."] {
        refuses(
            &section(&format!("index_prefix = '{prefix}'")),
            "2:16",
            &["small letters"],
        );
    }
    refuses(
        &section("legacy_totals = 'payments-totals'"),
        "2:17",
        &["payments-"],
    );
    refuses(
        &section("username = 'u'"),
        "2:12",
        &["password_file is missing"],
    );
    refuses(&section("ca_file = '/nowhere'"), "2:11", &["can't be read"]);
    let typed = Typed::new("");
    let key = typed.file("key", "k");
    let both = format!(
        "[elasticsearch]\napi_key_file = {key:?}\nusername = 'u'\npassword_file = {key:?}\n"
    );
    assert!(wrong(&both).contains("give either the key or the other two"));
}

#[test]
fn other_machines_are_let_in_only_with_a_token() {
    for listen in ["0.0.0.0:8080", "[::]:8080", "192.0.2.7:80"] {
        refuses(
            &format!("[http]\nlisten = '{listen}'\n"),
            "2:10",
            &["token_file", "127.0.0.1:"],
        );
    }
    refuses(
        "[http]\nlisten = 'localhost:8080'\n",
        "2:10",
        &["127.0.0.1:8080"],
    );
    refuses("[http]\nlisten = ':8080'\n", "2:10", &["0.0.0.0:8080"]);
    for listen in ["127.0.0.1:0", "127.9.9.9:80", "[::1]:80"] {
        valid(&format!("[http]\nlisten = '{listen}'\n"));
    }
}

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

#[test]
fn a_negative_offset_is_the_same_windows_and_the_same_rules_as_the_positive_one() {
    let day = |offset: &str, rest: &str| {
        valid(&format!(
            "[[window]]\nname = 'a'\nsize = '1d'\noffset = '{offset}'\n{rest}\n"
        ))
    };
    for rest in ["", "step = '1h'", "time_zone = 'Europe/Berlin'"] {
        let (back, forward) = (day("-8h", rest), day("16h", rest));
        assert_eq!(
            back.event_time.settings.definitions,
            forward.event_time.settings.definitions
        );
        assert_eq!(back.rules(), forward.rules());
        assert_eq!(back.to_toml(), forward.to_toml());
    }
    assert_eq!(day("-0s", "").rules(), day("0s", "").rules());
    let quarter = "[[window]]\nname = 'a'\nsize = '1h'\noffset = ";
    assert_eq!(
        valid(&format!("{quarter}'-15m'")).rules(),
        valid(&format!("{quarter}'45m'")).rules()
    );
}

#[test]
fn a_start_that_lacks_a_part_of_a_time_is_told_what_a_whole_one_looks_like() {
    for (start, whole) in [
        ("2026-11-20", "2026-11-20T00:00:00Z"),
        ("2026-11-20 08:15:00", "2026-11-20T08:15:00Z"),
        ("2026-11-20T08:15", "2026-11-20T08:15:00Z"),
        ("2026-02-30", "2026-11-01T00:00:00Z"),
        ("1793491200", "2026-11-01T00:00:00Z"),
    ] {
        let text = wrong(&format!("[kafka]\nstart = '{start}'\n"));
        assert!(text.contains(whole), "{text}");
        assert!(!text.contains("did you mean"), "{text}");
    }
    // As TOML has dates of its own.
    let text = wrong("[kafka]\nstart = 2026-11-20\n");
    assert!(text.contains("2026-11-20T00:00:00Z"), "{text}");
    refuses(
        "[kafka]\nstart = 'lastest'\n",
        "2:9",
        &["did you mean \"latest\""],
    );
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
