//! The ledger: every record consumed, once, under what became of it.

use ethnum::I256;

use crate::domain::amount::Amount;

/// The account under which a record is booked: what became of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Entry {
    /// A payment in its windows that is not late.
    OnTime,
    /// A payment in its windows that came more than `out_of_orderness` behind others of its partition
    /// (`PartitionTime::is_late`).
    Late,
    /// A payment in no window: the last that would hold it is past correction.
    TooLate,
    /// A payment in no window: the first that would hold it is past retention, and deleted.
    PastRetention,
    /// A payment in no window and no total: one with the same order id, amount and branch counted before it.
    Duplicate,
    /// A payment in no window and no total: one with the same order id counted before it, of another amount or branch.
    Conflict,
    /// A payment in no window: too far ahead of its record's timestamp.
    Future,
    /// A payment that does not count, as `payment.where` says: in no total and no window. The sum is that
    /// of the amounts that could be read.
    Filtered,
    /// A record that is not a payment.
    Rejected,
    /// A record without a value.
    Tombstone,
}

impl Entry {
    /// All entries, in the order they are shown in.
    pub const ALL: [Self; 10] = [
        Self::OnTime,
        Self::Late,
        Self::TooLate,
        Self::PastRetention,
        Self::Duplicate,
        Self::Conflict,
        Self::Future,
        Self::Filtered,
        Self::Rejected,
        Self::Tombstone,
    ];

    /// The name in answers, logs and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnTime => "on_time",
            Self::Late => "late",
            Self::TooLate => "too_late",
            Self::PastRetention => "past_retention",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::Future => "future",
            Self::Filtered => "filtered",
            Self::Rejected => "rejected",
            Self::Tombstone => "tombstone",
        }
    }

    /// Whether records of this entry carry an amount.
    #[must_use]
    pub const fn has_amount(self) -> bool {
        !matches!(self, Self::Rejected | Self::Tombstone)
    }

    /// Whether the amounts of this entry are part of the totals.
    #[must_use]
    pub const fn in_totals(self) -> bool {
        matches!(
            self,
            Self::OnTime | Self::Late | Self::TooLate | Self::PastRetention | Self::Future
        )
    }
}

/// Records and their money under one entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// How many records.
    pub count: u64,
    /// The exact sum of their amounts, in units of 10^-18.
    pub amount: I256,
}

/// The balancing counters over all records consumed.
///
/// `consumed` is counted apart from the entries, so that [`Ledger::balanced`] can fail.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    /// Records consumed.
    pub consumed: u64,
    entries: [Count; Entry::ALL.len()],
}

impl Ledger {
    /// Books one record with its amount, if it has one.
    pub fn book(&mut self, entry: Entry, amount: Option<Amount>) {
        let count = &mut self.entries[entry as usize];
        count.count += 1;
        if let Some(amount) = amount {
            count.amount += I256::from(amount.units());
        }
    }

    /// The count that is booked under `entry`.
    #[must_use]
    pub fn entry(&self, entry: Entry) -> Count {
        self.entries[entry as usize]
    }

    /// Sets what is booked under `entry`: for reading a stored ledger.
    pub fn set(&mut self, entry: Entry, count: Count) {
        self.entries[entry as usize] = count;
    }

    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.consumed += other.consumed;
        for (mine, theirs) in self.entries.iter_mut().zip(&other.entries) {
            mine.count += theirs.count;
            mine.amount += theirs.amount;
        }
    }

    /// What is left without all that `other` holds; `None` if less than that is booked here.
    #[must_use]
    pub fn without(&self, other: &Self) -> Option<Self> {
        let mut left = self.clone();
        left.consumed = left.consumed.checked_sub(other.consumed)?;
        for (mine, theirs) in left.entries.iter_mut().zip(&other.entries) {
            mine.count = mine.count.checked_sub(theirs.count)?;
            mine.amount -= theirs.amount;
        }
        Some(left)
    }

    /// Whether every record consumed is booked exactly once.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.consumed == self.entries.iter().map(|entry| entry.count).sum::<u64>()
    }

    /// The exact sum that all totals together must show, in units of 10^-18.
    #[must_use]
    pub fn in_totals(&self) -> I256 {
        Entry::ALL
            .into_iter()
            .filter(|entry| entry.in_totals())
            .fold(I256::ZERO, |sum, entry| sum + self.entry(entry).amount)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn amount(units: i128) -> Option<Amount> {
        Some(Amount::from_units(units))
    }

    #[test]
    fn each_entry_has_its_name_and_says_whether_it_is_money() {
        let said = Entry::ALL.map(|entry| (entry.as_str(), entry.has_amount(), entry.in_totals()));
        assert_eq!(
            said,
            [
                ("on_time", true, true),
                ("late", true, true),
                ("too_late", true, true),
                ("past_retention", true, true),
                ("duplicate", true, false),
                ("conflict", true, false),
                ("future", true, true),
                ("filtered", true, false),
                ("rejected", false, false),
                ("tombstone", false, false),
            ]
        );
    }

    #[test]
    fn a_ledger_balances_while_every_record_is_booked_once() {
        let mut ledger = Ledger::default();
        assert!(ledger.balanced());
        ledger.consumed = 2;
        ledger.book(Entry::OnTime, amount(5));
        assert!(!ledger.balanced());
        ledger.book(Entry::Tombstone, None);
        assert!(ledger.balanced());
        ledger.book(Entry::OnTime, amount(-7));
        assert!(!ledger.balanced());
        let count = Count {
            count: 2,
            amount: I256::from(-2),
        };
        assert_eq!(ledger.entry(Entry::OnTime), count);
    }

    #[test]
    fn a_record_that_is_booked_anew_is_taken_back_first_and_only_if_it_was_booked() {
        let booked = |entry, units| {
            let mut ledger = Ledger::default();
            ledger.consumed += 1;
            ledger.book(entry, amount(units));
            ledger
        };
        let mut ledger = booked(Entry::Future, 7);
        ledger.merge(&booked(Entry::OnTime, 5));
        let left = ledger.without(&booked(Entry::Future, 7)).unwrap();
        assert_eq!(left, booked(Entry::OnTime, 5));
        assert_eq!(left.without(&booked(Entry::Future, 7)), None);
        ledger.merge(&booked(Entry::Late, 7));
        let mut moved = ledger.without(&booked(Entry::Future, 7)).unwrap();
        moved.merge(&booked(Entry::Late, 7));
        assert!(moved.balanced() && moved.consumed == 3);
        assert_eq!(moved.entry(Entry::Late).count, 2);
        assert_eq!(moved.in_totals(), I256::from(19));
    }

    #[test]
    fn what_is_set_or_merged_is_part_of_the_sums() {
        let count = |count, amount| Count {
            count,
            amount: I256::from(amount),
        };
        let mut ledger = Ledger {
            consumed: 9,
            ..Ledger::default()
        };
        ledger.set(Entry::Late, count(4, 40));
        ledger.set(Entry::Duplicate, count(5, 500));
        let mut other = ledger.clone();
        other.book(Entry::Future, amount(-3));
        other.consumed += 1;
        ledger.merge(&other);
        assert_eq!(ledger.consumed, 19);
        assert_eq!(ledger.entry(Entry::Late), count(8, 80));
        assert_eq!(ledger.entry(Entry::Future), count(1, -3));
        assert!(ledger.balanced());
        // Duplicates are in no total.
        assert_eq!(ledger.in_totals(), I256::from(77));
    }
}
