//! The same payments in topics of five shapes.

use super::{Sale, SaleKind};
use crate::support::lab::Message;

/// A shape of messages, and the configuration that reads it.
pub struct Shape {
    pub name: &'static str,
    /// Keys of `[payment]` with their values in TOML.
    pub config: &'static [(&'static str, &'static str)],
    /// Whether failed payments are left out.
    pub filters: bool,
    /// Whether deleted rows are told.
    pub deletes: bool,
    message: fn(&Sale) -> Message,
    branch: fn(u32) -> String,
}

impl Shape {
    /// The record of a sale.
    pub fn message(&self, sale: &Sale) -> Message {
        match sale.kind {
            SaleKind::Empty => of(self.empty().to_owned()),
            _ => (self.message)(sale),
        }
    }

    /// The id of a branch in this shape.
    pub fn branch(&self, branch: u32) -> String {
        (self.branch)(branch)
    }

    /// Whether it is a refund, where the shape has some.
    pub fn refunds(&self, sale: &Sale) -> bool {
        self.name == "nested" && sale.number.is_multiple_of(7)
    }

    /// A record in which a field is missing.
    fn empty(&self) -> &'static str {
        match self.name {
            "nested" => r#"{"created":1793494200,"data":{"object":{"status":"succeeded"}}}"#,
            "debezium" => r#"{"payload":{"after":{},"op":"c"}}"#,
            _ => "{}",
        }
    }
}

pub const SHAPES: [Shape; 5] = [
    Shape {
        name: "flat",
        config: &[
            ("event_time", "'paid_at'"),
            ("event_time_format", "'%d.%m.%Y %H:%M:%S'"),
            ("amount", "'total'"),
            ("amount_thousands", "'.'"),
            ("amount_point", "','"),
            ("branch", "'shop'"),
            ("order_id", "'ref'"),
        ],
        filters: false,
        deletes: false,
        message: flat,
        branch: |branch| branch.to_string(),
    },
    Shape {
        name: "nested",
        config: &[
            ("envelope", "'data.object'"),
            ("event_time", "'$value.created'"),
            ("event_time_format", "'epoch_s'"),
            ("amount", "'amount'"),
            ("amount_scale", "2"),
            ("branch", "'metadata.\"store.no\"'"),
            ("order_id", "'$value.id'"),
            ("where", "'status in [\"succeeded\", \"settled\"]'"),
            ("negative_where", "'has(refund) && refund'"),
        ],
        filters: true,
        deletes: false,
        message: nested,
        branch: |branch| branch.to_string(),
    },
    Shape {
        name: "debezium",
        config: &[
            ("envelope", "'payload.after'"),
            ("event_time", "'paid_at'"),
            ("event_time_format", "'epoch_us'"),
            ("amount", "'lines[1].amount'"),
            ("branch", "'store'"),
            ("order_id", "'id'"),
        ],
        filters: false,
        deletes: true,
        message: debezium,
        branch: |branch| format!("6f1f1a52-0000-4000-8000-00000000000{branch}"),
    },
    Shape {
        name: "keyed",
        config: &[
            ("event_time", "'ts'"),
            ("event_time_format", "'epoch_ms'"),
            ("amount", "'amount'"),
            ("branch", "'{$header.country}/{$key}'"),
            ("order_id", "''"),
        ],
        filters: false,
        deletes: false,
        message: keyed,
        branch: |branch| format!("{}/{}", country(branch), store(branch)),
    },
    Shape {
        name: "currencies",
        config: &[
            ("event_time", "'at'"),
            ("amount", "'money.value'"),
            ("amount_scale", "'currency'"),
            ("currency", "'money.currency'"),
            ("branch", "'shop'"),
            ("order_id", "'no'"),
        ],
        filters: false,
        deletes: false,
        message: currencies,
        branch: |branch| format!("S{}/{}", branch / 2, currency(branch)),
    },
];

fn of(payload: String) -> Message {
    Message {
        payload: Some(payload.into_bytes()),
        ..Message::default()
    }
}

fn flat(sale: &Sale) -> Message {
    let time = chrono::DateTime::from_timestamp_millis(sale.time).unwrap();
    let whole = sale.cents / 100;
    let total = match (whole / 1_000, whole % 1_000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{thousands}.{rest:03}"),
    };
    of(format!(
        r#"{{"ref":"R-{}","total":"{total},{:02}","shop":{},"paid_at":"{}","note":"Käse & \"mehr\""}}"#,
        sale.number,
        sale.cents % 100,
        sale.branch,
        time.format("%d.%m.%Y %H:%M:%S")
    ))
}

fn nested(sale: &Sale) -> Message {
    let status = match sale.kind {
        SaleKind::Failed => "failed",
        _ if sale.number.is_multiple_of(3) => "settled",
        _ => "succeeded",
    };
    let refund = match sale.number % 7 {
        0 => r#","refund":true"#,
        1 => r#","refund":false"#,
        _ => "",
    };
    of(format!(
        r#"{{"id": "evt_{}", "created": {}, "data": {{"object": {{"amount": {}, "status": "{status}"{refund}, "metadata": {{"store.no": {}}}}}}}}}"#,
        sale.number,
        sale.time / 1_000,
        sale.cents,
        sale.branch
    ))
}

fn debezium(sale: &Sale) -> Message {
    let row = format!(
        r#"{{"id":{},"store":"6f1f1a52-0000-4000-8000-00000000000{}","paid_at":{},"lines":[null,{{"amount":"{}.{:02}"}}]}}"#,
        sale.number,
        sale.branch,
        sale.time * 1_000,
        sale.cents / 100,
        sale.cents % 100
    );
    of(match sale.kind {
        SaleKind::Deleted => {
            format!(r#"{{"payload":{{"before":{row},"after":null,"op":"d"}}}}"#)
        }
        _ => format!(
            r#"{{"schema":{{"type":"struct","fields":[]}},"payload":{{"before":null,"after":{row},"op":"c","source":{{"db":"shop"}}}}}}"#
        ),
    })
}

fn keyed(sale: &Sale) -> Message {
    Message {
        key: Some(store(sale.branch).into_bytes()),
        headers: vec![
            ("country".to_owned(), b"none".to_vec()),
            ("country".to_owned(), country(sale.branch).into()),
        ],
        ..of(format!(
            r#"{{"ts":{},"amount":{}.{:02}}}"#,
            sale.time,
            sale.cents / 100,
            sale.cents % 100
        ))
    }
}

fn currencies(sale: &Sale) -> Message {
    let currency = currency(sale.branch);
    let value = match currency {
        "JPY" => sale.cents / 100,
        _ => sale.cents,
    };
    let time = chrono::DateTime::from_timestamp_millis(sale.time).unwrap();
    of(format!(
        r#"{{"no":{},"at":"{}","money":{{"value":{value},"currency":"{currency}"}},"shop":"S{}"}}"#,
        sale.number,
        time.format("%Y-%m-%dT%H:%M:%SZ"),
        sale.branch / 2
    ))
}

fn country(branch: u32) -> &'static str {
    ["DE", "FR"][branch as usize % 2]
}

fn store(branch: u32) -> String {
    format!("Markt {branch} ✓")
}

fn currency(branch: u32) -> &'static str {
    ["EUR", "JPY"][branch as usize % 2]
}
