//! Decodes a sample by a mapping.

use std::sync::Arc;

use chrono_tz::Tz;

use crate::decode::mapping::{Mapping, MappingSettings};
use crate::decode::{DecodeRules, Decoded, Decoder, Reject};
use crate::domain::branch_texts::BranchTexts;
use crate::domain::record::Record;

/// What becomes of the records of a sample by a mapping.
#[derive(Clone, Default, Debug)]
pub struct Trial {
    /// Records that are payments.
    pub payments: u64,
    /// Payments that a condition leaves out.
    pub filtered: u64,
    /// Records without a value.
    pub tombstones: u64,
    /// Records that are rejected.
    pub rejects: u64,
    /// The first reject of each reason, with the number of its record from 0.
    pub first: Vec<(usize, Reject)>,
}

impl Trial {
    /// Decodes `records` by the mapping of `settings`, local times in `zone`, and calls `see` with each
    /// and what it is.
    pub(super) fn of(
        records: &[Record<'_>],
        settings: &MappingSettings,
        zone: Tz,
        mut see: impl FnMut(&Record<'_>, &Decoded),
    ) -> Self {
        let rules = DecodeRules {
            mapping: Arc::new(Mapping::new(settings.clone())),
            zone,
            text_order_ids: false,
        };
        let texts: Arc<BranchTexts> = Arc::default();
        let mut decoder = Decoder::new(rules, texts);
        let mut trial = Self::default();
        for (number, record) in records.iter().enumerate() {
            let decoded = decoder.decode(record);
            see(record, &decoded);
            match decoded {
                Decoded::Payment(_) => trial.payments += 1,
                Decoded::Filtered(_) => trial.filtered += 1,
                Decoded::Tombstone => trial.tombstones += 1,
                Decoded::Reject(reject) => {
                    trial.rejects += 1;
                    let mut known = trial.first.iter();
                    if !known.any(|(_, first)| first.reason == reject.reason) {
                        trial.first.push((number, reject));
                    }
                }
            }
        }
        trial
    }
}
