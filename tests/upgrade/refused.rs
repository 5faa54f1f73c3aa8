//! A state of a version that this program does not know: every command refuses it with what to do, and leaves it byte
//! for byte as it is.

use std::fs;
use std::path::Path;

use rocksdb::{DB, Options};
use tidegauge::store::{Error, ReadOnlyStore, Store, resume};

use super::{NEWEST, WRITTEN, copy, files, identity};
use crate::support::service::Setup;

/// A version that a later release may write.
const NEWER: u8 = 7;

/// Puts a state of a newer version into `dir`: one of today's, of which only the identity says so.
fn newer(dir: &Path) {
    copy("state-v4", dir);
    let db = DB::open(&Options::default(), dir).unwrap();
    let mut identity = db.get([1]).unwrap().unwrap();
    assert_eq!(u64::from(identity[0]), WRITTEN);
    identity[0] = NEWER;
    db.put([1], identity).unwrap();
    db.flush().unwrap();
}

#[test]
fn a_newer_state_is_refused_and_stays_byte_for_byte_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    newer(dir.path());
    let before = files(dir.path());
    let errors = [
        Store::open(dir.path(), &identity()).map(drop).unwrap_err(),
        ReadOnlyStore::open(dir.path()).map(drop).unwrap_err(),
        resume(dir.path(), None).map(drop).unwrap_err(),
    ];
    for error in errors {
        let is_right = matches!(
            error,
            Error::Version { found, expected, .. } if found == u64::from(NEWER) && expected == NEWEST
        );
        assert!(is_right, "{error}");
    }
    assert_eq!(files(dir.path()), before);
}

#[test]
fn a_state_of_another_topic_or_other_rules_stays_byte_for_byte_as_it_is() {
    for name in ["state-v1", "state-v4"] {
        let dir = tempfile::tempdir().unwrap();
        copy(name, dir.path());
        let before = files(dir.path());
        let (mut topic, mut rules) = (identity(), identity());
        topic.topic = "refunds".to_owned();
        rules.rules = rules.rules.replace("1d", "2d");
        let refused = |identity| Store::open(dir.path(), identity).map(drop).unwrap_err();
        assert!(matches!(refused(&topic), Error::Topic { .. }));
        assert!(matches!(refused(&rules), Error::Rules { .. }));
        assert_eq!(files(dir.path()), before);
    }
}

#[test]
fn every_command_refuses_a_newer_state_with_what_to_do() {
    let setup = Setup::new("127.0.0.1:1", super::log::TOPIC);
    newer(&setup.path("state"));
    let before = files(&setup.path("state"));
    let backup = setup.path("backup").display().to_string();
    for command in [
        &["serve"][..],
        &["serve", "--until-end"],
        &["state", "inspect"],
        &["state", "backup", &backup],
        &["state", "resume"],
        &["replay"],
        &["replay", "--swap"],
    ] {
        let refused = setup.run(command);
        assert_eq!(
            refused.status.code(),
            Some(1),
            "{command:?}: {}",
            refused.stderr
        );
        for words in [
            "has storage version 7, and this program reads version 6",
            "use the release that wrote it",
            "set state_dir to a new directory",
        ] {
            assert!(
                refused.stderr.contains(words),
                "{command:?}: {}",
                refused.stderr
            );
        }
        assert_eq!(refused.stdout, "", "{command:?}");
        assert_eq!(
            files(&setup.path("state")),
            before,
            "{command:?} changed it"
        );
        let made = fs::read_dir(setup.path("backup")).map_or(0, Iterator::count);
        assert_eq!(made, 0, "{command:?}");
    }
    // What lists generations names it, and goes on.
    let status = setup.run_json(&["replay", "status", "-o", "json"]);
    let unreadable = status["generations"][0]["unreadable"].as_str().unwrap();
    assert!(unreadable.contains("has storage version 7"), "{status}");
    assert_eq!(files(&setup.path("state")), before);
}
