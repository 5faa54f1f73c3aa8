//! A key that is put together from several places of a record.

use std::fmt;
use std::str::FromStr;

use super::place::{Place, PlaceError};

/// Texts and places in turn: `{country}/{store.id}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template(Vec<TemplatePart>);

/// A part of a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TemplatePart {
    /// This text.
    Text(String),
    /// What stands at this place.
    Place(Place),
}

/// Why a text is not a template.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TemplateError {
    /// A brace has no partner.
    #[error(
        "a brace is not closed or not opened; a place stands between braces, as in {{store.id}}, and \
         {{{{ and }}}} stand for the braces themselves"
    )]
    Brace,
    /// Two places stand side by side.
    #[error(
        "nothing stands between {{{0}}} and {{{1}}}: put a text between them, such as \"/\", so that \
         different values can't give the same key"
    )]
    NothingBetween(Place, Place),
    /// What stands between braces is not a place.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// It has too many parts.
    #[error("it has more than {PLACES_MAX} places")]
    TooLong,
}

/// At most so many places.
const PLACES_MAX: usize = 8;

impl Template {
    /// Whether `text` is meant as a template.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.contains(['{', '}'])
    }

    /// Its parts.
    #[must_use]
    pub fn parts(&self) -> &[TemplatePart] {
        &self.0
    }

    /// Its places.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.0.iter().filter_map(|part| match part {
            TemplatePart::Text(_) => None,
            TemplatePart::Place(place) => Some(place),
        })
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut fixed = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            fixed.push_str(before);
            if let Some(behind) = brace.strip_prefix("{{").or(brace.strip_prefix("}}")) {
                fixed.push_str(&brace[..1]);
                rest = behind;
                continue;
            }
            let inside = brace.strip_prefix('{').ok_or(TemplateError::Brace)?;
            let (place, behind) = inside.split_once('}').ok_or(TemplateError::Brace)?;
            let place: Place = place.parse()?;
            if !fixed.is_empty() {
                parts.push(TemplatePart::Text(std::mem::take(&mut fixed)));
            } else if let Some(TemplatePart::Place(before)) = parts.last() {
                return Err(TemplateError::NothingBetween(before.clone(), place));
            }
            parts.push(TemplatePart::Place(place));
            rest = behind;
        }
        fixed.push_str(rest);
        if !fixed.is_empty() {
            parts.push(TemplatePart::Text(fixed));
        }
        let template = Self(parts);
        if template.places().count() > PLACES_MAX {
            return Err(TemplateError::TooLong);
        }
        Ok(template)
    }
}

/// As it is read.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                TemplatePart::Text(text) => {
                    f.write_str(&text.replace('{', "{{").replace('}', "}}"))?;
                }
                TemplatePart::Place(place) => write!(f, "{{{place}}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::decode::path::Path;

    #[test]
    fn a_template_is_texts_and_places_in_turn() {
        let place = |name| TemplatePart::Place(Place::Payment(Path::field(name)));
        let text = |text: &str| TemplatePart::Text(text.to_owned());
        for (written, parts) in [
            ("{a}/{b}", vec![place("a"), text("/"), place("b")]),
            ("shop {a}", vec![text("shop "), place("a")]),
            ("{{{a}}}", vec![text("{"), place("a"), text("}")]),
            (
                "{$key}-x",
                vec![TemplatePart::Place(Place::Key), text("-x")],
            ),
        ] {
            let template: Template = written.parse().unwrap();
            assert_eq!(template.parts(), parts, "{written}");
            assert_eq!(template.to_string(), written);
        }
    }

    #[test]
    fn what_is_not_a_template_is_said() {
        for text in ["{a", "a}", "{a}/{b", "}{"] {
            assert_eq!(
                text.parse::<Template>(),
                Err(TemplateError::Brace),
                "{text}"
            );
        }
        let side_by_side = "{a}{b}".parse::<Template>().unwrap_err().to_string();
        assert!(side_by_side.starts_with("nothing stands between {a} and {b}"));
        assert!(matches!(
            "{}".parse::<Template>(),
            Err(TemplateError::Place(_))
        ));
        let many = ["{a}"; 9].join("/");
        assert_eq!(many.parse::<Template>(), Err(TemplateError::TooLong));
    }
}
