//! SIGINT and SIGTERM for commands without a runtime.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tracing::error;

use super::end::end;
use super::serve::SECOND_SIGNAL;
use super::signals::Signals;

/// A flag that is set when the process is asked to stop. A second request ends it at once.
///
/// # Errors
/// When signals can't be listened for.
pub fn requested() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut signals = {
        let _entered = runtime.enter();
        Signals::new()?
    };
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            runtime.block_on(async {
                loop {
                    signals.stop().await;
                    if seen.swap(true, Ordering::Relaxed) {
                        error!("{SECOND_SIGNAL}");
                        end(1);
                    }
                }
            });
        })?;
    Ok(stop)
}
