//! With `--late drop` each difference is a late payment that can be named.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use super::topic::{Place, create, exported, of_service, of_topics};
use crate::support::lab::{Flink, Kafka, unique};
use crate::support::service::Setup;
use crate::support::topic::{START, paid};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const NAMES: [&str; 3] = ["1m", "10m-by-1m", "so-far"];
const WINDOWS: &str = r#"[
  { name = "1m", size = "1m" },
  { name = "10m-by-1m", size = "10m", slide = "1m" },
  { name = "so-far", size = "1d", step = "1h", time_zone = "Asia/Shanghai" },
]"#;

//  event time   00:00 ─────────────────── 02:00
//  on time      1, 1, 1, … one each second, in the order of event time
//  late         ▼ at 00:30 of the stream and later: 7 min 30 s behind, with an amount of its own decimal
//  dropped      from the windows that ended before the watermark, and from no other
#[test]
fn each_difference_is_a_late_payment_in_a_window_that_was_closed_before_it() {
    let (Some(kafka), Some(flink)) = (Kafka::shared(), Flink::two()) else {
        return;
    };
    let topic = unique("flink-late");
    kafka.create_topic(&topic, 1);
    let mut messages = Vec::new();
    // Its event time, its amount in units of 10^-18, and the watermark that it met.
    let mut late: Vec<(i64, i128, i64)> = Vec::new();
    for second in 0..7_200 {
        let time = START + second * 1_000;
        messages.push(paid(0, time, "1", 1));
        if second >= 1_800 && second % 317 == 0 {
            let units = 10_i128.pow(u32::try_from(late.len()).unwrap());
            let behind = time - 7 * MINUTE - 30_000;
            messages.push(paid(0, behind, &format!("0.{units:018}"), 1));
            late.push((behind, units, time - 5_000));
        }
    }
    assert!(late.len() <= 18, "each has a decimal of its own");
    let count = messages.len() as u64;
    kafka.send(&topic, messages);
    let setup = Setup::of(kafka, &topic).with("", "window", WINDOWS).with(
        "event_time",
        "zero_windows",
        "false",
    );
    let service = setup.serve();
    service.await_consumed(count);
    let prefix = unique("late-figures");
    create(kafka, &prefix, &NAMES);

    let script = exported(&setup, &["--late", "drop", "--prefix", &prefix]);
    flink.run(&script).unwrap_or_else(|error| panic!("{error}"));

    let ours = of_service(&service, &NAMES);
    let theirs = of_topics(kafka, &prefix, &NAMES);
    let mut expected: BTreeMap<Place, i128> = BTreeMap::new();
    for place @ (window, id) in ours.keys().filter(|(window, _)| window != "totals") {
        let (start, end) = id.split_once('@').unwrap().1.split_once('-').unwrap();
        let (start, end): (i64, i64) = (start.parse().unwrap(), end.parse().unwrap());
        let dropped = late
            .iter()
            .filter(|(time, _, watermark)| start <= *time && *time < end && end <= *watermark);
        let dropped: i128 = dropped.map(|(_, units, _)| units).sum();
        assert!(dropped == 0 || window != "so-far" || end - start < 24 * HOUR);
        if dropped > 0 {
            expected.insert(place.clone(), dropped);
        }
    }
    let missing: BTreeMap<Place, i128> = ours
        .iter()
        .map(|(place, figure)| {
            let theirs = theirs.get(place).map_or(0, |figure| figure.sum);
            (place.clone(), figure.sum - theirs)
        })
        .filter(|(_, missing)| *missing != 0)
        .collect();
    assert_eq!(missing, expected);
    assert!(expected.keys().any(|(window, _)| window == "1m"));
    assert!(expected.keys().any(|(window, _)| window == "10m-by-1m"));
    assert!(theirs.keys().all(|place| ours.contains_key(place)));
}
