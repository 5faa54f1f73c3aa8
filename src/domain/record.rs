//! A record of a Kafka log.

use std::fmt;

/// One message of a topic, as it was read. Everything is borrowed from its reader.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    /// Its partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its timestamp, in ms since the epoch; `None` if the broker has none.
    pub timestamp: Option<i64>,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its headers.
    pub headers: Headers<'a>,
    /// Its value. `None`, or an empty value, is a tombstone.
    pub payload: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
    /// A record of partition 0 with nothing but a value.
    #[must_use]
    pub fn of(payload: Option<&'a [u8]>) -> Self {
        Self {
            payload,
            ..Self::default()
        }
    }
}

/// The headers of a record. They are read when one is asked for, as most records are read without.
#[derive(Clone, Copy, Default)]
pub struct Headers<'a>(HeaderSource<'a>);

#[derive(Clone, Copy, Default)]
enum HeaderSource<'a> {
    #[default]
    None,
    Object(&'a dyn ReadHeaders),
    Encoded(&'a [u8], FindHeader),
}

/// Finds the value of the last header with a name in encoded headers; `None` if there is none, or it has no value.
pub type FindHeader = for<'a> fn(&'a [u8], &str) -> Option<&'a [u8]>;

/// What the headers of a record are read from.
pub trait ReadHeaders {
    /// The value of the last header with this name; `None` if there is none, or it has no value.
    fn last(&self, name: &str) -> Option<&[u8]>;
}

impl<'a> Headers<'a> {
    /// The headers that `source` reads.
    #[must_use]
    pub fn new(source: &'a dyn ReadHeaders) -> Self {
        Self(HeaderSource::Object(source))
    }

    /// The headers that `find` reads from `encoded`.
    #[must_use]
    pub fn encoded(encoded: &'a [u8], find: FindHeader) -> Self {
        Self(HeaderSource::Encoded(encoded, find))
    }

    /// The value of the last header with this name; `None` if there is none, or it has no value.
    #[must_use]
    pub fn last(self, name: &str) -> Option<&'a [u8]> {
        match self.0 {
            HeaderSource::None => None,
            HeaderSource::Object(source) => source.last(name),
            HeaderSource::Encoded(encoded, find) => find(encoded, name),
        }
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            HeaderSource::None => "None",
            HeaderSource::Object(_) | HeaderSource::Encoded(..) => "Headers",
        })
    }
}

/// The headers of a record that does not come from Kafka: names and values in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OwnedHeaders(pub Vec<(String, Option<Vec<u8>>)>);

impl ReadHeaders for OwnedHeaders {
    fn last(&self, name: &str) -> Option<&[u8]> {
        let found = self.0.iter().rev().find(|(given, _)| given == name)?;
        found.1.as_deref()
    }
}
