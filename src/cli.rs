//! The command line: runs what the user typed and returns an exit code.

pub mod arguments;
mod backup;
mod check;
mod completions;
mod compute;
mod demo;
mod end;
mod endpoint;
mod exit_class;
mod export;
pub mod failure;
mod health;
mod index;
mod init;
mod kibana;
mod line_envelope;
mod lines;
mod man;
pub mod output;
mod produce;
mod progress;
mod query;
mod rejects;
mod replay;
mod report;
mod resume;
pub mod row;
mod serve;
mod signals;
mod start_time;
mod state;
pub mod stop;
mod streams;
mod table;
mod watch;

use std::env;
use std::io::{self, IsTerminal, Write};

use clap::Parser;

use self::arguments::{Arguments, Command, GlobalArgs};
pub use self::end::end;
use self::failure::CommandFailure;
use crate::config::may_name_secret;
use crate::domain::secret::without_credentials;
use crate::observe::telemetry;

/// Runs the command line of this process and returns the exit code.
#[must_use]
pub fn run() -> u8 {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let said = error.render().to_string();
            let masked = masked(&said, typed());
            let masked = without_typed_secrets(&masked, typed());
            // If stdout or stderr is closed, there is nowhere to report it.
            let _ = match masked == said {
                true => error.print(),
                false => io::stderr().lock().write_all(masked.as_bytes()),
            };
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    if let Some(wrong) = arguments.globals.wrong() {
        streams::note(format_args!("{}{wrong}", prefix()));
        return 2;
    }
    match dispatch(&arguments) {
        Ok(()) => 0,
        Err(failure) => {
            if !failure.is_stdout_closed() {
                let said = without_typed_secrets(&failure.to_string(), typed());
                streams::note(format_args!("{}{said}", prefix()));
            }
            failure.exit_code()
        }
    }
}

// The arguments as errors show them: what is not UTF-8 has replacement characters.
fn typed() -> impl Iterator<Item = String> {
    let arguments = env::args_os().skip(1);
    arguments.map(|argument| argument.to_string_lossy().into_owned())
}

// The error of the parser repeats an argument that it did not expect. That argument may be a secret.
fn masked(said: &str, typed: impl Iterator<Item = String>) -> String {
    let is_hidden = |word: &String| {
        let mut parts = word.split([' ', ':', '=']);
        !word.starts_with('-') && word.len() > 3 && parts.any(may_name_secret)
    };
    typed
        .filter(is_hidden)
        .fold(said.to_owned(), |said, word| said.replace(&word, "***"))
}

// Any error may repeat what was typed. Where a file or a number belongs, that may be an address with a password, or the
// secret with its key.
fn without_typed_secrets(said: &str, typed: impl Iterator<Item = String>) -> String {
    typed.fold(said.to_owned(), |said, word| {
        let value = word
            .split_once('=')
            .map_or(word.as_str(), |(_, value)| value);
        let said = match word.split_once('=') {
            Some((key, value)) if !value.is_empty() && may_name_secret(key) => {
                said.replace(&word, &format!("{key}=***"))
            }
            _ => said,
        };
        [word.as_str(), value]
            .into_iter()
            .filter(|address| address.contains('@'))
            .fold(said, |said, address| {
                said.replace(address, &without_credentials(address))
            })
    })
}

fn dispatch(arguments: &Arguments) -> Result<(), CommandFailure> {
    let globals = &arguments.globals;
    telemetry::start(globals.log_format, log_filter(globals, &arguments.command))?;
    match &arguments.command {
        Command::Serve(serve) => serve::run(serve, globals),
        Command::Demo(demo) => demo::run(demo, globals),
        Command::Produce(produce) => produce::run(produce, globals),
        Command::Compute(compute) => compute::run(compute, globals),
        Command::Query(query) => query::run(query, globals),
        Command::Init(init) => init::run(init, globals),
        Command::Check(check) => check::run(check, globals),
        Command::Replay(replay) => replay::run(replay, globals),
        Command::Rejects(rejects) => rejects::run(rejects, globals),
        Command::Index(index) => index::run(index, globals),
        Command::State(state) => state::run(state, globals),
        Command::Kibana(kibana) => kibana::run(kibana, globals),
        Command::Export(export) => export::run(export, globals),
        Command::Health(health) => health::run(health, globals),
        Command::Completions(completions) => completions::run(completions),
        Command::Man(manual) => man::run(manual),
    }
}

/// A service logs what it does; a command that ends by itself logs only what is wrong.
fn log_filter(globals: &GlobalArgs, command: &Command) -> &'static str {
    let is_service = matches!(command, Command::Serve(_));
    match (globals.quiet, globals.verbose) {
        (true, _) => "error",
        (false, 0) if is_service => "info",
        (false, 0) => "warn",
        (false, 1) => "info,tidegauge=debug",
        (false, _) => "debug,tidegauge=trace",
    }
}

fn prefix() -> &'static str {
    let is_coloured =
        io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    if is_coloured {
        "\u{1b}[1;31merror:\u{1b}[0m "
    } else {
        "error: "
    }
}
