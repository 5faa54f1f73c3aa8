//! Indexes that an operator restores from a snapshot, while the service runs and while it does not.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tidegauge::sink::Config;
use tidegauge::store::MarkedDocuments;

use super::till::{MINUTE, NOVEMBER, Till, config};
use crate::support::lab::{Elastic, http, unique};

/// A snapshot of one index, in a repository of its own.
struct Snapshot {
    elastic: &'static Elastic,
    index: String,
    repository: String,
}

impl Snapshot {
    fn take(elastic: &'static Elastic, index: &str) -> Self {
        let repository = unique("repository");
        let place = json!({ "type": "fs", "settings": { "location": repository } });
        elastic
            .put(&format!("/_snapshot/{repository}"), &place)
            .ok();
        let what = json!({ "indices": index, "include_global_state": false });
        elastic
            .put(
                &format!("/_snapshot/{repository}/one?wait_for_completion=true"),
                &what,
            )
            .ok();
        Self {
            elastic,
            index: index.to_owned(),
            repository,
        }
    }

    // The index keeps its name, its alias and its uuid.
    fn restore_over(&self, index: &str) {
        let close = format!("{}/{index}/_close", self.elastic.url());
        http::send(Method::POST, &close, None).ok();
        self.restore();
    }

    // The index has to be deleted or closed.
    fn restore(&self) {
        let what = json!({ "indices": self.index, "include_global_state": false });
        let path = format!(
            "/_snapshot/{}/one/_restore?wait_for_completion=true",
            self.repository
        );
        self.elastic.post(&path, &what).ok();
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        let elastic = self.elastic;
        elastic.delete(&format!("/_snapshot/{}/one", self.repository));
        elastic.delete(&format!("/_snapshot/{}", self.repository));
    }
}

// Minutes `from..to` of one branch.
fn pay(till: &mut Till, from: i64, to: i64) {
    for minute in from..to {
        till.pay(NOVEMBER + minute * MINUTE, 3, "1");
    }
    till.commit();
}

// A snapshot of what was delivered first, and payments that are still to be delivered:
//
// time       00:00  00:01  00:02  00:03
// snapshot     1      1
// all          1      2      1      1
fn paid_after_a_snapshot(
    elastic: &'static Elastic,
    config: &Config,
    index: &str,
) -> (Till, Snapshot) {
    let mut till = Till::new();
    pay(&mut till, 0, 2);
    till.deliver_all(config);
    let snapshot = Snapshot::take(elastic, index);
    pay(&mut till, 1, 4);
    (till, snapshot)
}

// How often each of the first minutes was paid in, as their documents say.
fn pay_counts(elastic: &Elastic, index: &str) -> Vec<u64> {
    let mut counts: Vec<(u64, u64)> = elastic
        .documents(index)
        .iter()
        .map(|it| (it.source["window_start"].clone(), &it.source["pay_count"]))
        .map(|(start, count)| {
            let minute = start.as_str().unwrap()[14..16].parse().unwrap();
            (minute, count.as_u64().unwrap())
        })
        .collect();
    counts.sort_unstable();
    counts.into_iter().map(|(_, count)| count).collect()
}

#[test]
fn an_index_restored_from_a_snapshot_while_nothing_ran_gets_what_it_lacks() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let index = format!("{}-1m-g1-2026.11", config.index_prefix);
    let (till, snapshot) = paid_after_a_snapshot(elastic, &config, &index);
    till.deliver_all(&config);
    assert_eq!(pay_counts(elastic, &index), [1, 2, 1, 1]);

    elastic.delete(&format!("/{index}")).ok();
    snapshot.restore();
    assert_eq!(pay_counts(elastic, &index), [1, 1]);
    let sink = till.deliver(&config);
    till.await_that("what the snapshot lacks is delivered", || {
        pay_counts(elastic, &index) == [1, 2, 1, 1]
    });
    till.stop(sink);
}

#[test]
fn an_index_restored_over_itself_gets_what_it_lacks_while_the_service_runs_and_afterwards() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let mut config = config(&elastic.url());
    config.pacing.inspect = Duration::from_millis(50);
    let index = format!("{}-1m-g1-2026.11", config.index_prefix);
    let (till, snapshot) = paid_after_a_snapshot(elastic, &config, &index);
    let restore_over = || snapshot.restore_over(&index);
    let is_complete = || pay_counts(elastic, &index) == [1, 2, 1, 1];
    let sink = till.deliver(&config);
    till.await_delivery();
    restore_over();
    till.await_that("what the snapshot lacks is delivered", is_complete);
    till.await_delivery();
    till.stop(sink);
    restore_over();
    let sink = till.deliver(&config);
    till.await_that("it is delivered again", is_complete);
    till.stop(sink);
}

#[test]
fn a_total_that_a_snapshot_brings_back_under_a_former_name_is_deleted() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let mut config = config(&elastic.url());
    config.pacing.inspect = Duration::from_millis(50);
    let index = format!("{}-totals-g1", config.index_prefix);
    let mut till = Till::new();
    pay(&mut till, 0, 2);
    till.deliver_all(&config);
    // As the branch was called when the snapshot was taken.
    let former = format!("/{index}/_doc/Quay?refresh=true");
    let total = elastic.documents(&index).remove(0);
    elastic.put(&former, &total.source).ok();
    let snapshot = Snapshot::take(elastic, &index);
    elastic.delete(&former).ok();

    let ids = || -> Vec<String> {
        let found = elastic.documents(&index).into_iter();
        found.map(|document| document.id).collect()
    };
    let sink = till.deliver(&config);
    till.await_delivery();
    snapshot.restore_over(&index);
    till.await_that("both are there for a moment, then one", || {
        ids() == ["Harbour"]
    });
    till.await_delivery();
    till.stop(sink);
}

#[test]
fn documents_of_zeros_that_a_snapshot_brings_back_are_deleted() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let mut config = config(&elastic.url());
    config.pacing.inspect = Duration::from_millis(50);
    config.zero_windows = true;
    let index = format!("{}-1m-g1-2026.11", config.index_prefix);
    let mut till = Till::of(MarkedDocuments::ZeroWindowsToo);
    pay(&mut till, 0, 1);
    pay(&mut till, 4, 5);
    till.deliver_all(&config);
    let counts = || -> Vec<bool> {
        let found = elastic.documents(&index).into_iter();
        found.map(|it| it.source["pay_count"] == 0).collect()
    };
    let with_payments = counts().into_iter().filter(|is_zero| !is_zero).count();
    assert!(with_payments < counts().len());
    let snapshot = Snapshot::take(elastic, &index);

    config.zero_windows = false;
    let sink = till.deliver(&config);
    let are_deleted = || counts() == vec![false; with_payments];
    till.await_that("the zeros are deleted", are_deleted);
    snapshot.restore_over(&index);
    till.await_that("they are deleted again", are_deleted);
    till.stop(sink);
}
