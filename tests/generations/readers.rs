//! Who reads the aliases during a replay sees one generation, whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{assert_equal, fill, generation};
use crate::support::compare::Figures;
use crate::support::lab::{Elastic, Kafka, unique};
use crate::support::oracle::truth;
use crate::support::service::Setup;
use crate::support::topic::{START, paid, records};

/// The aliases that always have documents here.
const ALIASES: [&str; 7] = ["totals", "1m", "10m-by-1m", "1h", "day", "late", "rejects"];

/// How many payments the long run reads; `TIDEGAUGE_TEST_PAYMENTS` asks for others.
fn payments() -> u64 {
    let wanted = std::env::var("TIDEGAUGE_TEST_PAYMENTS").ok();
    wanted.map_or(60_000, |wanted| {
        wanted.parse().expect("TIDEGAUGE_TEST_PAYMENTS is a number")
    })
}

/// Reads all aliases in one request, over and over, and notes what it saw.
struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Seen>>,
}

/// What one request saw.
#[derive(Clone, PartialEq, Debug)]
struct Seen {
    generations: BTreeSet<String>,
    /// Payments by alias, and documents.
    payments: BTreeMap<String, u64>,
    documents: u64,
    failure: Option<String>,
}

impl Reader {
    fn start(elastic: &'static Elastic, prefix: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let prefix = prefix.to_owned();
        let thread = spawn(move || {
            let mut seen: Vec<Seen> = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let now = look(elastic, &prefix);
                if seen.last() != Some(&now) {
                    seen.push(now);
                }
            }
            seen
        });
        Self { stop, thread }
    }

    fn stop(self) -> Vec<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn look(elastic: &Elastic, prefix: &str) -> Seen {
    let aliases = ALIASES.map(|alias| format!("{prefix}-{alias}")).join(",");
    let query = json!({
        "size": 0,
        "track_total_hits": true,
        "aggs": { "index": {
            "terms": { "field": "_index", "size": 100 },
            "aggs": { "payments": { "sum": { "field": "pay_count" } } },
        } },
    });
    let answer = elastic.post(&format!("/{aliases}/_search"), &query);
    let mut seen = Seen {
        generations: BTreeSet::new(),
        payments: BTreeMap::new(),
        documents: 0,
        failure: None,
    };
    if answer.status != 200 || answer.json()["_shards"]["failed"] != 0 {
        seen.failure = Some(answer.text);
        return seen;
    }
    let answer = answer.json();
    seen.documents = answer["hits"]["total"]["value"].as_u64().unwrap();
    for bucket in answer["aggregations"]["index"]["buckets"]
        .as_array()
        .unwrap()
    {
        let index = bucket["key"].as_str().unwrap();
        let rest = index.strip_prefix(&format!("{prefix}-")).unwrap();
        let at = rest.rfind("-g").unwrap();
        let generation = rest[at + 2..].split('-').next().unwrap();
        seen.generations.insert(generation.to_owned());
        *seen.payments.entry(rest[..at].to_owned()).or_default() +=
            bucket["payments"]["value"].as_f64().unwrap() as u64;
    }
    seen
}

/// No reader saw a gap, a mixture, or less than before.
#[track_caller]
fn assert_whole(seen: &[Seen], generations: &[&str]) {
    let mut order: Vec<String> = Vec::new();
    let mut most = BTreeMap::new();
    for now in seen {
        assert_eq!(now.failure, None);
        assert_eq!(now.generations.len(), 1, "a mixture: {now:?}");
        let generation = now.generations.first().unwrap();
        if order.last() != Some(generation) {
            order.push(generation.clone());
        }
        for (alias, payments) in &now.payments {
            let most = most.entry(alias.clone()).or_insert(*payments);
            assert!(
                *payments >= *most,
                "{alias} held {most} payments, and then {payments} in generation {generation}"
            );
            *most = *payments;
        }
        assert!(most.keys().all(|alias| now.payments.contains_key(alias)));
    }
    assert_eq!(order, generations);
}

/// What documents say that is a function of the log, by alias and id.
fn documents(
    elastic: &Elastic,
    prefix: &str,
    generation: u32,
) -> BTreeMap<(String, String), Value> {
    let mut all = BTreeMap::new();
    for alias in ALIASES {
        for mut document in elastic.documents(&format!("{prefix}-{alias}")) {
            let own = format!("{prefix}-{alias}-g{generation}");
            assert!(document.index.starts_with(&own), "{}", document.index);
            let fields = document.source.as_object_mut().unwrap();
            for field in ["revision", "closed_by", "watermark", "final"] {
                fields.remove(field);
            }
            if document.source["pay_count"] != 0 {
                all.insert((alias.to_owned(), document.id), document.source);
            }
        }
    }
    all
}

#[test]
fn a_replay_equals_the_live_figures_and_no_reader_sees_a_gap_or_a_mixture() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("swap");
    kafka.create_topic(&name, 4);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name).with(
        "event_time",
        "idle_after",
        "\"500ms\"",
    );
    let count = payments();
    fill(&setup, count, (count / 7_200).max(1));
    let begun = Instant::now();
    let service = setup.serve();
    service.await_consumed(count);
    let live_rate = count as f64 / begun.elapsed().as_secs_f64();
    service.await_idle();
    service.await_delivered();
    elastic.refresh(&format!("{name}-*"));
    let before = Figures::ask(&service).of_the_log();
    let old = documents(elastic, &name, 1);

    let reader = Reader::start(elastic, &name);
    let replay = setup.spawn(&["replay", "-o", "json"]);
    // What comes during the replay is in both.
    let late = START + 3 * 3_600_000;
    kafka.send(&name, (0..40).map(|n| paid(n % 4, late, "1.25", 3)));
    let sent = count + 40;
    let outcome = replay.wait(Duration::from_secs(900));
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_equal(&report);
    assert_eq!(report["generation"], 2);
    eprintln!(
        "live {live_rate:.0} records/s, replayed {:.0} records/s; all in {:.1} s; {} windows",
        report["rate"].as_f64().unwrap(),
        report["seconds"].as_f64().unwrap(),
        report["comparison"]["windows"],
    );
    service.await_consumed(sent);
    assert_eq!(generation(&service), 1);

    let swapped = setup.run_json(&["replay", "swap", "-o", "json"]);
    assert_eq!(
        swapped,
        json!({"live": 2, "previous": 1, "aliases": "moved"})
    );
    service.await_generation(2);
    service.await_consumed(sent);
    service.await_idle();
    service.await_delivered();
    Figures::ask(&service).assert_true(&truth(&records(kafka, &name)));
    let new = documents(elastic, &name, 2);
    assert!(old.keys().all(|key| new.contains_key(key)));

    // What comes now is in the one that is live, and in the other when it is live again.
    kafka.send(&name, (0..40).map(|n| paid(n % 4, late + 1_000, "2.5", 4)));
    service.await_consumed(sent + 40);
    let back = setup.run_json(&["replay", "rollback", "-o", "json"]);
    assert_eq!(back, json!({"live": 1, "previous": 2, "aliases": "moved"}));
    service.await_generation(1);
    service.await_consumed(sent + 40);
    service.await_idle();
    service.await_delivered();
    let seen = reader.stop();
    assert!(seen.len() >= 3);
    assert_whole(&seen, &["1", "2", "1"]);

    let after = Figures::ask(&service);
    after.assert_true(&truth(&records(kafka, &name)));
    let after = after.of_the_log();
    assert_eq!(after.rejects, before.rejects);
    let restored = documents(elastic, &name, 1);
    assert!(old.keys().all(|key| restored.contains_key(key)));

    // The live one can't be dropped, and the other goes alone.
    let refused = setup.run(&["replay", "drop", "1", "--yes"]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    let unsure = setup.run(&["replay", "drop", "2"]);
    assert_eq!(unsure.status.code(), Some(2), "{}", unsure.stderr);
    assert!(elastic.count(&format!("{name}-*-g2*")) > 0);
    let dropped = setup.run(&["replay", "drop", "2", "--yes"]);
    assert_eq!(dropped.status.code(), Some(0), "{}", dropped.stderr);
    assert_eq!(elastic.count(&format!("{name}-*-g2*")), 0);
    let templates = elastic.get(&format!("/_index_template/{name}-*")).ok();
    assert!(templates.text.contains(&format!("{name}-1m-g1")));
    assert!(!templates.text.contains("-g2"));
    assert!(!setup.path("state-g2").exists());
    assert_eq!(documents(elastic, &name, 1), restored);
    let status = setup.run_json(&["replay", "status", "-o", "json"]);
    assert_eq!(status["live"], 1);
    assert_eq!(status["generations"].as_array().unwrap().len(), 1);
}

#[test]
fn killed_anywhere_a_replay_continues_and_a_swap_is_made_or_not() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("killed-replay");
    kafka.create_topic(&name, 4);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    let seed = fastrand::u64(..);
    eprintln!("killed at the points of seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    fill(&setup, 30_000, 5);
    let service = setup.serve();
    service.await_consumed(30_000);
    service.await_delivered();
    elastic.refresh(&format!("{name}-*"));
    let reader = Reader::start(elastic, &name);
    for _ in 0..6 {
        let mut replay = setup.spawn(&["replay", "-q"]);
        sleep(Duration::from_millis(random.u64(..1_500)));
        if replay.is_running() {
            replay.kill();
        }
    }
    assert_equal(&setup.run_json(&["replay", "-o", "json"]));
    for round in 0..4 {
        let to = if round % 2 == 0 { "swap" } else { "rollback" };
        let mut swap = setup.spawn(&["replay", to]);
        sleep(Duration::from_millis(random.u64(..400)));
        if swap.is_running() {
            swap.kill();
        }
    }
    // However far that came, another one ends it. The swap knows of no way but forward.
    setup.run_json(&["replay", "swap", "-o", "json"]);
    service.await_generation(2);
    // The service is killed while it changes over, and the next one ends it.
    setup.run_json(&["replay", "rollback", "-o", "json"]);
    service.await_generation(1);
    let swap = setup.spawn(&["replay", "swap"]);
    sleep(Duration::from_millis(random.u64(500..2_000)));
    service.kill();
    drop(swap);
    let service = setup.serve();
    let swapped = setup.run_json(&["replay", "swap", "-o", "json"]);
    assert_eq!(swapped["live"], 2);
    service.await_generation(2);
    service.await_consumed(30_000);
    service.await_delivered();
    let seen = reader.stop();
    let mut order: Vec<&str> = Vec::new();
    for now in &seen {
        let generation = now.generations.first().map_or("", String::as_str);
        if order.last() != Some(&generation) {
            order.push(generation);
        }
    }
    assert_whole(&seen, &order);
    assert_eq!(order.first(), Some(&"1"));
    assert_eq!(order.last(), Some(&"2"));
    Figures::ask(&service).assert_true(&truth(&records(kafka, &name)));
}
