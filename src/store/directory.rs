//! The state directory: whether a state may be opened or created in it.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use tracing::{info, warn};

use super::error::Error;
use super::opened_file::OpenedFile;

/// The content of a directory that may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Directory {
    /// Nothing yet: a state may be created.
    Fresh,
    /// A state.
    State,
}

/// Checks the directory at `path`, and creates it, for its owner only, if it does not exist.
pub(super) fn prepare(path: &Path) -> Result<Directory, Error> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(|source| io_error(path, "make", source))?;
            return Ok(Directory::Fresh);
        }
        metadata => metadata.map_err(|source| io_error(path, "look at", source))?,
    };
    check(path, &metadata)?;
    let names = names(path)?;
    if names.iter().any(|name| name == "CURRENT") {
        close_to_others(path, &metadata);
        return Ok(Directory::State);
    }
    match names.into_iter().find(|name| !may_precede_a_state(name)) {
        None => {
            close_to_others(path, &metadata);
            Ok(Directory::Fresh)
        }
        Some(name) if is_data(&name) => Err(lacks_current(path, &name)),
        Some(entry) => Err(Error::Foreign {
            path: path.to_owned(),
            entry,
        }),
    }
}

/// The directory at `path` and the lock in it, once RocksDB has opened both.
pub(super) fn place(path: &Path) -> Result<[OpenedFile; 2], Error> {
    let original =
        |path: &Path| OpenedFile::at(path).map_err(|source| io_error(path, "look at", source));
    Ok([original(path)?, original(&path.join("LOCK"))?])
}

/// Whether there is a state at `path`, to be read. Makes nothing.
///
/// # Errors
/// When something else is there, or what is left of a state, or it can't be looked at.
pub fn holds_state(path: &Path) -> Result<bool, Error> {
    match fs::metadata(path.join("CURRENT")) {
        Ok(_) => return Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(Error::NotADirectory {
                path: path.to_owned(),
            });
        }
        Err(source) => return Err(io_error(path, "look at", source)),
    }
    if !path.exists() {
        return Ok(false);
    }
    let rest = names(path)?.into_iter().find(|name| is_rest(name));
    rest.map_or(Ok(false), |name| Err(lacks_current(path, &name)))
}

/// Refuses the directory at `path` if it holds tables: a state is identified before its first table is written.
pub(super) fn refuse_tables(path: &Path) -> Result<(), Error> {
    match names(path)?.into_iter().find(|name| name.ends_with(".sst")) {
        None => Ok(()),
        Some(table) => Err(Error::Damaged {
            path: path.to_owned(),
            reason: format!(
                "it contains {table}, but its identity (topic, generation, rules) is missing"
            ),
        }),
    }
}

/// The bytes of all files in the directory at `path`.
pub(super) fn size(path: &Path) -> Result<u64, Error> {
    let files = names(path)?.into_iter();
    // What the writer deletes meanwhile has no size.
    Ok(files
        .filter_map(|name| fs::metadata(path.join(name)).ok())
        .map(|metadata| metadata.len())
        .sum())
}

fn check(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    if !metadata.is_dir() {
        return Err(Error::NotADirectory {
            path: path.to_owned(),
        });
    }
    if metadata.permissions().mode() & 0o002 != 0 {
        return Err(Error::WorldWritable {
            path: path.to_owned(),
        });
    }
    Ok(())
}

/// Removes the permissions of all other users on a directory of ours: it holds the text of records.
/// The group keeps its permissions where all others have none: then an administrator has decided it.
fn close_to_others(path: &Path, metadata: &Metadata) {
    let mode = metadata.permissions().mode();
    if mode & 0o007 == 0 {
        return;
    }
    match fs::set_permissions(path, Permissions::from_mode(mode & 0o7000 | 0o700)) {
        Ok(()) => info!(
            path = %path.display(),
            "the state directory was accessible to every user; now only its owner has access"
        ),
        // As on a volume that belongs to root.
        Err(error) => warn!(
            path = %path.display(),
            %error,
            "every user of this machine can read the state directory, which holds the text of records: \
             run chmod 700 on it"
        ),
    }
}

/// The names of all files in the directory at `path`, in order.
pub(super) fn names(path: &Path) -> Result<Vec<String>, Error> {
    let entries = fs::read_dir(path).map_err(|source| io_error(path, "list", source))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| io_error(path, "list", source))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// Files that RocksDB writes before the file CURRENT makes it a state (a process may be killed there),
/// and what a file system puts into every volume.
fn may_precede_a_state(name: &str) -> bool {
    matches!(
        name,
        "LOCK" | "LOG" | "IDENTITY" | "MANIFEST-000001" | "lost+found"
    ) || name.starts_with("LOG.old.")
        || name.starts_with("OPTIONS-")
        || name.ends_with(".dbtmp")
}

/// Whether a file is left of a state that was there: it can't be of one that is just being created.
fn is_rest(name: &str) -> bool {
    is_data(name) && !may_precede_a_state(name)
}

fn lacks_current(path: &Path, name: &str) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        reason: format!("it contains {name}, but the file CURRENT is missing"),
    }
}

/// Files of a state that is no longer whole.
fn is_data(name: &str) -> bool {
    name.ends_with(".sst")
        || name.starts_with("MANIFEST-")
        || name
            .strip_suffix(".log")
            .is_some_and(|stem| stem.bytes().all(|byte| byte.is_ascii_digit()))
}

fn io_error(path: &Path, action: &'static str, source: io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        action,
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::{File, set_permissions};

    use super::*;

    #[test]
    fn a_missing_directory_is_made_for_its_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        assert_eq!(prepare(&path).unwrap(), Directory::Fresh);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn an_existing_state_directory_is_closed_to_other_users() {
        for (before, after) in [
            (0o755, 0o700),
            (0o701, 0o700),
            (0o2775, 0o2700),
            (0o750, 0o750),
            (0o770, 0o770),
            (0o700, 0o700),
        ] {
            for name in ["LOG", "CURRENT"] {
                let path = tempfile::tempdir().unwrap();
                File::create(path.path().join(name)).unwrap();
                set_permissions(path.path(), Permissions::from_mode(before)).unwrap();
                prepare(path.path()).unwrap();
                let mode = fs::metadata(path.path()).unwrap().permissions().mode();
                assert_eq!(mode & 0o7777, after, "{before:o} with {name}");
            }
        }
        // What is not a state is left as it is.
        let path = tempfile::tempdir().unwrap();
        File::create(path.path().join("photo.jpg")).unwrap();
        set_permissions(path.path(), Permissions::from_mode(0o755)).unwrap();
        prepare(path.path()).unwrap_err();
        let mode = fs::metadata(path.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o755);
    }

    #[test]
    fn a_file_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("state");
        File::create(&path).unwrap();
        assert!(matches!(prepare(&path), Err(Error::NotADirectory { .. })));
    }

    #[test]
    fn a_directory_that_everyone_can_write_is_refused() {
        let path = tempfile::tempdir().unwrap();
        set_permissions(path.path(), Permissions::from_mode(0o777)).unwrap();
        let error = prepare(path.path()).unwrap_err();
        assert!(matches!(error, Error::WorldWritable { .. }));
        assert!(error.to_string().contains("chmod o-w"));
    }

    #[test]
    fn a_directory_of_something_else_is_refused_by_name() {
        let path = tempfile::tempdir().unwrap();
        File::create(path.path().join("photo.jpg")).unwrap();
        let error = prepare(path.path()).unwrap_err();
        assert!(matches!(error, Error::Foreign { .. }));
        assert!(error.to_string().contains("photo.jpg"));
    }

    #[test]
    fn what_a_killed_beginning_leaves_is_begun_again() {
        let path = tempfile::tempdir().unwrap();
        for name in [
            "LOCK",
            "LOG",
            "LOG.old.1700000000000000",
            "OPTIONS-000005",
            "IDENTITY",
            "MANIFEST-000001",
            "000001.dbtmp",
            "lost+found",
        ] {
            File::create(path.path().join(name)).unwrap();
        }
        assert_eq!(prepare(path.path()).unwrap(), Directory::Fresh);
    }

    #[test]
    fn a_state_without_its_root_file_is_damaged_and_never_begun_again() {
        for name in ["000004.log", "000012.sst", "MANIFEST-000005"] {
            let path = tempfile::tempdir().unwrap();
            File::create(path.path().join(name)).unwrap();
            assert!(
                matches!(prepare(path.path()), Err(Error::Damaged { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_left_of_a_state_is_not_taken_for_no_state() {
        let cases: [(&[&str], Option<bool>); 7] = [
            (&[], Some(false)),
            (&["LOCK", "LOG", "MANIFEST-000001"], Some(false)),
            (&["CURRENT"], Some(true)),
            (&["CURRENT", "000012.sst"], Some(true)),
            (&["LOG", "000012.sst"], None),
            (&["000004.log"], None),
            (&["MANIFEST-000005"], None),
        ];
        for (names, held) in cases {
            let path = tempfile::tempdir().unwrap();
            for name in names {
                File::create(path.path().join(name)).unwrap();
            }
            match holds_state(path.path()) {
                Ok(found) => assert_eq!(Some(found), held, "{names:?}"),
                Err(Error::Damaged { .. }) => assert_eq!(None, held, "{names:?}"),
                Err(other) => panic!("{names:?}: {other}"),
            }
        }
    }

    #[test]
    fn a_place_without_a_state_is_told_from_one_that_can_not_be_looked_at() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| holds_state(&parent.path().join(name));
        assert!(!at("missing").unwrap());
        File::create(parent.path().join("file")).unwrap();
        assert!(matches!(at("file"), Err(Error::NotADirectory { .. })));
        // No file system takes so long a name.
        let long = "a".repeat(300);
        let look = "look at";
        let refused = [
            at(&long).unwrap_err(),
            prepare(&parent.path().join(&long)).unwrap_err(),
        ];
        for error in refused {
            assert!(matches!(error, Error::Io { action, .. } if action == look));
        }
    }

    #[test]
    fn a_table_that_belongs_to_no_state_is_refused_by_name() {
        let path = tempfile::tempdir().unwrap();
        fs::write(path.path().join("000004.log"), "12345").unwrap();
        refuse_tables(path.path()).unwrap();
        fs::write(path.path().join("000012.sst"), "123").unwrap();
        let error = refuse_tables(path.path()).unwrap_err();
        assert!(error.to_string().contains("000012.sst"), "{error}");
        assert_eq!(size(path.path()).unwrap(), 8);
    }
}
