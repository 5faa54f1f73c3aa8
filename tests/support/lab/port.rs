//! Ports for servers that start a moment later, and again after a crash.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

/// Those that were given, whose servers may not listen yet.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A free port of 127.0.0.1, never the same one twice in a process.
///
/// Below the ephemeral range: a port from there could be taken by any outgoing connection before the server listens,
/// and a client that reconnects to a stopped server could even be given that very port and talk to itself.
pub fn free_port() -> u16 {
    (0..1000)
        .map(|_| fastrand::u16(12_000..20_000))
        .find(|&port| {
            let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
            is_free && GIVEN.lock().unwrap().insert(port)
        })
        .expect("one of 1000 ports is free")
}
