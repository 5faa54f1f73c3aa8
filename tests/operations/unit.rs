//! What is printed for systemd works together: user, files, modes, directories.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::repository;
use crate::support::lab::succeed;
use crate::support::service::binary;

fn text_of(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap()
}

/// The values that the unit gives a key.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let key = format!("{key}=");
    unit.lines()
        .filter_map(|line| line.strip_prefix(key.as_str()))
        .collect()
}

/// The commands that the page prints for the installation with systemd.
fn commands(page: &str) -> Vec<String> {
    let section = page.split("### With systemd").nth(1).unwrap();
    let block = section.split("```").nth(1).unwrap();
    let lines = block.lines().skip(1).map(str::to_owned);
    lines.filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_user_of_the_unit_can_read_the_configuration_as_it_is_installed() {
    let unit = text_of("ops/tidegauge.service");
    let user = values(&unit, "User")[0];
    assert!(
        values(&unit, "DynamicUser").is_empty(),
        "its files would belong to no fixed user"
    );
    let commands = commands(&text_of("docs/operations.md"));
    let place = |words: &str| {
        let found = commands.iter().position(|command| command.contains(words));
        found.unwrap_or_else(|| panic!("no {words:?} in {commands:#?}"))
    };
    let made = place("useradd --system --user-group");
    assert!(commands[made].split_whitespace().any(|word| word == user));
    let installed = place("install -m 0640 ");
    assert!(
        commands[installed].contains(&format!(" -g {user} ")),
        "{}",
        commands[installed]
    );
    let checked = place(&format!("runuser -u {user} -- tidegauge check"));
    let started = place("systemctl daemon-reload");
    assert!(
        made < installed && installed < checked && checked < started,
        "{commands:#?}"
    );
    // The service reads the file that was installed and checked.
    let config = commands[installed].split_whitespace().last().unwrap();
    let start = values(&unit, "ExecStart")[0];
    assert!(
        start.ends_with(&format!("serve --config {config}")),
        "{start}"
    );
    assert!(commands[checked].ends_with(&format!("--config {config}")));
}

#[test]
fn the_installed_configuration_keeps_the_state_where_the_unit_may_write() {
    let unit = text_of("ops/tidegauge.service");
    let commands = commands(&text_of("docs/operations.md"));
    let edit = commands
        .iter()
        .find(|command| command.starts_with("sed -i "))
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("tidegauge.toml");
    fs::copy(repository("tidegauge.example.toml"), &config).unwrap();
    let edit = edit.replace("/etc/tidegauge/tidegauge.toml", config.to_str().unwrap());
    succeed(Command::new("bash").args(["-c", &edit]));
    let checked = succeed(binary().args(["check", "--config"]).arg(&config));
    let state = checked
        .lines()
        .find_map(|line| line.strip_prefix("state_dir = "))
        .unwrap();
    let state = Path::new(state.trim_matches('"'));
    let writable = Path::new("/var/lib").join(values(&unit, "StateDirectory")[0]);
    // Generations are made beside it, so its parent must be writable.
    assert_eq!(state.parent(), Some(writable.as_path()));
    assert_eq!(
        values(&unit, "WorkingDirectory"),
        [writable.to_str().unwrap()]
    );
    assert!(
        !unit.contains("--state-dir"),
        "other commands would not know it"
    );
}
