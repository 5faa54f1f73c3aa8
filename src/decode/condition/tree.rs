//! The common forms of conditions, compiled to what reads nothing but the texts of their paths.

use std::cmp::Ordering;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use regex::Regex;

use super::check::Patterns;
use super::error::{EvaluationError, excerpt};
use super::path::{self, path_of};
use super::scalar::{CelNumber, Literal};
use crate::decode::path::PathStep;
use crate::decode::quoted::unquote;

/// A condition of a common form, or a part of one. A path is its index in [`ConditionTree::paths`].
#[derive(Debug)]
pub(crate) enum Node {
    Constant(bool),
    /// A path that must hold true or false.
    Truth(usize),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Equal {
        path: usize,
        literal: Literal,
        negated: bool,
    },
    /// `accepts` says which of less, equal and greater hold.
    Ordered {
        path: usize,
        literal: Literal,
        accepts: [bool; 3],
    },
    In {
        path: usize,
        literals: Vec<Literal>,
    },
    Has {
        path: usize,
        /// What must be an object; `None` for the payment itself.
        parent: Option<usize>,
    },
    Text {
        path: usize,
        test: TextTest,
    },
}

/// What is asked of a text.
#[derive(Debug)]
pub(crate) enum TextTest {
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Contains(Box<str>),
    Matches(Regex),
}

/// A compiled condition of a common form.
#[derive(Debug)]
pub(crate) struct ConditionTree {
    root: Node,
    paths: Vec<Vec<PathStep>>,
}

/// Why a node is neither true nor false. Nothing is allocated for one, because `&&` and `||`
/// often drop it.
enum UndecidedNode<'t> {
    Missing(usize),
    WrongType {
        path: usize,
        found: &'t str,
        expected: &'static str,
    },
}

const A_BOOLEAN: &str = "true or false";
const A_STRING: &str = "a string";
const AN_OBJECT: &str = "an object";
const A_READABLE_STRING: &str = "a string whose escapes stand for characters";

impl ConditionTree {
    /// The tree for `expr`; `None` if it is not of a common form.
    pub(super) fn build(expr: &IdedExpr, patterns: &Patterns) -> Option<Self> {
        let mut builder = Builder {
            paths: Vec::new(),
            patterns,
        };
        let root = builder.node(expr)?;
        Some(Self {
            root,
            paths: builder.paths,
        })
    }

    /// The condition, or its last operator.
    pub(crate) const fn root(&self) -> &Node {
        &self.root
    }

    /// The paths that nodes name by their index.
    pub(crate) fn paths(&self) -> &[Vec<PathStep>] {
        &self.paths
    }

    /// Whether the condition holds, given the JSON text at each path.
    #[inline]
    pub(super) fn evaluate<'t>(
        &self,
        value: impl Fn(usize) -> Option<&'t str>,
    ) -> Result<bool, EvaluationError> {
        self.root
            .holds(&value)
            .map_err(|failure| self.error(&failure))
    }

    #[cold]
    fn error(&self, failure: &UndecidedNode<'_>) -> EvaluationError {
        let steps = |path: usize| self.paths.get(path).map_or(&[][..], Vec::as_slice);
        match failure {
            UndecidedNode::Missing(path) => EvaluationError::Missing {
                path: path::shown(steps(*path)),
                question: path::question(steps(*path)),
            },
            UndecidedNode::WrongType {
                path,
                found,
                expected,
            } => EvaluationError::WrongType {
                path: path::shown(steps(*path)),
                found: excerpt(found),
                expected,
            },
        }
    }
}

impl Node {
    fn holds<'t, F>(&self, value: &F) -> Result<bool, UndecidedNode<'t>>
    where
        F: Fn(usize) -> Option<&'t str>,
    {
        let read = |path: usize| value(path).ok_or(UndecidedNode::Missing(path));
        let wrong = |path, found, expected| UndecidedNode::WrongType {
            path,
            found,
            expected,
        };
        match self {
            Self::Constant(constant) => Ok(*constant),
            Self::Truth(path) => match read(*path)? {
                "true" => Ok(true),
                "false" => Ok(false),
                found => Err(wrong(*path, found, A_BOOLEAN)),
            },
            Self::Not(node) => node.holds(value).map(|holds| !holds),
            Self::All(nodes) => decide(nodes, false, value),
            Self::Any(nodes) => decide(nodes, true, value),
            Self::Equal {
                path,
                literal,
                negated,
            } => {
                let raw = read(*path)?;
                let equal = literal.equals(raw);
                let equal = equal.ok_or_else(|| wrong(*path, raw, A_READABLE_STRING))?;
                Ok(equal != *negated)
            }
            Self::Ordered {
                path,
                literal,
                accepts: [less, equal, greater],
            } => {
                let raw = read(*path)?;
                match literal.order(raw) {
                    Some(Ordering::Less) => Ok(*less),
                    Some(Ordering::Equal) => Ok(*equal),
                    Some(Ordering::Greater) => Ok(*greater),
                    None => Err(wrong(*path, raw, literal.expected())),
                }
            }
            Self::In { path, literals } => {
                let raw = read(*path)?;
                for literal in literals {
                    match literal.equals(raw) {
                        Some(true) => return Ok(true),
                        Some(false) => {}
                        None => return Err(wrong(*path, raw, A_READABLE_STRING)),
                    }
                }
                Ok(false)
            }
            Self::Has { path, parent } => {
                if value(*path).is_some() {
                    return Ok(true);
                }
                let Some(parent) = parent else {
                    return Ok(false);
                };
                match read(*parent)? {
                    object if object.starts_with('{') => Ok(false),
                    found => Err(wrong(*parent, found, AN_OBJECT)),
                }
            }
            Self::Text { path, test } => {
                let raw = read(*path)?;
                let text = unquote(raw).ok_or_else(|| wrong(*path, raw, A_STRING))?;
                Ok(match test {
                    TextTest::StartsWith(prefix) => text.starts_with(&**prefix),
                    TextTest::EndsWith(suffix) => text.ends_with(&**suffix),
                    TextTest::Contains(part) => text.contains(&**part),
                    TextTest::Matches(pattern) => pattern.is_match(&text),
                })
            }
        }
    }
}

/// `decisive` as soon as a node gives it, whatever failed before; else the first failure.
fn decide<'t, F>(nodes: &[Node], decisive: bool, value: &F) -> Result<bool, UndecidedNode<'t>>
where
    F: Fn(usize) -> Option<&'t str>,
{
    let mut failure = None;
    for node in nodes {
        match node.holds(value) {
            Ok(holds) if holds == decisive => return Ok(decisive),
            Ok(_) => {}
            Err(error) => {
                failure.get_or_insert(error);
            }
        }
    }
    failure.map_or(Ok(!decisive), Err)
}

struct Builder<'a> {
    paths: Vec<Vec<PathStep>>,
    patterns: &'a Patterns,
}

impl Builder<'_> {
    fn node(&mut self, expr: &IdedExpr) -> Option<Node> {
        if let Some(path) = self.path(expr) {
            return Some(Node::Truth(path));
        }
        match &expr.expr {
            Expr::Literal(LiteralValue::Boolean(constant)) => {
                Some(Node::Constant(*constant.inner()))
            }
            Expr::Call(call) => match &call.target {
                None => self.operator(call),
                Some(target) => self.text(target, &call.func_name, &call.args),
            },
            _ => None,
        }
    }

    fn operator(&mut self, call: &CallExpr) -> Option<Node> {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, [operand]) => Some(Node::Not(Box::new(self.node(operand)?))),
            (operators::LOGICAL_AND, [left, right]) => {
                let mut nodes = Vec::new();
                for operand in [left, right] {
                    match self.node(operand)? {
                        Node::All(more) => nodes.extend(more),
                        node => nodes.push(node),
                    }
                }
                Some(Node::All(nodes))
            }
            (operators::LOGICAL_OR, [left, right]) => {
                let mut nodes = Vec::new();
                for operand in [left, right] {
                    match self.node(operand)? {
                        Node::Any(more) => nodes.extend(more),
                        node => nodes.push(node),
                    }
                }
                Some(Node::Any(nodes))
            }
            (operators::IN, [element, list]) => {
                let Expr::List(list) = &list.expr else {
                    return None;
                };
                let literals = list
                    .elements
                    .iter()
                    .map(literal_of)
                    .collect::<Option<_>>()?;
                let path = self.path(element)?;
                Some(Node::In { path, literals })
            }
            ("has", [field]) => {
                let steps = path_of(field, None)?;
                let (_, parent) = steps.split_last()?;
                let parent = (!parent.is_empty()).then(|| self.index(parent.to_vec()));
                let path = self.index(steps);
                Some(Node::Has { path, parent })
            }
            ("matches", [text, pattern]) => {
                self.text(text, "matches", std::slice::from_ref(pattern))
            }
            (operator, [left, right]) => self.comparison(operator, left, right),
            _ => None,
        }
    }

    fn comparison(&mut self, operator: &str, left: &IdedExpr, right: &IdedExpr) -> Option<Node> {
        let (path, literal, flipped) = match (literal_of(left), literal_of(right)) {
            (None, Some(literal)) => (left, literal, false),
            (Some(literal), None) => (right, literal, true),
            _ => return None,
        };
        let [less, equal, greater] = match operator {
            operators::EQUALS | operators::NOT_EQUALS => {
                let path = self.path(path)?;
                return Some(Node::Equal {
                    path,
                    literal,
                    negated: operator == operators::NOT_EQUALS,
                });
            }
            operators::LESS => [true, false, false],
            operators::LESS_EQUALS => [true, true, false],
            operators::GREATER => [false, false, true],
            operators::GREATER_EQUALS => [false, true, true],
            _ => return None,
        };
        let accepts = if flipped {
            [greater, equal, less]
        } else {
            [less, equal, greater]
        };
        let path = self.path(path)?;
        Some(Node::Ordered {
            path,
            literal,
            accepts,
        })
    }

    fn text(&mut self, target: &IdedExpr, name: &str, args: &[IdedExpr]) -> Option<Node> {
        let [argument] = args else {
            return None;
        };
        let Some(Literal::Text(text)) = literal_of(argument) else {
            return None;
        };
        let test = match name {
            "startsWith" => TextTest::StartsWith(text),
            "endsWith" => TextTest::EndsWith(text),
            "contains" => TextTest::Contains(text),
            "matches" => TextTest::Matches(self.patterns.get(&*text)?.clone()),
            _ => return None,
        };
        let path = self.path(target)?;
        Some(Node::Text { path, test })
    }

    /// The index of the path that `expr` is, unless it is the whole payment.
    fn path(&mut self, expr: &IdedExpr) -> Option<usize> {
        let steps = path_of(expr, None)?;
        (!steps.is_empty()).then(|| self.index(steps))
    }

    fn index(&mut self, steps: Vec<PathStep>) -> usize {
        let known = self.paths.iter().position(|path| *path == steps);
        known.unwrap_or_else(|| {
            self.paths.push(steps);
            self.paths.len() - 1
        })
    }
}

fn literal_of(expr: &IdedExpr) -> Option<Literal> {
    let Expr::Literal(literal) = &expr.expr else {
        return None;
    };
    Some(match literal {
        LiteralValue::Null => Literal::Null,
        LiteralValue::Boolean(bool) => Literal::Bool(*bool.inner()),
        LiteralValue::Int(int) => Literal::Number(CelNumber::Int(*int.inner())),
        LiteralValue::UInt(uint) => Literal::Number(CelNumber::Uint(*uint.inner())),
        LiteralValue::Double(double) => Literal::Number(CelNumber::Double(*double.inner())),
        LiteralValue::String(text) => Literal::Text(text.inner().into()),
        LiteralValue::Bytes(_) => return None,
    })
}
