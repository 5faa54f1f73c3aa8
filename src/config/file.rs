//! The configuration file: which one it is, and its text.

use std::env;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::problem::{ConfigText, Error};

/// The file to read.
#[derive(Clone, Debug)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    /// Who named it, as messages show it.
    pub(super) named_by: Option<&'static str>,
}

impl ConfigFile {
    /// The one that `flag` names, or else the variable.
    pub(super) fn named(flag: Option<PathBuf>) -> Option<Self> {
        let by = |named_by| {
            move |path| Self {
                path,
                named_by: Some(named_by),
            }
        };
        let variable = || env::var_os(super::FILE_VARIABLE).filter(|path| !path.is_empty());
        flag.map(by("named by --config")).or_else(|| {
            let path = PathBuf::from(variable()?);
            Some(by("named by TIDEGAUGE_CONFIG")(path))
        })
    }
}

impl fmt::Display for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match self.named_by {
            Some(named_by) => write!(f, " ({named_by})"),
            None => Ok(()),
        }
    }
}

/// Its text.
pub(super) fn read(file: &ConfigFile) -> Result<ConfigText, Error> {
    let unreadable = |reason| Error::Unreadable {
        file: file.to_string(),
        reason,
    };
    let text = fs::read(&file.path).map_err(unreadable)?;
    let text = String::from_utf8(text).map_err(|error| {
        unreadable(std::io::Error::new(
            ErrorKind::InvalidData,
            error.utf8_error(),
        ))
    })?;
    Ok(ConfigText {
        name: Some(file.path.display().to_string()),
        told: file.named_by.map(|_| file.to_string()),
        text,
    })
}
