//! No text and no payment makes a condition panic, and what is said of them is short.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const TOKENS: [&str; 74] = [
    "a",
    "b.c",
    "this",
    "items",
    "x",
    "type",
    "int",
    "1",
    "0",
    "-1",
    "1u",
    "1.5",
    ".5",
    "1e3",
    "0x1F",
    "9223372036854775807",
    "18446744073709551615u",
    "1e999",
    "\"s\"",
    "'s'",
    "\"\"\"s\"\"\"",
    "r\"\\\"",
    "b\"s\"",
    "\"\\x41\"",
    "\"\\303\"",
    "true",
    "false",
    "null",
    "in",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "!",
    "?",
    ":",
    "+",
    "-",
    "*",
    "/",
    "%",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "has(a)",
    "size(",
    ".size()",
    ".exists(x, ",
    ".map(x, ",
    ".all(",
    ".matches(\"a\")",
    "type(",
    "string(",
    "int(",
    "has(",
    "\n",
    "// c\n",
    "=",
    "&",
    "`a`",
    "for",
    "é",
    "\"",
    "\\",
    "1r",
];

/// Compiles `text` and evaluates it over payments of several kinds.
fn try_out(text: &str) {
    let short = |message: String| {
        assert!(message.len() <= 400, "{message}");
        assert!(!message.contains('\n'), "{message:?}");
    };
    match PaymentCondition::compile(text) {
        Err(error) => short(error.to_string()),
        Ok(condition) => {
            for object in [
                "{}",
                r#"{"a": 1, "b": {"c": "s"}, "items": [1, 2], "x": 0, "type": "t", "int": 1.5}"#,
                r#"{"a": "s", "b": null, "items": [], "x": [], "type": {}, "int": -1}"#,
                r#"{"a": true, "b": [], "items": [{}, "s", null], "x": 1e400, "int": false}"#,
                "[]",
                "",
            ] {
                if let Err(error) = evaluate_by(&condition, object) {
                    short(error.to_string());
                }
            }
        }
    }
}

/// Expressions that parse. `dyn` keeps their types from the compiler, so that most compile.
fn expression() -> impl Strategy<Value = String> {
    let field = select(vec![
        "a",
        "b.c",
        "this[\"a\"]",
        "items",
        "items[0]",
        "x",
        "int",
        "type",
    ]);
    let literal = select(vec![
        "1",
        "0",
        "-1",
        "2u",
        "1.5",
        "\"s\"",
        "b\"s\"",
        "true",
        "false",
        "null",
        "[]",
        "[1, a]",
        "{\"k\": a}",
        "-9223372036854775808",
        "''",
        "9223372036854775807",
    ]);
    let leaf = prop_oneof![
        field.prop_map(str::to_owned),
        literal.prop_map(|text| format!("dyn({text})")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operator = select(vec![
            "==", "!=", "<", "<=", ">", ">=", "&&", "||", "+", "-", "*", "/", "%", "in",
        ]);
        let function = select(vec![
            "size", "int", "uint", "double", "string", "bool", "bytes", "type", "!", "-",
        ]);
        let search = select(vec!["startsWith", "endsWith", "contains"]);
        let element = select(vec!["exists", "all", "exists_one", "filter", "map"]);
        let one = inner.clone();
        let two = (inner.clone(), inner.clone());
        let three = (inner.clone(), inner.clone(), inner);
        prop_oneof![
            4 => (two.clone(), operator).prop_map(|((a, b), by)| format!("dyn({a} {by} {b})")),
            2 => (one.clone(), function).prop_map(|(a, name)| format!("dyn({name}({a}))")),
            1 => (two.clone(), search).prop_map(|((a, b), name)| format!("dyn({a}.{name}({b}))")),
            1 => one.clone().prop_map(|a| format!("dyn({a}.matches(\"s\"))")),
            1 => three.prop_map(|(a, b, c)| format!("dyn({a} ? {b} : {c})")),
            2 => (two.clone(), element).prop_map(|((a, b), name)| format!("dyn({a}.{name}(x, {b}))")),
            1 => two.prop_map(|(a, b)| format!("{a}[{b}]")),
            1 => one.prop_map(|a| format!("dyn(has({a}.c))")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_text_makes_the_compiler_panic(text in "\\PC{0,200}") {
        try_out(&text);
    }

    #[test]
    fn no_row_of_tokens_makes_the_compiler_panic(
        tokens in vec(select(&TOKENS[..]), 0..30),
        blank in select(vec!["", " "]),
    ) {
        try_out(&tokens.join(blank));
    }

    #[test]
    fn no_expression_makes_the_interpreter_panic(
        left in expression(),
        right in expression(),
        operator in select(vec!["==", "!=", "&&", "||", "<", "in"]),
    ) {
        try_out(&format!("({left}) {operator} ({right})"));
    }

    #[test]
    fn brackets_within_strings_count_nowhere(
        text in "[()\\[\\]{}a\\\\ \"]{0,60}",
        quote in select(vec!["\"", "'", "\"\"\"", "'''"]),
    ) {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        let condition = format!("a == {quote}{escaped}{quote}");
        let object = serde_json::json!({ "a": text }).to_string();
        prop_assert!(holds(&condition, &object), "{}", condition);
    }
}

#[test]
fn the_deepest_texts_compile_within_the_stack_of_a_test() {
    let count = NESTING_MAX - 1;
    for text in [
        format!("{}a{}", "(".repeat(count), ")".repeat(count)),
        format!("{}1{} == a", "[".repeat(count), "]".repeat(count)),
        format!("a{} == 1", ".b".repeat(count)),
        format!("a{} == 1", "[0]".repeat(count)),
        format!("a{} == 1", "+a".repeat(count)),
        format!("a{}", "==a".repeat(count)),
        format!("{}a", "a?b:".repeat(count / 2)),
        format!("{}a{} == 1", "dyn(".repeat(count), ")".repeat(count)),
        format!("{}a{}", "(a&&b&&c||".repeat(count), ")".repeat(count)),
        format!("a{}", "&&a".repeat(1_300)),
        format!("a in [{}1]", "1,".repeat(2_000)),
        format!("{}a", "!".repeat(count)),
        format!(
            "a.exists(x, {}x{})",
            "(".repeat(count - 2),
            ")".repeat(count - 2)
        ),
    ] {
        try_out(&text);
        let text: String = text.chars().take(40).collect();
        assert!(
            PaymentCondition::compile(&text).is_ok() || text.len() == 40,
            "{text}"
        );
    }
}

#[test]
fn bad_rows_of_one_token_are_refused_quickly() {
    for token in TOKENS {
        for blank in ["", " "] {
            let row = [token, blank].concat().repeat(TEXT_MAX / (token.len() + 1));
            try_out(&row);
        }
    }
}

#[test]
fn arrays_and_objects_beside_each_other_are_not_nested() {
    let object = |of: &str| format!("{{\"a\": [{}{of}]}}", format!("{of},").repeat(199));
    let condition = PaymentCondition::compile("size(a) == 200").unwrap();
    for of in ["[]", "{}", "[[{}]]", "{\"a\": [{}]}"] {
        assert_eq!(condition.evaluate_object(&object(of)), Ok(true), "{of}");
    }
}

#[test]
fn a_payment_may_nest_as_deep_as_json_may() {
    let nested = |depth: usize| format!("{{\"a\": {}{}}}", "[".repeat(depth), "]".repeat(depth));
    let condition = PaymentCondition::compile("size(a) == 1 || a.exists(x, size(x) == 1)").unwrap();
    assert_eq!(condition.evaluate_object(&nested(127)), Ok(true));
    assert_eq!(
        condition.evaluate_object(&nested(128)),
        Err(EvaluationError::NotAnObject)
    );
    assert_eq!(
        condition.evaluate_object(&nested(100_000)),
        Err(EvaluationError::NotAnObject)
    );
}
