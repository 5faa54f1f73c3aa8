//! A backup is made while the service runs, holds every generation, and can be continued elsewhere.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{Figures, Kafka, fill, generation, paid, records, truth, unique};
use crate::support::lab::Elastic;
use crate::support::service::Setup;
use crate::support::topic::START;

const PATIENCE: Duration = Duration::from_secs(240);

/// The kept generations in what `state backup` and `state restore` print.
fn kept(summary: &Value) -> Vec<(u64, bool)> {
    let generations = summary["generations"].as_array().unwrap();
    let kept = generations.iter().map(|kept| {
        let number = kept["generation"].as_u64().unwrap();
        (number, kept["live"].as_bool().unwrap())
    });
    kept.collect()
}

/// How many records the positions of the live generation say were read.
fn read_by_positions(summary: &Value) -> u64 {
    let generations = summary["generations"].as_array().unwrap();
    let live = generations.iter().find(|kept| kept["live"] == true);
    let positions = live.unwrap()["positions"].as_object().unwrap();
    positions.values().map(|p| p.as_u64().unwrap()).sum()
}

#[test]
fn a_backup_under_load_is_gone_on_from_elsewhere_with_no_payment_lost_or_doubled() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("backup");
    kafka.create_topic(&name, 4);
    let mut setup = Setup::of(kafka, &name).delivering(elastic, &name);
    fill(&setup, 10_000, 5);
    let service = setup.serve();
    service.await_consumed(10_000);
    // The live generation is not in the directory that state_dir names.
    setup.run_json(&["replay", "--swap", "-o", "json"]);
    service.await_generation(2);

    let load = setup.spawn(&[
        "produce",
        "-o",
        "json",
        "--count",
        "20000",
        "--rate",
        "4000",
        "--start",
        "2026-11-01T01:00:00Z",
        "--per-second",
        "5",
        "--disorder",
        "4s",
        "--late-fraction",
        "0.01",
        "--bad-fraction",
        "0.004",
    ]);
    let mut made = Vec::new();
    for number in 0..4 {
        let dir = setup.path(&format!("backup{number}"));
        let backup = dir.display().to_string();
        let summary = setup.run_json(&["state", "backup", &backup, "-o", "json"]);
        assert_eq!(kept(&summary), [(1, false), (2, true)], "{summary}");
        assert_eq!(summary["live"], 2);
        made.push((backup, summary));
    }
    let sent = load.wait(PATIENCE);
    assert_eq!(sent.status.code(), Some(0), "{}", sent.stderr);
    let all = 30_000;
    service.await_consumed(all);
    let finished = service.stop(Duration::from_secs(60));
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);

    // Each is one checkpoint: what was read and what was booked are the same records.
    for (number, (backup, summary)) in made.iter().enumerate() {
        let dir = setup.path(&format!("there{number}"));
        fs::create_dir(&dir).unwrap();
        let state_dir = dir.join("state").display().to_string();
        setup.set("", "state_dir", &format!("{state_dir:?}"));
        let restored = setup.run_json(&["state", "restore", backup, "-o", "json"]);
        assert_eq!(restored["generations"], summary["generations"]);
        let inside = setup.run_json(&["state", "inspect", "-o", "json"]);
        assert_eq!(inside["generation"], 2);
        assert_eq!(inside["ledger"]["balanced"], true);
        let consumed = inside["ledger"]["consumed"].as_u64().unwrap();
        assert_eq!(consumed, read_by_positions(summary), "{inside}");
    }
    let first = read_by_positions(&made[0].1);
    assert!(
        (10_000..all).contains(&first),
        "the first backup was not made under load: {first} records"
    );

    // The oldest one has the most to read again.
    let state_dir = setup.path("there0/state").display().to_string();
    setup.set("", "state_dir", &format!("{state_dir:?}"));
    let truth = truth(&records(kafka, &name));
    let service = setup.serve();
    assert_eq!(generation(&service), 2);
    service.await_consumed(all);
    Figures::ask(&service).assert_true(&truth);
    setup.run_json(&["replay", "rollback", "-o", "json"]);
    service.await_generation(1);
    service.await_consumed(all);
    service.await_delivered();
    let figures = Figures::ask(&service);
    figures.assert_true(&truth);
    let dropped = setup.run(&["replay", "drop", "2", "--yes"]);
    assert_eq!(dropped.status.code(), Some(0), "{}", dropped.stderr);
    figures.assert_documented(elastic, &name);
}

#[test]
fn a_file_where_a_directory_belongs_is_told_in_one_sentence_with_what_would_be_right() {
    let setup = Setup::new("127.0.0.1:1", "nothing");
    let path = |name: &str| setup.path(name).display().to_string();
    fs::write(setup.path("file"), "").unwrap();
    let (file, below, missing) = (path("file"), path("file/below"), path("missing"));
    let state_dir = format!("state_dir={below}");
    let at_state = ["state", "inspect", "--set", &state_dir];
    let no_directory = format!("{file} is not a directory");
    let give = "Give a new directory, or an empty one";
    let made = "Give the directory that `tidegauge state backup` made";
    for (arguments, why, right) in [
        (&["state", "backup", &file][..], no_directory.as_str(), give),
        (&["state", "backup", &below], &no_directory, give),
        (&["state", "restore", &file], &no_directory, made),
        (&["state", "restore", &below], &no_directory, made),
        (&["state", "restore", &missing], "it does not exist", made),
        (&at_state, &no_directory, "Set state_dir to another path"),
        (
            &["serve", "--set", &state_dir],
            &no_directory,
            "Set state_dir to another path",
        ),
        (
            &["man", "--out", &file],
            &no_directory,
            "Give a directory to --out",
        ),
    ] {
        let refused = setup.run(arguments);
        let told = &refused.stderr;
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}: {told}");
        let last = told.lines().last().unwrap();
        for words in [why, right] {
            assert!(last.contains(words), "{arguments:?}, {words}: {told}");
        }
        for words in ["os error", "exists (", "Not a directory"] {
            assert!(!last.contains(words), "{arguments:?}, {words}: {told}");
        }
    }
    assert_eq!(fs::read(setup.path("file")).unwrap(), b"");
}

#[test]
fn only_a_whole_backup_is_restored_and_only_where_nothing_is() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("whole");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name);
    let backup = setup.path("backup").display().to_string();
    let none = setup.run(&["state", "backup", &backup]);
    assert_eq!(none.status.code(), Some(1), "{}", none.stderr);
    assert!(
        none.stderr.contains("there is no state in"),
        "{}",
        none.stderr
    );
    kafka.send(&name, (0..50).map(|n| paid(0, START + n * 1_000, "1", 1)));
    let service = setup.serve();
    service.await_consumed(50);
    setup.run_json(&["replay", "-o", "json"]);

    let made = setup.run_json(&["state", "backup", &backup, "-o", "json"]);
    assert_eq!(kept(&made), [(1, true), (2, false)]);
    let again = setup.run(&["state", "backup", &backup]);
    assert_eq!(again.status.code(), Some(1), "{}", again.stderr);
    assert!(again.stderr.contains("is not empty"), "{}", again.stderr);
    let live = setup.path("live").display().to_string();
    let live = setup.run_json(&["state", "backup", &live, "--live-only", "-o", "json"]);
    assert_eq!(kept(&live), [(1, true)]);

    // What lies in a state is taken for a part of it.
    for (name, claimed) in [
        ("state", "state"),
        ("state/backup", "state"),
        ("state-g2/backup", "state-g2"),
        ("state-g3", "state-g3"),
        ("state.serving", "state.serving"),
    ] {
        let inside = setup.path(name).display().to_string();
        let refused = setup.run(&["state", "backup", &inside]);
        assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
        let claimed = setup.path(claimed).display().to_string();
        let words = format!("{claimed} belongs to the state that is backed up");
        assert!(refused.stderr.contains(&words), "{}", refused.stderr);
    }
    assert!(!setup.path("state/backup").exists());
    assert!(!setup.path("state-g3").exists());
    let within = format!("state_dir={backup}/state");
    let refused = setup.run(&["state", "restore", &backup, "--set", &within]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("lies in the backup"),
        "{}",
        refused.stderr
    );

    // Where a state is, and where a service runs, nothing is restored.
    let refused = setup.run(&["state", "restore", &backup]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("is using"), "{}", refused.stderr);
    drop(service);
    let refused = setup.run(&["state", "restore", &backup]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("is there already"),
        "{}",
        refused.stderr
    );

    let there = setup.path("there");
    fs::create_dir(&there).unwrap();
    let state_dir = format!("state_dir={}", there.join("state").display());
    let restore = |backup: &str| setup.run(&["state", "restore", backup, "--set", &state_dir]);
    let traces = || {
        let names = fs::read_dir(&there).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.ends_with("lock")).count()
    };
    let table = fs::read_dir(setup.path("backup/g1")).unwrap();
    let table = table
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "sst"))
        .unwrap();
    let damages: [(&str, Damage); 4] = [
        ("its manifest backup.json is missing", &|dir| {
            fs::remove_file(dir.join("backup.json")).unwrap();
        }),
        ("has another content", &|dir| {
            let path = dir.join("g1").join(table.file_name().unwrap());
            let mut bytes = fs::read(&path).unwrap();
            bytes[20] ^= 1;
            fs::write(&path, bytes).unwrap();
        }),
        ("is missing", &|dir| {
            fs::remove_file(dir.join("g2/CURRENT")).unwrap();
        }),
        ("has another length", &|dir| {
            let path = dir.join("g1").join(table.file_name().unwrap());
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }),
    ];
    for (number, (words, damage)) in damages.into_iter().enumerate() {
        let dir = setup.path(&format!("damaged{number}"));
        copy_all(Path::new(&backup), &dir);
        damage(&dir);
        let refused = restore(&dir.display().to_string());
        assert_eq!(refused.status.code(), Some(1), "{words}: {refused:?}");
        assert!(
            refused.stderr.contains(words),
            "{words}: {}",
            refused.stderr
        );
        assert_eq!(traces(), 0, "{words}: something is left");
    }
    let restored = restore(&backup);
    assert_eq!(restored.status.code(), Some(0), "{}", restored.stderr);
    let words = format!("generation 1 of the topic {name} is live");
    assert!(restored.stderr.contains(&words), "{}", restored.stderr);
    assert!(
        restored.stderr.contains("partition 0 from offset 50"),
        "{}",
        restored.stderr
    );
    let again = restore(&backup);
    assert_eq!(again.status.code(), Some(1), "{}", again.stderr);
    // What the replay proved is kept.
    let status = setup.run_json(&["replay", "status", "-o", "json", "--set", &state_dir]);
    assert_eq!(status["generations"][1]["proof"], "equal", "{status}");
}

#[test]
fn what_an_interrupted_restore_leaves_is_refused_by_a_service() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("cut");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name);
    kafka.send(&name, (0..50).map(|n| paid(0, START + n * 1_000, "1", 1)));
    setup.serve_until_end();
    let backup = setup.path("backup").display().to_string();
    setup.run_json(&["state", "backup", &backup, "-o", "json"]);
    // A restore writes the file that names the live generation, then all else, and CURRENT last.
    for steps in 0..2 {
        let dir = setup.path(&format!("cut{steps}"));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("state.live"), "live = 1\n").unwrap();
        if steps > 0 {
            copy_all(&Path::new(&backup).join("g1"), &dir.join("state"));
            fs::remove_file(dir.join("state/CURRENT")).unwrap();
        }
        let state_dir = format!("state_dir={}", dir.join("state").display());
        let served = setup.spawn(&["serve", "--set", &state_dir]);
        let served = served.wait(Duration::from_secs(60));
        assert_eq!(served.status.code(), Some(1), "{}", served.stderr);
        let words = ["no state of generation 1", "the file CURRENT is missing"][steps];
        assert!(served.stderr.contains(words), "{}", served.stderr);
        let again = setup.run(&["state", "restore", &backup, "--set", &state_dir]);
        assert_eq!(again.status.code(), Some(1), "{}", again.stderr);
        assert!(
            again.stderr.contains("is there already"),
            "{}",
            again.stderr
        );
    }
}

/// What is done to a backup.
type Damage<'a> = &'a dyn Fn(&Path);

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
