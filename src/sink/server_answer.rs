//! What a server answered, and what it says if that is an error.

use serde::Deserialize;
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

    /// What it says, if all shards have done what was asked for: what some of them have found is not all.
    pub(super) fn whole(&self) -> Result<Value, Trouble> {
        let answer = self.json()?;
        match is_whole(&answer) {
            true => Ok(answer),
            false => Err(Trouble::garbage("some shards do not answer")),
        }
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

/// Whether all shards have done what was asked for, in time.
pub(super) fn is_whole(answer: &Value) -> bool {
    answer["_shards"]["failed"] == 0 && answer["timed_out"] != true
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
}
