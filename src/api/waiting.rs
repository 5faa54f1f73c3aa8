//! Reads that wait for the state to reach a place: so that a client finds its own payments in the
//! figures it asks for.

use std::time::Duration;

use axum::extract::Query;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use tokio::time::Instant;

use super::SharedState;
use super::effort::Patience;
use super::parameters::{Parameters, WAITING, wrong};
use super::problem::Problem;
use super::progress::{Goal, Missed, Reached};
use crate::domain::count::counted;
use crate::domain::duration;
use crate::observe::status::{Condition, Part};

/// How long is waited unless the request says otherwise.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
/// How long is waited at most.
const TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// What a request waits for before it is answered.
pub(super) struct Wait {
    goal: Goal,
    timeout: Duration,
}

impl Wait {
    /// What `parameters` say to wait for, if they say so.
    pub(super) fn of(parameters: &Parameters) -> Result<Option<Self>, Problem> {
        if WAITING.iter().all(|name| parameters.text(name).is_none()) {
            return Ok(None);
        }
        Ok(Some(Self {
            goal: Goal::of(parameters)?,
            timeout: timeout(parameters)?,
        }))
    }

    /// Waits, with `patience`, unless it asks for what can't come, or `check` says that the question is
    /// wrong by what is known now.
    pub(super) async fn over(
        &self,
        app: &SharedState,
        patience: &Patience,
        check: impl FnOnce(&Reached) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        patience.wait_for(self.timeout);
        let waited = self.reach(app, check).await;
        patience.begin();
        waited.map_err(|missed| match missed {
            Missed::TimedOut(missing) => Problem::not_reached(self.timeout, &missing),
            Missed::Problem(problem) => problem,
        })
    }

    async fn reach(
        &self,
        app: &SharedState,
        check: impl FnOnce(&Reached) -> Result<(), Problem>,
    ) -> Result<(), Missed> {
        let deadline = Instant::now() + self.timeout;
        let now = app.progress.look().await?;
        self.check_partitions(app, &now)?;
        check(&now)?;
        app.progress.reach(self.goal.clone(), deadline).await
    }

    /// Refuses a partition that the topic does not have.
    fn check_partitions(&self, app: &SharedState, now: &Reached) -> Result<(), Problem> {
        let wanted = self.goal.positions.keys();
        let unread: Vec<_> = wanted
            .filter(|partition| !now.positions.contains_key(*partition))
            .collect();
        if unread.is_empty() {
            return Ok(());
        }
        let board = app.state.status.board();
        // Until a broker has said which partitions there are, any may be one.
        let source = board.parts.get(&Part::Source);
        let is_known = source.is_some_and(|source| source.condition != Condition::Starting)
            && !board.partitions.is_empty();
        let missing = unread
            .into_iter()
            .find(|partition| !board.partitions.contains_key(*partition));
        let Some(partition) = missing.filter(|_| is_known) else {
            return Ok(());
        };
        // They are numbered without gaps, and one that was found just now may be in only one of the two.
        let count = board.partitions.len().max(now.positions.len());
        Err(Problem::parameter(
            "min_position",
            format!(
                "parameter \"min_position\" names partition {partition}, which the topic does not have: it \
                 has {}, numbered from 0; if more were added just now, ask again in a minute",
                counted(count as u64, "partition")
            ),
        ))
    }
}

/// Whether a pair of the query is one of those that say what to wait for, however it is encoded.
fn is_ours(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    if WAITING.contains(&name) || !name.contains('%') {
        return WAITING.contains(&name);
    }
    let uri = Uri::try_from(format!("/?{name}="));
    let read = uri.map(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri));
    matches!(read, Ok(Ok(Query(pairs))) if pairs.iter().any(|(name, _)| WAITING.contains(&name.as_str())))
}

/// `uri` without the parameters that say what to wait for.
pub(super) fn without_waiting(uri: &Uri) -> Result<Uri, Problem> {
    let pairs = uri.query().unwrap_or_default().split('&');
    let rest: Vec<&str> = pairs.filter(|pair| !is_ours(pair)).collect();
    let mark = if rest.is_empty() { "" } else { "?" };
    let text = format!("{}{mark}{}", uri.path(), rest.join("&"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(text).ok();
    Uri::from_parts(parts).map_err(|_| Problem::path("the query string can't be read"))
}

fn timeout(parameters: &Parameters) -> Result<Duration, Problem> {
    let Some(text) = parameters.text("timeout") else {
        return Ok(TIMEOUT_DEFAULT);
    };
    match duration::parse(text) {
        Ok(timeout) if timeout <= TIMEOUT_MAX => Ok(timeout),
        _ => Err(wrong(
            "timeout",
            text,
            "a duration of at most 30s, such as 500ms or 5s",
        )),
    }
}

impl Goal {
    fn of(parameters: &Parameters) -> Result<Self, Problem> {
        let mut goal = Self {
            watermark: parameters.time("min_watermark")?,
            ..Self::default()
        };
        if let Some(text) = parameters.text("min_position") {
            for pair in text.split(',') {
                let place = pair.split_once(':').and_then(|(partition, offset)| {
                    let partition: i32 = partition.parse().ok()?;
                    let offset: i64 = offset.parse().ok()?;
                    (partition >= 0 && offset >= 0).then_some((partition, offset))
                });
                let fresh = place.is_some_and(|(partition, offset)| {
                    goal.positions.insert(partition, offset).is_none()
                });
                if !fresh {
                    return Err(wrong(
                        "min_position",
                        text,
                        "the next offset of one or more partitions, each once, such as \
                         0:750000,3:1200",
                    ));
                }
            }
        }
        Ok(goal)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_to_wait_for_is_taken_out_of_the_question() {
        for (asked, rest) in [
            (
                "/windows/1m?branch=1&min_position=0:5&timeout=1s&limit=2",
                "/windows/1m?branch=1&limit=2",
            ),
            // A name counts as it reads, not as it is encoded.
            (
                "/totals?min%5Fposition=0:5&branch%31=1",
                "/totals?branch%31=1",
            ),
            ("/ledger?min_watermark=0", "/ledger"),
            (
                "/totals?branch=min_position&timeout=1s",
                "/totals?branch=min_position",
            ),
        ] {
            let asked: Uri = asked.parse().unwrap();
            assert_eq!(without_waiting(&asked).unwrap(), rest, "{asked}");
        }
    }

    #[test]
    fn a_request_waits_if_it_says_for_what_or_how_long() {
        let waits = |text: &str| {
            let uri: Uri = text.parse().unwrap();
            let parameters = Parameters::of(&uri, &[&["branch"][..], &WAITING].concat());
            Wait::of(&parameters.unwrap()).unwrap().is_some()
        };
        for query in ["min_position=0:1", "min_watermark=0", "timeout=1s"] {
            assert!(waits(&format!("/?branch=1&{query}")), "{query}");
        }
        assert!(waits("/?min%5Fposition=0:5"));
        assert!(!waits("/?branch=min_position"));
        assert!(!waits("/"));
    }

    #[test]
    fn a_position_is_a_partition_and_an_offset() {
        let goal = |text: &str| {
            let uri: Uri = format!("/?min_position={text}").parse().unwrap();
            Goal::of(&Parameters::of(&uri, &WAITING).unwrap())
        };
        assert_eq!(
            goal("0:7,3:0").unwrap().positions,
            BTreeMap::from([(0, 7), (3, 0)])
        );
        for wrong in [
            "", "7", "0:", ":7", "0:-1", "-1:0", "0:7,0:8", "0:7,", "a:b",
        ] {
            assert!(goal(wrong).is_err(), "{wrong:?}");
        }
    }
}
