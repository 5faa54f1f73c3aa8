//! What happens to a test whose server cannot be had on this machine.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Once;

/// Says loudly what is missing and notes the running test as skipped. Under `CI=true` it fails the test.
#[track_caller]
pub fn skip(why: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "no server for this test: {why}"
    );
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        // Through the handle, because the macros' output is hidden when a test passes.
        let _ = writeln!(
            std::io::stderr(),
            "\nSKIPPED: all tests that need a real server: {why}\n"
        );
    });
    if let Ok(file) = std::env::var("TIDEGAUGE_SKIPS") {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test on a thread without a name");
        let mut skips = OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .expect("the list of skipped tests");
        // One write, so that tests on several threads do not mix their lines.
        skips
            .write_all(format!("{test}\n").as_bytes())
            .expect("the list of skipped tests");
    }
}
