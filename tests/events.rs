//! A client that follows the event stream holds the figures that the routes give, whatever happens on the way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::lab::{Kafka, eventually, unique};
use crate::support::service::{Service, Setup};
use crate::support::topic::{START, paid, produce};

/// What a client has been told: totals by branch, windows with payments by definition, start, end and
/// branch. Windows without payments are not told of.
#[derive(Default, PartialEq, Debug)]
struct Held(BTreeMap<String, Value>);

impl Held {
    fn take_in(&mut self, event: &str, value: Value) {
        if event == "window" && value["pay_count"] == 0 {
            return;
        }
        let text = |key: &str| value[key].to_string();
        let key = match event {
            "total" => text("branch_id"),
            "window" => ["window", "window_start", "window_end", "branch_id"]
                .map(text)
                .join(" "),
            _ => return,
        };
        self.0.insert(key, value);
    }

    /// All that the routes give.
    fn of(service: &Service) -> Self {
        let mut held = Self::default();
        for total in service.ask("totals")["totals"].as_array().unwrap() {
            held.take_in("total", total.clone());
        }
        for name in ["1m", "10m-by-1m", "1h", "day"] {
            for window in service.ask_all(&format!("windows/{name}"), 5_000) {
                held.take_in("window", window);
            }
        }
        held
    }
}

/// One connection to the stream.
struct Stream {
    lines: BufReader<TcpStream>,
    id: Option<String>,
}

impl Stream {
    fn open(service: &Service, id: Option<&str>) -> Self {
        let address = service.url().strip_prefix("http://").unwrap();
        let mut socket = TcpStream::connect(address).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let id_line = id.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        // An answer without chunks is simpler to read.
        let request = format!("GET /api/v1/events HTTP/1.0\r\nHost: localhost\r\n{id_line}\r\n");
        socket.write_all(request.as_bytes()).unwrap();
        let mut lines = BufReader::new(socket);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.contains(" 200 "), "{line}");
        while line != "\r\n" {
            line.clear();
            lines.read_line(&mut line).unwrap();
        }
        Self {
            lines,
            id: id.map(str::to_owned),
        }
    }

    /// Takes in events up to the next reading, and gives it; `None` at the end of the stream.
    fn follow(&mut self, held: &mut Held) -> Option<Value> {
        let (mut event, mut data, mut id) = (String::new(), String::new(), None);
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("event", given)) => given.clone_into(&mut event),
                Some(("data", given)) => given.clone_into(&mut data),
                Some(("id", given)) => id = Some(given.to_owned()),
                _ if line == "\n" && !data.is_empty() => {
                    let value: Value = serde_json::from_str(&data).unwrap();
                    data.clear();
                    if id.is_some() {
                        self.id.clone_from(&id);
                    }
                    match event.as_str() {
                        "reading" => return Some(value["reading"].clone()),
                        "reset" => *held = Held::default(),
                        _ => held.take_in(&event, value),
                    }
                }
                _ => {}
            }
        }
    }

    /// Follows until the stream says that so many records are in.
    fn follow_to(&mut self, records: u64, held: &mut Held) {
        loop {
            let reading = self.follow(held).expect("the stream continues");
            let positions = reading["positions"].as_object().unwrap().values();
            if positions.filter_map(Value::as_u64).sum::<u64>() == records {
                return;
            }
        }
    }
}

#[test]
fn a_follower_holds_what_the_routes_give_across_broken_lines() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("events");
    kafka.create_topic(&topic, 3);
    let setup = Setup::of(kafka, &topic);
    let service = setup.serve();
    let mut held = Held::default();
    let mut stream = Stream::open(&service, None);
    stream.follow(&mut held).unwrap();

    let some = |count: &str, start: &str| {
        produce(
            &setup,
            &[
                "--count",
                count,
                "--start",
                start,
                "--per-second",
                "20",
                "--disorder",
                "4s",
                "--late-fraction",
                "0.05",
                "--bad-fraction",
                "0.01",
            ],
        );
    };
    some("3000", "2026-11-01T00:00:00Z");
    stream.follow_to(3_000, &mut held);
    assert_eq!(held, Held::of(&service));

    // The client is away for a while; then it resumes where it was.
    let id = stream.id.clone();
    drop(stream);
    some("2000", "2026-11-01T00:02:30Z");
    service.await_consumed(5_000);
    let mut stream = Stream::open(&service, id.as_deref());
    stream.follow_to(5_000, &mut held);
    assert_eq!(held, Held::of(&service));
}

/// A copy of a state that no service works on.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn an_id_given_before_a_backup_was_restored_makes_the_follower_load_everything() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("events-backup");
    kafka.create_topic(&topic, 1);
    let setup = Setup::of(kafka, &topic);
    let pay = |seconds: std::ops::Range<i64>| {
        kafka.send(
            &topic,
            seconds.map(|second| paid(0, START + second * 1_000, "1", 1)),
        );
    };
    let service = setup.serve();
    pay(0..1);
    service.await_consumed(1);
    assert!(service.stop(Duration::from_secs(60)).status.success());
    copy(&setup.path("state"), &setup.path("backup"));

    // What a follower was told of the life that is lost.
    let service = setup.serve();
    let mut held = Held::default();
    let mut stream = Stream::open(&service, None);
    pay(1..2);
    stream.follow_to(2, &mut held);
    let id = stream.id.clone().unwrap();
    assert!(id.parse::<u64>().unwrap() < 1 << 53, "{id}");
    drop(stream);
    service.kill();
    fs::remove_dir_all(setup.path("state")).unwrap();
    copy(&setup.path("backup"), &setup.path("state"));

    // As many checkpoints and more: their numbers were there before.
    let service = setup.serve();
    for second in 2..12 {
        pay(second..second + 1);
        service.await_consumed(second.cast_unsigned() + 1);
    }
    let mut held = Held::default();
    held.0.insert("held before".into(), Value::Null);
    let mut stream = Stream::open(&service, Some(&id));
    stream.follow(&mut held).unwrap();
    // It was told to forget what it held.
    assert!(
        !held.0.contains_key("held before"),
        "{:?}",
        held.0.keys().collect::<Vec<_>>()
    );
}

#[test]
fn streams_end_at_once_when_the_service_stops() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("events-stop");
    kafka.create_topic(&topic, 1);
    let setup = Setup::of(kafka, &topic);
    let service = setup.serve();
    let mut held = Held::default();
    let mut stream = Stream::open(&service, None);
    stream.follow(&mut held).unwrap();
    let outcome = service.stop(Duration::from_secs(60));
    assert_eq!(outcome.status.code(), Some(0));
    assert!(!outcome.stderr.contains("cut off"), "{}", outcome.stderr);
    // The first checkpoint may have been told of meanwhile, as a whole.
    let mut rest = String::new();
    stream.lines.read_to_string(&mut rest).unwrap();
    assert!(rest.is_empty() || rest.ends_with("\n\n"), "{rest}");
}

#[test]
fn a_producer_reads_its_own_payments() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("waiting");
    kafka.create_topic(&topic, 1);
    let setup = Setup::of(kafka, &topic);
    let service = setup.serve();
    eventually("the partition", || {
        (service.ask("windows")["partitions"][0]["partition"] == 0).then_some(())
    });
    for sent in 1..=3_u64 {
        produce(
            &setup,
            &["--count", "100", "--start", "2026-11-01T00:00:00Z"],
        );
        let ledger = service.ask(&format!("ledger?min_position=0:{}&timeout=30s", sent * 100));
        assert_eq!(ledger["consumed"], sent * 100);
    }
}
