//! Which index a document lives in, and what indexes, aliases and templates are called.

use tidegauge_windows::{Definition, EventTime, Span, Stretch, Window};

use super::{Config, TemplateConfig};
use crate::core::feedback::Family;
use crate::domain::document_key::{DocumentKey, Origin};
use crate::domain::payment::BranchId;
use crate::domain::timestamp::{date_of, day_number, days_in_month};

/// The names of one generation's indexes. There is one index per [`Family`].
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
    generation: u32,
    /// The names of the window definitions, in their order.
    windows: Vec<String>,
    /// Names of windows that other generations have or had.
    former: Vec<String>,
    template: TemplateConfig,
}

/// Documents of one kind: they have the same fields, one template, and one alias for readers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum DocumentKind {
    Totals,
    /// Windows of the definition with this number.
    Windows(u16),
    NoWindow,
    Rejects,
}

impl DocumentKind {
    pub(super) const fn of(family: Family) -> Self {
        match family {
            Family::Totals => Self::Totals,
            Family::Windows { definition, .. } => Self::Windows(definition),
            Family::NoWindow => Self::NoWindow,
            Family::Rejects => Self::Rejects,
        }
    }
}

impl Names {
    pub(super) fn new(config: &Config, definitions: &[Definition]) -> Self {
        Self {
            prefix: config.index_prefix.clone(),
            generation: config.generation,
            windows: definitions.iter().map(|d| d.name().to_owned()).collect(),
            former: config.former_windows.clone(),
            template: config.template.clone(),
        }
    }

    /// The generation that these names are of.
    pub(super) const fn generation(&self) -> u32 {
        self.generation
    }

    /// What the names of all indexes of all generations match, and perhaps some others.
    pub(super) fn all(&self) -> String {
        format!("{}-*", self.prefix)
    }

    /// The generation and the public alias of `index`, if it is an index of any generation.
    pub(super) fn published(&self, index: &str) -> Option<(u32, String)> {
        let single = ["totals", "late", "rejects"].map(|name| (name, false));
        let monthly = self.windows.iter().chain(&self.former);
        single
            .into_iter()
            .chain(monthly.map(|name| (name.as_str(), true)))
            .find_map(|(name, is_monthly)| {
                let alias = format!("{}-{name}", self.prefix);
                let rest = index.strip_prefix(&alias)?.strip_prefix("-g")?;
                let number = match rest.split_once('-') {
                    Some((number, month)) if is_monthly && is_month(month) => number,
                    None if !is_monthly => rest,
                    _ => return None,
                };
                let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
                let generation = number.parse().ok().filter(|_| is_number)?;
                Some((generation, alias))
            })
    }

    /// All kinds of documents.
    pub(super) fn kinds(&self) -> impl Iterator<Item = DocumentKind> + '_ {
        let windows = (0..=u16::MAX).zip(&self.windows);
        [
            DocumentKind::Totals,
            DocumentKind::NoWindow,
            DocumentKind::Rejects,
        ]
        .into_iter()
        .chain(windows.map(|(definition, _)| DocumentKind::Windows(definition)))
    }

    /// The alias that readers use.
    pub(super) fn alias(&self, kind: DocumentKind) -> String {
        let last = match kind {
            DocumentKind::Totals => "totals",
            DocumentKind::NoWindow => "late",
            DocumentKind::Rejects => "rejects",
            DocumentKind::Windows(definition) => self.window(definition),
        };
        format!("{}-{last}", self.prefix)
    }

    /// The template, and what its indexes' names begin with.
    pub(super) fn template(&self, kind: DocumentKind) -> String {
        format!("{}-g{}", self.alias(kind), self.generation)
    }

    /// What the templates say beside the mapping.
    pub(super) const fn template_config(&self) -> &TemplateConfig {
        &self.template
    }

    /// The index names that the template is for.
    pub(super) fn pattern(&self, kind: DocumentKind) -> String {
        match kind {
            DocumentKind::Windows(_) => format!("{}-*", self.template(kind)),
            DocumentKind::Totals | DocumentKind::NoWindow | DocumentKind::Rejects => {
                self.template(kind)
            }
        }
    }

    /// The index of a family.
    pub(super) fn index(&self, family: Family) -> String {
        let template = self.template(DocumentKind::of(family));
        match family {
            Family::Windows { from, .. } => {
                let (year, month) = month_of(from);
                format!("{template}-{year:04}.{month:02}")
            }
            Family::Totals | Family::NoWindow | Family::Rejects => template,
        }
    }

    /// The alias that documents are written to. Only we make it, together with the index: a write
    /// that insists on an alias then fails where the index is gone, instead of bringing back one
    /// with a mapping that is guessed.
    pub(super) fn write_alias(&self, family: Family) -> String {
        format!("{}-write", self.index(family))
    }

    /// The family whose index is called `index`, if it is one of this generation's.
    pub(super) fn family(&self, index: &str) -> Option<Family> {
        let kind = self
            .kinds()
            .filter(|kind| index.starts_with(&self.template(*kind)))
            .find(|kind| self.family_of_kind(*kind, index).is_some())?;
        self.family_of_kind(kind, index)
    }

    fn family_of_kind(&self, kind: DocumentKind, index: &str) -> Option<Family> {
        let rest = index.strip_prefix(&self.template(kind))?;
        match kind {
            DocumentKind::Windows(definition) => {
                let (year, month) = rest.strip_prefix('-')?.split_once('.')?;
                let (year, month) = (year.parse().ok()?, month.parse().ok()?);
                let family = month_of_windows(definition, month_starting(year, month)?);
                (self.index(family) == index).then_some(family)
            }
            DocumentKind::Totals => rest.is_empty().then_some(Family::Totals),
            DocumentKind::NoWindow => rest.is_empty().then_some(Family::NoWindow),
            DocumentKind::Rejects => rest.is_empty().then_some(Family::Rejects),
        }
    }

    fn window(&self, definition: u16) -> &str {
        self.windows
            .get(usize::from(definition))
            .map_or("", String::as_str)
    }
}

fn is_month(text: &str) -> bool {
    text.split_once('.').is_some_and(|(year, month)| {
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        year.len() >= 4 && month.len() == 2 && is_number(year) && is_number(month)
    })
}

/// The family of a document.
pub(super) fn family_of(document: &DocumentKey) -> Family {
    match document {
        DocumentKey::Total(_) => Family::Totals,
        DocumentKey::Window {
            definition, window, ..
        } => month_of_windows(*definition, month_around(window.start)),
        DocumentKey::NoWindow(_) => Family::NoWindow,
        DocumentKey::Reject(_) => Family::Rejects,
    }
}

/// The last key, in order, that a document of the family can have.
pub(super) fn last_of(family: Family) -> DocumentKey {
    let last = Origin {
        partition: i32::MAX,
        offset: i64::MAX,
    };
    match family {
        Family::Totals => DocumentKey::Total(BranchId::LAST),
        Family::Windows { definition, to, .. } => DocumentKey::Window {
            definition,
            window: Window::new(to.minus(Span::from_millis(1)), EventTime::MAX),
            branch: BranchId::LAST,
        },
        Family::NoWindow => DocumentKey::NoWindow(last),
        Family::Rejects => DocumentKey::Reject(last),
    }
}

/// The last key, in order, that a window of a definition can have.
pub(super) const fn last_of_definition(definition: u16) -> DocumentKey {
    DocumentKey::Window {
        definition,
        window: Window::new(EventTime::MAX, EventTime::MAX),
        branch: BranchId::LAST,
    }
}

const fn month_of_windows(definition: u16, month: Stretch) -> Family {
    Family::Windows {
        definition,
        from: month.start,
        to: month.end,
    }
}

/// The year and month, UTC, of a time.
fn month_of(time: EventTime) -> (i64, i64) {
    let (year, month, _) = date_of(day_of(time));
    (year, month)
}

/// The month, UTC, that holds a time.
fn month_around(time: EventTime) -> Stretch {
    let day = day_of(time);
    let (year, month, day_of_month) = date_of(day);
    let first = day - day_of_month + 1;
    let next = first + days_in_month(year, month);
    Stretch::new(start_of(first), start_of(next))
}

fn month_starting(year: u32, month: u32) -> Option<Stretch> {
    let first = day_number(year.into(), month.into(), 1).filter(|_| year <= 9_999)?;
    Some(month_around(start_of(first)))
}

fn day_of(time: EventTime) -> i64 {
    time.millis().div_euclid(Span::DAY.millis())
}

fn start_of(day: i64) -> EventTime {
    EventTime::from_millis(day.saturating_mul(Span::DAY.millis()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use chrono::{DateTime, Datelike};
    use proptest::prelude::*;

    use super::*;

    fn names() -> Names {
        Names {
            prefix: "payments".into(),
            generation: 1,
            windows: vec!["1m".into(), "day".into()],
            former: vec!["5m".into()],
            template: TemplateConfig::default(),
        }
    }

    fn window(definition: u16, start: i64) -> DocumentKey {
        let start = EventTime::from_millis(start);
        DocumentKey::Window {
            definition,
            window: Window::new(start, start.plus(Span::MINUTE)),
            branch: BranchId::new(3).unwrap(),
        }
    }

    // 2026-11-01T00:50:00Z.
    const NOVEMBER: i64 = 1_793_494_200_000;

    #[test]
    fn names_are_those_of_the_contract() {
        let names = names();
        let totals = family_of(&DocumentKey::Total(BranchId::new(3).unwrap()));
        assert_eq!(names.alias(DocumentKind::of(totals)), "payments-totals");
        assert_eq!(names.index(totals), "payments-totals-g1");
        let minute = family_of(&window(0, NOVEMBER));
        assert_eq!(names.alias(DocumentKind::of(minute)), "payments-1m");
        assert_eq!(names.index(minute), "payments-1m-g1-2026.11");
        assert_eq!(names.pattern(DocumentKind::of(minute)), "payments-1m-g1-*");
        assert_eq!(names.index(Family::NoWindow), "payments-late-g1");
        assert_eq!(names.index(Family::Rejects), "payments-rejects-g1");
    }

    #[test]
    fn a_month_is_that_of_the_windows_start_in_utc() {
        let names = names();
        for (start, index) in [
            (NOVEMBER - 3_000_000, "payments-1m-g1-2026.11"),
            (NOVEMBER - 3_000_001, "payments-1m-g1-2026.10"),
            (-1, "payments-1m-g1-1969.12"),
            (0, "payments-1m-g1-1970.01"),
            (-62_135_596_800_000, "payments-1m-g1-0001.01"),
            (-62_135_596_800_001, "payments-1m-g1-0000.12"),
        ] {
            assert_eq!(names.index(family_of(&window(0, start))), index);
        }
    }

    #[test]
    fn foreign_indexes_have_no_family() {
        for index in [
            "payments-totals",
            "payments-totals-g2",
            "payments-totals-g1-2026.11",
            "payments-1m-g1-2026.13",
            "payments-1m-g1-2026.1",
            "payments-1m-g1-26.11",
            "payments-1m-g1",
            "payments-10m-g1-2026.11",
            "payments-1m-g10-2026.11",
            "other-1m-g1-2026.11",
        ] {
            assert_eq!(names().family(index), None, "{index}");
        }
    }

    proptest! {
        #[test]
        fn an_index_and_its_family_name_each_other(start in -62_135_596_800_000_i64..253_402_300_800_000) {
            let names = names();
            let family = family_of(&window(1, start));
            prop_assert_eq!(names.family(&names.index(family)), Some(family));
        }

        #[test]
        fn a_family_holds_exactly_its_month(start in -60_000_000_000_000_i64..250_000_000_000_000) {
            let Family::Windows { from, to, .. } = family_of(&window(0, start)) else {
                panic!("not a window");
            };
            let starts = Stretch::new(from, to);
            let date = |millis| DateTime::from_timestamp_millis(millis).unwrap();
            let month = |millis| (date(millis).year(), date(millis).month());
            prop_assert!(starts.contains(EventTime::from_millis(start)));
            prop_assert_eq!(month(starts.start.millis()), month(start));
            prop_assert_eq!(month(starts.end.millis() - 1), month(start));
            prop_assert_ne!(month(starts.end.millis()), month(start));
            prop_assert_ne!(month(starts.start.millis() - 1), month(start));
        }

        #[test]
        fn nothing_of_a_family_comes_after_its_last_key(
            start in -60_000_000_000_000_i64..250_000_000_000_000,
            other in -60_000_000_000_000_i64..250_000_000_000_000,
        ) {
            let family = family_of(&window(0, start));
            let other = window(0, other);
            if family_of(&other) == family {
                prop_assert!(other <= last_of(family));
            } else {
                prop_assert_eq!(other <= last_of(family), family_of(&other) < family);
            }
        }
    }
}
