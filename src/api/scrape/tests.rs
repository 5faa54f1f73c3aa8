//! Metrics stay bounded however many partitions the topic has.
#![allow(clippy::unwrap_used)]

use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::registry::Registry;

use super::*;
use crate::observe::status::{End, PartitionStatus};

#[test]
fn a_topic_of_many_partitions_is_shown_in_bounds_and_summed_as_a_whole() {
    let partitions = (0..1_500).map(|partition| {
        let status = PartitionStatus {
            end: End::Known {
                offset: 7,
                age: Duration::ZERO,
            },
            halted: (partition >= 1_400).then(|| "gone".to_owned()),
        };
        (partition, status)
    });
    let moment = Moment {
        board: Board {
            partitions: partitions.collect(),
            ..Board::default()
        },
        version: "1.2.3",
        uptime: Duration::from_secs(5),
        now: Duration::ZERO,
        in_flight: 3,
        process: Process::default(),
    };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape::new(None, &moment)));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let ends = text.matches("\ntidegauge_partition_end{").count();
    assert_eq!(ends, PARTITIONS_MAX);
    assert!(text.contains("tidegauge_partitions{kind=\"all\"} 1500.0\n"));
    assert!(text.contains("tidegauge_partitions{kind=\"halted\"} 100.0\n"));
    assert!(text.contains("tidegauge_state_readable 0.0\n"));
    assert!(text.contains("tidegauge_http_in_flight 3.0\n"));
}
