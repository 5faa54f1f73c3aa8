//! Other rules for a state: for what comes from now on, and for records that get a second chance.

use std::path::Path;

use rocksdb::WriteBatch;

use super::database::Database;
use super::error::Error;
use super::identity::{Identity, StoredIdentity};
use super::rule_difference::RuleDifference;
use super::snapshot::StateSnapshot;
use super::values::StoredValue;
use super::{keys, opening};
use crate::domain::provenance::FormerRules;
use crate::observe::crash_point;

/// Gives the state in `dir` the rules of `identity`, from its positions on, if only rules differ that
/// [can be adopted](RuleDifference::is_adoptable). Says which differ; there may be none, and then nothing changes.
///
/// # Errors
/// When the state is of another topic or generation, other rules differ too, another process uses it, or
/// it can't be read or written.
pub fn adopt(dir: &Path, identity: &Identity) -> Result<Vec<RuleDifference>, Error> {
    opening::admit(dir, None)?;
    let database = Database::open(dir, false)?;
    let configured = StoredIdentity::of(identity);
    let stored = database.get(&keys::identity())?.map(|it| it.to_vec());
    let Some(stored) = stored else {
        return Ok(Vec::new());
    };
    let differences = match configured.check(&stored, dir) {
        Ok(_) => return Ok(Vec::new()),
        Err(Error::Rules { differences, path }) => {
            if !differences.iter().all(|rule| rule.is_adoptable) {
                let differences = differences.into_iter();
                let differences = differences.filter(|rule| !rule.is_adoptable).collect();
                return Err(Error::Rules { differences, path });
            }
            differences
        }
        Err(error) => return Err(error),
    };
    let before = StoredIdentity::read(&stored, dir)?;
    let read = || {
        let snapshot = StateSnapshot::take(&database, &[]);
        Ok((snapshot.former_rules()?, snapshot.progress()?))
    };
    let (mut former, progress) = read().map_err(|error| database.unreadable(error))?;
    if progress.is_empty() {
        // It has read nothing yet, and takes any rules when it is opened.
        return Ok(Vec::new());
    }
    let positions = progress.iter();
    former.push(FormerRules {
        rules: before.rules.clone(),
        positions: positions
            .map(|(at, progress)| (*at, progress.position))
            .collect(),
    });
    let now = StoredIdentity {
        rules: configured.rules,
        ..before
    };
    let mut batch = WriteBatch::default();
    batch.put(keys::identity(), now.encode());
    batch.put(keys::former_rules(), former.encode());
    // RocksDB has begun a new list.
    database.put_table_list(&mut batch);
    crash_point::reach("adoption: before the batch");
    database.write(batch)?;
    // What is counted next rests on it.
    database.sync()?;
    crash_point::reach("adoption: after the batch");
    Ok(differences)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::store::journal::tests::{beginning, identity};
    use crate::store::{ReadOnlyStore, Store};

    fn ruled(rules: &str) -> Identity {
        Identity {
            rules: rules.into(),
            ..identity()
        }
    }

    const BEFORE: &str = "event_time.max_future = 5m\nwindow.1 = 1m\n";
    const AFTER: &str = "event_time.max_future = 1h\nwindow.1 = 1m\npayment.amount = cash\n";

    #[test]
    fn a_state_adopts_rules_of_decoding_and_knows_until_where_the_former_ones_hold() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), &ruled(BEFORE)).unwrap();
        store.commit(&beginning(), &[], 0).unwrap();
        let in_use = adopt(dir.path(), &ruled(AFTER));
        assert!(matches!(in_use, Err(Error::InUse { .. })));
        drop(store);

        let adopted = adopt(dir.path(), &ruled(AFTER)).unwrap();
        let keys: Vec<&str> = adopted.iter().map(|rule| rule.key.as_str()).collect();
        assert_eq!(keys, ["event_time.max_future", "payment.amount"]);
        assert_eq!(adopt(dir.path(), &ruled(AFTER)).unwrap(), []);
        let refused = Store::open(dir.path(), &ruled(BEFORE));
        assert!(matches!(refused, Err(Error::Rules { .. })));
        let (store, _) = Store::open(dir.path(), &ruled(AFTER)).unwrap();
        let former = FormerRules {
            rules: BEFORE.into(),
            positions: [(0, 1)].into(),
        };
        let readings = store.readings();
        let provenance = readings.query(|reading| reading.provenance()).unwrap();
        let provenance = provenance.unwrap();
        assert_eq!(provenance.rules, AFTER);
        assert_eq!(provenance.former_rules, std::slice::from_ref(&former));
        drop((store, readings));

        // Once more, and back.
        adopt(dir.path(), &ruled(BEFORE)).unwrap();
        let still = ReadOnlyStore::open(dir.path()).unwrap().unwrap();
        let again = FormerRules {
            rules: AFTER.into(),
            positions: [(0, 1)].into(),
        };
        assert_eq!(still.former_rules().unwrap(), [former, again]);
        assert_eq!(still.rules(), BEFORE);
    }

    #[test]
    fn rules_of_windows_and_of_finality_are_never_adopted() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), &ruled(BEFORE)).unwrap();
        store.commit(&beginning(), &[], 0).unwrap();
        drop(store);
        let other = BEFORE.replace("5m", "1h").replace("1m", "2m");
        let refused = adopt(dir.path(), &ruled(&other)).unwrap_err();
        let Error::Rules { differences, .. } = refused else {
            panic!("{refused}")
        };
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].key, "window.1");
        for (key, is) in [
            ("payment.where", true),
            ("time_zone", true),
            ("event_time.allowed_lateness", true),
            ("event_time.out_of_orderness", false),
            ("event_time.zero_windows", false),
            ("window.1", false),
        ] {
            let rule = format!("{key} = 1");
            let is_adoptable = |state: &str| RuleDifference::between(state, &rule)[0].is_adoptable;
            assert_eq!(is_adoptable(""), is, "{key}");
        }
        Store::open(dir.path(), &ruled(BEFORE)).unwrap();
    }

    #[test]
    fn another_place_of_order_ids_is_not_adopted_where_they_are_remembered() {
        let compared = "dedup.by = order_id\n";
        for (state, is) in [("", true), (compared, false)] {
            let configured = format!("{state}payment.order_id = \"{{orderId}}/{{type}}\"");
            let differences = RuleDifference::between(state, &configured);
            assert_eq!(differences.len(), 1);
            assert_eq!(differences[0].is_adoptable, is);
        }
    }

    #[test]
    fn a_state_that_has_read_nothing_has_no_former_rules() {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path(), &ruled(BEFORE)).unwrap());
        assert_eq!(adopt(dir.path(), &ruled(AFTER)).unwrap(), []);
        drop(Store::open(dir.path(), &ruled(AFTER)).unwrap());
        let still = ReadOnlyStore::open(dir.path()).unwrap().unwrap();
        assert_eq!(still.former_rules().unwrap(), []);
    }
}
