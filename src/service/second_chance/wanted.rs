//! Which listed records are to get a second chance.

use std::collections::BTreeSet;

use crate::core::effect::correction::ListedRecord;
use crate::domain::document_key::Origin;
use crate::store::RecordsListed;

/// Which listed records are to get a second chance.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of which lists.
    pub list: ListChoice,
    /// Only those listed for one of these reasons; empty: for any.
    pub reasons: BTreeSet<String>,
    /// Only those of this partition.
    pub partition: Option<i32>,
    /// Only those from this offset on.
    pub from_offset: i64,
    /// Only those before this offset.
    pub to_offset: i64,
    /// At most so many.
    pub limit: u64,
}

/// The lists that are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListChoice {
    /// Rejects, and payments in no window.
    Both,
    /// One of them.
    Only(RecordsListed),
}

impl ListChoice {
    /// Whether `list` is meant.
    #[must_use]
    pub fn has(self, list: RecordsListed) -> bool {
        match self {
            Self::Both => true,
            Self::Only(only) => only == list,
        }
    }
}

impl Wanted {
    /// The first place that may be wanted.
    pub(super) fn first(&self) -> Origin {
        Origin {
            partition: self.partition.unwrap_or(0),
            offset: self.from_offset,
        }
    }

    /// The first place that may be wanted from `next` on.
    pub(super) fn skip_to(&self, next: Origin) -> Option<Origin> {
        let Origin { partition, offset } = next;
        if offset < self.to_offset {
            let offset = offset.max(self.from_offset);
            return Some(Origin { partition, offset });
        }
        let next = partition.checked_add(1)?;
        self.partition.is_none().then_some(Origin {
            partition: next,
            offset: self.from_offset,
        })
    }

    /// Whether `record` is wanted.
    pub(super) fn holds(&self, record: &ListedRecord) -> bool {
        let Origin { partition, offset } = record.origin();
        self.partition.is_none_or(|wanted| wanted == partition)
            && (self.from_offset..self.to_offset).contains(&offset)
            && (self.reasons.is_empty() || self.reasons.contains(reason(record)))
    }
}

/// Why the record is listed.
pub(super) fn reason(record: &ListedRecord) -> &'static str {
    match record {
        ListedRecord::Reject(reject) => reject.reason.as_str(),
        ListedRecord::InNoWindow(payment) => payment.reason.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Wanted = Wanted {
        list: ListChoice::Both,
        reasons: BTreeSet::new(),
        partition: None,
        from_offset: 0,
        to_offset: i64::MAX,
        limit: u64::MAX,
    };

    fn at(partition: i32, offset: i64) -> Origin {
        Origin { partition, offset }
    }

    //  partition 0: ---[10-----20)---    partition 1: ---[10-----20)---
    #[test]
    fn a_walk_skips_what_is_not_wanted_of_each_partition() {
        let some = Wanted {
            from_offset: 10,
            to_offset: 20,
            ..ALL
        };
        assert_eq!(some.first(), at(0, 10));
        let steps = [
            (at(0, 11), Some(at(0, 11))),
            (at(0, 20), Some(at(1, 10))),
            (at(1, 3), Some(at(1, 10))),
            (at(i32::MAX, 20), None),
        ];
        for (from, to) in steps {
            assert_eq!(some.skip_to(from), to, "{from:?}");
        }
        let one = Wanted {
            partition: Some(3),
            ..some
        };
        assert_eq!(one.first(), at(3, 10));
        assert_eq!(one.skip_to(at(3, 19)), Some(at(3, 19)));
        assert_eq!(one.skip_to(at(3, 20)), None);
    }
}
