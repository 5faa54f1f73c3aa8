//! How many of something, for people: `1 payment`, `20,000 windows`.

/// `number` with a comma before every three digits.
#[must_use]
pub fn grouped(number: u64) -> String {
    in_threes(&number.to_string())
}

/// `digits` with a comma before every three.
#[must_use]
pub fn in_threes(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of `noun`, which is given in the singular; one that ends with `x`, `s`, `ch` or `sh` gets `es`.
/// The digits are plain, as in sentences that programs may read too.
#[must_use]
pub fn counted(number: u64, noun: &str) -> String {
    format!("{number} {}", in_number(number, noun))
}

/// The same with [`grouped`] digits, for terminals.
#[must_use]
pub fn counted_in_threes(number: u64, noun: &str) -> String {
    format!("{} {}", grouped(number), in_number(number, noun))
}

fn in_number(number: u64, noun: &str) -> String {
    let ending = match number {
        1 => "",
        _ if ["x", "s", "ch", "sh"].iter().any(|end| noun.ends_with(end)) => "es",
        _ => "s",
    };
    format!("{noun}{ending}")
}

/// The word that goes with that number: `one` with 1, `many` with all others.
#[must_use]
pub const fn agreeing(number: u64, one: &'static str, many: &'static str) -> &'static str {
    if number == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_in_threes() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn one_is_singular_and_none_is_plural() {
        for (number, noun, text) in [
            (0, "payment", "0 payments"),
            (1, "payment", "1 payment"),
            (2, "branch", "2 branches"),
            (1, "branch", "1 branch"),
            (1_000, "index", "1000 indexes"),
            (604_800, "window", "604800 windows"),
        ] {
            assert_eq!(counted(number, noun), text);
        }
        assert_eq!(counted_in_threes(1, "record"), "1 record");
        assert_eq!(counted_in_threes(604_800, "window"), "604,800 windows");
        assert_eq!(agreeing(0, "is", "are"), "are");
        assert_eq!(agreeing(1, "is", "are"), "is");
    }
}
