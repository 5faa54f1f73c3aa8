//! Times as a table shows them: short, without what all of them have in common.

use crate::cli::row::{JsonRow, plain};
use crate::view::field::FieldKind;
use crate::view::wire::field_named;

/// How times are shown: what all have in common is left out.
#[derive(Default)]
pub(super) struct Times {
    /// The day, where all times are of the same.
    pub(super) day: Option<String>,
    /// How many characters of `HH:MM:SS.mmm` tell anything.
    clock: usize,
}

impl Times {
    pub(super) fn of(rows: &[JsonRow], names: &[&str]) -> Self {
        let mut names = names.to_vec();
        names.retain(|name| holds_times(name));
        let texts: Vec<String> = rows
            .iter()
            .flat_map(|row| names.iter().filter_map(|name| row.get(name)))
            .map(plain)
            .collect();
        let times: Vec<(&str, &str)> = texts.iter().filter_map(|text| split(text)).collect();
        let Some((first, _)) = times.first() else {
            return Self::default();
        };
        let is_one_day = times.iter().all(|(day, _)| day == first);
        let has = |from: usize, zeros: &str| {
            times.iter().any(|(_, clock)| {
                clock
                    .get(from..)
                    .is_some_and(|rest| !zeros.starts_with(rest))
            })
        };
        Self {
            day: is_one_day.then(|| (*first).to_owned()),
            clock: if has(8, ".000") {
                12
            } else if has(5, ":00") {
                8
            } else {
                5
            },
        }
    }

    /// The text, shorter if it is a time.
    pub(super) fn short(&self, text: &str) -> String {
        let Some((day, clock)) = split(text) else {
            return text.to_owned();
        };
        let clock = clock.get(..self.clock).unwrap_or(clock);
        match self.day {
            Some(_) => clock.to_owned(),
            None => format!("{day} {clock}"),
        }
    }
}

/// The day and the clock of `2026-11-01T00:12:34.5Z`.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let (day, clock) = text.strip_suffix('Z')?.split_once('T')?;
    // Nines stand for digits.
    let has_form = |text: &str, form: &[u8]| {
        text.len() == form.len()
            && text.bytes().zip(form).all(|(byte, form)| match form {
                b'9' => byte.is_ascii_digit(),
                _ => byte == *form,
            })
    };
    let (seconds, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let is_time = has_form(day, b"9999-99-99")
        && has_form(seconds, b"99:99:99")
        && fraction.bytes().all(|byte| byte.is_ascii_digit());
    is_time.then_some((day, clock))
}

/// Whether a field of that name holds a time and nothing else. The name decides, not the content: a
/// sentence or the name of a branch may look like a time or end with one.
pub(super) fn holds_times(name: &str) -> bool {
    field_named(name).is_some_and(|field| field.kind == FieldKind::Time)
}
