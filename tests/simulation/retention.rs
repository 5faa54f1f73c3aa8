//! Windows past retention: readers of the service may not find them any more, and their documents stay.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::compare::{Differences, Document, Figures, key, shown};
use crate::support::oracle::{Figure, Key, Truth, exact};

/// The windows that the service does not show, and need not.
pub struct Past(BTreeMap<Key, Figure>);

impl Past {
    /// Takes windows that start before `kept_from`, and that `figures` don't show, out of `truth`.
    pub fn take_out_of(truth: &mut Truth, figures: &Figures, kept_from: i64) -> Self {
        let windows = figures.windows.iter();
        let keys = windows.flat_map(|(name, items)| items.iter().map(|item| key(name, item)));
        let there: std::collections::BTreeSet<Key> = keys.collect();
        let (past, kept) = std::mem::take(&mut truth.windows)
            .into_iter()
            .partition(|(key, _)| key.1 < kept_from && !there.contains(key));
        truth.windows = kept;
        Self(past)
    }

    /// Takes the documents of these windows out of `documents`, which are those of the windows `name`. Each is there
    /// and has the right figures.
    pub fn check(
        &self,
        name: &str,
        documents: Vec<Document>,
        differences: &mut Differences,
    ) -> Vec<Document> {
        let own = self.0.iter().filter(|(key, _)| key.0 == name);
        let mut own: BTreeMap<String, (&Key, &Figure)> = own
            .map(|(key, figure)| (format!("{}@{}-{}", key.2, key.1, key.3), (key, figure)))
            .collect();
        let mut others = Vec::new();
        for document in documents {
            let Some((key, figure)) = own.remove(&document.id) else {
                others.push(document);
                continue;
            };
            let place = format!("the document of {}, which is past retention", shown(*key));
            let expected: [(&str, Value); 4] = [
                ("pay_count", json!(figure.count)),
                ("pay_amount_exact", json!(exact(figure.sum))),
                ("late_count", json!(figure.late_count)),
                ("final", json!(figure.is_final)),
            ];
            for (field, value) in expected {
                let found = &document.source[field];
                differences.check(&format!("{place}: {field}"), found, &value);
            }
        }
        for (key, _) in own.into_values() {
            differences.add(format!(
                "the document of {} is missing, which is past retention",
                shown(*key)
            ));
        }
        others
    }
}
