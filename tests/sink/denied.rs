//! A server that denies access: nothing more is asked of it for a while.

use std::time::Duration;

use tidegauge::observe::status::Condition;

use super::front::{Answer, Front};
use super::refusals::till;
use super::till::config;

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
        let reason = sink.await_condition(Condition::Failed, "has denied access");
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
fn what_was_under_way_when_access_was_denied_does_not_open_the_connection_again() {
    for (status, dirty) in [(201, 26), (503, 30)] {
        assert_is_left_alone_after(Answer::Statuses(vec![status]), dirty);
    }
}

#[test]
fn a_request_that_fails_after_access_was_denied_does_not_shorten_the_wait() {
    assert_is_left_alone_after(Answer::Whole(503, "{}".into()), 30);
}

/// Checks that a server which denies one of two bulks gets no third one, and `dirty` documents await delivery, although its
/// answer to the other comes after that.
#[track_caller]
fn assert_is_left_alone_after(late: Answer, dirty: u64) {
    let till = till();
    let script = [
        Answer::Late(Duration::from_secs(1), Box::new(late)),
        Answer::Whole(403, "{}".into()),
    ];
    let front = Front::start(&till, script);
    let mut config = config(&front.url());
    config.bulk.max_actions = 4;
    let sink = till.deliver(&config);
    sink.await_condition(Condition::Failed, "has denied access");
    // Until the late answer is taken, and much longer than it waits after an outage.
    std::thread::sleep(Duration::from_millis(1_500));
    sink.await_condition(Condition::Failed, "has denied access");
    assert_eq!((till.dirty(), front.bulks().len()), (dirty, 2));
    till.stop(sink);
}
