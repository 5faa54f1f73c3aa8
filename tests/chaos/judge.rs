//! Reads the topic with a client of its own, computes what the figures must be, and holds everything against that.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::servers::Servers;
use crate::support::compare::Figures;
use crate::support::oracle::{Truth, truth};
use crate::support::service::{Service, legacy_totals};
use crate::support::topic::committed_records;

/// So long it may take until all documents are there: lost indexes are looked for once a minute.
const PATIENCE: Duration = Duration::from_secs(150);

/// Holds a service that is left alone against the topic, and Elasticsearch against the service. Gives what the topic
/// says. The fields `but` of documents are not looked at.
#[track_caller]
pub fn judge(service: &Service, servers: &Servers, topic: &str, but: &[&str]) -> Truth {
    let truth = truth(&committed_records(&servers.kafka, topic));
    await_all(service, "records", || {
        let consumed = service.consumed();
        assert!(
            consumed <= truth.consumed,
            "{consumed} records consumed, and there are only {}",
            truth.consumed
        );
        consumed == truth.consumed
    });
    service.await_idle();
    await_documents(service, servers, topic, but).assert_true(&truth);
    truth
}

/// The topic was recreated: the service halts, and shows what it had read of the one before.
#[track_caller]
pub fn judge_halted(
    service: &Service,
    servers: &Servers,
    topic: &str,
    but: &[&str],
    truth: &Truth,
) {
    await_all(service, "the halt", || service.part("source").0 == "failed");
    let (_, reason) = service.part("source");
    assert!(reason.contains("deleted and recreated"), "{reason}");
    await_documents(service, servers, topic, but).assert_true(truth);
}

/// Waits until nothing awaits delivery and Elasticsearch holds the documents of all figures and no others, and gives the
/// figures.
#[track_caller]
fn await_documents(service: &Service, servers: &Servers, prefix: &str, but: &[&str]) -> Figures {
    await_all(service, "deliveries", || {
        service.ask("status")["dirty_documents"] == 0
    });
    let figures = Figures::ask(service);
    let begun = Instant::now();
    loop {
        let differences =
            figures.undocumented(&servers.elastic, prefix, &legacy_totals(prefix), but);
        if differences.is_none() {
            return figures;
        }
        if begun.elapsed() > PATIENCE {
            eprintln!("{}", service.ask("status"));
            differences.assert_none();
        }
        sleep(Duration::from_millis(200));
    }
}

#[track_caller]
fn await_all(service: &Service, what: &str, is_done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_done() {
        assert!(
            begun.elapsed() < PATIENCE,
            "these never came: {what}: {}",
            service.ask("status")
        );
        sleep(Duration::from_millis(20));
    }
}
