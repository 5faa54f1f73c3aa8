//! Several addresses of one cluster: documents go by another one while one is away.

use std::net::TcpListener;
use std::sync::Arc;

use serde_json::json;
use tidegauge::observe::status::{Condition, Status};
use tidegauge::sink::{Order, Upkeep};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::till::{MINUTE, NOVEMBER, Till, config};
use crate::support::lab::{Elastic, FaultProxy};

fn addresses(of: &[&str]) -> String {
    of.join(",")
}

#[test]
fn documents_go_by_the_other_address_while_one_is_away() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let (first, second) = (
        FaultProxy::to(elastic.port()),
        FaultProxy::to(elastic.port()),
    );
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
    let (first, second) = (
        FaultProxy::to(elastic.port()),
        FaultProxy::to(elastic.port()),
    );
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
    let first = FaultProxy::to(elastic.port());
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
        "{}: it belongs to another cluster than {}",
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

#[test]
fn an_address_that_does_not_say_its_cluster_gets_nothing_and_keeps_no_one_from_the_others() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    for (answer, words) in [
        (ResponseTemplate::new(401), "status 401"),
        (
            ResponseTemplate::new(403),
            "the user needs the privilege monitor",
        ),
        (ResponseTemplate::new(429), "status 429"),
        (
            ResponseTemplate::new(200).set_body_string("<html>"),
            "can't be read",
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"cluster_uuid": "_na_"})),
            "does not say which cluster",
        ),
    ] {
        let first = FaultProxy::to(elastic.port());
        let mut till = Till::new();
        let second = till.runtime().block_on(async {
            let server = MockServer::start().await;
            Mock::given(any()).respond_with(answer).mount(&server).await;
            server
        });
        let config = config(&addresses(&[&first.url(), &second.uri()]));
        till.pay(NOVEMBER, 3, "1");
        till.commit();
        let sink = till.deliver_as(Order::Run, &config, Arc::new(Status::new()));
        till.await_delivery();
        first.close();
        till.pay(NOVEMBER + MINUTE, 3, "1");
        till.commit();
        let reason = sink.await_condition(Condition::Degraded, words);
        assert!(reason.contains(&second.uri()), "{reason}");
        first.open();
        till.await_delivery();
        let asked = till.runtime().block_on(second.received_requests()).unwrap();
        assert!(
            asked.iter().all(|request| request.url.path() == "/"),
            "{asked:?}"
        );
        till.stop(sink);
    }
}

#[test]
fn a_command_reaches_the_second_address_while_the_first_one_hangs() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    // Connections are made, and nothing answers.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", hanging.local_addr().unwrap());
    let config = config(&addresses(&[&url, &elastic.url()]));
    let upkeep = Upkeep::new(&config, &[]).unwrap();
    let till = Till::new();
    till.runtime().block_on(upkeep.reach()).unwrap();
}
