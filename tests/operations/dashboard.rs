//! The dashboard and the alerts ask only for what is exported, in expressions that Prometheus takes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::scraped::{scrape, scraped_service, series};
use super::{alerts, promtool, text_of};
use crate::support::lab::{Toolbox, succeed};

fn dashboard() -> Value {
    serde_json::from_str(&text_of("ops/grafana/dashboards/tidegauge.json")).unwrap()
}

/// Expressions by where they stand, with Grafana's variables filled in.
fn expressions() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            let filled = expression
                .replace("$__rate_interval", "5m")
                .replace("$job", "tidegauge")
                .replace("$instance", ".*");
            assert!(!filled.contains('$'), "{title}: {filled}");
            found.push((title.to_owned(), filled));
        }
    }
    assert!(found.len() > 20);
    found.extend(alerts());
    found
}

/// The names of metrics in an expression, each with the labels it is selected by.
fn selected(expression: &str) -> Vec<(String, Vec<String>)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        rest = &rest[start..];
        let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        rest = after;
        let braces = rest
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'));
        if let Some((inner, after)) = braces {
            rest = after;
            let labels = inner
                .split(',')
                .map(|pair| pair.split(['=', '!']).next().unwrap().trim().to_owned());
            found.push((word.to_owned(), labels.collect()));
        } else if word.starts_with("tidegauge_") || word.starts_with("process_") {
            found.push((word.to_owned(), Vec::new()));
        }
    }
    found
}

/// What labels a service gives each of its series.
fn exported() -> Option<BTreeMap<String, BTreeSet<String>>> {
    let (_setup, service) = scraped_service()?;
    scrape(&service);
    let mut exported: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in series(&scrape(&service)).into_keys() {
        let (metric, labels) = name.split_once('{').unwrap_or((&name, ""));
        let known = exported.entry(metric.to_owned()).or_default();
        known.extend(
            labels
                .split("\",")
                .filter_map(|pair| Some(pair.split_once('=')?.0.to_owned())),
        );
        // Prometheus adds these to whatever it scrapes.
        known.extend(["job".to_owned(), "instance".to_owned()]);
    }
    exported.insert(
        "up".to_owned(),
        BTreeSet::from(["job".to_owned(), "instance".to_owned()]),
    );
    Some(exported)
}

#[test]
fn expressions_use_metrics_and_labels_that_are_exported() {
    let Some(exported) = exported() else { return };
    let mut selectors = 0;
    for (place, expression) in expressions() {
        for (metric, labels) in selected(&expression) {
            selectors += 1;
            let known = exported.get(&metric);
            let known = known.unwrap_or_else(|| panic!("{place}: {metric} is not exported"));
            for label in labels {
                assert!(
                    known.contains(&label),
                    "{place}: {metric} has no label {label}"
                );
            }
        }
    }
    assert!(selectors > 40, "{selectors}");
}

#[test]
fn no_expression_takes_a_counter_of_the_state_that_falls_for_one_that_restarts() {
    let of_the_state = [
        "tidegauge_records_total",
        "tidegauge_rejects_total",
        "tidegauge_notices_total",
        "tidegauge_given_up_documents_total",
    ];
    for (place, expression) in expressions() {
        for metric in of_the_state {
            for function in ["rate", "irate", "increase"] {
                let misled = format!("{function}({metric}");
                assert!(!expression.contains(&misled), "{place}: {expression}");
            }
        }
    }
}

#[test]
fn prometheus_takes_every_expression() {
    let Some(toolbox) = Toolbox::promtool() else {
        return;
    };
    let mut rules = String::from("groups:\n  - name: all\n    rules:\n");
    for (number, (_, expression)) in expressions().into_iter().enumerate() {
        rules += &format!("      - record: rule:{number}\n        expr: {expression:?}\n");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.yml");
    std::fs::write(&path, rules).unwrap();
    succeed(promtool(&toolbox).arg("check").arg("rules").arg(&path));
}

#[test]
fn panels_lie_on_the_grid_and_not_on_each_other() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        let (x, y, w, h) = (place("x"), place("y"), place("w"), place("h"));
        assert!(w > 0 && h > 0 && x + w <= 24, "{}", panel["title"]);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(
                taken.insert(cell),
                "{} lies on another panel",
                panel["title"]
            );
        }
    }
}

#[test]
fn the_dashboard_takes_its_data_source_when_it_is_loaded() {
    let dashboard = dashboard();
    assert_eq!(dashboard["__inputs"][0]["name"], "DS_PROMETHEUS");
    for panel in dashboard["panels"].as_array().unwrap() {
        assert_eq!(
            panel["datasource"]["uid"], "${DS_PROMETHEUS}",
            "{}",
            panel["title"]
        );
        assert!(!panel["description"].as_str().unwrap().is_empty());
    }
    // A dashboard that is loaded from a file can't ask: a variable of that name stands for it.
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert!(
        variables
            .iter()
            .any(|v| v["name"] == "DS_PROMETHEUS" && v["type"] == "datasource")
    );
}
