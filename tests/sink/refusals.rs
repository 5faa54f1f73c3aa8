//! Answers of every kind: what was refused is sent again or kept, and nothing else is.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegauge::core::feedback::{Blocked, Family};
use tidegauge::domain::secret::Secret;
use tidegauge::observe::status::Condition;
use tidegauge::sink::Credentials;
use tracing_subscriber::fmt::MakeWriter;

use super::front::{Answer, Front};
use super::till::{NOVEMBER, Said, Till, config};

/// Ten totals, ten minutes, ten hours.
pub fn till() -> Till {
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

/// Checks that each document was taken once by the answers after the first `answers`, which take nothing. A bulk may begin
/// before all indexes are there.
fn assert_taken_once_after(answers: usize, front: &Front) {
    let bulks = front.bulks();
    assert!(bulks.len() > answers, "{} bulks", bulks.len());
    let mut taken: Vec<&String> = bulks[answers..].iter().flatten().collect();
    let times = taken.len();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!((taken.len(), times), (30, 30));
}

#[test]
fn only_what_failed_is_sent_again() {
    let till = till();
    // 409 is not a version conflict here, so it failed too.
    let statuses = [vec![201, 429, 200, 409, 503], vec![500, 201]];
    let front = Front::start(&till, statuses.clone().map(Answer::Statuses));
    till.deliver_all(&config(&front.url()));
    let bulks = front.bulks();
    let mut is_written = BTreeMap::new();
    for (number, bulk) in bulks.iter().enumerate() {
        for (at, document) in bulk.iter().enumerate() {
            let before = is_written.get(document);
            assert_ne!(before, Some(&true), "{document} again in bulk {number}");
            let statuses = statuses.get(number);
            let status = statuses.map_or(200, |statuses| statuses[at % statuses.len()]);
            is_written.insert(document, status < 300);
        }
    }
    assert_eq!(is_written.len(), 30);
    assert!(is_written.values().all(|is_written| *is_written));
    let most = times_sent(&front).into_values().max();
    assert!((2..=3).contains(&most.unwrap()), "sent {most:?} times");
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
    let answers = script.len();
    let front = Front::start(&till, script);
    till.deliver_all(&config(&front.url()));
    assert_taken_once_after(answers, &front);
    let delivered: usize = till
        .take_feedback()
        .iter()
        .map(|said| match said {
            Said::Delivered(documents) => *documents,
            Said::Recreated(_) | Said::Blocked(_) => 0,
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
    assert_taken_once_after(statuses.len(), &front);
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
    let reason = sink.await_condition(Condition::Degraded, "1 document is refused");
    let refused = front.bulks()[0][4].clone();
    assert!(
        reason.contains(&refused) && reason.contains("type_400: so it is"),
        "{reason}"
    );
    till.pay(NOVEMBER + 1, 10, "1");
    till.commit();
    till.await_that("only the refused one waits", || till.dirty() == 1);
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
fn an_index_that_refused_everything_is_tried_again_long_before_the_parking_is_over() {
    let mut till = Till::new();
    for branch in 1..=1_200 {
        till.pay(NOVEMBER, branch, "1");
    }
    till.commit();
    let front = Front::start(&till, vec![Answer::Statuses(vec![400]); 4]);
    let mut config = config(&front.url());
    config.pacing.parked = Duration::from_secs(3_600);
    let sink = till.deliver(&config);
    sink.await_condition(Condition::Degraded, "1000 documents are refused");
    // The waits up to that hour begin with `retry_most`.
    till.await_delivery();
    till.stop(sink);
}

#[test]
fn a_document_that_is_refused_for_long_is_named_as_blocked_until_it_is_taken() {
    let till = till();
    let mut statuses = vec![201; 30];
    statuses[4] = 400;
    let again = || Answer::Statuses(vec![400]);
    let front = Front::start(&till, [Answer::Statuses(statuses), again(), again()]);
    let mut config = config(&front.url());
    config.pacing.parked = Duration::from_millis(50);
    config.pacing.give_up = Duration::from_millis(60);
    let sink = till.deliver(&config);
    till.await_that("one document is blocked", || {
        till.blocked()
            .is_some_and(|blocked| blocked.documents.len() == 1 && blocked.families.is_empty())
    });
    till.await_delivery();
    till.await_that("none is blocked any more", || {
        till.blocked() == Some(Blocked::default())
    });
    till.stop(sink);
}

#[test]
fn a_family_that_takes_nothing_for_long_is_named_as_blocked_until_it_does() {
    let mut till = Till::new();
    till.pay(NOVEMBER, 3, "1");
    till.commit();
    // The total is refused for now, again and again; the windows are not.
    let mut script = vec![Answer::Statuses(vec![429, 201, 201])];
    script.extend(vec![Answer::Statuses(vec![429]); 4]);
    let front = Front::start(&till, script);
    let mut config = config(&front.url());
    config.pacing.give_up = Duration::ZERO;
    let sink = till.deliver(&config);
    till.await_that("the totals are blocked", || {
        till.blocked()
            .is_some_and(|blocked| blocked.families == [Family::Totals].into())
    });
    till.await_delivery();
    till.await_that("nothing is blocked any more", || {
        till.blocked() == Some(Blocked::default())
    });
    till.stop(sink);
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
    sink.await_condition(Condition::Degraded, "1 document is refused");
    till.await_that("only the refused one waits", || till.dirty() == 1);
    till.stop(sink);
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
    till.await_that("a request is under way", || !front.bulks().is_empty());
    till.stop(sink);
    assert_eq!(till.dirty(), 30);
}

#[test]
fn an_answer_that_does_not_come_in_time_does_not_count() {
    let till = till();
    let front = Front::start(&till, [Answer::Never]);
    let mut config = config(&front.url());
    config.pacing.request = Duration::from_millis(200);
    till.deliver_all(&config);
    let bulks = front.bulks();
    assert_eq!((bulks.len(), &bulks[0]), (2, &bulks[1]));
}

/// Looks for words in all that is logged, without keeping it.
#[derive(Clone)]
struct Listener(Arc<Mutex<BTreeMap<&'static str, bool>>>);

impl Write for Listener {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let said = String::from_utf8_lossy(bytes);
        for (words, heard) in self.0.lock().unwrap().iter_mut() {
            *heard |= said.contains(words);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Listener {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn secrets_are_in_no_log_and_no_status() {
    // The last as it would be sent: "tide:canary-key" in base 64.
    let secrets = ["canary-key", "dGlkZTpjYW5hcnkta2V5"];
    let words = ["who are you?", secrets[0], secrets[1]].map(|words| (words, false));
    let listener = Listener(Arc::new(Mutex::new(words.into())));
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(listener.clone())
        .init();
    let key = Secret::new("canary-key");
    let (username, password) = ("tide".to_owned(), key.clone());
    let (id, user) = (secrets[0], secrets.join(" "));
    for (credentials, sent) in [
        (Credentials::ApiKey(key), id),
        (Credentials::Basic { username, password }, &user),
    ] {
        let till = till();
        // It repeats what it was sent, as some proxies do.
        let echo = format!("{{\"error\":\"who are you? {sent}\"}}");
        let refusal = Answer::Whole(401, echo);
        let front = Front::start(&till, [refusal]);
        let mut config = config(&front.url());
        config.credentials = credentials;
        let sink = till.deliver(&config);
        let reason = sink.await_condition(Condition::Failed, "who are you?");
        till.stop(sink);
        let said = format!("{reason} {config:?} {config:#?}");
        assert!(
            !secrets.iter().any(|secret| said.contains(secret)),
            "{said}"
        );
    }
    let heard = listener.0.lock().unwrap().clone();
    assert!(heard["who are you?"]);
    assert!(!heard[secrets[0]] && !heard[secrets[1]], "{heard:?}");
}

#[test]
fn totals_under_former_names_are_looked_for_again_after_the_search_was_refused() {
    let till = till();
    let front = Front::start(&till, []);
    front.refuse_searches(1);
    let searches = || {
        let requests = front.requests().into_iter();
        // Documents of windows without payments are searched for as well.
        requests
            .filter(|path| path.ends_with("totals-g1/_search"))
            .count()
    };
    let sink = till.deliver(&config(&front.url()));
    // Nothing else waits for it.
    till.await_delivery();
    assert_eq!(searches(), 1);
    till.await_that("the search is repeated", || searches() == 2);
    till.stop(sink);
}
