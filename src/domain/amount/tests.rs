//! Amounts are exact: parsed, shown and averaged like arithmetic on the text.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;

const ONE: i128 = 1_000_000_000_000_000_000;

fn exact(units: i128) -> Result<(Amount, bool), AmountError> {
    Ok((Amount(units), false))
}

fn rounded(units: i128) -> Result<(Amount, bool), AmountError> {
    Ok((Amount(units), true))
}

fn parse(text: &str) -> Result<(Amount, bool), AmountError> {
    Amount::parse(text.as_bytes())
}

#[test]
fn numbers_with_up_to_eighteen_decimals_are_exact() {
    for (text, units) in [
        ("0", 0),
        ("-0", 0),
        ("0.0", 0),
        ("-0.000e5", 0),
        ("1", ONE),
        ("-3", -3 * ONE),
        ("12345.67", 12_345_670_000_000_000_000_000),
        ("0.1", ONE / 10),
        ("0.000000000000000001", 1),
        ("-0.000000000000000001", -1),
        ("1e3", 1_000 * ONE),
        ("1E+3", 1_000 * ONE),
        ("1.5e-1", 15 * ONE / 100),
        ("100e-2", ONE),
        ("1e-18", 1),
        ("0.1e15", 100_000_000_000_000 * ONE),
        ("0.000001e20", 100_000_000_000_000 * ONE),
        (
            "999999999999999.999999999999999999",
            1_000_000_000_000_000 * ONE - 1,
        ),
        (
            "-999999999999999.999999999999999999",
            1 - 1_000_000_000_000_000 * ONE,
        ),
        // Zeros behind the eighteenth decimal need no rounding.
        ("1.0000000000000000000000000000", ONE),
        ("1e00000000000000000000000000000000", ONE),
        ("0e999999999999999999999999", 0),
        ("0e-999999999999999999999999", 0),
    ] {
        assert_eq!(parse(text), exact(units), "{text}");
    }
}

#[test]
fn further_decimals_are_rounded_half_even() {
    for (text, units) in [
        ("0.0000000000000000004", 0),
        ("0.0000000000000000005", 0),
        ("0.00000000000000000050000000001", 1),
        ("0.0000000000000000006", 1),
        ("0.0000000000000000015", 2),
        ("0.0000000000000000025", 2),
        ("-0.0000000000000000025", -2),
        ("0.00000000000000000250", 2),
        ("0.00000000000000000251", 3),
        ("-0.0000000000000000035", -4),
        ("0.09999999999999999999", ONE / 10),
        ("1e-19", 0),
        ("5e-19", 0),
        ("9e-19", 1),
        ("9e-20", 0),
        ("1e-400", 0),
        ("-1e-400", 0),
        ("1e-999999999999", 0),
        ("1e-99999999999999999999999999", 0),
        (
            "999999999999999.9999999999999999994",
            1_000_000_000_000_000 * ONE - 1,
        ),
    ] {
        assert_eq!(parse(text), rounded(units), "{text}");
    }
}

#[test]
fn magnitudes_from_10_to_the_15_on_are_refused() {
    for text in [
        "1000000000000000",
        "-1000000000000000",
        "1e15",
        "0.1e16",
        "1e400",
        "-1e400",
        "1e999999999999",
        "1e99999999999999999999999999",
        "999999999999999.9999999999999999995",
        "123456789012345678901234567890123456789012345678901234567890",
    ] {
        assert_eq!(parse(text), Err(AmountError::TooLarge), "{text}");
    }
}

#[test]
fn text_that_json_does_not_call_a_number_is_refused() {
    for text in [
        "",
        "-",
        "+1",
        "01",
        "-01",
        "00",
        "1.",
        ".5",
        "-.5",
        "1e",
        "1e+",
        "1e-",
        "1.e1",
        "e1",
        " 1",
        "1 ",
        "1,5",
        "1_000",
        "0x1",
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "inf",
        "--1",
        "1.2.3",
        "1e1.5",
        "1e1e1",
        "١",
        "1\0",
    ] {
        assert_eq!(parse(text), Err(AmountError::NotANumber), "{text:?}");
    }
}

#[test]
fn a_text_of_many_digits_takes_its_exponent_into_account() {
    let zeros = "0".repeat(200_000);
    assert_eq!(parse(&format!("0.{zeros}1e200001")), exact(ONE));
    assert_eq!(parse(&format!("1{zeros}e-200000")), exact(ONE));
    assert_eq!(parse(&format!("25{zeros}0e-200020")), rounded(2));
    assert_eq!(parse(&format!("25{zeros}1e-200020")), rounded(3));
}

#[test]
fn amounts_show_as_plain_decimals_without_trailing_zeros() {
    for (units, text) in [
        (0, "0"),
        (ONE, "1"),
        (-3 * ONE, "-3"),
        (100 * ONE, "100"),
        (12_345_670_000_000_000_000_000, "12345.67"),
        (-ONE / 2, "-0.5"),
        (1, "0.000000000000000001"),
        (-1, "-0.000000000000000001"),
        (ONE + 10, "1.00000000000000001"),
        (i128::MAX, "170141183460469231731.687303715884105727"),
        (i128::MIN, "-170141183460469231731.687303715884105728"),
    ] {
        assert_eq!(Amount(units).to_string(), text);
        assert_eq!(format_units(I256::from(units)), text);
    }
    assert_eq!(
        format_units(I256::MIN),
        "-57896044618658097711785492504343953926634992332820282019728.792003956564819968"
    );
}

#[test]
fn averages_are_doubles_rounded_once() {
    let one = I256::from(ONE);
    assert_eq!(average(one, 3), 1.0 / 3.0);
    assert_eq!(average(-one, 3), -1.0 / 3.0);
    assert_eq!(average(one * 10, 4), 2.5);
    assert_eq!(average(I256::ZERO, 7).to_bits(), 0.0_f64.to_bits());
    assert_eq!(average(one, 0).to_bits(), 0.0_f64.to_bits());
    assert_eq!(
        average(I256::ONE, u64::MAX),
        1e-18 / 18_446_744_073_709_551_615.0
    );
    // Half-way between two doubles: the even one, and up as soon as anything follows.
    let half = one * I256::from(9_007_199_254_740_993_i64);
    assert_eq!(nearest_double(half), 9_007_199_254_740_992.0);
    assert_eq!(nearest_double(half + 1), 9_007_199_254_740_994.0);
    // 2^-18 more: the division leaves nothing, yet it has more bits than are looked at.
    assert_eq!(
        nearest_double(half + I256::from(5_i64.pow(18))),
        9_007_199_254_740_994.0
    );
    // 2^-10 and a little more: the last bit that is looked at is set already, and stays so.
    assert_eq!(
        nearest_double(half + I256::from(256 * 5_i64.pow(18)) + 1),
        9_007_199_254_740_994.0
    );
    // So little more that it is but a remainder.
    assert_eq!(
        average(half * (1 << 63) + 1, 1 << 63),
        9_007_199_254_740_994.0
    );
    assert_eq!(nearest_double(-half - 1), -9_007_199_254_740_994.0);
    assert_eq!(average(half * 3, 3), 9_007_199_254_740_992.0);
    assert_eq!(average(half * 3 + 1, 3), 9_007_199_254_740_994.0);
}

/// Rounds on the decimal text, digit by digit: the point is moved by writing or cutting digits.
fn naive_parse(
    negative: bool,
    integer: &str,
    fraction: &str,
    exponent: i64,
) -> Option<(i128, bool)> {
    let mut digits = format!("{integer}{fraction}");
    let cut = fraction.len() as i64 - exponent - 18;
    let mut tail = String::new();
    if cut <= 0 {
        digits.push_str(&"0".repeat(-cut as usize));
    } else {
        digits.insert_str(0, &"0".repeat(cut as usize));
        tail = digits.split_off(digits.len() - cut as usize);
    }
    let half = format!("5{}", "0".repeat(tail.len().saturating_sub(1)));
    let kept = digits.trim_start_matches('0');
    if kept.len() > 34 {
        return None;
    }
    let mut units: i128 = if kept.is_empty() {
        0
    } else {
        kept.parse().unwrap()
    };
    let odd = kept.ends_with(['1', '3', '5', '7', '9']);
    if !tail.is_empty() && (tail > half || (tail == half && odd)) {
        units += 1;
    }
    if units >= 1_000_000_000_000_000 * ONE {
        return None;
    }
    Some((
        if negative { -units } else { units },
        tail.contains(|c| c != '0'),
    ))
}

/// Divides on paper: more decimals than a midpoint between two doubles of this size can have, and
/// one more digit if there is a remainder.
fn naive_average(units: I256, count: u64) -> f64 {
    let divisor = U256::from(count) * U256::from(1_000_000_000_000_000_000_u64);
    let mut text = format!("{}.", units.unsigned_abs() / divisor);
    let mut remainder = units.unsigned_abs() % divisor;
    for _ in 0..250 {
        remainder *= U256::from(10_u8);
        text.push_str(&(remainder / divisor).to_string());
        remainder %= divisor;
    }
    if remainder != U256::ZERO {
        text.push('1');
    }
    let magnitude: f64 = text.parse().unwrap();
    if units.is_negative() {
        -magnitude
    } else {
        magnitude
    }
}

fn wide() -> impl Strategy<Value = I256> {
    (any::<[u8; 32]>(), 0..256_u32).prop_map(|(bytes, shift)| I256::from_le_bytes(bytes) >> shift)
}

proptest! {
    #[test]
    fn parsing_agrees_with_arithmetic_on_the_text(
        negative: bool,
        integer in "0|[1-9][0-9]{0,20}",
        fraction in prop_oneof!["", "[0-9]{1,25}", "[09]{10,25}5?0{0,5}", "[0-9]{17}[0-9]50{0,3}1?"],
        exponent in prop_oneof![Just(0), -45..45_i64],
        capital: bool,
    ) {
        let sign = if negative { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        let power = match (exponent, capital) {
            (0, false) => String::new(),
            (exponent, true) => format!("E{exponent:+}"),
            (exponent, false) => format!("e{exponent}"),
        };
        let text = format!("{sign}{integer}{point}{fraction}{power}");
        let expected = naive_parse(negative, &integer, &fraction, exponent)
            .map(|(units, rounded)| (Amount(units), rounded))
            .ok_or(AmountError::TooLarge);
        prop_assert_eq!(parse(&text), expected, "{}", text);
    }

    #[test]
    fn no_text_makes_parsing_panic(text: Vec<u8>, near in "[-+0-9.eE]{0,12}") {
        let _ = Amount::parse(&text);
        let (ours, reference) = (parse(&near), serde_json::from_str::<&serde_json::value::RawValue>(&near));
        prop_assert_eq!(ours == Err(AmountError::NotANumber), reference.is_err(), "{}", near);
    }

    #[test]
    fn an_amount_is_read_back_as_it_was_shown(
        units in (1 - 1_000_000_000_000_000 * ONE)..1_000_000_000_000_000 * ONE,
        zeros in 0..19_u32,
    ) {
        let amount = Amount(units / 10_i128.pow(zeros) * 10_i128.pow(zeros));
        let text = amount.to_string();
        prop_assert_eq!(parse(&text), exact(amount.units()));
        prop_assert_eq!(format_units(I256::from(amount.units())), text);
    }

    #[test]
    fn doubles_of_sums_are_the_nearest_to_their_text(units in wide()) {
        prop_assert_eq!(nearest_double(units), format_units(units).parse::<f64>().unwrap());
    }

    #[test]
    fn averages_are_the_nearest_to_division_on_paper(
        units in wide(),
        count in (1..=u64::MAX, 0..64_u32).prop_map(|(count, shift)| (count >> shift).max(1)),
    ) {
        prop_assert_eq!(average(units, count), naive_average(units, count));
    }

    #[test]
    fn averages_next_to_the_middle_of_two_doubles_go_the_right_way(
        mantissa in (1_u64 << 53)..(1 << 54),
        count in (1..=u64::MAX, 0..64_u32).prop_map(|(count, shift)| (count >> shift).max(1)),
        nudge in -2..=2_i64,
    ) {
        // An odd 54-bit integer lies in the middle of two doubles.
        let middle = I256::from(mantissa | 1) * I256::from(ONE) * I256::from(count);
        let units = middle + I256::from(nudge);
        prop_assert_eq!(average(units, count), naive_average(units, count));
    }
}
