//! One topic, one state and one prefix of indexes: attacked, left alone, and judged.

mod attacks;
mod commands;
#[cfg(feature = "simulation")]
mod crashes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use self::attacks::PassingFault;
use self::commands::RunningCommand;
use super::attack::Deck;
use super::judge::{judge, judge_halted};
use super::producer::Producer;
use super::servers::{Server, Servers};
use super::supervisor::{Supervisor, kill_command};
use super::timeline::Timeline;
use crate::support::lab::{Fault, http, unique};
use crate::support::oracle::Truth;
use crate::support::service::{Setup, legacy_totals};
use crate::support::topic::committed_records;

const PARTITIONS: i32 = 2;
const PARTITIONS_MAX: i32 = 6;

/// How often what is under way is looked at.
const LOOK: Duration = Duration::from_millis(5);
const LOOK_AT_FIGURES: Duration = Duration::from_millis(50);

/// A minute that everything must be over in.
const MINUTE: Duration = Duration::from_secs(60);

/// How long a request is waited for that is to be the last one of a service.
const MOMENT: Duration = Duration::from_secs(3);

/// A service from its first record on.
pub struct Life<'a> {
    pub servers: &'a mut Servers,
    pub setup: Setup,
    pub name: String,
    pub timeline: Arc<Timeline>,
    pub supervisor: Supervisor,
    pub producer: Producer,
    partitions: i32,
    faults: Vec<PassingFault>,
    commands: Vec<RunningCommand>,
    numbered: u32,
    /// Whether another instance may have written documents: how they came about is its story then.
    had_second: bool,
    /// The most records that a reader has seen in each generation, and when one looked last.
    consumed: BTreeMap<u64, u64>,
    looked: Instant,
}

impl<'a> Life<'a> {
    pub fn begin(servers: &'a mut Servers, seed: u64, timeline: &Arc<Timeline>) -> Self {
        let name = unique("chaos");
        let timeline = Arc::clone(timeline);
        timeline.note(format!("a life begins: {name}"));
        servers.kafka.create_topic(&name, PARTITIONS);
        let brokers = format!("127.0.0.1:{}", servers.network(Server::Kafka).port());
        let url = servers.network(Server::Elasticsearch).url();
        let setup = Setup::new(&brokers, &name)
            .with("elasticsearch", "url", &format!("{url:?}"))
            .with("elasticsearch", "index_prefix", &format!("{name:?}"))
            .with(
                "elasticsearch",
                "legacy_totals",
                &format!("{:?}", legacy_totals(&name)),
            )
            .with("event_time", "idle_after", "\"200ms\"");
        let producer = Producer::new(
            servers.kafka.client(),
            &name,
            PARTITIONS,
            seed,
            Arc::clone(&timeline),
        );
        let mut supervisor = Supervisor::new(Arc::clone(&timeline));
        supervisor.start(&setup);
        Self {
            servers,
            setup,
            name,
            supervisor,
            timeline,
            producer,
            partitions: PARTITIONS,
            faults: Vec::new(),
            commands: Vec::new(),
            numbered: 0,
            had_second: false,
            consumed: BTreeMap::new(),
            looked: Instant::now(),
        }
    }

    /// Attacks so many times while payments come, and judges.
    #[track_caller]
    pub fn phase(&mut self, deck: &mut Deck, attacks: usize) {
        self.producer.resume();
        self.attack_often(deck, attacks);
        self.judge();
    }

    #[track_caller]
    fn attack_often(&mut self, deck: &mut Deck, attacks: usize) {
        for _ in 0..attacks {
            let (attack, pause) = deck.draw();
            self.timeline.note(format!("{attack:?}"));
            self.attack(&attack);
            self.pass(pause);
        }
    }

    /// Waits until records are applied, and judges.
    #[track_caller]
    pub fn read_some(&mut self) {
        let until = Instant::now() + MINUTE;
        self.producer.resume();
        while self.consumed.values().all(|consumed| *consumed == 0) {
            assert!(Instant::now() < until, "no record is applied");
            self.pass(LOOK);
        }
        self.judge();
    }

    /// Ends all faults, leaves the service to finish, and judges. Gives what the topic says.
    #[track_caller]
    pub fn judge(&mut self) -> Truth {
        self.end_faults();
        self.producer.pause();
        self.finish_commands();
        let service = self.supervisor.take(&self.setup);
        let truth = judge(&service, self.servers, &self.name, self.but());
        assert_no_panic(&service.log());
        self.supervisor.give_back(service);
        self.timeline.note(format!(
            "{} records are judged after {} kills",
            truth.consumed, self.supervisor.kills
        ));
        truth
    }

    /// Deletes the topic and creates it again, with more records than it had, and attacks.
    #[track_caller]
    pub fn recreate_topic(&mut self, deck: &mut Deck, attacks: usize) {
        let truth = self.judge();
        let number = self.partitions + 1;
        self.servers.kafka.delete_topic(&self.name);
        self.timeline.note("the topic is deleted");
        // Nothing reads it until it is there again: who does is told so, and ends.
        self.supervisor.disturb(true);
        self.servers.kafka.create_topic(&self.name, number);
        self.timeline.note("the topic is created again");
        self.producer.spread(number);
        self.producer.resume();
        self.attack_often(deck, attacks);
        self.end_faults();
        self.producer.pause();
        let new = committed_records(&self.servers.kafka, &self.name).len();
        assert!(new > 0, "the new topic has no records");
        let service = self.supervisor.take(&self.setup);
        judge_halted(&service, self.servers, &self.name, self.but(), &truth);
        self.supervisor.give_back(service);
        self.timeline
            .note(format!("none of {new} records is applied"));
    }

    /// Templates, mappings, indexes and aliases are as they should be, whatever was done to them.
    #[track_caller]
    fn await_indexes(&mut self) {
        let until = Instant::now() + MINUTE;
        loop {
            self.look();
            let verified = self.setup.run(&["index", "verify"]);
            if verified.status.success() {
                return;
            }
            assert!(Instant::now() < until, "{}", verified.stdout);
            sleep(Duration::from_millis(500));
        }
    }

    /// The fields of documents that two instances may disagree about: of equal figures the last sent stay.
    fn but(&self) -> &'static [&'static str] {
        if self.had_second {
            &["revision", "closed_by"]
        } else {
            &[]
        }
    }

    #[track_caller]
    fn end_faults(&mut self) {
        self.timeline.note("all faults end");
        for fault in std::mem::take(&mut self.faults) {
            self.lift(fault.kind);
        }
        for server in [Server::Kafka, Server::Elasticsearch] {
            self.servers.network(server).forget();
        }
        self.supervisor.disturb(false);
        // A service that has failed at the last moment says so, and ends.
        self.pass(Duration::from_millis(500));
    }

    /// Lets time pass, and does what is due.
    #[track_caller]
    pub fn pass(&mut self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            self.look();
            if Instant::now() >= until {
                return;
            }
            sleep(LOOK);
        }
    }

    /// Lets time pass until something is so, or for a few seconds.
    #[track_caller]
    fn pass_until(&mut self, is_so: impl Fn(&Self) -> bool) {
        let until = Instant::now() + MOMENT;
        while !is_so(self) && Instant::now() < until {
            self.look();
            sleep(LOOK);
        }
    }

    #[track_caller]
    fn look(&mut self) {
        let now = Instant::now();
        let (over, faults) = std::mem::take(&mut self.faults)
            .into_iter()
            .partition::<Vec<_>, _>(|fault| fault.until <= now);
        self.faults = faults;
        for fault in over {
            self.lift(fault.kind);
        }
        self.supervisor.disturb(!self.faults.is_empty());
        self.supervisor.tend(&self.setup);
        self.watch_figures();
        for at in (0..self.commands.len()).rev() {
            let command = &mut self.commands[at];
            if command.killed_at.is_some_and(|at| at <= now) {
                kill_command(&command.process);
            }
            if !command.process.is_running() {
                let command = self.commands.remove(at);
                self.ended(command);
            }
        }
    }

    /// Whoever reads sees nothing of a generation go back, whatever happens to the service: what it shows it has written.
    #[track_caller]
    fn watch_figures(&mut self) {
        if self.looked.elapsed() < LOOK_AT_FIGURES {
            return;
        }
        self.looked = Instant::now();
        let Some(url) = self.supervisor.address() else {
            return;
        };
        // It may end before it answers.
        let answer = http::try_send(Method::GET, &format!("{url}/api/v1/ledger"), None);
        if let Ok(answer) = answer.map(|answer| answer.text)
            && let Ok(ledger) = serde_json::from_str::<Value>(&answer)
            && let Some(consumed) = ledger["consumed"].as_u64()
            && let Some(generation) = ledger["reading"]["generation"].as_u64()
        {
            let before = self.consumed.insert(generation, consumed);
            let before = before.unwrap_or_default();
            assert!(
                consumed >= before,
                "a reader saw {before} records, and then {consumed}: {answer}"
            );
            assert_eq!(ledger["balanced"], true, "{answer}");
        }
    }

    /// Starts the service once more, has it put everything in place, and takes along all that this life has made. Gives how
    /// often it was killed.
    #[track_caller]
    pub fn end(mut self) -> u64 {
        self.supervisor.terminate(&self.setup);
        self.await_indexes();
        self.supervisor.end();
        let elastic = &self.servers.elastic;
        let listed = elastic.get(&format!("/_cat/indices/{}-*?h=index", self.name));
        for index in listed.text.lines() {
            elastic.delete(&format!("/{}", index.trim()));
        }
        elastic.delete(&format!("/_index_template/{}-*", self.name));
        self.servers.kafka.delete_topic(&self.name);
        self.supervisor.kills
    }
}

impl Drop for Life<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.timeline.print();
        }
        for server in [Server::Kafka, Server::Elasticsearch] {
            self.servers.network(server).set(Fault::None);
        }
    }
}

#[track_caller]
fn assert_no_panic(log: &str) {
    assert!(!log.contains("panicked"), "it panicked: {log}");
}
