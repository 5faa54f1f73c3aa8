//! Payments with order ids, from a time whose ids are forgotten.

use super::*;

/// A payment of `order`, at `seconds` after the start, with its amount in `field`.
fn order(order: i64, seconds: i64, field: &str) -> Message {
    let mut message = paid(0, START + seconds * SECOND, "2.5", 1);
    let payload = String::from_utf8(message.payload.take().unwrap()).unwrap();
    let payload = payload.replace("\"orderId\":7", &format!("\"orderId\":{order}"));
    message.payload = Some(payload.replace("payAmount", field).into_bytes());
    message
}

fn rejecting(kafka: &Kafka, name: &str, messages: Vec<Message>, max_ids: u32) -> Setup {
    kafka.create_topic(name, 1);
    kafka.send(name, messages);
    let mut setup = Setup::of(kafka, name)
        .with("dedup", "by", "\"order_id\"")
        .with("dedup", "within", "\"1h\"")
        .with("dedup", "max_ids", &max_ids.to_string());
    setup.serve_until_end();
    setup.set("payment", "amount", "\"amt\"");
    setup
}

//   order   1   2   3   3   4               5   6   6
//   time  --0--10--20--24--30--------- 2 h -0--10--14-->
//   amt         x   x       x                   x          (rejected at first)
#[test]
fn a_payment_of_a_time_whose_ids_are_forgotten_counts_only_if_that_is_asked_for() {
    let Some(kafka) = Kafka::shared() else { return };
    let hours = 7_200;
    let messages = vec![
        order(1, 0, "payAmount"),
        order(2, 10, "amt"),
        order(3, 20, "amt"),
        order(3, 24, "payAmount"),
        order(4, 30, "amt"),
        order(5, hours, "payAmount"),
        order(6, hours + 10, "amt"),
        order(6, hours + 14, "payAmount"),
        order(7, hours + 20, "amt"),
    ];
    let setup = rejecting(kafka, &unique("forgotten"), messages, 1_000);
    let was = "missing_field";
    let expected = BTreeMap::from([
        (fate("rejects", was, "not_compared"), 3),
        (fate("rejects", was, "duplicate"), 1),
        (fate("rejects", was, "on_time"), 1),
    ]);
    let tried = setup.run(&[
        "rejects",
        "replay",
        "--adopt-rules",
        "--dry-run",
        "-o",
        "json",
    ]);
    let words = [
        "3 payments are of a time whose order ids",
        "--without-comparing",
    ];
    assert_ended(&tried, 0, &words);
    assert_eq!(
        fates(&serde_json::from_str(&tried.stdout).unwrap()),
        expected
    );
    assert_eq!(fates(&replay(&setup, &["--adopt-rules"])), expected);
    // They stay listed, however often they are asked for.
    let expected = BTreeMap::from([(fate("rejects", was, "not_compared"), 3)]);
    assert_eq!(fates(&replay(&setup, &[])), expected);
    assert_eq!(setup.serve().ask_all("rejects", 10).len(), 3);
    let expected = BTreeMap::from([(fate("rejects", was, "late"), 3)]);
    assert_eq!(fates(&replay(&setup, &["--without-comparing"])), expected);
    assert_eq!(replay(&setup, &[])["records"], 0);
}

#[test]
fn ids_that_are_too_many_are_forgotten_before_the_horizon_ends() {
    let Some(kafka) = Kafka::shared() else { return };
    // Segments of 128 ids are forgotten as a whole.
    let mut messages = vec![order(0, 0, "amt")];
    messages.extend((1..600).map(|at| order(at, at, "payAmount")));
    messages.push(order(600, 600, "amt"));
    let setup = rejecting(kafka, &unique("many"), messages, 10);
    let expected = BTreeMap::from([
        (fate("rejects", "missing_field", "not_compared"), 1),
        (fate("rejects", "missing_field", "on_time"), 1),
    ]);
    assert_eq!(fates(&replay(&setup, &["--adopt-rules"])), expected);
}
