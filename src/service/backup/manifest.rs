//! The manifest of a backup: the list of what it holds.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::checksummed_file::{ChecksummedFile, report};
use super::{Error, files};
use crate::service::generation::{self, not_directory};

/// The manifest's name.
pub(super) const FILE: &str = "backup.json";
/// The form of backups that is written, and read.
pub(super) const FORMAT: u32 = 1;

/// The list of what a backup holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the backup.
    pub format: u32,
    /// The version of the program that made it.
    pub program: String,
    /// When it was complete: RFC 3339.
    pub made_at: String,
    /// The topic that the live generation is of.
    pub topic: String,
    /// The live generation.
    pub live: u32,
    /// The one that was live before it, if it is kept here.
    pub previous: Option<u32>,
    /// The generations that are kept here.
    pub generations: Vec<BackedUpGeneration>,
    /// The generations that were skipped, because they could not be read.
    pub left_out: Vec<SkippedGeneration>,
}

/// A generation in a backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BackedUpGeneration {
    /// Its number.
    pub generation: u32,
    /// The version of its keys and values.
    pub storage_version: u64,
    /// The number of its checkpoint.
    pub checkpoint: u64,
    /// When that was written: RFC 3339.
    pub as_of: String,
    /// Records that it has consumed.
    pub records: u64,
    /// The next offset of each partition.
    pub positions: BTreeMap<i32, i64>,
    /// How many keys it holds.
    pub keys: u64,
    /// Its files, below the directory of the backup.
    pub files: Vec<ChecksummedFile>,
}

/// A generation that is not in a backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SkippedGeneration {
    /// Its number.
    pub generation: u32,
    /// Why.
    pub reason: String,
}

impl BackedUpGeneration {
    /// How many bytes its files have.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl Manifest {
    pub(super) fn write(&self, dir: &Path) -> Result<(), Error> {
        let path = dir.join(FILE);
        let text = serde_json::to_vec_pretty(self).map_err(|error| Error::Manifest {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        Ok(generation::replace(&path, &text)?)
    }

    pub(super) fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let other =
            not_directory(dir).map(|other| format!("{} is not a directory", other.display()));
        let missing = (!dir.exists()).then(|| "it does not exist".to_owned());
        if let Some(why) = other.or(missing) {
            let path = dir.to_owned();
            return Err(Error::None { path, why });
        }
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Incomplete {
                    path: dir.to_owned(),
                });
            }
            bytes => bytes.map_err(|source| files::failed(&path, "read", source))?,
        };
        let wrong = |reason: String| Error::Manifest {
            path: path.clone(),
            reason,
        };
        #[derive(Deserialize)]
        struct FormatHeader {
            format: u32,
        }
        let head: FormatHeader =
            serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if head.format != FORMAT {
            return Err(wrong(format!(
                "it has the format {}, and this program reads format {FORMAT}",
                head.format
            )));
        }
        let manifest: Self =
            serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        manifest
            .check()
            .map_err(|reason| wrong(reason.to_owned()))?;
        Ok(manifest)
    }

    // Files are written where it says, so it must not name any other place.
    fn check(&self) -> Result<(), &'static str> {
        let mut numbers: Vec<u32> = self.generations.iter().map(|g| g.generation).collect();
        if numbers.contains(&0) || !numbers.contains(&self.live) {
            return Err("it does not hold its live generation");
        }
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.len() != self.generations.len() {
            return Err("it names a generation twice");
        }
        let is_own = |kept: &BackedUpGeneration| {
            let (dir, report) = (format!("g{}", kept.generation), report(kept.generation));
            kept.files.iter().all(|file| {
                let parts: Vec<Component> = Path::new(&file.path).components().collect();
                match parts[..] {
                    [Component::Normal(one)] => one == report.as_str(),
                    [Component::Normal(one), Component::Normal(_)] => one == dir.as_str(),
                    _ => false,
                }
            })
        };
        if self.generations.iter().all(is_own) {
            Ok(())
        } else {
            Err("it names a file that is not its own")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn manifest(path: &str) -> Manifest {
        Manifest {
            format: FORMAT,
            program: String::new(),
            made_at: String::new(),
            topic: "payments".to_owned(),
            live: 2,
            previous: None,
            generations: vec![BackedUpGeneration {
                generation: 2,
                storage_version: 3,
                checkpoint: 1,
                as_of: String::new(),
                records: 0,
                positions: BTreeMap::new(),
                keys: 1,
                files: vec![ChecksummedFile {
                    path: path.to_owned(),
                    bytes: 0,
                    xxh3: String::new(),
                }],
            }],
            left_out: Vec::new(),
        }
    }

    #[test]
    fn a_manifest_names_its_own_files_only() {
        for path in ["g2/CURRENT", "g2.report.json"] {
            assert_eq!(manifest(path).check(), Ok(()), "{path}");
        }
        for path in [
            "/etc/passwd",
            "../x",
            "g2/../x",
            "g2/a/b",
            "g3/CURRENT",
            "g2",
            "",
        ] {
            assert!(manifest(path).check().is_err(), "{path}");
        }
        let mut other = manifest("g2/CURRENT");
        other.live = 1;
        assert!(other.check().is_err());
    }

    #[test]
    fn a_format_of_the_future_is_refused_by_its_number() {
        let dir = tempfile::tempdir().unwrap();
        let missing = Manifest::read(dir.path()).unwrap_err();
        assert!(matches!(missing, Error::Incomplete { .. }));
        fs::write(dir.path().join(FILE), r#"{"format": 7, "new": true}"#).unwrap();
        let error = Manifest::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("format 7"), "{error}");
        let kept = manifest("g2/CURRENT");
        kept.write(dir.path()).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), kept);
    }
}
