//! The figures that a service shows: asked for over HTTP, and held against what `compute` prints and against
//! the documents in Elasticsearch.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::compare::{Delivered, Differences, Figures, key, remove, shown};
use super::lab::Elastic;
use super::oracle::{Key, Record, WINDOWS};
use super::service::{Service, Setup, legacy_totals};
use super::topic;

impl Figures {
    /// Asks a service for everything, page by page.
    #[track_caller]
    pub fn ask(service: &Service) -> Self {
        let list = |name| service.ask_all(&format!("windows/{name}"), 997);
        let figures = Self {
            totals: service.ask("totals")["totals"].as_array().unwrap().clone(),
            windows: WINDOWS.into_iter().map(|name| (name, list(name))).collect(),
            late: service.ask_all("late", 7),
            rejects: service.ask_all("rejects", 10_000),
            ledger: service.ask("ledger"),
        };
        for name in WINDOWS {
            let current = service.ask_all(&format!("windows/{name}/current"), 10_000);
            let open = figures.windows[name]
                .iter()
                .filter(|item| item["final"] == false);
            assert!(
                current.iter().eq(open),
                "windows/{name}/current lists other windows than the open ones"
            );
        }
        figures
    }

    /// Elasticsearch holds a document for each of these figures, and no others under `prefix`.
    #[track_caller]
    pub fn assert_documented(&self, elastic: &Elastic, prefix: &str) {
        self.assert_documented_as(elastic, prefix, &legacy_totals(prefix));
    }

    /// [`Figures::assert_documented`] with another name for the alias of the old dashboards.
    #[track_caller]
    pub fn assert_documented_as(&self, elastic: &Elastic, prefix: &str, legacy: &str) {
        self.undocumented(elastic, prefix, legacy, &[])
            .assert_none();
    }

    /// What keeps these figures from being all that Elasticsearch holds under `prefix`. The fields `but` of windows may
    /// differ.
    #[track_caller]
    pub fn undocumented(
        &self,
        elastic: &Elastic,
        prefix: &str,
        legacy: &str,
        but: &[&str],
    ) -> Differences {
        let mut differences = Differences::default();
        let documents = |name: &str| elastic.documents(name);
        let all = elastic.count(&format!("{prefix}-*"));
        self.check_documented(
            &documents,
            all,
            (prefix, legacy),
            &Delivered {
                but,
                ..Delivered::default()
            },
            &mut differences,
        );
        differences
    }

    /// `compute` prints the same figures for `records`, in whatever order partitions come.
    #[track_caller]
    pub fn assert_computed(&self, setup: &Setup, records: &[Record]) {
        let file = setup.path("records.ndjson");
        fs::write(&file, topic::lines(records)).unwrap();
        let compute = |emit: &str| {
            setup.run_json(&[
                "compute",
                "-o",
                "json",
                "--emit",
                emit,
                file.to_str().unwrap(),
            ])
        };
        let mut differences = Differences::default();
        let own = self.clone().of_the_log();
        differences.check("compute: ledger", &compute("ledger"), &own.ledger);
        differences.check(
            "compute: totals",
            &compute("totals")["totals"],
            &Value::from(own.totals),
        );
        let mut found = compute("windows")["items"].take();
        let found = found.as_array_mut().unwrap();
        found
            .iter_mut()
            .for_each(|item| remove(item, &["revision", "closed_by"]));
        let expected: BTreeMap<Key, &Value> = own
            .windows
            .iter()
            .flat_map(|(name, items)| items.iter().map(|item| (key(name, item), item)))
            .collect();
        differences.check("compute: how many windows", &found.len(), &expected.len());
        for item in found {
            let name = WINDOWS
                .into_iter()
                .find(|name| item["window"] == *name)
                .unwrap();
            let key = key(name, item);
            differences.check(
                &format!("compute: {}", shown(key)),
                &Some(&*item),
                &expected.get(&key).copied(),
            );
        }
        differences.assert_none();
    }
}
