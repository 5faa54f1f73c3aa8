//! One connection through the proxy, which can be cut from outside.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use socket2::SockRef;

use super::{Direction, Moment, Network, Passage};

/// How often a write that waits looks whether the connection was cut.
const LOOK: Duration = Duration::from_millis(50);

/// Two streams that are one connection.
pub(super) struct Connection {
    client: TcpStream,
    server: TcpStream,
    is_cut: AtomicBool,
    /// The request that is under way, if something waits for it.
    watched: Mutex<Option<String>>,
}

impl Connection {
    pub(super) fn new(client: TcpStream, server: TcpStream) -> Self {
        client.set_nonblocking(false).unwrap();
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
            stream.set_write_timeout(Some(LOOK)).unwrap();
        }
        Self {
            client,
            server,
            is_cut: AtomicBool::new(false),
            watched: Mutex::new(None),
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    /// Ends it on both sides, in order or with a reset.
    pub(super) fn cut(&self, is_reset: bool) {
        self.is_cut.store(true, Ordering::Release);
        for stream in [&self.client, &self.server] {
            // It may be closed already.
            if is_reset {
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
                // Wakes who reads and tells the peer nothing: the reset goes out when the last one lets go.
                let _ = stream.shutdown(Shutdown::Read);
            } else {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    /// Passes on what comes from one side, until it ends.
    pub(super) fn carry(&self, network: &Network, direction: Direction) {
        let (mut from, to) = match direction {
            Direction::Request => (&self.client, &self.server),
            Direction::Answer => (&self.server, &self.client),
        };
        // Large: what is late is late once for each piece.
        let mut bytes = vec![0; 262_144];
        let mut passed = 0;
        loop {
            let piece = match from.read(&mut bytes) {
                Ok(0) => break,
                Ok(read) => &bytes[..read],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let allowed = match network.admit(self, direction, piece.len()) {
                Passage::All => {
                    passed = 0;
                    piece.len()
                }
                Passage::UpTo(left) => {
                    let before = passed;
                    passed += piece.len();
                    left.saturating_sub(before).min(piece.len())
                }
                Passage::None => break,
            };
            let done = match direction {
                Direction::Request => self.request(network, &piece[..allowed]),
                Direction::Answer => self.answer(network, &piece[..allowed]),
            };
            if done.is_err() {
                break;
            }
            if allowed < piece.len() {
                // A reset would take back what has just been passed on.
                self.cut(false);
            }
        }
        if !self.is_cut() {
            let _ = to.shutdown(Shutdown::Write);
        }
    }

    // One request follows the other's answer, so each begins with a piece of its own.
    fn request(&self, network: &Network, piece: &[u8]) -> io::Result<()> {
        let begun = network.is_watched(piece);
        if let Some(request) = &begun {
            network.tell(request, Moment::Sent);
            let (first, second) = piece.split_at(piece.len() / 2);
            self.write(&self.server, first)?;
            network.tell(request, Moment::Halfway);
            *self.watched() = begun;
            return self.write(&self.server, second);
        }
        self.write(&self.server, piece)
    }

    fn answer(&self, network: &Network, piece: &[u8]) -> io::Result<()> {
        let answered = self.watched().take();
        if let Some(request) = &answered {
            network.tell(request, Moment::Done);
        }
        self.write(&self.client, piece)?;
        if let Some(request) = &answered {
            network.tell(request, Moment::Answered);
        }
        Ok(())
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, mut to: &TcpStream, mut piece: &[u8]) -> io::Result<()> {
        while !piece.is_empty() {
            match to.write(piece) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => piece = &piece[written..],
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut if !self.is_cut() => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }
}
