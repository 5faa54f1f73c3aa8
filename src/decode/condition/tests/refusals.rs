//! Each kind of text that is not a condition, with what it is told.

use super::*;

pub(super) fn refusal(text: &str) -> String {
    match PaymentCondition::compile(text) {
        Ok(_) => panic!("{text} is a condition"),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
pub(super) fn refused(cases: &[(&str, &str)]) {
    for (text, message) in cases {
        assert_eq!(refusal(text), *message, "{text}");
    }
}

#[test]
fn a_text_without_an_expression_is_empty() {
    let empty = "the condition is empty; write one such as status == \"captured\"";
    refused(&[("", empty), (" \t\r\n", empty), ("// a == 1", empty)]);
}

#[test]
fn a_long_text_is_refused_by_its_length() {
    let fits = format!("a == \"{}\"", "x".repeat(TEXT_MAX - 7));
    assert!(PaymentCondition::compile(&fits).is_ok());
    let message = "the condition has 4097 bytes, more than the 4096 allowed";
    assert_eq!(refusal(&format!("{fits} ")), message);
}

#[test]
fn operators_of_other_languages_are_named() {
    refused(&[
        (
            "a = 1",
            "at column 3: `=` is not an operator here; write == to compare",
        ),
        (
            "a & b",
            "at column 3: `&` is not an operator here; write && for and",
        ),
        (
            "a | b",
            "at column 3: `|` is not an operator here; write || for or",
        ),
        (
            "a and b",
            "at column 3: `and` is not an operator here; write && for and",
        ),
        (
            "a OR b",
            "at column 3: `OR` is not an operator here; write || for or",
        ),
        (
            "a is null",
            "at column 3: `is` is not an operator here; write == to compare",
        ),
        (
            "not a",
            "at column 5: `a` does not fit here; an operator or a value may be missing before it",
        ),
        (
            "a == “x”",
            "at column 6: `“` does not begin a string; write \" or '",
        ),
        (
            "a; b",
            "at column 2: the character ';' has no meaning here; remove it",
        ),
        (
            "größe > 1",
            "at column 3: a name can't hold `ö`; write this[\"odd-name\"] for such a field",
        ),
        (
            "`a-b` > 1",
            "at column 1: names in backquotes are not supported; write this[\"odd-name\"]",
        ),
    ]);
}

#[test]
fn what_does_not_parse_is_pointed_at() {
    let missing = "does not fit here; an operator or a value may be missing before it";
    refused(&[
        (
            "a ==",
            "at column 5: the condition ends where a value is expected",
        ),
        ("a b", &format!("at column 3: `b` {missing}")),
        ("a == \"ü\" b", &format!("at column 10: `b` {missing}")),
        (
            "a ==\n  == b",
            &format!("at line 2, column 3: `==` {missing}"),
        ),
        ("(a", "at column 1: the bracket `(` is never closed"),
        ("a)", "at column 2: `)` closes no bracket; remove it"),
        (
            "a in [1)",
            "at column 8: `)` does not close the bracket `[`; write `]`",
        ),
        (
            "a == \"x",
            "at column 6: the string that begins here has no closing \"",
        ),
        (
            "a == '''x'",
            "at column 6: the string that begins here has no closing '''",
        ),
        (
            "a == \"x\ny\"",
            "at column 6: the string that begins here has no closing \"",
        ),
        (
            r#"a == "x\d""#,
            "at column 8: this escape is not valid in a string; write \\\\ for a backslash, or a raw \
             string such as r\"\\d+\"",
        ),
        (
            r#"a == "\ud800""#,
            "at column 6: an escape in this string stands for no character",
        ),
        (
            "a == 9223372036854775808",
            "at column 6: the integer 9223372036854775808 does not fit 64 bits",
        ),
        (
            "a == 18446744073709551616u",
            "at column 6: the integer 18446744073709551616u does not fit 64 bits",
        ),
        (
            "a == 1e999",
            "at column 6: the number 1e999 is beyond what a double holds",
        ),
        (
            "package == 1",
            "at column 1: `package` is a word of the language; write it in brackets, as in this[\"package\"]",
        ),
        (
            "a.in == 1",
            "at column 3: `in` is a word of the language; write it in brackets, as in this[\"in\"]",
        ),
        (
            "a.?b == 1",
            "at column 2: optional values (`?`) are not supported; write has(x) to ask for a field",
        ),
    ]);
}

#[test]
fn deep_nesting_is_refused_where_it_begins() {
    let deep = "brackets and operators are nested more than 24 deep; split the condition with && and \
                ||, or shorten it";
    let brackets = |count: usize| format!("{}a{}", "(".repeat(count), ")".repeat(count));
    assert!(PaymentCondition::compile(&brackets(NESTING_MAX)).is_ok());
    assert_eq!(
        refusal(&brackets(NESTING_MAX + 1)),
        format!("at column 25: {deep}")
    );
    assert_eq!(
        refusal(&format!("a{} == 1", "+1".repeat(24))),
        format!("at column 51: {deep}")
    );
    assert!(PaymentCondition::compile(&format!("a{}", "&& a".repeat(1000))).is_ok());
    assert!(PaymentCondition::compile(&format!("a{}", "== 1 || a".repeat(100))).is_ok());
    assert!(PaymentCondition::compile(&format!("a in [{}1]", "a.b,".repeat(100))).is_ok());
    assert!(refusal(&format!("{}a", "a ? b : ".repeat(30))).contains("nested more than"));
    assert!(refusal(&format!("{}a", "a ? b && c : ".repeat(30))).contains("nested more than"));
    assert!(PaymentCondition::compile(&format!("a in [{}1]", "1,".repeat(1000))).is_ok());
}

#[test]
fn a_condition_that_is_never_boolean_is_refused() {
    let gives =
        |kind| format!("the condition gives {kind}, not true or false; compare it, as in x == y");
    refused(&[
        ("\"captured\"", &gives("a string")),
        ("1 + 2", &gives("an int")),
        ("a + 1", &gives("an int")),
        ("1.5", &gives("a double")),
        ("1u", &gives("a uint")),
        ("null", &gives("null")),
        ("[a]", &gives("a list")),
        ("{\"a\": b}", &gives("an object")),
        ("this", &gives("an object")),
        ("size(a)", &gives("an int")),
        ("a ? 1 : 2", &gives("an int")),
        ("b\"x\"", &gives("bytes")),
        ("type(a)", &gives("a type")),
        ("a.map(x, x)", &gives("a list")),
    ]);
    for text in ["status", "a ? 1 : b", "dyn(1)", "a[0]", "[a][0]", "a.b"] {
        assert!(PaymentCondition::compile(text).is_ok(), "{text}");
    }
}

#[test]
fn types_that_never_fit_are_refused() {
    refused(&[
        (
            "1 == \"a\"",
            "at column 3: an int never equals a string; compare values of one type",
        ),
        (
            "size(a) == \"1\"",
            "at column 9: an int never equals a string; compare values of one type",
        ),
        (
            "1 < \"a\"",
            "at column 3: `<` can't compare an int with a string; compare values of one type",
        ),
        (
            "a < null",
            "at column 3: `<` does not take null; it takes numbers, strings or booleans",
        ),
        (
            "a > [1]",
            "at column 3: `>` does not take a list; it takes numbers, strings or booleans",
        ),
        (
            "a && 1",
            "at column 3: `&&` does not take an int; it takes true or false; compare the value, as in x == y",
        ),
        (
            "!\"a\"",
            "at column 1: `!` does not take a string; it takes true or false; compare the value, as in x == y",
        ),
        (
            "1 ? a : b",
            "at column 3: `?` does not take an int; it takes true or false before it",
        ),
        (
            "a in \"abc\"",
            "at column 3: `in` does not take a string; it takes a list behind it, as in x in [\"a\", \"b\"]",
        ),
        (
            "1 + 1.5 > a",
            "at column 3: `+` can't combine an int and a double; convert one with int(), double() or string()",
        ),
        (
            "true + a > 1",
            "at column 6: `+` does not take a boolean; it takes numbers or strings",
        ),
        (
            "[a] + b == c",
            "at column 5: `+` does not take a list; it takes numbers or strings",
        ),
        (
            "1.5 % a > 1",
            "at column 5: `%` does not take a double; it takes integers",
        ),
        (
            "-\"a\" == b",
            "at column 1: `-` does not take a string; it takes an int or a double",
        ),
        ("\"a\".b == 1", "at column 4: a string has no field `b`"),
        (
            "[1][\"a\"] == 1",
            "at column 4: a list has no element at a string",
        ),
        (
            "a[-1] == 1",
            "at column 4: an index can't be negative; the first one is 0",
        ),
        (
            "a[null] == 1",
            "at column 2: a value has no element at null",
        ),
        (
            "{1.5: 1} == a",
            "at column 2: a double can't be a key; write a string",
        ),
        (
            "\"a\".exists(x, true)",
            "at column 11: exists() goes through a list, not through a string",
        ),
        (
            "a.exists(x, 1)",
            "at column 13: exists() takes true or false here, not an int",
        ),
        (
            "size(1) == 1",
            "at column 6: size() does not take an int; write size(x) or x.size()",
        ),
        (
            "a.startsWith(1)",
            "at column 14: startsWith() does not take an int; write x.startsWith(\"a\")",
        ),
        (
            "[a].contains(\"b\")",
            "at column 1: contains() does not take a list; write \"a\" in list",
        ),
        (
            "a.matches(\"(\")",
            "at column 11: the pattern is not a valid regular expression: unclosed group",
        ),
    ]);
}

#[test]
fn numbers_of_all_types_may_be_compared() {
    for text in [
        "size(a) < 1.5",
        "1u == int(a)",
        "double(a) >= 1",
        "1 == 1.0",
    ] {
        assert!(PaymentCondition::compile(text).is_ok(), "{text}");
    }
}

#[test]
fn a_place_on_a_later_line_is_counted_from_its_beginning() {
    let problem = "the character '@' has no meaning here; remove it";
    refused(&[
        ("a ==\n  @", &format!("at line 2, column 3: {problem}")),
        (
            "\"ü\" == a &&\n\n@",
            &format!("at line 3, column 1: {problem}"),
        ),
        (
            "a &&\n size(1) == 2",
            "at line 2, column 7: size() does not take an int; write size(x) or x.size()",
        ),
    ]);
}
