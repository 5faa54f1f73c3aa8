//! What a server answered, and what it says if that is an error.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::retry;
use super::transport::in_short;
use super::trouble::Trouble;

/// What was answered.
#[derive(Debug)]
pub(super) struct ServerAnswer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl ServerAnswer {
    /// What it says, if all went well.
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Trouble> {
        let body = self.success()?;
        serde_json::from_slice(body)
            .map_err(|error| Trouble::garbage(format!("the answer can't be read: {error}")))
    }

    /// The body, if all went well.
    pub(super) fn success(&self) -> Result<&[u8], Trouble> {
        if (200..300).contains(&self.status) {
            return Ok(&self.body);
        }
        Err(self.trouble())
    }

    /// Fails unless all shards have done what was asked for.
    pub(super) fn whole(&self) -> Result<(), Trouble> {
        let failure = self.json::<ShardsAnswer>()?.failure();
        failure.map_or(Ok(()), |failure| Err(Trouble::garbage(failure)))
    }

    /// What a search has found.
    pub(super) fn found<T: DeserializeOwned>(&self) -> Result<FoundHits<T>, Trouble> {
        let SearchAnswer { hits, shards } = self.json()?;
        Ok(FoundHits {
            hits: hits.hits,
            shard_failure: shards.failure(),
        })
    }

    /// What went wrong, for a status that is not a success.
    pub(super) fn trouble(&self) -> Trouble {
        let (kind, reason) = self.error();
        Trouble {
            verdict: retry::classify(self.status, kind.as_deref()),
            reason: match self.status {
                300..400 => format!(
                    "it answers with status {}, a redirect: set elasticsearch.url to the final \
                     address",
                    self.status
                ),
                status => format!("it answers with status {status}: {reason}"),
            },
        }
    }

    /// The whole reason of an error, if the server gives one.
    pub(super) fn reason(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        body["error"]["reason"].as_str().map(str::to_owned)
    }

    /// The type of the error, and the reason in words.
    pub(super) fn error(&self) -> (Option<String>, String) {
        #[derive(Deserialize)]
        struct Body {
            error: Value,
        }
        let Ok(Body { error }) = serde_json::from_slice(&self.body) else {
            return (None, shown(&self.body));
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let kind = text(&error["type"]);
        let reason = text(&error["reason"])
            .or_else(|| text(&error))
            .or_else(|| kind.clone())
            .unwrap_or_else(|| "no reason given".into());
        (kind, in_short(&reason))
    }
}

fn shown(body: &[u8]) -> String {
    match body {
        [] => "no reason given".into(),
        body => in_short(&String::from_utf8_lossy(body)),
    }
}

/// What a search has found.
#[derive(Debug)]
pub(super) struct FoundHits<T> {
    pub(super) hits: Vec<T>,
    /// What failed, in words, if a shard did: it may have more.
    pub(super) shard_failure: Option<String>,
}

impl<T> FoundHits<T> {
    /// All that there are.
    pub(super) fn all(self) -> Result<Vec<T>, Trouble> {
        match self.shard_failure {
            Some(failure) => Err(Trouble::garbage(failure)),
            None => Ok(self.hits),
        }
    }
}

#[derive(Deserialize)]
struct SearchAnswer<T> {
    hits: Hits<T>,
    #[serde(flatten)]
    shards: ShardsAnswer,
}

#[derive(Deserialize)]
struct Hits<T> {
    hits: Vec<T>,
}

#[derive(Deserialize)]
struct ShardsAnswer {
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(default)]
    timed_out: bool,
}

#[derive(Deserialize)]
struct Shards {
    failed: u64,
}

impl ShardsAnswer {
    fn failure(&self) -> Option<String> {
        match (self.shards.failed, self.timed_out) {
            (0, false) => None,
            (0, true) => Some("a search ended before all shards answered".to_owned()),
            (failed, _) => Some(format!("{failed} of its shards failed")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use retry::Verdict;

    #[test]
    fn errors_are_told_in_one_line_whatever_the_answer() {
        let answer = |status, body: &str| ServerAnswer {
            status,
            body: body.as_bytes().to_vec(),
        };
        let structured =
            r#"{"error":{"type":"cluster_block_exception","reason":"blocked"},"status":403}"#;
        for (status, body, verdict, reason) in [
            (
                403,
                structured,
                Verdict::Retry,
                "it answers with status 403: blocked",
            ),
            (
                405,
                r#"{"error":"no handler"}"#,
                Verdict::Retry,
                "it answers with status 405: no handler",
            ),
            (
                401,
                "",
                Verdict::Denied,
                "it answers with status 401: no reason given",
            ),
            (
                502,
                "<html>\n<b>Bad gateway",
                Verdict::Retry,
                "it answers with status 502: <html>",
            ),
            (400, "{}", Verdict::Park, "it answers with status 400: {}"),
        ] {
            let trouble = answer(status, body).success().unwrap_err();
            assert_eq!(
                (trouble.verdict, trouble.reason.as_str()),
                (verdict, reason)
            );
        }
        let long = answer(500, &"é".repeat(10_000)).success().unwrap_err();
        assert!(long.reason.chars().count() < 300);
    }

    #[test]
    fn what_only_some_shards_have_found_is_not_taken_for_all() {
        let answer = |body: &str| ServerAnswer {
            status: 200,
            body: body.as_bytes().to_vec(),
        };
        for (body, hits, failure) in [
            (r#""_shards":{"failed":0},"timed_out":false"#, 2, ""),
            (r#""_shards":{"failed":0}"#, 2, ""),
            (
                r#""_shards":{"failed":0},"timed_out":true"#,
                2,
                "before all shards answered",
            ),
            (
                r#""_shards":{"failed":1},"timed_out":false"#,
                2,
                "1 of its shards failed",
            ),
        ] {
            let answer = answer(&format!(r#"{{{body},"hits":{{"hits":[1,2]}}}}"#));
            let found = answer.found::<u8>().unwrap();
            assert_eq!(found.hits.len(), hits);
            assert!(
                found
                    .shard_failure
                    .as_deref()
                    .unwrap_or_default()
                    .contains(failure)
            );
            assert_eq!(found.shard_failure.is_none(), failure.is_empty(), "{body}");
            assert_eq!(answer.whole().is_ok(), failure.is_empty(), "{body}");
            assert_eq!(found.all().is_ok(), failure.is_empty(), "{body}");
        }
        // As a gateway may answer instead of the server.
        let hits = r#"{"_shards":{"failed":0},"hits":[]}"#;
        for body in ["", "[]", "{}", "\"ok\"", "true", "<html>", hits] {
            let trouble = answer(body).found::<u8>().unwrap_err();
            assert_eq!(trouble.verdict, Verdict::Retry, "{body}");
            assert_eq!(answer(body).whole().is_ok(), body == hits, "{body}");
        }
    }
}
