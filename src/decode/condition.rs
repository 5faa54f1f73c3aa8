//! Conditions over payments, in the Common Expression Language (CEL).
//!
//! A condition is true or false for a payment, or an error. It reads nothing but the payment, so
//! it gives the same whenever the log is read again.

mod check;
mod error;
mod failure;
mod function;
mod interpreter;
mod kind;
mod object;
mod operation;
mod path;
mod rewrite;
mod scalar;
mod syntax;
mod tokens;
mod tree;

use std::fmt;
use std::sync::Arc;

use super::path::PathStep;
pub use error::{ConditionError, EvaluationError};
use interpreter::Interpreter;
pub(crate) use scalar::{CelNumber, Literal};
pub(crate) use tree::{ConditionTree, Node, TextTest};

/// The most bytes that the text of a condition has.
pub const TEXT_MAX: usize = 4 * 1024;
/// The most brackets and operators that are nested in each other. `&&`, `||` and commas divide a
/// condition into parts that do not add up.
pub const NESTING_MAX: usize = 24;
/// The most elements of a list that a macro such as `exists` goes through.
pub const ELEMENTS_MAX: usize = 10_000;
/// The most macros that a condition has.
pub const MACROS_MAX: usize = 8;
/// The most bytes of a string that is copied: in a macro, in a sum and in a list.
pub const SINGLE_MAX: usize = 1024;

/// A compiled condition. Cheap to clone.
///
/// The fields of the payment are its names, `this` is the payment: `this["odd-name"]` is a field
/// that no name can stand for.
#[derive(Clone)]
pub struct PaymentCondition {
    compiled: Arc<Compiled>,
}

struct Compiled {
    text: String,
    plan: EvaluationPlan,
}

enum EvaluationPlan {
    Tree(ConditionTree),
    Interpreter(Interpreter),
}

impl PaymentCondition {
    /// Compiles a condition such as `status in ["captured", "settled"] && has(refund)`.
    ///
    /// # Errors
    /// When the text is empty, longer than 4 KiB or nested more than 24
    /// deep, when it is not CEL, when it calls what does not exist, and when the types in it show
    /// that it gives an error, or no boolean, whatever the payment is.
    pub fn compile(text: &str) -> Result<Self, ConditionError> {
        let (expr, uses) = Self::check(text)?;
        let plan = match ConditionTree::build(&expr, &uses.patterns) {
            Some(tree) => EvaluationPlan::Tree(tree),
            None => EvaluationPlan::Interpreter(Interpreter::new(&expr, uses)),
        };
        Ok(Self::with_plan(text, plan))
    }

    /// As [`PaymentCondition::compile`], but never compiled to a tree: to compare the two.
    #[cfg(test)]
    fn interpreted(text: &str) -> Result<Self, ConditionError> {
        let (expr, uses) = Self::check(text)?;
        Ok(Self::with_plan(
            text,
            EvaluationPlan::Interpreter(Interpreter::new(&expr, uses)),
        ))
    }

    fn check(text: &str) -> Result<(cel::IdedExpr, check::Uses), ConditionError> {
        tokens::check(text)?;
        let (expr, source) = syntax::parse(text)?;
        let uses = check::check(text, &source, &expr)?;
        Ok((expr, uses))
    }

    fn with_plan(text: &str, plan: EvaluationPlan) -> Self {
        let compiled = Compiled {
            text: text.to_owned(),
            plan,
        };
        Self {
            compiled: Arc::new(compiled),
        }
    }

    /// The text that was compiled.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.compiled.text
    }

    /// The places in the payment that [`PaymentCondition::evaluate`] reads; none if it needs the object.
    /// Each begins with a field. An object has no place for a [`PathStep::Index`].
    #[must_use]
    pub fn paths(&self) -> &[Vec<PathStep>] {
        match &self.compiled.plan {
            EvaluationPlan::Tree(tree) => tree.paths(),
            EvaluationPlan::Interpreter(_) => &[],
        }
    }

    /// The condition as a tree; `None` if it [needs the object](PaymentCondition::needs_object).
    pub(crate) fn tree(&self) -> Option<&ConditionTree> {
        match &self.compiled.plan {
            EvaluationPlan::Tree(tree) => Some(tree),
            EvaluationPlan::Interpreter(_) => None,
        }
    }

    /// Whether this must be evaluated with [`PaymentCondition::evaluate_object`]: it is not of a form
    /// that reads paths alone.
    #[must_use]
    pub fn needs_object(&self) -> bool {
        matches!(self.compiled.plan, EvaluationPlan::Interpreter(_))
    }

    /// Whether the condition holds. `value` gives the JSON text at a path, by its index in
    /// [`PaymentCondition::paths`]: a string with its quotes and escapes, without blanks around it.
    /// `None` says that nothing is there; `null` is something.
    ///
    /// Allocates nothing unless a string has escapes or the result is an error.
    ///
    /// # Errors
    /// When the payment does not decide the condition: something it needs is not there, or has a
    /// type it can't use. Always when [`PaymentCondition::needs_object`].
    #[inline]
    pub fn evaluate<'t>(
        &self,
        value: impl Fn(usize) -> Option<&'t str>,
    ) -> Result<bool, EvaluationError> {
        match &self.compiled.plan {
            EvaluationPlan::Tree(tree) => tree.evaluate(value),
            EvaluationPlan::Interpreter(_) => Err(EvaluationError::Undecided {
                problem: "it needs the whole payment".to_owned(),
            }),
        }
    }

    /// Whether the condition holds for the payment whose JSON object `object` is, if it
    /// [needs the object](PaymentCondition::needs_object).
    ///
    /// # Errors
    /// As [`PaymentCondition::evaluate`], and when `object` is not a JSON object. Always when the condition
    /// reads paths alone.
    pub fn evaluate_object(&self, object: &str) -> Result<bool, EvaluationError> {
        match &self.compiled.plan {
            EvaluationPlan::Interpreter(interpreter) => interpreter.evaluate(object),
            EvaluationPlan::Tree(_) => Err(EvaluationError::Undecided {
                problem: "it reads paths alone".to_owned(),
            }),
        }
    }
}

/// Conditions are equal when their texts are.
impl PartialEq for PaymentCondition {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for PaymentCondition {}

impl fmt::Debug for PaymentCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PaymentCondition")
            .field(&self.text())
            .finish()
    }
}

/// The text that was compiled.
impl fmt::Display for PaymentCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

#[cfg(test)]
mod tests;
