//! Who a state belongs to: what another user adds to it, the service can't open.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::anyhow;

use super::failure::Failure;

/// Refuses to work on the state in `dir` as another user than the one that it belongs to. A state that
/// is not there belongs to nobody.
///
/// # Errors
/// When it belongs to another user, or can't be looked at.
pub(super) fn check(dir: &Path) -> Result<(), Failure> {
    // This file is written anew whenever the service starts.
    let file = fs::metadata(dir.join("CURRENT"));
    let owner = match file.or_else(|_| fs::metadata(dir)) {
        Ok(metadata) => metadata.uid(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let dir = dir.display();
            return Err(Failure::Running(anyhow!("can't look at {dir}: {error}")));
        }
    };
    // Where there is no /proc, the state itself says what can't be opened.
    let Ok(own) = fs::metadata("/proc/self").map(|process| process.uid()) else {
        return Ok(());
    };
    if own == owner {
        return Ok(());
    }
    Err(Failure::Running(anyhow!(
        "the state in {} belongs to the user with the number {owner}, and this command runs as {own}: \
         the service could not open what it makes. Run it as that user: sudo -u '#{owner}' tidegauge …",
        dir.display()
    )))
}
