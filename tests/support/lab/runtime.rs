//! Lets plain tests, and async ones too, wait for a future of the harness.

use std::sync::{OnceLock, mpsc};

/// Runs the future on a runtime of the harness and waits for it. Safe inside another runtime, which `block_on` is not.
pub fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("lab")
            .enable_all()
            .build()
            .expect("a runtime")
    });
    let (answer, answered) = mpsc::channel();
    runtime.spawn(async move {
        // The receiver is gone only when the test has already failed.
        let _ = answer.send(future.await);
    });
    answered.recv().expect("the harness's own request panicked")
}
