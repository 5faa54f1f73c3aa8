//! The judge: what must hold in the middle of everything, and at the end, when all faults are over.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tidegauge::view::reading::Checkpoint;

use super::circumstances::Circumstances;
use super::reader;
use super::retention::Past;
use super::service::Served;
use super::topic::Partition;
use crate::search_server::SearchServer;
use crate::support::compare::{Delivered, Differences, Document, Figures, key};
use crate::support::oracle::{Horizon, Record, Rules, Truth, exact, truth_by};

/// What names of indexes begin with.
const PREFIX: &str = "payments";
/// The alias of the totals for old dashboards.
const LEGACY: &str = "platform_pay_amount_1";

/// The records that the service has read.
pub fn records(log: &[Partition], checkpoint: &Checkpoint) -> Vec<Record> {
    checkpoint
        .positions
        .iter()
        .filter_map(|(number, position)| {
            let partition = log.get(usize::try_from(*number).ok()?)?;
            Some(partition.committed(*number, *position, checkpoint.generation))
        })
        .flatten()
        .collect()
}

/// Ledger and totals of one checkpoint are those of the records before its positions, whatever goes on.
/// Gives the positions.
pub fn check_checkpoint(
    served: &Served,
    log: &[Partition],
    duplicates: Option<Horizon>,
) -> Result<BTreeMap<i32, i64>, String> {
    let found = served.readings.query(|reading| {
        let checkpoint = reading.checkpoint();
        let totals = reading.all_totals()?;
        let totals: BTreeMap<u32, (u64, String)> = totals
            .iter()
            .map(|(branch, total)| {
                let sum = tidegauge::domain::amount::format_units(total.amount);
                (branch.get(), (total.count, sum))
            })
            .collect();
        let marks = reading.dirty(None, usize::MAX)?.len() as u64;
        Ok((checkpoint.clone(), totals, marks))
    });
    let (checkpoint, totals, marks) = found.map_err(|error| error.to_string())?;
    if checkpoint.dirty != marks {
        return Err(format!(
            "checkpoint {} says that {} documents await delivery, and {marks} are marked",
            checkpoint.sequence, checkpoint.dirty
        ));
    }
    let records = records(log, &checkpoint);
    let rules = Rules {
        windows: vec!["1h"],
        zero_windows: false,
        configured: Vec::new(),
        duplicates,
    };
    let truth = truth_by(&rules, &records);
    let expected: BTreeMap<u32, (u64, String)> = truth
        .totals
        .iter()
        .map(|(branch, total)| (*branch, (total.count, exact(total.sum))))
        .collect();
    if checkpoint.ledger.consumed != truth.consumed || !checkpoint.ledger.balanced() {
        return Err(format!(
            "checkpoint {} at {:?} has consumed {} records, and there are {}",
            checkpoint.sequence, checkpoint.positions, checkpoint.ledger.consumed, truth.consumed
        ));
    }
    if totals != expected {
        show(&records);
        return Err(format!(
            "checkpoint {} at {:?} has totals {totals:?}, and they are {expected:?}",
            checkpoint.sequence, checkpoint.positions
        ));
    }
    Ok(checkpoint.positions)
}

/// What can't be judged at the end as it is without faults.
pub struct Exceptions {
    /// The wall clock, in ms since the epoch.
    pub now: i64,
    /// Whether a partition is halted: windows may stay open.
    pub is_halted: bool,
    /// Whether documents may be newer than the state, which can't catch up any more.
    pub are_documents_ahead: bool,
    /// Whether two services delivered: each may have made a window final at another moment.
    pub had_copy: bool,
    /// How long windows are kept, in ms: older ones may be in the search server alone.
    pub retention: Option<i64>,
}

/// At the end, all figures are those of the log: over HTTP, and in the search server.
pub fn check_end(
    served: &Served,
    search: &SearchServer,
    circumstances: &Circumstances,
    records: &[Record],
    except: Exceptions,
) -> Result<(), String> {
    let rules = &circumstances.rules;
    let mut truth = truth_by(rules, records);
    let mut figures = reader::figures(&served.router, &rules.windows)?;
    let mut differences = Differences::default();
    let may_be_open = except.is_halted || truth.may_be_final_early;
    if may_be_open {
        take_out_final(&mut truth, &mut figures);
    }
    take_out_unpaid(circumstances, &mut figures, &mut differences);
    let kept_from = except.retention.map(|retention| truth.reached - retention);
    let past = Past::take_out_of(&mut truth, &figures, kept_from.unwrap_or(i64::MIN));
    let mut of_the_log = check_names(circumstances, &figures, &mut differences);
    if circumstances.quiet_after.is_some() {
        check_silence(&figures, &except, &mut differences);
        take_out_silence(&mut truth, &mut of_the_log);
    }
    of_the_log.check_true(&truth, &mut differences);
    if !differences.found().is_empty() {
        show(records);
    }
    let generation = served.generation;
    // A generation that can't come as far as the one before is not shown, even if somebody deletes the aliases.
    let families = rules.windows.iter().copied().chain(["totals"]);
    let shown = families.flat_map(|name| search.alias_targets(&format!("{PREFIX}-{name}")));
    let shown: Vec<String> = shown.collect();
    let is_shown = !shown.is_empty() && shown.iter().all(|index| is_of(index, generation));
    if except.is_halted && !is_shown {
        return outcome(&differences);
    }
    let own = search
        .indexes()
        .into_iter()
        .filter(|name| is_of(name, generation));
    let mut all: usize = own.map(|name| search.documents(&name).len()).sum();
    let mut kept = BTreeMap::new();
    for name in &rules.windows {
        let mut found = documents(search, &format!("{PREFIX}-{name}"));
        all -= found.len();
        // Windows without payments are there because they are final.
        found.retain(|document| !may_be_open || document.source["pay_count"] != 0);
        let found = past.check(name, found, &mut differences);
        all += found.len();
        kept.insert(format!("{PREFIX}-{name}"), found);
    }
    let documents = |name: &str| match kept.get(name) {
        Some(found) => found.clone(),
        None => documents(search, name),
    };
    let but: &[&str] = match except.had_copy {
        true => &["revision", "closed_by"],
        false => &[],
    };
    figures.check_documented(
        &documents,
        all as u64,
        (PREFIX, LEGACY),
        &Delivered {
            but,
            may_be_ahead: except.are_documents_ahead,
            zero_windows: circumstances.zero_documents,
        },
        &mut differences,
    );
    outcome(&differences)
}

// A branch that has a name is listed without a payment, too, and has no document then.
fn take_out_unpaid(
    circumstances: &Circumstances,
    figures: &mut Figures,
    differences: &mut Differences,
) {
    let id = |total: &Value| total["branch_id"].as_u64().unwrap_or_default() as u32;
    let listed: BTreeSet<u32> = figures.totals.iter().map(id).collect();
    for branch in circumstances.names.keys() {
        let is_listed = listed.contains(branch);
        differences.check("a branch with a name is listed", &is_listed, &true);
    }
    let is_named = |total: &Value| circumstances.names.contains_key(&id(total));
    figures
        .totals
        .retain(|total| total["pay_count"] != 0 || !is_named(total));
}

// Branches have the names of the configuration. Gives the figures with the names that they have without one.
fn check_names(
    circumstances: &Circumstances,
    figures: &Figures,
    differences: &mut Differences,
) -> Figures {
    let mut unnamed = figures.clone();
    let windows = unnamed.windows.values_mut().flatten();
    let late = unnamed.late.iter_mut();
    for item in unnamed.totals.iter_mut().chain(windows).chain(late) {
        let branch = item["branch_id"].as_u64().unwrap_or_default() as u32;
        let name = circumstances.name(branch);
        differences.check("the name of a branch", &item["branch"], &name.into());
        item["branch"] = format!("Branch_{branch}").into();
    }
    unnamed
}

// What the figures should be of, where a seed is shown.
fn show(records: &[Record]) {
    if std::env::var_os("SHOW").is_none() {
        return;
    }
    for record in records {
        let value = record.value.as_deref().unwrap_or_default();
        println!(
            "{} {} at {}: {}",
            record.partition,
            record.offset,
            record.timestamp,
            String::from_utf8_lossy(value)
        );
    }
}

fn outcome(differences: &Differences) -> Result<(), String> {
    match differences.found() {
        [] => Ok(()),
        found => {
            let shown: Vec<String> = found
                .iter()
                .take(6)
                .map(|text| text.chars().take(400).collect())
                .collect();
            Err(format!(
                "{} differences:\n  {}",
                found.len(),
                shown.join("\n  ")
            ))
        }
    }
}

fn is_of(index: &str, generation: u32) -> bool {
    generation_of(index) == Some(generation)
}

/// The generation that an index is of.
pub fn generation_of(index: &str) -> Option<u32> {
    let (_, rest) = index.split_once("-g")?;
    rest.split('-').next()?.parse().ok()
}

// Whether windows are final is not compared, nor those that are there because they are.
fn take_out_final(truth: &mut Truth, figures: &mut Figures) {
    truth.windows.retain(|_, figure| figure.count > 0);
    for (name, items) in &mut figures.windows {
        items.retain(|item| item["pay_count"] != 0);
        for item in items {
            let key = key(name, item);
            if let Some(figure) = truth.windows.get_mut(&key) {
                figure.is_final = item["final"] == Value::Bool(true);
            }
        }
    }
}

/// Silence counts up to when brokers have confirmed that nothing more is there: they are asked every 3 s, and it is
/// looked at every second.
const CONFIRMED_WITHIN_MS: i64 = 5_000;

// Silence makes exactly those windows final that have ended by the wall clock.
fn check_silence(figures: &Figures, except: &Exceptions, differences: &mut Differences) {
    for (name, items) in &figures.windows {
        for item in items {
            let (.., end) = key(name, item);
            let is_final = item["final"] == Value::Bool(true);
            let is_missed = end + CONFIRMED_WITHIN_MS <= except.now && !except.is_halted;
            if (item["closed_by"] == "quiet" && end > except.now) || (is_missed && !is_final) {
                let now = except.now;
                differences.add(format!(
                    "at {now} silence has made this of a window: {item}"
                ));
            }
        }
    }
}

// A close by the wall clock is not in the log: windows that it made final are, and those without payments that are
// there because of it are not expected.
fn take_out_silence(truth: &mut Truth, figures: &mut Figures) {
    for (name, items) in &mut figures.windows {
        items.retain(|item| {
            if item["closed_by"] != "quiet" {
                return true;
            }
            let key = key(name, item);
            match truth.windows.get_mut(&key) {
                Some(figure) => figure.is_final = true,
                None => return item["pay_count"] != 0,
            }
            true
        });
    }
}

fn documents(search: &SearchServer, name: &str) -> Vec<Document> {
    let mut found = Vec::new();
    for index in search.alias_targets(name) {
        let versions = search.versions(&index);
        for (id, source) in search.documents(&index) {
            found.push(Document {
                index: index.clone(),
                version: versions.get(&id).map_or(0, |version| *version as u64),
                id,
                source,
            });
        }
    }
    found
}
