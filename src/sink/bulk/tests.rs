//! The bytes of a bulk request, and which answers count as success.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::payment::BranchId;

fn bulk(lengths: &[usize], max_bytes: usize) -> Bulk {
    let target = Target {
        family: Family::Totals,
        index: "totals-g1".into(),
        alias: "totals-g1-write".into(),
        uuid: "u1".into(),
    };
    let mut bulk = Bulk::new();
    for (at, length) in lengths.iter().enumerate() {
        let branch = BranchId::new(u32::try_from(at).unwrap()).unwrap();
        let document = Document {
            id: format!("b{at}"),
            change: DocumentChange::Write {
                version: 7,
                source: serde_json::value::to_raw_value(&"x".repeat(*length)).unwrap(),
            },
        };
        bulk.push(
            DocumentKey::Total(branch),
            Mark(1),
            &target,
            document,
            max_bytes,
        )
        .unwrap();
    }
    bulk
}

fn lines(body: &[u8]) -> Vec<Value> {
    body.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn a_document_is_two_lines_with_id_version_and_alias() {
    let bulk = bulk(&[3], 1_000);
    let expected = json!({"index": {
        "_index": "totals-g1-write", "_id": "b0", "version": 7, "version_type": "external_gte",
    }});
    assert_eq!(lines(&bulk.body), [expected, json!("xxx")]);
    assert_eq!(bulk.body.last(), Some(&b'\n'));
}

#[test]
fn a_bulk_takes_no_more_bytes_than_it_may_but_one_document_of_any_length() {
    assert_eq!(bulk(&[10_000], 100).len(), 1);
    assert_eq!(bulk(&[10, 10_000], 1_000).len(), 1);
    let full = bulk(&[100; 50], 2_000);
    assert!(full.body.len() <= 2_000 && full.len() < 50);
    let next = full.body.len() + full.body.len() / full.len() + 10;
    assert!(next > 2_000);
}

#[test]
fn halves_are_whole_bulks_down_to_single_documents() {
    let bulk = bulk(&[1, 200, 30, 4, 50], 10_000);
    let whole = lines(&bulk.body);
    let mut parts = vec![BulkPart {
        body: bulk.body.into(),
        items: bulk.items,
    }];
    let mut single = Vec::new();
    while let Some(part) = parts.pop() {
        assert_eq!(part.items.last().unwrap().end, part.body.len());
        assert_eq!(lines(&part.body).len(), 2 * part.items.len());
        if part.items.len() == 1 {
            single.extend(lines(&part.body));
        } else {
            let (first, second) = part.halves();
            parts.extend([second, first]);
        }
    }
    assert_eq!(single, whole);
}

fn answer(index: &str, id: &str, status: u16, error: Option<&str>) -> Value {
    let mut answer = json!({"_index": index, "_id": id, "status": status});
    if let Some(kind) = error {
        answer["error"] = json!({"type": kind, "reason": "so it is"});
    }
    json!({ "index": answer })
}

#[test]
fn each_document_has_its_own_outcome() {
    let items = bulk(&[1; 4], 10_000).items;
    let body = json!({"errors": true, "items": [
        answer("totals-g1", "b0", 201, None),
        answer("totals-g1", "b1", 429, Some("es_rejected_execution_exception")),
        answer("totals-g1-write", "b2", 404, Some("index_not_found_exception")),
        answer("totals-g1", "b3", 409, Some("version_conflict_engine_exception")),
    ]});
    let outcomes = outcomes(&items, body.to_string().as_bytes()).unwrap();
    let verdicts: Vec<Verdict> = outcomes.iter().map(|outcome| outcome.verdict).collect();
    assert_eq!(
        verdicts,
        [
            Verdict::Done,
            Verdict::Retry,
            Verdict::Missing,
            Verdict::Done
        ]
    );
    assert_eq!(
        outcomes[1].reason,
        "totals-g1/b1: status 429, es_rejected_execution_exception: so it is"
    );
}

#[test]
fn an_answer_about_other_documents_does_not_count() {
    let items = bulk(&[1; 2], 10_000).items;
    let first = || answer("totals-g1", "b0", 200, None);
    for items_answered in [
        json!([first()]),
        json!([first(), first()]),
        json!([first(), answer("totals-g1", "b1", 200, None), first()]),
        json!([answer("totals-g1", "b1", 200, None), first()]),
        json!([first(), answer("totals-g2", "b1", 200, None)]),
        json!([first(), {"create": first()["index"]}]),
        json!([first(), {"index": {"_id": "b1", "_index": "totals-g1"}}]),
        json!({"0": first(), "1": first()}),
        json!(null),
    ] {
        let body = json!({"errors": false, "items": items_answered}).to_string();
        let trouble = outcomes(&items, body.as_bytes()).unwrap_err();
        assert_eq!(trouble.verdict, Verdict::Retry, "{body}");
    }
}

proptest! {
    #[test]
    fn no_answer_whatsoever_is_taken_for_success(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let items = bulk(&[1; 2], 10_000).items;
        prop_assert!(outcomes(&items, &body).is_err());
    }

    #[test]
    fn an_answer_cut_short_does_not_count(cut in 0_usize..1_000) {
        let items = bulk(&[1; 3], 10_000).items;
        let all: Vec<Value> = (0..3)
            .map(|at| answer("totals-g1", &format!("b{at}"), 200, None))
            .collect();
        let body = json!({"errors": false, "items": all}).to_string();
        let cut = cut % body.len();
        prop_assert!(outcomes(&items, &body.as_bytes()[..cut]).is_err());
        prop_assert!(outcomes(&items, body.as_bytes()).is_ok());
    }
}

fn deletion() -> Bulk {
    let mut bulk = bulk(&[], 1_000);
    let target = Target {
        family: Family::Rejects,
        index: "rejects-g1".into(),
        alias: "rejects-g1-write".into(),
        uuid: "u1".into(),
    };
    let origin = crate::domain::document_key::Origin {
        partition: 2,
        offset: 7,
    };
    let document = Document {
        id: "2-7".into(),
        change: DocumentChange::Delete,
    };
    bulk.push(
        DocumentKey::Reject(origin),
        Mark(1),
        &target,
        document,
        1_000,
    )
    .unwrap();
    bulk
}

#[test]
fn a_deletion_is_one_line_that_never_makes_an_index() {
    let bulk = deletion();
    let expected = json!({"delete": { "_index": "rejects-g1-write", "_id": "2-7" }});
    assert_eq!(lines(&bulk.body), [expected]);
}

#[test]
fn a_document_that_is_not_there_is_deleted_and_one_whose_index_is_lost_is_not() {
    let bulk = deletion();
    let judged = |action: &str, answer: Value| {
        let body = json!({ "items": [{ action: answer }] }).to_string();
        let outcomes = outcomes(&bulk.items, body.as_bytes());
        outcomes.map(|outcomes| outcomes[0].verdict)
    };
    let answer = |status| json!({ "_index": "rejects-g1", "_id": "2-7", "status": status });
    for (status, verdict) in [
        (200, Verdict::Done),
        (404, Verdict::Done),
        (429, Verdict::Retry),
    ] {
        assert_eq!(judged("delete", answer(status)).unwrap(), verdict);
    }
    let mut lost = answer(404);
    lost["error"] = json!({ "type": "index_not_found_exception", "reason": "no such index" });
    assert_eq!(judged("delete", lost).unwrap(), Verdict::Missing);
    assert!(judged("index", answer(200)).is_err());
}
