//! Environment variables with our prefix that are not keys of the configuration: telling those that
//! mean something elsewhere from typing errors.

use super::key::SECTIONS;
use super::keys::{FREE, join};

/// What the names of variables begin with.
pub(super) const PREFIX: &str = "TIDEGAUGE_";

/// Those that a command reads itself.
const OF_COMMANDS: [&str; 5] = ["CONFIG", "LOG", "LOG_FORMAT", "TOKEN_FILE", "URL"];
/// Those of `compose.yml`, the lab and the tests; what begins with `TEST_` is one of theirs, too.
const OF_THE_REPOSITORY: [&str; 5] = ["BIN", "LAB_CACHE", "SKIPS", "WRITE_DOCS", "WRITE_KIBANA"];

/// Whether `rest`, the name without our prefix, stands for something other than a key.
pub(super) fn is_known_elsewhere(rest: &str) -> bool {
    OF_COMMANDS.contains(&rest)
        || OF_THE_REPOSITORY.contains(&rest)
        || rest.starts_with("TEST_")
        || is_of_kubernetes(rest)
}

/// A name that differs in more letters than this is not similar to a known one.
const NEAR: usize = 4;

/// What is wrong with the variable `name`, and how the closest one is spelt.
pub(super) fn unknown(name: &str) -> String {
    let own = OF_COMMANDS.map(|own| (format!("{PREFIX}{own}"), None));
    let keys = keys().map(|(variable, key)| (variable, Some(key)));
    let known: Vec<(String, Option<String>)> = keys.chain(own).collect();
    let near = known
        .iter()
        .find(|(variable, _)| is_without_section(name, variable))
        // The name of what a file holds, in place of the file's: TIDEGAUGE_TOKEN.
        .or_else(|| {
            let file = format!("{name}_FILE");
            known
                .iter()
                .find(|(variable, _)| *variable == file || is_without_section(&file, variable))
        })
        .or_else(|| {
            // Where underscores stand is what is wrong most often.
            let letters = |text: &str| text.replace('_', "");
            let wanted = letters(name);
            known
                .iter()
                .map(|known| (strsim::osa_distance(&wanted, &letters(&known.0)), known))
                .min_by_key(|(distance, _)| *distance)
                .filter(|(distance, _)| *distance <= NEAR)
                .map(|(_, known)| known)
        });
    match near {
        Some((variable, Some(key))) => format!(
            "there is no such setting: did you mean {variable}, for the key \"{key}\"? Two \
             underscores stand between section and key"
        ),
        Some((variable, None)) => format!("there is no such setting: did you mean {variable}?"),
        None => "there is no such setting; `tidegauge check --reference markdown` lists the keys, \
                 and TIDEGAUGE_KAFKA__BROKERS sets brokers in [kafka]"
            .to_owned(),
    }
}

/// Whether `name` is the variable of a key less its section: `TIDEGAUGE_BROKERS`.
fn is_without_section(name: &str, variable: &str) -> bool {
    let key = variable.rsplit_once("__").map(|(_, key)| key);
    key.is_some() && key == name.strip_prefix(PREFIX)
}

/// Every key that a variable can set, with the name of that variable.
fn keys() -> impl Iterator<Item = (String, String)> {
    SECTIONS
        .iter()
        .filter(|section| section.name != "window")
        .flat_map(|section| section.keys.iter().map(|key| join(section.name, key.name)))
        .chain(FREE.iter().map(|free| (*free).to_owned()))
        .map(|key| {
            let variable = key.replace('.', "__").to_uppercase();
            (format!("{PREFIX}{variable}"), key)
        })
}

// Kubernetes sets these in every pod for each service whose name begins with ours:
// TIDEGAUGE_SERVICE_HOST, TIDEGAUGE_PORT_8080_TCP_ADDR, TIDEGAUGE_METRICS_PORT, …
fn is_of_kubernetes(rest: &str) -> bool {
    let words: Vec<&str> = rest.split('_').collect();
    let is_service = words
        .windows(2)
        .any(|pair| pair == ["SERVICE", "HOST"] || pair == ["SERVICE", "PORT"]);
    let is_port = words.windows(3).any(|three| match three {
        ["PORT", number, protocol] => {
            number.parse::<u16>().is_ok() && ["TCP", "UDP", "SCTP"].contains(protocol)
        }
        _ => false,
    });
    is_service || is_port || words.last() == Some(&"PORT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_kubernetes_are_known_by_their_form() {
        for rest in [
            "SERVICE_HOST",
            "SERVICE_PORT",
            "SERVICE_PORT_HTTP",
            "PORT",
            "PORT_8080_TCP",
            "PORT_8080_TCP_ADDR",
            "METRICS_SERVICE_HOST",
            "METRICS_PORT",
            "METRICS_PORT_9090_UDP_PROTO",
        ] {
            assert!(is_of_kubernetes(rest), "{rest}");
        }
        for rest in [
            "HTTP_LISTEN",
            "KAFKA_BROKERS",
            "PORT_NUMBER",
            "SERVICE",
            "STATE_DIR",
        ] {
            assert!(!is_of_kubernetes(rest), "{rest}");
        }
    }
}
