//! Wraps sentences so that a table is not wider than its screen.

/// Columns are not made narrower than this, in characters.
const NARROW: usize = 40;

/// Breaks the texts of the widest columns between words, so that a table that is `excess` characters
/// too wide fits if it can. A word is never broken: a user may copy the name of an index.
pub(super) fn wrap<'a>(columns: impl Iterator<Item = &'a mut Vec<String>>, excess: usize) {
    let mut texts: Vec<Text<'a>> = columns.map(Text::of).collect();
    let widest = texts.iter().map(|text| text.width).max().unwrap_or(0);
    let won = |most: usize| -> usize {
        let saved = |text: &Text<'a>| text.width.saturating_sub(most.max(text.word));
        texts.iter().map(saved).sum()
    };
    let most = (NARROW..widest).rev().find(|most| won(*most) >= excess);
    let most = most.unwrap_or(NARROW);
    for text in &mut texts {
        for cell in text.cells.iter_mut() {
            *cell = wrapped(cell, most);
        }
    }
}

/// A column.
struct Text<'a> {
    cells: &'a mut Vec<String>,
    /// How wide its widest cell is.
    width: usize,
    /// How wide its widest word is.
    word: usize,
}

impl<'a> Text<'a> {
    fn of(cells: &'a mut Vec<String>) -> Self {
        let widest = |parts: &mut dyn Iterator<Item = usize>| parts.max().unwrap_or(0);
        let words = cells.iter().flat_map(|cell| cell.split(' '));
        Self {
            width: widest(&mut cells.iter().map(|cell| length(cell))),
            word: widest(&mut words.map(length)),
            cells,
        }
    }
}

fn wrapped(text: &str, most: usize) -> String {
    let mut words = text.split(' ');
    let mut lines = words.next().unwrap_or_default().to_owned();
    let mut width = length(&lines);
    for word in words {
        let more = length(word);
        if width + 1 + more > most {
            lines.push('\n');
            width = more;
        } else {
            lines.push(' ');
            width += 1 + more;
        }
        lines.push_str(word);
    }
    lines
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_give_way_and_no_word_is_broken() {
        let sentence = |words: usize| vec!["word"; words].join(" ");
        let mut columns = [
            vec![sentence(30), "short".into()],
            vec![sentence(12)],
            vec!["x".repeat(90)],
            vec!["12".into()],
        ];
        // 149, 59, 90 and 2 wide.
        wrap(columns.iter_mut(), 100);
        let width =
            |cells: &Vec<String>| cells.iter().flat_map(|cell| cell.lines()).map(length).max();
        let widths: Vec<_> = columns.iter().map(width).collect();
        assert_eq!(widths, [Some(54), Some(54), Some(90), Some(2)]);
        assert_eq!(columns[0][0].replace('\n', " "), sentence(30));
        assert_eq!(columns[0][1], "short");
    }

    #[test]
    fn text_is_the_same_when_its_lines_are_joined() {
        for text in ["", " ", "a  b", " a", "one two three "] {
            for most in 1..6 {
                assert_eq!(wrapped(text, most).replace('\n', " "), text);
            }
        }
    }
}
