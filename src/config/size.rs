//! Numbers of bytes as the configuration writes them: `512kb`, `5mb`.

/// The units, each 1,024 times the one before it, as in Elasticsearch.
const UNITS: [(&str, usize); 4] = [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10), ("b", 1)];

/// The number of bytes that `text` names: a whole number and `b`, `kb`, `mb` or `gb`, in small or
/// large letters.
///
/// # Errors
/// A sentence that says what would be right.
pub(super) fn parse(text: &str) -> Result<usize, String> {
    let right = "give a whole number with b, kb, mb or gb, as in 512kb or 5mb";
    let lower = text.to_ascii_lowercase();
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, bytes)| Some((lower.strip_suffix(name)?, *bytes)))
        .ok_or(right)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(right.to_owned());
    }
    number
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "it is more than a machine can hold".to_owned())
}

/// `bytes` as [`parse`] reads it, in the largest unit that leaves no rest.
pub(super) fn text(bytes: usize) -> String {
    let fits = |unit: &usize| bytes != 0 && bytes.is_multiple_of(*unit);
    match UNITS.iter().find(|(_, unit)| fits(unit)) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}b"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (written, bytes) in [
            ("512kb", 524_288),
            ("5mb", 5_242_880),
            ("1GB", 1 << 30),
            ("7b", 7),
            ("0b", 0),
        ] {
            assert_eq!(parse(written), Ok(bytes), "{written}");
            assert_eq!(text(bytes), written.to_lowercase());
        }
        assert_eq!(text(1_536), "1536b");
        let wrong = [
            "",
            "5",
            "mb",
            "5 mb",
            "1.5mb",
            "-1b",
            "5m",
            "99999999999gb",
            "5mib",
            "é",
        ];
        for written in wrong {
            assert!(parse(written).is_err(), "{written}");
        }
    }
}
