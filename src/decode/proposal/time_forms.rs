//! The forms of times that are looked for.

use chrono_tz::Tz;

use crate::decode::mapping::{EpochUnit, TimeForm};
use crate::decode::place_value::PlaceValue;

/// How often each form reads the values of a place.
#[derive(Clone, Debug)]
pub(super) struct TimeForms {
    forms: Vec<CountedForm>,
    /// Values that were looked at.
    seen: usize,
    /// Values of the form `auto` that are local times.
    local: usize,
}

#[derive(Clone, Debug)]
struct CountedForm {
    form: TimeForm,
    read: usize,
}

/// Patterns of `strftime`, in the order in which one is taken if several read all.
const PATTERNS: [&str; 39] = [
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S%.f",
    "%d.%m.%Y, %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y, %H:%M",
    "%d.%m.%Y",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y, %H:%M:%S",
    "%m/%d/%Y, %H:%M:%S",
    "%m/%d/%Y, %I:%M:%S %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%d/%m/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y %H:%M:%S",
    "%m-%d-%Y %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y.%m.%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.f %z",
    "%Y-%m-%d %H:%M:%S%.f UTC",
    "%Y-%m-%d",
    "%Y%m%d%H%M%S",
    "%Y%m%d %H:%M:%S",
    "%Y%m%dT%H%M%SZ",
    "%Y%m%dT%H%M%S",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S GMT",
    "%a %b %d %H:%M:%S UTC %Y",
    "%a %b %d %H:%M:%S %Y",
    "%d/%b/%Y:%H:%M:%S %z",
    "%d %b %Y %H:%M:%S",
    "%d-%b-%Y %H:%M:%S",
    "%b %d, %Y %I:%M:%S %p",
    "%b %d, %Y, %I:%M:%S %p",
];

/// A pattern that has read none of so many values is not tried again.
const TRIES: usize = 100;
/// A longer text is not a time.
const LENGTH_MAX: usize = 40;
/// The first second of 2000, and the first of 2100: numbers between them, in any unit, are taken for
/// times.
const SECONDS: std::ops::Range<f64> = 946_684_800.0..4_102_444_800.0;

const UNITS: [EpochUnit; 4] = [
    EpochUnit::Seconds,
    EpochUnit::Millis,
    EpochUnit::Micros,
    EpochUnit::Nanos,
];

impl Default for TimeForms {
    fn default() -> Self {
        let epochs = UNITS.into_iter().map(TimeForm::Epoch);
        let patterns = PATTERNS.iter().filter_map(|pattern| pattern.parse().ok());
        let forms = std::iter::once(TimeForm::Auto)
            .chain(epochs)
            .chain(patterns);
        Self {
            forms: forms.map(|form| CountedForm { form, read: 0 }).collect(),
            seen: 0,
            local: 0,
        }
    }
}

impl TimeForms {
    /// Counts the forms that read `value`.
    pub(super) fn take(&mut self, value: &PlaceValue<'_>) {
        self.seen += 1;
        let Some(text) = value.text().filter(|text| text.len() <= LENGTH_MAX) else {
            return;
        };
        let number: Option<f64> = text.parse().ok();
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        if digits < 6 || number.is_some_and(|number| !is_plausible(number) && digits != 14) {
            return;
        }
        let reads = |form: &TimeForm| form.read(value, Tz::UTC).is_ok();
        for counted in &mut self.forms {
            let is_tried = match (&counted.form, number) {
                (TimeForm::Auto, None) => true,
                (TimeForm::Auto, Some(number)) => is_in(EpochUnit::Millis, number),
                (TimeForm::Epoch(unit), Some(number)) => is_in(*unit, number),
                (TimeForm::Epoch(_), None) => false,
                (TimeForm::Pattern(_), _) => counted.read > 0 || self.seen <= TRIES,
            };
            if is_tried && reads(&counted.form) {
                counted.read += 1;
                if counted.form == TimeForm::Auto && number.is_none() {
                    self.local += usize::from(is_local(&text));
                    return;
                }
            }
        }
    }

    /// The form that reads most values, and how many.
    pub(super) fn best(&self) -> Option<(TimeForm, usize)> {
        let most = self.forms.iter().map(|counted| counted.read).max()?;
        let best = self.forms.iter().find(|counted| counted.read == most)?;
        (most > 0).then(|| (best.form.clone(), most))
    }

    /// A pattern that reads as many values as `form`, with day and month in the other order.
    pub(super) fn rival(&self, form: &TimeForm) -> Option<&TimeForm> {
        let text = form.to_string();
        let read = |form: &str| {
            let found = self.forms.iter();
            found
                .into_iter()
                .find(|counted| counted.form.to_string() == form)
        };
        let ours = read(&text)?.read;
        let (day, month) = (text.find("%d")?, text.find("%m")?);
        let other = match day < month {
            true => text
                .replace("%d", "%_")
                .replace("%m", "%d")
                .replace("%_", "%m"),
            false => text
                .replace("%m", "%_")
                .replace("%d", "%m")
                .replace("%_", "%d"),
        };
        let rival = read(&other)?;
        (rival.read == ours).then_some(&rival.form)
    }
}

/// What the numbers or texts of `form` are, in words.
pub(super) fn described(form: &TimeForm) -> String {
    match form {
        TimeForm::Auto => "a date and time, or milliseconds since 1970".to_owned(),
        TimeForm::Epoch(unit) => format!("{unit} since 1970"),
        TimeForm::Pattern(_) => format!("a time written as {form}"),
    }
}

/// Which clock times are of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TimeClock {
    /// They say it themselves.
    Given,
    /// They say that it is that of UTC, in letters that a pattern only skips.
    UtcInLetters,
    /// They don't say it.
    Local,
}

impl TimeClock {
    /// Of the times of `form` among `forms`.
    pub(super) fn of(form: &TimeForm, forms: &TimeForms) -> Self {
        let pattern = match form {
            TimeForm::Auto if forms.local > 0 => return Self::Local,
            TimeForm::Auto | TimeForm::Epoch(_) => return Self::Given,
            TimeForm::Pattern(_) => form.to_string(),
        };
        if pattern.ends_with("%z") {
            Self::Given
        } else if pattern.ends_with('Z') || pattern.contains("UTC") || pattern.contains("GMT") {
            Self::UtcInLetters
        } else {
            Self::Local
        }
    }
}

fn is_local(text: &str) -> bool {
    let time = text.get(10..).unwrap_or_default();
    !time.contains(['Z', '+', '-'])
}

fn is_plausible(number: f64) -> bool {
    UNITS.into_iter().any(|unit| is_in(unit, number))
}

fn is_in(unit: EpochUnit, number: f64) -> bool {
    let seconds = number * 10_f64.powi(unit.power() - 3);
    SECONDS.contains(&seconds)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn best(values: &[&str]) -> Option<(String, usize)> {
        let mut forms = TimeForms::default();
        for value in values {
            forms.take(&PlaceValue::Json(value));
        }
        let (form, read) = forms.best()?;
        Some((form.to_string(), read))
    }

    #[test]
    fn every_pattern_is_one() {
        let forms = TimeForms::default().forms;
        assert_eq!(forms.len(), 1 + UNITS.len() + PATTERNS.len());
    }

    #[test]
    fn a_time_has_the_form_it_is_written_in() {
        for (value, form) in [
            (r#""2026-11-01 00:12:34""#, "auto"),
            (r#""2026-11-01T00:12:34.5+08:00""#, "auto"),
            ("1793491954000", "auto"),
            ("1793491954", "epoch_s"),
            ("1793491954.25", "epoch_s"),
            (r#""1793491954""#, "epoch_s"),
            (r#""1793491954000""#, "epoch_ms"),
            ("1793491954000000", "epoch_us"),
            ("1793491954000000000", "epoch_ns"),
            (r#""31.12.2026 23:59:59""#, "%d.%m.%Y %H:%M:%S"),
            (r#""31.12.2026 23:59:59.25""#, "%d.%m.%Y %H:%M:%S%.f"),
            (r#""31.12.2026 23:59""#, "%d.%m.%Y %H:%M"),
            (r#""31.12.2026, 23:59:59""#, "%d.%m.%Y, %H:%M:%S"),
            (r#""12/31/2026 11:59:59 PM""#, "%m/%d/%Y %I:%M:%S %p"),
            (r#""12/31/2026, 11:59:59 PM""#, "%m/%d/%Y, %I:%M:%S %p"),
            (r#""31/12/2026 23:59:59""#, "%d/%m/%Y %H:%M:%S"),
            (r#""20261231235959""#, "%Y%m%d%H%M%S"),
            (r#""20261231T235959Z""#, "%Y%m%dT%H%M%SZ"),
            (r#""2026-12-31 23:59:59 +0800""#, "%Y-%m-%d %H:%M:%S%.f %z"),
            (
                r#""Thu, 31 Dec 2026 23:59:59 GMT""#,
                "%a, %d %b %Y %H:%M:%S GMT",
            ),
            (
                r#""Thu, 31 Dec 2026 23:59:59 +0100""#,
                "%a, %d %b %Y %H:%M:%S %z",
            ),
        ] {
            assert_eq!(best(&[value]), Some((form.to_owned(), 1)), "{value}");
        }
        for value in [
            "12.5",
            "7",
            r#""north""#,
            r#""12345678901234""#,
            "true",
            "{}",
        ] {
            assert_eq!(best(&[value]), None, "{value}");
        }
    }

    #[test]
    fn one_day_behind_the_twelfth_tells_days_from_months() {
        let early = r#""03/04/2026 10:00:00""#;
        let mut forms = TimeForms::default();
        forms.take(&PlaceValue::Json(early));
        let (form, _) = forms.best().unwrap();
        assert_eq!(form.to_string(), "%d/%m/%Y %H:%M:%S");
        assert_eq!(forms.rival(&form).unwrap().to_string(), "%m/%d/%Y %H:%M:%S");
        forms.take(&PlaceValue::Json(r#""03/14/2026 10:00:00""#));
        let (form, read) = forms.best().unwrap();
        assert_eq!((form.to_string().as_str(), read), ("%m/%d/%Y %H:%M:%S", 2));
        assert_eq!(forms.rival(&form), None);
    }
}
