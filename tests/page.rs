//! The live page, in a real browser against the real service.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::support::lab::{Kafka, Message, Toolbox, succeed, unique};
use crate::support::service::{Setup, quoted};
use crate::support::topic::{START, paid, produce};

/// A record that would be a script if anybody took it for markup.
const HOSTILE: &str = "<script>smuggled = 1</script><img src=x onerror=\"smuggled = 1\">";

/// A payment whose day begins, in the default zone of the days, before the year 1.
const ANCIENT: &str = r#"{"createTime":"0001-01-01 00:00:00","payAmount":7.25,"branchId":3}"#;

/// Two hours of payments with everything else in them.
const HISTORY: [&str; 18] = [
    "--start",
    "2026-11-01T00:00:00Z",
    "--count",
    "7200",
    "--per-second",
    "1",
    "--disorder",
    "4s",
    "--late-fraction",
    "0.02",
    "--too-late-fraction",
    "0.002",
    "--duplicate-fraction",
    "0.01",
    "--bad-fraction",
    "0.005",
    "--future-fraction",
    "0.002",
];

/// A script of `tests/page`, with the browser and the binary that it needs.
fn script(web: &Toolbox, name: &str) -> Command {
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    fs::create_dir_all(&pictures).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page");
    let mut command = web.node(folder.join(name));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIDEGAUGE_") {
            command.env_remove(name);
        }
    }
    command
        .env("TIDEGAUGE", env!("CARGO_BIN_EXE_tidegauge"))
        .env("PICTURES", pictures);
    command
}

/// A service whose topic holds [`HISTORY`]; before it in partition 0 a payment whose day begins
/// before the year 1, and after it a hostile record. Gives the topic, and how many records there are.
fn with_history(kafka: &Kafka) -> (Setup, String, i64) {
    let topic = unique("page");
    let setup = Setup::of(kafka, &topic);
    kafka.create_topic(&topic, 3);
    let send = |payload: &str| {
        let message = Message {
            partition: 0,
            timestamp: 1_793_500_000_000,
            payload: Some(payload.as_bytes().to_vec()),
            ..Message::default()
        };
        kafka.send(&topic, [message]);
    };
    send(ANCIENT);
    produce(&setup, &HISTORY);
    send(HOSTILE);
    let records = kafka.ends(&topic).values().sum();
    (setup, topic, records)
}

fn run_with_history(name: &str) {
    let (Some(web), Some(kafka)) = (Toolbox::web(), Kafka::shared()) else {
        return;
    };
    let (setup, _, records) = with_history(kafka);
    succeed(
        script(&web, name)
            .env("CONFIG", setup.config())
            .env("CONSUMED", records.to_string())
            .env("HOSTILE", HOSTILE),
    );
}

#[test]
fn the_page_shows_what_the_service_answers_to_the_last_digit_and_markup_as_text() {
    let (Some(web), Some(kafka)) = (Toolbox::web(), Kafka::shared()) else {
        return;
    };
    let (setup, topic, records) = with_history(kafka);
    // At the end of the input the hours before the last one are final; one of them is revised.
    setup.serve_until_end();
    kafka.send(&topic, [paid(1, START + 30 * 60_000, "7.25", 3)]);
    succeed(
        script(&web, "exact.mjs")
            .env("CONFIG", setup.config())
            .env("CONSUMED", (records + 1).to_string())
            .env("REVISED", "2026-11-01T00:00:00Z Branch_3")
            .env("HOSTILE", HOSTILE),
    );
}

#[test]
fn it_fits_and_is_readable_for_all_on_a_desk_and_in_a_hand_by_day_and_by_night() {
    run_with_history("faces.mjs");
}

#[test]
fn everything_on_the_page_is_reached_and_works_by_keyboard() {
    run_with_history("keyboard.mjs");
}

#[test]
fn its_figures_move_and_a_service_that_dies_and_comes_back_is_told_and_taken_up() {
    let Some(web) = Toolbox::web() else { return };
    succeed(&mut script(&web, "live.mjs"));
}

#[test]
fn final_windows_without_payments_are_zero_on_the_page_as_over_http() {
    let (Some(web), Some(kafka)) = (Toolbox::web(), Kafka::shared()) else {
        return;
    };
    let topic = unique("page-zeros");
    kafka.create_topic(&topic, 2);
    let pay = |branch| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = i64::try_from(now.as_millis()).unwrap();
        kafka.send(
            &topic,
            (0..2).map(|partition| paid(partition, now, "2.5", branch)),
        );
    };
    let setup = Setup::of(kafka, &topic)
        .with("", "window", "[{ name = \"2s\", size = \"2s\" }]")
        .with("event_time", "out_of_orderness", "\"500ms\"");
    // One branch pays once. The other pays all the time, but for a pause that the script asks for.
    let (pause, done) = (setup.path("pause"), setup.path("done"));
    pay(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut paused = false;
            for _ in 0..600 {
                if done.exists() {
                    break;
                }
                if !paused && pause.exists() {
                    paused = true;
                    thread::sleep(Duration::from_secs(9));
                }
                pay(1);
                thread::sleep(Duration::from_millis(200));
            }
        });
        succeed(
            script(&web, "zeros.mjs")
                .env("CONFIG", setup.config())
                .env("PAUSE", &pause)
                .env("DONE", &done),
        );
    });
}

#[test]
fn branches_that_are_texts_are_shown_and_chosen_whatever_they_are_called() {
    let (Some(web), Some(kafka)) = (Toolbox::web(), Kafka::shared()) else {
        return;
    };
    let topic = unique("page-texts");
    kafka.create_topic(&topic, 1);
    // Integers, then texts: one with the name of another branch, words that the page uses itself, and markup.
    let branches = [
        ("1", "Mitte"),
        ("7", "Branch_7"),
        (HOSTILE, HOSTILE),
        ("Mitte", "Branch_Mitte"),
        ("all", "all"),
        ("legend", "legend"),
    ];
    for (at, (branch, _)) in (0..).zip(branches) {
        let payload =
            json!({ "createTime": START + at * 60_000, "payAmount": 1, "branchId": branch });
        let message = Message {
            partition: 0,
            timestamp: START,
            payload: Some(payload.to_string().into_bytes()),
            ..Message::default()
        };
        kafka.send(&topic, [message]);
    }
    let setup = Setup::of(kafka, &topic)
        .with("payment", "branch_type", "\"any\"")
        .with("branches", "1", "\"Mitte\"");
    let names = json!(branches.map(|(_, name)| name));
    succeed(
        script(&web, "texts.mjs")
            .env("CONFIG", setup.config())
            .env("CONSUMED", branches.len().to_string())
            .env("NAMES", names.to_string())
            .env("CHOSEN", "Branch_Mitte"),
    );
}

#[test]
fn loading_empty_failed_and_troubled_states_say_what_they_are() {
    let (Some(web), Some(kafka)) = (Toolbox::web(), Kafka::shared()) else {
        return;
    };
    let topic = unique("page-empty");
    kafka.create_topic(&topic, 2);
    let setup = Setup::of(kafka, &topic).with("elasticsearch", "url", "\"http://127.0.0.1:1\"");
    succeed(script(&web, "states.mjs").env("CONFIG", setup.config()));
}

#[test]
fn with_a_token_the_page_asks_for_it_and_keeps_it_in_the_tab() {
    let (Some(web), Some(kafka)) = (Toolbox::web(), Kafka::shared()) else {
        return;
    };
    let topic = unique("page-token");
    kafka.create_topic(&topic, 1);
    let mut setup = Setup::of(kafka, &topic);
    let token = setup.path("token");
    fs::write(&token, "correct horse battery\n").unwrap();
    setup.set("http", "token_file", &quoted(token.to_str().unwrap()));
    succeed(
        script(&web, "token.mjs")
            .env("CONFIG", setup.config())
            .env("TOKEN", "correct horse battery"),
    );
}

#[test]
fn its_stream_is_read_wherever_it_is_cut_and_its_decimals_are_exact() {
    let Some(web) = Toolbox::web() else { return };
    succeed(&mut script(&web, "modules.mjs"));
}
