//! Any log, any rules, and second chances for any of what is listed, in between.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A record of any kind: which of the two fields of an amount it has, and when it happened and was recorded.
fn any_records() -> impl Strategy<Value = Vec<(u8, i64, i64)>> {
    vec((0u8..4, 0i64..30_000, 0i64..3_000), 1..60)
}

/// Rules that read one or the other field, and are more or less strict.
fn any_rules() -> impl Strategy<Value = RulesOf> {
    let amount = prop_oneof![Just("amount"), Just("payAmount")];
    (amount, 1i64..40, 1i64..60).prop_map(|(amount, hours, minutes)| RulesOf {
        amount,
        allowed_lateness: Span::HOUR.times(hours),
        max_future: Span::MINUTE.times(minutes),
        ..RulesOf::default()
    })
}

proptest! {
    /// The oracle counts by hand: a record is a payment from the first time on that rules read its amount.
    #[test]
    fn whatever_is_read_and_judged_again_in_between_each_record_counts_once(
        log in any_records(),
        steps in vec((any_rules(), 1usize..20, any::<u64>()), 1..8),
    ) {
        let records: Vec<Stamped> = (0..).zip(&log).map(|(offset, (kind, seconds, behind))| {
            let paid = paid(offset, *seconds);
            let value = match kind {
                0 => paid.value,
                1 => paid.value.replace("\"amount\":10,", ""),
                2 => paid.value.replace("\"payAmount\":10,", ""),
                _ => "[]".to_owned(),
            };
            Stamped { stamp: (seconds - behind).max(0), value, ..paid }
        }).collect();
        let (mut kept, mut read) = (Kept::default(), 0);
        let mut payments = vec![false; records.len()];
        for (rules, count, which) in steps {
            let before = read;
            read = (read + count).min(records.len());
            apply(&rules, &mut kept, &records[before..read]);
            // Some of those that are listed, by the bits of a number.
            let mut pipeline = rules.pipeline(&kept);
            let rejects = kept.rejects.values().cloned().map(ListedRecord::Reject);
            let in_no_window = kept.in_no_window.values().cloned();
            let listed = in_no_window.map(ListedRecord::InNoWindow).chain(rejects);
            let chosen: Vec<ListedRecord> = listed
                .filter(|it| which >> (it.origin().offset % 64) & 1 == 1)
                .collect();
            for listed in &chosen {
                let at = usize::try_from(listed.origin().offset).unwrap();
                pipeline.judge_again(&records[at].record(), listed, UncomparedPayments::StayListed).unwrap();
            }
            kept.take(pipeline.take_effects());
            for at in 0..read {
                let is_judged = at >= before
                    || chosen.iter().any(|it| it.origin().offset == i64::try_from(at).unwrap());
                let field = if rules.amount == "amount" { 2 } else { 1 };
                payments[at] |= is_judged && (log[at].0 == 0 || log[at].0 == field);
            }
            let paid = payments.iter().filter(|paid| **paid).count() as u64;
            let entry = |entry| kept.ledger.entry(entry).count;
            prop_assert_eq!(kept.ledger.consumed, read as u64);
            prop_assert_eq!(entry(Entry::Rejected), read as u64 - paid);
            prop_assert_eq!(kept.rejects.len() as u64, read as u64 - paid);
            prop_assert_eq!(kept.notices.rejects.iter().sum::<u64>(), read as u64 - paid);
            let out = entry(Entry::TooLate) + entry(Entry::Future) + entry(Entry::PastRetention);
            prop_assert_eq!(kept.in_no_window.len() as u64, out);
            let slices = kept.slices.values();
            let in_windows: u64 = slices.clone().map(|slice| slice.count).sum();
            prop_assert_eq!(in_windows, entry(Entry::OnTime) + entry(Entry::Late));
            prop_assert_eq!(in_windows + out, paid);
            let units = I256::from(10_i128.pow(19));
            let sum = slices.fold(I256::ZERO, |sum, slice| sum + slice.sum);
            prop_assert_eq!(sum, I256::from(in_windows) * units);
            let totals: Vec<(u64, I256)> =
                kept.totals.values().map(|it| (it.count, it.amount)).collect();
            let expected = (paid > 0).then(|| (paid, I256::from(paid) * units));
            prop_assert_eq!(totals, Vec::from_iter(expected));
        }
    }
}
