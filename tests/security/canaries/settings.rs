//! Settings that are wrong in every way: what is told of them, and what the configuration shows of itself.

use std::fs;

use tidegauge::config::{Config, Need, Sources};

use super::{CANARY, Files, Key, PROPERTIES, Search, keys};
use crate::support::service::quoted;

/// What is told of `sources`, or shown of a configuration that is valid.
fn said(sources: &Sources) -> String {
    let whole = match Config::load(sources, Need::Brokers) {
        Ok(config) => format!("{config:?}\n{}\n", config.to_toml()),
        Err(error) => format!("{error}\n{error:?}\n"),
    };
    whole
        + &match Config::endpoint(sources) {
            Ok(_) => String::new(),
            Err(error) => format!("{error}\n{error:?}\n"),
        }
}

/// The ways of setting `key` to `secret`, right and wrong: each a file.
fn files_with(key: &Key, secret: &str) -> Vec<String> {
    let Key { section, name } = key;
    let (bare, full) = (name.trim_matches('"'), key.full());
    let short: String = bare.chars().skip(1).collect();
    let head = match section.as_str() {
        "" => String::new(),
        section => format!("[{section}]\n"),
    };
    let text = quoted(secret);
    let mut files = vec![
        // In its place; as another kind of value; not closed; with something behind it.
        format!("{head}{name} = {text}\n"),
        format!("{head}{name} = [{text}]\n"),
        format!("{head}{name} = {{ x = {text} }}\n"),
        format!("{head}{name} = {{ {text} = 1 }}\n"),
        format!("{head}{name} = '{secret}\n"),
        format!("{head}{name} = \"\"\"\n{secret}\n"),
        format!("{head}{name} = {secret}\n"),
        format!("{head}{name} = {text} {text}\n"),
        format!("{head}{name} = {text} # {secret}\nnothing = 1\n"),
        format!("{head}{name} = {text}\n{name} = {text}\n"),
        format!("{head}{name}: {text}\n"),
        format!("{head}{name} {text}\n"),
        format!("{head}{name} == {text}\n"),
        format!("{head}export {name}={secret}\n"),
        // Under a name that is not spelt right, or in another section.
        format!("{head}\"{short}\" = {text}\n"),
        format!("{head}\"{bare}s\" = {text}\n"),
        format!("{head}\"{}\" = {text}\n", bare.to_uppercase()),
        format!("{head}\"{}\" = {text}\n", bare.replace('_', "-")),
        format!("{name} = {text}\n"),
        format!("[event_time]\n{name} = {text}\n"),
        format!("[[window]]\nname = 'x'\nsize = '1m'\n{name} = {text}\n"),
        format!("[branches]\n{name} = {text}\n"),
        format!("[{section}x]\n{name} = {text}\n"),
        format!("{head}[[x]]\n{name} = {text}\n"),
        // In the key itself.
        format!("{head}\"{bare}={secret}\" = ''\n"),
        format!("{head}\"{bare} {secret}\" = 1\n"),
        format!("{head}\"{bare}:{secret}\" = []\n"),
        format!("{head}'{bare}'.\"{secret}\" = 1\n"),
        format!("{head}'{bare}.{secret}' = 1\n"),
        format!("{head}'{}.{secret}' = 1\n", bare.to_uppercase()),
        // In a section on one line, beside something wrong.
        format!("x = {{ {name} = {text}, y = }}\n"),
        format!("{head}x = {{ {name} = {text} }}\n"),
    ];
    if !section.is_empty() {
        files.push(format!("{full} = {text}\n"));
        files.push(format!("{section} = {{ {name} = {text}, x = 1 }}\n"));
        files.push(format!("{section} = {{ {name} = {text}, {name} = 1 }}\n"));
        files.push(format!("{section} = {{\n  {name} = {text},\n  x = 1 }}\n"));
        files.push(format!("{section} = [{{ {name} = {text} }}]\n"));
        files.push(format!("[[{section}]]\n{name} = {text}\n"));
        files.push(format!("[{full}]\nx = {text}\n"));
    }
    files
}

/// What is told when `key` has `secret` by a file in every way, by a variable and by a flag.
fn tried(key: &Key, secret: &str) -> Vec<(String, String)> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.toml");
    let mut tried: Vec<(String, String)> = files_with(key, secret)
        .into_iter()
        .map(|toml| {
            fs::write(&path, &toml).unwrap();
            let said = said(&Sources::of_file(&path));
            (toml, said)
        })
        .collect();
    let full = key.full().replace('"', "");
    let variable = match full.strip_prefix("kafka.properties.") {
        Some(property) => format!("KAFKA__PROPERTIES__{}", property.replace('.', "_")),
        None => full.replace('.', "__"),
    };
    let variable = format!("TIDEGAUGE_{}", variable.to_uppercase());
    let names = [
        variable.clone(),
        format!("{variable}S"),
        variable.replace("__", "_"),
        format!("{variable}__X"),
        variable.replace("_FILE", ""),
    ];
    for name in names {
        for value in [secret.to_owned(), quoted(secret), format!("{{x={secret}}}")] {
            let sources = Sources::default().variable(name.clone(), value);
            tried.push((name.clone(), said(&sources)));
        }
    }
    for name in [
        full.clone(),
        format!("{full}s"),
        format!("{full}.x"),
        full.replace('.', "_"),
    ] {
        for value in [secret.to_owned(), quoted(secret), format!("[{secret}]")] {
            let sources = Sources::default().flag("--set", name.clone(), value);
            tried.push((format!("--set {name}"), said(&sources)));
        }
    }
    tried
}

fn properties() -> Vec<Key> {
    let property = |name: &str| Key {
        section: "kafka.properties".to_owned(),
        name: quoted(name),
    };
    PROPERTIES.into_iter().map(property).collect()
}

#[test]
fn a_secret_is_not_shown_wherever_it_stands() {
    let files = keys().into_iter().filter(Key::is_file_of_secret);
    let found: Vec<Key> = files.chain(properties()).collect();
    assert!(found.len() >= 11, "{found:?}");
    let mut search = Search::default();
    for key in found {
        for secret in [CANARY.to_owned(), format!("p@ss:{CANARY}/x?y==")] {
            for (how, said) in tried(&key, &secret) {
                search.look(&how, &said);
            }
        }
    }
    search.assert_none(1_000);
}

#[test]
fn a_password_in_an_address_is_not_shown_wherever_it_stands() {
    let found: Vec<Key> = keys().into_iter().filter(Key::is_address).collect();
    assert!(found.len() >= 4, "{found:?}");
    let mut search = Search::default();
    for key in found {
        for address in [
            format!("http://me:{CANARY}@127.0.0.1:port"),
            format!("me:{CANARY}@127.0.0.1:9200"),
            format!("http://me:{CANARY}/x@127.0.0.1"),
            format!("http://127.0.0.1:9200/?apikey={CANARY}"),
            format!("http://a:1,http://me:{CANARY}@b:1"),
        ] {
            for (how, said) in tried(&key, &address) {
                search.look(&how, &said);
            }
        }
    }
    search.assert_none(1_000);
}

/// Values that some key or other refuses.
const WRONG: [&str; 6] = ["[]", "-1", "'\u{1}'", "\"a b\"", "\"open", "bare"];

#[test]
fn secrets_in_their_places_are_not_shown_beside_any_key_that_is_wrong() {
    let files = Files::new();
    let path = files.path("t.toml");
    let mut search = Search::default();
    for key in keys() {
        for value in WRONG {
            for toml in beside(&files, &key, value) {
                fs::write(&path, &toml).unwrap();
                search.look(&toml, &said(&Sources::of_file(&path)));
            }
        }
    }
    search.assert_none(400);
}

/// Configurations with every secret and with `key = value`: as sections, and each section on one line.
fn beside(files: &Files, key: &Key, value: &str) -> [String; 2] {
    let is_replaced = |section: &str, name: &str| section == key.section && name == key.name;
    let mut sections = std::collections::BTreeMap::<&str, Vec<(&str, String)>>::new();
    for (section, name, value) in files.right() {
        if !is_replaced(section, name) {
            sections.entry(section).or_default().push((name, value));
        }
    }
    let own = sections.entry(key.section.as_str()).or_default();
    own.push((&key.name, value.to_owned()));
    let (mut long, mut short) = (String::new(), String::new());
    for (section, members) in &sections {
        if section.is_empty() {
            let (name, value) = &members[0];
            long += &format!("{name} = {value}\n");
            short += &format!("{name} = {value}\n");
            continue;
        }
        long += &format!("[{section}]\n");
        let pairs = members
            .iter()
            .map(|(name, value)| format!("{name} = {value}"));
        let pairs: Vec<String> = pairs.collect();
        long += &format!("{}\n", pairs.join("\n"));
        short += &format!("{section} = {{ {} }}\n", pairs.join(", "));
    }
    [long, short]
}

#[test]
fn a_word_that_is_not_a_secret_is_shown() {
    // Else the tests above would find nothing in errors that show nothing.
    let key = Key {
        section: "kafka".to_owned(),
        name: "topic".to_owned(),
    };
    let mut search = Search::default();
    for (how, said) in tried(&key, CANARY) {
        search.look(&how, &said);
    }
    assert!(search.found.len() > 10, "{:#?}", search.found);
}
