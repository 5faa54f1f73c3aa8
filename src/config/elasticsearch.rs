//! Elasticsearch: `[elasticsearch]`.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::Files;
use super::section::Section;
use crate::domain::loopback::is_loopback;
use crate::sink::transport::certificates_in;
use crate::sink::{self, BulkConfig, Credentials, Replicas, TemplateConfig};

const URL: &str = "http://127.0.0.1:9200";
const LEGACY: &str = "platform_pay_amount_1";
/// Elasticsearch allows 255 for the whole name of an index.
const PREFIX_MAX: usize = 64;
/// Elasticsearch allows no more in one index.
const SHARDS_MAX: usize = 1_024;
/// A shorter time would lose documents for a small disturbance.
const GIVE_UP_LEAST: Duration = Duration::from_secs(3_600);
/// More than a bulk request may have by Elasticsearch's own default.
const BULK_BYTES_MAX: usize = 100 << 20;

/// Reads the section, if it is there; gives the paths of the files too.
pub(super) fn read(section: &Section<'_>) -> (Option<sink::Config>, Files) {
    let mut files = Files::default();
    if !section.is_given() {
        return (None, files);
    }
    let index_prefix = section.parsed("index_prefix", "payments".to_owned(), index_name);
    let legacy = section.parsed("legacy_totals", LEGACY.to_owned(), |text| match text {
        "" => Ok(String::new()),
        name => index_name(name),
    });
    if legacy.starts_with(&format!("{index_prefix}-")) {
        section.problem(
            "legacy_totals",
            format!(
                "\"{legacy}\" could be one of the indexes that begin with \"{index_prefix}-\": give \
                 another, or \"\" for no alias"
            ),
        );
    }
    let Some(mut config) = url(section) else {
        return (None, files);
    };
    config.ca_file = ca_file(section);
    config.index_prefix = index_prefix;
    config.legacy_totals = Some(legacy).filter(|name| !name.is_empty());
    config.template = template(section);
    config.zero_windows = section.boolean("zero_windows", false);
    config.pacing.give_up = give_up_after(section, config.pacing.give_up);
    config.credentials = credentials(section, &mut files.api_key, &mut files.password);
    warn_of_plain_text(section, &config.credentials, config.urls());
    config.secret_file = files.api_key.clone().or_else(|| files.password.clone());
    config.bulk = bulk(&section.section("bulk", "elasticsearch.bulk"));
    (Some(config), files)
}

fn give_up_after(section: &Section<'_>, usual: Duration) -> Duration {
    let given = section.duration("give_up_after", usual);
    if given < GIVE_UP_LEAST {
        let message = "give 1h at least: an index may be blocked for a while without a fault";
        section.problem("give_up_after", message);
    }
    given
}

fn template(section: &Section<'_>) -> TemplateConfig {
    let usual = TemplateConfig::default();
    TemplateConfig {
        priority: section.integer("template_priority", usual.priority, 0, 1_000_000),
        shards: section.integer("shards", usual.shards, 1, SHARDS_MAX),
        replicas: section.parsed("replicas", usual.replicas, |text| {
            Replicas::parse(text).ok_or_else(|| {
                format!("\"{text}\" is not a valid number of replicas: give \"1\", or a range such as \"0-1\" or \"0-all\"")
            })
        }),
        lifecycle_policy: section.optional("lifecycle_policy"),
    }
}

// None only where a problem was noted.
fn url(section: &Section<'_>) -> Option<sink::Config> {
    section.parsed("url", sink::Config::new(URL).ok(), |text| {
        let right = "give http://host:port or https://host:port, several of one cluster with commas between them";
        let config = sink::Config::new(text).map_err(|error| {
            // It says what is wrong without the text, which may hold a password.
            format!("{error}: {right}")
        })?;
        if config.credentials != Credentials::None {
            return Err("the address holds a password: give username and password_file".into());
        }
        Ok(Some(config))
    })
}

fn index_name(text: &str) -> Result<String, String> {
    let is_first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_letter = |byte: u8| is_first(byte) || b"-_.".contains(&byte);
    let begins = text.bytes().next().is_some_and(is_first);
    if !begins || !text.bytes().all(is_letter) {
        return Err(format!(
            "\"{text}\" can't begin the name of an index: give small letters, digits, hyphens, \
             underscores and dots, a letter or digit first"
        ));
    }
    if text.len() > PREFIX_MAX {
        return Err(format!(
            "\"{text}\" is too long: give at most {PREFIX_MAX} characters"
        ));
    }
    Ok(text.to_owned())
}

/// The file with the certificates of authorities, if one is given.
pub(super) fn ca_file(section: &Section<'_>) -> Option<PathBuf> {
    let path = section.file("ca_file")?;
    if let Err(reason) = certificates_in(&path) {
        let path = path.display();
        section.problem(
            "ca_file",
            format!("the file {path} can't be used: {reason}; give certificates in PEM form"),
        );
    }
    Some(path)
}

/// Who we are to a server; notes the files that say so.
pub(super) fn credentials(
    section: &Section<'_>,
    api_key_file: &mut Option<PathBuf>,
    password_file: &mut Option<PathBuf>,
) -> Credentials {
    let given = |key| section.optional(key).is_some();
    if given("api_key_file") && (given("username") || given("password_file")) {
        let message =
            "an API key excludes username and password: give either the key or the other two";
        section.problem("api_key_file", message);
    }
    // A user name for basic authentication holds none (RFC 7617, 2), and `curl -u` takes both in one. No other problem
    // of the key is told: it would show the line, and so the password.
    let has_colon = |name: String| name.contains(':');
    if section.optional("username").is_some_and(has_colon) {
        section.add_hidden(
            "username",
            "the name holds a colon: a password belongs in the file that password_file names",
        );
    } else if given("username") != given("password_file") {
        let (there, missing) = if given("username") {
            ("username", "password_file")
        } else {
            ("password_file", "username")
        };
        section.problem(there, format!("{missing} is missing beside it"));
    }
    if let Some((path, api_key)) = section.secret("api_key_file") {
        if let Some(what) = not_a_key(api_key.expose()) {
            let shown = path.display();
            section.problem(
                "api_key_file",
                format!(
                    "the file {shown} holds {what}: put the encoded API key there and nothing else, \
                     which is the field \"encoded\" of the answer when the key was created"
                ),
            );
        }
        *api_key_file = Some(path);
        return Credentials::ApiKey(api_key);
    }
    match (
        section.optional("username"),
        section.secret("password_file"),
    ) {
        (Some(username), Some((path, password))) => {
            *password_file = Some(path);
            Credentials::Basic { username, password }
        }
        _ => Credentials::None,
    }
}

/// Warns about the first of `urls` to which credentials would go without TLS, unless it is this machine.
pub(super) fn warn_of_plain_text(section: &Section<'_>, credentials: &Credentials, urls: &[Url]) {
    if *credentials == Credentials::None {
        return;
    }
    let host = urls
        .iter()
        .filter(|url| url.scheme() == "http")
        .filter_map(Url::host_str)
        .find(|host| !is_loopback(host));
    if let Some(host) = host {
        let warning = format!("the credentials go to {host} in plain text; use https://");
        section.warn("url", &warning);
    }
}

/// What `text` is, if it can't be an encoded API key. It is not repeated.
fn not_a_key(text: &str) -> Option<&'static str> {
    if text.starts_with('{') {
        return Some("JSON");
    }
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    (!is_visible).then_some("a blank, or a character that is not ASCII")
}

fn bulk(section: &Section<'_>) -> BulkConfig {
    let max_bytes = section.size("max_size", 5 << 20);
    if !(1..=BULK_BYTES_MAX).contains(&max_bytes) {
        section.problem(
            "max_size",
            "give 1b to 100mb: Elasticsearch takes no more in one request",
        );
    }
    let interval = section.duration("interval", Duration::from_secs(1));
    if interval.is_zero() {
        section.problem("interval", "give a duration above zero, such as 200ms");
    }
    BulkConfig {
        max_actions: section.integer("max_actions", 5_000, 1, 100_000),
        max_bytes,
        interval,
        max_in_flight: section.integer("max_in_flight", 2, 1, 64),
    }
}
