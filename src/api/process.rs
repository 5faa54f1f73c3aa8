//! What the operating system says of this process: Linux's `/proc`, and nothing elsewhere.

use std::fs;

/// How many ticks the kernel counts in a second in what it tells programs: 100 on every
/// architecture that Linux has in common use (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// What this process uses.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Process {
    /// CPU time used so far by all of its threads, in seconds.
    pub(super) cpu_seconds: Option<f64>,
    /// What it holds in memory, in bytes.
    pub(super) resident_bytes: Option<u64>,
    /// How many file descriptors are open.
    pub(super) open_fds: Option<usize>,
    /// How many it may open.
    pub(super) max_fds: Option<u64>,
    /// When it started, in seconds since the epoch.
    pub(super) started: Option<f64>,
}

impl Process {
    /// As of now.
    pub(super) fn now() -> Self {
        let stat = read("/proc/self/stat");
        let mut process = stat.as_deref().map(of_stat).unwrap_or_default();
        process.resident_bytes = read("/proc/self/status").as_deref().and_then(resident);
        process.open_fds = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
        process.max_fds = max_fds();
        let boot = read("/proc/stat").as_deref().and_then(boot);
        process.started = process.started.zip(boot).map(|(after, boot)| boot + after);
        process
    }
}

/// How many file descriptors this process may open, if the operating system says so.
pub(super) fn max_fds() -> Option<u64> {
    read("/proc/self/limits").as_deref().and_then(limit)
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

// The name in the second field may hold anything, parentheses too; numbers come after the last.
// `started` is counted from the start of the machine here.
fn of_stat(stat: &str) -> Process {
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = |field: usize| {
        // The first field after the name is the third of proc(5).
        let text = fields.split_whitespace().nth(field - 3)?;
        text.parse::<f64>()
            .ok()
            .map(|ticks| ticks / TICKS_PER_SECOND)
    };
    Process {
        cpu_seconds: ticks(14).zip(ticks(15)).map(|(user, system)| user + system),
        started: ticks(22),
        ..Process::default()
    }
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes = line.trim().strip_suffix("kB")?.trim();
    kilobytes.parse::<u64>().ok().map(|kb| kb * 1_024)
}

fn limit(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn boot(stat: &str) -> Option<f64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_shifts_no_field() {
        let numbers: Vec<String> = (4..=52).map(|n| (n * 100).to_string()).collect();
        let stat = format!("7 (a) b (c) S {}", numbers.join(" "));
        let process = of_stat(&stat);
        assert_eq!(process.cpu_seconds, Some(29.0));
        assert_eq!(process.started, Some(22.0));
    }

    #[test]
    fn what_is_not_there_is_not_made_up() {
        assert_eq!(of_stat("nonsense"), Process::default());
        assert_eq!(resident("Name:\tx\n"), None);
        assert_eq!(
            limit("Max open files            unlimited            unlimited            files"),
            None
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_found() {
        let process = Process::now();
        assert!(process.cpu_seconds.is_some_and(|seconds| seconds >= 0.0));
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 1 << 20));
        assert!(process.open_fds.is_some_and(|fds| fds > 2));
        assert!(process.started.is_some_and(|at| at > 1.5e9));
    }
}
