//! The texts that are branches, each with the number that stands for it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::domain::branch_key::{BranchKey, BranchTextError};
use crate::domain::payment::BranchId;

/// The texts of one state that are branches, in the order in which they were first seen. A text gets the
/// next number, keeps it, and is never removed.
///
/// Any number of threads may look texts up and add some. A number means a text in one table only:
/// another state that reads the same log may have seen the texts in another order.
///
/// A text takes about 120 bytes of memory beside its own bytes.
#[derive(Debug)]
pub struct BranchTexts {
    table: RwLock<TextTable>,
    max: usize,
}

/// Both ways of looking up: the texts by number, and the numbers by text.
#[derive(Debug, Default)]
struct TextTable {
    texts: Vec<Arc<str>>,
    // The texts come from outside, so not a hash that can be guessed.
    numbers: HashMap<Arc<str>, BranchId>,
}

impl TextTable {
    fn add(&mut self, text: &str, max: usize) -> Result<BranchId, BranchTextError> {
        if let Some(id) = self.numbers.get(text) {
            return Ok(*id);
        }
        let full = BranchTextError::Full { max };
        if self.texts.len() >= max {
            return Err(full);
        }
        let number = u32::try_from(self.texts.len()).ok();
        let id = number.and_then(BranchId::of_text).ok_or(full)?;
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, id);
        Ok(id)
    }
}

impl Default for BranchTexts {
    fn default() -> Self {
        Self::bounded(BranchId::TEXTS_MAX)
    }
}

impl BranchTexts {
    /// A table that takes at most `max` texts.
    fn bounded(max: usize) -> Self {
        Self {
            table: RwLock::default(),
            max,
        }
    }

    /// The table that holds `texts`, in the order of their numbers.
    ///
    /// # Errors
    /// When one of them can't be a text of a branch, is an integer, or is there twice.
    pub fn restore<T: AsRef<str>>(
        texts: impl IntoIterator<Item = T>,
    ) -> Result<Self, BranchTextError> {
        let mut table = TextTable::default();
        for text in texts {
            let BranchKey::Text(text) = text.as_ref().parse()? else {
                return Err(BranchTextError::Integer);
            };
            let before = table.texts.len();
            table.add(&text, BranchId::TEXTS_MAX)?;
            if table.texts.len() == before {
                return Err(BranchTextError::Twice);
            }
        }
        Ok(Self {
            table: RwLock::new(table),
            max: BranchId::TEXTS_MAX,
        })
    }

    /// The branch that `text` is: an integer if it is one in canonical decimal form, and otherwise the
    /// number of the text, which becomes the next one if it is new.
    ///
    /// # Errors
    /// When it can't be a text of a branch, or there are too many texts.
    pub fn intern(&self, text: &str) -> Result<BranchId, BranchTextError> {
        if let Some(id) = self.find(text) {
            return Ok(id);
        }
        BranchTextError::check(text)?;
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.add(text, self.max)
    }

    /// The branch that `key` is. A text becomes the next one if it is new.
    ///
    /// # Errors
    /// When there are too many texts.
    pub fn intern_key(&self, key: &BranchKey) -> Result<BranchId, BranchTextError> {
        match key {
            BranchKey::Integer(id) => Ok(*id),
            BranchKey::Text(text) => self.intern(text),
        }
    }

    /// The branch that `text` is, if it is an integer or a text that was seen.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<BranchId> {
        if let Ok(id) = text.parse() {
            return Some(id);
        }
        self.table().numbers.get(text).copied()
    }

    /// The text of `id`; `None` if it is an integer, or a number that no text has yet.
    #[must_use]
    pub fn text(&self, id: BranchId) -> Option<Arc<str>> {
        let number = usize::try_from(id.text_number()?).ok()?;
        self.table().texts.get(number).cloned()
    }

    /// What `id` is outside of the state.
    #[must_use]
    pub fn key(&self, id: BranchId) -> Option<BranchKey> {
        match id.is_text() {
            false => Some(BranchKey::Integer(id)),
            true => self.text(id).map(BranchKey::Text),
        }
    }

    /// How many texts there are: the number that the next one gets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table().texts.len()
    }

    /// Whether no text was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The texts from number `first` on, in order, each with its branch: those that were added since
    /// there were `first` of them.
    #[must_use]
    pub fn since(&self, first: usize) -> Vec<(BranchId, Arc<str>)> {
        let table = self.table();
        // Mostly there are none, and many before.
        let added = table.texts.get(first..).unwrap_or_default();
        let Ok(first) = u32::try_from(first) else {
            return Vec::new();
        };
        (first..)
            .zip(added)
            .filter_map(|(number, text)| Some((BranchId::of_text(number)?, Arc::clone(text))))
            .collect()
    }

    // A thread that panicked while it added a text left the table usable: at worst it has a number for
    // no text, which is not given out.
    fn table(&self) -> RwLockReadGuard<'_, TextTable> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::{BTreeMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    fn text(number: u32) -> BranchId {
        BranchId::of_text(number).unwrap()
    }

    #[test]
    fn texts_get_numbers_in_the_order_in_which_they_are_first_seen() {
        let texts = BranchTexts::default();
        assert!(texts.is_empty());
        assert_eq!(texts.find("DE-0042"), None);
        assert_eq!(texts.intern("DE-0042"), Ok(text(0)));
        assert_eq!(texts.intern("Größe/🏪"), Ok(text(1)));
        assert_eq!(texts.intern("DE-0042"), Ok(text(0)));
        assert_eq!(texts.find("Größe/🏪"), Some(text(1)));
        assert_eq!(texts.text(text(0)).as_deref(), Some("DE-0042"));
        assert_eq!(texts.text(text(2)), None);
        assert_eq!(texts.len(), 2);
        assert_eq!(texts.since(1), [(text(1), "Größe/🏪".into())]);
        assert_eq!(texts.since(2), []);
    }

    #[test]
    fn an_integer_in_canonical_form_is_the_integer_and_no_text() {
        let texts = BranchTexts::default();
        assert_eq!(texts.intern("7"), Ok(BranchId::new(7).unwrap()));
        assert_eq!(texts.intern("2147483647"), Ok(BranchId::MAX));
        assert_eq!(texts.find("0"), BranchId::new(0));
        assert_eq!(texts.text(BranchId::MAX), None);
        assert!(texts.is_empty());
        for (number, other) in (0..).zip(["007", "+7", "-1", "7.0", "2147483648", " 7", "٣"]) {
            assert_eq!(texts.intern(other), Ok(text(number)), "{other:?}");
        }
    }

    #[test]
    fn what_can_not_be_a_text_is_refused_and_takes_no_number() {
        let texts = BranchTexts::default();
        assert_eq!(texts.intern(""), Err(BranchTextError::Empty));
        assert_eq!(
            texts.intern(&"é".repeat(129)),
            Err(BranchTextError::TooLong { bytes: 258 })
        );
        for control in ["a\nb", "\0", "a\u{7f}", "\u{85}"] {
            assert_eq!(texts.intern(control), Err(BranchTextError::Control));
        }
        assert!(texts.is_empty());
        assert_eq!(texts.intern(&"é".repeat(128)), Ok(text(0)));
    }

    #[test]
    fn a_full_table_still_finds_what_it_has() {
        let texts = BranchTexts::bounded(2);
        texts.intern("a").unwrap();
        texts.intern("b").unwrap();
        assert_eq!(texts.intern("c"), Err(BranchTextError::Full { max: 2 }));
        assert_eq!(texts.intern("b"), Ok(text(1)));
        assert_eq!(texts.intern("7"), Ok(BranchId::new(7).unwrap()));
        assert_eq!(texts.len(), 2);
    }

    #[test]
    fn a_table_is_restored_as_it_was_or_refused() {
        let texts = BranchTexts::restore(["b", "a"]).unwrap();
        assert_eq!(texts.find("a"), Some(text(1)));
        assert_eq!(texts.intern("c"), Ok(text(2)));
        let refused = |some: &[&str]| BranchTexts::restore(some).err();
        assert_eq!(refused(&["a", "b", "a"]), Some(BranchTextError::Twice));
        assert_eq!(refused(&["a", "7"]), Some(BranchTextError::Integer));
        assert_eq!(refused(&["a", ""]), Some(BranchTextError::Empty));
    }

    #[test]
    fn texts_that_several_threads_add_at_once_get_one_number_each() {
        let texts = BranchTexts::default();
        let seen: Vec<Vec<(String, BranchId)>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|thread| {
                    let texts = &texts;
                    scope.spawn(move || {
                        let names = (0..500).map(|at| format!("b{}", (at * 7 + thread * 3) % 700));
                        names
                            .map(|name| {
                                let id = texts.intern(&name).unwrap();
                                assert_eq!(texts.text(id).as_deref(), Some(&*name));
                                (name, id)
                            })
                            .collect()
                    })
                })
                .collect();
            threads.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let mut by_name = BTreeMap::new();
        for (name, id) in seen.into_iter().flatten() {
            assert_eq!(*by_name.entry(name).or_insert(id), id);
        }
        let ids: HashSet<BranchId> = by_name.values().copied().collect();
        assert_eq!((ids.len(), texts.len()), (by_name.len(), by_name.len()));
    }

    proptest! {
        // The oracle is a list that is searched from its beginning.
        #[test]
        fn interning_agrees_with_a_list(some in prop::collection::vec("[a-c0-2]{1,2}", 0..40)) {
            let texts = BranchTexts::default();
            let mut list: Vec<String> = Vec::new();
            for one in &some {
                let is_integer = one.chars().all(|c| c.is_ascii_digit()) && (one.len() == 1 || !one.starts_with('0'));
                let expected = match is_integer {
                    true => BranchId::new(one.parse().unwrap()).unwrap(),
                    false => {
                        let at = list.iter().position(|it| it == one).unwrap_or_else(|| {
                            list.push(one.clone());
                            list.len() - 1
                        });
                        text(u32::try_from(at).unwrap())
                    }
                };
                prop_assert_eq!(texts.intern(one), Ok(expected));
                prop_assert_eq!(texts.key(expected).unwrap().to_string(), one.as_str());
            }
            let all: Vec<String> = texts.since(0).into_iter().map(|(_, text)| text.to_string()).collect();
            prop_assert_eq!(&all, &list);
            let restored = BranchTexts::restore(&list).unwrap();
            prop_assert_eq!(restored.since(0), texts.since(0));
        }
    }
}
