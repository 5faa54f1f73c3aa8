//! Reading a file that holds a secret and nothing else.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::secret::Secret;

/// The content of a secret file.
#[derive(Debug)]
pub struct SecretFile {
    /// Without a byte order mark and white space around it.
    pub secret: Secret,
    /// What should be corrected, although the secret can be used.
    pub warning: Option<String>,
}

/// Why the secret in a file can't be used.
#[derive(Debug)]
pub struct SecretFileError {
    /// A sentence that says what would be right.
    pub message: String,
    /// Whether the place where the file is named may show a secret: it names no file.
    pub is_hidden: bool,
}

/// Reads the secret in the file `path`.
///
/// # Errors
/// When the file can't be read, can be written by all users, is not UTF-8 text, is empty, or has several
/// lines or control characters.
pub fn read(path: &Path) -> Result<SecretFile, SecretFileError> {
    let content = fs::read(path).map_err(|error| SecretFileError {
        message: unreadable(path, &error),
        is_hidden: true,
    })?;
    let unfit = |message| SecretFileError {
        message,
        is_hidden: false,
    };
    let shown = path.display();
    let warning = guarded(path).map_err(unfit)?;
    let content = String::from_utf8(content)
        .map_err(|_| unfit(format!("the file {shown} is not UTF-8 text")))?;
    let secret = bare(&content);
    if let Some(what) = fault(secret) {
        return Err(unfit(format!(
            "the file {shown} {what}: it must hold the secret and nothing else"
        )));
    }
    Ok(SecretFile {
        secret: Secret::new(secret),
        warning,
    })
}

/// The secret without white space around it, and without the byte order mark that editors of Windows
/// write first.
fn bare(content: &str) -> &str {
    content.strip_prefix('\u{feff}').unwrap_or(content).trim()
}

/// What keeps a text from being a secret, if anything does.
fn fault(secret: &str) -> Option<&'static str> {
    if secret.is_empty() {
        return Some("is empty");
    }
    if secret.contains(['\n', '\r']) {
        return Some("holds more than one line");
    }
    secret
        .contains(char::is_control)
        .then_some("holds a control character, which can't be seen")
}

/// Refuses a file that all users can write, and warns about one that all users can read: containers mount
/// secrets with that mode, and have no other users.
fn guarded(path: &Path) -> Result<Option<String>, String> {
    // It has just been read; if it is gone, there is nothing to guard.
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(None);
    };
    let (mode, shown) = (metadata.permissions().mode(), path.display());
    if mode & 0o002 != 0 {
        return Err(format!(
            "every user can write the file {shown}, so it is not safe: chmod 600 {shown}"
        ));
    }
    Ok(readable(mode, path))
}

/// The warning about a file with a secret in it that all users can read; `None` about any other.
#[must_use]
pub fn warning(path: &Path) -> Option<String> {
    readable(fs::metadata(path).ok()?.permissions().mode(), path)
}

fn readable(mode: u32, path: &Path) -> Option<String> {
    let shown = path.display();
    (mode & 0o004 != 0)
        .then(|| format!("every user of this machine can read the file {shown}: chmod 600 {shown}"))
}

/// Why the file of a secret can't be read. A name that leads nowhere may be the secret itself.
fn unreadable(path: &Path, error: &io::Error) -> String {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let is_path = path.is_absolute() || parent.is_some_and(Path::exists);
    if is_path {
        return format!("the file {} can't be read: {error}", path.display());
    }
    format!(
        "there is no such file: {error}; give the path of a file that holds the secret, not the secret"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_byte_order_mark_and_white_space_are_no_part_of_a_secret() {
        for content in [
            "s3cret",
            " s3cret\r\n",
            "\u{feff}s3cret\r\n",
            "\u{feff} s3cret",
        ] {
            assert_eq!(bare(content), "s3cret", "{content:?}");
        }
        assert_eq!(bare("\u{feff}\r\n"), "");
    }

    #[test]
    fn a_file_that_all_users_can_write_is_refused_and_one_that_they_can_read_is_warned_about() {
        const READ: &str = "every user of this machine can read the file ";
        const WRITE: &str = "every user can write the file ";
        for (mode, is_used, begin) in [
            (0o600, true, ""),
            (0o660, true, ""),
            (0o604, true, READ),
            (0o644, true, READ),
            (0o602, false, WRITE),
            (0o606, false, WRITE),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), "s3cret\n").unwrap();
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            let (secret, told) = match read(file.path()) {
                Ok(SecretFile { secret, warning }) => (Some(secret), warning.unwrap_or_default()),
                Err(error) => (None, error.message),
            };
            assert_eq!(secret, is_used.then(|| Secret::new("s3cret")), "{mode:o}");
            assert!(told.starts_with(begin), "{mode:o}: {told}");
            assert_eq!(told.is_empty(), begin.is_empty(), "{mode:o}: {told}");
            // About another file with a secret in it, the same words.
            let is_readable = mode & 0o004 != 0;
            let warning = warning(file.path()).unwrap_or_default();
            assert_eq!(warning.starts_with(READ), is_readable, "{warning}");
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_is_told_unless_it_may_be_the_secret() {
        // The tests run in the folder that `src` is in.
        for path in ["/nowhere/at/all", "/no-such-token", "src/no-such-token"] {
            let SecretFileError { message, is_hidden } = read(Path::new(path)).unwrap_err();
            let begin = format!("the file {path} can't be read: ");
            assert!(is_hidden && message.starts_with(&begin), "{message}");
        }
        for secret in ["s3cret", "s3cret/=="] {
            let SecretFileError { message, is_hidden } = read(Path::new(secret)).unwrap_err();
            assert!(is_hidden && !message.contains("s3cret"), "{message}");
            assert!(message.starts_with("there is no such file: "), "{message}");
        }
    }

    #[test]
    fn what_is_wrong_is_called_by_its_name() {
        let control = Some("holds a control character, which can't be seen");
        for (secret, what) in [
            ("s3cret", None),
            ("two words", None),
            ("", Some("is empty")),
            ("one\ntwo", Some("holds more than one line")),
            ("one\rtwo", Some("holds more than one line")),
            ("one\0two", control),
            ("one\u{85}two", control),
            ("one\ttwo", control),
        ] {
            assert_eq!(fault(secret), what, "{secret:?}");
        }
    }
}
