//! What a rule is that a text of rules leaves out.

/// The values of `[payment]` in the original message, in the order of the reference. The text of rules leaves
/// them out, so states rely on them: they never change.
const PAYMENT: [(&str, &str); 14] = [
    ("envelope", "\"\""),
    ("event_time", "\"createTime\""),
    ("event_time_format", "\"auto\""),
    ("amount", "\"payAmount\""),
    ("amount_scale", "0"),
    ("amount_thousands", "\"\""),
    ("amount_point", "\".\""),
    ("branch", "\"branchId\""),
    ("branch_type", "\"integer\""),
    ("order_id", "\"orderId\""),
    ("currency", "\"\""),
    ("currencies", "\"apart\""),
    ("where", "\"\""),
    ("negative_where", "\"\""),
];

/// The value of the rule `key` where the text of rules leaves it out, as that text would have it; `None` if it
/// has none.
#[must_use]
pub fn rule_default(key: &str) -> Option<&'static str> {
    if key == "dedup.by" {
        return Some("\"\"");
    }
    let field = key.strip_prefix("payment.")?;
    PAYMENT
        .iter()
        .find(|(name, _)| *name == field)
        .map(|(_, value)| *value)
}

/// The same in a sentence.
pub(super) fn told_default(key: &str) -> String {
    match rule_default(key) {
        Some(value) => format!("{value} (the default)"),
        // They say how payments are compared, and none is.
        None if key.starts_with("dedup.") => "without effect".to_owned(),
        None => "missing".to_owned(),
    }
}
