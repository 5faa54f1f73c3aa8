//! The addresses of a cluster: one of them is asked, and the next one when that does not answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Url;
use tracing::{info, warn};

use super::retry::Verdict;
use super::trouble::Trouble;
use crate::host::clock::Instant;

/// The addresses, at least one.
#[derive(Debug)]
pub(super) struct Addresses {
    urls: Vec<Url>,
    /// The number of the address that is asked first.
    current: AtomicUsize,
    known: Mutex<Known>,
}

/// What is known of the addresses.
#[derive(Debug, Default)]
struct Known {
    /// The id of the cluster, from the first address that gave one, and the number of that address.
    cluster: Option<(String, usize)>,
    states: Vec<AddressState>,
}

/// What is known of an address.
#[derive(Debug, Default)]
struct AddressState {
    /// Whether it is an address of the cluster. One that was left may have become another server.
    is_verified: bool,
    /// Why and when it was left, until that is over.
    left: Option<(String, Instant)>,
}

/// An address that was left counts as one that answers when it was not left again for so long.
const STEADY_AFTER: Duration = Duration::from_secs(30);

impl Addresses {
    pub(super) fn new(urls: Vec<Url>) -> Self {
        let states = urls.iter().map(|_| AddressState::default()).collect();
        Self {
            urls,
            current: AtomicUsize::new(0),
            known: Mutex::new(Known {
                cluster: None,
                states,
            }),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.urls.len()
    }

    /// The numbers of all addresses, in the order in which they are asked now.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = usize> + use<> {
        let (first, count) = (self.current.load(Ordering::Relaxed), self.count());
        (first..first + count).map(move |number| number % count)
    }

    /// The address with this number.
    pub(super) fn url(&self, number: usize) -> &Url {
        // Numbers are taken modulo the count, which is not zero.
        &self.urls[number % self.urls.len()]
    }

    /// For people: without credentials, which no address holds.
    pub(super) fn shown(&self) -> String {
        let shown: Vec<&str> = self.urls.iter().map(shown).collect();
        shown.join(", ")
    }

    /// The address does not answer as it should: from now on the next one is asked first. Logged when
    /// that begins, and when the reason changes.
    pub(super) fn leave(&self, number: usize, reason: &str) {
        if self.count() == 1 {
            return;
        }
        let next = (number + 1) % self.count();
        // Another request may have left it already.
        let _ = self
            .current
            .compare_exchange(number, next, Ordering::Relaxed, Ordering::Relaxed);
        let mut known = self.known();
        let state = &mut known.states[number];
        state.is_verified = false;
        let is_known = matches!(&state.left, Some((known, _)) if known == reason);
        state.left = Some((reason.to_owned(), Instant::now()));
        if !is_known {
            warn!(
                address = shown(self.url(number)),
                reason, "an address does not answer: the next one is asked"
            );
        }
    }

    /// The address has answered a request.
    pub(super) fn answered(&self, number: usize) {
        if self.count() == 1 {
            return;
        }
        let left = &mut self.known().states[number].left;
        // One that answers some requests only is not well.
        if matches!(left, Some((_, at)) if at.elapsed() >= STEADY_AFTER) {
            *left = None;
            info!(
                address = shown(self.url(number)),
                "an address answers again"
            );
        }
    }

    /// Whether it is to be asked for its cluster before anything else.
    pub(super) fn is_unverified(&self, number: usize) -> bool {
        self.count() > 1 && !self.known().states[number].is_verified
    }

    /// Takes note of the cluster that an address belongs to.
    ///
    /// # Errors
    /// When it is another one than that of the other addresses: figures would be divided between both.
    pub(super) fn verify(&self, number: usize, cluster: &str) -> Result<(), Trouble> {
        let mut known = self.known();
        let (first, of) = known
            .cluster
            .get_or_insert_with(|| (cluster.to_owned(), number));
        if first != cluster {
            return Err(Trouble::garbage(format!(
                "it belongs to another cluster than {}: give addresses of one cluster in \
                 elasticsearch.url",
                shown(self.url(*of))
            )));
        }
        known.states[number].is_verified = true;
        Ok(())
    }

    /// Why no address answered, from what went wrong with each.
    pub(super) fn all_failed(&self, failures: &BTreeMap<usize, Trouble>) -> Trouble {
        let mut verdicts = failures.values().map(|trouble| trouble.verdict);
        let first = verdicts.next().unwrap_or(Verdict::Retry);
        let each = failures
            .iter()
            .map(|(number, trouble)| format!("{}: {}", shown(self.url(*number)), trouble.reason));
        Trouble {
            // One that may be back soon is asked soon, whatever the others say.
            verdict: match verdicts.all(|verdict| verdict == first) {
                true => first,
                false => Verdict::Retry,
            },
            reason: each.collect::<Vec<_>>().join("; "),
        }
    }

    // Each state stands for itself, so a panic in between leaves nothing half done.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shown(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn addresses(urls: &[&str]) -> Addresses {
        Addresses::new(urls.iter().map(|url| Url::parse(url).unwrap()).collect())
    }

    #[test]
    fn the_next_address_is_asked_until_it_does_not_answer_either() {
        let three = addresses(&["http://a:1/", "http://b:1/", "http://c:1/"]);
        let first = || three.in_turn().next().unwrap();
        let mut asked = Vec::new();
        for _ in 0..4 {
            asked.push(first());
            three.leave(first(), "gone");
        }
        assert_eq!(asked, [0, 1, 2, 0]);
        assert!(three.in_turn().eq([1, 2, 0]));
        // Two requests that failed at the same address leave it once.
        three.leave(1, "gone");
        three.leave(1, "gone");
        assert_eq!(first(), 2);
    }

    #[test]
    fn one_address_stays_and_is_never_asked_for_its_cluster() {
        let one = addresses(&["http://a:1/"]);
        one.leave(0, "gone");
        assert!(one.in_turn().eq([0]));
        assert!(!one.is_unverified(0));
    }

    #[test]
    fn an_address_of_another_cluster_is_refused_by_name() {
        let two = addresses(&["http://a:1/", "http://b:1/"]);
        two.verify(0, "one").unwrap();
        let error = two.verify(1, "other").unwrap_err().reason;
        assert!(error.starts_with("it belongs to another cluster than http://a:1:"));
        assert!(two.is_unverified(1) && !two.is_unverified(0));
        two.verify(1, "one").unwrap();
        two.leave(1, "gone");
        assert!(two.is_unverified(1), "it may have become another server");
    }

    #[test]
    fn what_is_wrong_with_each_address_is_named_and_one_that_may_be_back_soon_is_asked_soon() {
        let two = addresses(&["http://a:1/", "http://b:1/"]);
        let trouble = |verdict, reason: &str| Trouble {
            verdict,
            reason: reason.into(),
        };
        let denied = trouble(Verdict::Denied, "denied");
        let gone = trouble(Verdict::Retry, "gone");
        for (first, second, verdict) in [
            (&denied, &denied, Verdict::Denied),
            (&denied, &gone, Verdict::Retry),
            (&gone, &denied, Verdict::Retry),
        ] {
            let failures = BTreeMap::from([(1, second.clone()), (0, first.clone())]);
            let all = two.all_failed(&failures);
            assert_eq!(all.verdict, verdict);
            let words = format!(
                "http://a:1: {}; http://b:1: {}",
                first.reason, second.reason
            );
            assert_eq!(all.reason, words);
        }
    }
}
