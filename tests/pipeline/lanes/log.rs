//! A topic of several partitions, made of what a test says about each record.

use proptest::prelude::*;

use crate::support::oracle;

/// 2026-11-01T00:00:00Z.
pub const START: i64 = 1_793_491_200_000;
pub const PARTITIONS: i32 = 6;

/// What one record is, from which its place in event time follows.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    partition: i32,
    kind: Kind,
    /// In ms: how far event time goes on in its partition.
    step: i64,
    branch: u32,
    cents: i64,
    order: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    OnTime,
    /// So many ms behind its partition's event time.
    Behind(i64),
    /// Days ahead of all others. Another one agrees, if the next step is a jump as well.
    Jump(i64),
    /// Ten minutes ahead of its record.
    Future,
    Reject,
    Tombstone,
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

pub fn piece() -> impl Strategy<Value = Piece> {
    let kind = prop_oneof![
        12 => Just(Kind::OnTime),
        4 => (0..7 * SECOND).prop_map(Kind::Behind),
        3 => (0..3 * HOUR).prop_map(Kind::Behind),
        1 => (DAY..5 * DAY).prop_map(Kind::Behind),
        1 => (0..3_i64).prop_map(Kind::Jump),
        1 => Just(Kind::Future),
        1 => Just(Kind::Reject),
        1 => Just(Kind::Tombstone),
    ];
    let step = prop_oneof![6 => 0..20 * SECOND, 3 => 0..5 * MINUTE, 1 => 0..9 * HOUR];
    let order = prop_oneof![Just(None), (0..40_i64).prop_map(Some)];
    (0..PARTITIONS, kind, step, 0..4_u32, 1..40_i64, order).prop_map(
        |(partition, kind, step, branch, cents, order)| Piece {
            partition,
            kind,
            step,
            branch,
            cents,
            order,
        },
    )
}

/// The records of all partitions, each with the offsets from 0 on. Partitions are hours apart, and the last of them a day.
/// Event time goes on `pace` times as far as the pieces say.
pub fn log(pieces: &[Piece], pace: i64) -> Vec<oracle::Record> {
    let mut times: Vec<i64> = (0..i64::from(PARTITIONS))
        .map(|number| START + number * HOUR)
        .collect();
    times[PARTITIONS as usize - 1] += DAY;
    let mut offsets = [0; PARTITIONS as usize];
    let records = pieces.iter().map(|piece| {
        let at = piece.partition as usize;
        times[at] += piece.step * pace;
        offsets[at] += 1;
        let now = times[at];
        let time = match piece.kind {
            Kind::Behind(behind) => now - behind,
            Kind::Jump(days) => now + 2 * DAY + days * MINUTE,
            _ => now,
        };
        let ahead = matches!(piece.kind, Kind::Future);
        let value = match piece.kind {
            Kind::Reject => Some(b"no payment".to_vec()),
            Kind::Tombstone => None,
            _ => Some(payment(piece, time)),
        };
        oracle::Record {
            partition: piece.partition,
            offset: offsets[at] - 1,
            timestamp: if ahead { time - 10 * MINUTE } else { time },
            value,
        }
    });
    records.collect()
}

fn payment(piece: &Piece, time: i64) -> Vec<u8> {
    let order = piece
        .order
        .map_or(String::new(), |order| format!(r#""orderId":{order},"#));
    let (branch, cents) = (piece.branch, piece.cents);
    format!(r#"{{"createTime":{time},{order}"payAmount":{cents}e-2,"branchId":{branch}}}"#)
        .into_bytes()
}
