//! Points where a test has the process end as by SIGKILL, or panic: between the steps that have to be whole together.
//!
//! Only with the feature `simulation`, which no released binary has; without it, reaching a point is nothing.

/// The process ends here if the variable `CRASH_AT` says so, and panics here if `PANIC_AT` does: they name a point
/// and how often that is passed before, as in `checkpoint: before the batch=3`. Variables that begin with
/// `TIDEGAUGE_` are settings.
#[cfg(feature = "simulation")]
pub fn reach(point: &str) {
    use std::sync::LazyLock;

    use rustix::process::{Signal, getpid, kill_process};

    static CRASH: LazyLock<Option<planned::PlannedEnd>> =
        LazyLock::new(|| planned::PlannedEnd::of("CRASH_AT"));
    static PANIC: LazyLock<Option<planned::PlannedEnd>> =
        LazyLock::new(|| planned::PlannedEnd::of("PANIC_AT"));
    if CRASH.as_ref().is_some_and(|plan| plan.is_due(point)) {
        // Nothing is closed, written or unlocked, as after a SIGKILL from outside.
        let _ = kill_process(getpid(), Signal::KILL);
    }
    assert!(
        !PANIC.as_ref().is_some_and(|plan| plan.is_due(point)),
        "a panic was asked for"
    );
}

#[cfg(feature = "simulation")]
mod planned {
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A point, and how often it is passed before something happens there.
    pub(super) struct PlannedEnd {
        point: String,
        passes: AtomicU64,
    }

    impl PlannedEnd {
        /// What `variable` says.
        pub(super) fn of(variable: &str) -> Option<Self> {
            let asked = std::env::var(variable).ok()?;
            let (point, passes) = asked.rsplit_once('=')?;
            Some(Self {
                point: point.to_owned(),
                passes: AtomicU64::new(passes.parse().ok()?),
            })
        }

        /// Whether it is due at `point`, which is passed now.
        pub(super) fn is_due(&self, point: &str) -> bool {
            let left = |left: u64| left.checked_sub(1);
            self.point == point
                && self
                    .passes
                    .fetch_update(Ordering::AcqRel, Ordering::Acquire, left)
                    == Err(0)
        }
    }
}

/// Reaching a point is nothing without the feature `simulation`.
#[cfg(not(feature = "simulation"))]
#[inline(always)]
pub const fn reach(_point: &str) {}
