//! What is committed is what the code renders.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use tidegauge::kibana::ndjson;
use tidegauge::sink;

use super::{in_repository, layout_of, run, stdout};

/// `TIDEGAUGE_WRITE_KIBANA=1` writes the files instead.
fn is_written(path: &str, wanted: &str) {
    let path = in_repository(path);
    if std::env::var_os("TIDEGAUGE_WRITE_KIBANA").is_some() {
        fs::write(&path, wanted).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == wanted,
        "{} is not what the code renders: run this test with TIDEGAUGE_WRITE_KIBANA=1 and look at \
         the difference",
        path.display()
    );
}

#[test]
fn the_committed_objects_are_those_of_the_default_configuration() {
    let wanted = ndjson(&layout_of("").objects());
    is_written("kibana/tidegauge.ndjson", &wanted);
    assert_eq!(stdout(&run(&["export"])), wanted);
}

#[test]
fn the_committed_index_templates_are_those_that_are_sent() {
    let config = sink::Config::new("http://127.0.0.1:9200").unwrap();
    let templates = sink::templates(&config, &layout_of("").definitions, false);
    let pretty = |template: &Value| serde_json::to_string_pretty(template).unwrap() + "\n";
    for (name, template) in &templates {
        is_written(
            &format!("kibana/index-templates/{name}.json"),
            &pretty(template),
        );
    }
    let folder = in_repository("kibana/index-templates");
    let there: BTreeMap<String, ()> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| (entry.unwrap().file_name().into_string().unwrap(), ()))
        .collect();
    let wanted: BTreeMap<String, ()> = templates
        .keys()
        .map(|name| (format!("{name}.json"), ()))
        .collect();
    assert_eq!(there, wanted);
}
