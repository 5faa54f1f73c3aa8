//! Each kind of call that a condition can't make, with what it is told.

use super::refusals::{refusal, refused};
use super::{MACROS_MAX, PaymentCondition};
#[test]
fn unknown_functions_get_the_nearest_name() {
    let of =
        |name: &str, advice: &str| format!("at column 1: there is no function {name}(); {advice}");
    refused(&[
        ("siez(a) > 1", &of("siez", "did you mean size()?")),
        ("exsts(a, x)", &of("exsts", "did you mean exists()?")),
        ("isNull(a)", &of("isNull", "write x == null")),
        ("length(a) > 1", &of("length", "write size(x)")),
        ("not(a)", &of("not", "write ! for not")),
        (
            "a.startswith(\"x\")",
            "at column 3: there is no function startswith(); did you mean startsWith()?",
        ),
        (
            "a.toLower() == \"x\"",
            "at column 3: there is no function toLower(); write x.matches(\"(?i)^text$\") to compare without regard to case",
        ),
    ]);
    assert!(
        refusal("x.y(1)").starts_with("at column 3: there is no function y(); there are all, bool")
    );
    assert!(
        refusal("math.greatest(a, b) == 1")
            .starts_with("at column 6: there is no function greatest(); there are all, bool")
    );
}

#[test]
fn functions_of_clocks_and_random_numbers_do_not_exist() {
    let clock = "a condition can't read a clock or random numbers, so that it gives the same \
                 answer whenever the log is read again";
    for name in ["now", "today", "random", "uuid"] {
        let message = format!("at column 1: there is no function {name}(); {clock}");
        assert_eq!(refusal(&format!("{name}() == a")), message);
    }
    for name in ["timestamp", "duration"] {
        assert!(
            refusal(&format!("{name}(a) == b")).contains("times are strings"),
            "{name}"
        );
    }
    assert!(refusal("a.getHours() == 1").contains("times are strings"));
    for name in ["optional.of(a)", "optional.none()", "base64.encode(a)"] {
        assert!(
            refusal(&format!("{name} == b")).contains("there is no function"),
            "{name}"
        );
    }
}

#[test]
fn wrong_calls_are_told_the_right_one() {
    let of = |at: usize, name: &str, usage: &str| {
        format!("at column {at}: {name}() is called the wrong way; write {usage}")
    };
    let has = "has(a.b) with the name of a field";
    refused(&[
        ("size() > 1", &of(1, "size", "size(x) or x.size()")),
        ("a.size(b) > 1", &of(3, "size", "size(x) or x.size()")),
        (
            "startsWith(a, \"x\")",
            &of(1, "startsWith", "x.startsWith(\"a\")"),
        ),
        ("a.string() == b", &of(3, "string", "string(x)")),
        ("type() == int", &of(1, "type", "type(x) == string")),
        (
            "exists(a, x > 1)",
            &of(1, "exists", "items.exists(item, item.price > 10)"),
        ),
        (
            "a.exists(x)",
            &of(3, "exists", "items.exists(item, item.price > 10)"),
        ),
        (
            "a.exists(1, true)",
            &of(3, "exists", "items.exists(item, item.price > 10)"),
        ),
        (
            "a.exists(x, y, true)",
            &of(3, "exists", "items.exists(item, item.price > 10)"),
        ),
        (
            "a.map(x, y, z, 1)",
            &of(3, "map", "items.map(item, item.price)"),
        ),
        ("has()", &of(1, "has", has)),
        ("has(a, b)", &of(1, "has", has)),
        ("has(this)", &of(1, "has", has)),
        ("has(a[0])", &of(1, "has", has)),
        ("has(1)", &of(1, "has", has)),
        ("a.has(b)", &of(3, "has", has)),
        ("a.exists(x, has(x))", &of(13, "has", has)),
    ]);
}

#[test]
fn what_would_make_work_unbounded_is_refused() {
    refused(&[
        (
            "a.exists(x, x.b.exists(y, y > 1))",
            "at column 23: exists() can't stand within another macro",
        ),
        (
            "a.filter(x, x > 1).exists(y, y > 1)",
            "at column 26: exists() can't go through what another macro gives; combine the two with && in one",
        ),
        (
            "a.exists(x, x == this)",
            "at column 18: a macro can't use all of `this` for each element; name a field of it",
        ),
        (
            "a.exists(x, b[x] == 1)",
            "at column 14: a macro can't look up a field of the payment by a computed name or number; write a literal in the brackets",
        ),
        (
            "a.exists(this, true)",
            "at column 9: the element can't be called `this`; write another one",
        ),
        (
            "a.matches(b)",
            "at column 11: the pattern of matches() must be a literal string",
        ),
        (
            ".a == 1",
            "at column 2: a name does not begin with a dot; write `a`",
        ),
        (
            "A{b: 1} == c",
            "at column 2: messages such as A{} are not supported",
        ),
    ]);
}

#[test]
fn a_condition_has_a_bounded_number_of_macros() {
    let with = |count: usize| vec!["a.all(x, x)"; count].join(" && ");
    assert!(PaymentCondition::compile(&with(MACROS_MAX)).is_ok());
    let message = refusal(&with(MACROS_MAX + 1));
    assert_eq!(
        message,
        "at column 126: a condition has at most 8 macros, and this is one more"
    );
}
