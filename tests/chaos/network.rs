//! The faults of the network are what they are called: what stands on them would prove nothing otherwise.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::lab::{Direction, Fault, FaultProxy, Moment};

/// Far less than anything that is to come takes, and far more than anything that has come.
const MOMENT: Duration = Duration::from_millis(300);

/// A server that sends back what it gets, whenever so many bytes have come, and says how many came.
fn echo(together: usize) -> (FaultProxy, mpsc::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (say, heard) = mpsc::channel();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let say = say.clone();
            thread::spawn(move || {
                let mut bytes = [0; 1_024];
                let mut all = Vec::new();
                while let Ok(read) = stream.read(&mut bytes)
                    && read > 0
                    && say.send(read).is_ok()
                {
                    all.extend_from_slice(&bytes[..read]);
                    if all.len() >= together && stream.write_all(&std::mem::take(&mut all)).is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    (FaultProxy::to(port), heard)
}

fn connect(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    stream.set_read_timeout(Some(MOMENT)).unwrap();
    stream
}

/// What comes of so many bytes: all, some and an end, or nothing in time.
fn read(stream: &mut TcpStream, bytes: usize) -> Result<Vec<u8>, ErrorKind> {
    let mut all = vec![0; bytes];
    stream
        .read_exact(&mut all)
        .map(|()| all)
        .map_err(|error| error.kind())
}

#[test]
fn what_is_held_back_comes_when_the_fault_is_over() {
    for fault in [
        Fault::Blackhole,
        Fault::HalfOpen(Direction::Request),
        Fault::HalfOpen(Direction::Answer),
    ] {
        let (proxy, heard) = echo(1);
        let mut client = connect(&proxy);
        client.write_all(b"one").unwrap();
        assert_eq!(read(&mut client, 3).unwrap(), b"one");
        heard.recv().unwrap();
        proxy.set(fault);
        client.write_all(b"two").unwrap();
        assert_eq!(
            read(&mut client, 3),
            Err(ErrorKind::WouldBlock),
            "{fault:?}"
        );
        // Only one of them lets a request pass.
        let is_heard = heard.try_recv().is_ok();
        assert_eq!(is_heard, fault == Fault::HalfOpen(Direction::Answer));
        proxy.open();
        assert_eq!(read(&mut client, 3).unwrap(), b"two", "{fault:?}");
    }
}

#[test]
fn a_delay_and_a_rate_take_their_time() {
    let (proxy, _heard) = echo(1);
    for (fault, least) in [
        (Fault::Delay(Duration::from_millis(100)), 200),
        // There and back.
        (Fault::Rate(10_000), 200),
        (Fault::None, 0),
    ] {
        proxy.set(fault);
        let mut client = connect(&proxy);
        client.set_read_timeout(None).unwrap();
        let begun = Instant::now();
        client.write_all(&[7; 1_000]).unwrap();
        read(&mut client, 1_000).unwrap();
        assert!(
            begun.elapsed() >= Duration::from_millis(least),
            "{fault:?}: {:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn an_answer_ends_in_its_middle_and_a_reset_is_one() {
    let (proxy, _heard) = echo(1);
    let mut client = connect(&proxy);
    client.write_all(b"whole").unwrap();
    assert_eq!(read(&mut client, 5).unwrap(), b"whole");
    proxy.set(Fault::Truncate(4));
    client.write_all(b"in two").unwrap();
    assert_eq!(read(&mut client, 4).unwrap(), b"in t");
    assert_eq!(read(&mut client, 1), Err(ErrorKind::UnexpectedEof));

    proxy.open();
    let mut client = connect(&proxy);
    client.write_all(b"x").unwrap();
    assert_eq!(read(&mut client, 1).unwrap(), b"x");
    proxy.reset();
    assert_eq!(read(&mut client, 1), Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_closed_address_refuses_and_ends_what_was_open() {
    let (proxy, _heard) = echo(1);
    let mut client = connect(&proxy);
    client.write_all(b"x").unwrap();
    assert_eq!(read(&mut client, 1).unwrap(), b"x");
    proxy.close();
    assert_eq!(read(&mut client, 1), Err(ErrorKind::UnexpectedEof));
    let refused = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.open();
    drop(connect(&proxy));
}

#[test]
fn a_request_is_told_of_at_the_moment_that_was_asked_for() {
    for (moment, at_server, at_client) in [
        (Moment::Sent, 0, false),
        (Moment::Halfway, 10, false),
        (Moment::Done, 20, false),
        (Moment::Answered, 20, true),
    ] {
        let request = b"POST /_bulk HTTP/1.1";
        let (proxy, heard) = echo(request.len());
        let (say, told) = mpsc::channel();
        let (let_go, goes) = mpsc::channel::<()>();
        // The second one of its like, which is held at that moment.
        proxy.when("POST /_bulk", moment, 1, move || {
            say.send(()).unwrap();
            goes.recv().unwrap();
        });
        let mut client = connect(&proxy);
        for other in [request, b"GET /_bulk/ HTTP/1.1"] {
            client.write_all(other).unwrap();
            assert_eq!(read(&mut client, other.len()).unwrap(), other);
        }
        assert!(told.try_recv().is_err(), "{moment:?}");
        let _ = heard.try_iter().count();
        client.write_all(request).unwrap();
        told.recv_timeout(Duration::from_secs(60)).unwrap();
        thread::sleep(MOMENT);
        assert_eq!(heard.try_iter().sum::<usize>(), at_server, "{moment:?}");
        let has_answer = read(&mut client, request.len()).is_ok();
        assert_eq!(has_answer, at_client, "{moment:?}");
        let_go.send(()).unwrap();
    }
}
