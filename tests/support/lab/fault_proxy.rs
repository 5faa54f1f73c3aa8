//! A second address of a server, with the faults of a network: it is closed, slow, silent in one direction or in both, or
//! ends in the middle of an answer, while the server itself stays up. It also sees single requests, and says when one of
//! them is at a certain point.

mod connection;

use std::fmt;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::free_port;
use connection::Connection;

/// What is wrong with the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Connections are cut, and new ones are refused.
    Closed,
    /// Whatever is sent comes so much later.
    Delay(Duration),
    /// So many bytes a second pass in each direction of a connection.
    Rate(u32),
    /// Nothing passes in one direction. What was sent comes when the fault is over.
    HalfOpen(Direction),
    /// Connections are taken, and nothing passes.
    Blackhole,
    /// Each connection ends after so many more bytes of an answer.
    Truncate(usize),
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the server.
    Request,
    /// From the server.
    Answer,
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It was sent, and the server has nothing of it.
    Sent,
    /// The server has a part of its first piece.
    Halfway,
    /// The server has done it, and its answer is not passed on yet.
    Done,
    /// The answer, or its first piece, was passed on.
    Answered,
}

/// An address on 127.0.0.1 that leads to a server.
pub struct FaultProxy {
    port: u16,
    network: Arc<Network>,
}

/// What the proxy and its threads share.
struct Network {
    server: u16,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    fault: Fault,
    /// Whether it takes connections; the listener is there for a moment longer.
    listens: bool,
    is_over: bool,
    connections: Vec<Weak<Connection>>,
    watches: Vec<Watch>,
}

/// Waits for a request to come to a certain point.
struct Watch {
    /// What the request begins with, such as `POST /_bulk`.
    request: String,
    moment: Moment,
    /// How many more of them pass before.
    further: u32,
    act: Box<dyn FnOnce() + Send>,
}

impl FaultProxy {
    /// A proxy without a fault in front of the server on `server`.
    pub fn to(server: u16) -> Self {
        Self::at(free_port(), server)
    }

    /// [`FaultProxy::to`] on a port that was chosen before.
    pub fn at(port: u16, server: u16) -> Self {
        let network = Arc::new(Network {
            server,
            state: Mutex::new(State {
                fault: Fault::None,
                listens: false,
                is_over: false,
                connections: Vec::new(),
                watches: Vec::new(),
            }),
            changed: Condvar::new(),
        });
        let proxy = Self { port, network };
        let listening = Arc::clone(&proxy.network);
        thread::spawn(move || listening.listen(port));
        proxy.await_listener(true);
        proxy
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port that it answers on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on the network has this fault, and no other.
    pub fn set(&self, fault: Fault) {
        self.network.lock().fault = fault;
        self.network.changed.notify_all();
        if fault == Fault::Closed {
            self.cut(false);
        }
        self.await_listener(fault != Fault::Closed);
    }

    /// Takes connections, and passes everything on.
    pub fn open(&self) {
        self.set(Fault::None);
    }

    /// Cuts all connections, and refuses new ones.
    pub fn close(&self) {
        self.set(Fault::Closed);
    }

    /// Resets all connections: both sides are told that the other is gone. New ones are taken.
    pub fn reset(&self) {
        self.cut(true);
    }

    /// Calls `act` once, when the request that begins with `request` and has `further` of its like before it comes to
    /// `moment`.
    pub fn when(
        &self,
        request: &str,
        moment: Moment,
        further: u32,
        act: impl FnOnce() + Send + 'static,
    ) {
        self.network.lock().watches.push(Watch {
            request: request.to_owned(),
            moment,
            further,
            act: Box::new(act),
        });
    }

    /// Waits for no request any more.
    pub fn forget(&self) {
        self.network.lock().watches.clear();
    }

    fn cut(&self, is_reset: bool) {
        let connections = std::mem::take(&mut self.network.lock().connections);
        for connection in connections.iter().filter_map(Weak::upgrade) {
            connection.cut(is_reset);
        }
        self.network.changed.notify_all();
    }

    fn await_listener(&self, listens: bool) {
        let mut state = self.network.lock();
        while state.listens != listens {
            state = self.network.wait(state, None);
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.network.lock().is_over = true;
        self.network.changed.notify_all();
        self.cut(false);
        self.await_listener(false);
    }
}

impl fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.port, self.network.server)
    }
}

impl Network {
    // A test that panicked in the middle of a change shows its own words, and not those of a lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until something has changed, or so long.
    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        patience: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        let patience = patience.unwrap_or(Duration::from_secs(1));
        let waited = self.changed.wait_timeout(state, patience);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn listen(self: Arc<Self>, port: u16) {
        let mut listener = None;
        loop {
            let mut state = self.lock();
            if state.is_over || state.fault == Fault::Closed {
                listener = None;
                state.listens = false;
                self.changed.notify_all();
                if state.is_over {
                    return;
                }
                drop(self.wait(state, None));
                continue;
            }
            let open = listener.get_or_insert_with(|| {
                let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
                // It looks up now and then whether it is closed.
                listener.set_nonblocking(true).unwrap();
                listener
            });
            if !state.listens {
                state.listens = true;
                self.changed.notify_all();
            }
            drop(state);
            match open.accept() {
                Ok((client, _)) => self.lead(client),
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    fn lead(self: &Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.server)) else {
            return;
        };
        let connection = Arc::new(Connection::new(client, server));
        let mut state = self.lock();
        state.connections.retain(|other| other.strong_count() > 0);
        state.connections.push(Arc::downgrade(&connection));
        drop(state);
        for direction in [Direction::Request, Direction::Answer] {
            let (network, connection) = (Arc::clone(self), Arc::clone(&connection));
            thread::spawn(move || connection.carry(&network, direction));
        }
    }

    /// Waits until so many bytes may pass, and says how many do.
    fn admit(&self, connection: &Connection, direction: Direction, bytes: usize) -> Passage {
        let began = Instant::now();
        let mut state = self.lock();
        loop {
            if connection.is_cut() {
                return Passage::None;
            }
            let until = match state.fault {
                Fault::None => return Passage::All,
                Fault::Closed => return Passage::None,
                Fault::Truncate(left) if direction == Direction::Answer => {
                    return Passage::UpTo(left);
                }
                Fault::HalfOpen(way) if way != direction => return Passage::All,
                Fault::Truncate(_) => return Passage::All,
                Fault::HalfOpen(_) | Fault::Blackhole => None,
                Fault::Delay(delay) => Some(delay),
                Fault::Rate(rate) => Some(Duration::from_secs_f64(bytes as f64 / f64::from(rate))),
            };
            let left = until.map(|until| until.saturating_sub(began.elapsed()));
            if left == Some(Duration::ZERO) {
                return Passage::All;
            }
            state = self.wait(state, left);
        }
    }

    /// Whether anything waits for a request that begins like this.
    fn is_watched(&self, piece: &[u8]) -> Option<String> {
        let state = self.lock();
        let watch = |watch: &&Watch| piece.starts_with(watch.request.as_bytes());
        let watch = state.watches.iter().find(watch)?;
        Some(watch.request.clone())
    }

    /// A request like this came to that point.
    fn tell(&self, request: &str, moment: Moment) {
        let mut state = self.lock();
        let awaited = |watch: &Watch| watch.request == request && watch.moment == moment;
        let Some(at) = state.watches.iter().position(awaited) else {
            return;
        };
        if state.watches[at].further > 0 {
            state.watches[at].further -= 1;
            return;
        }
        let watch = state.watches.remove(at);
        drop(state);
        (watch.act)();
    }
}

/// How much of a piece passes.
enum Passage {
    All,
    /// So many bytes are left until the connection ends.
    UpTo(usize),
    None,
}
