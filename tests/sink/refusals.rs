//! Answers of every kind: what was refused is sent again or kept, and nothing else is.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegauge::feedback::Feedback;
use tidegauge::secret::Secret;
use tidegauge::sink::Credentials;
use tidegauge::status::Condition;
use tracing_subscriber::fmt::MakeWriter;

use super::front::{Answer, Front};
use super::till::{NOVEMBER, Till, config};
use crate::support::lab::eventually;

/// Ten totals, ten minutes, ten hours.
fn till() -> Till {
    let mut till = Till::new();
    for branch in 10..20 {
        till.pay(NOVEMBER, branch, "1");
    }
    till.commit();
    till
}

fn times_sent(front: &Front) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for id in front.bulks().into_iter().flatten() {
        *times.entry(id).or_default() += 1;
    }
    times
}

#[test]
fn only_what_failed_is_sent_again() {
    let till = till();
    let front = Front::start(
        &till,
        [
            Answer::Statuses(vec![201, 429, 200, 409, 503]),
            Answer::Statuses(vec![500, 201]),
        ],
    );
    till.deliver_all(&config(&front.url()));
    let bulks = front.bulks();
    assert_eq!(bulks[0].len(), 30);
    // Of five in a row, two failed; 409 is no conflict of versions here, so it failed too.
    let failed: Vec<&String> = (0..30)
        .filter(|at| [1, 3, 4].contains(&(at % 5)))
        .map(|at| &bulks[0][at])
        .collect();
    let mut again: Vec<&String> = bulks[1..].iter().flatten().collect();
    again.sort_unstable();
    again.dedup();
    let mut failed_sorted = failed.clone();
    failed_sorted.sort_unstable();
    assert_eq!(again, failed_sorted);
    let most = times_sent(&front).into_values().max();
    assert!(most <= Some(3), "sent {most:?} times");
}

#[test]
fn answers_that_make_no_sense_change_nothing() {
    let till = till();
    let garbage = [
        "",
        "null",
        "{}",
        "[]",
        "{\"items\":[]}",
        "{\"errors\":false,\"items\":[{\"index\":",
        "<html>",
    ];
    let mut script: Vec<Answer> = garbage.map(|body| Answer::Whole(200, body.into())).into();
    script.extend([Answer::Miscounted(-1), Answer::Miscounted(1), Answer::Mixed]);
    let expected = script.len() + 1;
    let front = Front::start(&till, script);
    till.deliver_all(&config(&front.url()));
    let bulks = front.bulks();
    assert_eq!(bulks.len(), expected);
    assert!(bulks.iter().all(|bulk| bulk.len() == 30));
    let delivered: usize = till
        .take_feedback()
        .iter()
        .map(|feedback| match feedback {
            Feedback::Delivered(documents) => documents.len(),
            Feedback::Recreated(_) => 0,
        })
        .sum();
    assert_eq!(delivered, 30);
}

#[test]
fn requests_that_fail_as_a_whole_are_sent_again_until_they_go() {
    let till = till();
    let statuses = [429, 500, 502, 503, 504, 408, 404, 418, 204];
    let script = statuses.map(|status| Answer::Whole(status, "{\"error\":\"not now\"}".into()));
    let front = Front::start(&till, script);
    till.deliver_all(&config(&front.url()));
    assert_eq!(front.bulks().len(), statuses.len() + 1);
}

#[test]
fn requests_that_are_too_large_are_halved_and_stay_small() {
    let mut till = till();
    let most = [Answer::AtMost(4)];
    let front = Front::start(&till, most.into_iter().cycle().take(100));
    let config = config(&front.url());
    let sink = till.deliver(&config);
    till.await_delivery();
    let first = front.bulks().len();
    till.pay(NOVEMBER, 10, "1");
    for branch in 30..33 {
        till.pay(NOVEMBER, branch, "1");
    }
    till.commit();
    till.await_delivery();
    till.stop(sink);
    let bulks = front.bulks();
    assert_eq!(bulks[0].len(), 30);
    assert!(
        bulks[first..].iter().all(|bulk| bulk.len() <= 8),
        "{bulks:?}"
    );
    assert_eq!(till.dirty(), 0);
}

#[test]
fn a_document_that_is_refused_is_kept_back_with_its_reason_and_stops_no_other() {
    let mut till = till();
    let mut statuses = vec![201; 30];
    statuses[4] = 400;
    let front = Front::start(&till, [Answer::Statuses(statuses)]);
    let config = config(&front.url());
    let sink = till.deliver(&config);
    let reason = sink.await_condition(Condition::Degraded, "1 documents are refused");
    let refused = front.bulks()[0][4].clone();
    assert!(
        reason.contains(&refused) && reason.contains("type_400: so it is"),
        "{reason}"
    );
    till.pay(NOVEMBER + 1, 10, "1");
    till.commit();
    eventually("only the refused one waits", || {
        (till.dirty() == 1).then_some(())
    });
    assert_eq!(times_sent(&front)[&refused], 1);
    till.stop(sink);
}

#[test]
fn a_document_that_was_refused_is_tried_again_later() {
    let till = till();
    let mut statuses = vec![201; 30];
    statuses[4] = 400;
    let front = Front::start(&till, [Answer::Statuses(statuses)]);
    let mut config = config(&front.url());
    config.pacing.parked = Duration::from_millis(50);
    till.deliver_all(&config);
    let refused = front.bulks()[0][4].clone();
    assert_eq!(front.bulks()[1..], [[refused]]);
}

#[test]
fn one_document_that_spoils_its_request_is_found() {
    let till = till();
    let refusal = || {
        Answer::Whole(
            400,
            "{\"error\":{\"type\":\"parse\",\"reason\":\"bad\"}}".into(),
        )
    };
    // Halves: 30, 15, 7, 3 and 1 documents, the first always the bad one.
    let front = Front::start(&till, (0..5).map(|_| refusal()));
    let sink = till.deliver(&config(&front.url()));
    sink.await_condition(Condition::Degraded, "1 documents are refused");
    eventually("only the refused one waits", || {
        (till.dirty() == 1).then_some(())
    });
    till.stop(sink);
}

#[test]
fn a_server_that_does_not_let_us_in_is_left_alone() {
    for (answer, status) in [
        (Answer::Whole(401, "{}".into()), "401"),
        (Answer::Whole(403, "{\"error\":\"no\"}".into()), "403"),
        (Answer::Statuses(vec![403]), "403"),
    ] {
        let till = till();
        let front = Front::start(&till, [answer]);
        let sink = till.deliver(&config(&front.url()));
        let reason = sink.await_condition(Condition::Failed, "does not let us in");
        assert!(
            reason.contains(status) && reason.contains("30 documents await"),
            "{reason}"
        );
        till.stop(sink);
        assert_eq!(front.bulks().len(), 1);
        assert_eq!(till.dirty(), 30);
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let till = till();
    let elsewhere = Front::start(&till, []);
    let front = Front::start(&till, [Answer::Whole(307, elsewhere.url() + "/_bulk")]);
    till.deliver_all(&config(&front.url()));
    assert_eq!(elsewhere.requests(), [""; 0]);
    assert_eq!(front.bulks().len(), 2);
}

#[test]
fn an_answer_of_any_length_is_not_swallowed_whole() {
    let till = till();
    let front = Front::start(&till, [Answer::Whole(200, " ".repeat(33 << 20))]);
    till.deliver_all(&config(&front.url()));
    assert_eq!(front.bulks().len(), 2);
}

#[test]
fn a_server_that_never_answers_holds_up_no_stop() {
    let till = till();
    let front = Front::start(&till, [Answer::Never, Answer::Never]);
    let mut config = config(&front.url());
    config.pacing.last_pass = Duration::from_millis(50);
    let sink = till.deliver(&config);
    eventually("a request is under way", || {
        (!front.bulks().is_empty()).then_some(())
    });
    till.stop(sink);
    assert_eq!(till.dirty(), 30);
}

#[test]
fn an_answer_that_does_not_come_in_time_is_no_answer() {
    let till = till();
    let front = Front::start(&till, [Answer::Never]);
    let mut config = config(&front.url());
    config.pacing.request = Duration::from_millis(200);
    till.deliver_all(&config);
    let bulks = front.bulks();
    assert_eq!((bulks.len(), &bulks[0]), (2, &bulks[1]));
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn secrets_are_in_no_log_and_no_status() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let all: String = tracing::subscriber::with_default(subscriber, || {
        let key = Secret::new("canary-key");
        let (username, password) = ("tide".to_owned(), Secret::new("canary-key"));
        let mut said = String::new();
        for credentials in [
            Credentials::ApiKey(key),
            Credentials::Basic { username, password },
        ] {
            let mut till = Till::new();
            till.pay(NOVEMBER, 3, "1");
            till.commit();
            let refusal = Answer::Whole(401, "{\"error\":\"who are you?\"}".into());
            let front = Front::start(&till, [refusal]);
            let mut config = config(&front.url());
            config.credentials = credentials;
            // On this thread, so that this subscriber hears it.
            let sink = till.deliver_here(&config, Condition::Failed);
            said += &sink;
            said += &format!("{config:?}");
        }
        said
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("who are you?"), "{log}");
    // Also as Basic would carry it: base64 of "tide:canary-key".
    for secret in ["canary", "dGlkZTpjYW5hcnkta2V5"] {
        assert!(
            !log.contains(secret) && !all.contains(secret),
            "{log} {all}"
        );
    }
}
