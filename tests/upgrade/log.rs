//! The records of the topic that the states of all storage versions were made from.
//!
//! The figures of these states follow from them and from the default rules, by whatever release.

/// The topic that the states are of.
pub const TOPIC: &str = "upgraded-payments";
/// So many records of the log are in the states; the rest came later.
pub const STORED: usize = 60;
/// After so many the state was closed and opened again, so that its first records are in a table.
pub const STORED_FIRST: usize = 25;

/// 2026-11-01T00:00:00Z.
const START: i64 = 1_793_491_200_000;
const MINUTE: i64 = 60_000;

/// How far some payments are ahead of the clock that stamps them, and of which branch they are.
const AHEAD: i64 = 60 * MINUTE;
const BRANCH_AHEAD: u32 = 2;

/// A record: its partition, its timestamp and its value.
pub type LogRecord = (i32, i64, Option<Vec<u8>>);

/// All records, in the order in which they were read.
pub fn log() -> Vec<LogRecord> {
    let mut records = Vec::new();
    for minute in 0..16 {
        let time = START + minute * MINUTE;
        let branch = 1 + minute % 3;
        records.push((0, time, Some(payment(time, "10.25", branch))));
        records.push((
            1,
            time + 20_000,
            Some(payment(time + 20_000, "-0.5", branch + 1)),
        ));
        records.push((
            0,
            time + 30_000,
            Some(payment(time + 30_000, "0.000000000000000001", 9)),
        ));
        match minute % 4 {
            // Late: another payment of its partition was 30 s later.
            0 => records.push((0, time + 31_000, Some(payment(time - 10_000, "7", branch)))),
            1 => records.push((1, time + 32_000, Some(b"not a payment".to_vec()))),
            // An hour ahead of the clock that stamped it: in no window.
            2 => {
                let value = payment(time + AHEAD, "3", BRANCH_AHEAD.into());
                records.push((1, time + 33_000, Some(value)));
            }
            _ => records.push((0, time + 34_000, None)),
        }
    }
    records
}

/// The payments among the first `count` records that are ahead: each with its branch and its event time.
pub fn ahead(count: usize) -> Vec<(u32, i64)> {
    let records = log().into_iter().take(count);
    let stamps = records.filter(|(_, stamp, _)| stamp % MINUTE == 33_000);
    stamps
        .map(|(_, stamp, _)| (BRANCH_AHEAD, stamp - 33_000 + AHEAD))
        .collect()
}

fn payment(millis: i64, amount: &str, branch: i64) -> Vec<u8> {
    let seconds = (millis - START).div_euclid(1_000);
    let (day, second) = match seconds {
        ..0 => ("2026-10-31", seconds + 86_400),
        _ => ("2026-11-01", seconds),
    };
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!(
        "{{\"createTime\":\"{day} {hour:02}:{minute:02}:{second:02}\",\"orderId\":7,\"payAmount\":{amount},\"payPlatform\":0,\"branchId\":{branch}}}"
    )
    .into_bytes()
}
