//! The head of a script: what it is, what it needs, and in what its figures differ from those here.

use super::time_zones::ScriptZone;
use super::{FlinkJob, FlinkVersion, LateRule, escaped};
use crate::domain::timestamp::rfc3339;

/// The comment that a script begins with, and a blank line.
pub(super) fn head(job: &FlinkJob, zone: &ScriptZone) -> String {
    let mut text = String::new();
    let mut note = |line: &str| {
        text.push_str(format!("-- {line}").trim_end());
        text.push('\n');
    };
    note(&format!(
        "Totals and windows of the topic {}, as Tidegauge {} makes them.",
        escaped(&job.topic),
        env!("CARGO_PKG_VERSION")
    ));
    match job.target {
        FlinkVersion::Flink22 => {
            note(
                "For Flink 2.2 with flink-sql-connector-kafka 5.0. Run it with: sql-client.sh -f FILE",
            );
            note("It writes to these topics, which must exist, with cleanup.policy=compact:");
            note(&format!("  {}", escaped(&topics(job).join(", "))));
            note(
                "Deliver them to Elasticsearch with the key as the id, and version as the external version.",
            );
        }
        FlinkVersion::Flink120 => {
            note(
                "For Flink 1.20 with the SQL connectors for Kafka and Elasticsearch 7. Run it with: sql-client.sh -f FILE",
            );
            note(
                "It writes to indexes of its own. Put a template for them first: where Elasticsearch guesses,",
            );
            note(
                "amounts become 32-bit floats. Documents have no versions, so one job may write to an index.",
            );
        }
    }
    if !job.left_out.is_empty() {
        note("");
        note(
            "Left out of [kafka.properties], as they are secrets or known to librdkafka only. Give Flink its own",
        );
        note(&format!(
            "('properties.sasl.jaas.config' and so on): {}",
            escaped(&job.left_out.join(", "))
        ));
    }
    note("");
    note(
        "Equal to the figures of Tidegauge: windows and their bounds, sums (decimals, exact), counts, minimum and",
    );
    note("maximum, totals, ids. Different, by name:");
    for line in differences(job) {
        note(&format!("* {line}"));
    }
    for (tz, since) in &zone.former_changes {
        note(&format!(
            "* {tz}: read as it has been since {}; before, its clocks were changed.",
            rfc3339(*since)
        ));
    }
    text.push('\n');
    text
}

fn topics(job: &FlinkJob) -> Vec<String> {
    let windows = job.definitions().iter().map(|window| window.name());
    std::iter::once("totals")
        .chain(windows)
        .map(|last| format!("{}-{last}", job.prefix))
        .collect()
}

fn differences(job: &FlinkJob) -> Vec<&'static str> {
    let mut lines = match job.late {
        LateRule::Correct => vec![
            "too late: every payment corrects its windows, however late it is, for as long as their state is kept",
            "  (retention, by the wall clock since the last payment). Here one that is too late by the watermark of its",
            "  own partition is in no window.",
            "finality: no window is final, so final is false and versions are even.",
        ],
        LateRule::Drop => vec![
            "late: a payment that comes after its window was closed is dropped from that window, and may still be in",
            "  longer ones. Here it corrects all of its windows.",
            "finality: a window has one row, when it is closed. There is none while it is open.",
            "a partition is idle when it is silent, be there records to read or not; if all are idle, nothing closes.",
            "a payment more than a day ahead of its partition moves the watermark at once.",
        ],
    };
    lines.extend([
        "percentiles, revision, late_count, late_amount: not there.",
        "zero windows: a branch without payments in a window has no row.",
        "rejects and payments in no window are not listed.",
        "a number in quotes counts as the number, a field that is given twice has one of its values, what stands",
        "  behind the object is ignored, and a record may have more than 256 KiB. Here such records are rejected.",
        "an amount with more than 18 decimals is rounded half up, here half even; one with an exponent of more than",
        "  three digits is rejected.",
        "a sum whose payments come to 10^20 or more together is NULL.",
    ]);
    if job.decoding.mapping.has_texts() {
        lines.push("branches: true, false and a number that is not an integer count as texts. Here they are rejected.");
    }
    let settings = job.decoding.mapping.settings();
    if settings.condition.is_some() || settings.negative.is_some() {
        lines.push("conditions: a field that is null counts as missing, and a number in quotes as a number.");
    }
    lines
}
