//! The accept loop: bounded connections, bounded patience, a stop that lets requests end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
#[cfg(any(target_os = "linux", target_os = "android"))]
use socket2::SockRef;
use tokio::io::AsyncWrite;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutWriter;
use tracing::{debug, warn};

use super::Limits;
use crate::observe::status::Status;

/// The head of a request must fit. It leaves room to tell a client that its address is too long
/// instead of just hanging up.
const HEAD_BYTES_MAX: usize = 80 << 10;
/// How long to wait when the process has no more file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Answers on `listener` with `router` until `stop` is there.
pub(super) async fn run(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    status: &Status,
    stop: impl Future<Output = ()> + Send,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(HEAD_BYTES_MAX);
    let slots = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        // A client beyond the limit waits in the listener's backlog until another one leaves.
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (listener.accept().await, slot)
        };
        let (stream, slot) = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            (accepted, slot) = accepted => match accepted {
                Ok((stream, _)) => (stream, slot),
                Err(error) => {
                    warn!(%error, "a connection can't be accepted");
                    sleep(ACCEPT_RETRY).await;
                    continue;
                }
            },
        };
        if let Err(error) = prepare(&stream) {
            debug!(%error, "a connection ended before it began");
        }
        let stream = TokioIo::new(with_write_timeout(stream, limits.stall_timeout));
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(http.serve_connection(stream, service));
        let present = status.metrics().connection();
        connections.spawn(async move {
            let _held = (slot, present);
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended");
            }
        });
    }
    drop(listener);
    if timeout(limits.drain_timeout, graceful.shutdown())
        .await
        .is_err()
    {
        warn!(
            connections = connections.len(),
            "requests that did not end in time are cut off"
        );
    }
    connections.shutdown().await;
}

/// A socket has at most so many bytes that are not sent yet. Room for the next ones then means that
/// the client has taken some, so that one that reads slowly but steadily is seen to make progress.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_MAX: u32 = 16 << 10;

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_MAX)?;
    Ok(())
}

/// `stream`, whose writes fail once the client has taken nothing for `timeout`.
fn with_write_timeout<S: AsyncWrite>(stream: S, timeout: Duration) -> Pin<Box<TimeoutWriter<S>>> {
    let mut writer = TimeoutWriter::new(stream);
    writer.set_timeout(Some(timeout));
    Box::pin(writer)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::task::{Context, Poll};

    use tokio::io::AsyncWriteExt;

    use super::*;

    /// Takes nothing for some polls, then everything.
    struct Busy(u32);

    impl AsyncWrite for Busy {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            if self.0 == 0 {
                return Poll::Ready(Ok(bytes.len()));
            }
            self.0 -= 1;
            if self.0 < 1_000 {
                context.waker().wake_by_ref();
            }
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    async fn write(busy_for: u32, timeout: Duration) -> io::Result<usize> {
        let mut stream = with_write_timeout(Busy(busy_for), timeout);
        stream.write(b"12345").await
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let error = write(u32::MAX, Duration::from_millis(1)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_is_only_busy_is_waited_for() {
        assert_eq!(write(5, Duration::from_secs(600)).await.unwrap(), 5);
    }
}
