//! SIGTERM ends the service with exit code 0 within 25 s, whatever server is away.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::support::lab::{Kafka, Message, eventually, free_port, unique};
use crate::support::service::{Outcome, Setup};
use crate::support::topic::{START, paid};

/// The service stops itself within 25 s. What is more is for a machine that has a lot to do.
const PATIENCE: Duration = Duration::from_secs(30);

#[track_caller]
fn is_clean(outcome: &Outcome) {
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.stderr);
}

fn topic(kafka: &Kafka, prefix: &str) -> String {
    let name = unique(prefix);
    kafka.create_topic(&name, 2);
    let payments: Vec<Message> = (0..200)
        .map(|n| paid(n % 2, START + i64::from(n) * 1_000, "1.5", 3))
        .collect();
    kafka.send(&name, payments);
    name
}

#[test]
fn it_stops_in_the_middle_of_its_start_while_no_broker_answers() {
    let setup = Setup::new(&format!("127.0.0.1:{}", free_port()), "payment_msg");
    let process = setup.start();
    eventually("the start", || setup.path("state").exists().then_some(()));
    process.terminate();
    is_clean(&process.wait(PATIENCE));
}

#[test]
fn it_stops_while_a_broker_takes_connections_and_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let setup = Setup::new(&silent.local_addr().unwrap().to_string(), "payment_msg");
    let process = setup.start();
    let held = silent.accept().unwrap();
    process.terminate();
    is_clean(&process.wait(PATIENCE));
    drop(held);
}

#[test]
fn it_stops_while_elasticsearch_is_not_there() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = topic(kafka, "nosink");
    let url = format!("\"http://127.0.0.1:{}\"", free_port());
    let setup = Setup::of(kafka, &name).with("elasticsearch", "url", &url);
    let service = setup.serve();
    service.await_consumed(200);
    is_clean(&service.stop(PATIENCE));
}

#[test]
fn it_stops_while_elasticsearch_takes_requests_and_answers_none() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = topic(kafka, "deafsink");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("\"http://{}\"", silent.local_addr().unwrap());
    let setup = Setup::of(kafka, &name).with("elasticsearch", "url", &url);
    let service = setup.serve();
    let (mut held, _) = silent.accept().unwrap();
    let mut head = [0; 16];
    held.read_exact(&mut head).unwrap();
    service.await_consumed(200);
    is_clean(&service.stop(PATIENCE));
}

#[test]
fn it_stops_while_kafka_is_gone() {
    let Some(mut kafka) = Kafka::own() else {
        return;
    };
    let name = topic(&kafka, "gone");
    let setup = Setup::of(&kafka, &name);
    let service = setup.serve();
    service.await_consumed(200);
    kafka.kill();
    eventually("the loss of Kafka", || {
        (service.part("source").0 == "degraded").then_some(())
    });
    is_clean(&service.stop(PATIENCE));
}

#[test]
fn it_stops_while_clients_send_and_take_nothing() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = topic(kafka, "slow");
    let setup = Setup::of(kafka, &name);
    let service = setup.serve();
    service.await_consumed(200);
    let address = service.url().trim_start_matches("http://").to_owned();
    // One has said nothing, one half of its question; one takes nothing of many answers.
    let silent = TcpStream::connect(&address).unwrap();
    let mut half = TcpStream::connect(&address).unwrap();
    half.write_all(b"GET /api/v1/totals HTTP/1.1\r\nHost:")
        .unwrap();
    let mut greedy = TcpStream::connect(&address).unwrap();
    greedy
        .set_write_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let question = b"GET /api/v1/windows/1m HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut asked = 0;
    // Until neither side takes any more.
    while asked < 20_000 && greedy.write_all(question).is_ok() {
        asked += 1;
    }
    is_clean(&service.stop(PATIENCE));
    drop((silent, half, greedy));
}

#[test]
fn a_signal_that_comes_twice_at_once_is_one() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = topic(kafka, "at-once");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("\"http://{}\"", silent.local_addr().unwrap());
    let setup = Setup::of(kafka, &name).with("elasticsearch", "url", &url);
    let process = setup.serve().into_process();
    // As `timeout` does: the process, then its group. The last delivery takes longer than both.
    let (mut held, _) = silent.accept().unwrap();
    held.read_exact(&mut [0; 16]).unwrap();
    process.terminate();
    process.terminate();
    let outcome = process.wait(PATIENCE);
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("second signal"));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = topic(kafka, "twice");
    // The threads of the state have something to do when the end comes.
    let payments = (0..200_000).map(|n| paid(n % 2, START + i64::from(n) * 1_000, "1.5", 3));
    kafka.send(&name, payments);
    for _ in 0..6 {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("\"http://{}\"", silent.local_addr().unwrap());
        let setup = Setup::of(kafka, &name).with("elasticsearch", "url", &url);
        let mut process = setup.serve().into_process();
        let (mut held, _) = silent.accept().unwrap();
        held.read_exact(&mut [0; 16]).unwrap();
        process.terminate();
        // The first is waited for: the last delivery takes 10 s.
        eventually("the stop", || {
            process.log().contains("stopping").then_some(())
        });
        // One that comes at once is the same: `timeout` signals the process and then its group.
        std::thread::sleep(Duration::from_millis(150));
        assert!(process.is_running(), "{}", process.log());
        process.terminate();
        let outcome = process.wait(Duration::from_secs(5));
        let (code, said) = (outcome.status.code(), outcome.stderr);
        assert_eq!(code, Some(1), "{said}");
        let last = said.lines().last().unwrap();
        assert!(
            last.contains("stopped at once by a second signal"),
            "{said}"
        );
    }
}
