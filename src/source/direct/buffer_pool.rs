//! Buffers for answers, used again and again: memory that is new costs a page fault for every 4 KiB.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Buffers that are not in use.
#[derive(Default)]
pub(super) struct BufferPool {
    free: Mutex<Vec<Vec<u8>>>,
}

/// So many buffers are kept for later: one that is filled while others are read.
const FREE_MAX: usize = 4;
/// Larger buffers are not kept.
const SIZE_MAX: usize = 16 << 20;
/// Smaller buffers are not worth keeping.
const SIZE_MIN: usize = 64 << 10;

/// A buffer that goes back to its pool after its last reader.
struct PooledBuffer {
    bytes: Vec<u8>,
    size: usize,
    pool: Arc<BufferPool>,
}

impl BufferPool {
    /// A buffer of `size` bytes that `fill` fills.
    ///
    /// # Errors
    /// That of `fill`.
    pub(super) fn fill(
        self: &Arc<Self>,
        size: usize,
        fill: impl FnOnce(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<Bytes> {
        if size < SIZE_MIN {
            let mut bytes = vec![0; size];
            fill(&mut bytes)?;
            return Ok(Bytes::from(bytes));
        }
        let mut bytes = self.take();
        // Only what it has never held is set to zero.
        if bytes.len() < size {
            bytes.resize(size, 0);
        }
        fill(&mut bytes[..size])?;
        Ok(self.share(bytes, size))
    }

    /// A buffer to write to, for [`BufferPool::share`]. What is in it means nothing.
    pub(super) fn take(&self) -> Vec<u8> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop().unwrap_or_default()
    }

    /// The first `size` bytes of a buffer, to be read; it comes back after its last reader.
    pub(super) fn share(self: &Arc<Self>, bytes: Vec<u8>, size: usize) -> Bytes {
        Bytes::from_owner(PooledBuffer {
            bytes,
            size,
            pool: Arc::clone(self),
        })
    }
}

impl AsRef<[u8]> for PooledBuffer {
    fn as_ref(&self) -> &[u8] {
        // It is never shortened.
        &self.bytes[..self.size]
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        let mut free = self
            .pool
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if free.len() < FREE_MAX && self.bytes.capacity() <= SIZE_MAX {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}
