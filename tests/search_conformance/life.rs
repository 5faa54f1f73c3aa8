//! What the sink and the commands about indexes really send, from a first start to a last deletion.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tidegauge::observe::status::Status;
use tidegauge::sink::{Config, Order, Publication, Upkeep, live_fields};
use tidegauge::store::MarkedDocuments;

use super::recorder::Recorder;
use super::twins::Twins;
use crate::sink::till::{MINUTE, NOVEMBER, Till, config, definitions};
use crate::support::lab::{Elastic, dist};

/// A sink's client, and what it says to both servers.
struct Life {
    elastic: &'static Elastic,
    recorder: Recorder,
    config: Config,
}

impl Life {
    #[track_caller]
    fn new(till: &Till) -> Option<Self> {
        let elastic = (dist() == "es9").then(Elastic::shared)??;
        let recorder = Recorder::of(Twins::of(elastic.url()), till.runtime());
        let config = config(&recorder.url());
        Some(Self {
            elastic,
            recorder,
            config,
        })
    }

    fn index(&self, name: &str) -> String {
        format!("{}-{name}", self.config.index_prefix)
    }

    /// Does the same to both servers, as somebody else than the sink.
    fn play(&self, method: &str, path: &str, body: &str) {
        self.recorder.with(|twins| twins.play(method, path, body));
    }

    /// Whether a document is there.
    fn has(&self, index: &str, id: &str) -> bool {
        let all = self.recorder.with(|twins| twins.simulated.documents(index));
        all.contains_key(id)
    }

    fn put_total(&self, id: &str, branch: u32, version: i64) {
        let action = json!({ "index": {
            "_index": self.index("totals-g1"), "_id": id,
            "version": version, "version_type": "external",
        } });
        let source = json!({ "branch": id, "branch_id": branch, "pay_count": 1 });
        self.play("POST", "/_bulk", &format!("{action}\n{source}\n"));
    }

    /// Waits until a sink has tried again and again to deliver what is refused.
    #[track_caller]
    fn await_retries(&self, till: &Till) {
        let played = || self.recorder.with(|twins| twins.played());
        let before = played();
        till.await_that("tries again", || played() >= before + 6);
        assert!(till.dirty() > 0, "it was not refused");
    }

    /// Both servers answered alike, and hold the same.
    #[track_caller]
    fn assert_same(&self, requests: usize) {
        self.recorder.with(|twins| {
            for index in twins.simulated.indexes() {
                let real: BTreeMap<String, (Value, i64)> = self
                    .elastic
                    .documents(&index)
                    .into_iter()
                    .map(|it| (it.id, (it.source, i64::try_from(it.version).unwrap())))
                    .collect();
                let versions = twins.simulated.versions(&index);
                let simulated = twins.simulated.documents(&index).into_iter();
                let simulated: BTreeMap<String, (Value, i64)> = simulated
                    .map(|(id, source)| (id.clone(), (source, versions[&id])))
                    .collect();
                if real != simulated {
                    twins.note(format!("{index}: {real:?}\nis here {simulated:?}"));
                }
            }
            twins.assert_same();
            let played = twins.played();
            assert!(played >= requests, "only {played} requests were compared");
        });
    }
}

/// Payments of three branches in some minutes, one in no window, and a record that is none.
fn full_till() -> Till {
    let mut till = Till::new();
    for minute in 0..5 {
        for branch in [3, 7, 11] {
            till.pay(NOVEMBER + minute * MINUTE, branch, "1.50");
        }
    }
    till.pay(NOVEMBER + 100 * 60 * MINUTE, 7, "2");
    till.take(b"garbage");
    till.commit();
    till
}

#[test]
fn the_simulation_answers_a_life_of_the_sink_as_elasticsearch_does() {
    let mut till = full_till();
    let Some(life) = Life::new(&till) else {
        return;
    };
    let month = life.index("1m-g1-2026.11");
    let totals = life.index("totals-g1");
    till.deliver_all(&life.config);
    till.pay(NOVEMBER + 4 * MINUTE + 1_000, 7, "1");
    till.commit();
    till.deliver_all(&life.config);

    let sink = till.deliver(&life.config);
    let mut time = NOVEMBER + 4 * MINUTE + 1_000;
    let mut pay_again = || {
        time += 1_000;
        for branch in [3, 7] {
            till.pay(time, branch, "1");
        }
        till.commit();
        till.await_delivery();
    };
    pay_again();
    // What others do to the indexes.
    life.play("DELETE", &format!("/{month}"), "");
    pay_again();
    let lost = json!({ "remove": { "index": month, "alias": format!("{month}-write") } });
    let lost = json!({ "actions": [lost] }).to_string();
    life.play("POST", "/_aliases", &lost);
    pay_again();
    life.play(
        "DELETE",
        &format!("/_index_template/{}", life.index("1m-g1")),
        "",
    );
    life.play("DELETE", &format!("/{totals}"), "");
    pay_again();
    till.stop(sink);

    // What another configuration has left: a total of a name that its branch had, and one of a name
    // that another branch has now.
    life.put_total("Old Harbour", 3, 9);
    life.put_total("Branch_11", 3, 201);
    let order = Order::Run;
    let sink = till.deliver_as(order, &life.config, Arc::new(Status::new()));
    till.await_that("the old name is gone", || !life.has(&totals, "Old Harbour"));
    for _ in 0..120 {
        till.pay(NOVEMBER + 4 * MINUTE, 11, "1");
    }
    till.commit();
    till.await_delivery();
    till.await_that("the total has its place", || life.has(&totals, "Branch_11"));
    till.stop(sink);
    life.assert_same(60);
}

#[test]
fn the_simulation_answers_a_sink_that_meets_blocks_as_elasticsearch_does() {
    let mut till = full_till();
    let Some(life) = Life::new(&till) else {
        return;
    };
    let month = life.index("1m-g1-2026.11");
    let sink = till.deliver(&life.config);
    till.await_delivery();
    let path = format!("/{month}/_settings");
    for (number, block) in (0..).zip(["read_only_allow_delete", "write", "read_only"]) {
        let name = format!("index.blocks.{block}");
        life.play("PUT", &path, &json!({ &name: true }).to_string());
        till.pay(NOVEMBER + 4 * MINUTE + number, 7, "1");
        till.commit();
        life.await_retries(&till);
        life.play("PUT", &path, &json!({ &name: null }).to_string());
        till.await_delivery();
    }
    life.play("POST", &format!("/{month}/_close"), "");
    till.pay(NOVEMBER + 4 * MINUTE, 7, "1");
    till.commit();
    life.await_retries(&till);
    life.play("POST", &format!("/{month}/_open"), "");
    till.await_delivery();
    till.stop(sink);
    life.assert_same(30);
}

#[test]
fn the_simulation_answers_a_sink_that_deletes_zeros_as_elasticsearch_does() {
    let mut till = Till::of(MarkedDocuments::ZeroWindowsToo);
    let Some(mut life) = Life::new(&till) else {
        return;
    };
    life.config.zero_windows = true;
    till.pay(NOVEMBER - 3 * MINUTE, 7, "1");
    for branch in 100..400 {
        till.pay(NOVEMBER + 1_000, branch, "1");
    }
    till.pay(NOVEMBER + 3 * MINUTE + 10_000, 7, "1");
    till.commit();
    till.deliver_all(&life.config);
    let november = life.index("1m-g1-2026.11");
    let count = || {
        life.recorder
            .with(|twins| twins.simulated.documents(&november).len())
    };
    let given = count();
    // The 1,001st is known since before minutes whose zeros were delivered.
    for branch in 1_000..2_000 {
        till.pay(NOVEMBER + 2_000, branch, "1");
    }
    till.commit();
    till.deliver_all(&life.config);
    assert!(given > 600, "{given} documents");
    // A first payment in such a window has its document again.
    till.pay(NOVEMBER + MINUTE + 5_000, 200, "1");
    till.commit();
    till.deliver_all(&life.config);
    life.assert_same(30);
}

#[test]
fn the_simulation_answers_the_commands_about_indexes_as_elasticsearch_does() {
    let till = full_till();
    let Some(life) = Life::new(&till) else {
        return;
    };
    let upkeep_of = |config: &Config| Upkeep::new(config, &definitions()).unwrap();
    let readings = || Some(till.readings());
    let wait = till.runtime();
    let mut upkeep = upkeep_of(&life.config);

    // Before anything is there.
    wait.block_on(upkeep.reach()).unwrap();
    let missing = wait.block_on(upkeep.verify(readings())).unwrap();
    assert!(missing.len() > 5, "{missing:?}");
    wait.block_on(upkeep.set_up(readings())).unwrap();
    wait.block_on(upkeep.verify(readings())).unwrap();
    till.deliver_all(&life.config);
    assert_eq!(wait.block_on(upkeep.verify(readings())).unwrap(), []);

    // What others do.
    let theirs = json!({
        "index_patterns": [life.index("1m-*")],
        "priority": 900,
        "template": { "settings": { "number_of_replicas": 0 } },
    });
    let their_path = format!("/_index_template/{}", life.index("theirs"));
    life.play("PUT", &their_path, &theirs.to_string());
    let month = life.index("1m-g1-2026.11");
    let settings = format!("/{month}/_settings");
    for setting in ["index.blocks.write", "index.final_pipeline"] {
        let set = json!({ setting: "true" }).to_string();
        life.play("PUT", &settings, &set);
        let found = wait.block_on(upkeep.verify(readings())).unwrap();
        assert!(found.len() > 1, "{found:?}");
        life.play("PUT", &settings, &json!({ setting: null }).to_string());
    }
    life.play("POST", &format!("/{month}/_close"), "");
    wait.block_on(upkeep.verify(readings())).unwrap();
    wait.block_on(upkeep.sizes()).unwrap();
    life.play("POST", &format!("/{month}/_open"), "");
    life.elastic.count(&month);
    life.play("DELETE", &their_path, "");
    let lacks = wait.block_on(upkeep.lacks_indexes(till.readings()));
    assert!(!lacks.unwrap());
    let rejects = format!("/{}", life.index("rejects-g1"));
    life.play("DELETE", &rejects, "");
    // Without its template it gets nothing but what it is made with.
    life.play("DELETE", &format!("/_index_template{rejects}"), "");
    let bare = json!({ "mappings": { "properties": { "offset": { "type": "long" } } } });
    life.play("PUT", &rejects, &bare.to_string());
    let mended = wait.block_on(upkeep.mend()).unwrap();
    assert_eq!(mended, [life.index("rejects-g1")]);
    wait.block_on(upkeep.sizes()).unwrap();
    // Nobody has filled the new index of that name.
    let lacks = wait.block_on(upkeep.lacks_indexes(till.readings()));
    assert!(lacks.unwrap());
    wait.block_on(upkeep.refuse_strangers(readings())).unwrap();
    wait.block_on(upkeep.foreign(till.readings(), false))
        .unwrap();
    for alias in ["1m", "totals", "nothing"] {
        wait.block_on(live_fields(&life.config, &life.index(alias)))
            .unwrap();
    }

    // Another generation is built beside it, and takes its place.
    let mut next = life.config.clone();
    next.generation = 2;
    next.publication = Publication::Never;
    till.deliver_all(&next);
    let mut following = upkeep_of(&next);
    assert_eq!(wait.block_on(upkeep.audience()).unwrap(), [1].into());
    wait.block_on(upkeep.delete(readings())).unwrap_err();
    wait.block_on(following.publish()).unwrap();
    assert_eq!(wait.block_on(upkeep.audience()).unwrap(), [2].into());
    next.publication = Publication::Now;
    till.deliver_all(&next);
    wait.block_on(upkeep.delete(readings())).unwrap();
    wait.block_on(upkeep.delete(readings())).unwrap();
    // An older version left an index that does not say whose it is.
    let mut third = life.config.clone();
    third.generation = 3;
    let older = json!({ "mappings": { "_meta": { "managed_by": "tidegauge" } } });
    let path = format!("/{}", life.index("rejects-g3"));
    life.play("PUT", &path, &older.to_string());
    let action = json!({ "index": { "_index": life.index("rejects-g3"), "_id": "0-1" } });
    life.play("POST", "/_bulk?refresh=true", &format!("{action}\n{{}}\n"));
    let found = wait.block_on(upkeep_of(&third).verify(readings())).unwrap();
    let found = format!("{found:?}");
    assert!(found.contains("an older version"), "{found}");
    life.play("DELETE", &path, "");
    // Somebody else's index has the name of the second alias of the totals.
    let legacy = life.config.legacy_totals.clone().unwrap();
    let lost = json!({ "remove": { "index": life.index("totals-g2"), "alias": legacy } });
    life.play(
        "POST",
        "/_aliases",
        &json!({ "actions": [lost] }).to_string(),
    );
    life.play("PUT", &format!("/{legacy}"), "{}");
    wait.block_on(following.publish()).unwrap();
    wait.block_on(following.verify(readings())).unwrap();
    life.assert_same(150);
}
