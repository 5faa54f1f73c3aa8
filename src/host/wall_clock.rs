//! The wall clock. No figure depends on it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now, since the epoch; zero if the clock stands before it.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the clock"
)]
pub fn since_epoch() -> Duration {
    #[cfg(feature = "simulation")]
    if let Some(simulated) = super::simulation::since_epoch() {
        return simulated;
    }
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Now, in ms since the epoch.
#[must_use]
pub fn now_ms() -> i64 {
    i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX)
}
