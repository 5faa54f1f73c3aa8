//! One of two generations that are compared.

use std::collections::BTreeMap;

use tidegauge_windows::{Summary, Window};

use crate::domain::branch::Branches;
use crate::domain::branch_key::BranchKey;
use crate::domain::total::Total;
use crate::view::cell_cache::CellCache;
use crate::view::reading::{ReadError, Reading};

/// A generation at one moment. Each has seen texts in an order of its own, so the number of a text means
/// something in one of them only.
pub struct ComparedGeneration<'a> {
    /// Its figures.
    pub(super) reading: &'a dyn Reading,
    /// What its branches are.
    pub(super) branches: &'a Branches,
    cells: CellCache<'a>,
}

/// Windows that overlap are made of the same cells: this many of them are remembered.
const CELLS: usize = 4_096;

impl<'a> ComparedGeneration<'a> {
    /// The generation with these figures, of these branches.
    #[must_use]
    pub fn new(reading: &'a dyn Reading, branches: &'a Branches) -> Self {
        Self {
            cells: CellCache::new(reading, CELLS),
            reading,
            branches,
        }
    }

    /// All totals, by branch.
    pub(super) fn totals(&self) -> Result<BTreeMap<BranchKey, Total>, ReadError> {
        let totals = self.reading.all_totals()?.into_iter();
        Ok(totals
            .map(|(branch, total)| (self.branches.key(branch), total))
            .collect())
    }

    /// The content of a window of `branch`; `None` if it holds no payment.
    pub(super) fn window(
        &self,
        definition: u16,
        window: Window,
        branch: &BranchKey,
    ) -> Result<Option<Summary>, ReadError> {
        let Some(branch) = self.branches.id(branch) else {
            return Ok(None);
        };
        let frame = self.reading.frame();
        let found = frame.window(&self.cells, definition, window, branch)?;
        Ok(found
            .map(|found| found.aggregate)
            .filter(|summary: &Summary| summary.count > 0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use chrono_tz::Tz;
    use tidegauge_windows::{Definition, Settings, Span};

    use super::super::Comparison;
    use super::*;
    use crate::core::pipeline::{Pipeline, PipelineStart};
    use crate::decode::DecodeRules;
    use crate::decode::mapping::{BranchType, Mapping, MappingSettings};
    use crate::domain::branch_names::BranchNames;
    use crate::domain::record::Record;
    use crate::store::{Identity, MarkedDocuments, Store};

    /// 2026-11-01T00:00:00Z.
    const START: i64 = 1_793_491_200_000;

    fn settings() -> Arc<Settings> {
        let minute = Span::MINUTE;
        let ten = minute.times(10);
        Arc::new(Settings {
            definitions: vec![
                Definition::tumbling("1m", minute, Span::ZERO, Tz::UTC).unwrap(),
                Definition::sliding("10m-by-1m", ten, minute, Span::ZERO, Tz::UTC).unwrap(),
            ],
            out_of_orderness: Span::SECOND.times(5),
            allowed_lateness: Span::DAY,
            max_future: Span::MINUTE.times(5),
            retention: Span::DAY.times(35),
            zero_windows: true,
        })
    }

    /// A state of `payments`, each a branch and an amount, which happened in one minute.
    fn state(payments: &[(&str, i64)]) -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity {
            topic: "t".into(),
            generation: 1,
            rules: String::new(),
            settings: settings(),
            names: Arc::new(BranchNames::default().with_texts()),
            documents: MarkedDocuments::None,
        };
        let (mut store, _) = Store::open(dir.path(), &identity).unwrap();
        let start = PipelineStart::default();
        let mapping = MappingSettings {
            branch_type: BranchType::Any,
            ..MappingSettings::default()
        };
        let rules = DecodeRules {
            mapping: Arc::new(Mapping::new(mapping)),
            zone: Tz::UTC,
            text_order_ids: false,
        };
        let mut pipeline = Pipeline::new(settings(), rules, store.branches(), start);
        for (offset, (branch, amount)) in (0..).zip(payments) {
            let payload =
                format!(r#"{{"createTime":{START},"payAmount":{amount},"branchId":"{branch}"}}"#);
            pipeline
                .apply([Record {
                    partition: 0,
                    offset,
                    timestamp: Some(START),
                    payload: Some(payload.as_bytes()),
                    ..Record::default()
                }])
                .unwrap();
        }
        store.commit(&pipeline.take_effects(), &[], START).unwrap();
        (dir, store)
    }

    fn compared(live: &Store, replayed: &Store) -> Comparison {
        let (ours, theirs) = (live.branches(), replayed.branches());
        let (live, replayed) = (live.readings(), replayed.readings());
        live.query(|live| {
            replayed.query(|replayed| {
                Comparison::of(
                    &ComparedGeneration::new(live, &ours),
                    &ComparedGeneration::new(replayed, &theirs),
                )
            })
        })
        .unwrap()
    }

    #[test]
    fn texts_that_were_seen_in_another_order_are_compared_with_themselves() {
        let (_one, live) = state(&[("a", 1), ("b", 2), ("7", 3), ("c", 4)]);
        let (_two, replayed) = state(&[("c", 4), ("7", 3), ("b", 2), ("a", 1)]);
        let comparison = compared(&live, &replayed);
        assert_eq!(comparison.differences, 0, "{:?}", comparison.first);
        assert_eq!(comparison.totals, 4);
        assert_eq!(
            (comparison.windows["1m"], comparison.windows["10m-by-1m"]),
            (4, 40)
        );
    }

    #[test]
    fn a_text_that_differs_or_is_in_one_of_them_only_is_named() {
        let (_one, live) = state(&[("a", 1), ("b", 2), ("7", 3)]);
        let (_two, replayed) = state(&[("7", 3), ("new", 2), ("a", 5)]);
        let comparison = compared(&live, &replayed);
        let figures: Vec<&str> = comparison.first.iter().map(|it| &*it.figure).collect();
        assert_eq!(
            figures[..3],
            ["the total of a", "the total of b", "the total of new"]
        );
        // In the ledger the amount on time, and each of the three in each of its windows.
        assert_eq!(comparison.differences, 3 + 1 + 3 * 11, "{figures:?}");
        assert_eq!(comparison.totals, 4);
        let minute = "1m from 2026-11-01T00:00:00Z to 2026-11-01T00:01:00Z of";
        for branch in ["a", "b", "new"] {
            assert!(
                figures.contains(&&*format!("{minute} {branch}")),
                "{figures:?}"
            );
        }
        assert!(!figures.contains(&&*format!("{minute} Branch_7")));
    }
}
