//! The operators of CEL: which types each takes, and what it gives.

use cel::common::ast::operators;

use super::kind::{Kinds, ValueKind};

const BOOL: Kinds = Kinds::of(&[ValueKind::Bool]);
const ORDERED: Kinds = Kinds::of(&[
    ValueKind::Bool,
    ValueKind::Int,
    ValueKind::Uint,
    ValueKind::Double,
    ValueKind::String,
    ValueKind::Bytes,
]);
const CONTAINERS: Kinds = Kinds::of(&[ValueKind::List, ValueKind::Map]);
const ADDABLE: Kinds = Kinds::of(&[
    ValueKind::Int,
    ValueKind::Uint,
    ValueKind::Double,
    ValueKind::String,
    ValueKind::Bytes,
]);
const INTEGERS: Kinds = Kinds::of(&[ValueKind::Int, ValueKind::Uint]);
const SIGNED: Kinds = Kinds::of(&[ValueKind::Int, ValueKind::Double]);

/// Whether the crate's name of a call is that of an operator, other than an index.
pub(super) fn is_operator(name: &str) -> bool {
    symbol(name).is_some()
}

/// The operator as a condition writes it, by the crate's name for it.
pub(super) fn symbol(name: &str) -> Option<&'static str> {
    Some(match name {
        operators::CONDITIONAL => "?",
        operators::LOGICAL_AND => "&&",
        operators::LOGICAL_OR => "||",
        operators::LOGICAL_NOT => "!",
        operators::SUBSTRACT | operators::NEGATE => "-",
        operators::ADD => "+",
        operators::MULTIPLY => "*",
        operators::DIVIDE => "/",
        operators::MODULO => "%",
        operators::EQUALS => "==",
        operators::NOT_EQUALS => "!=",
        operators::GREATER_EQUALS => ">=",
        operators::LESS_EQUALS => "<=",
        operators::GREATER => ">",
        operators::LESS => "<",
        operators::IN => "in",
        _ => return None,
    })
}

/// What the operator gives for operands of these types.
///
/// # Errors
/// What is wrong, and what would be right.
pub(super) fn result(name: &str, operands: &[ValueKind]) -> Result<ValueKind, String> {
    let symbol = symbol(name).unwrap_or(name);
    match (name, operands) {
        (operators::CONDITIONAL, [condition, yes, no]) => {
            require(BOOL, *condition, symbol, "true or false before it")?;
            Ok(if yes == no { *yes } else { ValueKind::Any })
        }
        (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, operands) => {
            for operand in operands {
                require(
                    BOOL,
                    *operand,
                    symbol,
                    "true or false; compare the value, as in x == y",
                )?;
            }
            Ok(ValueKind::Bool)
        }
        (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
            if left.can_equal(*right) {
                return Ok(ValueKind::Bool);
            }
            Err(format!(
                "{} never equals {}; compare values of one type",
                left.name(),
                right.name()
            ))
        }
        (
            operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS,
            [left, right],
        ) => {
            for operand in [left, right] {
                require(ORDERED, *operand, symbol, "numbers, strings or booleans")?;
            }
            if left.can_equal(*right) {
                return Ok(ValueKind::Bool);
            }
            Err(format!(
                "`{symbol}` can't compare {} with {}; compare values of one type",
                left.name(),
                right.name()
            ))
        }
        (operators::IN, [_, container]) => {
            require(
                CONTAINERS,
                *container,
                symbol,
                "a list behind it, as in x in [\"a\", \"b\"]",
            )?;
            Ok(ValueKind::Bool)
        }
        (operators::NEGATE, [operand]) => {
            require(SIGNED, *operand, symbol, "an int or a double")?;
            Ok(*operand)
        }
        (operators::ADD, [left, right]) => {
            arithmetic(ADDABLE, *left, *right, symbol, "numbers or strings")
        }
        (operators::MODULO, [left, right]) => {
            arithmetic(INTEGERS, *left, *right, symbol, "integers")
        }
        (operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE, [left, right]) => {
            arithmetic(Kinds::NUMBERS, *left, *right, symbol, "numbers")
        }
        _ => Err(format!("`{symbol}` can't stand here")),
    }
}

fn require(takes: Kinds, kind: ValueKind, symbol: &str, right: &str) -> Result<(), String> {
    if takes.contains(kind) {
        return Ok(());
    }
    Err(format!(
        "`{symbol}` does not take {}; it takes {right}",
        kind.name()
    ))
}

/// CEL computes with two values of the same type only.
fn arithmetic(
    takes: Kinds,
    left: ValueKind,
    right: ValueKind,
    symbol: &str,
    kinds: &str,
) -> Result<ValueKind, String> {
    for operand in [left, right] {
        require(takes, operand, symbol, kinds)?;
    }
    match (left, right) {
        (ValueKind::Any, kind) | (kind, ValueKind::Any) => Ok(kind),
        _ if left == right => Ok(left),
        _ => Err(format!(
            "`{symbol}` can't combine {} and {}; convert one with int(), double() or string()",
            left.name(),
            right.name()
        )),
    }
}
