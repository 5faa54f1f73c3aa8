//! Branches that are texts: in answers, in addresses and in columns.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch, StringArray, UInt32Array};
use arrow_ipc::reader::StreamReader;
use arrow_schema::DataType;
use axum::Router;
use chrono_tz::Tz;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidegauge::api::{Limits, State, router};
use tidegauge::core::pipeline::{Pipeline, PipelineStart};
use tidegauge::decode::DecodeRules;
use tidegauge::decode::mapping::{BranchType, Mapping, MappingSettings};
use tidegauge::domain::branch_names::BranchNames;
use tidegauge::domain::record::Record;
use tidegauge::host::clock::Instant;
use tidegauge::observe::status::Status;
use tidegauge::store::{Identity, MarkedDocuments, Store};
use tidegauge_windows::{Definition, Settings, Span};

use super::world::{get, json as ask};

/// 2026-11-01T00:00:00Z.
const START: i64 = 1_793_491_200_000;
/// Branches as records have them, in the order in which they are first seen.
const SEEN: [&str; 7] = [
    "\"DE/12 ä🏪?&#\"",
    "7",
    "\"Mitte\"",
    "\"Branch_7\"",
    "\"a,\\\"b\\\";'\"",
    "1",
    "\"..@%2F\"",
];
/// Their names, in the order of their ids: integers, the text that is listed, and the other texts.
const NAMES: [&str; 8] = [
    "Mitte",
    "Branch_7",
    "Store \"Hamburg\"",
    "DE/12 ä🏪?&#",
    "Branch_Mitte",
    "Branch_Branch_7",
    "a,\"b\";'",
    "..@%2F",
];

/// A state with payments.
struct Till {
    _dir: TempDir,
    store: Store,
    pipeline: Pipeline,
    offset: i64,
}

impl Till {
    fn new(names: BranchNames) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let minutes = Definition::tumbling("1m", Span::MINUTE, Span::ZERO, Tz::UTC).unwrap();
        let settings = Arc::new(Settings {
            definitions: vec![minutes],
            out_of_orderness: Span::SECOND.times(5),
            allowed_lateness: Span::DAY,
            max_future: Span::MINUTE.times(5),
            retention: Span::DAY.times(35),
            zero_windows: true,
        });
        let identity = Identity {
            topic: "payment_msg".into(),
            generation: 1,
            rules: String::new(),
            settings: Arc::clone(&settings),
            names: Arc::new(names),
            documents: MarkedDocuments::None,
        };
        let (store, _) = Store::open(dir.path(), &identity).unwrap();
        let start = PipelineStart::default();
        let mapping = MappingSettings {
            branch_type: BranchType::Any,
            ..MappingSettings::default()
        };
        let rules = DecodeRules {
            mapping: Arc::new(Mapping::new(mapping)),
            zone: Tz::UTC,
            text_order_ids: false,
        };
        Self {
            _dir: dir,
            pipeline: Pipeline::new(settings, rules, store.branches(), start),
            store,
            offset: 0,
        }
    }

    /// One payment of 1 for each branch, in a minute of its own.
    fn pay(&mut self, branches: &[&str]) {
        for branch in branches {
            let time = START + self.offset * 60_000;
            let payload = format!(r#"{{"createTime":{time},"payAmount":1,"branchId":{branch}}}"#);
            self.pipeline
                .apply([Record {
                    partition: 0,
                    offset: self.offset,
                    timestamp: Some(time),
                    payload: Some(payload.as_bytes()),
                    ..Record::default()
                }])
                .unwrap();
            self.offset += 1;
        }
        let effects = self.pipeline.take_effects();
        self.store.commit(&effects, &[], START).unwrap();
    }

    fn routes(&self) -> Router {
        let state = State {
            readings: self.store.readings(),
            changelog: self.store.changelog(),
            status: Arc::new(Status::new()),
            branches: self.store.branches(),
            index_prefix: None,
            version: "0.0.0-test",
            started: Instant::now(),
        };
        router(state, None, Limits::default())
    }
}

fn names(names: &[(&str, &str)]) -> BranchNames {
    let names = names.iter();
    BranchNames::new(
        names
            .map(|(branch, name)| (branch.parse().unwrap(), (*name).to_owned()))
            .collect(),
    )
}

fn paid() -> Till {
    let mut till = Till::new(names(&[("1", "Mitte"), ("DE-0042", "Store \"Hamburg\"")]));
    till.pay(&SEEN);
    till
}

/// `text` as a part of an address.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn columns(rows: &Value, column: &str) -> Vec<Value> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row[column].clone()).collect()
}

#[tokio::test]
async fn totals_of_texts_follow_those_of_integers_in_the_order_in_which_they_were_seen() {
    let routes = paid().routes();
    let totals = &ask(&routes, "/api/v1/totals").await["totals"];
    assert_eq!(columns(totals, "branch"), NAMES);
    assert_eq!(
        columns(totals, "branch_id"),
        [
            json!(1),
            json!(7),
            json!("DE-0042"),
            json!("DE/12 ä🏪?&#"),
            json!("Mitte"),
            json!("Branch_7"),
            json!("a,\"b\";'"),
            json!("..@%2F"),
        ]
    );
    assert_eq!(columns(totals, "pay_count"), [1, 1, 0, 1, 1, 1, 1, 1]);
}

#[tokio::test]
async fn a_branch_is_found_by_its_name_and_a_text_by_itself_in_every_address() {
    let till = paid();
    let routes = till.routes();
    let totals = ask(&routes, "/api/v1/totals").await["totals"].clone();
    for total in totals.as_array().unwrap() {
        let name = encoded(total["branch"].as_str().unwrap());
        let one = ask(&routes, &format!("/api/v1/totals/{name}")).await;
        assert_eq!(one["total"], *total);
        let of_name = ask(&routes, &format!("/api/v1/windows/1m?branch={name}")).await;
        let ids: BTreeSet<String> = columns(&of_name["items"], "branch_id")
            .iter()
            .map(Value::to_string)
            .collect();
        assert_eq!(ids, BTreeSet::from([total["branch_id"].to_string()]));
    }
    let by_id = |id: &'static str| {
        let routes = routes.clone();
        async move {
            ask(&routes, &format!("/api/v1/totals/{}", encoded(id))).await["total"]["branch"]
                .clone()
        }
    };
    assert_eq!(by_id("DE-0042").await, "Store \"Hamburg\"");
    assert_eq!(by_id("DE/12 ä🏪?&#").await, "DE/12 ä🏪?&#");
    assert_eq!(by_id("7").await, "Branch_7");
    // A name goes before an id.
    assert_eq!(by_id("Mitte").await, "Mitte");
    let table = get(
        &routes,
        &format!("/api/v1/totals/{}?format=csv", encoded("DE/12 ä🏪?&#")),
    )
    .await;
    assert_eq!(
        table.header("content-disposition"),
        "inline; filename=\"total-DE_12______.csv\""
    );
}

#[tokio::test]
async fn a_text_that_was_never_seen_is_not_found_until_it_is() {
    let mut till = paid();
    let routes = till.routes();
    let unknown = "/api/v1/totals/New%2F1";
    let problem = get(&routes, unknown).await.problem(404);
    assert!(problem["detail"].as_str().unwrap().contains("New/1"));
    get(&routes, "/api/v1/windows/1m?branch=New%2F1")
        .await
        .problem(404);
    get(&routes, "/api/v1/events?branch=New%2F1")
        .await
        .problem(404);
    till.pay(&["\"New/1\""]);
    assert_eq!(ask(&routes, unknown).await["total"]["branch_id"], "New/1");
    // What can't be a branch is not found either.
    get(&routes, "/api/v1/totals/a%0Ab").await.problem(404);
    // Where no branch can be a text, it is as it always was.
    let mut till = Till::new(names(&[("1", "Mitte")]));
    till.pay(&["1"]);
    get(&till.routes(), unknown).await.problem(404);
}

#[tokio::test]
async fn pages_of_texts_are_the_parts_of_the_whole() {
    let routes = paid().routes();
    let address = "/api/v1/windows/1m?from=2026-11-01";
    let whole = ask(&routes, address).await["items"].clone();
    let mut parts = Vec::new();
    let mut next = String::new();
    loop {
        let page = ask(&routes, &format!("{address}&limit=2{next}")).await;
        parts.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["next"].as_str() else {
            break;
        };
        next = format!("&cursor={cursor}");
    }
    assert!(parts.len() > 20);
    assert_eq!(Value::from(parts), whole);
}

fn batches(bytes: &[u8]) -> Vec<RecordBatch> {
    let reader = StreamReader::try_new(bytes, None).unwrap();
    reader.map(Result::unwrap).collect()
}

#[tokio::test]
async fn the_column_of_branches_has_the_type_that_the_configuration_allows() {
    let till = paid();
    let routes = till.routes();
    let mut ids = Vec::new();
    for path in ["totals", "windows/1m?branch=7", "windows/1m?to=2000-01-01"] {
        let sign = if path.contains('?') { '&' } else { '?' };
        let answer = get(&routes, &format!("/api/v1/{path}{sign}format=arrow")).await;
        let reader = StreamReader::try_new(answer.body.as_ref(), None).unwrap();
        let schema = reader.schema();
        let field = schema.field_with_name("branch_id").unwrap();
        assert_eq!(
            (field.data_type(), field.is_nullable()),
            (&DataType::Utf8, false)
        );
        for batch in batches(&answer.body) {
            let column = batch.column_by_name("branch_id").unwrap().clone();
            let column = column
                .as_any()
                .downcast_ref::<StringArray>()
                .unwrap()
                .clone();
            ids.extend(column.iter().map(|id| id.unwrap().to_owned()));
        }
    }
    assert_eq!(ids[..4], ["1", "7", "DE-0042", "DE/12 ä🏪?&#"]);
    assert_eq!(ids.last().map(String::as_str), Some("7"));

    let mut till = Till::new(names(&[("1", "Mitte")]));
    till.pay(&["7"]);
    let answer = get(&till.routes(), "/api/v1/totals?format=arrow").await;
    let [batch] = &batches(&answer.body)[..] else {
        panic!("there is one batch")
    };
    let column = batch.column_by_name("branch_id").unwrap();
    assert_eq!(
        column
            .as_any()
            .downcast_ref::<UInt32Array>()
            .unwrap()
            .values(),
        &[1, 7]
    );
}

#[tokio::test]
async fn a_row_in_csv_has_the_text() {
    let routes = paid().routes();
    let answer = get(&routes, "/api/v1/totals?format=csv").await;
    let mut reader = csv::Reader::from_reader(answer.body.as_ref());
    let rows: Vec<(String, String)> = reader
        .records()
        .map(|row| row.unwrap())
        .map(|row| (row[0].to_owned(), row[1].to_owned()))
        .collect();
    assert_eq!(rows[2], ("Store \"Hamburg\"".into(), "DE-0042".into()));
    assert_eq!(rows[6], ("a,\"b\";'".into(), "a,\"b\";'".into()));
}
