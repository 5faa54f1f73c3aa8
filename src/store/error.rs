//! Why the state can't be opened or written.

use std::io;
use std::path::{Path, PathBuf};

use super::rule_difference::RuleDifference;

/// Why the state can't be opened or written. The sentences are for operators.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something else than a directory is at the path.
    #[error("the state directory {path} is not a directory: set state_dir to another path")]
    NotADirectory {
        /// The state directory.
        path: PathBuf,
    },
    /// Anyone on the machine could change the state.
    #[error(
        "the state directory {path} can be written by every user of this machine: \
         run `chmod o-w {path}`"
    )]
    WorldWritable {
        /// The state directory.
        path: PathBuf,
    },
    /// The directory holds something else.
    #[error(
        "the state directory {path} is not empty and holds no state (it contains {entry}): \
         set state_dir to a new or an empty directory"
    )]
    Foreign {
        /// The state directory.
        path: PathBuf,
        /// One of the names in it.
        entry: String,
    },
    /// Another process works on this state.
    #[error(
        "the state directory {path} is in use by another process: \
         stop that one, or give this one its own state_dir"
    )]
    InUse {
        /// The state directory.
        path: PathBuf,
    },
    /// The directory or a lock disappeared while the state was in use.
    #[error(
        "{path} was deleted, moved or replaced while the state was in use: nothing more is applied. \
         {}",
        remedy(path, *generation),
        path = .path.display()
    )]
    Gone {
        /// The directory or lock that is no longer there.
        path: PathBuf,
        /// The generation whose directory it is; `None` for a lock.
        generation: Option<u32>,
    },
    /// The state was written in a format that this program does not know.
    #[error(
        "the state in {path} has storage version {found}, and this program reads version \
         {expected}: use the release that wrote it; or stop the service, if it runs, set state_dir to \
         a new directory and, with Elasticsearch, index_prefix and legacy_totals to new names, and read the topic again"
    )]
    Version {
        /// The state directory.
        path: PathBuf,
        /// The version in the directory.
        found: u64,
        /// The version of this program.
        expected: u64,
    },
    /// The state is of another topic.
    #[error(
        "the state in {path} is of the topic {found}, and the configured topic is {configured}: \
         put kafka.topic back; or stop the service, if it runs, set state_dir to a new directory \
         and, with Elasticsearch, index_prefix and legacy_totals to new names"
    )]
    Topic {
        /// The state directory.
        path: PathBuf,
        /// The topic of the state.
        found: String,
        /// The configured topic.
        configured: String,
    },
    /// The state is of another generation.
    #[error(
        "the state in {path} is of generation {found}, and generation {wanted} was asked for: \
         each generation has its own state_dir"
    )]
    Generation {
        /// The state directory.
        path: PathBuf,
        /// The generation of the state.
        found: u32,
        /// The generation that was asked for.
        wanted: u32,
    },
    /// The state was built by other rules.
    #[error(
        "the state in {path} was built by other rules than the configured ones: {}. To change rules, \
         keep state_dir and rebuild the figures from the topic: `tidegauge replay --swap \
         --accept-differences`, with this configuration. {}To continue as before, put the old values back",
        RuleDifference::list(differences),
        second_chance(differences)
    )]
    Rules {
        /// The state directory.
        path: PathBuf,
        /// The rules that differ.
        differences: Vec<RuleDifference>,
    },
    /// The state is damaged.
    #[error(
        "the state in {path} is damaged ({reason}). Stop the service, if it runs; then set \
         state_dir to a new directory and restore a backup there with `tidegauge state restore DIR`; or \
         set state_dir to a new directory, kafka.start to \"earliest\" and, with Elasticsearch, \
         index_prefix and legacy_totals to new names, and the topic is read again"
    )]
    Damaged {
        /// The state directory.
        path: PathBuf,
        /// The damage that was found.
        reason: String,
    },
    /// The system refused something.
    #[error("can't {action} the state directory {path}: {source}")]
    Io {
        /// The state directory.
        path: PathBuf,
        /// The action that failed.
        action: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// RocksDB refused something.
    #[error(
        "can't {action} the state in {path}: {reason}. Is there space on the disk, and may this \
         user write there?"
    )]
    Database {
        /// The state directory.
        path: PathBuf,
        /// The action that failed.
        action: &'static str,
        /// The error of RocksDB.
        reason: String,
    },
}

// This process ends, but a supervisor starts the next one, which may begin a state at that path.
const STOP: &str = "Stop the service, if it was started again";

impl Error {
    /// Whether a change of the configuration can correct it: the state was built with another one.
    #[must_use]
    pub const fn is_config_mismatch(&self) -> bool {
        matches!(self, Self::Rules { .. } | Self::Topic { .. })
    }

    /// What is wrong, without what to do: that depends on the command.
    #[must_use]
    pub fn fact(&self) -> String {
        match self {
            Self::Version {
                path,
                found,
                expected,
            } => format!(
                "the state in {} has storage version {found}, and this program reads version {expected}",
                path.display()
            ),
            Self::Topic {
                path,
                found,
                configured,
            } => format!(
                "the state in {} is of the topic {found}, and the configured topic is {configured}",
                path.display()
            ),
            Self::Rules { differences, .. } => format!(
                "it was built by other rules than the configured ones: {}",
                RuleDifference::list(differences)
            ),
            Self::Damaged { path, reason } => {
                format!("the state in {} is damaged ({reason})", path.display())
            }
            other => other.to_string(),
        }
    }
}

// Where the state may adopt the rules, that is the shorter way.
fn second_chance(differences: &[RuleDifference]) -> &'static str {
    if differences.iter().all(|rule| rule.is_adoptable) {
        "If the payments that are counted were read rightly, and only rejects or payments in no window \
         were not: `tidegauge rejects replay --adopt-rules` counts those by the new rules, and so what \
         comes from now on. "
    } else {
        ""
    }
}

// What to do when the directory of a generation, or a lock, is gone.
fn remedy(path: &Path, generation: Option<u32>) -> String {
    let path = path.display();
    match generation {
        None => {
            "It keeps other processes away from the state, which is intact: start the service again"
                .to_owned()
        }
        Some(1) => format!(
            "What is written now is lost. {STOP}, put {path} back as it was, and start again. Without \
             it, set state_dir to a new directory: restore a backup there with `tidegauge state restore DIR`, \
             or start without one and with kafka.start = \"earliest\", and the topic is read again"
        ),
        Some(generation) => {
            let path = path.to_string();
            let first = path.strip_suffix(&format!("-g{generation}"));
            format!(
                "What is written now is lost. {STOP}, put {path} back as it was, and start again. \
                 Without it, while generation {generation} is live, a start is refused: set state_dir to a new \
                 directory and restore a backup there with `tidegauge state restore DIR`, or make \
                 another generation live: write `live = N` into {}.live, with one that `tidegauge \
                 replay status` lists. Without either, set state_dir to a new directory and \
                 kafka.start to \"earliest\", and the topic is read again",
                first.unwrap_or("<state_dir>")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_to_begin_a_new_state_is_told_of_the_indexes() {
        let path = PathBuf::from("state");
        for error in [
            Error::Version {
                path: path.clone(),
                found: 9,
                expected: 3,
            },
            Error::Topic {
                path: path.clone(),
                found: "one".into(),
                configured: "other".into(),
            },
            Error::Damaged {
                path,
                reason: "torn".into(),
            },
        ] {
            let told = error.to_string();
            assert!(told.contains("top the service, if it runs"), "{told}");
            // Documents of the old state would win over those of a new one.
            assert!(told.contains("state_dir to a new directory"), "{told}");
            let names = "index_prefix and legacy_totals to new names";
            assert!(told.contains(names), "{told}");
        }
    }

    #[test]
    fn a_second_chance_is_named_where_the_state_can_adopt_all_rules() {
        let rules = |configured| Error::Rules {
            path: PathBuf::from("dir"),
            differences: RuleDifference::between("window.1 = a", configured),
        };
        let of_payments = "window.1 = a\npayment.amount = \"amt\"\nevent_time.max_future = 1h";
        let told = rules(of_payments).to_string();
        for way in [
            "`tidegauge rejects replay --adopt-rules`",
            "`tidegauge replay --swap",
        ] {
            assert!(told.contains(way), "{told}");
        }
        let told = rules("window.1 = b\npayment.amount = \"amt\"").to_string();
        assert!(!told.contains("rejects replay"), "{told}");
    }

    #[test]
    fn a_fact_says_what_is_wrong_and_leaves_out_what_to_do() {
        let path = PathBuf::from("dir");
        let difference = RuleDifference {
            key: "w".into(),
            state: Some("1".into()),
            configured: None,
            is_adoptable: false,
        };
        for (error, fact, is_config_mismatch) in [
            (
                Error::Version {
                    path: path.clone(),
                    found: 9,
                    expected: 4,
                },
                "the state in dir has storage version 9, and this program reads version 4",
                false,
            ),
            (
                Error::Topic {
                    path: path.clone(),
                    found: "one".into(),
                    configured: "other".into(),
                },
                "the state in dir is of the topic one, and the configured topic is other",
                true,
            ),
            (
                Error::Rules {
                    path: path.clone(),
                    differences: vec![difference],
                },
                "it was built by other rules than the configured ones: w is 1 in the state and \
                 missing in the config",
                true,
            ),
            (
                Error::Damaged {
                    path,
                    reason: "torn".into(),
                },
                "the state in dir is damaged (torn)",
                false,
            ),
        ] {
            assert_eq!(error.fact(), fact);
            assert_eq!(error.is_config_mismatch(), is_config_mismatch, "{fact}");
        }
    }

    #[test]
    fn who_lost_a_directory_is_told_which_one_to_put_back() {
        let told = |path: &str, generation| {
            let path = PathBuf::from(path);
            Error::Gone { path, generation }.to_string()
        };
        for (path, generation, part) in [
            ("dir/LOCK", None, "the state, which is intact: start"),
            ("dir", Some(1), "put dir back as it was"),
            ("dir-g3", Some(3), "put dir-g3 back as it was"),
            ("dir-g3", Some(3), "while generation 3 is live"),
            ("dir-g3", Some(3), "write `live = N` into dir.live, "),
            ("other", Some(3), "into <state_dir>.live, "),
        ] {
            let told = told(path, generation);
            assert!(told.contains(part), "{told}");
        }
    }
}
