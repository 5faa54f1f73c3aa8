//! Reads that wait for the state to reach a place: so that a client finds its own payments in the
//! figures it asks for.

use std::time::Duration;

use axum::extract::Query;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use tokio::time::Instant;

use super::SharedState;
use super::parameters::{Parameters, WAITING, may_wait, wrong};
use super::problem::Problem;
use super::progress::{Goal, Missed};
use crate::domain::duration;

/// How long is waited unless the request says otherwise.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
/// How long is waited at most.
const TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// Waits for what `uri` asks for, and gives it without the parameters that say so.
pub(super) async fn wait(app: &SharedState, uri: &Uri) -> Result<Uri, Problem> {
    if !asks_to_wait(uri) {
        return Ok(uri.clone());
    }
    let (rest, asked) = split(uri)?;
    let parameters = Parameters::of(&asked, &WAITING)?;
    let goal = Goal::of(&parameters)?;
    let timeout = timeout(&parameters)?;
    match app.progress.reach(goal, Instant::now() + timeout).await {
        Ok(()) => Ok(rest),
        Err(Missed::TimedOut(missing)) => Err(Problem::not_reached(timeout, &missing)),
        Err(Missed::Problem(problem)) => Err(problem),
    }
}

/// Whether `uri` asks to wait, at an address whose answers are of one reading.
fn asks_to_wait(uri: &Uri) -> bool {
    let asks = uri
        .query()
        .is_some_and(|query| query.split('&').any(is_ours));
    asks && may_wait(uri.path())
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

/// `uri` without our parameters, and one with nothing else.
fn split(uri: &Uri) -> Result<(Uri, Uri), Problem> {
    let pairs = uri.query().unwrap_or_default().split('&');
    let (ours, rest): (Vec<_>, Vec<_>) = pairs.partition(|pair| is_ours(pair));
    let with = |pairs: &[&str]| {
        let mark = if pairs.is_empty() { "" } else { "?" };
        let text = format!("{}{mark}{}", uri.path(), pairs.join("&"));
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = PathAndQuery::try_from(text).ok();
        Uri::from_parts(parts).map_err(|_| Problem::path("the query string can't be read"))
    };
    let ours = with(&ours)?;
    if Query::<Vec<(String, String)>>::try_from_uri(&ours).is_err() {
        return Err(Problem::path("the query string can't be read"));
    }
    Ok((with(&rest)?, ours))
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
        let uri = "/api/v1/windows/1m?branch=1&min_position=0:5&timeout=1s&limit=2";
        let uri: Uri = uri.parse().unwrap();
        assert!(asks_to_wait(&uri));
        let (rest, ours) = split(&uri).unwrap();
        assert_eq!(rest, "/api/v1/windows/1m?branch=1&limit=2");
        assert_eq!(ours, "/api/v1/windows/1m?min_position=0:5&timeout=1s");
        // A name counts as it reads, not as it is encoded.
        let encoded: Uri = "/api/v1/totals?min%5Fposition=0:5&branch%31=1"
            .parse()
            .unwrap();
        assert!(asks_to_wait(&encoded));
        let (rest, ours) = split(&encoded).unwrap();
        assert_eq!(rest, "/api/v1/totals?branch%31=1");
        assert_eq!(ours, "/api/v1/totals?min%5Fposition=0:5");
        for other in [
            "/api/v1/totals",
            "/api/v1/totals?branch=min_position",
            "/api/v1/status?min_position=0:1",
            "/livez?timeout=1s",
        ] {
            assert!(!asks_to_wait(&other.parse().unwrap()), "{other}");
        }
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
