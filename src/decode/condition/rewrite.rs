//! Prepares an expression for the crate's interpreter.

use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, ListExpr, LiteralValue,
    MapEntryExpr, MapExpr, SelectExpr, operators,
};

use super::check::tested_field;
use super::function::Macro;
use super::path::{WHOLE, is_type_name, path_of, shown};

/// The function that a macro takes its list from: it refuses others and long ones.
pub(super) const ELEMENTS: &str = "@elements";
/// The function that everything copied comes from, apart from elements: it refuses what is not a
/// single value.
pub(super) const SINGLE: &str = "@single";
/// The function that operands of an order or of arithmetic come from: it refuses lists and objects,
/// which the crate would copy into its error.
pub(super) const OPERAND: &str = "@operand";
/// The variable that a macro keeps its result in. No condition can write it.
const RESULT: &str = "@result";

/// `expr` with fields as selections from `this`, so that no field is taken for a type or a
/// function, and with macros as loops.
///
/// The crate would expand macros itself while it parses, but then `has(x)` of a field of the
/// payment would be an error, and nothing could check what a macro was given.
pub(super) fn rewrite(expr: &IdedExpr) -> IdedExpr {
    Rewriter { element: None }.any(expr)
}

#[derive(Clone, Copy)]
struct Rewriter<'a> {
    /// The name of the element, within a macro.
    element: Option<&'a str>,
}

fn node(expr: Expr) -> IdedExpr {
    // Only messages of the parser use the number.
    IdedExpr { id: 0, expr }
}

fn call(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    node(Expr::Call(CallExpr {
        func_name: name.to_owned(),
        target: None,
        args,
    }))
}

fn name(name: &str) -> IdedExpr {
    node(Expr::Ident(name.to_owned()))
}

fn text(text: String) -> IdedExpr {
    node(Expr::Literal(LiteralValue::String(text.into())))
}

fn boolean(value: bool) -> IdedExpr {
    node(Expr::Literal(LiteralValue::Boolean(value.into())))
}

fn int(value: i64) -> IdedExpr {
    node(Expr::Literal(LiteralValue::Int(value.into())))
}

fn list(elements: Vec<IdedExpr>) -> IdedExpr {
    node(Expr::List(ListExpr::new(elements)))
}

impl<'a> Rewriter<'a> {
    fn any(self, expr: &'a IdedExpr) -> IdedExpr {
        match path_of(expr, self.element) {
            Some(_) if self.element.is_some() => self.single(expr),
            _ => self.plain(expr),
        }
    }

    /// `expr` as a part of a sum or of a list.
    fn part(self, expr: &'a IdedExpr) -> IdedExpr {
        match &expr.expr {
            Expr::Literal(_) | Expr::List(_) | Expr::Map(_) => self.plain(expr),
            _ => self.single(expr),
        }
    }

    fn operand(self, expr: &'a IdedExpr) -> IdedExpr {
        match &expr.expr {
            Expr::Literal(_) => self.plain(expr),
            _ => call(OPERAND, vec![self.any(expr), text(self.name(expr))]),
        }
    }

    fn single(self, expr: &'a IdedExpr) -> IdedExpr {
        call(SINGLE, vec![self.plain(expr), text(self.name(expr))])
    }

    /// What a message calls the value of `expr`.
    fn name(self, expr: &IdedExpr) -> String {
        match path_of(expr, self.element) {
            Some(steps) => format!("`{}`", shown(&steps)),
            None => "one".to_owned(),
        }
    }

    /// As [`Rewriter::any`], without a look at whether a path holds a single value.
    fn plain(self, expr: &'a IdedExpr) -> IdedExpr {
        match &expr.expr {
            Expr::Ident(ident) if ident == WHOLE || Some(ident.as_str()) == self.element => {
                expr.clone()
            }
            Expr::Ident(field) => select(name(WHOLE), field, false),
            Expr::Select(selected) => select(
                self.plain(&selected.operand),
                &selected.field,
                selected.test,
            ),
            Expr::List(elements) => list(elements.elements.iter().map(|e| self.part(e)).collect()),
            Expr::Map(map) => {
                let entries = map.entries.iter().map(|entry| self.entry(entry));
                node(Expr::Map(MapExpr {
                    entries: entries.collect(),
                }))
            }
            Expr::Call(called) => self.call(called),
            Expr::Literal(_) | Expr::Struct(_) | Expr::Comprehension(_) | Expr::Unspecified => {
                expr.clone()
            }
        }
    }

    fn entry(self, entry: &'a IdedEntryExpr) -> IdedEntryExpr {
        let EntryExpr::MapEntry(pair) = &entry.expr else {
            return entry.clone();
        };
        IdedEntryExpr {
            id: entry.id,
            expr: EntryExpr::MapEntry(MapEntryExpr {
                key: self.part(&pair.key),
                value: self.part(&pair.value),
                optional: pair.optional,
            }),
        }
    }

    fn call(self, called: &'a CallExpr) -> IdedExpr {
        let function = called.func_name.as_str();
        match (&called.target, called.args.as_slice()) {
            (None, [field]) if function == operators::HAS => match tested_field(field) {
                Some((operand, field)) => select(self.plain(operand), field, true),
                None => match &field.expr {
                    Expr::Ident(field) => select(name(WHOLE), field, true),
                    _ => field.clone(),
                },
            },
            (None, [operand, index]) if function == operators::INDEX => {
                call(function, vec![self.plain(operand), self.any(index)])
            }
            (Some(range), [element, bodies @ ..]) => {
                match (Macro::named(function), &element.expr) {
                    (Some(kind), Expr::Ident(element)) => {
                        self.iterate(kind, range, element, bodies)
                    }
                    _ => self.function(called),
                }
            }
            _ => self.function(called),
        }
    }

    fn function(self, called: &'a CallExpr) -> IdedExpr {
        let compares = matches!(
            called.func_name.as_str(),
            operators::EQUALS | operators::NOT_EQUALS
        );
        let args = called.args.iter().enumerate().map(|(at, arg)| {
            if compares && is_type_name(&called.args, at) {
                arg.clone()
            } else {
                match called.func_name.as_str() {
                    operators::ADD => self.part(arg),
                    name if takes_operands(name) => self.operand(arg),
                    _ => self.any(arg),
                }
            }
        });
        node(Expr::Call(CallExpr {
            func_name: called.func_name.clone(),
            target: called
                .target
                .as_ref()
                .map(|target| Box::new(self.any(target))),
            args: args.collect(),
        }))
    }

    /// The loop that the standard of CEL defines for each macro.
    fn iterate(
        self,
        kind: Macro,
        range: &'a IdedExpr,
        element: &'a str,
        bodies: &'a [IdedExpr],
    ) -> IdedExpr {
        let source = self.name(range);
        let inner = Rewriter {
            element: Some(element),
        };
        let mut bodies = bodies.iter().map(|body| inner.any(body));
        let (first, second) = (bodies.next().unwrap_or_default(), bodies.next());
        let result = || name(RESULT);
        let append = |value| call(operators::ADD, vec![result(), list(vec![value])]);
        let when = |condition, step| call(operators::CONDITIONAL, vec![condition, step, result()]);
        let unless_decided = |value| call(operators::NOT_STRICTLY_FALSE, vec![value]);
        let (start, condition, step, given) = match kind {
            Macro::All => (
                boolean(true),
                unless_decided(result()),
                call(operators::LOGICAL_AND, vec![result(), first]),
                result(),
            ),
            Macro::Exists => (
                boolean(false),
                unless_decided(call(operators::LOGICAL_NOT, vec![result()])),
                call(operators::LOGICAL_OR, vec![result(), first]),
                result(),
            ),
            Macro::ExistsOne => (
                int(0),
                boolean(true),
                when(first, call(operators::ADD, vec![result(), int(1)])),
                call(operators::EQUALS, vec![result(), int(1)]),
            ),
            Macro::Filter => (
                list(vec![]),
                boolean(true),
                when(first, append(name(element))),
                result(),
            ),
            Macro::Map => {
                let step = match second {
                    Some(second) => when(first, append(second)),
                    None => append(first),
                };
                (list(vec![]), boolean(true), step, result())
            }
        };
        node(Expr::Comprehension(Box::new(ComprehensionExpr {
            iter_range: call(ELEMENTS, vec![self.any(range), text(source)]),
            iter_var: element.to_owned(),
            iter_var2: None,
            accu_var: RESULT.to_owned(),
            accu_init: start,
            loop_cond: condition,
            loop_step: step,
            result: given,
        })))
    }
}

fn takes_operands(name: &str) -> bool {
    matches!(
        name,
        operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO
    )
}

fn select(operand: IdedExpr, field: &str, test: bool) -> IdedExpr {
    node(Expr::Select(SelectExpr {
        operand: Box::new(operand),
        field: field.to_owned(),
        test,
    }))
}
