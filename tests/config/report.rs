//! One report names everything that is wrong in a file, each with its place.

use tidegauge::config::{Need, Sources};

use super::{refuses, told, wrong};

#[test]
fn an_unknown_key_names_its_place_and_the_closest_known_one() {
    let text = wrong("[kafka]\ntopic = \"t\"\nbrokerz = \"localhost:9092\"\n");
    assert_eq!(
        text,
        "t.toml:3:1: kafka.brokerz: there is no such key in [kafka]: did you mean \"brokers\"? (known here: brokers, \
         topic, group_id, start, reader, appliers, properties)\n 3 | brokerz = \"localhost:9092\"\n   | ^^^^^^^\n\
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
        "[event_time]\nallowed_lateness = '-1d'",
        "2:20",
        &["without a sign"],
    );
    refuses(
        "[event_time]\nzero_windows = 'true'",
        "2:16",
        &["without quotes"],
    );
    refuses(
        "[elasticsearch]\ngive_up_after = '10m'",
        "2:17",
        &["1h at least"],
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
        "[kafka]\nappliers = 0",
        "2:12",
        &["0 is not known", "from 1 to 64", "\"auto\""],
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
