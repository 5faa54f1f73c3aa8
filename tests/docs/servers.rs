//! The table of servers in README is that of the lab.

use std::fs;

use super::root;

/// The rows of the table: the server and its version.
fn rows(readme: &str) -> Vec<(String, String)> {
    let section = readme.split_once("\n## Servers\n").unwrap().1;
    let table = section.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = table.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[1].to_owned(), cells[2].to_owned())
    })
    .collect()
}

/// What a server of the lab is called in the table, and its version: that of its first library.
fn server(folder: &str) -> (String, String) {
    let pom = fs::read_to_string(root().join("lab").join(folder).join("pom.xml")).unwrap();
    let libraries = pom.split_once("<dependencies>").unwrap().1;
    let version = libraries.split_once("<version>").unwrap().1;
    let version = version.split_once("</version>").unwrap().0;
    let major = version.split('.').next().unwrap();
    let name = match folder {
        "kafka" => "Apache Kafka".to_owned(),
        es if es.starts_with("es") => format!("Elasticsearch {major}"),
        _ => format!("OpenSearch {major}"),
    };
    (name, version.to_owned())
}

#[test]
fn the_table_of_servers_is_that_of_the_lab() {
    let folders = fs::read_dir(root().join("lab")).unwrap();
    let mut lab: Vec<_> = folders
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("pom.xml").exists())
        .map(|folder| server(folder.file_name().unwrap().to_str().unwrap()))
        .collect();
    let mut table = rows(&fs::read_to_string(root().join("README.md")).unwrap());
    lab.sort();
    table.sort();
    assert_eq!(table, lab);
}
