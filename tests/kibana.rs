//! Kibana: saved objects that make sense, panels whose figures are those of HTTP, and a loader that
//! fails loudly. There is no Kibana here: what it would ask of Elasticsearch is derived from the
//! objects, and what it answers to the loader is played by a stand-in.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod damage;
mod export;
mod loading;
mod objects;
mod panels;

use std::path::PathBuf;
use std::process::{Command, Output};

use tidegauge::config::{Config, Need, Sources};
use tidegauge::kibana::IndexLayout;
use tidegauge::sink::DocumentFields;

use crate::support::service::binary;

/// What is shown with a configuration, given as TOML.
fn layout_of(toml: &str) -> IndexLayout {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), toml).unwrap();
    let config = Config::load(&Sources::of_file(file.path()), Need::Nothing)
        .unwrap_or_else(|error| panic!("{error}"));
    let prefix = config.elasticsearch.as_ref();
    IndexLayout {
        prefix: prefix
            .map_or("payments", |sink| &sink.index_prefix)
            .to_owned(),
        definitions: config.event_time.settings.definitions.clone(),
        fields: DocumentFields::ours(),
    }
}

/// The command in a directory without a configuration.
fn command(arguments: &[&str]) -> Command {
    let mut command = binary();
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    command.arg("kibana").args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn in_repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
