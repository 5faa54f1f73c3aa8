//! Every figure of every panel: what Kibana would ask of Elasticsearch, asked there, against the
//! same computed from what HTTP answers. HTTP gives windows without payments, Elasticsearch has no
//! documents of them: where a panel shows nothing as zero, that is what is compared.

mod asked;
mod computed;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidegauge::kibana::{DocumentSet, IndexLayout, ndjson};

use self::asked::ask;
use self::computed::compute;
use super::layout_of;
use crate::support::lab::{Elastic, Kafka, unique};
use crate::support::service::{Service, Setup};
use crate::support::topic::{paid, produce};

/// What a panel shows: for each path of buckets the value of each figure.
type Shown = BTreeMap<Vec<String>, BTreeMap<String, Figure>>;

/// One value.
#[derive(Clone, PartialEq, Debug)]
enum Figure {
    /// A number, or a time in ms, and how far another way to compute it may be off.
    Number(f64, f64),
    Text(String),
}

impl Figure {
    const ZERO: Self = Self::Number(0.0, 0.0);

    fn is_zero(&self) -> bool {
        matches!(self, Self::Number(number, _) if *number == 0.0)
    }
}

/// A panel with the data view it looks at.
struct Panel {
    id: String,
    alias: String,
    time: Option<String>,
    layer: Value,
    /// Whether it looks at windows.
    of_windows: bool,
    /// Whether it shows zero where nothing is found.
    fills_with_zero: bool,
}

/// What the person at the dashboard has picked.
struct Picked {
    /// In ms: from, to, both included.
    time: (i64, i64),
    /// What `auto` comes to for a time like that.
    interval: &'static str,
    branches: Option<Vec<String>>,
    only_final: bool,
}

impl Panel {
    fn all(layout: &IndexLayout) -> Vec<Self> {
        let objects: Vec<Value> = ndjson(&layout.objects())
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let view = |id: &Value| {
            let found = objects.iter().find(|object| object["id"] == *id).unwrap();
            found["attributes"].clone()
        };
        let panels = &objects.last().unwrap()["attributes"]["panelsJSON"];
        let panels: Vec<Value> = serde_json::from_str(panels.as_str().unwrap()).unwrap();
        panels
            .iter()
            .filter(|panel| panel["type"] == "lens")
            .map(|panel| {
                let lens = &panel["embeddableConfig"]["attributes"];
                let view = view(&lens["references"][0]["id"]);
                let alias = view["title"].as_str().unwrap().to_owned();
                let layer = &lens["state"]["datasourceStates"]["formBased"]["layers"]["layer"];
                let (documents, _) = layout.behind(&alias).unwrap();
                Self {
                    id: panel["panelIndex"].as_str().unwrap().to_owned(),
                    of_windows: matches!(documents, DocumentSet::Windows(_)),
                    fills_with_zero: fills_with_zero(lens, layer),
                    alias,
                    time: view["timeFieldName"].as_str().map(str::to_owned),
                    layer: layer.clone(),
                }
            })
            .collect()
    }

    /// Column ids in the order in which they nest, with the columns.
    fn columns(&self) -> Vec<(String, &Value)> {
        let order = self.layer["columnOrder"].as_array().unwrap();
        order
            .iter()
            .map(|id| id.as_str().unwrap().to_owned())
            .map(|id| (id.clone(), &self.layer["columns"][id.as_str()]))
            .collect()
    }

    fn obeys_controls(&self) -> bool {
        self.layer["ignoreGlobalFilters"] == false
    }
}

/// Bars and cells are zero where their figures are; lines and areas where they are told to be.
fn fills_with_zero(lens: &Value, layer: &Value) -> bool {
    let drawn = &lens["state"]["visualization"];
    let kind = drawn["preferredSeriesType"].as_str().unwrap_or_default();
    match lens["visualizationType"].as_str().unwrap() {
        "lnsXY" if !kind.starts_with("bar") => drawn["fittingFunction"] == "Zero",
        "lnsXY" | "lnsHeatmap" => layer["columns"]
            .as_object()
            .unwrap()
            .values()
            .filter(|column| column["isBucketed"] == false)
            .all(|column| column["params"]["emptyAsNull"] == false),
        _ => false,
    }
}

impl Picked {
    /// How long the stretches of a column are: Kibana makes them longer where there would be too many.
    fn interval_of<'a>(&'a self, column: &'a Value) -> &'a str {
        match column["params"]["interval"].as_str().unwrap() {
            "auto" => self.interval,
            interval if length(interval) < length(self.interval) => self.interval,
            interval => interval,
        }
    }
}

/// The length of an interval, in ms.
fn length(interval: &str) -> i64 {
    let length = tidegauge::domain::duration::parse(interval).unwrap();
    i64::try_from(length.as_millis()).unwrap()
}

/// What HTTP gives of the documents behind an alias, with the time that documents have beside it.
fn rows(service: &Service, layout: &IndexLayout, alias: &str) -> Vec<Value> {
    let (documents, _) = layout.behind(alias).unwrap();
    let mut rows = match documents {
        DocumentSet::Totals => service.ask("totals")["totals"].as_array().unwrap().clone(),
        DocumentSet::Windows(definition) => {
            service.ask_all(&format!("windows/{}", definition.name()), 5_000)
        }
        DocumentSet::NoWindow => service.ask_all("late", 5_000),
        DocumentSet::Rejects => service.ask_all("rejects", 5_000),
    };
    for row in &mut rows {
        row["@timestamp"] = match documents {
            DocumentSet::Totals => row["last_event_time"].clone(),
            DocumentSet::Windows(_) => row["window_start"].clone(),
            DocumentSet::NoWindow | DocumentSet::Rejects => row["record_timestamp"].clone(),
        };
    }
    rows
}

fn millis(time: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(time)
        .unwrap()
        .timestamp_millis()
}

#[track_caller]
fn assert_same(panel: &Panel, asked: &Shown, computed: &Shown) {
    let mut asked = asked.clone();
    if panel.of_windows && panel.fills_with_zero {
        // What is found nothing of has no bucket, or one without the figure.
        for (bucket, figures) in computed {
            let there = asked.entry(bucket.clone()).or_default();
            for column in figures.keys() {
                there.entry(column.clone()).or_insert(Figure::ZERO);
            }
        }
    }
    let keys = |shown: &Shown| shown.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&asked), keys(computed), "{}: other buckets", panel.id);
    for (bucket, figures) in computed {
        let there = &asked[bucket];
        assert_eq!(
            there.keys().collect::<Vec<_>>(),
            figures.keys().collect::<Vec<_>>(),
            "{} {bucket:?}: other figures",
            panel.id
        );
        for (column, figure) in figures {
            let same = match (&there[column], figure) {
                (Figure::Number(one, _), Figure::Number(other, off)) => (one - other).abs() <= *off,
                (one, other) => one == other,
            };
            assert!(
                same,
                "{} {bucket:?} {column}: Elasticsearch has {:?}, HTTP {figure:?}",
                panel.id, there[column]
            );
        }
    }
}

#[test]
fn every_panel_shows_what_http_answers() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("panels");
    // With several, windows become final at checkpoints, and all of this may be in one: then nothing is revised.
    let setup = Setup::of(kafka, &name)
        .delivering(elastic, &name)
        .with("kafka", "appliers", "1");
    // Across a midnight in Shanghai, and with something of every kind.
    produce(
        &setup,
        &[
            "--count",
            "30000",
            "--seed",
            "7",
            "--start",
            "2026-11-01T13:30:00Z",
            "--per-second",
            "2",
            "--partitions",
            "3",
            "--disorder",
            "4s",
            "--late-fraction",
            "0.02",
            "--too-late-fraction",
            "0.004",
            "--future-fraction",
            "0.004",
            "--bad-fraction",
            "0.01",
        ],
    );
    // Then nothing for most of an hour, and after it more than an hour of one branch alone. Another has
    // one payment in all.
    produce(
        &setup,
        &[
            "--count",
            "1200",
            "--seed",
            "8",
            "--start",
            "2026-11-01T18:30:00Z",
            "--per-second",
            "2",
        ],
    );
    let alone = millis("2026-11-01T19:00:00Z");
    kafka.send(
        &name,
        (0..60)
            .map(|at| paid(at % 3, alone + i64::from(at) * 70_000, "12.5", 3))
            .chain([paid(0, millis("2026-11-01T14:00:30Z"), "7.25", 42)]),
    );
    let summary = setup.serve_until_end();
    assert_eq!(summary["ledger"]["balanced"], true, "{summary}");
    let service = setup.serve();
    let layout = layout_of(&format!("[elasticsearch]\nindex_prefix = '{name}'\n"));
    elastic.refresh(&format!("{name}-*"));

    let whole = (
        millis("2026-10-20T00:00:00Z"),
        millis("2026-11-03T00:00:00Z"),
    );
    let part = (
        millis("2026-11-01T14:00:00Z"),
        millis("2026-11-01T16:30:00Z"),
    );
    let gaps = (
        millis("2026-11-01T17:00:00Z"),
        millis("2026-11-01T20:10:00Z"),
    );
    let two = Some(vec!["Branch_3".to_owned(), "Branch_8".to_owned()]);
    let picks = [
        Picked {
            time: whole,
            interval: "1h",
            branches: None,
            only_final: false,
        },
        Picked {
            time: part,
            interval: "1m",
            branches: None,
            only_final: false,
        },
        Picked {
            time: part,
            interval: "30m",
            branches: two.clone(),
            only_final: true,
        },
        Picked {
            time: gaps,
            interval: "1m",
            branches: None,
            only_final: false,
        },
        Picked {
            time: gaps,
            interval: "5m",
            branches: two,
            only_final: true,
        },
    ];
    let mut rows_of: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut figures = 0;
    for panel in Panel::all(&layout) {
        let rows = rows_of
            .entry(panel.alias.clone())
            .or_insert_with(|| rows(&service, &layout, &panel.alias));
        let mut largest = 0;
        for picked in &picks {
            let asked = ask(elastic, &panel, picked);
            let computed = compute(&panel, picked, rows);
            assert_same(&panel, &asked, &computed);
            largest = largest.max(computed.len());
            figures += computed.values().map(BTreeMap::len).sum::<usize>();
        }
        assert!(largest > 0, "{} shows nothing in any case", panel.id);
    }
    assert!(figures > 2_000, "only {figures} figures were compared");
    // Branches without payments, some of them beside others that have some.
    for name in layout
        .definitions
        .iter()
        .map(|one| layout.alias(DocumentSet::Windows(one)))
    {
        let rows = rows_of.get(&name).into_iter().flatten();
        let without = rows.filter(|row| row["pay_count"] == 0).count();
        assert!(without > 0, "{name} has no window without payments");
    }
    // Nothing is proven by columns of zeros.
    let windows = &rows_of[&format!("{name}-1m")];
    for field in ["late_count", "revision", "pay_count"] {
        assert!(
            windows.iter().any(|row| row[field].as_u64() > Some(0)),
            "{field}"
        );
    }
    assert!(windows.iter().any(|row| row["final"] == false));
    let reasons: Vec<&Value> = rows_of[&format!("{name}-late")]
        .iter()
        .map(|row| &row["reason"])
        .collect();
    assert!(reasons.contains(&&json!("too_late")) && reasons.contains(&&json!("future")));
}
