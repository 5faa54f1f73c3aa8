//! Where a value stands in an object.

use std::fmt;
use std::str::FromStr;

/// The steps from an object to one of its values: `store.id`, `items[0].price`, `"a.b"[2]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Path(Vec<PathStep>);

/// One step of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PathStep {
    /// To the field of this name.
    Field(String),
    /// To the item of this number of an array, counted from 0.
    Index(usize),
}

/// Why a text is not a path.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PathError {
    /// A name is missing.
    #[error("a name is missing at character {0}; write a.b, a[0].b or \"a name with dots\".b")]
    NoName(usize),
    /// A name begins with a dollar sign.
    #[error(
        "a name that begins with $ at character {0} stands in quotes, as in a.\"$date\"; places such as \
         $key stand alone"
    )]
    Dollar(usize),
    /// A quote is not closed.
    #[error("the quote at character {0} is not closed")]
    OpenQuote(usize),
    /// What stands in brackets is not the number of an item.
    #[error(
        "the brackets at character {0} hold no number from 0 to 9999; the first item is [0], and a \
         name with odd characters stands in quotes: \"a-b\""
    )]
    Index(usize),
    /// Something stands where the next step begins.
    #[error("a point or a bracket is missing at character {0}")]
    NoPoint(usize),
    /// It has too many steps.
    #[error("it has more than {STEPS_MAX} steps")]
    TooLong,
}

/// The number of the last item that a path may name.
const INDEX_MAX: usize = 9_999;
/// At most so many steps.
const STEPS_MAX: usize = 32;

impl Path {
    /// This path with `steps` behind it.
    #[must_use]
    pub fn followed_by(&self, steps: &[PathStep]) -> Self {
        Self([&self.0, steps].concat())
    }

    /// Its steps.
    #[must_use]
    pub fn steps(&self) -> &[PathStep] {
        &self.0
    }

    /// The path of one field.
    #[must_use]
    pub fn field(name: &str) -> Self {
        Self(vec![PathStep::Field(name.to_owned())])
    }
}

impl From<Vec<PathStep>> for Path {
    fn from(steps: Vec<PathStep>) -> Self {
        Self(steps)
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let mut steps = Vec::new();
        let mut rest = text;
        // The number of a character as people count.
        let at = |rest: &str| text[..text.len() - rest.len()].chars().count() + 1;
        loop {
            let (name, behind) = name(rest, at(rest))?;
            steps.push(PathStep::Field(name));
            rest = behind;
            while let Some(inside) = rest.strip_prefix('[') {
                let (index, behind) = inside.split_once(']').ok_or(PathError::Index(at(rest)))?;
                let digits = !index.is_empty() && index.bytes().all(|c| c.is_ascii_digit());
                let number = index.parse().ok();
                match number.filter(|number| digits && *number <= INDEX_MAX) {
                    Some(number) => steps.push(PathStep::Index(number)),
                    None => return Err(PathError::Index(at(rest))),
                }
                rest = behind;
            }
            if steps.len() > STEPS_MAX {
                return Err(PathError::TooLong);
            }
            if rest.is_empty() {
                return Ok(Self(steps));
            }
            rest = rest.strip_prefix('.').ok_or(PathError::NoPoint(at(rest)))?;
        }
    }
}

/// The name that `text` begins with, and what follows it.
fn name(text: &str, at: usize) -> Result<(String, &str), PathError> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut name = String::new();
        let mut characters = quoted.char_indices();
        while let Some((place, c)) = characters.next() {
            match c {
                '"' => return Ok((name, &quoted[place + 1..])),
                '\\' => name.extend(characters.next().map(|(_, c)| c)),
                c => name.push(c),
            }
        }
        return Err(PathError::OpenQuote(at));
    }
    let end = text.find(['.', '[', ']', '"', '{', '}']);
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    if name.starts_with('$') {
        return Err(PathError::Dollar(at));
    }
    if name.is_empty() || name.trim() != name {
        return Err(PathError::NoName(at));
    }
    Ok((name.to_owned(), rest))
}

/// As it is read. A name stands in quotes if it must.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Field(field) => {
                    if number > 0 {
                        f.write_str(".")?;
                    }
                    match name(field, 1) {
                        Ok((read, "")) if read == *field => f.write_str(field)?,
                        _ => {
                            let escaped = field.replace('\\', "\\\\").replace('"', "\\\"");
                            write!(f, "\"{escaped}\"")?;
                        }
                    }
                }
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn field(name: &str) -> PathStep {
        PathStep::Field(name.to_owned())
    }

    #[test]
    fn a_path_is_names_and_numbers_of_items() {
        for (text, steps) in [
            ("amount", vec![field("amount")]),
            ("store.id", vec![field("store"), field("id")]),
            (
                "items[0].price",
                vec![field("items"), PathStep::Index(0), field("price")],
            ),
            (
                "a[1][22]",
                vec![field("a"), PathStep::Index(1), PathStep::Index(22)],
            ),
            ("\"a.b\".c", vec![field("a.b"), field("c")]),
            ("\"a\\\"b\\\\\"", vec![field("a\"b\\")]),
            ("order-id", vec![field("order-id")]),
            ("größe.值", vec![field("größe"), field("值")]),
            ("a b", vec![field("a b")]),
        ] {
            let path: Path = text.parse().unwrap();
            assert_eq!(path.steps(), steps, "{text}");
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_path_is_named_with_its_character() {
        for (text, error) in [
            ("", PathError::NoName(1)),
            ("a.", PathError::NoName(3)),
            (".a", PathError::NoName(1)),
            ("ä..b", PathError::NoName(3)),
            (" a", PathError::NoName(1)),
            ("$key", PathError::Dollar(1)),
            ("a.$date", PathError::Dollar(3)),
            ("{a}", PathError::NoName(1)),
            ("a.\"b", PathError::OpenQuote(3)),
            ("a[x]", PathError::Index(2)),
            ("a[-1]", PathError::Index(2)),
            ("a[+1]", PathError::Index(2)),
            ("a[]", PathError::Index(2)),
            ("a[10000]", PathError::Index(2)),
            ("a[1", PathError::Index(2)),
            ("a[0]b", PathError::NoPoint(5)),
            ("\"a\"b", PathError::NoPoint(4)),
            (&["a"; 33].join("."), PathError::TooLong),
        ] {
            assert_eq!(text.parse::<Path>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_path_is_read_back_as_it_was_written(
            first in "\\PC{1,5}",
            steps in prop::collection::vec(
                prop_oneof![".{0,5}".prop_map(PathStep::Field), (0..=INDEX_MAX).prop_map(PathStep::Index)],
                0..5,
            ),
        ) {
            let path = Path::field(&first).followed_by(&steps);
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Path>();
        }
    }
}
