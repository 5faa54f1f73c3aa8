//! Points where a test has the process end as by SIGKILL: between the steps that have to be whole together.
//!
//! Only with the feature `simulation`, which no released binary has; without it, reaching a point is nothing.

/// The process ends here if the variable `CRASH_AT` says so: it names a point and how often that is passed
/// before, as in `checkpoint: before the batch=3`. Variables that begin with `TIDEGAUGE_` are settings.
#[cfg(feature = "simulation")]
pub fn reach(point: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    static PLAN: OnceLock<Option<(String, AtomicU64)>> = OnceLock::new();
    let plan = PLAN.get_or_init(|| {
        let asked = std::env::var("CRASH_AT").ok()?;
        let (point, passes) = asked.rsplit_once('=')?;
        Some((point.to_owned(), AtomicU64::new(passes.parse().ok()?)))
    });
    if let Some((planned, passes)) = plan
        && planned == point
        && passes.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
            left.checked_sub(1)
        }) == Err(0)
    {
        // Nothing is closed, written or unlocked, as after a SIGKILL from outside.
        let _ = kill_process(getpid(), Signal::KILL);
    }
}

/// Reaching a point is nothing without the feature `simulation`.
#[cfg(not(feature = "simulation"))]
#[inline(always)]
pub const fn reach(_point: &str) {}
