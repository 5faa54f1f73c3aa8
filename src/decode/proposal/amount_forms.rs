//! The forms of amounts that are looked for.

use crate::decode::mapping::{AmountForm, AmountScale};
use crate::decode::place_value::PlaceValue;

/// How often each form reads the values of a place, and what these are like.
#[derive(Clone, Default, Debug)]
pub(super) struct AmountForms {
    /// Numbers, which every form reads.
    numbers: usize,
    /// Texts that a form reads, in the order of [`SIGNS`].
    texts: [usize; SIGNS.len()],
    /// Numbers and texts without decimals or thousands.
    whole: usize,
    /// Numbers and texts with a sign between their digits.
    divided: usize,
    /// Those of them that have one such sign, with three digits behind it.
    in_threes: usize,
    /// The first text that no form reads.
    unread: Option<String>,
}

/// What stands between thousands and before decimals, in the order in which one is taken if several
/// read all.
const SIGNS: [(Option<char>, char); 11] = [
    (None, '.'),
    (Some(','), '.'),
    (None, ','),
    (Some('.'), ','),
    (Some(' '), ','),
    (Some('\u{a0}'), ','),
    (Some('\u{202f}'), ','),
    (Some('\''), '.'),
    (Some('’'), '.'),
    (Some(' '), '.'),
    (Some('_'), '.'),
];

/// A longer text is not an amount.
const LENGTH_MAX: usize = 40;

impl AmountForms {
    /// Counts the forms that read `value`.
    pub(super) fn take(&mut self, value: &PlaceValue<'_>) {
        let Some(text) = value.text() else { return };
        let is_number = matches!(value, PlaceValue::Json(raw) if !raw.starts_with('"'));
        if is_number {
            if AmountForm::PLAIN.read(&text, false, 0).is_ok() {
                self.numbers += 1;
                self.note_signs(&text);
            }
            return;
        }
        let mut is_read = false;
        if text.len() <= LENGTH_MAX && text.bytes().any(|c| c.is_ascii_digit()) {
            for (signs, count) in SIGNS.iter().zip(&mut self.texts) {
                if form(*signs).read(&text, true, 0).is_ok() {
                    *count += 1;
                    is_read = true;
                }
            }
        }
        if is_read {
            self.note_signs(&text);
        } else if self.unread.is_none() {
            self.unread = Some(text.into_owned());
        }
    }

    fn note_signs(&mut self, text: &str) {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let mut groups = digits.split(|c: char| !c.is_ascii_digit());
        let first = groups.next().unwrap_or_default();
        let behind: Vec<&str> = groups.collect();
        match behind.as_slice() {
            [] => self.whole += 1,
            [three] if three.len() == 3 && first.len() <= 3 => {
                self.divided += 1;
                self.in_threes += 1;
            }
            _ => self.divided += 1,
        }
    }

    /// The form that reads most values, its scale 0, and how many.
    pub(super) fn best(&self) -> Option<(AmountForm, usize)> {
        let most = *self.texts.iter().max()?;
        // A few texts among numbers are faults, and don't say how amounts are written.
        let at = match self.numbers > most * 9 {
            true => 0,
            false => self.texts.iter().position(|count| *count == most)?,
        };
        let read = self.numbers + self.texts[at];
        (read > 0).then(|| (form(SIGNS[at]), read))
    }

    /// Whether all are texts with one sign before their last three digits, which may stand between
    /// thousands as well as before decimals.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.numbers == 0 && self.in_threes > 0 && self.divided == self.in_threes
    }

    /// Whether all are whole numbers.
    pub(super) const fn is_whole(&self) -> bool {
        self.divided == 0 && self.whole > 0
    }

    /// Whether any has decimals or thousands.
    pub(super) const fn has_decimals(&self) -> bool {
        self.divided > 0
    }

    /// Whether any is a JSON number.
    pub(super) const fn has_numbers(&self) -> bool {
        self.numbers > 0
    }

    /// The first text that is not an amount in any form.
    pub(super) fn unread(&self) -> Option<&str> {
        self.unread.as_deref()
    }
}

fn form((thousands, point): (Option<char>, char)) -> AmountForm {
    AmountForm {
        scale: AmountScale::Fixed(0),
        thousands,
        point,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn signs(texts: &[&str]) -> (Option<char>, char) {
        let mut forms = AmountForms::default();
        for text in texts {
            forms.take(&PlaceValue::Json(&format!("\"{text}\"")));
        }
        let (form, read) = forms.best().unwrap();
        assert_eq!(read, texts.len(), "{texts:?}");
        (form.thousands, form.point)
    }

    #[test]
    fn an_amount_has_the_form_it_is_written_in() {
        assert_eq!(signs(&["12.50", "7", "-3"]), (None, '.'));
        assert_eq!(signs(&["12.50", "1,234.50"]), (Some(','), '.'));
        assert_eq!(signs(&["12,50", "99"]), (None, ','));
        assert_eq!(signs(&["12,50", "1.234,50"]), (Some('.'), ','));
        assert_eq!(signs(&["12,50", "1 234,50"]), (Some(' '), ','));
        assert_eq!(signs(&["12.50", "1'234.50"]), (Some('\''), '.'));
    }

    #[test]
    fn a_few_texts_among_numbers_change_no_form() {
        let mut forms = AmountForms::default();
        for _ in 0..20 {
            forms.take(&PlaceValue::Json("12.5"));
        }
        forms.take(&PlaceValue::Json(r#""12,50""#));
        assert_eq!(forms.best(), Some((AmountForm::PLAIN, 20)));
    }

    #[test]
    fn three_digits_behind_one_sign_may_be_decimals_or_a_thousand() {
        let of = |values: &[&str]| {
            let mut forms = AmountForms::default();
            for value in values {
                forms.take(&PlaceValue::Json(value));
            }
            forms
        };
        assert!(of(&[r#""1,234""#, r#""12""#]).is_ambiguous());
        assert!(of(&[r#""1.234""#]).is_ambiguous());
        assert!(!of(&[r#""1,234""#, r#""1,25""#]).is_ambiguous());
        assert!(!of(&[r#""1,234.50""#]).is_ambiguous());
        assert!(!of(&["1.234"]).is_ambiguous());
        assert_eq!(of(&[r#""12 EUR""#]).unread(), Some("12 EUR"));
    }
}
