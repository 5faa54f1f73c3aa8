//! An answer that is sent while it is made: pieces on their way from a blocking thread.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use hyper::body::Frame;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// So many bytes make a piece.
const PIECE: usize = 64 << 10;
/// So many pieces wait to be sent, before making more waits for the client.
const PIECES: usize = 4;

/// Why an answer ends before it is whole. The client sees a transfer that was cut off.
#[derive(Debug, thiserror::Error)]
#[error("the answer was cut off: {0}")]
pub(super) struct Cut(String);

/// Where a blocking thread writes an answer.
pub(super) struct Pieces {
    buffer: Vec<u8>,
    sender: Sender<Result<Bytes, Cut>>,
    until: Instant,
}

/// Takes pieces until `until`, and a body that sends them. The body counts as in flight by `permit`.
pub(super) fn pieces(until: Instant, permit: Arc<OwnedSemaphorePermit>) -> (Pieces, Body) {
    let (sender, receiver) = channel(PIECES);
    let pieces = Pieces {
        buffer: Vec::with_capacity(PIECE),
        sender,
        until,
    };
    let body = Body::new(Arriving {
        receiver,
        _permit: permit,
    });
    (pieces, body)
}

impl Pieces {
    /// All was written: sends the rest.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.send()
    }

    /// How to cut the answer off.
    pub(super) fn breaker(&self) -> Breaker {
        Breaker(self.sender.clone())
    }

    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if Instant::now() >= self.until {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client takes too long to read it",
            ));
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        // Waits for the client; ends when the client goes, or is given up.
        self.sender
            .blocking_send(Ok(full.into()))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    // Pieces are sent when they are full, whatever a writer thinks.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Cuts an answer off, so that it can't be taken for a whole one.
pub(super) struct Breaker(Sender<Result<Bytes, Cut>>);

impl Breaker {
    /// Cuts the answer off because of `reason`; does nothing if the client has gone.
    pub(super) fn cut(&self, reason: impl Into<String>) {
        // A client that has gone needs not be told.
        let _ = self.0.blocking_send(Err(Cut(reason.into())));
    }
}

struct Arriving {
    receiver: Receiver<Result<Bytes, Cut>>,
    _permit: Arc<OwnedSemaphorePermit>,
}

impl hyper::body::Body for Arriving {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.receiver
            .poll_recv(context)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use http_body_util::BodyExt;
    use tokio::sync::Semaphore;
    use tokio::task::spawn_blocking;

    use super::*;

    fn counted() -> (Arc<Semaphore>, Arc<OwnedSemaphorePermit>) {
        let in_flight = Arc::new(Semaphore::new(1));
        let permit = Arc::clone(&in_flight).try_acquire_owned().unwrap();
        (in_flight, Arc::new(permit))
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(600)
    }

    #[tokio::test]
    async fn what_is_written_arrives_and_counts_until_it_has() {
        let (in_flight, permit) = counted();
        let (mut pieces, body) = pieces(later(), permit);
        let all: Vec<u8> = (0..10 * PIECE + 7).map(|n| n as u8).collect();
        let written = all.clone();
        let maker = spawn_blocking(move || {
            for part in written.chunks(1_000) {
                pieces.write_all(part).unwrap();
            }
            pieces.finish()
        });
        assert_eq!(in_flight.available_permits(), 0);
        let received = body.collect().await.unwrap().to_bytes();
        maker.await.unwrap().unwrap();
        assert!(received == all);
        assert_eq!(in_flight.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_client_that_goes_stops_the_maker() {
        let (_, permit) = counted();
        let (mut pieces, body) = pieces(later(), permit);
        drop(body);
        let maker = spawn_blocking(move || pieces.write_all(&vec![0; 2 * PIECE]));
        let error = maker.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_off_does_not_look_whole() {
        let (_, permit) = counted();
        let (mut pieces, body) = pieces(later(), permit);
        let maker = spawn_blocking(move || {
            pieces.write_all(&vec![0; PIECE]).unwrap();
            pieces.breaker().cut("the disk is gone");
        });
        let error = body.collect().await.unwrap_err();
        assert!(error.to_string().contains("the disk is gone"));
        maker.await.unwrap();
    }

    #[tokio::test]
    async fn an_answer_does_not_last_longer_than_it_may() {
        let (_, permit) = counted();
        let (mut pieces, _body) = pieces(Instant::now(), permit);
        let error = spawn_blocking(move || pieces.write_all(&vec![0; PIECE]))
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
