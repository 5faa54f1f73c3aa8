//! A state_dir where there is no state is a mistake, and no command may act on it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Kafka, fill, generation, unique};
use crate::support::lab::Elastic;
use crate::support::service::Setup;

#[test]
fn without_a_live_state_no_command_makes_or_writes_anything() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("elsewhere");
    kafka.create_topic(&name, 2);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    fill(&setup, 3_000, 2);
    let service = setup.serve();
    service.await_consumed(3_000);
    service.await_delivered();
    setup.run_json(&["replay", "--swap", "-o", "json"]);
    service.await_generation(2);
    service.await_delivered();
    elastic.refresh(&format!("{name}-*"));
    let documents = || elastic.count(&format!("{name}-*"));
    let public = || elastic.count(&format!("{name}-1m"));
    let before = (documents(), public());

    // Its numbers would be those of the generations that are live.
    fs::create_dir(setup.path("volume")).unwrap();
    let elsewhere = setup.path("volume/state").display().to_string();
    let state_dir = format!("state_dir={elsewhere}");
    let rule = "time_zone=Asia/Shanghai";
    for command in [
        &["replay"][..],
        &["replay", "--swap"],
        &["replay", "status"],
        &["replay", "swap"],
        &["replay", "rollback"],
        &["replay", "drop", "2", "--yes"],
        &["index", "verify"],
        &["index", "repair"],
        &["state", "inspect"],
    ] {
        let arguments = [command, &["--set", &state_dir, "--set", rule]].concat();
        let refused = setup.run(&arguments);
        assert_eq!(refused.status.code(), Some(1), "{command:?}: {refused:?}");
        let words = format!("there is no state in {elsewhere}: check state_dir");
        assert!(
            refused.stderr.contains(&words),
            "{command:?}: {}",
            refused.stderr
        );
        assert_eq!(refused.stdout, "", "{command:?}");
        let made = fs::read_dir(setup.path("volume")).unwrap().count();
        assert_eq!(made, 0, "{command:?} made something");
    }
    elastic.refresh(&format!("{name}-*"));
    assert_eq!((documents(), public()), before);
    assert_eq!(generation(&service), 2);
}

#[test]
fn all_that_lies_beside_a_state_in_a_checkout_is_ignored_by_git_and_docker() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in [".gitignore", ".dockerignore"] {
        // Both take patterns of the same form, so git judges both.
        let checkout = tempfile::tempdir().unwrap();
        fs::copy(root.join(file), checkout.path().join(".gitignore")).unwrap();
        let git = |arguments: &[&str]| {
            let mut git = Command::new("git");
            git.current_dir(checkout.path()).args(arguments);
            git.output().unwrap().status.success()
        };
        assert!(git(&["init", "--quiet"]));
        for name in [
            "state",
            "state-g2",
            "state-g12",
            "state-g2.report.json",
            "state-g2.dropped",
            "state.live",
            "state.lock",
            "state.replay.lock",
        ] {
            assert!(git(&["check-ignore", "--quiet", name]), "{file}: {name}");
        }
        for name in ["src", "state-graph", "statement.md"] {
            assert!(!git(&["check-ignore", "--quiet", name]), "{file}: {name}");
        }
    }
}
