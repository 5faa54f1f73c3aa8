//! The layouts that were met before.

use std::fmt;

use super::Decoded;
use super::days::Days;
use super::facts::{self, QuickFacts, Values};
use super::layout::{FoundByLayout, ObjectLayout, SlotValues};
use super::mapping::{BranchFacts, BranchType};
use super::rules::Rules;
use crate::domain::payment::BranchId;
use crate::domain::record::Record;

/// The layouts of the last payments that had others than those before.
pub(super) struct Layouts {
    known: Vec<ObjectLayout>,
    /// The one that fitted last.
    last: usize,
    /// The one that the next new one takes the place of.
    oldest: usize,
    /// How many more may be learned before one of them fits.
    credit: u32,
    values: SlotValues,
}

/// So many are remembered. Producers leave out a field now and then; more forms than these are rare.
const REMEMBERED: usize = 8;
/// Learning costs as much as parsing, so it stops when it does not pay.
const CREDIT_MAX: u32 = 64;

impl Layouts {
    /// None yet, of values with so many slots.
    pub fn new(slots: usize) -> Self {
        Self {
            known: Vec::new(),
            last: 0,
            oldest: 0,
            credit: CREDIT_MAX,
            values: SlotValues::new(slots),
        }
    }

    /// What `record` is, whose value is `payload`, if that has a known layout. Rejects are left to the parser.
    #[inline]
    pub fn read(
        &mut self,
        payload: &[u8],
        record: &Record<'_>,
        rules: Rules<'_>,
        days: &mut Days,
    ) -> Option<Decoded> {
        let first = self.known.get(self.last)?;
        let mut quick = QuickFacts::default();
        if first
            .read(payload, days, &mut self.values, &mut quick)
            .is_none()
        {
            quick = self.find(payload, days)?;
        }
        self.credit = (self.credit + 1).min(CREDIT_MAX);
        let found = FoundByLayout {
            payload,
            values: &self.values,
        };
        if quick.branch.is_none() {
            quick.branch = known_branch(&found, rules);
        }
        if let Some(payment) = quick.payment(rules.mapping) {
            return Some(Decoded::Payment(payment));
        }
        facts::decode(rules, record, &found, &quick).ok()
    }

    /// What another layout than the last one finds in `payload`.
    #[cold]
    fn find(&mut self, payload: &[u8], days: &mut Days) -> Option<QuickFacts> {
        for (number, layout) in self.known.iter().enumerate() {
            if number == self.last {
                continue;
            }
            let mut quick = QuickFacts::default();
            let found = layout.read(payload, days, &mut self.values, &mut quick);
            if found.is_some() {
                self.last = number;
                return Some(quick);
            }
        }
        None
    }

    /// Remembers the layout of `payload`, which the parser has taken.
    pub fn learn(&mut self, payload: &[u8], rules: Rules<'_>) {
        let Some(credit) = self.credit.checked_sub(1) else {
            return;
        };
        self.credit = credit;
        if rules.mapping.needs_envelope() {
            return;
        }
        let Some(layout) = ObjectLayout::of(payload, rules.mapping) else {
            return;
        };
        // It has values that are not in the usual form.
        if self.known.contains(&layout) {
            return;
        }
        if self.known.len() < REMEMBERED {
            self.last = self.known.len();
            self.known.push(layout);
        } else if let Some(place) = self.known.get_mut(self.oldest) {
            *place = layout;
            self.last = self.oldest;
            self.oldest = (self.oldest + 1) % REMEMBERED;
        }
    }
}

/// The branch that is a text, stands at one place and was met lately.
#[inline]
fn known_branch(found: &FoundByLayout<'_>, rules: Rules<'_>) -> Option<BranchId> {
    let BranchFacts::One(fact) = &rules.mapping.branch else {
        return None;
    };
    if rules.mapping.settings().branch_type != BranchType::Any {
        return None;
    }
    let raw = found.json(fact.slot?)?;
    let text = raw.strip_prefix('"')?.strip_suffix('"')?;
    // What an escape stands for is another text.
    if text.contains('\\') {
        return None;
    }
    rules.branches?.find(text)
}

impl fmt::Debug for Layouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layouts")
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}
