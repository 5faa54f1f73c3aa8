//! Work that waits for a disk or a server, done beside the tasks of the runtime.

use tokio::task::{JoinError, spawn_blocking};

/// Does `work` on a thread for such work, and gives what it returns. In a simulation it is done at once,
/// so that its place among other work does not depend on the machine.
///
/// # Errors
/// When it panicked.
pub async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    #[cfg(feature = "simulation")]
    if super::simulation::is_on() {
        return Ok(work());
    }
    spawn_blocking(work).await
}
