//! What amounts are summed by: the expression that reads it as a text.

use super::FlinkJob;
use super::event_time::NUMBER;
use super::raw_columns::RawColumns;
use super::sql_text::literal;
use crate::decode::mapping::{BranchType, Currencies, KeyPlaces, Place, TemplatePart};
use crate::domain::branch_key::BRANCH_TEXT_BYTES_MAX;

/// What a branch is put together of.
enum BranchPiece {
    Text(String),
    Place(Place),
    Currency,
}

/// The branch as in ids of documents, NULL if what stands there can't be one.
pub(super) fn text(job: &FlinkJob, columns: &mut RawColumns) -> String {
    let settings = job.decoding.mapping.settings();
    if let (KeyPlaces::One(place), BranchType::Integer) = (&settings.branch, settings.branch_type) {
        let text = columns.text(place);
        let number = format!("TRY_CAST({text} AS DECIMAL(38, 18))");
        return format!(
            "CASE WHEN REGEXP({text}, {}) AND MOD({number}, 1) = 0 AND {number} BETWEEN 0 AND 2147483647 THEN \
             CAST(CAST({number} AS BIGINT) AS STRING) END",
            literal(NUMBER)
        );
    }
    let mut key: Vec<String> = Vec::new();
    let mut valid: Vec<String> = Vec::new();
    let parts = parts(job);
    for (number, part) in parts.iter().enumerate() {
        let value = match part {
            BranchPiece::Text(text) => {
                key.push(literal(text));
                continue;
            }
            BranchPiece::Place(place) => of_key(&columns.text(place)),
            BranchPiece::Currency => currency(job, columns).unwrap_or_default(),
        };
        valid.push(format!("CHAR_LENGTH({value}) > 0"));
        // Otherwise other values could give the same branch.
        if let Some(BranchPiece::Text(next)) = parts.get(number + 1)
            && !is_before_currency(next, &parts[number + 2..])
        {
            let next = literal(next);
            valid.push(format!(
                "POSITION({next} IN CONCAT({value}, {next})) = CHAR_LENGTH({value}) + 1"
            ));
        }
        key.push(value);
    }
    let key = match key.as_slice() {
        [one] => one.clone(),
        several => format!("CONCAT({})", several.join(", ")),
    };
    // HEX has two digits for each byte.
    valid.push(format!(
        "CHAR_LENGTH(HEX({key})) BETWEEN 2 AND {}",
        2 * BRANCH_TEXT_BYTES_MAX
    ));
    valid.push(format!("NOT REGEXP({key}, '[\\x00-\\x1f\\x7f-\\x9f]')"));
    format!("CASE WHEN {} THEN {key} END", valid.join(" AND "))
}

/// The code of the currency in capital letters, NULL if it is not valid; `None` if there is none to be read.
pub(super) fn currency(job: &FlinkJob, columns: &mut RawColumns) -> Option<String> {
    let settings = job.decoding.mapping.settings();
    let text = columns.text(settings.currency.as_ref()?);
    Some(match settings.currencies {
        Currencies::Apart => {
            format!("CASE WHEN REGEXP({text}, '^[A-Za-z0-9]{{1,8}}\\z') THEN UPPER({text}) END")
        }
        Currencies::Only(code) => {
            let code = literal(code.as_str());
            format!("CASE WHEN UPPER({text}) = {code} THEN {code} END")
        }
    })
}

fn parts(job: &FlinkJob) -> Vec<BranchPiece> {
    let settings = job.decoding.mapping.settings();
    let is_apart = settings.currencies == Currencies::Apart;
    let currency = settings.currency.as_ref().filter(|_| is_apart);
    let part = |place: &Place| match Some(place) == currency {
        true => BranchPiece::Currency,
        false => BranchPiece::Place(place.clone()),
    };
    let mut parts: Vec<BranchPiece> = match &settings.branch {
        KeyPlaces::One(place) => vec![part(place)],
        KeyPlaces::Several(template) => template
            .parts()
            .iter()
            .map(|it| match it {
                TemplatePart::Text(text) => BranchPiece::Text(text.clone()),
                TemplatePart::Place(place) => part(place),
            })
            .collect(),
    };
    let has_currency = parts.iter().any(|it| matches!(it, BranchPiece::Currency));
    if currency.is_some() && !has_currency {
        parts.extend([BranchPiece::Text("/".to_owned()), BranchPiece::Currency]);
    }
    parts
}

// A currency at the end is told from the back.
fn is_before_currency(next: &str, rest: &[BranchPiece]) -> bool {
    matches!(rest, [BranchPiece::Currency]) && !next.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// A part of a key: an integer in digits, however it is written, or a text.
fn of_key(text: &str) -> String {
    let number = format!("TRY_CAST({text} AS DECIMAL(38, 18))");
    format!(
        "CASE WHEN REGEXP({text}, {}) AND MOD({number}, 1) = 0 THEN CAST(CAST({number} AS DECIMAL(38, 0)) AS \
         STRING) ELSE {text} END",
        literal(NUMBER)
    )
}
