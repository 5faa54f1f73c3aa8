//! The addresses of a cluster: one of them is asked, and the next one when that does not answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use reqwest::Url;
use tracing::{info, warn};

use super::trouble::Trouble;

/// The addresses, at least one.
#[derive(Debug)]
pub(super) struct Addresses {
    urls: Vec<Url>,
    /// The number of the address that is asked.
    current: AtomicUsize,
    known: Mutex<Known>,
}

/// What is known of the addresses.
#[derive(Debug, Default)]
struct Known {
    /// The id of the cluster, from the first address that gave one, and the number of that address.
    cluster: Option<(String, usize)>,
    /// Of each address: what it is known for since it was last left.
    states: Vec<AddressState>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum AddressState {
    /// It was not asked for its cluster yet.
    #[default]
    New,
    /// It is an address of the cluster.
    Verified,
    /// It does not answer, for this reason.
    Left(String),
}

impl Addresses {
    pub(super) fn new(urls: Vec<Url>) -> Self {
        let states = vec![AddressState::New; urls.len()];
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

    /// The number of the address that is asked.
    pub(super) fn current(&self) -> usize {
        self.current.load(Ordering::Relaxed)
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

    /// The address does not answer as it should: from now on the next one is asked. Logged when that
    /// begins, and when the reason changes.
    pub(super) fn leave(&self, number: usize, reason: &str) {
        if self.count() == 1 {
            return;
        }
        let next = (number + 1) % self.count();
        // Another request may have left it already.
        let _ = self
            .current
            .compare_exchange(number, next, Ordering::Relaxed, Ordering::Relaxed);
        let state = AddressState::Left(reason.to_owned());
        let mut known = self.known();
        if known.states[number] != state {
            warn!(
                address = shown(self.url(number)),
                reason, "an address does not answer: the next one is asked"
            );
            known.states[number] = state;
        }
    }

    /// Whether it is to be asked for its cluster before anything else: one that was left may have
    /// become another server.
    pub(super) fn is_unverified(&self, number: usize) -> bool {
        self.count() > 1 && self.known().states[number] != AddressState::Verified
    }

    /// Takes note of the cluster that an address belongs to, if it tells.
    ///
    /// # Errors
    /// When it is another one than that of the other addresses: figures would be divided between both.
    pub(super) fn verify(&self, number: usize, cluster: Option<&str>) -> Result<(), Trouble> {
        let mut known = self.known();
        if let Some(id) = cluster {
            let (first, of) = known.cluster.get_or_insert_with(|| (id.to_owned(), number));
            if first != id {
                return Err(Trouble::garbage(format!(
                    "{} belongs to another cluster than {}: give addresses of one cluster in \
                     elasticsearch.url",
                    shown(self.url(number)),
                    shown(self.url(*of))
                )));
            }
        }
        if matches!(known.states[number], AddressState::Left(_)) {
            info!(
                address = shown(self.url(number)),
                "an address answers again"
            );
        }
        known.states[number] = AddressState::Verified;
        Ok(())
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
        let mut asked = Vec::new();
        for _ in 0..4 {
            asked.push(three.current());
            three.leave(three.current(), "gone");
        }
        assert_eq!(asked, [0, 1, 2, 0]);
        // Two requests that failed at the same address leave it once.
        let current = three.current();
        three.leave(current, "gone");
        three.leave(current, "gone");
        assert_eq!(three.current(), (current + 1) % 3);
    }

    #[test]
    fn one_address_stays_and_is_never_asked_for_its_cluster() {
        let one = addresses(&["http://a:1/"]);
        one.leave(0, "gone");
        assert_eq!(one.current(), 0);
        assert!(!one.is_unverified(0));
    }

    #[test]
    fn an_address_of_another_cluster_is_refused_by_name() {
        let two = addresses(&["http://a:1/", "http://b:1/"]);
        two.verify(0, Some("one")).unwrap();
        let error = two.verify(1, Some("other")).unwrap_err().reason;
        assert!(error.starts_with("http://b:1 belongs to another cluster than http://a:1:"));
        assert!(two.is_unverified(1) && !two.is_unverified(0));
        two.verify(1, Some("one")).unwrap();
        two.leave(1, "gone");
        assert!(two.is_unverified(1), "it may have become another server");
    }
}
