//! How amounts are written.

use std::borrow::Cow;

use crate::domain::amount::{Amount, AmountError};

/// How an amount is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AmountForm {
    /// How many decimals are left out: 2 if amounts are in cents. 0 to [`AmountForm::SCALE_MAX`].
    pub scale: AmountScale,
    /// What stands between thousands in a text, if anything may.
    pub thousands: Option<char>,
    /// What stands before the decimals of a text.
    pub point: char,
}

/// How many decimals an amount leaves out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AmountScale {
    /// So many, in all amounts.
    Fixed(u32),
    /// As many as its currency has by ISO 4217.
    OfCurrency,
}

/// Why a value is not an amount in its form.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AmountFormError {
    /// It is not a number, or out of range.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// A text is not written as the form says.
    #[error(
        "is not a number written as amount_thousands and amount_point say, such as {0}; the last group \
         has three digits"
    )]
    Text(String),
}

impl AmountForm {
    /// As JSON writes numbers, in units of the currency.
    pub const PLAIN: Self = Self {
        scale: AmountScale::Fixed(0),
        thousands: None,
        point: '.',
    };
    /// The largest fixed scale.
    pub const SCALE_MAX: u32 = 18;

    /// Whether texts are written as JSON writes numbers.
    #[must_use]
    pub fn is_plain_text(&self) -> bool {
        self.thousands.is_none() && self.point == '.'
    }

    /// The amount that `text` is, and whether it was rounded. `is_text`: it is not a JSON number,
    /// but a text. `scale`: how many decimals it leaves out.
    ///
    /// # Errors
    /// When it is not a number in this form, or out of range.
    pub fn read(
        &self,
        text: &str,
        is_text: bool,
        scale: u32,
    ) -> Result<(Amount, bool), AmountFormError> {
        let number = if is_text && !self.is_plain_text() {
            self.plain(text)
                .ok_or_else(|| AmountFormError::Text(self.example()))?
        } else {
            Cow::Borrowed(text)
        };
        Amount::parse_scaled(number.as_bytes(), scale).map_err(|error| match error {
            AmountError::NotANumber if is_text && !self.is_plain_text() => {
                AmountFormError::Text(self.example())
            }
            error => error.into(),
        })
    }

    /// `text` as JSON writes the number; `None` if it is not in this form.
    ///
    /// The last group before the point has three digits, those before it two or three (as in India),
    /// the first at least one: so `12,50` is never read as 1250.
    fn plain<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        let (whole, decimals) = match text.split_once(self.point) {
            Some((whole, decimals)) => (whole, Some(decimals)),
            None => (text, None),
        };
        let mut plain = String::with_capacity(text.len());
        match self.thousands.filter(|sign| whole.contains(*sign)) {
            None => plain.push_str(whole),
            Some(sign) => {
                let unsigned = whole.strip_prefix('-').unwrap_or(whole);
                plain.push_str(&whole[..whole.len() - unsigned.len()]);
                let groups: Vec<&str> = unsigned.split(sign).collect();
                for (number, group) in groups.iter().enumerate() {
                    let lengths = match number {
                        0 => 1..=3,
                        _ if number + 1 == groups.len() => 3..=3,
                        _ => 2..=3,
                    };
                    let is_group =
                        lengths.contains(&group.len()) && group.bytes().all(|c| c.is_ascii_digit());
                    is_group.then(|| plain.push_str(group))?;
                }
            }
        }
        let decimals = decimals.unwrap_or("0");
        // A point that is not the one of this form must not become one.
        // And money is not written as `1,5e3`.
        let is_odd = |c: char| !c.is_ascii_digit();
        if plain.trim_start_matches('-').contains(is_odd) || decimals.contains(is_odd) {
            return None;
        }
        plain.push('.');
        plain.push_str(decimals);
        Some(Cow::Owned(plain))
    }

    fn example(&self) -> String {
        let thousands = self.thousands.map_or(String::new(), String::from);
        format!("12{thousands}345{}67", self.point)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(form: AmountForm, text: &str) -> Option<String> {
        let (amount, _) = form.read(text, true, 0).ok()?;
        Some(amount.to_string())
    }

    fn form(thousands: Option<char>, point: char) -> AmountForm {
        AmountForm {
            thousands,
            point,
            ..AmountForm::PLAIN
        }
    }

    #[test]
    fn thousands_stand_in_groups_of_three() {
        let english = form(Some(','), '.');
        for (text, amount) in [
            ("12,345.67", Some("12345.67")),
            ("1,234,567", Some("1234567")),
            ("12,34,567.8", Some("1234567.8")),
            ("-1,234.50", Some("-1234.5")),
            ("1234.5", Some("1234.5")),
            ("0.5", Some("0.5")),
            ("12,50", None),
            ("1,2345", None),
            ("1234,567", None),
            (",123", None),
            ("1,,234", None),
            ("1,234,", None),
            ("1.234,50", None),
            ("1,234.5,6", None),
            ("--1,234", None),
            ("", None),
            ("NaN", None),
            ("1,234.5e3", None),
            ("12.5e2", None),
        ] {
            assert_eq!(read(english, text).as_deref(), amount, "{text}");
        }
    }

    #[test]
    fn point_and_thousands_are_what_they_are_said_to_be() {
        let german = form(Some('.'), ',');
        for (text, amount) in [
            ("12.345,67", Some("12345.67")),
            ("12,5", Some("12.5")),
            ("1.234", Some("1234")),
            ("12.5", None),
            ("1,234.5", None),
        ] {
            assert_eq!(read(german, text).as_deref(), amount, "{text}");
        }
        let swiss = form(Some('’'), '.');
        assert_eq!(read(swiss, "1’234’567.05").as_deref(), Some("1234567.05"));
        let french = form(Some('\u{202f}'), ',');
        assert_eq!(read(french, "1\u{202f}234,5").as_deref(), Some("1234.5"));
        assert_eq!(read(form(None, ','), "12,5").as_deref(), Some("12.5"));
        assert_eq!(read(form(None, ','), "12.5"), None);
    }

    #[test]
    fn a_number_of_json_is_read_as_one_whatever_texts_look_like() {
        let german = form(Some('.'), ',');
        let (amount, _) = german.read("12.5", false, 0).unwrap();
        assert_eq!(amount.to_string(), "12.5");
        let (cents, _) = german.read("1.234,5", true, 2).unwrap();
        assert_eq!(cents.to_string(), "12.345");
    }
}
