//! What one client, or all of them together, can take.

use std::thread::available_parallelism;
use std::time::Duration;

/// What one client, or all of them together, can take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long the head of a request may take to arrive, and how long a connection may be idle.
    pub head_timeout: Duration,
    /// How long an answer may take to be made; one that is made in pieces, to make each.
    pub answer_timeout: Duration,
    /// How long a heavy question waits for its first turn.
    pub queue_timeout: Duration,
    /// How long a request waits until its file can be made.
    pub file_timeout: Duration,
    /// How long a client may take nothing of its answer.
    pub stall_timeout: Duration,
    /// How long an answer in pieces may last: it holds a reading, which keeps the state from
    /// forgetting what is old.
    pub transfer_timeout: Duration,
    /// How long open connections may last once the service stops.
    pub drain_timeout: Duration,
    /// How many connections there are at most; others wait to be accepted.
    pub connections: usize,
    /// How many light answers are made or sent at once; more get 503.
    pub in_flight: usize,
    /// How many heavy answers are waited for, made or sent at once; more get 503.
    pub heavy: usize,
    /// How many of these are worked on at once; the others wait for their turn or their client.
    pub turns: usize,
    /// How many requests wait until their file can be made; more get 503.
    pub files_waiting: usize,
    /// What answers that are whole in memory may take together, in bytes.
    pub whole_bytes: usize,
    /// How many requests wait for the state to reach a place; more get 503.
    pub waiters: usize,
    /// How many event streams there are at most; more get 503.
    pub streams: usize,
    /// About how many bytes of events are held for all streams, shared ones once. Clients beyond that
    /// are told to load everything again.
    pub stream_bytes: usize,
    /// The longest path and query, in bytes.
    pub uri_bytes: usize,
    /// The longest request body, in bytes. No route reads it.
    pub body_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(5),
            queue_timeout: Duration::from_secs(5),
            file_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(10),
            transfer_timeout: Duration::from_secs(600),
            drain_timeout: Duration::from_secs(5),
            connections: 512,
            in_flight: 64,
            heavy: 32,
            // More would not be done earlier, and light questions want a core too.
            turns: available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4)),
            files_waiting: 16,
            whole_bytes: 128 << 20,
            waiters: 4_096,
            streams: 256,
            stream_bytes: 48 << 20,
            uri_bytes: 4 << 10,
            body_bytes: 16 << 10,
        }
    }
}

/// A list with a limit up to this is a light question: reading it takes a few milliseconds.
pub(super) const LIGHT_ITEMS: usize = 100;
