//! The words that the name of a field is made of.

use super::vocabulary::{self, WordPoints};
use crate::decode::mapping::{Path, PathStep, Place};

/// The words of a place, in small letters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct FieldWords {
    /// Of the field, and of the object around it if the field's say little, as in `store.id`.
    own: Vec<String>,
    /// Of all objects around it.
    around: Vec<String>,
}

impl FieldWords {
    pub(super) fn of(place: &Place) -> Self {
        match place {
            Place::Payment(path) | Place::Value(path) => Self::of_path(path),
            Place::Header(name) => Self {
                own: words(name),
                around: Vec::new(),
            },
            Place::Key | Place::Timestamp => Self::default(),
        }
    }

    fn of_path(path: &Path) -> Self {
        let mut names = path.steps().iter().rev().filter_map(|step| match step {
            PathStep::Field(name) => Some(words(name)),
            PathStep::Index(_) => None,
        });
        let mut own = names.next().unwrap_or_default();
        let mut around = Vec::new();
        let is_generic = own
            .iter()
            .all(|word| vocabulary::GENERIC.contains(&word.as_str()));
        if is_generic {
            own.extend(names.next().unwrap_or_default());
        }
        around.extend(names.flatten());
        Self { own, around }
    }

    /// The points of its own words, and half of the best of those around it.
    pub(super) fn points(&self, table: &WordPoints) -> i32 {
        let of = |word: &String| vocabulary::points_of(word, table);
        let mut counted: Vec<&String> = self.own.iter().collect();
        counted.sort();
        counted.dedup();
        let own: i32 = counted.into_iter().map(of).sum();
        own + self.around.iter().map(of).max().unwrap_or_default() / 2
    }

    /// Whether the word is in its own name.
    pub(super) fn has(&self, word: &str) -> bool {
        self.own.iter().any(|own| own == word)
    }

    /// Whether the word is in its name, or in that of an object around it.
    pub(super) fn mentions(&self, word: &str) -> bool {
        self.has(word) || self.around.iter().any(|around| around == word)
    }
}

/// `createTime`, `create_time`, `CREATE-TIME` and `createtime` are `create` and `time`.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split(|c: char| !c.is_alphanumeric()) {
        let characters: Vec<char> = part.chars().collect();
        let mut word = String::new();
        for (number, c) in characters.iter().enumerate() {
            let before = number.checked_sub(1).and_then(|at| characters.get(at));
            let behind = characters.get(number + 1);
            let begins = c.is_uppercase()
                && before.is_some_and(|before| {
                    // The last capital letter of several belongs to what follows, as in `IDNumber`.
                    !before.is_uppercase() || behind.is_some_and(|behind| behind.is_lowercase())
                });
            if begins && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            word.extend(c.to_lowercase());
        }
        if !word.is_empty() {
            words.push(word);
        }
    }
    words.into_iter().flat_map(taken_apart).collect()
}

/// The two known words that `word` is made of, or `word`.
fn taken_apart(word: String) -> Vec<String> {
    if vocabulary::is_word(&word) {
        return vec![word];
    }
    let mut halves = word.char_indices().skip(1).map(|(at, _)| word.split_at(at));
    let known =
        halves.find(|(first, second)| vocabulary::is_word(first) && vocabulary::is_word(second));
    match known {
        Some((first, second)) => vec![first.to_owned(), second.to_owned()],
        None => vec![word],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_are_words_however_they_are_joined() {
        for name in ["createTime", "create_time", "CREATE-TIME", "createtime"] {
            assert_eq!(words(name), ["create", "time"], "{name}");
        }
        assert_eq!(words("orderID"), ["order", "id"]);
        assert_eq!(words("IDNumber"), ["id", "number"]);
        assert_eq!(words("paidat"), ["paid", "at"]);
        assert_eq!(words("$$"), [""; 0]);
        assert_eq!(words("Größe"), ["größe"]);
        assert_eq!(words("status"), ["status"]);
    }

    #[test]
    fn a_word_that_says_little_has_the_points_of_the_object_around_it() {
        let points = |path: &str| {
            let place = Place::Payment(path.parse().unwrap());
            FieldWords::of(&place).points(vocabulary::BRANCH)
        };
        assert_eq!(points("store.id"), points("store_id"));
        assert!(points("store.id") > points("store.city"));
        assert_eq!(points("payment.parts[0].id"), points("payment.parts.id"));
    }
}
