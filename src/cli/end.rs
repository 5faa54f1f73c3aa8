//! Ends the process without destroying objects that other threads still use.

use std::io::{self, Write};

/// Ends the process with an exit code, and runs nothing more of it.
///
/// Threads may still run then: a stop that took too long, a second signal, or a request to a broker
/// that does not answer leaves them running. A normal exit would destroy the objects of the C++
/// libraries while those threads use them, and abort. The state has been written by now; only output
/// may still be in a buffer.
pub fn end(code: u8) -> ! {
    // If the reader of stdout is gone, there is nowhere left to report it.
    let _ = io::stdout().flush();
    let _ = io::stderr().flush();
    signal_hook::low_level::exit(i32::from(code))
}
