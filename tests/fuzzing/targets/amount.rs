//! Amounts of money: parsing agrees with arithmetic on the text, and what is shown reads back.

use ethnum::I256;
use tidegauge::domain::amount::{Amount, AmountError, format_units, nearest_double};

use super::arithmetic::{self, Expected};

/// An input is the text of an amount.
pub fn run(data: &[u8]) {
    let expected = str::from_utf8(data).map_or(Expected::NotANumber, arithmetic::amount);
    let parsed = match Amount::parse(data) {
        Ok((amount, rounded)) => Expected::Units(amount.units(), rounded),
        Err(AmountError::TooLarge) => Expected::TooLarge,
        Err(AmountError::NotANumber) => Expected::NotANumber,
    };
    assert_eq!(parsed, expected);
    if let Expected::Units(units, _) = parsed {
        let amount = Amount::from_units(units);
        let text = amount.to_string();
        assert_eq!(text, arithmetic::shown(units));
        assert_eq!(Amount::parse(text.as_bytes()), Ok((amount, false)));
        // Sums are wider than amounts, and so are their texts.
        for factor in [1_i128, -1, 1 << 60, i128::MAX] {
            let sum = I256::from(units) * I256::from(factor);
            let double: f64 = format_units(sum).parse().unwrap();
            assert_eq!(nearest_double(sum), double);
        }
    }
}
