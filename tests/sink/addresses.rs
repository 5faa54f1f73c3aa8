//! Several addresses of one cluster: documents go by another one while one is away.

use std::sync::Arc;

use tidegauge::observe::status::{Condition, Status};
use tidegauge::sink::Order;

use super::till::{MINUTE, NOVEMBER, Till, config};
use crate::support::lab::{Elastic, Gate};

fn addresses(of: &[&str]) -> String {
    of.join(",")
}

#[test]
fn documents_go_by_the_other_address_while_one_is_away() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let (first, second) = (Gate::to(elastic.port()), Gate::to(elastic.port()));
    let config = config(&addresses(&[&first.url(), &second.url()]));
    let mut till = Till::new();
    till.pay(NOVEMBER, 3, "1");
    till.commit();
    let sink = till.deliver(&config);
    till.await_delivery();
    let mut minutes = 1;
    for away in [&first, &second, &first] {
        away.close();
        till.pay(NOVEMBER + minutes * MINUTE, 3, "1");
        till.commit();
        till.await_delivery();
        assert_eq!(sink.condition(), Condition::Ok, "{}", sink.reason());
        minutes += 1;
        away.open();
    }
    let documents = elastic.documents(&format!("{}-1m", config.index_prefix));
    assert_eq!(documents.len() as i64, minutes);
    till.stop(sink);
}

#[test]
fn no_address_that_answers_is_an_outage_and_one_ends_it() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let (first, second) = (Gate::to(elastic.port()), Gate::to(elastic.port()));
    let config = config(&addresses(&[&first.url(), &second.url()]));
    first.close();
    second.close();
    let mut till = Till::new();
    till.pay(NOVEMBER, 3, "1");
    till.commit();
    let sink = till.deliver(&config);
    let reason = sink.await_condition(Condition::Degraded, "refused");
    assert!(reason.contains("3 documents await delivery"), "{reason}");
    second.open();
    till.await_delivery();
    let reason = sink.await_condition(Condition::Ok, "reachable since");
    assert!(
        reason.contains(&first.url()) && reason.contains(&second.url()),
        "{reason}"
    );
    till.stop(sink);
}

#[test]
fn an_address_of_another_cluster_gets_nothing() {
    let (Some(elastic), Some(other)) = (Elastic::shared(), Elastic::own()) else {
        return;
    };
    let first = Gate::to(elastic.port());
    let config = config(&addresses(&[&first.url(), &other.url()]));
    let mut till = Till::new();
    till.pay(NOVEMBER, 3, "1");
    till.commit();
    let sink = till.deliver_as(Order::Run, &config, Arc::new(Status::new()));
    till.await_delivery();
    first.close();
    till.pay(NOVEMBER + MINUTE, 3, "1");
    till.commit();
    let words = format!(
        "{} belongs to another cluster than {}",
        other.url(),
        first.url()
    );
    sink.await_condition(Condition::Degraded, &words);
    first.open();
    till.await_delivery();
    let indexes = other.get(&format!("/_cat/indices/{}*", config.index_prefix));
    assert_eq!(indexes.text, "");
    till.stop(sink);
}
