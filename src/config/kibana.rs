//! Kibana: `[kibana]`.

use std::slice;
use std::time::Duration;

use super::Files;
use super::elasticsearch::{ca_file, credentials, warn_of_plain_text};
use super::section::Section;
use crate::kibana::Config;

/// The default address of Kibana.
pub const DEFAULT_URL: &str = "http://127.0.0.1:5601";

const WAIT: Duration = Duration::from_secs(60);
const WAIT_MOST: Duration = Duration::from_secs(3_600);
const SPACE_MAX: usize = 100;

/// Reads the section, if it is there; notes the paths of its files.
pub(super) fn read(section: &Section<'_>, files: &mut Files) -> Option<Config> {
    if !section.is_given() {
        return None;
    }
    let space = section.parsed("space", String::new(), space);
    let wait = section.duration("wait", WAIT);
    if wait > WAIT_MOST {
        section.problem("wait", "give at most 1h");
    }
    let credentials = credentials(
        section,
        &mut files.kibana_api_key,
        &mut files.kibana_password,
    );
    let ca_file = ca_file(section);
    let config = section.parsed("url", Config::new(DEFAULT_URL).ok(), |text| {
        Config::new(text).map(Some)
    });
    // None only where a problem was noted.
    let mut config = config?;
    config.space = Some(space).filter(|space| !space.is_empty());
    config.wait = wait;
    config.credentials = credentials;
    config.ca_file = ca_file;
    warn_of_plain_text(section, &config.credentials, slice::from_ref(config.url()));
    Some(config)
}

/// The id of a space, as Kibana allows it.
fn space(text: &str) -> Result<String, String> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_id = text.len() <= SPACE_MAX
        && text
            .bytes()
            .all(|byte| is_letter(byte) || b"-_".contains(&byte));
    if is_id {
        return Ok(text.to_owned());
    }
    Err(format!(
        "\"{text}\" is not the id of a space: give small letters, digits, hyphens and underscores, as \
         after /s/ in the address of Kibana, or \"\" for the default space"
    ))
}
