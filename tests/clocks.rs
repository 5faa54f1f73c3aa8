//! Wrong clocks, wrong zones, wrong units: figures stay right, and what is odd is said.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod extremes;
mod jumps;
mod zones;

use std::io::Write;
use std::process::Stdio;
use std::thread;

use serde_json::Value;

use crate::support::service::binary;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What `compute` prints of `lines` as JSON, and what it says beside it.
#[track_caller]
fn compute(arguments: &[&str], lines: &[String]) -> (Value, String) {
    let mut child = binary()
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .args(["compute", "-o", "json", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = lines.join("\n") + "\n";
    let writing = thread::spawn(move || stdin.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    (serde_json::from_slice(&output.stdout).unwrap(), stderr)
}

/// A line of `compute` that names partition and timestamp.
fn line(partition: i32, timestamp: i64, time: &str, amount: i64, branch: u32) -> String {
    format!(
        r#"{{"partition":{partition},"timestamp":{timestamp},"payment":{{"createTime":{time},"payAmount":{amount},"branchId":{branch}}}}}"#
    )
}

fn items(answer: &Value) -> Vec<&Value> {
    answer["items"].as_array().unwrap().iter().collect()
}
