//! The forms of an answer, and which of them a request asks for.

use axum::http::{HeaderMap, header};

use super::problem::{Problem, quoted};

/// A form in which figures are given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AnswerFormat {
    /// One object with the reading it comes from.
    Json,
    /// Comma-separated values with a header row.
    Csv,
    /// A JSON object per line.
    Ndjson,
    /// An Arrow IPC stream.
    Arrow,
    /// A Parquet file.
    Parquet,
}

impl AnswerFormat {
    /// All of them; of those that a client likes equally, the first is taken.
    pub(super) const ALL: [Self; 5] = [
        Self::Json,
        Self::Csv,
        Self::Ndjson,
        Self::Arrow,
        Self::Parquet,
    ];

    /// The form that a request asks for: `format`, its query parameter, else what `Accept` likes
    /// best.
    pub(super) fn of(format: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
        match format {
            Some(name) => Self::named(name).ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                Problem::parameter(
                    "format",
                    format!(
                        "parameter \"format\" is {}; it must be one of {names}",
                        quoted(name)
                    ),
                )
            }),
            None => {
                let others = format!(
                    ". Or leave the header out and add ?format={}",
                    Self::ALL.map(Self::name).join("|")
                );
                Self::accepted(headers, &Self::ALL, &others)
            }
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// JSON, where there is nothing else, unless `Accept` refuses it.
    pub(super) fn only_json(headers: &HeaderMap) -> Result<Self, Problem> {
        Self::accepted(headers, &[Self::Json], "")
    }

    // The one of `known` that is liked best; a problem ends with what `others` says of more.
    fn accepted(headers: &HeaderMap, known: &[Self], others: &str) -> Result<Self, Problem> {
        let ranges: Vec<Range> = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(Range::parse)
            .collect();
        if ranges.is_empty() {
            return Ok(Self::Json);
        }
        let mut best = None;
        for &format in known {
            let liking = format.liking(&ranges);
            if liking > 0 && best.is_none_or(|(most, _)| liking > most) {
                best = Some((liking, format));
            }
        }
        best.map(|(_, format)| format).ok_or_else(|| {
            let known: Vec<_> = known.iter().map(|format| format.media_type()).collect();
            Problem::not_acceptable(format!(
                "this route has none of the formats that \"Accept\" names; it has {}{others}",
                known.join(", "),
            ))
        })
    }

    /// How much a client wants this form, in thousandths: what the range that names it most
    /// closely says.
    fn liking(self, ranges: &[Range]) -> u16 {
        ranges
            .iter()
            .filter_map(|range| Some((self.closeness(&range.media)?, range.quality)))
            .max()
            .map_or(0, |(_, quality)| quality)
    }

    fn closeness(self, media: &str) -> Option<u8> {
        let (kind, _) = self.media_type().split_once('/')?;
        if self.media_types().contains(&media) {
            Some(2)
        } else if media.strip_suffix("/*") == Some(kind) {
            Some(1)
        } else {
            (media == "*/*").then_some(0)
        }
    }

    /// Its value of `format`, and the end of a file's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
        }
    }

    /// Its media type.
    pub(super) fn media_type(self) -> &'static str {
        self.media_types()[0]
    }

    /// What clients call it, the registered or usual name first.
    const fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["application/json"],
            Self::Csv => &["text/csv"],
            Self::Ndjson => &[
                "application/x-ndjson",
                "application/ndjson",
                "application/jsonl",
            ],
            Self::Arrow => &["application/vnd.apache.arrow.stream"],
            Self::Parquet => &["application/vnd.apache.parquet"],
        }
    }

    /// Its `Content-Type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            other => other.media_type(),
        }
    }
}

/// One media range of an `Accept` header.
struct Range {
    media: String,
    /// In thousandths.
    quality: u16,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next()?.to_ascii_lowercase();
        if !media.contains('/') {
            return None;
        }
        let mut quality = 1_000;
        for part in parts {
            if let Some((name, value)) = part.split_once('=')
                && name.trim().eq_ignore_ascii_case("q")
            {
                let value: f32 = value.trim().parse().ok()?;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "clamped to 0 to 1,000"
                )]
                let thousandths = (value.clamp(0.0, 1.0) * 1_000.0) as u16;
                quality = thousandths;
            }
        }
        Some(Self { media, quality })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::http::HeaderValue;

    use super::*;

    fn accepts(value: &str) -> Option<AnswerFormat> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(value).unwrap());
        AnswerFormat::of(None, &headers).ok()
    }

    #[test]
    fn the_form_a_client_likes_best_is_taken() {
        use AnswerFormat::{Arrow, Csv, Json, Ndjson, Parquet};
        for (accept, format) in [
            ("*/*", Json),
            ("", Json),
            ("text/csv", Csv),
            ("TEXT/CSV; header=present", Csv),
            ("text/*", Csv),
            ("application/*", Json),
            ("text/csv;q=0.5, application/x-ndjson;q=0.9", Ndjson),
            ("application/jsonl", Ndjson),
            ("*/*;q=0.1, application/vnd.apache.arrow.stream", Arrow),
            ("application/json;q=0, application/*", Ndjson),
            ("application/vnd.apache.parquet, */*;q=0.8", Parquet),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Json,
            ),
        ] {
            assert_eq!(accepts(accept), Some(format), "{accept}");
        }
        for accept in ["text/html", "application/json;q=0", "*/*;q=0.0", "image/*"] {
            assert_eq!(accepts(accept), None, "{accept}");
        }
    }

    #[test]
    fn the_parameter_wins() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
        assert_eq!(
            AnswerFormat::of(Some("arrow"), &headers),
            Ok(AnswerFormat::Arrow)
        );
        for wrong in ["", "CSV", "xml", "text/csv"] {
            assert!(AnswerFormat::of(Some(wrong), &headers).is_err());
        }
    }
}
