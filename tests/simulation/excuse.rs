//! Which errors a service or a command may end with, and the faults that explain them.

use super::circumstances::Fault;

/// What a command says that has waited a minute for the service to show a generation.
pub const NOT_SHOWN_YET: &str = "the aliases do not point to it yet";

/// Words of an error, and the faults of which one must be there; without any, it needs none.
const EXCUSES: [(&str, &[Fault]); 16] = [
    ("no Kafka broker at", &[Fault::Brokers]),
    ("has had no leader for", &[Fault::Leaders, Fault::Brokers]),
    ("Input/output error", &[Fault::DiskBroken]),
    ("No space left on device", &[Fault::DiskFull]),
    ("the process was killed", &[Fault::Kills]),
    (
        "is not usable",
        &[
            Fault::SearchAway,
            Fault::SearchSlow,
            Fault::SearchErrors,
            Fault::SearchGarbage,
            Fault::SearchSmall,
        ],
    ),
    (
        "and none was delivered for",
        &[
            Fault::SearchItems,
            Fault::SearchBlocked,
            Fault::SearchErrors,
            Fault::SearchAway,
            Fault::SearchSmall,
        ],
    ),
    ("the topic was deleted and recreated", &[Fault::Recreation]),
    ("were removed before they were read", &[Fault::Trims]),
    // A replay can't read what was removed.
    ("differs from the live one", &[Fault::Trims]),
    // The service stops to read, so it can't catch up.
    (NOT_SHOWN_YET, &[Fault::Recreation, Fault::Trims]),
    ("there is no state in", &[]),
    ("there is no other generation", &[]),
    ("no other generation was live before", &[]),
    ("is not proven to have the figures", &[]),
    ("is not complete", &[]),
];

/// Whether a fault explains `error`.
pub fn is_one(error: &str, has: impl Fn(Fault) -> bool) -> bool {
    EXCUSES.iter().any(|(words, faults)| {
        error.contains(words) && (faults.is_empty() || faults.iter().any(|fault| has(*fault)))
    })
}
