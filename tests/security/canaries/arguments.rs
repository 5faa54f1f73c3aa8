//! Secrets that are typed: as the value of each flag, and where no argument belongs.

use super::commands::{for_each, runnables, said};
use super::{CANARY, Files, Key, PROPERTIES, keys};

/// Flags whose value is a file that holds a secret: the secret itself may be given in its place.
fn takes_secret(flag: &clap::Arg) -> bool {
    flag.get_long()
        .is_some_and(tidegauge::config::may_name_secret)
}

#[test]
fn no_command_repeats_a_secret_that_was_typed() {
    let files = Files::new();
    let address = format!("http://me:{CANARY}@127.0.0.1:port");
    let mut cases = Vec::new();
    for runnable in runnables(&files) {
        let case = |more: &[&str]| {
            let more = more.iter().map(|&word| word.to_owned());
            runnable
                .words
                .iter()
                .cloned()
                .chain(more)
                .collect::<Vec<String>>()
        };
        for flag in &runnable.flags {
            let Some(long) = flag.get_long().filter(|_| flag.get_action().takes_values()) else {
                continue;
            };
            // What any flag was given by mistake may be an address. A directory may have any name.
            if long == "state-dir" {
                continue;
            }
            cases.push(case(&[&format!("--{long}"), &address]));
            cases.push(case(&[&format!("--{long}={address}")]));
            if takes_secret(flag) {
                cases.push(case(&[&format!("--{long}"), CANARY]));
            }
        }
        cases.push(case(&[&address]));
        cases.push(case(&["--password", CANARY]));
        cases.push(case(&[&format!("--token={CANARY}")]));
        cases.push(case(&[&format!("sasl.password={CANARY}")]));
        cases.push(case(&[&format!("TIDEGAUGE_HTTP__TOKEN={CANARY}")]));
        cases.push(case(&["--set", &format!("http.token={CANARY}")]));
        cases.push(case(&["--set", &format!("token {CANARY}")]));
    }
    // Keys are read alike by all commands.
    let files_of_secrets = keys().into_iter().filter(Key::is_file_of_secret);
    let properties = PROPERTIES.map(|name| format!("kafka.properties.{name}"));
    let values = files_of_secrets.map(|key| key.full()).chain(properties);
    let values = values.map(|key| format!("{key}={CANARY}"));
    let addresses = keys().into_iter().filter(Key::is_address);
    let addresses = addresses.map(|key| format!("{}={address}", key.full()));
    for typed in values.chain(addresses) {
        cases.push(["check", "--set", &typed].map(str::to_owned).into());
    }
    let search = for_each(&cases, |words, search| {
        let said = said(&files, words, |_| {});
        search.look(&format!("{words:?}"), &said);
    });
    search.assert_none(400);
}
