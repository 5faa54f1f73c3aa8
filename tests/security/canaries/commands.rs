//! Every command with configurations that are right and wrong: what it prints and logs, at the highest level.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use clap::CommandFactory;
use tidegauge::cli::arguments::Arguments;

use super::{CANARY, Files, PROPERTIES, Search};
use crate::support::service::{binary, quoted};

/// A command that can be run: its words, with what it demands beside them.
#[derive(Clone, Debug)]
pub struct Runnable {
    pub words: Vec<String>,
    pub flags: Vec<clap::Arg>,
}

/// Every command that the command line has.
pub fn runnables(files: &Files) -> Vec<Runnable> {
    let mut found = Vec::new();
    let mut whole = Arguments::command();
    whole.build();
    collect(&whole, &[], files, &mut found);
    assert!(found.len() > 25, "{found:?}");
    found
}

fn collect(command: &clap::Command, path: &[String], files: &Files, found: &mut Vec<Runnable>) {
    for child in command.get_subcommands() {
        if child.get_name() == "help" {
            continue;
        }
        let path = [path, &[child.get_name().to_owned()]].concat();
        collect(child, &path, files, found);
        if child.is_subcommand_required_set() {
            continue;
        }
        let demanded = child.get_positionals().filter(|it| it.is_required_set());
        let demanded = demanded.map(|it| fitting(it, files));
        found.push(Runnable {
            words: path.iter().cloned().chain(demanded).collect(),
            flags: child.get_opts().cloned().collect(),
        });
    }
}

/// A value that the argument takes.
fn fitting(argument: &clap::Arg, files: &Files) -> String {
    let values = argument.get_possible_values();
    if let Some(value) = values.first() {
        return value.get_name().to_owned();
    }
    let names = argument.get_value_names().unwrap_or_default();
    match names.first().map(clap::builder::Str::as_str) {
        Some("FILE" | "DIR") => files.path("given").display().to_string(),
        _ => "1".to_owned(),
    }
}

/// Longer than a command takes that waits for a server. `demo` has no end of its own.
const PATIENCE: Duration = Duration::from_secs(25);

/// Everything that a command says: to both streams, with what an operator sets to see all.
pub fn said(files: &Files, words: &[String], set: impl Fn(&mut Command)) -> String {
    let mut command = binary();
    let streams = tempfile::tempdir().unwrap();
    let stream = |name: &str| streams.path().join(name);
    command
        .current_dir(files.path("."))
        .env("TIDEGAUGE_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
        .env("no_proxy", "127.0.0.1")
        .args(words)
        .stdin(Stdio::null())
        .stdout(File::create(stream("stdout")).unwrap())
        .stderr(File::create(stream("stderr")).unwrap());
    set(&mut command);
    let mut process = command.spawn().unwrap();
    let begun = Instant::now();
    while process.try_wait().unwrap().is_none() {
        if begun.elapsed() > PATIENCE {
            process.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(10));
    }
    let read = |name: &str| fs::read(stream(name)).unwrap();
    let texts = [read("stdout"), read("stderr")];
    texts
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .join("\n")
}

/// Runs `task` for every item, several at a time: most wait for servers that are not there.
pub fn for_each<T: Sync>(items: &[T], task: impl Fn(&T, &mut Search) + Sync) -> Search {
    let next = Mutex::new(items.iter());
    let searches = thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut search = Search::default();
                    loop {
                        let item = next.lock().unwrap().next();
                        let Some(item) = item else { return search };
                        task(item, &mut search);
                    }
                })
            })
            .collect();
        let ended = workers.into_iter().map(|worker| worker.join().unwrap());
        ended.collect::<Vec<_>>()
    });
    searches
        .into_iter()
        .fold(Search::default(), |mut all, one| {
            all.looked += one.looked;
            all.found.extend(one.found);
            all
        })
}

/// Files of a configuration with every secret: right, and wrong in ways that end every command that reads it.
fn configurations(files: &Files) -> Vec<(&'static str, String)> {
    let right = files.toml();
    let properties: String = PROPERTIES
        .iter()
        .map(|name| format!("{} = [{}]\n", quoted(name), quoted(CANARY)))
        .collect();
    let misplaced = format!(
        "token = '{CANARY}'\n[kafka]\nbrokers = 'SASL_SSL://me:{CANARY}@b:port'\npasswort = '{CANARY}'\n\
         [kafka.properties]\n'ssl.key.location' = {key}\n{properties}[elasticsearch]\n\
         url = 'http://me:{CANARY}@127.0.0.1:9200'\npassword_file = '{CANARY}'\n[http]\n\
         listen = 'me:{CANARY}@127.0.0.1:1'\ntoken_file = '{CANARY}'\n[kibana]\n\
         url = 'http://127.0.0.1:1/?apikey={CANARY}'\napi_key_file = {pem}\nusername = 'x'\n",
        key = files.quoted("bad.key"),
        pem = files.quoted("no.pem"),
    );
    vec![
        ("right", right.clone()),
        (
            "with a value that is wrong",
            right.replace("'127.0.0.1:0'", "7") + "x = 1\n",
        ),
        ("with secrets in wrong places", misplaced),
        ("that is not closed", format!("{right}token = '{CANARY}\n")),
        ("that is a secret", format!("{CANARY}\n")),
        (
            "with keys that can't be read",
            right.replace(
                "debug =",
                &format!("'ssl.key.location' = {}\ndebug =", files.quoted("bad.key")),
            ),
        ),
    ]
}

#[test]
fn no_command_shows_a_secret_of_any_configuration() {
    let files = Files::new();
    let mut cases = Vec::new();
    for (number, (what, toml)) in configurations(&files).into_iter().enumerate() {
        let config = format!("config-{number}.toml");
        files.write(&config, &toml);
        for runnable in runnables(&files) {
            // The longest first: a start waits for its broker.
            let place = if runnable.words[0] == "serve" {
                0
            } else {
                cases.len()
            };
            cases.insert(place, (what, config.clone(), runnable.words));
        }
    }
    let search = for_each(&cases, |(what, config, words), search| {
        let flags = ["-vv", "--config", config].map(str::to_owned);
        let words = [&words[..], &flags].concat();
        let said = said(&files, &words, |_| {});
        search.look(&format!("{words:?}, a configuration {what}"), &said);
    });
    search.assert_none(150);
}

#[test]
fn no_command_shows_a_secret_of_the_environment_nor_does_its_help() {
    let files = Files::new();
    let address = format!("http://me:{CANARY}@127.0.0.1:1");
    let variables = [
        ("TIDEGAUGE_KAFKA__BROKERS", "127.0.0.1:1".to_owned()),
        (
            "TIDEGAUGE_KAFKA__PROPERTIES__SASL_PASSWORD",
            CANARY.to_owned(),
        ),
        (
            "TIDEGAUGE_KAFKA__PROPERTIES__SASL_PASSWRD",
            CANARY.to_owned(),
        ),
        ("TIDEGAUGE_ELASTICSEARCH__URL", address.clone()),
        ("TIDEGAUGE_HTTP__TOKEN", CANARY.to_owned()),
        ("TIDEGAUGE_TOKEN", CANARY.to_owned()),
        ("TIDEGAUGE_TOKEN_FILE", CANARY.to_owned()),
        ("TIDEGAUGE_URL", address.clone()),
        ("http_proxy", address),
    ];
    let found = runnables(&files);
    let search = for_each(&found, |runnable, search| {
        for more in [&[][..], &["--help"], &["-h"]] {
            let more = more.iter().map(|&word| word.to_owned());
            let words: Vec<String> = runnable.words.iter().cloned().chain(more).collect();
            let said = said(&files, &words, |command| {
                command.envs(variables.iter().map(|(name, value)| (name, value)));
                command.env_remove("no_proxy");
            });
            search.look(&format!("{words:?}"), &said);
        }
    });
    search.assert_none(75);
}
