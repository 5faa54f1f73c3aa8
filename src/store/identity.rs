//! The identity of a state: topic, generation and rules. A run with another identity does not use it.

use std::path::Path;
use std::sync::Arc;

use tidegauge_windows::Settings;

use super::codec::{ByteDecoder, ByteEncoder, DecodeResult};
use super::error::Error;
use super::rule_difference::RuleDifference;
use crate::domain::branch_names::BranchNames;

/// The identity that a state must have for a run to resume from it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The topic.
    pub topic: String,
    /// The generation, from 1.
    pub generation: u32,
    /// The canonical text of everything that decides a figure, one `key = value` per line.
    pub rules: String,
    /// The rules of the windows, as in `rules`.
    pub settings: Arc<Settings>,
    /// The names of branches, which are in documents. A branch that has one is known without a payment. They may
    /// differ from run to run.
    pub names: Arc<BranchNames>,
    /// The documents that are delivered. They may differ from run to run.
    pub documents: MarkedDocuments,
}

/// Which documents a sink delivers: these are marked when they change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MarkedDocuments {
    /// None: there is no sink.
    None,
    /// All but those of windows without payments.
    #[default]
    WithPayments,
    /// All, also those of tumbling windows without payments.
    ZeroWindowsToo,
}

/// The version of keys and values that is written.
///
/// 2 came with [marking tasks](super::task), with [`MarkedDocuments`], and with tables whose indexes and
/// filters are divided.
///
/// 3 came with jumps of partitions in the engine's snapshot, and with `past_retention` in the ledger
/// (ADR 30).
///
/// 4 came with future payments in what says since when a branch is known, and with what was in the list
/// of tables (ADR 44).
pub(super) const STORAGE_VERSION: u64 = 4;
/// The version that is written once a branch is a text (ADR 49). All that is of integers has the same bytes as in
/// version 4, so a state without texts stays at that one, and a program before texts can read it.
pub(super) const STORAGE_VERSION_TEXTS: u64 = 5;
/// The version that is written where order ids are remembered (ADR 50), from the beginning on: whether they are is a rule.
pub(super) const STORAGE_VERSION_ORDERS: u64 = 6;
/// The oldest version that is read, and brought up to [`STORAGE_VERSION`] when it is opened.
const STORAGE_VERSION_OLDEST: u64 = 1;

/// The version that a state without texts has by these rules.
pub(super) fn version_of(rules: &str) -> u64 {
    match remember_orders(rules) {
        true => STORAGE_VERSION_ORDERS,
        false => STORAGE_VERSION,
    }
}

/// Whether order ids are remembered by these rules.
pub(super) fn remember_orders(rules: &str) -> bool {
    rules.lines().any(|rule| rule.starts_with("dedup."))
}

/// The stored part of an [`Identity`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct StoredIdentity {
    pub(super) version: u64,
    pub(super) topic: String,
    pub(super) generation: u32,
    pub(super) rules: String,
}

impl StoredIdentity {
    pub(super) fn of(identity: &Identity) -> Self {
        Self {
            version: version_of(&identity.rules),
            topic: identity.topic.clone(),
            generation: identity.generation,
            rules: identity.rules.clone(),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut encoder = ByteEncoder::default();
        // Every version of the format begins with its number.
        encoder.u64(self.version);
        encoder.text(&self.topic);
        encoder.u64(u64::from(self.generation));
        encoder.text(&self.rules);
        encoder.into_bytes()
    }

    /// The record stored as `bytes` in `path`, if this program knows its version.
    pub(super) fn read(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let damaged = || Error::Damaged {
            path: path.to_owned(),
            reason: "its identity can't be read".into(),
        };
        let version = ByteDecoder::new(bytes).u64().map_err(|_| damaged())?;
        if !(STORAGE_VERSION_OLDEST..=STORAGE_VERSION_ORDERS).contains(&version) {
            return Err(Error::Version {
                path: path.to_owned(),
                found: version,
                expected: STORAGE_VERSION_ORDERS,
            });
        }
        Self::decode(bytes).map_err(|_| damaged())
    }

    /// Whether the state of the record stored as `bytes` in `path` can be resumed from; gives the
    /// version that it was written in.
    pub(super) fn check(&self, bytes: &[u8], path: &Path) -> Result<u64, Error> {
        let found = Self::read(bytes, path)?;
        if found.topic != self.topic {
            return Err(Error::Topic {
                path: path.to_owned(),
                found: found.topic,
                configured: self.topic.clone(),
            });
        }
        if found.generation != self.generation {
            return Err(Error::Generation {
                path: path.to_owned(),
                found: found.generation,
                wanted: self.generation,
            });
        }
        let differences = RuleDifference::between(&found.rules, &self.rules);
        if !differences.is_empty() {
            return Err(Error::Rules {
                path: path.to_owned(),
                differences,
            });
        }
        Ok(found.version)
    }

    fn decode(bytes: &[u8]) -> DecodeResult<Self> {
        ByteDecoder::all(bytes, |decoder| {
            Ok(Self {
                version: decoder.u64()?,
                topic: decoder.text()?,
                generation: decoder.u32()?,
                rules: decoder.text()?,
            })
        })
    }
}
