//! The committed seeds of a target, and the words that its inputs are made of.

use std::fs;
use std::path::{Path, PathBuf};

/// What inputs are made from.
pub struct Corpus {
    pub seeds: Vec<Vec<u8>>,
    pub words: Vec<Vec<u8>>,
}

impl Corpus {
    /// The seeds and words of the target `name`.
    pub fn of(name: &str) -> Self {
        let folder = format!("fuzz/corpus/{name}");
        let seeds = names(&folder)
            .into_iter()
            .map(|seed| fs::read(root().join(&folder).join(seed)).unwrap());
        let dictionary = format!("fuzz/dictionaries/{name}.dict");
        let words = match root().join(&dictionary).exists() {
            true => read(&dictionary).lines().filter_map(word).collect(),
            false => Vec::new(),
        };
        Self {
            seeds: seeds.collect(),
            words,
        }
    }
}

/// The word in a line of a dictionary, as libFuzzer reads it: `"word"` with `\\`, `\"` and `\xAB`.
fn word(line: &str) -> Option<Vec<u8>> {
    let quoted = line.trim().strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::new();
    let mut rest = quoted.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = after;
            }
            (b'\\', [escaped, after @ ..]) => {
                bytes.push(*escaped);
                rest = after;
            }
            _ => bytes.push(*byte),
        }
    }
    Some(bytes)
}

/// The names in a folder of the project, in order.
pub fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

/// The text of a file of the project.
pub fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[test]
fn a_word_of_a_dictionary_is_read_as_libfuzzer_reads_it() {
    assert_eq!(word(r#""a\x00b\\\"""#), Some(b"a\0b\\\"".to_vec()));
    assert_eq!(word("# a comment"), None);
    assert_eq!(word(""), None);
}
