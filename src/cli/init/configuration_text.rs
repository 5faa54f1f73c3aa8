//! A proposed configuration as a file.

use std::path::Path;

use chrono_tz::Tz;

use crate::config::payment::changed_keys;
use crate::decode::mapping::MappingSettings;
use crate::decode::proposal::Proposal;
use crate::domain::count::counted_in_threes;

/// The file for `proposal`, which was made for a sample of this name.
pub(super) fn of(proposal: &Proposal, sample: &Path, zone: Option<Tz>) -> String {
    let trial = &proposal.trial;
    let name = comment(&sample.display().to_string());
    let records = trial.payments + trial.tombstones + trial.rejects;
    let mut text = format!(
        "# Proposed by tidegauge init for {} of {name}. What is read from each:\n\
         #   tidegauge check --config FILE --sample {name}\n\
         # All other keys are at their defaults: tidegauge check --reference markdown\n",
        counted_in_threes(records, "record")
    );
    if let Some(zone) = zone {
        text.push_str(&format!(
            "\n# The clock of times that say no offset.\ntime_zone = \"{zone}\"\n"
        ));
    }
    text.push_str(
        "\n[kafka]\n# brokers = \"127.0.0.1:9092\"\n# topic = \"payments\"\n\n[payment]\n",
    );
    let keys = keys(&proposal.settings);
    if keys.is_empty() {
        text.push_str("# The records are the original message, which the defaults are for.\n");
    }
    for (key, value) in &keys {
        text.push_str(&line(key, value, proposal));
    }
    let suggested = self::keys(&proposal.suggested);
    for (key, value) in suggested
        .iter()
        .filter(|suggested| !keys.contains(suggested))
    {
        text.push_str(&format!("# {}", line(key, value, proposal)));
    }
    if let Some(repeated) = &proposal.repeated {
        text.push_str(&format!(
            "\n# {}. With these two lines a payment counts once, however often it comes:\n\
             # [dedup]\n# by = \"order_id\"\n",
            comment(repeated)
        ));
    }
    text
}

fn line(key: &str, value: &str, proposal: &Proposal) -> String {
    let mut reasons = proposal.reasons.iter();
    match reasons.find(|(known, _)| *known == key) {
        Some((_, reason)) => format!("{key} = {value}  # {}\n", comment(reason)),
        None => format!("{key} = {value}\n"),
    }
}

/// The keys that must be given, with their values.
fn keys(settings: &MappingSettings) -> Vec<(&'static str, String)> {
    let default = MappingSettings::default();
    // Then it follows from the others.
    let is_type_known = settings.branch != default.branch || settings.currency.is_some();
    let mut keys = changed_keys(settings);
    keys.retain(|(key, _)| *key != "branch_type" || !is_type_known);
    keys
}

/// A comment ends with its line, and TOML allows no control characters in one.
fn comment(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::config::{Config, Need, Sources};
    use crate::decode::proposal::propose;
    use crate::domain::record::Record;

    #[test]
    fn order_ids_that_come_again_bring_dedup_in_a_comment_that_is_valid() {
        let text = |ids: &[&str]| {
            let lines: Vec<String> = ids
                .iter()
                .map(|id| {
                    format!(
                        r#"{{"paid_at":"2026-11-01T00:12:34Z","amount":1.5,"shop":"x","order_id":"{id}"}}"#
                    )
                })
                .collect();
            let records: Vec<_> = lines
                .iter()
                .map(|line| Record::of(Some(line.as_bytes())))
                .collect();
            of(&propose(&records, &[], None).unwrap(), Path::new("a"), None)
        };
        let repeated = text(&["p1", "p2", "p1", "p2", "p1", "p2"]);
        let end = "# 2 different order ids in 6 of 6 records. With these two lines a payment counts once, however \
                   often it comes:\n# [dedup]\n# by = \"order_id\"\n";
        assert!(repeated.ends_with(end), "{repeated}");
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("proposed.toml");
        let taken_over = repeated
            .replace("# [dedup]", "[dedup]")
            .replace("# by", "by");
        std::fs::write(&file, taken_over).unwrap();
        let config = Config::load(&Sources::of_file(&file), Need::Nothing).unwrap();
        assert!(config.duplicates.is_some());
        assert!(!text(&["p1", "p2", "p3"]).contains("dedup"));
    }

    #[test]
    fn the_file_gives_the_mapping_that_was_proposed() {
        for line in [
            r#"{"createTime":"2026-11-01 00:12:34","payAmount":1.5,"branchId":"x"}"#,
            r#"{"a\"b\n.c":{"paid at":"1793491954","amount":"1.234,5","shop #":"x","order\u0001no":"1"},"k":1}"#,
            r#"{"at":"31.12.2026 23:59:59","total_cents":150,"shop":1,"currency":"EUR"}"#,
        ] {
            let record = Record::of(Some(line.as_bytes()));
            let proposal = propose(&[record], &[], None).unwrap();
            let text = of(&proposal, Path::new("a\nb"), Some(Tz::Asia__Shanghai));
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("proposed.toml");
            std::fs::write(&file, &text).unwrap();
            let config = Config::load(&Sources::of_file(&file), Need::Nothing)
                .unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(config.payment.settings(), &proposal.settings, "{text}");
            assert_eq!(config.decoding().zone, Tz::Asia__Shanghai);
        }
    }
}
