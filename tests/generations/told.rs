//! What commands about generations say besides what they do.

use super::{Kafka, fill, unique};
use crate::support::lab::{Dist, Elastic};
use crate::support::service::Setup;

#[test]
fn a_healthy_replay_warns_of_nothing() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let name = unique("healthy");
    kafka.create_topic(&name, 2);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    fill(&setup, 2_000, 2);
    setup.serve_until_end();
    let replay = setup.run(&["replay"]);
    assert_eq!(replay.status.code(), Some(0), "{}", replay.stderr);
    for word in ["WARN", "ERROR", "lost"] {
        assert!(!replay.stderr.contains(word), "{}", replay.stderr);
    }
}
