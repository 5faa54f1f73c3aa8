//! Which windows without payments have documents, and queries for those that should not.

use serde_json::{Value, json};
use tidegauge_windows::{EventTime, Key, Kind};

use crate::domain::branch::Branches;
use crate::domain::branch_key::BranchKey;
use crate::domain::payment::BranchId;
use crate::domain::timestamp::rfc3339;
use crate::view::reading::{ReadError, Reading};

/// The windows without payments that have documents, if `elasticsearch.zero_windows` is on.
#[derive(Debug)]
pub(super) struct GivenZeros {
    /// The names of the definitions whose windows don't overlap.
    tumbling: Vec<String>,
    /// They end at this time, or before.
    pub(super) until: Option<EventTime>,
    /// The branches that have some, and since when each is known: at most 1,000.
    known: Vec<(BranchKey, EventTime)>,
}

impl GivenZeros {
    pub(super) fn read(reading: &dyn Reading, branches: &Branches) -> Result<Self, ReadError> {
        let frame = reading.frame();
        let until = frame.snapshot().zeros_end_at;
        let mut known = reading.known(BranchId::FIRST, usize::MAX)?;
        known.retain(|(_, since)| until.is_none_or(|until| *since < until));
        let definitions = frame.definitions().iter();
        let tumbling = definitions.filter(|definition| definition.kind() == Kind::Tumbling);
        Ok(Self {
            tumbling: tumbling.map(|it| it.name().to_owned()).collect(),
            until,
            known: known
                .into_iter()
                .map(|(branch, since)| (branches.key(branch), since))
                .collect(),
        })
    }

    /// Queries for windows that are not among them, whether or not those have payments.
    pub(super) fn others(&self) -> Vec<Value> {
        let branches: Vec<String> = self.known.iter().map(|(it, _)| it.to_string()).collect();
        let mut queries = vec![
            none_of("window", &self.tumbling),
            none_of("branch_id", &branches),
        ];
        queries.extend(self.until.map(ends_after));
        let paid = |(_, since): &&(BranchKey, EventTime)| *since >= EventTime::CALENDAR_MIN;
        queries.extend(self.known.iter().filter(paid).map(|(branch, since)| {
            let ends = json!({ "range": { "window_end": { "lte": rfc3339(*since) } } });
            let filter = [json!({ "term": { "branch_id": branch.to_string() } }), ends];
            json!({ "bool": { "filter": filter } })
        }));
        queries
    }
}

/// Windows that end after `time`.
pub(super) fn ends_after(time: EventTime) -> Value {
    // Elasticsearch reads no date before the calendar.
    if time < EventTime::CALENDAR_MIN {
        return all();
    }
    json!({ "range": { "window_end": { "gt": rfc3339(time) } } })
}

pub(super) fn all() -> Value {
    json!({ "match_all": {} })
}

fn none_of(field: &str, values: &[String]) -> Value {
    json!({ "bool": { "must_not": { "terms": { field: values } } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_that_is_configured_has_zeros_from_the_beginning() {
        let branch = |text: &str| BranchKey::Text(text.into());
        let zeros = GivenZeros {
            tumbling: vec!["1m".into()],
            until: Some(EventTime::from_millis(120_000)),
            known: vec![
                (branch("DE/3"), EventTime::MIN),
                (
                    BranchKey::Integer(BranchId::FIRST),
                    EventTime::from_millis(60_000),
                ),
            ],
        };
        let expected = [
            json!({"bool": {"must_not": {"terms": {"window": ["1m"]}}}}),
            json!({"bool": {"must_not": {"terms": {"branch_id": ["DE/3", "0"]}}}}),
            json!({"range": {"window_end": {"gt": "1970-01-01T00:02:00Z"}}}),
            json!({"bool": {"filter": [
                {"term": {"branch_id": "0"}},
                {"range": {"window_end": {"lte": "1970-01-01T00:01:00Z"}}},
            ]}}),
        ];
        assert_eq!(zeros.others(), expected);
    }

    #[test]
    fn more_branches_configured_than_zeros_are_given_for_leave_none() {
        assert_eq!(ends_after(EventTime::MIN), all());
    }
}
