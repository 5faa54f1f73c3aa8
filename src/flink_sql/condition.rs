//! Conditions over payments: from CEL to SQL.
//!
//! What a condition can't decide is NULL in SQL, and both languages treat it alike: `true || x` is true and `false && x` is
//! false, whatever x is.

use super::raw_columns::RawColumns;
use super::refusal::Refusals;
use super::sql_text::literal;
use crate::decode::mapping::{
    CelNumber, ConditionLiteral, ConditionNode, ConditionTree, PaymentCondition, TextTest,
};

/// The condition of the key `key`: TRUE, FALSE, or NULL where the payment does not decide it.
pub(super) fn boolean(
    key: &'static str,
    condition: &PaymentCondition,
    columns: &mut RawColumns,
    refusals: &mut Refusals,
) -> String {
    let Some(tree) = condition.tree() else {
        refusals.add(
            key,
            "only comparisons of a field with a value, `in`, has(), startsWith(), endsWith(), contains(), &&, \
             || and ! have an equal in SQL: write the condition with these",
        );
        return "FALSE".to_owned();
    };
    Translator {
        key,
        tree,
        columns,
        refusals,
    }
    .node(tree.root())
}

struct Translator<'a> {
    key: &'static str,
    tree: &'a ConditionTree,
    columns: &'a mut RawColumns,
    refusals: &'a mut Refusals,
}

impl Translator<'_> {
    fn node(&mut self, node: &ConditionNode) -> String {
        match node {
            ConditionNode::Constant(true) => "TRUE".to_owned(),
            ConditionNode::Constant(false) => "FALSE".to_owned(),
            ConditionNode::Truth(path) => truth(&self.text(*path)),
            ConditionNode::Not(node) => format!("(NOT {})", self.node(node)),
            ConditionNode::All(nodes) => self.joined(nodes, " AND "),
            ConditionNode::Any(nodes) => self.joined(nodes, " OR "),
            ConditionNode::Equal {
                path,
                literal,
                negated,
            } => {
                let equal = equal(&self.text(*path), literal);
                match negated {
                    true => format!("(NOT {equal})"),
                    false => equal,
                }
            }
            ConditionNode::Ordered {
                path,
                literal,
                accepts,
            } => ordered(&self.text(*path), literal, *accepts),
            ConditionNode::In { path, literals } => {
                let text = self.text(*path);
                let equals: Vec<String> = literals.iter().map(|it| equal(&text, it)).collect();
                match equals.is_empty() {
                    true => format!("(CASE WHEN {text} IS NOT NULL THEN FALSE END)"),
                    false => format!("({})", equals.join(" OR ")),
                }
            }
            ConditionNode::Has { path, parent } => {
                let exists = self.exists(*path);
                match parent {
                    None => exists,
                    Some(parent) => {
                        let parent = self.exists(*parent);
                        format!("(CASE WHEN {exists} THEN TRUE WHEN {parent} THEN FALSE END)")
                    }
                }
            }
            ConditionNode::Text { path, test } => {
                let text = self.text(*path);
                self.test(&text, test)
            }
        }
    }

    fn joined(&mut self, nodes: &[ConditionNode], operator: &str) -> String {
        let nodes: Vec<String> = nodes.iter().map(|node| self.node(node)).collect();
        format!("({})", nodes.join(operator))
    }

    fn test(&mut self, text: &str, test: &TextTest) -> String {
        match test {
            TextTest::StartsWith(prefix) => {
                let length = prefix.chars().count();
                format!("(LEFT({text}, {length}) = {})", literal(prefix))
            }
            TextTest::EndsWith(suffix) => {
                let length = suffix.chars().count();
                format!("(RIGHT({text}, {length}) = {})", literal(suffix))
            }
            TextTest::Contains(part) => format!("(POSITION({} IN {text}) > 0)", literal(part)),
            TextTest::Matches(_) => {
                self.refusals.add(
                    self.key,
                    "matches() can't be used: patterns of Java differ; write the condition with startsWith(), \
                     endsWith() or contains()",
                );
                "FALSE".to_owned()
            }
        }
    }

    fn text(&mut self, path: usize) -> String {
        match self.tree.paths().get(path) {
            Some(steps) => self.columns.payment_text(steps),
            None => "NULL".to_owned(),
        }
    }

    fn exists(&mut self, path: usize) -> String {
        match self.tree.paths().get(path) {
            Some(steps) => self.columns.exists(steps),
            None => "NULL".to_owned(),
        }
    }
}

fn truth(text: &str) -> String {
    format!("(CASE {text} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END)")
}

fn equal(text: &str, value: &ConditionLiteral) -> String {
    match value {
        ConditionLiteral::Null => format!("({text} IS NULL)"),
        ConditionLiteral::Bool(bool) => format!("({text} = '{bool}')"),
        ConditionLiteral::Text(value) => format!("({text} = {})", literal(value)),
        // What is not a number differs from each.
        ConditionLiteral::Number(number) => format!(
            "(CASE WHEN {text} IS NOT NULL THEN COALESCE({}, FALSE) END)",
            compared(text, *number, "=")
        ),
    }
}

fn ordered(text: &str, value: &ConditionLiteral, accepts: [bool; 3]) -> String {
    let operator = match accepts {
        [true, false, false] => "<",
        [true, true, false] => "<=",
        [false, false, true] => ">",
        [false, true, true] => ">=",
        // No operator of CEL accepts anything else.
        _ => "=",
    };
    match value {
        // Refused by the compiler of conditions.
        ConditionLiteral::Null => "NULL".to_owned(),
        ConditionLiteral::Bool(bool) => {
            let value = if *bool { "TRUE" } else { "FALSE" };
            format!("({} {operator} {value})", truth(text))
        }
        ConditionLiteral::Text(value) => format!("({text} {operator} {})", literal(value)),
        ConditionLiteral::Number(number) => compared(text, *number, operator),
    }
}

// Integers are compared exactly, other numbers as doubles, as CEL does.
fn compared(text: &str, number: CelNumber, operator: &str) -> String {
    match number {
        CelNumber::Int(number) => {
            format!("(TRY_CAST({text} AS DECIMAL(38, 18)) {operator} {number})")
        }
        CelNumber::Uint(number) => {
            format!("(TRY_CAST({text} AS DECIMAL(38, 18)) {operator} {number})")
        }
        CelNumber::Double(number) => {
            format!("(TRY_CAST({text} AS DOUBLE) {operator} CAST({number:e} AS DOUBLE))")
        }
    }
}
