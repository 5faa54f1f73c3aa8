//! Alerts that fire when they should, and a runbook that explains each of them.

use std::collections::BTreeSet;

use super::{alerts, promtool, repository, text_of};
use crate::support::lab::{Toolbox, succeed};

#[test]
fn every_alert_fires_in_its_scenario_and_keeps_quiet_in_the_other() {
    let Some(toolbox) = Toolbox::promtool() else {
        return;
    };
    let rules = repository("ops/prometheus/alerts.yml");
    succeed(promtool(&toolbox).arg("check").arg("rules").arg(rules));
    let tests = repository("ops/prometheus/alerts_test.yml");
    succeed(promtool(&toolbox).arg("test").arg("rules").arg(tests));
}

#[test]
fn every_alert_has_a_scenario_in_which_it_fires_and_one_in_which_it_does_not() {
    let tests = text_of("ops/prometheus/alerts_test.yml");
    for (alert, _) in alerts() {
        for scenario in ["fires", "keeps quiet"] {
            let name = format!("- name: {alert} {scenario}\n");
            assert!(tests.contains(&name), "{name}");
        }
    }
}

#[test]
fn every_alert_links_to_a_section_of_the_runbook_and_every_section_is_of_an_alert() {
    let rules = text_of("ops/prometheus/alerts.yml");
    let runbook = text_of("docs/runbook.md");
    let alerts: BTreeSet<String> = alerts().into_iter().map(|(name, _)| name).collect();
    for alert in &alerts {
        let link = format!("runbook_url: docs/runbook.md#{}\n", alert.to_lowercase());
        assert!(rules.contains(&link), "{link}");
    }
    let sections: BTreeSet<String> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("## Tidegauge"))
        .map(|name| format!("Tidegauge{}", name.trim()))
        .collect();
    assert_eq!(alerts, sections);
    for section in runbook.split("\n## Tidegauge").skip(1) {
        let name = section.lines().next().unwrap();
        for part in ["**What it means.**", "**See more.**", "**What to do.**"] {
            assert!(section.contains(part), "{name} lacks {part}");
        }
    }
}
