//! How many bytes all batches that are held take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;

/// Counts the bytes of batches for as long as they are held: a connection holds those that its
/// client has not taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Held(Arc<AtomicUsize>);

impl Held {
    /// How many there are.
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// `text`, counted until the last of those who share it lets it go.
    pub(super) fn count(&self, text: Vec<u8>) -> Bytes {
        // What it has room for beyond its text would be held as well.
        let text = text.into_boxed_slice();
        self.0.fetch_add(text.len(), Ordering::Relaxed);
        Bytes::from_owner(CountedBytes {
            text,
            held: self.clone(),
        })
    }
}

struct CountedBytes {
    text: Box<[u8]>,
    held: Held,
}

impl AsRef<[u8]> for CountedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        self.held.0.fetch_sub(self.text.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_once_and_until_the_last_holder_lets_them_go() {
        let held = Held::default();
        let bytes = held.count(b"figures".to_vec());
        let part = bytes.slice(2..4);
        assert_eq!((held.bytes(), &part[..]), (7, &b"gu"[..]));
        drop(bytes);
        assert_eq!(held.bytes(), 7);
        drop(part);
        assert_eq!(held.bytes(), 0);
    }
}
