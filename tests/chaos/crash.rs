//! The points where the program itself can be told to end as by SIGKILL, and what it takes to come there.
//!
//! Only a binary with the feature `simulation` has them.

/// What comes to a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The service, while payments come.
    Service,
    /// A service that finds an alias missing.
    Alias,
    /// A replay with a swap, beside a service.
    Swap,
    /// A swap while no service runs.
    LoneSwap,
    /// The end of a generation.
    Drop,
    /// A backup.
    Backup,
    /// A backup with a generation that a replay has built.
    BackupOfReplay,
    /// What is made of a backup.
    Restore,
}

/// Each with the ways that come there.
pub const POINTS: &[(&str, &[Way])] = &[
    ("checkpoint: before the batch", &[Way::Service]),
    ("checkpoint: after the batch", &[Way::Service]),
    ("acknowledgement: before the batch", &[Way::Service]),
    ("acknowledgement: after the batch", &[Way::Service]),
    ("sync: before", &[Way::Service]),
    ("sync: after", &[Way::Service]),
    ("bulk: before the request", &[Way::Service, Way::Swap]),
    ("bulk: after the answer", &[Way::Service, Way::Swap]),
    ("aliases: before the request", &[Way::Alias, Way::LoneSwap]),
    ("aliases: after the answer", &[Way::Alias, Way::LoneSwap]),
    ("announcement: before", &[Way::Service]),
    ("announcement: after", &[Way::Service]),
    (
        "lock: before it says who holds it",
        &[Way::Service, Way::Swap],
    ),
    (
        "lock: after it says who holds it",
        &[Way::Service, Way::Swap],
    ),
    (
        "file: before the rename",
        &[Way::Service, Way::Swap, Way::Backup],
    ),
    (
        "file: after the rename",
        &[Way::Service, Way::Swap, Way::Backup],
    ),
    ("swap: before the pointer", &[Way::Swap, Way::LoneSwap]),
    ("swap: after the pointer", &[Way::Swap, Way::LoneSwap]),
    ("drop: after the indexes", &[Way::Drop]),
    ("drop: before the state is set aside", &[Way::Drop]),
    ("drop: after the state is set aside", &[Way::Drop]),
    ("backup: before the tables", &[Way::Backup]),
    ("backup: after the tables", &[Way::Backup]),
    ("backup: after the report", &[Way::BackupOfReplay]),
    ("backup: before a file is sealed", &[Way::Backup]),
    ("backup: before the manifest", &[Way::Backup]),
    ("backup: after the manifest", &[Way::Backup]),
    ("restore: after the pointer", &[Way::Restore]),
    ("restore: before a file", &[Way::Restore]),
    ("restore: before the root", &[Way::Restore]),
    ("restore: after the root", &[Way::Restore]),
];

/// The points that a service comes to by itself.
pub fn of_a_service() -> Vec<&'static str> {
    let points = POINTS.iter();
    let points = points.filter(|(_, ways)| ways.contains(&Way::Service));
    points.map(|(point, _)| *point).collect()
}
