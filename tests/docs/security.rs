//! What docs/security.md says to be defended has a test beside it, and that test is there.

use std::fs;

use super::markdown::{inline_code, parts};
use super::{read, root};

const PAGE: &str = "docs/security.md";

/// Where the tests of a module path may be.
const ROOTS: [&str; 3] = ["tests", "src", "windows/tests"];

/// Whether `text` has the form of a test's module path: `security::kafka::name_of_a_test`.
fn is_path_of_test(text: &str) -> bool {
    let is_part = |part: &str| {
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        !part.is_empty() && part.chars().all(is_letter)
    };
    text.contains("::") && text.split("::").all(is_part)
}

/// Whether there is such a test: in the file of its module, or of the module around it.
fn is_there(path: &str) -> bool {
    let (modules, name) = path.rsplit_once("::").unwrap();
    let modules: Vec<&str> = modules.split("::").collect();
    let files = ROOTS.iter().flat_map(|folder| {
        let paths = (1..=modules.len()).map(|depth| modules[..depth].join("/"));
        paths.map(move |path| format!("{folder}/{path}.rs"))
    });
    let mut texts = files.filter_map(|file| fs::read_to_string(root().join(file)).ok());
    texts.any(|text| {
        let before = text
            .split_once(&format!("fn {name}("))
            .map(|(before, _)| before);
        let attributes = before.and_then(|before| before.rsplit("\n\n").next());
        attributes.is_some_and(|text| text.contains("test]"))
    })
}

#[test]
fn every_claim_about_security_names_a_test_that_is_there() {
    let page = read(PAGE);
    let (mut missing, mut bare, mut seen) = (Vec::new(), Vec::new(), 0);
    let (mut is_claim, mut column) = (false, 0);
    for (number, line) in parts(&page).1 {
        let tests: Vec<&str> = inline_code(line)
            .filter(|code| is_path_of_test(code))
            .collect();
        seen += tests.len();
        let absent = tests.iter().filter(|test| !is_there(test));
        missing.extend(absent.map(|test| format!("{PAGE}:{number}: {test}")));
        // The rows of each table that has a column for tests.
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if !line.starts_with('|') {
            is_claim = false;
        } else if let Some(at) = cells.iter().position(|cell| *cell == "tested by") {
            (is_claim, column) = (true, at);
        } else if is_claim && !line.starts_with("|-") {
            let proof = cells[column];
            let has_command = inline_code(proof).any(|code| code.starts_with("make "));
            if !has_command && !inline_code(proof).any(is_path_of_test) {
                bare.push(format!("{PAGE}:{number}: {line}"));
            }
        }
    }
    assert!(missing.is_empty(), "tests that are not there: {missing:#?}");
    assert!(bare.is_empty(), "claims without a test: {bare:#?}");
    assert!(seen > 40, "only {seen} tests are named");
    assert!(read("SECURITY.md").contains("](docs/security.md)"));
}

#[test]
fn the_proxy_on_the_page_is_the_one_that_is_tested() {
    let example = read("ops/nginx/tidegauge.conf");
    let (_, servers) = example.split_once("\n\n").unwrap();
    let blocks = parts(&read("docs/operations.md")).0;
    assert!(blocks.iter().any(|block| block.text == servers));
}

#[test]
fn a_test_that_is_not_there_would_be_seen() {
    for good in [
        "docs::security::a_test_that_is_not_there_would_be_seen",
        "api::hosts::with_a_token_any_host_is_answered",
        "domain::secret::tests::a_secret_shows_itself_only_when_exposed",
    ] {
        assert!(is_path_of_test(good) && is_there(good), "{good}");
    }
    for bad in [
        "docs::security::nothing_of_that_name",
        "docs::links::a_test_that_is_not_there_would_be_seen",
        // A function that is not a test.
        "docs::security::is_there",
    ] {
        assert!(is_path_of_test(bad) && !is_there(bad), "{bad}");
    }
    assert!(!is_path_of_test("kafka.properties") && !is_path_of_test("http::"));
}
