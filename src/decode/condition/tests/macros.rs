//! Macros: what they give, that they are those of the crate, and that their work is bounded.

use std::sync::Arc;

use cel::{Context, Env, Value};

use super::*;

const OBJECT: &str = r#"{"items": [{"price": 5}, {"price": 20, "kind": "x"}], "limit": 10,
    "empty": [], "one": [1], "o": {"a": 1}, "kind": "x", "names": ["a", "b"]}"#;

#[test]
fn macros_go_through_lists() {
    for text in [
        "items.exists(i, i.price > 10) && !items.exists(i, i.price > 20)",
        "items.all(i, i.price > 1) && !items.all(i, i.price > 10)",
        "items.exists_one(i, i.price > 10) && items.existsOne(i, i.price < 10)",
        "!items.exists_one(i, i.price > 1)",
        "items.filter(i, i.price > 10) == [{\"price\": 20, \"kind\": \"x\"}]",
        "items.map(i, i.price) == [5, 20] && items.map(i, has(i.kind), i.kind) == [\"x\"]",
        "empty.all(i, i > 1) && !empty.exists(i, true) && size(empty.map(i, i)) == 0",
        "items.exists(i, i.price > limit)",
        "items.exists(i, has(i[\"kind\"]) && i.kind == kind)",
        "[1, 2, limit].exists(x, x == limit) && items.map(i, [i.price, limit])[1] == [20, 10]",
        "names.exists(n, n.matches(\"^b$\")) && items.exists(i, has(o.a) && i.price == 5)",
        "has(items) ? items.exists(i, i.price == 20) : false",
    ] {
        assert!(holds(text, OBJECT), "{text}");
    }
}

#[test]
fn the_element_hides_a_field_of_its_name() {
    assert!(holds("one.all(kind, kind == 1) && kind == \"x\"", OBJECT));
    assert!(holds("items.exists(items, items.price == 20)", OBJECT));
    assert!(!holds(
        "names.exists(string, type(string) == string)",
        OBJECT
    ));
    assert!(holds(
        "names.all(string, type(string) == type(\"a\") && string != \"c\")",
        OBJECT
    ));
    assert!(holds(
        "one.all(o, o == 1) && one.exists(x, x == o.a)",
        OBJECT
    ));
}

#[test]
fn an_element_that_decides_hides_the_errors_of_others() {
    assert!(holds("items.exists(i, i.kind == \"x\")", OBJECT));
    assert!(!holds("items.all(i, i.kind == \"y\")", OBJECT));
    assert!(evaluate("items.all(i, i.kind == \"x\")", OBJECT).is_err());
    assert!(evaluate("items.map(i, i.kind) == []", OBJECT).is_err());
}

#[test]
fn macros_are_the_crates_own() {
    let environment = Arc::new(Env::stdlib());
    for text in [
        "LIST.all(x, x > 1)",
        "LIST.exists(x, x == 2)",
        "LIST.exists(x, x > 2)",
        "LIST.exists_one(x, x == 2)",
        "LIST.existsOne(x, x > 1)",
        "LIST.filter(x, x != 2) == [1, 3]",
        "LIST.map(x, x + x) == [2, 4, 6]",
        "LIST.map(x, x > 1, x * x) == [4, 9]",
    ] {
        for list in [
            "[]",
            "[1, 2, 3]",
            "[2, 2]",
            "[3, 2, \"x\"]",
            "[\"x\", 2]",
            "[\"x\"]",
        ] {
            let program = environment.compile(&text.replace("LIST", list)).unwrap();
            let crates = program.execute(&Context::with_env(Arc::clone(&environment)));
            let own = evaluate(&text.replace("LIST", "l"), &format!("{{\"l\": {list}}}"));
            assert_eq!(own.ok().map(Value::Bool), crates.ok(), "{text} over {list}");
        }
    }
}

#[test]
fn macros_go_through_lists_alone() {
    let of = |text: &str| {
        let error = evaluate(text, OBJECT).unwrap_err();
        error.replace("the condition can't be decided: ", "")
    };
    assert_eq!(
        of("o.exists(k, true)"),
        "a macro goes through a list, but `o` is an object"
    );
    assert_eq!(
        of("kind.all(k, true)"),
        "a macro goes through a list, but `kind` is a string"
    );
    assert_eq!(
        of("m.all(k, true)"),
        "`m` is not there; use has(m) to ask whether it is there"
    );
    // As everywhere, the other side may decide.
    assert!(holds("o.exists(k, true) || kind == \"x\"", OBJECT));
}

#[test]
fn a_long_list_is_an_error() {
    let list = |count: usize| format!("{{\"l\": [{}1]}}", "0,".repeat(count - 1));
    assert!(holds("l.exists(x, x == 1)", &list(ELEMENTS_MAX)));
    let error = evaluate("l.exists(x, x == 1)", &list(ELEMENTS_MAX + 1)).unwrap_err();
    let problem = "`l` has 10001 elements, more than the 10000 that a macro goes through";
    assert_eq!(error, format!("the condition can't be decided: {problem}"));
    // Without a macro a list may be as long as a payment lets it.
    assert!(holds("size(l) == 10001 && 1 in l", &list(ELEMENTS_MAX + 1)));
}

#[test]
fn what_is_copied_must_be_a_single_short_value() {
    let object = |length: usize| {
        let long = "x".repeat(length);
        format!("{{\"l\": [\"x\"], \"s\": \"{long}\", \"o\": {{\"s\": 1}}, \"n\": null}}")
    };
    assert!(holds(
        "l.all(x, s.startsWith(x) && o.s == 1 && n == null)",
        &object(SINGLE_MAX)
    ));
    let only = "can stand in a macro, a sum or a list, and";
    for (text, problem) in [
        (
            "l.all(x, x == s)",
            format!("only up to 1024 bytes {only} `s` has 1025"),
        ),
        (
            "s + \"\" == \"\"",
            format!("only up to 1024 bytes {only} `s` has 1025"),
        ),
        (
            "[bytes(s)] == l",
            format!("only up to 1024 bytes {only} one has 1025"),
        ),
        (
            "l.all(x, x in l)",
            format!("only single values {only} `l` is a list"),
        ),
        (
            "l.map(x, o) == []",
            format!("only single values {only} `o` is an object"),
        ),
        (
            "[l] == []",
            format!("only single values {only} `l` is a list"),
        ),
        (
            "l + l == []",
            format!("only single values {only} `l` is a list"),
        ),
        (
            "{\"k\": [o]} == o",
            format!("only single values {only} `o` is an object"),
        ),
    ] {
        let error = evaluate(text, &object(SINGLE_MAX + 1)).unwrap_err();
        assert_eq!(
            error,
            format!("the condition can't be decided: {problem}"),
            "{text}"
        );
    }
}
