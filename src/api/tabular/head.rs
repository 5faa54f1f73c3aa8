//! What an answer that is a table says before its first byte.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::api::etag::Tag;
use crate::api::format::Format;
use crate::reading::Reading;
use crate::timestamp::rfc3339;
use tidegauge_windows::EventTime;

/// The headers of a table. A table has no room for the reading, so they say it.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) tag: Tag,
    pub(super) format: Format,
    pub(super) generation: u32,
    pub(super) sequence: u64,
    watermark: Option<String>,
    as_of: String,
    /// The name of the file, without its ending.
    name: String,
    /// The address of the next page.
    next: Option<String>,
}

impl Head {
    /// The head of the table `name` that comes from `reading`.
    pub(super) fn new(
        reading: &dyn Reading,
        tag: Tag,
        format: Format,
        name: String,
        next: Option<String>,
    ) -> Self {
        let checkpoint = reading.checkpoint();
        Self {
            tag,
            format,
            generation: checkpoint.generation,
            sequence: checkpoint.sequence,
            watermark: reading.frame().watermark().map(rfc3339),
            as_of: rfc3339(EventTime::from_millis(checkpoint.as_of)),
            name,
            next,
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
            (GENERATION, Some(self.generation.to_string())),
            (SEQUENCE, Some(self.sequence.to_string())),
            (WATERMARK, self.watermark.clone()),
            (AS_OF, Some(self.as_of.clone())),
        ];
        for (name, text) in texts {
            // None holds anything but ASCII that can be seen.
            if let Some(Ok(value)) = text.map(HeaderValue::try_from) {
                headers.insert(name, value);
            }
        }
        headers
    }

    #[cfg(test)]
    pub(super) fn sample(sequence: u64) -> Self {
        let checkpoint = crate::reading::Checkpoint {
            generation: 1,
            sequence,
            as_of: 0,
            positions: Default::default(),
            ledger: Default::default(),
            notices: Default::default(),
            dirty: 0,
            is_marking: false,
        };
        Self {
            tag: Tag::of(0, &checkpoint, ""),
            format: Format::Parquet,
            generation: 1,
            sequence,
            watermark: None,
            as_of: String::new(),
            name: String::new(),
            next: None,
        }
    }
}

const GENERATION: HeaderName = HeaderName::from_static("tidegauge-generation");
const SEQUENCE: HeaderName = HeaderName::from_static("tidegauge-sequence");
const WATERMARK: HeaderName = HeaderName::from_static("tidegauge-watermark");
const AS_OF: HeaderName = HeaderName::from_static("tidegauge-as-of");

fn link(next: &String) -> String {
    format!("<{next}>; rel=\"next\"")
}
