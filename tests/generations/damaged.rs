//! A generation beside the live one that can't be read, and a lost file that names the live one.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{Figures, Kafka, fill, generation, records, truth, unique};
use crate::support::lab::Elastic;
use crate::support::service::Setup;

/// Cuts the file that RocksDB reads first.
fn damage(dir: &Path) {
    let manifest = fs::read_dir(dir).unwrap();
    let manifest = manifest
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("MANIFEST")
        })
        .unwrap();
    OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(manifest)
        .unwrap();
}

#[test]
fn a_damaged_generation_beside_the_live_one_stops_nothing_and_can_be_dropped() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("damaged");
    kafka.create_topic(&name, 2);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    fill(&setup, 3_000, 2);
    let service = setup.serve();
    service.await_consumed(3_000);
    service.await_delivered();
    setup.run_json(&["replay", "-o", "json"]);
    service.stop(Duration::from_secs(60));
    damage(&setup.path("state-g2"));

    // The service starts, and everything that is not about that generation works.
    let service = setup.serve();
    assert_eq!(generation(&service), 1);
    let status = setup.run_json(&["replay", "status", "-o", "json"]);
    let lines = status["generations"].as_array().unwrap();
    assert_eq!(lines.len(), 2, "{status}");
    assert_eq!(lines[0]["records"], 3_000);
    let reason = lines[1]["unreadable"].as_str().unwrap();
    assert!(reason.contains("state-g2"), "{reason}");
    let verified = setup.run(&["index", "verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}", verified.stderr);
    let backup = setup.path("backup").display().to_string();
    let backup = setup.run_json(&["state", "backup", &backup, "-o", "json"]);
    assert_eq!(backup["generations"].as_array().unwrap().len(), 1);
    assert_eq!(backup["left_out"][0]["generation"], 2);

    // Commands about it say what to do, and stop.
    let again = setup.run(&["replay"]);
    assert_eq!(again.status.code(), Some(1), "{}", again.stderr);
    assert!(
        again.stderr.contains("replay drop 2 --yes"),
        "{}",
        again.stderr
    );
    assert!(elastic.count(&format!("{name}-*-g2*")) > 0);
    let dropped = setup.run(&["replay", "drop", "2", "--yes"]);
    assert_eq!(dropped.status.code(), Some(0), "{}", dropped.stderr);
    assert!(
        dropped.stderr.contains("could not be read"),
        "{}",
        dropped.stderr
    );
    assert_eq!(elastic.count(&format!("{name}-*-g2*")), 0);
    assert!(!setup.path("state-g2").exists());
    assert!(!setup.path("state-g2.report.json").exists());

    // A generation that can't be read is left behind by a swap like any other.
    setup.run_json(&["replay", "-o", "json"]);
    service.stop(Duration::from_secs(60));
    damage(&setup.path("state"));
    let stopped = setup.start().wait(Duration::from_secs(60));
    assert_eq!(stopped.status.code(), Some(1), "{}", stopped.stderr);
    let swapped = setup.run_json(&["replay", "swap", "-o", "json"]);
    assert_eq!(swapped["live"], 2, "{swapped}");
    let service = setup.serve();
    service.await_consumed(3_000);
    service.await_delivered();
    let figures = Figures::ask(&service);
    figures.assert_true(&truth(&records(kafka, &name)));
    assert_eq!(
        elastic.count(&format!("{name}-1m")),
        elastic.count(&format!("{name}-1m-g2-*"))
    );
    let dropped = setup.run(&["replay", "drop", "1", "--yes"]);
    assert_eq!(dropped.status.code(), Some(0), "{}", dropped.stderr);
    assert_eq!(elastic.count(&format!("{name}-*-g1*")), 0);
    assert!(!setup.path("state").exists());
}

#[test]
fn without_the_file_that_names_the_live_generation_no_older_one_is_taken_for_it() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("pointer");
    kafka.create_topic(&name, 2);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    fill(&setup, 3_000, 2);
    let service = setup.serve();
    service.await_consumed(3_000);
    service.await_delivered();
    setup.run_json(&["replay", "--swap", "-o", "json"]);
    service.await_generation(2);
    service.await_delivered();
    service.stop(Duration::from_secs(60));
    let holders = || {
        let text = elastic.get(&format!("/_alias/{name}-1m")).ok().text;
        (text.contains("-g1-"), text.contains("-g2-"))
    };
    assert_eq!(holders(), (false, true));

    fs::rename(setup.path("state.live"), setup.path("lost")).unwrap();
    for arguments in [&["serve"][..], &["replay", "swap"], &["index", "repair"]] {
        let refused = setup.spawn(arguments).wait(Duration::from_secs(60));
        assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
        assert!(
            refused.stderr.contains("state.live is missing"),
            "{arguments:?}: {}",
            refused.stderr
        );
        assert!(refused.stderr.contains("`live = N`"), "{}", refused.stderr);
    }
    assert_eq!(holders(), (false, true), "the aliases were turned back");
    // The operator who has to write the file sees which generations there are.
    let listed = |why: &str| {
        let status = setup.run(&["replay", "status", "-o", "json"]);
        assert_eq!(status.status.code(), Some(1), "{}", status.stderr);
        assert!(status.stderr.contains(why), "{}", status.stderr);
        let listed: Value = serde_json::from_str(&status.stdout).unwrap();
        assert!(listed["live"].is_null(), "{listed}");
        let generations = listed["generations"].as_array().unwrap();
        let records = generations.iter().map(|one| one["records"].as_u64());
        assert!(records.eq([Some(3_000); 2]), "{listed}");
    };
    listed("state.live is missing");
    fs::write(setup.path("state.live"), b"\xff\n").unwrap();
    listed("state.live does not say which generation is live");
    fs::rename(setup.path("lost"), setup.path("state.live")).unwrap();
    let service = setup.serve();
    assert_eq!(generation(&service), 2);

    // A state that is gone is not begun again while a file says that it is live.
    service.stop(Duration::from_secs(60));
    setup.run_json(&["replay", "rollback", "-o", "json"]);
    fs::rename(setup.path("state"), setup.path("away")).unwrap();
    let refused = setup.start().wait(Duration::from_secs(60));
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("no state of generation 1"),
        "{}",
        refused.stderr
    );
    assert!(!setup.path("state").exists());
}

#[test]
fn every_command_says_what_is_wrong_with_a_state_that_is_not_whole() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("not-whole");
    kafka.create_topic(&name, 2);
    let setup = Setup::of(kafka, &name);
    fill(&setup, 3_000, 2);
    setup.serve_until_end();
    let state = setup.path("state");
    let backup = setup.path("backup").display().to_string();
    let commands: [&[&str]; 6] = [
        &["serve"],
        &["state", "inspect"],
        &["state", "backup", &backup],
        &["state", "resume"],
        &["replay"],
        &["replay", "status"],
    ];
    let all_say = |what: &str, words: &[&str]| {
        for command in commands {
            let refused = setup.spawn(command).wait(Duration::from_secs(60));
            let told = &refused.stderr;
            // What can't be read is listed, too.
            let expected = i32::from(!told.contains("generation 1 can't be read"));
            let code = refused.status.code();
            assert_eq!(code, Some(expected), "{what}: {command:?}: {told}");
            let is_said = words.iter().all(|words| told.contains(words));
            assert!(is_said, "{what}: {command:?}: {told}");
            for misleading in [
                "Is there space",
                "check state_dir",
                "no partition is stopped",
            ] {
                assert!(!told.contains(misleading), "{what}: {command:?}: {told}");
            }
        }
    };
    let list = fs::read_to_string(state.join("CURRENT")).unwrap();
    let list = state.join(list.trim());
    let (current, kept) = (state.join("CURRENT"), setup.path("kept"));
    let damaged = "is damaged";
    fs::rename(&list, &kept).unwrap();
    all_say("without its list of tables", &[damaged, "MANIFEST-"]);
    fs::rename(&kept, &list).unwrap();
    fs::rename(&current, &kept).unwrap();
    all_say("without CURRENT", &[damaged, "the file CURRENT is missing"]);
    fs::create_dir(&current).unwrap();
    all_say("with a directory as CURRENT", &[damaged]);
    fs::remove_dir(&current).unwrap();
    fs::rename(&kept, &current).unwrap();
    // What was harmed was not written to, so it is whole again.
    let status = setup.run_json(&["replay", "status", "-o", "json"]);
    assert_eq!(status["generations"][0]["records"], 3_000, "{status}");

    let away = setup.path("away");
    fs::rename(&state, &away).unwrap();
    for command in &commands[1..] {
        let refused = setup.spawn(command).wait(Duration::from_secs(60));
        let told = &refused.stderr;
        assert_eq!(refused.status.code(), Some(1), "{command:?}: {told}");
        let no_state = told.contains("there is no state in") && told.contains("check state_dir");
        assert!(no_state, "{command:?}: {told}");
    }
}
