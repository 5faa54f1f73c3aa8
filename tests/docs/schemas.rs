//! Schemas say what the program says.

mod payment;

use std::fs;

use serde_json::{Value, json};
use tidegauge::config::{self, Config, Need, Sources};

use super::{read, root};
use crate::support::lab::{Toolbox, succeed};
use crate::support::service::binary;

/// Runs the comparison over `cases`, and gives how many there were of each outcome.
fn agree(kind: &str, cases: &[Value]) -> Option<Value> {
    let python = Toolbox::python()?;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cases.ndjson");
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let schema = root().join(format!("docs/schema/{kind}.schema.json"));
    let script = root().join("tests/docs/agree.py");
    let mut command = python.venv("python");
    command.arg(script).arg(kind).arg(schema).arg(file);
    Some(serde_json::from_str(&succeed(&mut command)).unwrap())
}

#[test]
fn the_reference_and_the_schema_are_what_the_program_prints() {
    for (form, path) in [
        ("markdown", "docs/configuration.md"),
        ("json-schema", "docs/schema/config.schema.json"),
    ] {
        let printed = succeed(binary().args(["check", "--reference", form]));
        assert!(
            printed == read(path),
            "{path} is out of date: tidegauge check --reference {form} > {path}"
        );
    }
}

/// Every default of the table, as TOML, without the sections that need more than defaults.
fn defaults(schema: &Value, name: &str, toml: &mut String) {
    let properties = schema["properties"].as_object().unwrap();
    for (key, property) in properties {
        if let Some(default) = property.get("default") {
            toml.push_str(&format!("{key} = {default}\n"));
        }
    }
    for (key, property) in properties {
        if property["type"] == "object" {
            let path = if name.is_empty() {
                key.clone()
            } else {
                format!("{name}.{key}")
            };
            toml.push_str(&format!("[{path}]\n"));
            if property.get("properties").is_some() {
                defaults(property, &path, toml);
            }
        }
    }
}

#[track_caller]
fn load(toml: &str) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.toml");
    fs::write(&file, toml).unwrap();
    Config::load(&Sources::of_file(file), Need::Nothing).map_err(|error| error.to_string())
}

#[test]
fn the_defaults_of_the_reference_are_those_in_force() {
    let mut toml = String::new();
    defaults(&config::json_schema(), "", &mut toml);
    let sections = "[elasticsearch]\n[kibana]\n";
    let known: String = sections
        .lines()
        .filter(|head| toml.contains(*head))
        .map(|head| format!("{head}\n"))
        .collect();
    assert!(toml.contains("retention = \"35d\""), "{toml}");
    assert_eq!(
        load(&toml).unwrap().to_toml(),
        load(&known).unwrap().to_toml()
    );
}

#[test]
fn the_ranges_of_the_reference_are_those_that_are_enforced() {
    fn walk(schema: &Value, name: &str, found: &mut u32) {
        for (key, property) in schema["properties"].as_object().unwrap() {
            if property["type"] == "integer" {
                *found += 1;
                let (least, most) = (&property["minimum"], &property["maximum"]);
                for (value, right) in [
                    (least.as_i64().unwrap(), true),
                    (least.as_i64().unwrap() - 1, false),
                    (most.as_i64().unwrap(), true),
                    (most.as_i64().unwrap() + 1, false),
                ] {
                    let toml = format!("[{name}]\n{key} = {value}\n");
                    assert_eq!(load(&toml).is_ok(), right, "{toml}");
                }
            } else if property["properties"].is_object() {
                let path = if name.is_empty() {
                    key.clone()
                } else {
                    format!("{name}.{key}")
                };
                walk(property, &path, found);
            }
        }
    }
    let mut found = 0;
    walk(&config::json_schema(), "", &mut found);
    assert!(found >= 2, "{found} ranges");
}

/// The example with every key that it shows in a comment made a setting.
fn example_with_comments() -> String {
    let uncomment = |line: &str| match line.strip_prefix("# ") {
        Some(rest) if rest.contains(" = ") && !rest.contains("…") && !rest.ends_with('.') => {
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    let lines: Vec<String> = read("tidegauge.example.toml")
        .lines()
        .map(uncomment)
        .collect();
    lines.join("\n")
}

#[test]
fn the_example_has_every_key_and_the_defaults() {
    fn missing(schema: &Value, example: &toml::Value, path: &str, found: &mut Vec<String>) {
        for (key, property) in schema["properties"].as_object().unwrap() {
            let here = format!("{path}.{key}");
            match example.get(key) {
                None => found.push(here),
                Some(inner) if property["properties"].is_object() => {
                    missing(property, inner, &here, found)
                }
                Some(_) => {}
            }
        }
    }
    let example: toml::Value = toml::from_str(&example_with_comments()).unwrap();
    let schema = config::json_schema();
    let mut found = Vec::new();
    missing(&schema, &example, "", &mut found);
    let windows = example["window"].as_array().unwrap();
    for key in schema["properties"]["window"]["items"]["properties"]
        .as_object()
        .unwrap()
        .keys()
    {
        if !windows.iter().any(|window| window.get(key).is_some()) {
            found.push(format!("window.{key}"));
        }
    }
    assert!(found.is_empty(), "not in tidegauge.example.toml: {found:?}");
    let example = load(&read("tidegauge.example.toml")).unwrap().to_toml();
    let mut toml = String::new();
    defaults(&schema, "", &mut toml);
    let defaults =
        load(&toml.replace("[kafka]\n", "[kafka]\nbrokers = \"127.0.0.1:9092\"\n")).unwrap();
    assert_eq!(example, defaults.to_toml());
}

#[test]
fn the_schema_of_the_configuration_judges_as_check_does() {
    let effective = succeed(binary().current_dir(std::env::temp_dir()).args([
        "check",
        "--set",
        "kafka.brokers=a:1",
    ]));
    let example = read("tidegauge.example.toml");
    let mut cases: Vec<Value> = [example.as_str(), &effective, ""]
        .into_iter()
        .chain(RIGHT)
        .map(|toml| {
            assert!(load(toml).is_ok(), "{toml}: {:?}", load(toml).err());
            json!({"text": toml, "accepted": true})
        })
        .collect();
    for toml in WRONG {
        assert!(load(toml).is_err(), "{toml}");
        cases.push(json!({"text": toml, "accepted": false}));
    }
    for toml in BEYOND {
        assert!(load(toml).is_err(), "{toml}");
        cases.push(json!({"text": toml, "accepted": false, "beyond": "beyond a schema"}));
    }
    let Some(counts) = agree("config", &cases) else {
        return;
    };
    assert_eq!(counts["taken by both"], RIGHT.len() + 3);
    assert_eq!(counts["refused by both"], WRONG.len());
    assert_eq!(counts["beyond a schema"], BEYOND.len());
}

const RIGHT: [&str; 13] = [
    "kafka.brokers = 'a:1, b, [::1]:9092, SSL://c:9093'",
    "[kafka]\nstart = 2026-11-01T00:00:00.25Z",
    "[kafka]\nstart = '2026-11-01T00:00:00+08:00'",
    "[kafka.properties]\nsecurity.protocol = 'ssl'\n'fetch.wait.max.ms' = 7\nenable.ssl.certificate.verification = false",
    "[event_time]\nout_of_orderness = '0s'\nallowed_lateness = '2d3h4m5s6ms'\nretention = '100d'",
    "[[window]]\nname = 's'\nsize = '7m'\nslide = '3m'\noffset = '1m30s'",
    "[[window]]\nname = 'd'\nsize = '1d'\noffset = '-8h'",
    "[[window]]\nname = 'c'\nsize = '1d'\nstep = '15m'\ntime_zone = 'Asia/Kathmandu'",
    "[branches]\n7 = 'Nord \"7\"'\n2147483647 = 'last'",
    "payment.branch_type = 'any'\n[branches]\n7 = 'Nord'\n007 = 'Bond'\nDE-0042 = 'Hamburg'\n'Größe/7 \"a\"' = 'b'",
    "[elasticsearch]\nurl = 'https://es.example:9200/path'\nlegacy_totals = ''\n[elasticsearch.bulk]\nmax_size = '1536b'\nmax_actions = 1",
    "[elasticsearch]\nurl = 'https://es-1.example:9200, https://es-2.example:9200/path ,http://[::1]:9200'",
    "http.listen = '[::1]:0'",
];

const WRONG: [&str; 42] = [
    "a =",
    "stat_dir = 'x'",
    "state_dir = 5",
    "state_dir = ''",
    "kafka = 'x'",
    "time_zone = 'Asia/Shangai'",
    "brokers = 'a:1'",
    "[kafka]\nbrokerz = 'a:1'",
    "[kafka]\nbrokers = 'a:1,,b'",
    "[kafka]\nbrokers = 'a:x'",
    "[kafka]\nbrokers = ['a:1']",
    "[kafka]\ntopic = 'a b'",
    "[kafka]\ntopic = '..'",
    "[kafka]\nstart = 'newest'",
    "[kafka.properties]\nsasl.password = ['x']",
    "[event_time]\nidle_after = 30",
    "[event_time]\nidle_after = '1.5s'",
    "[event_time]\nidle_after = '5s1m'",
    "[event_time]\nidle_after = ''",
    "[event_time]\nzero_windows = 'true'",
    "window = []",
    "window = 5",
    "[window]\nname = 'a'\nsize = '1m'",
    "[[window]]\nname = 'A'\nsize = '1m'",
    "[[window]]\nname = 'a'",
    "[[window]]\nsize = '1m'",
    "[[window]]\nname = 'a'\nsize = '0s'",
    "[[window]]\nname = 'a'\nsize = '1m'\nslid = '1m'",
    "[[window]]\nname = 'a'\nsize = '1h'\nslide = '1m'\nstep = '1m'",
    "[[window]]\nname = 'a'\nsize = '1d'\noffset = '8h-'",
    "[branches]\n'' = 'North'",
    "[branches]\n1 = ' North'",
    "[elasticsearch]\nurl = 'http://me:secret@127.0.0.1:9200'",
    "[elasticsearch]\nurl = 'http://a:9200,,http://b:9200'",
    "[elasticsearch]\nurl = 'http://a:9200 http://b:9200'",
    "[elasticsearch]\nurl = 'http://a:9200,b:9200'",
    "[elasticsearch]\nindex_prefix = 'Pay'",
    "[elasticsearch]\nusername = 'me'",
    "[elasticsearch.bulk]\nmax_size = '5m'",
    "[elasticsearch.bulk]\nmax_in_flight = '2'",
    "[elasticsearch.bulk]\ninterval = '0s'",
    "[http]\nlisten = '0.0.0.0:80'",
];

/// What the schema's description says that it can't express.
const BEYOND: [&str; 11] = [
    "[kafka]\nbrokers = 'a:70000'",
    "[kafka]\nstart = '2026-02-30T00:00:00Z'",
    "[kafka.properties]\n'no.such.property' = 'x'",
    "[event_time]\nretention = '1d'",
    "[event_time]\nidle_after = '99999d'",
    "[[window]]\nname = 'a'\nsize = '1m'\n[[window]]\nname = 'a'\nsize = '2m'",
    "[[window]]\nname = 'a'\nsize = '1h'\nstep = '7m'",
    "[branches]\n1 = 'a'\n2 = 'a'",
    "[branches]\nx = 'North'",
    "[elasticsearch.bulk]\nmax_size = '1gb'",
    "[http]\ntoken_file = '/nowhere/at/all'",
];
