//! The calls in a condition: functions, `has` and macros.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use regex::RegexBuilder;

use super::super::MACROS_MAX;
use super::super::error::{ConditionError, excerpt};
use super::super::function::{self, FUNCTIONS, Macro};
use super::super::kind::ValueKind;
use super::super::path::{WHOLE, path_of};
use super::Checker;
use crate::decode::path::PathStep;

/// The most bytes of memory that a compiled pattern takes.
const PATTERN_SIZE_MAX: usize = 1024 * 1024;

pub(super) const HAS_USAGE: &str = "has(a.b) with the name of a field";

impl Checker<'_> {
    pub(super) fn wrong_call(&self, expr: &IdedExpr, name: &str, usage: &str) -> ConditionError {
        ConditionError::WrongCall {
            position: self.position_before(expr, name),
            name: name.to_owned(),
            usage: usage.to_owned(),
        }
    }

    pub(super) fn has(
        &mut self,
        expr: &IdedExpr,
        args: &[IdedExpr],
    ) -> Result<ValueKind, ConditionError> {
        let wrong = self.wrong_call(expr, operators::HAS, HAS_USAGE);
        let [field] = args else {
            return Err(wrong);
        };
        match path_of(field, self.element.as_deref()) {
            Some(steps) if matches!(steps.last(), Some(PathStep::Field(_))) => {
                self.path(field, &steps)?;
            }
            Some(_) => return Err(wrong),
            None if tested_field(field).is_some() => {
                self.kind(field)?;
            }
            None => return Err(wrong),
        }
        Ok(ValueKind::Bool)
    }

    pub(super) fn function(
        &mut self,
        expr: &IdedExpr,
        call: &CallExpr,
    ) -> Result<ValueKind, ConditionError> {
        let name = call.func_name.as_str();
        let fits = |known: &&function::Function| {
            known.name == name
                && known.target.is_some() == call.target.is_some()
                && known.arguments.len() == call.args.len()
        };
        let Some(function) = FUNCTIONS.iter().find(fits) else {
            return Err(match FUNCTIONS.iter().find(|known| known.name == name) {
                Some(known) => self.wrong_call(expr, name, known.usage),
                None => ConditionError::UnknownFunction {
                    position: self.position_before(expr, name),
                    name: excerpt(name),
                    advice: function::advice(name),
                },
            });
        };
        let operands = call.target.as_deref().into_iter().chain(&call.args);
        let wanted = function.target.iter().chain(function.arguments);
        for (operand, wanted) in operands.zip(wanted) {
            let kind = self.kind(operand)?;
            if !wanted.contains(kind) {
                let advice = match (name, kind) {
                    ("contains", ValueKind::List) => "\"a\" in list",
                    _ => function.usage,
                };
                let problem = format!("{name}() does not take {}; write {advice}", kind.name());
                return self.wrong_type(operand, problem);
            }
        }
        if let ("matches", Some(pattern)) = (name, call.args.last()) {
            self.pattern(pattern)?;
        }
        Ok(function.result)
    }

    fn pattern(&mut self, expr: &IdedExpr) -> Result<(), ConditionError> {
        let Expr::Literal(LiteralValue::String(text)) = &expr.expr else {
            return self.unsupported(expr, "the pattern of matches() must be a literal string");
        };
        let compiled = RegexBuilder::new(text.inner())
            .size_limit(PATTERN_SIZE_MAX)
            .build();
        match compiled {
            Ok(pattern) => {
                self.uses.patterns.insert(text.inner().to_owned(), pattern);
                Ok(())
            }
            Err(error) => {
                let message = error.to_string();
                // The lines before it draw an arrow.
                let reason = message.lines().last().unwrap_or_default();
                let reason = reason.trim_start_matches("error: ");
                let problem = format!("the pattern is not a valid regular expression: {reason}");
                self.wrong_type(expr, problem)
            }
        }
    }

    /// A macro does work for each element, so what it does there must not depend on how large the
    /// payment is. So neither it nor its list has another macro, and it reads single values alone (which
    /// [`super::interpreter`] sees to).
    pub(super) fn iterate(
        &mut self,
        expr: &IdedExpr,
        call: &CallExpr,
        kind: Macro,
        list: &IdedExpr,
        args: &[IdedExpr],
    ) -> Result<ValueKind, ConditionError> {
        let name = call.func_name.as_str();
        if self.element.is_some() {
            let problem = format!("{name}() can't stand within another macro");
            return self.unsupported(expr, problem);
        }
        let [element, bodies @ ..] = args else {
            return Err(self.wrong_call(expr, name, kind.usage()));
        };
        if !kind.takes(args.len()) {
            return Err(self.wrong_call(expr, name, kind.usage()));
        }
        let Expr::Ident(element) = &element.expr else {
            return Err(self.wrong_call(expr, name, kind.usage()));
        };
        if element == WHOLE || element.starts_with('.') {
            let name = excerpt(element);
            let problem = format!("the element can't be called `{name}`; write another one");
            return self.unsupported(expr, problem);
        }
        let before = self.macros;
        let range = self.kind(list)?;
        if self.macros > before {
            let problem = format!(
                "{name}() can't go through what another macro gives; combine the two with && in one"
            );
            return self.unsupported(expr, problem);
        }
        if !matches!(range, ValueKind::Any | ValueKind::List) {
            let problem = format!("{name}() goes through a list, not through {}", range.name());
            return self.wrong_type(expr, problem);
        }
        self.macros += 1;
        if self.macros > MACROS_MAX {
            let problem =
                format!("a condition has at most {MACROS_MAX} macros, and this is one more");
            return self.unsupported(expr, problem);
        }
        self.element = Some(element.clone());
        for (at, body) in bodies.iter().enumerate() {
            let given = self.kind(body)?;
            // The last argument of map() is what it gives for an element.
            let decides = kind != Macro::Map || at + 1 < bodies.len();
            if decides && !matches!(given, ValueKind::Any | ValueKind::Bool) {
                let problem = format!("{name}() takes true or false here, not {}", given.name());
                return self.wrong_type(body, problem);
            }
        }
        self.element = None;
        Ok(kind.result())
    }
}

/// The operand and the name in `has(operand.name)` or `has(operand["name"])`.
pub(in super::super) fn tested_field(expr: &IdedExpr) -> Option<(&IdedExpr, &str)> {
    match &expr.expr {
        Expr::Select(select) if !select.test => Some((&select.operand, &select.field)),
        Expr::Call(call) if call.func_name == operators::INDEX && call.target.is_none() => {
            match call.args.as_slice() {
                [operand, index] => match &index.expr {
                    Expr::Literal(LiteralValue::String(name)) => Some((operand, name.inner())),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}
