//! Each common form, and what CEL says about types, nulls and errors.

use super::*;

#[test]
fn strings_compare_by_code_point_and_unescaped() {
    let object = r#"{"a": "b\u0063", "e": "é", "q": "a\\b", "p": "😀"}"#;
    assert!(holds(r#"a == "bc""#, object));
    assert!(holds(r#""bc" == a"#, object));
    assert!(holds(r#"a != "b""#, object));
    assert!(holds(
        r#"a > "bb" && a < "bd" && a >= "bc" && a <= "bc""#,
        object
    ));
    assert!(holds(r#""bb" < a && "bd" > a"#, object));
    assert!(holds(r#"e == "\u00e9" && e > "z""#, object));
    assert!(holds(r#"q == "a\\b" && q != "a\\\\b""#, object));
    // U+1F600 comes after U+FF5E, though UTF-16 would put it before.
    assert!(holds("p > \"\u{ff5e}\"", object));
}

#[test]
fn numbers_compare_by_value_whatever_their_type() {
    let object = r#"{"i": 1, "d": 1.5, "w": 1.0, "n": -3, "u": 18446744073709551615}"#;
    assert!(holds(
        "i == 1 && i == 1u && i == 1.0 && w == 1 && w == 1u",
        object
    ));
    assert!(holds("i < 1.5 && d > 1 && d >= 1.5 && 2 > d", object));
    assert!(holds("n < 0u && n < 0 && n == -3.0", object));
    assert!(holds(
        "u == 18446744073709551615u && u > 9223372036854775807",
        object
    ));
    assert!(!holds("i == \"1\"", object));
    assert!(holds("i != \"1\"", object));
}

#[test]
fn integers_are_exact_and_round_beside_a_double() {
    let object = r#"{"a": 9007199254740993, "b": 9223372036854775808, "c": 18446744073709551616}"#;
    assert!(holds(
        "a > 9007199254740992 && a < 9007199254740994",
        object
    ));
    // 2^53 + 1 has no double: the nearest one is 2^53.
    assert!(holds("a == 9007199254740992.0", object));
    assert!(holds(
        "b > 9223372036854775807 && b == 9223372036854775808u",
        object
    ));
    assert!(holds(
        "c > 18446744073709551615u || c == 18446744073709551616.0",
        object
    ));
    assert!(holds(
        "type(a) == int && type(b) == uint && type(c) == double",
        object
    ));
    assert!(holds("x > 1e308", r#"{"x": 1e400}"#));
    assert!(holds("z == 0 && type(z) == double", r#"{"z": -0}"#));
    assert!(holds("z == 0", r#"{"z": -0}"#));
}

#[test]
fn booleans_and_null_compare_with_their_own_kind() {
    let object = r#"{"t": true, "f": false, "n": null, "s": "true"}"#;
    assert!(holds(
        "t && !f && t == true && f != true && false < t",
        object
    ));
    assert!(holds(
        "n == null && null == n && t != null && s != true",
        object
    ));
    assert!(!holds("n == false || n == 0 || n == \"\"", object));
    assert!(holds("true", object));
    assert!(!holds("false || (f)", object));
}

#[test]
fn in_asks_for_an_equal_literal() {
    let object = r#"{"s": "settled", "i": 2, "n": null}"#;
    assert!(holds(r#"s in ["captured", "settled"]"#, object));
    assert!(!holds(r#"s in ["captured"] || s in []"#, object));
    assert!(holds(r#"i in ["2", 1, 2.0] && n in [0, null]"#, object));
    assert!(is_tree(r#"s in ["captured", "settled"]"#));
}

#[test]
fn has_asks_for_the_name_even_if_its_value_is_null() {
    let object = r#"{"n": null, "o": {"x": null}, "odd-name": 1}"#;
    assert!(holds("has(n) && has(o.x) && has(this.n)", object));
    assert!(!holds("has(m) || has(o.y) || has(this.m)", object));
    assert!(holds("has(this[\"odd-name\"]) && has(o[\"x\"])", object));
    for text in [
        "has(n)",
        "has(o.x)",
        "has(this[\"odd-name\"])",
        "has(o[\"x\"])",
    ] {
        assert!(is_tree(text), "{text}");
    }
}

#[test]
fn has_of_a_field_in_something_that_has_no_fields_is_an_error() {
    let object = r#"{"n": null, "s": "x", "l": [{"x": 1}]}"#;
    for text in [
        "has(m.x)",
        "has(n.x)",
        "has(s.x)",
        "has(l.x)",
        "has(l[1].x)",
    ] {
        assert!(evaluate(text, object).is_err(), "{text}");
    }
    assert!(holds("has(l[0].x) && !has(l[0].y)", object));
}

#[test]
fn texts_are_searched_unescaped() {
    let object = r#"{"s": "AT-\u0031\u0032", "i": 12}"#;
    assert!(holds(
        r#"s.startsWith("AT") && s.endsWith("12") && s.contains("T-1")"#,
        object
    ));
    assert!(!holds(
        r#"s.startsWith("T") || s.endsWith("1") || s.contains("at")"#,
        object
    ));
    assert!(holds(
        r#"s.matches("^[A-Z]{2}-\\d+$") && matches(s, r"(?i)at-\d")"#,
        object
    ));
    assert!(!holds(r#"s.matches("^\\d")"#, object));
    assert!(evaluate(r#"i.startsWith("1")"#, object).is_err());
    assert!(evaluate(r#"i.matches("1")"#, object).is_err());
    assert!(is_tree(
        r#"s.startsWith("AT") && matches(s, "a") || s.matches("b")"#
    ));
}

#[test]
fn an_error_is_dropped_when_the_other_side_decides() {
    let object = r#"{"t": true, "f": false}"#;
    assert!(holds("m == 1 || t", object));
    assert!(holds("t || m == 1", object));
    assert!(!holds("m == 1 && f", object));
    assert!(!holds("f && m == 1", object));
    assert!(!holds("m == 1 && t && f", object));
    for text in [
        "m == 1 || f",
        "f || m == 1",
        "m == 1 && t",
        "t && m == 1",
        "!(m == 1)",
    ] {
        assert!(evaluate(text, object).is_err(), "{text}");
    }
}

#[test]
fn an_error_names_the_path_and_what_stands_there() {
    let long = "x".repeat(60);
    let object = format!(r#"{{"s": "{long}", "o": {{"x": [1, 2]}}, "n": null}}"#);
    let of = |text: &str| evaluate(text, &object).unwrap_err();
    assert_eq!(
        of("m == 1"),
        "`m` is not there; use has(m) to ask whether it is there"
    );
    assert_eq!(
        of("o.x[2] == 1"),
        "`o.x[2]` is not there; use has(o) && has(o.x) && size(o.x) > 2 to ask whether it is there"
    );
    assert_eq!(
        of("this[\"odd-name\"] == 1"),
        "`this[\"odd-name\"]` is not there; use has(this[\"odd-name\"]) to ask whether it is there"
    );
    let shown = format!("\"{}…", "x".repeat(38));
    assert_eq!(
        of("s > 1"),
        format!("`s` holds {shown} where a number is expected")
    );
    assert_eq!(
        of("o.x < \"a\""),
        "`o.x` holds [1, 2] where a string is expected"
    );
    assert_eq!(
        of("n && true"),
        "`n` holds null where true or false is expected"
    );
    assert_eq!(of("n"), "`n` holds null where true or false is expected");
    assert_eq!(of("has(n.x)"), "`n` holds null where an object is expected");
    assert_eq!(
        of("n > true"),
        "`n` holds null where true or false is expected"
    );
}

#[test]
fn the_interpreter_says_what_it_could_not_do() {
    let object = r#"{"i": 1, "s": "k", "d": 1.5, "l": [1], "o": {"x": 1}, "z": 0}"#;
    let of = |text: &str| {
        let error = evaluate(text, object).unwrap_err();
        error.replace("the condition can't be decided: ", "")
    };
    assert_eq!(
        of("size(o.y) > 1"),
        "`o.y` is not there; use has(o.y) to ask whether it is there"
    );
    assert_eq!(of("o[s] == 1"), "an object has no field `k`");
    assert_eq!(of("i + d > 1.0"), "`+` can't take an int and a double");
    assert_eq!(
        of("i < o"),
        "`o` is an object, which can't be ordered or computed with"
    );
    assert_eq!(
        of("(o.x == 1 ? l : o) * 2 == 2"),
        "one is a list, which can't be ordered or computed with"
    );
    assert_eq!(of("i < s"), "`<` can't take an int and a string");
    assert_eq!(
        of("l[i] == 1"),
        "a list has no element 1; ask for size(list) first"
    );
    assert_eq!(of("i / z == 1"), "it divides by zero");
    assert_eq!(of("i % z == 1"), "it divides by zero");
    assert_eq!(
        of("i + 9223372036854775807 > 1"),
        "a number goes beyond 64 bits"
    );
    assert_eq!(of("int(s) == 1"), "int() can't convert the value");
    assert_eq!(of("size(i) == 1"), "`size` can't take an int");
    assert_eq!(of("z == 0 ? i : d"), "it gives an int, not true or false");
    assert_eq!(of("s.x.y.z + 1 == 1"), "a string has no fields");
}

#[test]
fn a_missing_name_is_shown_with_the_path_that_it_stands_on() {
    let object = r#"{"o": {"yx": "s", "xy": "s"}, "z": {}}"#;
    let text = "size(o.yx) + size(o.xy) > 2 || size(z.y) > 1";
    assert_eq!(
        evaluate(text, object).unwrap_err(),
        "`z.y` is not there; use has(z.y) to ask whether it is there"
    );
}

#[test]
fn what_is_not_an_object_is_an_error_of_its_own() {
    let interpreted = PaymentCondition::compile("size(a) == 0").unwrap();
    for text in [
        "",
        "[]",
        "1",
        "{\"a\": \"\"",
        "{\"a\": \"\"} x",
        "{\"a\": \"\\ud800\"}",
    ] {
        let result = interpreted.evaluate_object(text);
        assert_eq!(result, Err(EvaluationError::NotAnObject), "{text}");
    }
    assert_eq!(interpreted.evaluate_object("{\"a\": \"\"}"), Ok(true));
    // A field that is not asked for is not read.
    assert_eq!(
        interpreted.evaluate_object("{\"a\": \"\", \"b\": \"\\ud800\"}"),
        Ok(true)
    );
}

#[test]
fn an_escape_without_a_character_is_an_error_where_it_is_read() {
    let object = r#"{"a": "\ud800", "b": 1}"#;
    assert!(evaluate("a == \"x\"", object).is_err());
    assert!(evaluate("a in [\"x\"]", object).is_err());
    assert!(holds("b == 1", object));
}

#[test]
fn fields_named_like_types_and_functions_are_fields() {
    let object =
        r#"{"type": "refund", "int": 1, "size": 2, "timestamp": "2026", "math": {"x": 1}}"#;
    assert!(holds("type == \"refund\" && int == 1 && size == 2", object));
    assert!(holds(
        "timestamp >= \"2025\" && math.x == 1 && size(type) == 6",
        object
    ));
    assert!(evaluate("string == \"refund\"", object).is_err());
    assert!(holds(
        "type(int) == int && type(type) == string && double(int) == 1.0",
        object
    ));
    assert!(holds("type(math) == map && string == type(type)", object));
}

#[test]
fn a_name_that_is_given_twice_has_no_value() {
    for (text, object) in [
        ("a == 2 && size(this) == 1", r#"{"a": 1, "\u0061": 2}"#),
        ("a == 2", r#"{"a": 1, "\u0061": 2}"#),
        ("o == {\"a\": 2}", r#"{"o": {"a": 1, "a": 2}}"#),
        ("l.exists(i, i.a == 2)", r#"{"l": [{"a": 1, "a": 2}]}"#),
    ] {
        assert!(evaluate(text, object).is_err(), "{text} over {object}");
    }
}

#[test]
fn what_is_not_a_common_form_is_interpreted() {
    let object = r#"{"a": 3, "b": 4, "s": "xy", "l": ["vip", {"p": [1]}], "o": {"k": "v"}}"#;
    for text in [
        "a < b",
        "a + 1 == b",
        "-a < 0",
        "a > 1 ? b == 4 : b == 5",
        "\"vip\" in l",
        "\"k\" in o",
        "size(s) == 2 && s.size() == 2",
        "l[1].p == [1] && l[1] == {\"p\": [1]}",
        "o[\"k\"] == \"v\" && o[s == \"xy\" ? \"k\" : \"j\"] == \"v\"",
        "string(a) == \"3\" && int(\"3\") == a && uint(a) == 3u && bool(\"true\")",
        "bytes(s) == b\"xy\" && dyn(a) == 3",
        "this.a == this[\"a\"] && size(this) == 5",
        "s + \"z\" == \"xyz\" && [a, [s]] == [3, [\"xy\"]]",
        "a % 2 == 1 && a * b == 12 && b / 2 == 2 && b - a == 1",
    ] {
        assert!(holds(text, object), "{text}");
        assert!(!is_tree(&format!("({text}) && a < b")), "{text}");
    }
}
