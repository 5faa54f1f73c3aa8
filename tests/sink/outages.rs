//! Elasticsearch away, blocked, or coming and going.

use serde_json::json;
use tidegauge::observe::status::Condition;

use super::till::{MINUTE, NOVEMBER, Till, config, count_now};
use crate::support::lab::{Elastic, free_port};

#[test]
fn what_came_while_the_server_was_away_is_delivered_once_it_is_back() {
    let Some(mut elastic) = Elastic::own() else {
        return;
    };
    let config = config(&elastic.url());
    let prefix = &config.index_prefix;
    elastic.stop();
    let mut till = Till::new();
    let sink = till.deliver(&config);
    for minute in 0..3 {
        till.pay(NOVEMBER + minute * MINUTE, 3, "1");
        till.commit();
    }
    let reason = sink.await_condition(Condition::Degraded, "has not been usable since");
    assert!(reason.contains("documents await delivery"), "{reason}");
    elastic.start_again();
    till.await_delivery();
    assert_eq!(elastic.count(&format!("{prefix}-1m")), 3);

    elastic.kill();
    for minute in 3..6 {
        till.pay(NOVEMBER + minute * MINUTE, 3, "1");
        till.commit();
    }
    sink.await_condition(Condition::Degraded, "has not been usable since");
    elastic.start_again();
    till.await_delivery();
    sink.await_condition(Condition::Ok, "0 documents await delivery");
    assert_eq!(elastic.count(&format!("{prefix}-1m")), 6);
    let totals = elastic.documents(&format!("{prefix}-totals"));
    assert_eq!(totals[0].source["pay_amount_exact"], "6");
    till.stop(sink);
}

#[test]
fn a_server_that_lost_everything_while_away_is_filled_again() {
    let Some(mut elastic) = Elastic::own() else {
        return;
    };
    let config = config(&elastic.url());
    let mut till = Till::new();
    till.pay(NOVEMBER, 3, "1");
    till.commit();
    let sink = till.deliver(&config);
    till.await_delivery();
    // Gone behind our back, and the line is cut before we could notice.
    elastic
        .delete(&format!("/{}-totals-g1", config.index_prefix))
        .ok();
    let template = format!("/_index_template/{}-late-g1", config.index_prefix);
    elastic.delete(&template).ok();
    elastic.stop();
    till.pay(NOVEMBER + MINUTE, 7, "1");
    till.commit();
    sink.await_condition(Condition::Degraded, "has not been usable since");
    elastic.start_again();
    till.await_that("both totals and the template", || {
        till.dirty() == 0
            && count_now(&elastic, &format!("{}-totals", config.index_prefix)) == Some(2)
            && elastic.get(&template).status == 200
    });
    till.stop(sink);
}

#[test]
fn a_blocked_index_holds_back_only_its_own_documents() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let prefix = &config.index_prefix;
    let mut till = Till::new();
    till.pay(NOVEMBER, 3, "1");
    till.commit();
    let sink = till.deliver(&config);
    till.await_delivery();
    let block = |on: bool| {
        let settings = json!({"index.blocks.write": on});
        elastic
            .put(&format!("/{prefix}-totals-g1/_settings"), &settings)
            .ok();
    };
    block(true);
    till.pay(NOVEMBER + MINUTE, 3, "1");
    till.commit();
    sink.await_condition(Condition::Degraded, "cluster_block_exception");
    till.await_that("only the total waits", || till.dirty() == 1);
    assert_eq!(elastic.count(&format!("{prefix}-1m")), 2);
    block(false);
    till.await_delivery();
    sink.await_condition(Condition::Ok, "");
    till.stop(sink);
}

#[test]
fn a_sink_that_never_reached_a_server_stops_at_once() {
    let config = config(&format!("http://127.0.0.1:{}", free_port()));
    let mut till = Till::new();
    till.pay(NOVEMBER, 3, "1");
    till.commit();
    let sink = till.deliver(&config);
    sink.await_condition(Condition::Degraded, "3 documents await delivery");
    till.stop(sink);
    assert_eq!(till.dirty(), 3);
}
