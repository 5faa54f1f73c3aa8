//! An answer on its way from a blocking thread: gathered while it is short, sent in pieces while it
//! is made once it is not.

use std::cell::OnceCell;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::Frame;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::capacity::Seat;
use super::effort::{Effort, Interest};
use crate::host::clock::Instant;

/// So many bytes make a piece.
const PIECE: usize = 64 << 10;
/// So many pieces wait to be sent, before making more waits for the client.
const PIECES: usize = 4;

/// A piece; an empty one says that all is sent. A body that ends without it was cut off.
type Piece = Result<Bytes, Cut>;

/// Why an answer ends before it is whole. The client sees a transfer that was cut off.
#[derive(Debug, thiserror::Error)]
#[error("the answer was cut off: {0}")]
pub(super) struct Cut(String);

/// Where a blocking thread writes an answer.
pub(super) struct Outlet {
    buffer: Vec<u8>,
    /// An answer of up to so many bytes is gathered.
    gathers: usize,
    begin: Option<Begin>,
    sender: Arc<OnceLock<Sender<Piece>>>,
    effort: Arc<Effort>,
    began: Instant,
    /// How long the client was waited for.
    waited: Duration,
}

/// Replies with a body that is still being made.
type Begin = Box<dyn FnOnce(Body) + Send>;

impl Outlet {
    /// Gathers up to `gathers` bytes for the question of `effort`; an answer that is longer is sent
    /// while it is made, in the body that `begin` is given.
    pub(super) fn new(
        gathers: usize,
        effort: Arc<Effort>,
        begin: impl FnOnce(Body) + Send + 'static,
    ) -> Self {
        Self {
            buffer: Vec::new(),
            gathers,
            begin: Some(Box::new(begin)),
            sender: Arc::default(),
            effort,
            began: Instant::now(),
            waited: Duration::ZERO,
        }
    }

    /// All was written. Gives it back if it is short enough to be sent as a whole.
    pub(super) fn finish(mut self) -> io::Result<Option<Vec<u8>>> {
        if self.begin.is_some() {
            return Ok(Some(std::mem::take(&mut self.buffer)));
        }
        self.send()?;
        // Who has an answer in hand may ask again: only the answer itself is in flight by then.
        self.effort.leave();
        self.hand_over(Bytes::new())?;
        Ok(None)
    }

    /// How to cut the answer off.
    pub(super) fn breaker(&self) -> Breaker {
        Breaker {
            sender: Arc::clone(&self.sender),
            has_begun: OnceCell::new(),
        }
    }

    fn start(&mut self, begin: Begin) -> io::Result<()> {
        let (Some(seat), Some(interest)) = (self.effort.seat(), self.effort.interest()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let (sender, receiver) = channel(PIECES);
        if self.sender.set(sender).is_err() {
            // It was broken before it began.
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        begin(Body::new(Arriving {
            receiver,
            has_ended: false,
            _held: (seat, interest),
        }));
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if self.effort.is_over() {
            let slow = if self.waited > self.began.elapsed() / 2 {
                "the client takes too long to read it"
            } else {
                "it takes too long to make it"
            };
            return Err(io::Error::new(io::ErrorKind::TimedOut, slow));
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        self.hand_over(full.into())
    }

    fn hand_over(&mut self, piece: Bytes) -> io::Result<()> {
        let sent = match self.sender.get() {
            None => return Err(io::ErrorKind::BrokenPipe.into()),
            Some(sender) => match sender.try_send(Ok(piece)) {
                Ok(()) => Ok(()),
                Err(TrySendError::Full(piece)) => {
                    let began = Instant::now();
                    // Waits for the client; ends when the client goes, or is given up.
                    let sent = self.effort.rest(|| sender.blocking_send(piece));
                    self.waited += began.elapsed();
                    sent.map_err(|_| ())
                }
                Err(TrySendError::Closed(_)) => Err(()),
            },
        };
        sent.map_err(|()| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() > self.gathers
            && let Some(begin) = self.begin.take()
        {
            self.start(begin)?;
        }
        if self.begin.is_none() && self.buffer.len() >= PIECE {
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
pub(super) struct Breaker {
    sender: Arc<OnceLock<Sender<Piece>>>,
    /// Whether the answer had begun when it was stopped.
    has_begun: OnceCell<bool>,
}

impl Breaker {
    /// Sees to it that an answer that has not begun never does; gives whether it has begun.
    pub(super) fn stop(&self) -> bool {
        *self.has_begun.get_or_init(|| {
            let (sender, _) = channel(1);
            self.sender.set(sender).is_err()
        })
    }

    /// Cuts the answer off because of `reason`; a no-op if the client has gone.
    pub(super) fn cut(&self, reason: impl Into<String>) {
        if let Some(sender) = self.sender.get() {
            // A client that has gone needs not be told.
            let _ = sender.blocking_send(Err(Cut(reason.into())));
        }
    }
}

struct Arriving {
    receiver: Receiver<Piece>,
    has_ended: bool,
    _held: (Arc<Seat>, Arc<Interest>),
}

impl hyper::body::Body for Arriving {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let piece = match self.receiver.poll_recv(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(piece) => piece,
        };
        let piece = match piece {
            Some(Ok(piece)) if !piece.is_empty() => {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            Some(Ok(_)) => None,
            Some(Err(cut)) => Some(Err(cut)),
            // Its thread has panicked; the panic is in the log.
            None => Some(Err(Cut("it could not be made".into()))),
        };
        self.has_ended = true;
        Poll::Ready(piece)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http_body_util::BodyExt;
    use tokio::sync::oneshot;
    use tokio::task::spawn_blocking;

    use super::*;
    use crate::api::Limits;
    use crate::api::capacity::Capacity;
    use crate::api::effort::Patience;

    struct Way {
        capacity: Arc<Capacity>,
        outlet: Outlet,
        body: oneshot::Receiver<Body>,
        interest: Arc<Interest>,
    }

    /// A way for an answer that may be made for `time`.
    fn way(gathers: usize, time: Duration) -> Way {
        let capacity = Arc::new(Capacity::new(&Limits::default()));
        let interest = Arc::new(Interest);
        let effort = Effort::new(
            &capacity,
            Patience::new(Duration::from_secs(600)),
            &interest,
            Instant::now() + time,
            capacity.light().unwrap(),
            None,
        );
        let (reply, body) = oneshot::channel();
        let outlet = Outlet::new(gathers, Arc::new(effort), |body| {
            let _ = reply.send(body);
        });
        Way {
            capacity,
            outlet,
            body,
            interest,
        }
    }

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn what_is_written_arrives_and_counts_until_it_has() {
        let way = way(0, LONG);
        let mut outlet = way.outlet;
        let all: Vec<u8> = (0..10 * PIECE + 7).map(|n| n as u8).collect();
        let written = all.clone();
        let maker = spawn_blocking(move || {
            for part in written.chunks(1_000) {
                outlet.write_all(part).unwrap();
            }
            outlet.finish()
        });
        let body = way.body.await.unwrap();
        assert_eq!(way.capacity.in_flight(), 1);
        let received = body.collect().await.unwrap().to_bytes();
        assert!(maker.await.unwrap().unwrap().is_none());
        assert!(received == all);
        assert_eq!(way.capacity.in_flight(), 0);
    }

    #[tokio::test]
    async fn what_is_short_is_given_back_whole() {
        let way = way(10, LONG);
        let mut outlet = way.outlet;
        outlet.write_all(b"0123456789").unwrap();
        assert_eq!(outlet.finish().unwrap().unwrap(), b"0123456789");
        assert!(way.body.await.is_err());
    }

    #[tokio::test]
    async fn a_client_that_goes_stops_the_maker() {
        let way = way(0, LONG);
        let mut outlet = way.outlet;
        outlet.write_all(b"begun").unwrap();
        drop((way.body, way.interest));
        let maker = spawn_blocking(move || outlet.write_all(&vec![0; 2 * PIECE]));
        let error = maker.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_off_does_not_look_whole() {
        let way = way(0, LONG);
        let mut outlet = way.outlet;
        let maker = spawn_blocking(move || {
            outlet.write_all(&vec![0; PIECE]).unwrap();
            let breaker = outlet.breaker();
            assert!(breaker.stop());
            breaker.cut("the disk is gone");
        });
        let error = way.body.await.unwrap().collect().await.unwrap_err();
        assert!(error.to_string().contains("the disk is gone"));
        maker.await.unwrap();
    }

    #[tokio::test]
    async fn an_answer_whose_maker_panics_does_not_look_whole() {
        let way = way(0, LONG);
        let mut outlet = way.outlet;
        outlet.write_all(b"half of it").unwrap();
        drop(outlet);
        let body = way.body.await.unwrap();
        assert!(body.collect().await.is_err());
    }

    #[tokio::test]
    async fn what_failed_before_it_began_never_begins() {
        let way = way(0, LONG);
        let mut outlet = way.outlet;
        let breaker = outlet.breaker();
        assert!(!breaker.stop());
        // As the buffer of a writer that is dropped.
        assert!(outlet.write_all(b"rest").is_err());
        assert!(!breaker.stop());
        drop(outlet);
        assert!(way.body.await.is_err());
    }

    #[tokio::test]
    async fn an_answer_does_not_last_longer_than_it_may() {
        let way = way(0, Duration::ZERO);
        let mut outlet = way.outlet;
        let error = spawn_blocking(move || outlet.write_all(&vec![0; PIECE]))
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
