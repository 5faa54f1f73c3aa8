//! The places in a payment that a condition reads.

use std::fmt::Write as _;

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, operators};

use super::error::first_characters;
use super::kind::ValueKind;
use crate::decode::path::PathStep;

/// The name that stands for the whole payment.
pub(super) const WHOLE: &str = "this";

/// The steps from the payment to what `expr` reads, when all of them are known: none for `this`.
/// `None` for other expressions, and for what begins at the element of a macro called `element`.
pub(super) fn path_of(expr: &IdedExpr, element: Option<&str>) -> Option<Vec<PathStep>> {
    match &expr.expr {
        Expr::Ident(name) if Some(name.as_str()) == element => None,
        Expr::Ident(name) if name == WHOLE => Some(Vec::new()),
        Expr::Ident(name) => Some(vec![PathStep::Field(name.clone())]),
        Expr::Select(select) if !select.test => {
            let mut steps = path_of(&select.operand, element)?;
            steps.push(PathStep::Field(select.field.clone()));
            Some(steps)
        }
        Expr::Call(call) if call.func_name == operators::INDEX && call.target.is_none() => {
            let [operand, index] = call.args.as_slice() else {
                return None;
            };
            let mut steps = path_of(operand, element)?;
            steps.push(step_of(index)?);
            // The payment itself has no elements.
            (!matches!(steps.as_slice(), [PathStep::Index(_), ..])).then_some(steps)
        }
        _ => None,
    }
}

fn step_of(index: &IdedExpr) -> Option<PathStep> {
    match &index.expr {
        Expr::Literal(LiteralValue::String(name)) => Some(PathStep::Field(name.inner().to_owned())),
        Expr::Literal(LiteralValue::Int(index)) => {
            usize::try_from(*index.inner()).ok().map(PathStep::Index)
        }
        _ => None,
    }
}

/// Whether the argument at `index` of `==` or `!=` names a type, because the other one is
/// `type(x)`. Everywhere else such a name is a field. In a
/// macro it may also be the element, which the interpreter looks for first.
pub(super) fn is_type_name(args: &[IdedExpr], index: usize) -> bool {
    let [left, right] = args else {
        return false;
    };
    let (named, other) = if index == 0 {
        (left, right)
    } else {
        (right, left)
    };
    let asks_type = |call: &cel::common::ast::CallExpr| {
        call.func_name == "type" && call.target.is_none() && call.args.len() == 1
    };
    match (&named.expr, &other.expr) {
        (Expr::Ident(name), Expr::Call(call)) => {
            asks_type(call) && ValueKind::named(name).is_some()
        }
        _ => false,
    }
}

/// The most characters of a path that a message has.
const SHOWN_MAX: usize = 100;

/// `steps` as a condition writes them, cut if that is very long.
pub(super) fn shown(steps: &[PathStep]) -> String {
    first_characters(&written(steps), SHOWN_MAX)
}

/// `steps` as a condition writes them.
pub(super) fn written(steps: &[PathStep]) -> String {
    let mut text = String::new();
    for (at, step) in steps.iter().enumerate() {
        // Writing to a String does not fail.
        let _ = match step {
            PathStep::Field(name) if is_identifier(name) && at == 0 => write!(text, "{name}"),
            PathStep::Field(name) if is_identifier(name) => write!(text, ".{name}"),
            PathStep::Field(name) if at == 0 => write!(text, "{WHOLE}[{name:?}]"),
            PathStep::Field(name) => write!(text, "[{name:?}]"),
            PathStep::Index(index) => write!(text, "[{index}]"),
        };
    }
    if text.is_empty() {
        text.push_str(WHOLE);
    }
    text
}

/// An expression that asks whether what `steps` lead to is there, and all on the way to it.
pub(super) fn question(steps: &[PathStep]) -> String {
    let questions = (1..=steps.len()).map(|count| {
        let (asked, last) = (&steps[..count], &steps[count - 1]);
        match last {
            PathStep::Field(_) => format!("has({})", written(asked)),
            PathStep::Index(index) => format!("size({}) > {index}", written(&asked[..count - 1])),
        }
    });
    let text = questions.collect::<Vec<_>>().join(" && ");
    if text.len() > SHOWN_MAX {
        "has()".to_owned()
    } else {
        text
    }
}

fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next();
    first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !RESERVED.contains(&name)
}

/// The words that CEL keeps: a field of such a name is read as `this["package"]`. Behind a dot
/// CEL takes most of them.
pub(super) const RESERVED: [&str; 22] = [
    WHOLE,
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];
