//! Figures of a service, and those that Flink writes to topics, in one form.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::lab::Kafka;
use crate::support::service::{Service, Setup};
use crate::support::topic::last_values;

/// The name of a window, or `totals`, and the id of the document.
pub type Place = (String, String);

/// How many payments, their exact sum in units of 10^-18, and two more facts: the doubles nearest to the smallest and the
/// largest payment, or the first and the last event time.
#[derive(Clone, Debug, PartialEq)]
pub struct FlinkFigure {
    pub count: u64,
    pub sum: i128,
    pub facts: [String; 2],
}

/// All that the service has with payments.
#[track_caller]
pub fn of_service(service: &Service, windows: &[&str]) -> BTreeMap<Place, FlinkFigure> {
    let mut figures = BTreeMap::new();
    for name in windows {
        for item in service.ask_all(&format!("windows/{name}"), 10_000) {
            let id = format!(
                "{}@{}-{}",
                shown(&item["branch_id"]),
                millis(&item["window_start"]).unwrap(),
                millis(&item["window_end"]).unwrap()
            );
            let facts = ["pay_min", "pay_max"].map(|key| item[key].as_f64().unwrap().to_string());
            figures.insert(((*name).to_owned(), id), figure(&item, facts));
        }
    }
    for item in service.ask("totals")["totals"].as_array().unwrap() {
        let facts =
            ["first_event_time", "last_event_time"].map(|key| format!("{:?}", millis(&item[key])));
        let place = ("totals".to_owned(), shown(&item["branch_id"]));
        figures.insert(place, figure(item, facts));
    }
    figures.retain(|_, figure| figure.count > 0);
    figures
}

/// All that Flink has written to the topics `PREFIX-…`.
#[track_caller]
pub fn of_topics(kafka: &Kafka, prefix: &str, windows: &[&str]) -> BTreeMap<Place, FlinkFigure> {
    let mut figures = BTreeMap::new();
    for name in windows {
        for (id, item) in last_values(kafka, &format!("{prefix}-{name}")) {
            assert_eq!(item["window"], **name);
            let expected = format!(
                "{}@{}-{}",
                shown(&item["branch_id"]),
                item["window_start_ms"],
                item["window_end_ms"]
            );
            assert_eq!(id, expected);
            let is_final = u64::from(item["final"] == true);
            assert_eq!(
                item["version"],
                2 * item["pay_count"].as_u64().unwrap() + is_final
            );
            let facts = ["pay_min_exact", "pay_max_exact"].map(|key| {
                item[key]
                    .as_str()
                    .unwrap()
                    .parse::<f64>()
                    .unwrap()
                    .to_string()
            });
            figures.insert(((*name).to_owned(), id), figure(&item, facts));
        }
    }
    for (id, item) in last_values(kafka, &format!("{prefix}-totals")) {
        assert_eq!(id, shown(&item["branch_id"]));
        let facts = ["first_event_time_ms", "last_event_time_ms"]
            .map(|key| format!("{:?}", item[key].as_i64()));
        figures.insert(("totals".to_owned(), id), figure(&item, facts));
    }
    figures
}

/// What one has and the other has not, or has otherwise.
pub fn differences(
    ours: &BTreeMap<Place, FlinkFigure>,
    theirs: &BTreeMap<Place, FlinkFigure>,
) -> Vec<String> {
    let mut places: Vec<&Place> = ours.keys().chain(theirs.keys()).collect();
    places.sort();
    places.dedup();
    places
        .into_iter()
        .filter(|place| ours.get(*place) != theirs.get(*place))
        .map(|place| {
            format!(
                "{place:?}: {:?}, Flink {:?}",
                ours.get(place),
                theirs.get(place)
            )
        })
        .collect()
}

/// The topics that the script writes to.
#[track_caller]
pub fn create(kafka: &Kafka, prefix: &str, windows: &[&str]) {
    for name in windows.iter().chain(&["totals"]) {
        let settings = [("cleanup.policy", "compact")];
        kafka.create_topic_with(&format!("{prefix}-{name}"), 2, &settings);
    }
}

/// The script, which ends with what the topic has.
#[track_caller]
pub fn exported(setup: &Setup, arguments: &[&str]) -> String {
    let command = [&["export", "flink-sql", "--until-end"], arguments].concat();
    let outcome = setup.run(&command);
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.stderr);
    outcome.stdout
}

fn figure(item: &Value, facts: [String; 2]) -> FlinkFigure {
    FlinkFigure {
        count: item["pay_count"].as_u64().unwrap(),
        sum: units(item["pay_amount_exact"].as_str().unwrap()),
        facts,
    }
}

/// An exact decimal in units of 10^-18.
pub fn units(text: &str) -> i128 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{decimals:0<18}").parse().unwrap()
}

fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn millis(time: &Value) -> Option<i64> {
    let time = chrono::DateTime::parse_from_rfc3339(time.as_str()?).unwrap();
    Some(time.timestamp_millis())
}
