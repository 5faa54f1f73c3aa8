//! Kafka: `[kafka]`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::problem::{ConfigProblem, SettingOrigin};
use super::raw::{SettingValue, Table};
use super::section::{Section, one_of};
use crate::domain::loopback::is_loopback;
use crate::domain::secret::{names_secret, without_credentials};
use crate::domain::timestamp::parse_rfc3339;
use crate::source::{self, ReaderChoice, StartPosition};

/// Reads the section. If `needed`, brokers must be given.
pub(super) fn read(section: &Section<'_>, needed: bool) -> source::Config {
    let brokers = section.parsed("brokers", String::new(), brokers);
    if needed && section.get("brokers").is_none() {
        section.problem(
            "brokers",
            "no broker is configured: write brokers = \"host:9092\" in [kafka], set \
             TIDEGAUGE_KAFKA__BROKERS, or give --brokers",
        );
    }
    let config = source::Config {
        brokers,
        topic: section.parsed("topic", "payment_msg".to_owned(), topic),
        group_id: section.text("group_id", "tidegauge"),
        start: section.parsed("start", StartPosition::Latest, start),
        reader: section.parsed("reader", ReaderChoice::Auto, reader),
        properties: properties(section),
    };
    check_properties(section, &config);
    warn_of_plain_text(section, &config);
    config
}

/// In how many lanes records are applied; `None`: as many as there are cores.
pub(super) fn appliers(section: &Section<'_>) -> Option<NonZeroUsize> {
    let setting = section.get("appliers")?;
    let is_right =
        |number| usize::try_from(number).is_ok_and(|it| (1..=APPLIERS_MAX).contains(&it));
    let said = match &setting.value {
        SettingValue::Text(text) if text == "auto" => return None,
        SettingValue::Text(text) if text.parse::<usize>().is_err() => Some(format!("\"{text}\"")),
        SettingValue::Integer(number) if !is_right(*number) => Some(number.to_string()),
        _ => None,
    };
    if let Some(said) = said {
        let message = format!(
            "{said} is not known: give a whole number from 1 to {APPLIERS_MAX}, or \"auto\""
        );
        section.problem("appliers", message);
        return None;
    }
    NonZeroUsize::new(section.integer("appliers", 1, 1, APPLIERS_MAX))
}

/// A larger number is refused as a mistake.
const APPLIERS_MAX: usize = 64;

fn brokers(text: &str) -> Result<String, String> {
    let right = "give host:port, more than one with commas between them";
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    for part in &parts {
        if part.contains('@') {
            return Err(format!(
                "a broker has no user in its address: {right}; credentials belong in [kafka.properties]"
            ));
        }
        let (host, port) = host_and_port(part);
        let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
        let is_whole =
            !host.is_empty() && !host.starts_with(':') && !host.contains(['/', '?', '#']);
        if !is_whole || part.contains(char::is_whitespace) || !port.is_none_or(is_port) {
            let part = without_credentials(part);
            return Err(format!("\"{part}\" is not a valid broker: {right}"));
        }
    }
    Ok(parts.join(","))
}

/// The parts of a broker's address. The client library also reads PLAINTEXT://host:port and [::1]:9092.
fn host_and_port(broker: &str) -> (&str, Option<&str>) {
    let address = broker.rsplit("://").next().unwrap_or_default();
    match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (address, None),
    }
}

/// Warns about the first broker that is asked to log us in without TLS, unless it is this machine.
fn warn_of_plain_text(section: &Section<'_>, config: &source::Config) {
    let get = |name: &str| config.properties.get(name).map(|value| value.trim());
    // The client library takes a login without this protocol for a mistake, and sends nothing.
    let protocol = get("security.protocol").unwrap_or_default();
    if !protocol.eq_ignore_ascii_case("sasl_plaintext") {
        return;
    }
    let hosts = config.brokers.split(',');
    let host = hosts
        .map(|broker| host_and_port(broker).0)
        .find(|host| !host.is_empty() && !is_loopback(host));
    let Some(host) = host else { return };
    let mechanism = get("sasl.mechanism").or_else(|| get("sasl.mechanisms"));
    // SCRAM sends no password, but all that is needed to try passwords.
    let is_scram = mechanism.is_some_and(|name| name.starts_with("SCRAM"));
    let warning = if is_scram {
        format!(
            "the login goes to {host} in plain text, so its password can be guessed; use SASL_SSL"
        )
    } else {
        format!("the credentials go to {host} in plain text; use SASL_SSL")
    };
    section.warn("properties.security.protocol", &warning);
}

pub(super) fn topic(text: &str) -> Result<String, String> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_dots = text == "." || text == "..";
    if text.is_empty() || text.len() > 249 || is_dots || !text.bytes().all(is_letter) {
        return Err(format!(
            "\"{text}\" can't be a topic: give 1 to 249 letters, digits, dots, hyphens and \
             underscores"
        ));
    }
    Ok(text.to_owned())
}

fn start(text: &str) -> Result<StartPosition, String> {
    match text {
        "latest" => Ok(StartPosition::Latest),
        "earliest" => Ok(StartPosition::Earliest),
        time => parse_rfc3339(time).map(StartPosition::At).ok_or_else(|| {
            // An incomplete time is not a misspelt word.
            if text.starts_with(|c: char| c.is_ascii_digit()) {
                return format!(
                    "\"{text}\" is not a valid start: give a time with its distance from UTC (RFC \
                     3339), such as {}",
                    whole_time(text)
                );
            }
            let advice = one_of(text, &["latest", "earliest"]);
            format!(
                "\"{text}\" is not a valid start: {advice}, and times such as \
                 2026-11-01T00:00:00Z (RFC 3339)"
            )
        }),
    }
}

fn reader(text: &str) -> Result<ReaderChoice, String> {
    let known = ReaderChoice::ALL.map(ReaderChoice::as_str);
    let mut choices = ReaderChoice::ALL.into_iter();
    choices
        .find(|choice| choice.as_str() == text)
        .ok_or_else(|| format!("\"{text}\" is not a valid reader: {}", one_of(text, &known)))
}

/// `text` completed to a whole time, if that is possible.
fn whole_time(text: &str) -> String {
    let completed = [
        format!("{text}T00:00:00Z"),
        format!("{text}:00Z"),
        format!("{text}Z"),
    ];
    completed
        .into_iter()
        .map(|time| time.replace(' ', "T"))
        .find(|time| parse_rfc3339(time).is_some())
        .unwrap_or_else(|| "2026-11-01T00:00:00Z".to_owned())
}

// TOML reads `security.protocol = "ssl"` as a section `security`: here it is one name again.
fn properties(section: &Section<'_>) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    let inner = section.section("properties", "kafka.properties");
    if let Some(table) = inner.table() {
        flatten(table, "", section, &mut properties);
    }
    properties
}

fn flatten(
    table: &Table,
    prefix: &str,
    section: &Section<'_>,
    properties: &mut BTreeMap<String, String>,
) {
    for (key, entry) in &table.entries {
        let name = format!("{prefix}{key}");
        let value = match &entry.setting.value {
            SettingValue::Text(text) | SettingValue::Number(text) => text.clone(),
            SettingValue::Integer(integer) => integer.to_string(),
            SettingValue::Boolean(boolean) => boolean.to_string(),
            SettingValue::Table(inner) => {
                flatten(inner, &format!("{name}."), section, properties);
                continue;
            }
            other => {
                let message = format!("{} stands where a text belongs", other.kind());
                property_problem(section, &name, message);
                continue;
            }
        };
        let is_in_file = matches!(entry.setting.origin, SettingOrigin::File(_));
        if is_in_file && !value.is_empty() && names_secret(&name) {
            let full = format!("kafka.properties.{name}");
            section.problems().note_secret_in_file(full);
        }
        properties.insert(name, value);
    }
}

// Each by itself, as the client library stops at the first that is wrong; then all together.
fn check_properties(section: &Section<'_>, config: &source::Config) {
    let mut is_each_right = true;
    for (name, value) in &config.properties {
        let alone = source::Config {
            properties: BTreeMap::from([(name.clone(), value.clone())]),
            ..config.clone()
        };
        if let Err(error) = alone.check() {
            let message = match error {
                source::Error::Setting { why, .. } => why,
                other => other.to_string(),
            };
            property_problem(section, name, message);
            is_each_right = false;
        }
    }
    if !is_each_right || config.properties.is_empty() {
        return;
    }
    if let Err(error) = config.check_together() {
        let why = match error {
            source::Error::Setting { property, why }
                if config.properties.contains_key(&property) =>
            {
                return property_problem(section, &property, why);
            }
            other => other.to_string(),
        };
        // The client library names those that it compares.
        let mut names = config.properties.keys();
        if let Some(name) = names
            .clone()
            .find(|name| why.contains(*name))
            .or_else(|| names.next())
        {
            property_problem(section, name, why.clone());
        }
    }
}

/// The client library's words for a property that it does not know.
const UNKNOWN: &str = "No such configuration property";

fn property_problem(section: &Section<'_>, name: &str, message: String) {
    let inner = section.section("properties", "kafka.properties");
    let mut table = inner.table();
    let mut rest = name;
    // The entry is found under the name as a whole, or under its parts.
    let mut origin = None;
    while let Some(here) = table {
        let found = here.entries.iter().find(|(key, _)| {
            rest == key.as_str()
                || rest
                    .strip_prefix(key.as_str())
                    .is_some_and(|r| r.starts_with('.'))
        });
        let Some((key, entry)) = found else { break };
        origin.get_or_insert(entry.key.clone());
        rest = rest.get(key.len() + 1..).unwrap_or_default();
        table = match &entry.setting.value {
            SettingValue::Table(table) => Some(table),
            _ => None,
        };
    }
    match origin {
        Some(origin) => {
            let key = format!("kafka.properties.{name}");
            // It may be that of a secret, spelt in whatever way.
            let is_unknown = message.contains(UNKNOWN);
            let problem = ConfigProblem::new(origin, key, message);
            let problem = if is_unknown {
                problem.hidden()
            } else {
                problem
            };
            section.problems().add(problem);
        }
        None => inner.problem(name, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_has_a_host_and_maybe_a_port() {
        for (broker, parts) in [
            ("a", ("a", None)),
            ("a:1", ("a", Some("1"))),
            ("SASL_SSL://a.example:9092", ("a.example", Some("9092"))),
            ("[::1]", ("[::1]", None)),
            ("PLAINTEXT://[::1]:9092", ("[::1]", Some("9092"))),
            (":1", ("", Some("1"))),
            ("", ("", None)),
        ] {
            assert_eq!(host_and_port(broker), parts, "{broker}");
        }
    }
}
