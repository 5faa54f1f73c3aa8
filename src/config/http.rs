//! HTTP: `[http]`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tracing::warn;

use super::Error;
use super::problem::SettingOrigin;
use super::section::Section;
use crate::api;
use crate::domain::secret::{Secret, without_credentials};
use crate::domain::secret_file;

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// A shorter token can be found by brute force.
const TOKEN_MIN: usize = 4;

/// Where a service answers, for those who ask it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// The address that it listens on.
    pub listen: SocketAddr,
    /// What said so, for people; `None` if it is the default.
    pub listen_from: Option<String>,
    /// The file with the token that it asks for; not read yet.
    pub token_file: Option<PathBuf>,
}

impl Endpoint {
    /// What the section says, without reading any file.
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            listen: section.parsed("listen", LISTEN, listen),
            listen_from: section.get("listen").map(|setting| match &setting.origin {
                SettingOrigin::Flag(flag) if flag == "--set" => "--set http.listen".to_owned(),
                SettingOrigin::Flag(name) | SettingOrigin::Variable(name) => name.clone(),
                SettingOrigin::File(_) | SettingOrigin::Missing => "http.listen".to_owned(),
            }),
            token_file: section.optional("token_file").map(PathBuf::from),
        }
    }
}

/// Reads the section; gives the path of the token too.
pub(super) fn read(section: &Section<'_>) -> (api::Config, Option<PathBuf>) {
    let listen = section.parsed("listen", LISTEN, listen);
    let token = section
        .secret("token_file")
        .filter(|(path, token)| match too_short(path, token) {
            Some(message) => {
                section.problem("token_file", message);
                false
            }
            None => true,
        });
    let has_token_file = section.optional("token_file").is_some();
    if !listen.ip().is_loopback() && !has_token_file {
        section.problem(
            "listen",
            format!(
                "{listen} can be reached from other machines, so a token is required: name its \
                 file by token_file, or listen on 127.0.0.1:{}",
                listen.port()
            ),
        );
    }
    let (path, token) = token.unzip();
    (api::Config { listen, token }, path)
}

/// The token in a file, for those who send it: judged as by the service that asks for it.
///
/// # Errors
/// When the file can't be read, holds no token, or one that a service would refuse to start with.
pub fn token_in(path: &Path) -> Result<Secret, Error> {
    let unfit = |reason| Error::TokenFile { reason };
    let held = secret_file::read(path).map_err(|fault| unfit(fault.message))?;
    if let Some(message) = too_short(path, &held.secret) {
        return Err(unfit(message));
    }
    if let Some(warning) = held.warning {
        warn!("{warning}");
    }
    Ok(held.secret)
}

/// Why a token is too short, if it is.
fn too_short(path: &Path, token: &Secret) -> Option<String> {
    (token.expose().chars().count() < TOKEN_MIN).then(|| {
        format!(
            "the token in {} has fewer than {TOKEN_MIN} characters, so it can be guessed; make one \
             with: openssl rand -hex 32",
            path.display()
        )
    })
}

/// The address that `text` names.
///
/// # Errors
/// A sentence that says what would be right.
pub fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let port = text.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
        let host = if text.starts_with(':') { "0.0.0.0" } else { "127.0.0.1" };
        let example = port.unwrap_or(LISTEN.port());
        let text = without_credentials(text);
        format!("\"{text}\" is not a valid address to listen on: give an IP address and a port, as in {host}:{example}")
    })
}
