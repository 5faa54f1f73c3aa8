//! What processes have used, as the kernel counts it.

use std::fs;
use std::time::Duration;

/// Of one process, in user mode and in the kernel.
pub fn of_process(id: u32) -> Duration {
    ticks(&stat(&id.to_string()), 0)
}

/// Of this process.
pub fn own() -> Duration {
    ticks(&stat("self"), 0)
}

/// Of the children of this process that have ended.
pub fn of_children() -> Duration {
    ticks(&stat("self"), 2)
}

/// The fields of `/proc/…/stat` from `utime` on.
fn stat(process: &str) -> Vec<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name before them may hold anything.
    let (_, fields) = text.rsplit_once(") ").unwrap();
    let fields = fields.split(' ').skip(11).take(4);
    fields.map(|field| field.parse().unwrap()).collect()
}

fn ticks(fields: &[u64], first: usize) -> Duration {
    // Linux counts hundredths of a second here, whatever its own clock does.
    Duration::from_millis(10 * (fields[first] + fields[first + 1]))
}
