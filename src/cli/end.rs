//! The end of the process.

use std::io::{self, Write};

/// Ends the process with an exit code, and runs nothing more of it.
///
/// Threads may still work then: a stop that took too long or a second signal leaves them to
/// themselves, and so does a question to a broker that does not answer. The usual end would destroy
/// what C++ libraries hold while those threads use it, and abort. What is to be kept has been written
/// by now; only what is printed may still wait.
pub fn end(code: u8) -> ! {
    // Whoever read it may be gone, and there is nowhere left to say so.
    let _ = io::stdout().flush();
    let _ = io::stderr().flush();
    signal_hook::low_level::exit(i32::from(code))
}
