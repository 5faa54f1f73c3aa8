//! What clients can't do to the service: over real sockets, on loopback.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tidegauge::api::{Error, Limits, router, serve_within};
use tidegauge::view::reading::{ReadError, Reading, Readings};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

use super::metered::metered;
use super::world::{World, get, state};

/// Long enough never to matter.
const LONG: Duration = Duration::from_secs(600);

/// No limit that a test waits for by chance.
fn patient() -> Limits {
    Limits {
        head_timeout: LONG,
        answer_timeout: LONG,
        stall_timeout: LONG,
        drain_timeout: LONG,
        ..Limits::default()
    }
}

/// A state that says when it is asked, and answers when it is told to.
struct Gated {
    world: World,
    asked: Mutex<Sender<()>>,
    go: Mutex<Receiver<()>>,
}

impl Readings for Gated {
    fn read(
        &self,
        read: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.asked.lock().unwrap().send(()).unwrap();
        // When the test has ended, so may this.
        let _ = self.go.lock().unwrap().recv();
        self.world.read(read)
    }
}

fn gated() -> (Gated, Receiver<()>, Sender<()>) {
    let (asked, was_asked) = channel();
    let (open, go) = channel();
    let gated = Gated {
        world: World::busy(),
        asked: Mutex::new(asked),
        go: Mutex::new(go),
    };
    (gated, was_asked, open)
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), Error>>,
}

async fn start(limits: Limits, readings: impl Readings) -> Running {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let state = state(readings);
    let server = tokio::spawn(async move {
        let stopped = async move {
            let _ = stopped.await;
        };
        serve_within(limits, listener, None, state, stopped).await
    });
    Running {
        address,
        stop,
        server,
    }
}

/// Sends `bytes` and reads to the end of the connection.
async fn exchange(address: SocketAddr, bytes: impl Into<Vec<u8>>) -> String {
    let bytes = bytes.into();
    spawn_blocking(move || {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(&bytes).unwrap();
        read_to_end(&mut client)
    })
    .await
    .unwrap()
}

fn read_to_end(client: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    match client.read_to_end(&mut answer) {
        Ok(_) => {}
        // Cut off while something we sent was unread.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    String::from_utf8(answer).unwrap()
}

const CLOSE: &str = "Host: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn it_answers_over_a_socket_and_stops_when_told() {
    let running = start(patient(), World::busy()).await;
    let answer = exchange(
        running.address,
        format!("GET /api/v1/ledger HTTP/1.1\r\n{CLOSE}"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"balanced\":true"));
    running.stop.send(()).unwrap();
    running.server.await.unwrap().unwrap();
    assert!(TcpStream::connect(running.address).is_err());
}

#[tokio::test]
async fn a_client_with_slow_headers_is_cut_off() {
    let limits = Limits {
        head_timeout: Duration::from_millis(50),
        ..patient()
    };
    let running = start(limits, World::busy()).await;
    // The client never ends its headers; that its read ends shows that it was cut off.
    for begun in ["", "GET /livez HTTP/1.1\r\nHost:", "G"] {
        let answer = exchange(running.address, begun).await;
        assert!(!answer.contains("200"), "{answer}");
    }
    // A connection that idles after its answer is closed too.
    let answer = exchange(
        running.address,
        "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    )
    .await;
    assert!(answer.ends_with("ok\n"), "{answer}");
}

#[tokio::test]
async fn an_address_that_is_far_too_long_is_told_so_over_a_socket() {
    let running = start(patient(), World::busy()).await;
    for length in [5_000, 64 << 10] {
        let long = "a".repeat(length);
        let answer = exchange(running.address, format!("GET /{long} HTTP/1.1\r\n{CLOSE}")).await;
        assert!(answer.starts_with("HTTP/1.1 414 "), "{length}: {answer}");
    }
}

#[tokio::test]
async fn more_than_a_hundred_headers_are_refused_with_431() {
    let running = start(patient(), World::busy()).await;
    // `Host` and `Connection` count too.
    for (others, status) in [(98, 200), (99, 431)] {
        let others = "X: 1\r\n".repeat(others);
        let request = format!("GET /livez HTTP/1.1\r\n{others}{CLOSE}");
        let answer = exchange(running.address, request).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_never_comes_holds_nothing_up() {
    let running = start(patient(), World::busy()).await;
    let head = "GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16000\r\n\r\n";
    let answer = exchange(running.address, head).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn garbage_is_refused_and_the_next_client_is_answered() {
    let running = start(patient(), World::busy()).await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET /livez HTTP/9.9\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let answer = exchange(running.address, garbage).await;
        assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
    }
    let answer = exchange(running.address, format!("GET /livez HTTP/1.1\r\n{CLOSE}")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn more_requests_than_allowed_at_once_are_told_to_come_back() {
    let (gated, asked, open) = gated();
    let limits = Limits {
        in_flight: 1,
        ..patient()
    };
    let routes = router(state(gated), None, limits);
    let first = tokio::spawn({
        let routes = routes.clone();
        async move { get(&routes, "/api/v1/totals").await.status }
    });
    let asked = spawn_blocking(move || asked.recv().map(|()| asked))
        .await
        .unwrap()
        .unwrap();
    let second = get(&routes, "/api/v1/totals").await;
    second.problem(503);
    assert_eq!(second.header("retry-after"), "1");
    // Probes are answered however busy it is.
    assert_eq!(get(&routes, "/livez").await.status, 200);
    assert_eq!(get(&routes, "/readyz").await.status, 200);
    open.send(()).unwrap();
    assert_eq!(first.await.unwrap(), 200);
    open.send(()).unwrap();
    assert_eq!(get(&routes, "/api/v1/totals").await.status, 200);
    drop(asked);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let (gated, _asked, open) = gated();
    let limits = Limits {
        answer_timeout: Duration::from_millis(20),
        ..patient()
    };
    let routes = router(state(gated), None, limits);
    let answer = get(&routes, "/api/v1/totals").await;
    answer.problem(503);
    assert_eq!(answer.header("retry-after"), "1");
    drop(open);
}

#[tokio::test]
async fn a_client_beyond_the_limit_waits_for_its_turn() {
    let limits = Limits {
        connections: 1,
        ..patient()
    };
    let running = start(limits, World::busy()).await;
    let address = running.address;
    let request = format!("GET /livez HTTP/1.1\r\n{CLOSE}");
    let mut first = TcpStream::connect(address).unwrap();
    let second = tokio::spawn(exchange(address, request.clone()));
    let first = spawn_blocking(move || {
        first.write_all(request.as_bytes()).unwrap();
        read_to_end(&mut first)
    });
    assert!(first.await.unwrap().contains("200 OK"));
    assert!(second.await.unwrap().contains("200 OK"));
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_stop() {
    let (gated, asked, open) = gated();
    let running = start(patient(), gated).await;
    let client = tokio::spawn(exchange(
        running.address,
        "GET /api/v1/ledger HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ));
    let asked = spawn_blocking(move || asked.recv().map(|()| asked))
        .await
        .unwrap()
        .unwrap();
    running.stop.send(()).unwrap();
    open.send(()).unwrap();
    assert!(client.await.unwrap().contains("\"balanced\":true"));
    running.server.await.unwrap().unwrap();
    drop(asked);
}

/// Rejects of 4 KiB each, more than any socket's buffers hold.
const MEGABYTES: &str = "/api/v1/rejects?limit=10000";

/// A client with a small receive buffer that has asked for far more.
fn asks_for_much(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    socket.connect(&address.into()).unwrap();
    let mut client = TcpStream::from(socket);
    let request = format!("GET {MEGABYTES} HTTP/1.1\r\n{CLOSE}");
    client.write_all(request.as_bytes()).unwrap();
    client
}

#[tokio::test]
async fn a_client_that_reads_slowly_but_steadily_is_given_everything() {
    let limits = Limits {
        stall_timeout: Duration::from_secs(1),
        ..patient()
    };
    let running = start(limits, World::of_rejects(4_000)).await;
    let address = running.address;
    let answer = spawn_blocking(move || {
        let mut client = asks_for_much(address);
        let mut answer = Vec::new();
        let mut some = vec![0; 8 << 10];
        // For longer than the server waits for one who takes nothing, a little at a time.
        for _ in 0..40 {
            let count = client.read(&mut some).unwrap();
            answer.extend_from_slice(&some[..count]);
            std::thread::sleep(Duration::from_millis(100));
        }
        client.read_to_end(&mut answer).unwrap();
        answer
    })
    .await
    .unwrap();
    assert!(answer.len() > 16 << 20, "{} bytes", answer.len());
    assert!(answer.ends_with(b"0\r\n\r\n"), "it was cut off");
}

#[tokio::test]
async fn a_client_that_takes_nothing_loses_its_place() {
    let limits = Limits {
        stall_timeout: Duration::from_millis(200),
        heavy: 1,
        ..patient()
    };
    let running = start(limits, World::of_rejects(4_000)).await;
    let address = running.address;
    let stalled = spawn_blocking(move || asks_for_much(address))
        .await
        .unwrap();
    let request = format!("GET /api/v1/rejects?limit=101 HTTP/1.1\r\n{CLOSE}");
    let mut answer = String::new();
    for _ in 0..600 {
        answer = exchange(address, request.clone()).await;
        if answer.starts_with("HTTP/1.1 200 ") {
            break;
        }
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        answer.starts_with("HTTP/1.1 200 "),
        "its place was never freed"
    );
    drop(stalled);
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_its_place() {
    let (readings, meter) = metered(World::long(2_000));
    let limits = Limits {
        heavy: 1,
        ..patient()
    };
    meter.shut();
    let running = start(limits, readings).await;
    let address = running.address;
    let client = spawn_blocking(move || {
        let mut client = TcpStream::connect(address).unwrap();
        let request = format!("GET /api/v1/windows/1m?branch=7&limit=10000 HTTP/1.1\r\n{CLOSE}");
        client.write_all(request.as_bytes()).unwrap();
        client
    });
    let client = client.await.unwrap();
    meter.holds(1).await;
    drop(client);
    meter.open();
    let request = format!("GET /api/v1/windows/1m?branch=0&limit=101 HTTP/1.1\r\n{CLOSE}");
    let mut answer = String::new();
    for _ in 0..600 {
        answer = exchange(address, request.clone()).await;
        if answer.starts_with("HTTP/1.1 200 ") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
