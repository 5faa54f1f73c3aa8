//! What is known of connections that fail: whether any broker answers, and why not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::refusal::{Cause, ConnectionRefusal};
use crate::host::clock::Instant;

/// What is known of connections that fail.
#[derive(Default)]
pub(super) struct ConnectionTrouble {
    /// No broker is connected.
    pub(super) down: bool,
    /// Whether it was logged that brokers don't answer.
    pub(super) told: bool,
    /// The last error of a connection.
    pub(super) why: Option<String>,
    /// The same, if the broker is there and the client and it do not accept each other.
    pub(super) refusal: Option<ConnectionRefusal>,
    /// When the certificate that is not accepted was last looked at.
    pub(super) examined: Option<Instant>,
    /// The refusals that were logged.
    pub(super) told_refusals: BTreeSet<String>,
    /// The failures that were logged, and when.
    told_failures: BTreeMap<String, Instant>,
}

/// A certificate that is not accepted is looked at again after so long: it may be another one by then.
const EXAMINE_EVERY: Duration = Duration::from_secs(30);
/// The same failure is logged again after so long.
const FAILURE_EVERY: Duration = Duration::from_secs(60);
/// So many refusals, and so many failures, are logged before a broker answers again: one for each broker and cause.
pub(super) const TOLD_MAX: usize = 100;

impl ConnectionTrouble {
    /// The refusal that leaves no hope, if there is one.
    pub(super) fn certain(&self) -> Option<&ConnectionRefusal> {
        self.refusal.as_ref().filter(|refusal| refusal.is_certain())
    }

    /// That no broker answers, and why, as one sentence.
    pub(super) fn sentence(&self) -> String {
        match self.certain() {
            Some(refusal) => refusal.to_string(),
            None => match &self.why {
                Some(why) => format!("no Kafka broker answers: {why}"),
                None => "no Kafka broker answers".to_owned(),
            },
        }
    }

    /// A broker answers. Other brokers may still fail, and are not logged more often for it.
    pub(super) fn end(&mut self) {
        *self = Self {
            told_failures: std::mem::take(&mut self.told_failures),
            ..Self::default()
        };
    }

    /// Whether this failure should be logged; then it counts as logged.
    pub(super) fn is_failure_untold(&mut self, sentence: &str) -> bool {
        self.told_failures
            .retain(|_, told| told.elapsed() < FAILURE_EVERY);
        let is_untold =
            self.told_failures.len() < TOLD_MAX && !self.told_failures.contains_key(sentence);
        if is_untold {
            self.told_failures
                .insert(sentence.to_owned(), Instant::now());
        }
        is_untold
    }

    /// Takes note of a refusal, unless it says less than what is known.
    pub(super) fn note(&mut self, refusal: ConnectionRefusal) {
        // What is known of a certificate is more than that it is not accepted.
        let is_known = matches!(&self.refusal, Some(known) if matches!(known.cause, Cause::Certificate(Some(_))));
        // A broker may leave a login that it refused before without an answer.
        let is_less = match refusal.cause {
            Cause::Certificate(None) => is_known,
            Cause::SilentInLogin => self.certain().is_some(),
            _ => false,
        };
        if !is_less {
            self.why = Some(refusal.to_string());
            self.refusal = Some(refusal);
        }
    }

    /// Whether the present refusal is a certificate of which too little is known.
    pub(super) fn wants_examination(&self) -> bool {
        matches!(&self.refusal, Some(refusal) if matches!(refusal.cause, Cause::Certificate(_)))
            && self
                .examined
                .is_none_or(|examined| examined.elapsed() >= EXAMINE_EVERY)
    }
}
