//! What commands about generations say besides what they do.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};

use super::{Kafka, fill, unique};
use crate::support::lab::Elastic;
use crate::support::service::Setup;

#[test]
fn a_healthy_replay_warns_of_nothing() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
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

#[test]
fn a_replay_as_another_user_than_the_states_is_refused() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("owner");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name);
    fill(&setup, 100, 2);
    setup.serve_until_end();
    // The directory may be a mount that root made; the service's user writes this file.
    let state = setup.path("state/CURRENT");
    let own = fs::metadata(&state).unwrap().uid();
    if chown(&state, Some(own + 10_001), None).is_err() {
        // Only root can give a state away, and then as root nothing else would refuse it.
        return;
    }
    for arguments in [&["replay"][..], &["replay", "--swap"], &["replay", "swap"]] {
        let refused = setup.run(arguments);
        assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
        let words = format!("sudo -u '#{}' tidegauge", own + 10_001);
        assert!(refused.stderr.contains(&words), "{}", refused.stderr);
    }
    assert!(!setup.path("state-g2").exists());
    assert_eq!(setup.run(&["replay", "status"]).status.code(), Some(0));
    chown(&state, Some(own), None).unwrap();
    assert_eq!(setup.run(&["replay"]).status.code(), Some(0));
}
