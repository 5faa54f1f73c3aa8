//! The software bill of materials names the libraries that no list of crates has.

use std::collections::BTreeMap;

use super::{repository, text_of};
use crate::support::lab::{Toolbox, succeed};

#[test]
fn libraries_in_c_are_named_with_the_versions_that_are_compiled_in() {
    let Some(toolbox) = Toolbox::python() else {
        return;
    };
    let mut command = toolbox.venv("python");
    let said = succeed(command.arg(repository("ops/sbom")).arg("--libraries"));
    let listed: BTreeMap<&str, &str> = said
        .lines()
        .filter_map(|line| {
            let linkage = line.find("compiled in").or(line.find("of the system"))?;
            line[..linkage].trim().rsplit_once(' ')
        })
        .collect();
    let lock = text_of("Cargo.lock");
    for (library, of_crate, mark) in [
        ("RocksDB", "librocksdb-sys", "+"),
        ("librdkafka", "rdkafka-sys", "+"),
        ("LZ4", "lz4-sys", "+lz4-"),
        ("Zstandard", "zstd-sys", "+zstd."),
    ] {
        let entry = format!("name = \"{of_crate}\"\nversion = \"");
        let version = lock.split_once(&entry).unwrap().1;
        let version = version
            .split_once('"')
            .unwrap()
            .0
            .split_once(mark)
            .unwrap()
            .1;
        assert_eq!(listed.get(library), Some(&version), "{library}: {said}");
    }
    for library in [
        "OpenSSL",
        "zlib",
        "mimalloc",
        "LZ4 in librdkafka",
        "cJSON in librdkafka",
    ] {
        assert!(listed.contains_key(library), "{library}: {said}");
    }
}
