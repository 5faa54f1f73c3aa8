//! Currencies of amounts.

use std::fmt;
use std::str::FromStr;

/// What becomes of payments in several currencies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Currencies {
    /// Each currency has sums of its own: it is a part of the branch.
    Apart,
    /// Payments in any other currency are rejected.
    Only(CurrencyCode),
}

/// The code of a currency in capital letters: `EUR`. 1 to 8 letters and digits, as not all codes that
/// are in use stand in ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CurrencyCode([u8; LENGTH_MAX]);

/// Why a text is not the code of a currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CurrencyError {
    /// It has odd characters, or too many.
    #[error("is not a code of a currency: write three letters, such as \"EUR\"")]
    Code,
    /// ISO 4217 does not say how many decimals it has.
    #[error(
        "has no number of decimals in ISO 4217, which amount_scale = \"currency\" needs; set \
         amount_scale to a number"
    )]
    NoExponent,
}

const LENGTH_MAX: usize = 8;

impl CurrencyCode {
    /// Its letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0);
        // Only ASCII gets in.
        str::from_utf8(&self.0[..end.unwrap_or(LENGTH_MAX)]).unwrap_or_default()
    }

    /// How many decimals its minor unit has by ISO 4217: 2 for `EUR`, 0 for `JPY`, 3 for `KWD`.
    ///
    /// # Errors
    /// When ISO 4217 does not say.
    pub fn exponent(&self) -> Result<u32, CurrencyError> {
        iso_currency::Currency::from_code(self.as_str())
            .and_then(iso_currency::Currency::exponent)
            .map(u32::from)
            .ok_or(CurrencyError::NoExponent)
    }
}

/// Letters may be small.
impl FromStr for CurrencyCode {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let is_code = (1..=LENGTH_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_code {
            return Err(CurrencyError::Code);
        }
        let mut code = [0; LENGTH_MAX];
        code[..text.len()].copy_from_slice(text.as_bytes());
        code.make_ascii_uppercase();
        Ok(Self(code))
    }
}

impl fmt::Display for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_code_is_letters_and_digits_in_capital_letters() {
        let code: CurrencyCode = "eur".parse().unwrap();
        assert_eq!((code.as_str(), code.to_string()), ("EUR", "EUR".to_owned()));
        for text in ["", "E R", "€", "TOOLONGAS", "EUR\0"] {
            assert_eq!(
                text.parse::<CurrencyCode>(),
                Err(CurrencyError::Code),
                "{text}"
            );
        }
    }

    #[test]
    fn decimals_are_those_of_iso_4217() {
        let exponent = |code: &str| code.parse::<CurrencyCode>().unwrap().exponent();
        for (code, decimals) in [
            ("EUR", 2),
            ("USD", 2),
            ("JPY", 0),
            ("KRW", 0),
            ("KWD", 3),
            ("BHD", 3),
            ("CLF", 4),
            ("HUF", 2),
            ("ISK", 0),
        ] {
            assert_eq!(exponent(code), Ok(decimals), "{code}");
        }
        for code in ["XAU", "BTC", "XYZ"] {
            assert_eq!(exponent(code), Err(CurrencyError::NoExponent), "{code}");
        }
    }
}
