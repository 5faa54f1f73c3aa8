//! Regular expressions of `regexp` queries, as far as the sink uses them.

/// One part of an expression.
struct Part {
    /// Ranges of characters; none stands for any character.
    any_of: Option<Vec<(char, char)>>,
    least: usize,
    is_repeated: bool,
}

/// Whether all of `text` matches; `None` if the expression says more than is known here:
/// characters, `.`, classes such as `[0-9a]`, each followed by `+`, `*`, `?` or nothing.
pub fn matches(expression: &str, text: &str) -> Option<bool> {
    let parts = parts(expression)?;
    let text: Vec<char> = text.chars().collect();
    Some(is_match(&parts, &text))
}

fn parts(expression: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut characters = expression.chars().peekable();
    while let Some(character) = characters.next() {
        let any_of = match character {
            '.' => None,
            '[' => {
                let class: String = characters.by_ref().take_while(|one| *one != ']').collect();
                Some(ranges(&class)?)
            }
            '(' | ')' | '|' | '{' | '}' | '\\' | '"' | '#' | '@' | '&' | '<' | '>' | '~' | ']'
            | '+' | '*' | '?' => return None,
            plain => Some(vec![(plain, plain)]),
        };
        let (least, is_repeated) = match characters.peek() {
            Some('+') => (1, true),
            Some('*') => (0, true),
            Some('?') => (0, false),
            _ => {
                parts.push(Part {
                    any_of,
                    least: 1,
                    is_repeated: false,
                });
                continue;
            }
        };
        characters.next();
        parts.push(Part {
            any_of,
            least,
            is_repeated,
        });
    }
    Some(parts)
}

fn ranges(class: &str) -> Option<Vec<(char, char)>> {
    let class: Vec<char> = class.chars().collect();
    if class.is_empty() || class[0] == '^' {
        return None;
    }
    let mut ranges = Vec::new();
    let mut rest = class.as_slice();
    while let [first, after @ ..] = rest {
        (ranges, rest) = match after {
            ['-', last, after @ ..] => ([ranges, vec![(*first, *last)]].concat(), after),
            after => ([ranges, vec![(*first, *first)]].concat(), after),
        };
    }
    Some(ranges)
}

fn is_match(parts: &[Part], text: &[char]) -> bool {
    let [part, rest @ ..] = parts else {
        return text.is_empty();
    };
    let takes = |character: &char| match &part.any_of {
        None => true,
        Some(ranges) => ranges
            .iter()
            .any(|(from, to)| (from..=to).contains(&character)),
    };
    let most = match part.is_repeated {
        true => text.len(),
        false => text.len().min(1),
    };
    let fitting = text[..most].iter().take_while(|one| takes(one)).count();
    (part.least..=fitting).any(|count| is_match(rest, &text[count..]))
}
