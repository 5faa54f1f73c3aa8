//! The keys of `[payment]` and `[dedup]`.

use super::{SectionKeys, Shape, key};

/// The section.
pub(super) const KEYS: SectionKeys = SectionKeys {
    name: "payment",
    meaning: "Where a record says what. The defaults are the original message. A place is a path in the payment's object (`store.id`, `items[0].price`, `\"a.b\".c`), `$key`, `$timestamp`, `$header.NAME`, or `$value.PATH`, a path in the whole value.",
    keys: &[
        key("envelope", Shape::Text(""), "\"\"")
            .rule()
            .range("a path, such as `payload.after`")
            .means("The object that holds the payment, in the value. `null` there is a tombstone, as in a change stream that says that a row was deleted."),
        key("event_time", Shape::Text("\\S"), "\"createTime\"")
            .rule()
            .range("a place")
            .means("When the payment happened."),
        key("event_time_format", Shape::Text("^(auto|epoch_(s|ms|us|ns)|.*%.*)$"), "\"auto\"")
            .rule()
            .range("`auto`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, or a pattern of strftime with year, month and day")
            .means("How it is written. `auto`: date and time, or integer milliseconds since 1970. A pattern without an offset is read in `time_zone`."),
        key("amount", Shape::Text("\\S"), "\"payAmount\"")
            .rule()
            .range("a place")
            .means("What was paid: a number, or a text that holds one."),
        key("amount_scale", Shape::IntegerOr(0, 18, "currency"), "0")
            .rule()
            .means("How many decimals amounts leave out: 2 if they are in cents. `\"currency\"`: as many as ISO 4217 gives the currency."),
        key("amount_thousands", Shape::Text("^.?$"), "\"\"")
            .rule()
            .range("one character, such as `,`")
            .means("What stands between the thousands of an amount that is a text."),
        key("amount_point", Shape::Text("^.$"), "\".\"")
            .rule()
            .range("`.` or `,`")
            .means("What stands before the decimals of an amount that is a text."),
        key("branch", Shape::Text("\\S"), "\"branchId\"")
            .rule()
            .range("a place, or a template: `{country}/{store.id}`")
            .means("What amounts are summed by."),
        key("branch_type", Shape::Text("^(auto|integer|any)$"), "\"auto\"")
            .rule()
            .range("`auto`, `integer` (0 to 2147483647), or `any` (such an integer, or a text of at most 256 bytes)")
            .means("What a branch may be. `auto`: `integer` for `branchId`, `any` for other places."),
        key("order_id", Shape::Text(""), "\"orderId\"")
            .rule()
            .range("a place, a template: `{orderId}/{type}`, or `\"\"` for none")
            .means("What tells one order from others. It may be missing in a record. `orderId` must be an integer; any other place, and each place of a template, may hold a text."),
        key("currency", Shape::Text(""), "\"\"")
            .rule()
            .range("a place")
            .means("The currency of the amount; `\"\"`: all payments have the same."),
        key("currencies", Shape::Text("^(apart|[A-Za-z0-9]{1,8})$"), "\"apart\"")
            .rule()
            .range("`apart`, or the code of the only currency; needs `currency`")
            .means("What becomes of payments in several currencies. `apart`: the currency is a part of the branch, as in `7/EUR`. With a code, payments in any other currency are rejected."),
        key("where", Shape::Text(""), "\"\"")
            .rule()
            .range("an expression of CEL over the payment's object: `status in [\"captured\", \"settled\"]`")
            .means("Which payments count. Others are `filtered` in the ledger."),
        key("negative_where", Shape::Text(""), "\"\"")
            .rule()
            .range("an expression of CEL: `type == \"refund\"`")
            .means("Which payments subtract: the sign of their amounts is turned."),
    ],
};

/// The section of duplicates.
pub(super) const DEDUP_KEYS: SectionKeys = SectionKeys {
    name: "dedup",
    meaning: "Which payments are duplicates: each partition is compared with itself. A duplicate is in no window and no total.",
    keys: &[
        key("by", Shape::Text("^(order_id)?$"), "\"\"")
            .rule()
            .range("`order_id`, or `\"\"` for none; needs `payment.order_id`")
            .means("What duplicates have in common. A payment without an order id is never one."),
        key("within", Shape::Duration { zero: false }, "\"1h\"")
            .rule()
            .means("The horizon. A payment is compared with one that counted before it while their event times are at most this far apart, and the event time of the partition has advanced by at most this since."),
        key("max_ids", Shape::Integer(1, 1_000_000_000), "20000000")
            .rule()
            .means("At most so many ids of a partition are remembered: the newest. An id takes at most 15 bytes of memory and 10 to 40 bytes of disk."),
    ],
};
