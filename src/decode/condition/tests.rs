//! What conditions mean, which texts are refused, and that both ways to evaluate one agree.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod agreement;
mod bounds;
mod calls;
mod forms;
mod located;
mod macros;
mod refusals;

use super::*;

/// Evaluates `condition` as the mapping does.
fn evaluate_by(condition: &PaymentCondition, object: &str) -> Result<bool, EvaluationError> {
    if condition.needs_object() {
        return condition.evaluate_object(object);
    }
    condition.evaluate(|path| located::locate(object, condition.paths().get(path)?))
}

/// What `text` gives for `object`: as compiled, which must be the same as interpreted.
fn evaluate(text: &str, object: &str) -> Result<bool, String> {
    let compiled =
        PaymentCondition::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let result = evaluate_by(&compiled, object);
    let interpreted = PaymentCondition::interpreted(text)
        .unwrap()
        .evaluate_object(object);
    match (&result, &interpreted) {
        (Ok(tree), Ok(interpreter)) => assert_eq!(tree, interpreter, "{text} over {object}"),
        (Err(_), Err(_)) => {}
        _ => panic!("{text} over {object}: {result:?}, but interpreted {interpreted:?}"),
    }
    result.map_err(|error| error.to_string())
}

fn holds(text: &str, object: &str) -> bool {
    evaluate(text, object).unwrap_or_else(|error| panic!("{text} over {object}: {error}"))
}

fn is_tree(text: &str) -> bool {
    !PaymentCondition::compile(text).unwrap().needs_object()
}

#[test]
fn a_condition_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<PaymentCondition>();
}

#[test]
fn a_condition_shows_its_text_and_equals_one_of_the_same_text() {
    let condition = PaymentCondition::compile("a == 1").unwrap();
    assert_eq!(condition.to_string(), "a == 1");
    assert_eq!(format!("{condition:?}"), "PaymentCondition(\"a == 1\")");
    assert_eq!(condition, condition.clone());
    assert_ne!(condition, PaymentCondition::compile("a == 2").unwrap());
}

#[test]
fn paths_are_named_once_each_with_what_has_needs() {
    let field = |name: &str| PathStep::Field(name.to_owned());
    let text = "a.b[1].c == 1 && this[\"odd-name\"] == \"x\" && a[\"b\"][1].c < 2 && has(r.s)";
    let condition = PaymentCondition::compile(text).unwrap();
    let wanted = [
        vec![field("a"), field("b"), PathStep::Index(1), field("c")],
        vec![field("odd-name")],
        vec![field("r")],
        vec![field("r"), field("s")],
    ];
    assert_eq!(condition.paths(), wanted);
    assert!(!condition.needs_object());
}

#[test]
fn paths_are_read_from_the_callers_texts() {
    let condition = PaymentCondition::compile("a == 1 || b == \"x\"").unwrap();
    let texts = [Some("2"), Some("\"\\u0078\"")];
    assert_eq!(condition.evaluate(|path| texts[path]), Ok(true));
    assert!(
        condition
            .evaluate(|path| texts[path].filter(|_| path == 0))
            .is_err()
    );
}

#[test]
fn the_payment_itself_has_no_elements() {
    assert!(!is_tree("this[0] == 1"));
    let error = evaluate("this[0] == 1", "{\"0\": 1}").unwrap_err();
    assert_eq!(
        error,
        "the condition can't be decided: an object has no field `0`"
    );
}

#[test]
fn a_condition_that_needs_the_object_says_so_when_it_is_given_paths() {
    let condition = PaymentCondition::compile("size(a) > 1").unwrap();
    assert!(condition.needs_object());
    assert_eq!(condition.paths(), [] as [Vec<PathStep>; 0]);
    let error = condition.evaluate(|_| None).unwrap_err().to_string();
    assert_eq!(
        error,
        "the condition can't be decided: it needs the whole payment"
    );
}
