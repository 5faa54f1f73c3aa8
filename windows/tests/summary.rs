//! Figures and distributions: exact, and the same in any order and any parts.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use ethnum::I256;
use proptest::prelude::*;
use tidegauge_windows::{Aggregate, Histogram, Summary};

fn histogram(values: &[i128]) -> Histogram {
    let mut histogram = Histogram::default();
    for value in values {
        histogram.add(*value);
    }
    histogram
}

fn bins(histogram: &Histogram) -> Vec<(i16, u64)> {
    histogram.bins().collect()
}

/// The bin of a value, by halving until 8 bits are left.
fn bin_of(value: i128) -> i16 {
    let (mut magnitude, mut halved) = (value.unsigned_abs(), 0);
    while magnitude >= 256 {
        magnitude /= 2;
        halved += 1;
    }
    let index = halved * 128 + i16::try_from(magnitude).unwrap();
    if value < 0 { -index } else { index }
}

/// The value of rank ⌈share % of all⌉, at least the first.
fn of_rank(sorted: &[i128], percent: usize) -> i128 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

#[test]
fn small_magnitudes_have_a_bin_each_and_large_ones_share() {
    assert_eq!(
        bins(&histogram(&[0, 1, -1, 127, 128, 255])),
        [(-1, 1), (0, 1), (1, 1), (127, 1), (128, 1), (255, 1)]
    );
    assert_eq!(
        bins(&histogram(&[256, 257, 258, 511, 512, 515, -256])),
        [(-256, 1), (256, 2), (257, 1), (383, 1), (384, 2)]
    );
    assert_eq!(
        bins(&histogram(&[i128::MIN, i128::MAX])),
        [(-15_488, 1), (15_487, 1)]
    );
}

#[test]
fn empty_histogram_has_no_quantile() {
    let empty = Histogram::default();
    assert!(empty.is_empty());
    assert_eq!((empty.len(), empty.quantile(0.5)), (0, None));
    assert_eq!(Summary::default().quantile(0.5), None);
    assert_eq!(
        (Summary::default().min(), Summary::default().max()),
        (None, None)
    );
}

#[test]
fn quantile_is_the_value_of_that_rank() {
    let hundred: Vec<i128> = (1..=100).collect();
    let hundred = histogram(&hundred);
    for (q, value) in [
        (0.0, 1),
        (0.01, 1),
        (0.5, 50),
        (0.501, 51),
        (0.95, 95),
        (0.99, 99),
        (1.0, 100),
    ] {
        assert_eq!(hundred.quantile(q), Some(value), "{q}");
    }
    let one = histogram(&[7]);
    for q in [0.0, 0.5, 1.0, -3.0, 3.0, f64::NAN, f64::INFINITY] {
        assert_eq!(one.quantile(q), Some(7), "{q}");
    }
    assert_eq!(histogram(&[-5, 0, 5]).quantile(0.3), Some(-5));
}

#[test]
fn quantile_of_the_largest_magnitudes_is_held_in_range() {
    assert_eq!(histogram(&[i128::MIN]).quantile(0.5), Some(i128::MIN));
    let largest = histogram(&[i128::MAX]).quantile(0.5).unwrap();
    assert!(largest > i128::MAX / 256 * 255);
}

#[test]
fn counts_beyond_16_and_32_bits_are_kept() {
    counts_beyond_are_kept(u16::MAX.into());
    counts_beyond_are_kept(u32::MAX.into());
}

fn counts_beyond_are_kept(many: u64) {
    // So many bins that they are kept in pages.
    let wide = (0..200).map(|index| (index, many));
    let mut counted = Histogram::from_bins(wide);
    counted.add(5);
    assert_eq!(bins(&counted)[5], (5, many + 1));
    assert_eq!(bins(&counted)[6], (6, many));
    let twice = Histogram::from_bins((0..200).map(|index| (index, many)));
    counted.merge(&twice);
    assert_eq!(bins(&counted)[5], (5, 2 * many + 1));
    assert_eq!(bins(&counted)[199], (199, 2 * many));
    let mut narrow = twice.clone();
    narrow.merge(&twice);
    assert_eq!(bins(&narrow)[0], (0, 2 * many));
    narrow.merge(&counted);
    assert_eq!(bins(&narrow)[5], (5, 4 * many + 1));
    let few = Histogram::from_bins([(1, 1)]);
    narrow.merge(&few);
    assert_eq!(bins(&narrow)[1], (1, 4 * many + 1));
    assert_eq!(narrow.len(), 800 * many + 2);
    assert_eq!(narrow.quantile(0.5), Some(99));
}

#[test]
fn counts_beyond_48_bits_are_kept() {
    let limit = (1 << 48) - 1;
    let mut few = Histogram::from_bins([(3, limit), (-3, 1)]);
    assert_eq!(bins(&few), [(-3, 1), (3, limit)]);
    let mut other = few.clone();
    other.merge(&few);
    assert_eq!(bins(&other), [(-3, 2), (3, 2 * limit)]);
    few.add(3);
    assert_eq!(bins(&few), [(-3, 1), (3, limit + 1)]);
    assert_eq!(
        bins(&Histogram::from_bins([(9, u64::MAX), (9, 5)])),
        [(9, u64::MAX)]
    );
}

#[test]
fn bins_that_no_value_has_are_held_in_range() {
    let odd = Histogram::from_bins([(i16::MAX, 1), (i16::MIN, 2), (4, 0)]);
    assert_eq!(bins(&odd), [(-15_488, 2), (15_488, 1)]);
    assert_eq!(odd.quantile(1.0), Some(i128::MAX));
}

#[test]
fn summary_never_gives_a_quantile_outside_its_extremes() {
    let mut summary = Summary::default();
    summary.add(&1_000_003, false);
    assert_eq!(
        [0.0, 0.5, 1.0].map(|q| summary.quantile(q)),
        [Some(1_000_003); 3]
    );
}

#[test]
fn sum_of_the_largest_amounts_is_exact() {
    let mut summary = Summary::default();
    for _ in 0..1_000 {
        summary.add(&i128::MIN, true);
    }
    assert_eq!(summary.sum, I256::from(i128::MIN) * I256::from(1_000));
    assert_eq!(summary.late_sum, summary.sum);
}

/// Values of every magnitude and of both signs, and many of a few.
fn values() -> impl Strategy<Value = i128> {
    prop_oneof![
        2 => (any::<i128>(), 0_u32..128).prop_map(|(value, shift)| value >> shift),
        1 => -300_i128..300,
        // Amounts as they are: two decimals at 10^-18, on both sides of 2^64.
        2 => (-100_i128..100_000).prop_map(|cents| cents * 10_i128.pow(16)),
    ]
}

fn many_values() -> impl Strategy<Value = Vec<i128>> {
    prop_oneof![
        prop::collection::vec(values(), 0..60),
        prop::collection::vec(values(), 0..600),
        prop::collection::vec(-20_i128..20, 0..300),
    ]
}

/// Values that the hdrhistogram crate can count, at every magnitude.
fn unsigned_values() -> impl Strategy<Value = Vec<u64>> {
    let value = (0..=u64::MAX / 2, 0_u32..63).prop_map(|(value, shift)| value >> shift);
    prop_oneof![
        prop::collection::vec(value.clone(), 1..60),
        prop::collection::vec(value, 1..600),
    ]
}

/// Each value, whether it is late, and which part it goes to.
fn parts() -> impl Strategy<Value = Vec<(i128, bool, usize)>> {
    let few = prop::collection::vec((values(), any::<bool>(), 0_usize..4), 0..80);
    let many = prop::collection::vec((values(), any::<bool>(), 0_usize..4), 0..600);
    prop_oneof![few, many]
}

#[test]
fn histograms_of_as_many_values_differ_when_their_bins_do() {
    assert_ne!(histogram(&[1, 2]), histogram(&[1, 3]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bins_count_what_was_added(values in many_values()) {
        let mut expected: BTreeMap<i16, u64> = BTreeMap::new();
        for value in &values {
            *expected.entry(bin_of(*value)).or_default() += 1;
        }
        let counted = histogram(&values);
        prop_assert_eq!(bins(&counted), expected.clone().into_iter().collect::<Vec<_>>());
        prop_assert_eq!(counted.len(), u64::try_from(values.len()).unwrap());
        prop_assert_eq!(&Histogram::from_bins(expected.clone()), &counted);
        prop_assert_eq!(&Histogram::from_bins(expected.into_iter().rev()), &counted);
    }

    #[test]
    fn histograms_merge_as_if_all_values_were_added_to_one(one in many_values(), other in many_values()) {
        let all = histogram(&[one.clone(), other.clone()].concat());
        let (one, other) = (histogram(&one), histogram(&other));
        let mut merged = one.clone();
        merged.merge(&other);
        prop_assert_eq!(&merged, &all);
        let mut merged = other;
        merged.merge(&one);
        prop_assert_eq!(&merged, &all);
    }

    #[test]
    fn histograms_differ_when_a_bin_does(values in many_values(), more in values()) {
        let one = histogram(&values);
        let mut other = one.clone();
        other.add(more);
        prop_assert_ne!(one, other);
    }

    #[test]
    fn summary_is_the_same_in_any_order_and_any_parts(
        (inputs, shuffled) in parts().prop_flat_map(|inputs| (Just(inputs.clone()), Just(inputs).prop_shuffle())),
    ) {
        let mut whole = Summary::default();
        for (value, late, _) in &inputs {
            whole.add(value, *late);
        }
        let mut parts = [(); 4].map(|()| Summary::default());
        for (value, late, part) in &shuffled {
            parts[*part].add(value, *late);
        }
        let [a, b, c, d] = &parts;
        let merge = |one: &Summary, other: &Summary| {
            let mut merged = one.clone();
            merged.merge(other);
            merged
        };
        prop_assert_eq!(&merge(&merge(a, b), &merge(c, d)), &whole);
        prop_assert_eq!(&merge(d, &merge(&merge(b, c), a)), &whole);
        prop_assert_eq!(&merge(&whole, &Summary::default()), &whole);
        prop_assert_eq!(&merge(&Summary::default(), &whole), &whole);
    }

    #[test]
    fn summary_agrees_with_a_list_of_the_amounts(inputs in parts()) {
        let mut summary = Summary::default();
        for (value, late, _) in &inputs {
            summary.add(value, *late);
        }
        let amounts = || inputs.iter().map(|(value, ..)| *value);
        let late = || inputs.iter().filter(|(_, late, _)| *late).map(|(value, ..)| *value);
        let sum = |amounts: &mut dyn Iterator<Item = i128>| amounts.fold(I256::ZERO, |sum, amount| sum + I256::from(amount));
        prop_assert_eq!(summary.count(), u64::try_from(inputs.len()).unwrap());
        prop_assert_eq!(summary.sum, sum(&mut amounts()));
        prop_assert_eq!((summary.min(), summary.max()), (amounts().min(), amounts().max()));
        prop_assert_eq!(summary.late_count, u64::try_from(late().count()).unwrap());
        prop_assert_eq!(summary.late_sum, sum(&mut late()));
        prop_assert_eq!(summary.histogram.len(), summary.count);
    }

    #[test]
    fn quantile_is_within_a_128th_of_the_exact_one(mut values in many_values(), percent in 0_usize..=100) {
        prop_assume!(!values.is_empty());
        let mut summary = Summary::default();
        for value in &values {
            summary.add(value, false);
        }
        values.sort_unstable();
        // The share one part in a million below, so that rounding can't lift it over a rank.
        let share = (f64::from(u32::try_from(percent).unwrap()) / 100.0 - 1e-6).max(0.0);
        let exact = of_rank(&values, percent);
        let given = summary.quantile(share).unwrap();
        prop_assert!(given.abs_diff(exact) <= exact.unsigned_abs() / 128, "{given} for {exact}");
        prop_assert!(given >= values[0] && given <= values[values.len() - 1]);
        if exact.unsigned_abs() < 256 {
            prop_assert_eq!(given, exact);
        }
    }

    #[test]
    fn quantile_is_the_middle_of_the_bin_that_hdrhistogram_finds(values in unsigned_values(), q in 0.0..=1.0) {
        let mut reference = hdrhistogram::Histogram::<u64>::new_with_bounds(1, u64::MAX / 2, 2).unwrap();
        let mut counted = Histogram::default();
        for value in &values {
            reference.record(*value).unwrap();
            counted.add(i128::from(*value));
        }
        for q in [q, 0.5, 0.95, 0.99] {
            let bin = reference.value_at_quantile(q);
            prop_assert_eq!(counted.quantile(q), Some(i128::from(reference.median_equivalent(bin))), "{}", q);
        }
    }
}
