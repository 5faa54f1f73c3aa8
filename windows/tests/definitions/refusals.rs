//! What is refused, and that the sentence says what would be right.

use chrono_tz::Tz;
use tidegauge_windows::{Definition, DefinitionError, Kind, Span};

use super::UTC;

const HOUR: Span = Span::HOUR;
const DAY: Span = Span::DAY;
const NONE: Span = Span::ZERO;
const BERLIN: Tz = Tz::Europe__Berlin;

fn tumbling(size: Span, offset: Span, zone: Tz) -> Result<Definition, DefinitionError> {
    Definition::tumbling("w", size, offset, zone)
}

fn sliding(size: Span, slide: Span, offset: Span, zone: Tz) -> Result<Definition, DefinitionError> {
    Definition::sliding("w", size, slide, offset, zone)
}

fn cumulative(
    size: Span,
    step: Span,
    offset: Span,
    zone: Tz,
) -> Result<Definition, DefinitionError> {
    Definition::cumulative("w", size, step, offset, zone)
}

fn refusal(result: Result<Definition, DefinitionError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn names_are_lower_case_letters_digits_and_hyphens() {
    for name in ["1m", "10m-by-1m", "day", "a-"] {
        assert!(
            Definition::tumbling(name, HOUR, NONE, UTC).is_ok(),
            "{name}"
        );
    }
    for name in ["", "-a", "Day", "a_b", "a b", "é", "a/b"] {
        let error = Definition::tumbling(name, HOUR, NONE, UTC).unwrap_err();
        assert_eq!(
            error,
            DefinitionError::Name {
                name: name.to_owned()
            }
        );
        assert!(
            error
                .to_string()
                .contains("lower-case letters, digits and hyphens")
        );
    }
}

#[test]
fn sizes_and_slides_have_a_length() {
    assert_eq!(tumbling(NONE, NONE, UTC), Err(DefinitionError::SizeZero));
    assert_eq!(
        sliding(HOUR, NONE, NONE, UTC),
        Err(DefinitionError::SlideZero {
            kind: Kind::Sliding
        })
    );
    let error = refusal(cumulative(HOUR, NONE, NONE, UTC));
    assert_eq!(error, "the step is zero: give a length up to the size");
    let century = DAY.times(36_525);
    assert!(tumbling(century, NONE, UTC).is_ok());
    let error = refusal(tumbling(century.times(2), NONE, UTC));
    assert_eq!(error, "a size of 73050d is too long: give at most 36525d");
    assert!(tumbling(Span::from_millis(i64::MAX), NONE, BERLIN).is_err());
}

#[test]
fn slide_is_at_most_the_size() {
    assert!(sliding(HOUR, HOUR, NONE, UTC).is_ok());
    let error = refusal(sliding(HOUR, Span::MINUTE.times(90), NONE, UTC));
    assert_eq!(
        error,
        "a slide of 1h30m is longer than the size of 1h: give at most the size"
    );
}

#[test]
fn step_divides_the_size() {
    assert!(cumulative(DAY, HOUR.times(6), NONE, UTC).is_ok());
    let error = refusal(cumulative(DAY, HOUR.times(7), NONE, UTC));
    assert_eq!(
        error,
        "a step of 7h doesn't divide the size of 1d: give a step that does"
    );
}

#[test]
fn in_a_zone_long_windows_are_whole_days() {
    assert!(tumbling(DAY.times(2), NONE, BERLIN).is_ok());
    let error = refusal(tumbling(HOUR.times(36), NONE, BERLIN));
    assert!(
        error.starts_with("a size of 1d12h is not whole days"),
        "{error}"
    );
    assert!(error.contains("Europe/Berlin"), "{error}");
    let error = sliding(DAY.times(3), HOUR.times(36), NONE, BERLIN).unwrap_err();
    assert_eq!(
        error,
        DefinitionError::PartDaySlide {
            slide: HOUR.times(36),
            zone: BERLIN
        }
    );
    assert!(sliding(DAY.times(3), HOUR.times(36), NONE, UTC).is_ok());
    // The steps of a cumulative window are cut at the end of its period, so any may be given.
    assert!(cumulative(DAY.times(3), HOUR.times(36), NONE, BERLIN).is_ok());
}

#[test]
fn in_a_zone_short_slides_divide_a_day() {
    assert!(sliding(DAY, HOUR.times(8), NONE, BERLIN).is_ok());
    let error = sliding(DAY, HOUR.times(7), NONE, BERLIN).unwrap_err();
    assert_eq!(
        error,
        DefinitionError::SlideUneven {
            slide: HOUR.times(7),
            zone: BERLIN
        }
    );
    assert!(sliding(DAY, HOUR.times(7), NONE, UTC).is_ok());
}

#[test]
fn offset_is_shorter_than_what_it_shifts() {
    assert!(tumbling(HOUR, Span::from_millis(3_599_999), UTC).is_ok());
    let error = refusal(tumbling(HOUR, HOUR, UTC));
    assert!(
        error.starts_with("the offset 1h must be shorter than 1h, after which the windows repeat"),
        "{error}"
    );
    assert!(sliding(HOUR.times(2), HOUR, HOUR, UTC).is_err());
    // A cumulative window's offset shifts its start; one that slides through a day shifts the day.
    assert!(cumulative(DAY, HOUR, HOUR.times(6), UTC).is_ok());
    assert!(sliding(DAY, HOUR, HOUR.times(6), BERLIN).is_ok());
    assert!(sliding(DAY, HOUR, DAY, BERLIN).is_err());
}
