//! Query parameters: read strictly, so that a misspelt filter never looks like an answer.

use axum::extract::Query;
use axum::http::Uri;
use percent_encoding::percent_decode_str;
use tidegauge_windows::EventTime;

use super::problem::{Problem, quoted};
use crate::domain::timestamp::{looks_like_seconds, parse_rfc3339};

/// Items on a page unless the request says otherwise.
pub(super) const LIMIT_DEFAULT: usize = 1_000;
/// Items on a page at most.
pub(super) const LIMIT_MAX: usize = 10_000;
/// What to wait for before an answer: any question about figures may have these as well.
pub(super) const WAITING: [&str; 3] = ["min_position", "min_watermark", "timeout"];
/// So many letters of a misspelt name may differ from the one that was meant.
const MISSPELT_MAX: usize = 2;
/// 0001-01-01T00:00:00Z and the last millisecond of the year 9999.
pub(super) const MILLIS_MIN: i64 = -62_135_596_800_000;
pub(super) const MILLIS_MAX: i64 = 253_402_300_799_999;

/// The query parameters of one request, each known and given once.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The parameters of `uri`, all of them among `known`.
    pub(super) fn of(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        refuse_other_bytes(uri)?;
        let Ok(Query(given)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
            return Err(Problem::path("the query string can't be read"));
        };
        for (index, (name, _)) in given.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(Problem::parameter(name, unknown(name, known)));
            }
            if given.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(Problem::parameter(
                    name,
                    format!("parameter {name:?} is given twice"),
                ));
            }
        }
        Ok(Self(given))
    }

    /// The text of parameter `name`, if it is given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, text)| text.as_str())
    }

    /// Parameter `limit`.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.text("limit") else {
            return Ok(LIMIT_DEFAULT);
        };
        match text.parse() {
            Ok(limit @ 1..=LIMIT_MAX) => Ok(limit),
            _ => Err(wrong(
                "limit",
                text,
                &format!("a whole number from 1 to {LIMIT_MAX}"),
            )),
        }
    }

    /// Parameter `name` as true or false.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(text) => Err(wrong(name, text, "true or false")),
        }
    }

    /// Parameter `name` as a time.
    pub(super) fn time(&self, name: &str) -> Result<Option<EventTime>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        if text.parse().is_ok_and(looks_like_seconds) {
            let right = format!(
                "in milliseconds: {text}000, as it looks like seconds; write a time in January or February \
                 1970 as a date"
            );
            return Err(wrong(name, text, &right));
        }
        match time(text) {
            Some(time) => Ok(Some(time)),
            None => Err(wrong(
                name,
                text,
                "an RFC 3339 time such as 2026-11-01T00:50:00Z, a date such as 2026-11-01 (its \
                 midnight in UTC), or milliseconds since the epoch, in the years 0001 to 9999",
            )),
        }
    }

    /// Parameters `from` and `to`: the range `[from, to)`.
    pub(super) fn range(&self) -> Result<(Option<EventTime>, Option<EventTime>), Problem> {
        let (from, to) = (self.time("from")?, self.time("to")?);
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(Problem::parameter(
                "from",
                "\"from\" must not be later than \"to\"",
            ));
        }
        Ok((from, to))
    }
}

// What is read below has U+FFFD in the place of bytes that are not UTF-8.
fn refuse_other_bytes(uri: &Uri) -> Result<(), Problem> {
    let is_utf8 = |text: &str| percent_decode_str(text).decode_utf8().is_ok();
    for part in uri.query().unwrap_or_default().split('&') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if !is_utf8(name) {
            let detail = "the name of a parameter is not UTF-8 when decoded";
            return Err(Problem::path(detail));
        }
        if !is_utf8(value) {
            let name = percent_decode_str(name).decode_utf8_lossy();
            let detail = format!("parameter {name:?} is not UTF-8 when decoded");
            return Err(Problem::parameter(&name, detail));
        }
    }
    Ok(())
}

fn unknown(name: &str, known: &[&str]) -> String {
    let distance = |candidate: &&&str| strsim::osa_distance(name, candidate);
    let closest = known.iter().min_by_key(distance);
    let meant = match closest.filter(|candidate| distance(candidate) <= MISSPELT_MAX) {
        Some(closest) => format!(": did you mean \"{closest}\"?"),
        None => String::new(),
    };
    let known = match known {
        [] => "this route takes none".to_owned(),
        known => format!("known here: {}", known.join(", ")),
    };
    format!("unknown parameter {}{meant} ({known})", quoted(name))
}

pub(super) fn wrong(name: &str, text: &str, right: &str) -> Problem {
    Problem::parameter(
        name,
        format!("parameter {name:?} is {}; it must be {right}", quoted(text)),
    )
}

fn time(text: &str) -> Option<EventTime> {
    let in_range = |time: &EventTime| (MILLIS_MIN..=MILLIS_MAX).contains(&time.millis());
    if let Ok(millis) = text.parse() {
        return Some(EventTime::from_millis(millis)).filter(in_range);
    }
    if text.len() == "2026-11-01".len() {
        return parse_rfc3339(&format!("{text}T00:00:00Z")).filter(in_range);
    }
    // In a query string "+" means a space: "…T08:00:00+08:00" typed into an address bar arrives as
    // "…T08:00:00 08:00". No time has a space there, so the meaning is plain.
    match text.rfind(' ') {
        Some(space) if space > "2026-11-01".len() => {
            let mut text = text.to_owned();
            text.replace_range(space..=space, "+");
            parse_rfc3339(&text).filter(in_range)
        }
        _ => parse_rfc3339(text).filter(in_range),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn seconds_are_not_taken_for_milliseconds() {
        let is_read = |text: &str| {
            let uri: Uri = format!("/?from={text}").parse().unwrap();
            Parameters::of(&uri, &["from"])
                .unwrap()
                .time("from")
                .is_ok()
        };
        assert!(!is_read("1793491200"));
        assert!(is_read("1793491200000") && is_read("0") && is_read("-1793491200"));
        assert!(is_read("1970-01-21"));
    }

    #[test]
    fn an_unknown_parameter_is_named_with_the_closest_and_all_that_are_known() {
        let known = [&["branch", "limit"][..], &WAITING].concat();
        let text = unknown("min_positon", &known);
        assert!(text.contains("did you mean \"min_position\"?"), "{text}");
        assert!(
            text.contains("(known here: branch, limit, min_position, min_watermark, timeout)"),
            "{text}"
        );
        // Nothing is near.
        let text = unknown("colour", &[]);
        assert!(!text.contains("did you mean"), "{text}");
        assert!(text.contains("(this route takes none)"), "{text}");
    }

    #[test]
    fn a_time_is_rfc_3339_or_a_date_or_milliseconds() {
        let millis = |text| time(text).map(EventTime::millis);
        assert_eq!(millis("1970-01-01T00:00:01Z"), Some(1_000));
        assert_eq!(millis("1970-01-01T08:00:01.250+08:00"), Some(1_250));
        assert_eq!(millis("1970-01-01T08:00:01 08:00"), Some(1_000));
        assert_eq!(millis("1970-01-02"), Some(86_400_000));
        assert_eq!(millis("-1"), Some(-1));
        assert_eq!(millis("253402300799999"), Some(MILLIS_MAX));
        for wrong in [
            "",
            " ",
            "yesterday",
            "253402300800000",
            "-9223372036854775808",
            "1970-13-01",
            "1970-01-01T25:00:00Z",
            "1970-01-01T00:00:00Z\0",
            "ééééé",
            "aaaaaaaaaaaé b",
        ] {
            assert_eq!(time(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn text_that_is_not_utf_8_is_refused_and_its_parameter_named() {
        let known = ["branch", "cursor"];
        let read = |query: &str| {
            let uri: Uri = format!("/?{query}").parse().unwrap();
            Parameters::of(&uri, &known).map(|_| ())
        };
        for (query, name) in [
            ("branch=%FF", "branch"),
            ("branch=Paris%C3", "branch"),
            ("branch=a&cursor=%C3%28", "cursor"),
        ] {
            let detail = format!("parameter {name:?} is not UTF-8 when decoded");
            assert_eq!(read(query), Err(Problem::parameter(name, detail)));
        }
        assert!(read("%80=1").is_err());
        // What was replaced already is text.
        for query in ["branch=Z%C3%BCrich", "branch=%EF%BF%BD", "branch=a+b%25"] {
            assert_eq!(read(query), Ok(()), "{query}");
        }
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        let uri = "/x?limit=1&limit=2".parse().unwrap();
        assert!(Parameters::of(&uri, &["limit"]).is_err());
        assert!(Parameters::of(&uri, &["cursor"]).is_err());
    }
}
