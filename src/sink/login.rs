//! Who we are to the server. The file of the secret is read again when access is denied, so that a key can
//! be replaced without a restart.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::{info, warn};

use super::config::{Config, Credentials};
use crate::domain::secret::Secret;
use crate::domain::secret_file;
use crate::host::blocking;

/// The credentials in force.
#[derive(Debug)]
pub(super) struct Login {
    credentials: Mutex<Credentials>,
    /// The file that holds the API key or the password.
    file: Option<PathBuf>,
    /// The last error of reading it, as it was logged.
    error: Mutex<Option<String>>,
}

impl Login {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            credentials: Mutex::new(config.credentials.clone()),
            file: config.secret_file.clone(),
            error: Mutex::default(),
        }
    }

    pub(super) fn credentials(&self) -> Credentials {
        lock(&self.credentials).clone()
    }

    /// The credentials with the secret that the file holds now, if it is another one than in `used`,
    /// which were denied.
    pub(super) async fn read_again(&self, used: &Credentials) -> Option<Credentials> {
        let path = self.file.clone()?;
        let read = blocking::run(move || secret_file::read(&path));
        let secret = match read.await {
            Ok(Ok(read)) => {
                *lock(&self.error) = None;
                read.secret
            }
            Ok(Err(error)) => {
                self.log_once(error.message);
                return None;
            }
            Err(_) => return None,
        };
        Some(used.with(secret)).filter(|now| now != used)
    }

    /// Uses credentials from now on that were read again, and that the server has accepted.
    pub(super) fn adopt(&self, accepted: Credentials) {
        let mut credentials = lock(&self.credentials);
        // Another request may have read them already.
        if *credentials != accepted {
            let file = self.file.as_deref().map(Path::display);
            info!(
                file = file.map(tracing::field::display),
                "the credentials of Elasticsearch were read again"
            );
            *credentials = accepted;
        }
    }

    fn log_once(&self, message: String) {
        let mut error = lock(&self.error);
        if error.as_ref() != Some(&message) {
            warn!("the credentials of Elasticsearch can't be read again: {message}");
            *error = Some(message);
        }
    }
}

impl Credentials {
    /// The same user with another secret.
    fn with(&self, secret: Secret) -> Self {
        match self {
            Self::None => Self::None,
            Self::ApiKey(_) => Self::ApiKey(secret),
            Self::Basic { username, .. } => Self::Basic {
                username: username.clone(),
                password: secret,
            },
        }
    }
}

// A value is replaced as a whole, so a panic leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
