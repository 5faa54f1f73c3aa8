//! Tables are whole, and README stays short.

use super::markdown::{pages, parts};
use super::read;

/// A reader decides within minutes: the rest stands in `docs/`.
const README_WORDS_MAX: usize = 1_000;

/// Lines where a table has no delimiter row below its header, or a row with another number of cells.
fn torn(text: &str) -> Vec<usize> {
    let lines = parts(text).1;
    let mut torn = Vec::new();
    let mut columns = None;
    for (at, &(number, line)) in lines.iter().enumerate() {
        let follows = at > 0 && lines[at - 1].0 + 1 == number;
        if !line.starts_with('|') {
            columns = None;
        } else if let (Some(columns), true) = (columns, follows) {
            if cells(line) != columns {
                torn.push(number);
            }
        } else {
            columns = Some(cells(line));
            let below = lines.get(at + 1).map(|&(_, line)| line);
            if !below.is_some_and(|line| line.starts_with("|-") || line.starts_with("|:")) {
                torn.push(number);
            }
        }
    }
    torn
}

/// Cells of a row. A bar in backticks or behind a backslash separates nothing.
fn cells(row: &str) -> usize {
    let row = row.replace("\\|", "");
    let prose: String = row.split('`').step_by(2).collect();
    prose.matches('|').count().saturating_sub(1)
}

#[test]
fn tables_have_a_delimiter_row_and_as_many_cells_in_each_row() {
    let (mut broken, mut read_tables) = (Vec::new(), 0);
    for page in pages("") {
        let text = read(&page);
        read_tables += text.matches("\n|--").count();
        broken.extend(torn(&text).into_iter().map(|line| format!("{page}:{line}")));
    }
    assert!(broken.is_empty(), "torn tables: {broken:#?}");
    assert!(read_tables > 10, "{read_tables} tables");
}

#[test]
fn a_torn_table_is_found() {
    assert_eq!(
        torn("| a | b |\n|---|---|\n| 1 | `x|y` |\n"),
        [] as [usize; 0]
    );
    assert_eq!(
        torn("| a | b |\n## Between\n|---|---|\n| 1 | 2 |\n"),
        [1, 3]
    );
    assert_eq!(torn("| a | b |\n|---|---|\n| 1 |\n"), [3]);
}

#[test]
fn readme_stays_short() {
    let words = read("README.md").split_whitespace().count();
    assert!(words <= README_WORDS_MAX, "README.md has {words} words");
}
