//! A second address of a server: it can be closed and opened again, while the server itself stays up.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::free_port;

/// An address on 127.0.0.1 that leads to a server.
pub struct Gate {
    port: u16,
    server: u16,
    open: Mutex<Option<Open>>,
}

/// A gate takes connections while this lives.
struct Open {
    connections: Arc<Mutex<Vec<TcpStream>>>,
    /// Closing it ends the thread that accepts.
    listener: TcpListener,
}

impl Gate {
    /// An open gate in front of the server on `server`.
    pub fn to(server: u16) -> Self {
        let gate = Self {
            port: free_port(),
            server,
            open: Mutex::new(None),
        };
        gate.open();
        gate
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Takes connections again.
    pub fn open(&self) {
        let mut open = self.open.lock().unwrap();
        if open.is_some() {
            return;
        }
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let (accepting, server) = (listener.try_clone().unwrap(), self.server);
        // It looks up now and then whether the gate is closed.
        accepting.set_nonblocking(true).unwrap();
        let alive = Arc::downgrade(&connections);
        thread::spawn(move || {
            while let Some(connections) = alive.upgrade() {
                match accepting.accept() {
                    Ok((client, _)) => lead(client, server, &connections),
                    Err(_) => thread::sleep(Duration::from_millis(2)),
                }
            }
        });
        *open = Some(Open {
            connections,
            listener,
        });
    }

    /// Cuts all connections, and refuses new ones.
    pub fn close(&self) {
        if let Some(Open {
            connections,
            listener,
        }) = self.open.lock().unwrap().take()
        {
            for connection in connections.lock().unwrap().drain(..) {
                // It may be closed already.
                let _ = connection.shutdown(Shutdown::Both);
            }
            drop((connections, listener));
            // The thread that accepts holds the port a moment longer.
            while TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.close();
    }
}

fn lead(client: TcpStream, server: u16, connections: &Mutex<Vec<TcpStream>>) {
    let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)) else {
        return;
    };
    client.set_nonblocking(false).unwrap();
    for stream in [&client, &upstream] {
        connections
            .lock()
            .unwrap()
            .push(stream.try_clone().unwrap());
    }
    let pipes = [
        (client.try_clone().unwrap(), upstream.try_clone().unwrap()),
        (upstream, client),
    ];
    for (from, to) in pipes {
        thread::spawn(move || carry(from, to));
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 16_384];
    loop {
        let read = match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
