//! What can be told of a condition before a payment is there: names, calls and types.

mod call;

use std::collections::{BTreeMap, BTreeSet};

use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, EntryExpr, Expr, LiteralValue, MapExpr, SelectExpr, SourceInfo, operators,
};
use regex::Regex;

use super::error::{ConditionError, Position, excerpt};
use super::function::Macro;
use super::kind::{Kinds, ValueKind};
use super::operation;
use super::path::{is_type_name, path_of, written};
use crate::decode::path::PathStep;

pub(super) use call::tested_field;

/// The patterns of `matches`, compiled, by their texts.
pub(super) type Patterns = BTreeMap<String, Regex>;

/// What a condition uses of a payment.
#[derive(Default, Debug)]
pub(super) struct Uses {
    /// Whether it uses the payment as a whole, and so every field of it.
    pub whole: bool,
    /// The names of the fields that it uses.
    pub fields: BTreeSet<String>,
    /// The paths that it reads, for messages.
    pub paths: BTreeSet<String>,
    pub patterns: Patterns,
}

/// Refuses an expression that can't be a condition, and says what a valid one uses.
pub(super) fn check(
    text: &str,
    source: &SourceInfo,
    expr: &IdedExpr,
) -> Result<Uses, ConditionError> {
    let mut checker = Checker {
        text,
        source,
        element: None,
        macros: 0,
        uses: Uses::default(),
    };
    match checker.kind(expr)? {
        ValueKind::Any | ValueKind::Bool => Ok(checker.uses),
        kind => Err(ConditionError::NotBoolean { kind: kind.name() }),
    }
}

struct Checker<'a> {
    text: &'a str,
    source: &'a SourceInfo,
    /// The name of the element, within a macro.
    element: Option<String>,
    /// How many macros were met.
    macros: usize,
    uses: Uses,
}

impl Checker<'_> {
    fn position(&self, expr: &IdedExpr) -> Position {
        self.position_before(expr, "")
    }

    /// Where `expr` stands, or the name before its bracket.
    fn position_before(&self, expr: &IdedExpr, name: &str) -> Position {
        let start = self
            .source
            .offset_for(expr.id)
            .map_or(0, |(start, _)| start);
        let start = usize::try_from(start).unwrap_or(self.text.len());
        let named = self
            .text
            .get(..start)
            .is_some_and(|before| before.ends_with(name));
        Position::of_byte(self.text, start - if named { name.len() } else { 0 })
    }

    fn unsupported<T>(
        &self,
        expr: &IdedExpr,
        problem: impl Into<String>,
    ) -> Result<T, ConditionError> {
        Err(ConditionError::Unsupported {
            position: self.position(expr),
            problem: problem.into(),
        })
    }

    fn wrong_type<T>(
        &self,
        expr: &IdedExpr,
        problem: impl Into<String>,
    ) -> Result<T, ConditionError> {
        Err(ConditionError::WrongType {
            position: self.position(expr),
            problem: problem.into(),
        })
    }

    fn kind(&mut self, expr: &IdedExpr) -> Result<ValueKind, ConditionError> {
        if let Some(steps) = path_of(expr, self.element.as_deref()) {
            return self.path(expr, &steps);
        }
        match &expr.expr {
            // Not a path: the element of a macro.
            Expr::Ident(_) => Ok(ValueKind::Any),
            Expr::Literal(literal) => Ok(literal_kind(literal)),
            Expr::Select(select) => self.select(expr, select),
            Expr::List(list) => {
                for element in &list.elements {
                    self.kind(element)?;
                }
                Ok(ValueKind::List)
            }
            Expr::Map(map) => self.map(map),
            Expr::Call(call) => self.call(expr, call),
            Expr::Struct(message) => self.unsupported(
                expr,
                format!(
                    "messages such as {}{{}} are not supported",
                    excerpt(&message.type_name)
                ),
            ),
            Expr::Comprehension(_) | Expr::Unspecified => {
                self.unsupported(expr, "this expression is not supported")
            }
        }
    }

    fn path(&mut self, expr: &IdedExpr, steps: &[PathStep]) -> Result<ValueKind, ConditionError> {
        let Some(PathStep::Field(field)) = steps.first() else {
            if self.element.is_some() {
                return self.unsupported(
                    expr,
                    "a macro can't use all of `this` for each element; name a field of it",
                );
            }
            self.uses.whole = true;
            return Ok(ValueKind::Map);
        };
        if let Some(name) = field.strip_prefix('.') {
            let problem = format!(
                "a name does not begin with a dot; write `{}`",
                excerpt(name)
            );
            return self.unsupported(expr, problem);
        }
        self.uses.fields.insert(field.clone());
        self.uses.paths.insert(written(steps));
        Ok(ValueKind::Any)
    }

    fn select(
        &mut self,
        expr: &IdedExpr,
        select: &SelectExpr,
    ) -> Result<ValueKind, ConditionError> {
        match self.kind(&select.operand)? {
            ValueKind::Any | ValueKind::Map => Ok(ValueKind::Any),
            kind => {
                let problem = format!("{} has no field `{}`", kind.name(), excerpt(&select.field));
                self.wrong_type(expr, problem)
            }
        }
    }

    fn map(&mut self, map: &MapExpr) -> Result<ValueKind, ConditionError> {
        const KEYS: Kinds = Kinds::of(&[
            ValueKind::Bool,
            ValueKind::Int,
            ValueKind::Uint,
            ValueKind::String,
        ]);
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                continue;
            };
            let key = self.kind(&entry.key)?;
            if !KEYS.contains(key) {
                let problem = format!("{} can't be a key; write a string", key.name());
                return self.wrong_type(&entry.key, problem);
            }
            self.kind(&entry.value)?;
        }
        Ok(ValueKind::Map)
    }

    fn call(&mut self, expr: &IdedExpr, call: &CallExpr) -> Result<ValueKind, ConditionError> {
        let name = call.func_name.as_str();
        match (&call.target, call.args.as_slice()) {
            (None, [operand, index]) if name == operators::INDEX => {
                self.index(expr, operand, index)
            }
            (None, operands) if operation::is_operator(name) => {
                let mut kinds = Vec::with_capacity(operands.len());
                for (at, operand) in operands.iter().enumerate() {
                    let compares = matches!(name, operators::EQUALS | operators::NOT_EQUALS);
                    let names = compares && is_type_name(operands, at);
                    kinds.push(if names {
                        ValueKind::Type
                    } else {
                        self.kind(operand)?
                    });
                }
                operation::result(name, &kinds).or_else(|problem| self.wrong_type(expr, problem))
            }
            (None, args) if name == operators::HAS => self.has(expr, args),
            (Some(_), _) if name == operators::HAS => {
                Err(self.wrong_call(expr, name, call::HAS_USAGE))
            }
            (Some(target), args) => match Macro::named(name) {
                Some(kind) => self.iterate(expr, call, kind, target, args),
                None => self.function(expr, call),
            },
            (None, _) => match Macro::named(name) {
                Some(kind) => Err(self.wrong_call(expr, name, kind.usage())),
                None => self.function(expr, call),
            },
        }
    }

    fn index(
        &mut self,
        expr: &IdedExpr,
        operand: &IdedExpr,
        index: &IdedExpr,
    ) -> Result<ValueKind, ConditionError> {
        const LIST: Kinds = Kinds::NUMBERS;
        const MAP: Kinds = Kinds::of(&[
            ValueKind::Bool,
            ValueKind::Int,
            ValueKind::Uint,
            ValueKind::String,
        ]);
        if let Some(element) = &self.element
            && path_of(operand, Some(element)).is_some()
        {
            let problem = "a macro can't look up a field of the payment by a computed name or \
                           number; write a literal in the brackets";
            return self.unsupported(expr, problem);
        }
        if let Expr::Literal(LiteralValue::Int(number)) = &index.expr
            && *number.inner() < 0
        {
            return self.wrong_type(index, "an index can't be negative; the first one is 0");
        }
        let container = self.kind(operand)?;
        let kind = self.kind(index)?;
        let fits = match container {
            ValueKind::List => LIST.contains(kind),
            ValueKind::Map => MAP.contains(kind),
            ValueKind::Any => LIST.contains(kind) || MAP.contains(kind),
            _ => false,
        };
        if fits {
            return Ok(ValueKind::Any);
        }
        let problem = format!("{} has no element at {}", container.name(), kind.name());
        self.wrong_type(expr, problem)
    }
}

const fn literal_kind(literal: &LiteralValue) -> ValueKind {
    match literal {
        LiteralValue::Boolean(_) => ValueKind::Bool,
        LiteralValue::Bytes(_) => ValueKind::Bytes,
        LiteralValue::Double(_) => ValueKind::Double,
        LiteralValue::Int(_) => ValueKind::Int,
        LiteralValue::Null => ValueKind::Null,
        LiteralValue::String(_) => ValueKind::String,
        LiteralValue::UInt(_) => ValueKind::Uint,
    }
}
