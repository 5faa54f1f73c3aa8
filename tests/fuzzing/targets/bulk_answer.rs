//! Answers of Elasticsearch to a bulk: one verdict for each document, and nothing counts as delivered that an
//! independent reading of the answer does not call delivered.

use serde_json::Value;
use tidegauge::sink::fuzzing::{AskedDocument, verdicts};

/// An input is a line with the HTTP status and the number of documents, such as `200 3`, and then the body.
pub fn run(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (head, body) = data.split_at(end);
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    let head = String::from_utf8_lossy(head);
    let mut words = head.split(' ');
    let status = words.next().and_then(|word| word.parse().ok());
    let status: u16 = status.unwrap_or(200);
    let count: u32 = words.next().and_then(|word| word.parse().ok()).unwrap_or(2);

    let asked: Vec<AskedDocument> = (0..count.clamp(1, 8)).map(document).collect();
    let judged = verdicts(&asked, status, body);
    assert_eq!(
        verdicts(&asked, status, body),
        judged,
        "a verdict depends on the answer alone"
    );
    let Ok(judged) = judged else {
        // It is about the request, so that every document of it is sent again, parked or held back.
        return;
    };
    assert!((200..300).contains(&status), "{status}");
    assert_eq!(judged.len(), asked.len());
    // Text that nothing is taken from need not be right: it is replaced, or the answer is not compared.
    let text = String::from_utf8_lossy(body);
    let Ok(answer) = serde_json::from_str::<Value>(&text) else {
        return;
    };
    let items = answer["items"].as_array().unwrap();
    assert_eq!(items.len(), asked.len());
    for ((asked, item), (verdict, is_outdated)) in asked.iter().zip(items).zip(&judged) {
        let item = &item["index"];
        assert_eq!(item["_id"], asked.id, "{item}");
        let index = item["_index"].as_str().unwrap();
        assert!(
            [&asked.index, &asked.alias].contains(&&index.to_owned()),
            "{item}"
        );
        assert_eq!(*verdict, expected(asked, item), "{item}");
        let is_conflict = matches!(
            item["error"]["type"].as_str(),
            None | Some("version_conflict_engine_exception")
        );
        let has_newer = item["status"] == 409 && is_conflict;
        assert_eq!(*is_outdated, has_newer, "{item}");
    }
}

fn document(number: u32) -> AskedDocument {
    AskedDocument {
        id: format!("b{number}"),
        index: "p-totals-g1".to_owned(),
        alias: "p-totals-g1-write".to_owned(),
        uuid: "u1".to_owned(),
    }
}

/// The verdict by the table of docs/elasticsearch.md.
fn expected(asked: &AskedDocument, item: &Value) -> &'static str {
    let error = &item["error"];
    let kind = error["type"].as_str();
    let uuid = error["index_uuid"].as_str();
    let is_of_another = uuid.is_some_and(|uuid| uuid != asked.uuid);
    match (item["status"].as_u64().unwrap(), kind) {
        (200 | 201, None) => "Done",
        (409, None | Some("version_conflict_engine_exception")) if is_of_another => "Missing",
        (409, None | Some("version_conflict_engine_exception")) => "Done",
        (404, Some("index_not_found_exception")) => "Missing",
        (_, Some("cluster_block_exception" | "index_closed_exception")) => "Retry",
        (401 | 403, _) => "Denied",
        (413, _) => "TooLarge",
        (400, _) => "Park",
        _ => "Retry",
    }
}
