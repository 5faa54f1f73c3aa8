//! The short way to a payment: the fields in the order that producers write them in.

use tidegauge_windows::EventTime;

use super::byte_cursor::ByteCursor;
use super::days::Days;
use crate::domain::payment::{BranchId, OrderId, Payment, PaymentNotices};

/// The payment that looks as expected:
/// `{"createTime":"…","orderId":…,"payAmount":…,"payPlatform":…,"branchId":…}`, with or without one
/// space after each colon and comma, and without a sign on an integer, an exponent, an escape, a
/// null, or a local time on a day whose clocks change. `None` when anything is not as expected: then
/// nothing is said about it.
#[inline]
pub(super) fn scan(payload: &[u8], days: &mut Days) -> Option<Payment> {
    let (event_time, mut cursor) = match compact_head(payload, days) {
        Some(head) => head,
        None => head(payload, days)?,
    };
    let order_id = cursor.number()?;
    cursor.field(b",\"payAmount\":")?;
    let amount = cursor.amount(0)?;
    cursor.field(b",\"payPlatform\":")?;
    let platform = cursor.short_number()?;
    cursor.field(b",\"branchId\":")?;
    let branch = cursor.short_number()?;
    if cursor.rest() != b"}" {
        return None;
    }
    Some(Payment {
        event_time,
        amount,
        branch: BranchId::new(u32::try_from(branch).ok()?)?,
        order_id: Some(OrderId::Number(i128::from(order_id))),
        platform: Some(platform),
        notices: PaymentNotices::default(),
    })
}

/// The event time, and what stands behind `"orderId":`.
#[inline(always)]
fn head<'a>(payload: &'a [u8], days: &mut Days) -> Option<(EventTime, ByteCursor<'a>)> {
    let mut cursor = ByteCursor::new(payload);
    cursor.literal(b"{\"createTime\":")?;
    let event_time = days.read_time(&mut cursor)?;
    cursor.field(b",\"orderId\":")?;
    Some((event_time, cursor))
}

/// As [`head`], for `{"createTime":"YYYY-MM-DD HH:MM:SS","orderId":` only. It compares all of it at once, which takes fewer
/// instructions.
#[inline(always)]
fn compact_head<'a>(payload: &'a [u8], days: &mut Days) -> Option<(EventTime, ByteCursor<'a>)> {
    let (begin, rest) = payload.split_first_chunk::<15>()?;
    let (date, rest) = rest.split_first_chunk::<10>()?;
    let (space, rest) = rest.split_first_chunk::<1>()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (end, rest) = rest.split_first_chunk::<12>()?;
    if begin != b"{\"createTime\":\"" || space != b" " || end != b"\",\"orderId\":" {
        return None;
    }
    let mut cursor = ByteCursor::new(rest);
    cursor.skip(b' ');
    Some((days.local_time(date, time)?, cursor))
}
