//! The headers of a table: tag, format, file name, address of the next page, and the reading it is from.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::tagged;
use crate::api::etag::EntityTag;
use crate::api::format::AnswerFormat;
use crate::domain::timestamp::rfc3339;
use crate::view::reading::Reading;
use tidegauge_windows::EventTime;

/// The headers of a table. A table has no room for the reading, so they say it.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) tag: EntityTag,
    pub(super) format: AnswerFormat,
    reading: TableReading,
    /// The name of the file, without its ending.
    name: String,
    /// The address of the next page.
    pub(super) next: Option<String>,
}

/// Which reading a table is of.
#[derive(Clone, Debug)]
struct TableReading {
    generation: u32,
    sequence: u64,
    watermark: Option<String>,
    as_of: String,
}

impl TableReading {
    fn new(reading: &dyn Reading) -> Self {
        let checkpoint = reading.checkpoint();
        Self {
            generation: checkpoint.generation,
            sequence: checkpoint.sequence,
            watermark: reading.frame().watermark().map(rfc3339),
            as_of: rfc3339(EventTime::from_millis(checkpoint.as_of)),
        }
    }

    fn say(&self, headers: &mut HeaderMap) {
        let texts = [
            (GENERATION, Some(self.generation.to_string())),
            (SEQUENCE, Some(self.sequence.to_string())),
            (WATERMARK, self.watermark.clone()),
            (AS_OF, Some(self.as_of.clone())),
        ];
        insert(headers, texts);
    }
}

/// Says that a client has the answer of `tag` already, a table of `reading`.
pub(super) fn unchanged(reading: &dyn Reading, tag: EntityTag) -> Response {
    unchanged_of(&TableReading::new(reading), tag)
}

fn unchanged_of(reading: &TableReading, tag: EntityTag) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    reading.say(response.headers_mut());
    tagged(&mut response, tag);
    response
}

impl Head {
    /// The head of the table `name` that comes from `reading`.
    pub(super) fn new(
        reading: &dyn Reading,
        tag: EntityTag,
        format: AnswerFormat,
        name: String,
    ) -> Self {
        Self {
            tag,
            format,
            reading: TableReading::new(reading),
            name,
            next: None,
        }
    }

    /// The headers.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.format.content_type()),
        );
        let file = format!("inline; filename=\"{}.{}\"", self.name, self.format.name());
        let texts = [
            (header::CONTENT_DISPOSITION, Some(file)),
            (header::LINK, self.next.as_ref().map(link)),
        ];
        insert(&mut headers, texts);
        self.reading.say(&mut headers);
        headers
    }

    /// Says that a client has it already.
    pub(super) fn unchanged(&self) -> Response {
        unchanged_of(&self.reading, self.tag)
    }

    #[cfg(test)]
    pub(super) fn sequence(&self) -> u64 {
        self.reading.sequence
    }

    #[cfg(test)]
    pub(super) fn sample(sequence: u64) -> Self {
        let checkpoint = crate::view::reading::Checkpoint {
            generation: 1,
            sequence,
            as_of: 0,
            positions: Default::default(),
            ledger: Default::default(),
            notices: Default::default(),
            dirty: 0,
            given_up: 0,
            is_marking: false,
        };
        Self {
            tag: EntityTag::of(0, &checkpoint, ""),
            format: AnswerFormat::Parquet,
            reading: TableReading {
                generation: 1,
                sequence,
                watermark: None,
                as_of: String::new(),
            },
            name: String::new(),
            next: None,
        }
    }
}

const GENERATION: HeaderName = HeaderName::from_static("tidegauge-generation");
const SEQUENCE: HeaderName = HeaderName::from_static("tidegauge-sequence");
const WATERMARK: HeaderName = HeaderName::from_static("tidegauge-watermark");
const AS_OF: HeaderName = HeaderName::from_static("tidegauge-as-of");

fn insert(headers: &mut HeaderMap, texts: impl IntoIterator<Item = (HeaderName, Option<String>)>) {
    for (name, text) in texts {
        // None holds anything but ASCII that can be seen.
        if let Some(Ok(value)) = text.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
}

fn link(next: &String) -> String {
    format!("<{next}>; rel=\"next\"")
}
