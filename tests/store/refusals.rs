//! States that a store refuses to open, and that it leaves as they are.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use tidegauge::store::{Error, Identity, ReadOnlyStore, Store};
use tidegauge_windows::Span;

use super::feed::{DAY, Feed, MINUTE, identity, open};
use super::{copy, files};

fn refused(dir: &Path, identity: &Identity) -> Error {
    Store::open(dir, identity).map(|_| ()).unwrap_err()
}

/// A directory with one checkpoint, closed.
fn state(feed: &mut Feed) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path(), &feed.settings);
    feed.pay(0, 1_000, 1, "1.00");
    feed.commit(&mut store);
    dir
}

/// The name of the file that lists the tables of the state in `dir`.
fn list_of_tables(dir: &Path) -> String {
    let list = fs::read_to_string(dir.join("CURRENT")).unwrap();
    list.trim_end().to_owned()
}

#[test]
fn other_rules_are_refused_by_name() {
    let mut feed = Feed::new(Span::DAY);
    let dir = state(&mut feed);
    let mut other = identity(&feed.settings);
    other.rules = other.rules.replace("3600000", "7200000");
    let error = refused(dir.path(), &other);
    assert!(matches!(error, Error::Rules { .. }));
    let sentence = error.to_string();
    assert!(
        sentence.contains("allowed_lateness is 3600000 in the state and 7200000 in the config"),
        "{sentence}"
    );
    assert!(!sentence.contains("window.1m.size"), "{sentence}");
    open(dir.path(), &feed.settings);
}

#[test]
fn another_topic_or_generation_is_refused() {
    let mut feed = Feed::new(Span::DAY);
    let dir = state(&mut feed);
    let mut other = identity(&feed.settings);
    other.topic = "refunds".into();
    let sentence = refused(dir.path(), &other).to_string();
    assert!(
        sentence.contains("payment_msg") && sentence.contains("refunds"),
        "{sentence}"
    );

    let mut other = identity(&feed.settings);
    other.generation = 4;
    let error = refused(dir.path(), &other);
    assert!(matches!(
        error,
        Error::Generation {
            found: 3,
            wanted: 4,
            ..
        }
    ));
}

#[test]
fn other_configured_branches_are_not_refused() {
    let mut feed = Feed::new(Span::DAY);
    let dir = state(&mut feed);
    let mut other = identity(&feed.settings);
    other.names = std::sync::Arc::default();
    Store::open(dir.path(), &other).unwrap();
}

#[test]
fn a_version_that_is_not_understood_is_refused() {
    for version in [0, 7, 77] {
        let mut feed = Feed::new(Span::DAY);
        let dir = state(&mut feed);
        let mut rewritten = vec![version];
        rewritten.extend(b"and then something that only that version knows");
        let db = rocksdb::DB::open_default(dir.path()).unwrap();
        db.put([1], &rewritten).unwrap();
        drop(db);
        let error = refused(dir.path(), &identity(&feed.settings));
        let found = u64::from(version);
        assert!(matches!(error, Error::Version { found: f, expected: 6, .. } if f == found));
        let db = rocksdb::DB::open_default(dir.path()).unwrap();
        assert_eq!(db.get([1]).unwrap(), Some(rewritten));
    }
}

#[test]
fn a_database_of_something_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    // A database that another program made must not be taken for a state, nor for a new directory.
    let db = rocksdb::DB::open_default(dir.path()).unwrap();
    db.put("a", "b").unwrap();
    drop(db);
    let error = refused(dir.path(), &identity(&Feed::new(Span::DAY).settings));
    assert!(matches!(error, Error::Damaged { .. }));
}

#[test]
fn a_damaged_state_is_refused_and_never_wiped() {
    let mut feed = Feed::new(Span::DAY);
    let whole = state(&mut feed);
    // Opened once more, what was in the log is in a table.
    drop(open(whole.path(), &feed.settings));
    let damages: [fn(&Path); 5] = [
        |dir| fs::write(dir.join("CURRENT"), "nonsense").unwrap(),
        |dir| fs::remove_file(dir.join("CURRENT")).unwrap(),
        |dir| {
            let list = list_of_tables(dir);
            let list = fs::File::options().write(true).open(dir.join(&list));
            list.unwrap().set_len(0).unwrap();
        },
        |dir| {
            files(dir, "sst")
                .iter()
                .for_each(|file| fs::remove_file(file).unwrap())
        },
        |dir| {
            files(dir, "sst")
                .iter()
                .for_each(|file| fs::write(file, "nonsense").unwrap())
        },
    ];
    assert!(!files(whole.path(), "sst").is_empty());
    for (number, damage) in damages.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        damage(dir.path());
        let tables = files(dir.path(), "sst");
        let error = refused(dir.path(), &identity(&feed.settings));
        assert!(matches!(error, Error::Damaged { .. }), "{number}: {error}");
        assert_eq!(files(dir.path(), "sst"), tables);
    }
}

#[test]
fn a_list_of_tables_that_is_cut_off_or_damaged_is_refused_before_a_table_is_deleted() {
    let mut feed = Feed::new(Span::DAY);
    let whole = tempfile::tempdir().unwrap();
    let (mut store, _) = open(whole.path(), &feed.settings);
    //   table          list longer      log
    // |--------------|----------------|-----------------|
    //   branch 1       flushed          branch 2
    // The first checkpoint is flushed to a table, as reading begins with it. The second is in the log.
    feed.pay(0, DAY, 1, "1.00");
    store.commit(&feed.take(), &[], 0).unwrap();
    feed.pay(0, DAY + MINUTE, 2, "2.00");
    store.commit(&feed.take(), &[], 0).unwrap();
    store.sync().unwrap();
    let list = list_of_tables(whole.path());
    let bytes = fs::read(whole.path().join(&list)).unwrap();
    type Harm = fn(&mut Vec<u8>, usize);
    let damages: [(&str, Harm); 4] = [
        ("cut off", |bytes, at| bytes.truncate(at)),
        // RocksDB takes what it can't read then for an end that was not written yet.
        ("one byte more", |bytes, at| bytes.insert(at, 3)),
        ("one byte less", |bytes, at| {
            bytes.splice(at..=at, []).for_each(drop)
        }),
        ("one bit flipped", |bytes, at| bytes[at] ^= 1 << (at % 8)),
    ];
    for (damage, harm) in damages {
        for at in 0..bytes.len() {
            let dir = tempfile::tempdir().unwrap();
            copy(whole.path(), dir.path());
            let mut harmed = bytes.clone();
            harm(&mut harmed, at);
            fs::write(dir.path().join(&list), harmed).unwrap();
            let before = files(dir.path(), "sst");
            let error = refused(dir.path(), &identity(&feed.settings));
            assert!(
                matches!(error, Error::Damaged { .. }),
                "{damage} {at}: {error}"
            );
            // A reader tries for a second, as a writer may be changing what it reads.
            if at + 1 == bytes.len() {
                assert!(ReadOnlyStore::open(dir.path()).is_err(), "{damage}");
            }
            assert_eq!(files(dir.path(), "sst"), before, "{damage} {at}");
        }
    }
    // As it was, it is opened with all that is in it.
    let dir = tempfile::tempdir().unwrap();
    copy(whole.path(), dir.path());
    let (store, _) = open(dir.path(), &feed.settings);
    let totals = store.readings().query(|reading| reading.all_totals());
    assert_eq!(totals.unwrap().len(), 2);
}

#[test]
fn a_state_that_lost_its_log_and_the_end_of_its_list_of_tables_is_not_taken_for_a_new_one() {
    let mut feed = Feed::new(Span::DAY);
    let whole = tempfile::tempdir().unwrap();
    let (mut store, _) = open(whole.path(), &feed.settings);
    feed.pay(0, DAY, 1, "1.00");
    store.commit(&feed.take(), &[], 0).unwrap();
    store.sync().unwrap();
    let list = list_of_tables(whole.path());
    let bytes = fs::read(whole.path().join(&list)).unwrap();
    let mut refusals = 0;
    for kept in 0..bytes.len() {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        fs::write(dir.path().join(&list), &bytes[..kept]).unwrap();
        for log in files(dir.path(), "log") {
            fs::write(log, "").unwrap();
        }
        let before = files(dir.path(), "sst");
        // What is left may be the state before its first checkpoint, or at it.
        match Store::open(dir.path(), &identity(&feed.settings)) {
            Ok((_, recovered)) => assert!(recovered.sequence <= 1, "{kept}"),
            Err(error) => {
                refusals += 1;
                assert!(matches!(error, Error::Damaged { .. }), "{kept}: {error}");
                assert_eq!(files(dir.path(), "sst"), before, "{kept}");
            }
        }
    }
    assert!(refusals > 0);
}

#[test]
fn a_log_that_would_be_read_without_end_is_refused() {
    let mut feed = Feed::new(Span::DAY);
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path(), &feed.settings);
    for minute in 0..3 {
        feed.pay(0, DAY + minute * MINUTE, 1, "1.00");
        store.commit(&feed.take(), &[], 0).unwrap();
    }
    drop(store);
    let log = &files(dir.path(), "log")[0];
    let mut bytes = fs::read(log).unwrap();
    // The last byte of the second record's header is its kind: of a whole record, or of one in a reused file.
    let length = usize::from(u16::from_le_bytes([bytes[4], bytes[5]]));
    let kind = &mut bytes[7 + length + 6];
    assert_eq!(*kind, 1);
    *kind ^= 4;
    fs::write(log, &bytes).unwrap();
    let error = refused(dir.path(), &identity(&feed.settings));
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    let name = log.file_name().unwrap().to_str().unwrap();
    assert!(error.to_string().contains(name), "{error}");
    let error = ReadOnlyStore::open(dir.path()).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert_eq!(fs::read(log).unwrap(), bytes);
}

#[test]
fn a_second_store_in_this_process_is_refused() {
    let feed = Feed::new(Span::DAY);
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), &feed.settings);
    let error = refused(dir.path(), &identity(&feed.settings));
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    assert!(error.to_string().contains(dir.path().to_str().unwrap()));
    let readings = store.readings();
    drop(store);
    // A reader that is left holds the directory too.
    assert!(matches!(
        refused(dir.path(), &identity(&feed.settings)),
        Error::InUse { .. }
    ));
    drop(readings);
    open(dir.path(), &feed.settings);
}

const HELD: &str = "TIDEGAUGE_TEST_HELD_STATE";

#[test]
fn a_second_process_is_refused() {
    let feed = Feed::new(Span::DAY);
    let dir = tempfile::tempdir().unwrap();
    let mut holder = Command::new(env::current_exe().unwrap())
        .args([
            "--ignored",
            "--nocapture",
            "--exact",
            "store::refusals::holds_a_state",
        ])
        .env(HELD, dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("held")));

    let error = refused(dir.path(), &identity(&feed.settings));
    // It continues when its input ends.
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    open(dir.path(), &feed.settings);
}

#[test]
#[ignore = "the other process of a_second_process_is_refused"]
fn holds_a_state() {
    let Some(dir) = env::var_os(HELD) else {
        return;
    };
    let _store = open(Path::new(&dir), &Feed::new(Span::DAY).settings);
    writeln!(std::io::stdout(), "held").unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}
