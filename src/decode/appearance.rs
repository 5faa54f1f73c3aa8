//! Guesses the format of bytes that are not JSON. Used for rejects only, so it may be slow.

/// The first bytes of a format, its name, and what to do about it.
type Magic = (&'static [u8], &'static str, &'static str);

const COMPRESSED: &str =
    "send the JSON itself; the producer's compression.type compresses whole batches";
const SERIALIZER: &str = "send plain JSON, with a serializer for strings or bytes";
const UTF_8: &str = "write the JSON in UTF-8";

/// Longer ones first where one begins another.
const MAGIC: [Magic; 24] = [
    (b"\xff\xfe\0\0", "UTF-32 text (its byte-order mark)", UTF_8),
    (b"\0\0\xfe\xff", "UTF-32 text (its byte-order mark)", UTF_8),
    (b"\xff\x06\x00\x00sNaPpY", "framed Snappy data", COMPRESSED),
    (b"\x82SNAPPY\0", "Snappy data as Java frames it", COMPRESSED),
    (b"\xff\xfe", "UTF-16 text (its byte-order mark)", UTF_8),
    (b"\xfe\xff", "UTF-16 text (its byte-order mark)", UTF_8),
    (b"\x1f\x8b", "gzip data", COMPRESSED),
    (b"\x28\xb5\x2f\xfd", "zstd data", COMPRESSED),
    (b"\x04\x22\x4d\x18", "LZ4 data", COMPRESSED),
    (b"\x78\x01", "zlib data", COMPRESSED),
    (b"\x78\x5e", "zlib data", COMPRESSED),
    (b"\x78\x9c", "zlib data", COMPRESSED),
    (b"\x78\xda", "zlib data", COMPRESSED),
    (b"BZh", "bzip2 data", COMPRESSED),
    (b"\xfd7zXZ\0", "xz data", COMPRESSED),
    (b"PK\x03\x04", "a ZIP archive", COMPRESSED),
    (b"Obj\x01", "an Avro container file", SERIALIZER),
    (b"\xc3\x01", "an Avro single object", SERIALIZER),
    (b"PAR1", "a Parquet file", SERIALIZER),
    (b"ARROW1", "an Arrow file", SERIALIZER),
    (b"\xff\xff\xff\xff", "an Arrow stream", SERIALIZER),
    (b"\xac\xed\x00\x05", "a serialized Java object", SERIALIZER),
    (b":)\n", "Smile (binary JSON)", SERIALIZER),
    (b"\xd9\xd9\xf7", "CBOR", SERIALIZER),
];

/// Says what `payload`, which is not JSON, looks like, which byte shows it, and what would be
/// right; `None` if it looks like damaged text.
pub(super) fn appearance(payload: &[u8]) -> Option<String> {
    let (what, right) = without_byte_order_mark(payload)
        .or_else(|| {
            let found = MAGIC.iter().find(|magic| payload.starts_with(magic.0));
            found.map(|(_, what, right)| ((*what).to_owned(), *right))
        })
        .or_else(|| frame(payload))
        .or_else(|| binary(payload).map(|what| (what.to_owned(), SERIALIZER)))
        .or_else(|| text(payload).map(|(what, right)| (what.to_owned(), right)))?;
    let byte = payload.first()?;
    Some(format!(
        "the value is not JSON: it begins with byte 0x{byte:02X} at offset 0 and looks like {what}; \
         {right}"
    ))
}

/// UTF-16 and UTF-32 are known by the zeros beside the ASCII character that JSON begins with.
fn without_byte_order_mark(payload: &[u8]) -> Option<(String, &'static str)> {
    let begins = |byte: &u8| matches!(byte, b'{' | b'[' | b'"' | b' ' | b'\t' | b'\r' | b'\n');
    let name = match payload {
        [0, 0, 0, first, 0, 0, 0, _, ..] if begins(first) => "UTF-32 text, big-endian",
        [first, 0, 0, 0, _, 0, 0, 0, ..] if begins(first) => "UTF-32 text, little-endian",
        [0, first, 0, second, ..] if begins(first) && *second != 0 => "UTF-16 text, big-endian",
        [first, 0, second, 0, ..] if begins(first) && *second != 0 => "UTF-16 text, little-endian",
        _ => return None,
    };
    Some((name.to_owned(), UTF_8))
}

/// The header that serializers of schema registries put in front of a value.
fn frame(payload: &[u8]) -> Option<(String, &'static str)> {
    match payload {
        [0, a, b, c, d, rest @ ..] if !rest.is_empty() => {
            let id = u32::from_be_bytes([*a, *b, *c, *d]);
            let body = match rest.iter().position(|byte| *byte == b'{') {
                Some(at @ (0 | 4)) => format!("JSON behind it from offset {}", at + 5),
                _ => "Avro or Protobuf behind it".to_owned(),
            };
            let what = format!("the frame of a schema registry (five bytes, schema {id}, {body})");
            Some((what, SERIALIZER))
        }
        // The version of the header, whether zlib compressed the value, and 16 bytes of an id.
        [3, 0 | 5, rest @ ..] if rest.len() > 16 => {
            let what = "the frame of the AWS Glue schema registry (18 bytes)".to_owned();
            Some((what, SERIALIZER))
        }
        _ => None,
    }
}

/// Formats without a mark of their own, by how their first values are written.
fn binary(payload: &[u8]) -> Option<&'static str> {
    let length = u32::try_from(payload.len()).ok();
    match payload {
        [a, b, c, d, _, .., 0] if length == Some(u32::from_le_bytes([*a, *b, *c, *d])) => {
            Some("BSON")
        }
        // A map of up to 15 members, the first name a string of up to 31 bytes.
        [0x81..=0x8f, 0xa1..=0xbf, ..] | [0xde, _, _, 0xa1..=0xbf, ..] => Some("MessagePack"),
        [0xa1..=0xb7 | 0xbf, 0x61..=0x77, ..] => Some("CBOR"),
        _ => protobuf(payload).then_some("Protobuf"),
    }
}

/// Text that is not JSON.
fn text(payload: &[u8]) -> Option<(&'static str, &'static str)> {
    match payload {
        // What `{"` is in Base64.
        [b'e', b'y', b'J', ..] => Some(("JSON in Base64", "send the JSON itself")),
        [b'<', ..] => Some(("XML or HTML", "send JSON")),
        _ => None,
    }
}

/// Whether all of `payload` reads as the fields of a Protobuf message, two at least.
fn protobuf(payload: &[u8]) -> bool {
    let is_control = |byte: &u8| *byte < b' ';
    let is_blank = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r');
    // Text reads as fields of some sort now and then, and has no other control characters.
    if !payload.first().is_some_and(is_control)
        || !payload
            .iter()
            .any(|byte| is_control(byte) && !is_blank(byte))
    {
        return false;
    }
    let mut rest = payload;
    let mut fields = 0;
    while !rest.is_empty() {
        let after = varint(rest).and_then(|(key, rest)| {
            let skip = match key & 7 {
                _ if key >> 3 == 0 || key >> 3 > 1_000 => return None,
                0 => return varint(rest).map(|(_, rest)| rest),
                1 => 8,
                2 => {
                    let (length, rest) = varint(rest)?;
                    return rest.get(usize::try_from(length).ok()?..);
                }
                5 => 4,
                _ => return None,
            };
            rest.get(skip..)
        });
        let Some(after) = after else { return false };
        rest = after;
        fields += 1;
    }
    fields >= 2
}

/// Seven bits a byte, the lowest first; the high bit says that more come.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().take(10).position(|byte| *byte < 0x80)?;
    let (number, rest) = bytes.split_at_checked(end + 1)?;
    let value = number
        .iter()
        .rev()
        .fold(0_u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `payload` looks like, without the words around it.
    fn looks_like(payload: &[u8]) -> Option<String> {
        let said = appearance(payload)?;
        let (_, what) = said.split_once("looks like ")?;
        let (what, _) = what.split_once("; ")?;
        Some(what.to_owned())
    }

    #[test]
    fn text_in_two_or_four_bytes_a_character_begins_as_json_does() {
        let utf_16 = Some("UTF-16 text, big-endian".to_owned());
        assert_eq!(looks_like(b"\0{\0\"\0a"), utf_16);
        assert_eq!(looks_like(b"\0x\0y"), None);
        assert_eq!(looks_like(b"\0{\0\0"), None);
        let utf_16 = Some("UTF-16 text, little-endian".to_owned());
        assert_eq!(looks_like(b"{\0\"\0a\0"), utf_16);
        assert_eq!(looks_like(b"x\0y\0"), None);
        assert_eq!(looks_like(b"{\0\0\0"), None);
        assert_eq!(looks_like(b"x\0\0\0y\0\0\0"), None);
    }

    #[test]
    fn a_frame_has_something_behind_it() {
        let of = |body: &str| {
            Some(format!(
                "the frame of a schema registry (five bytes, schema 7, {body})"
            ))
        };
        assert_eq!(looks_like(b"\0\0\0\0\x07"), None);
        let binary = of("Avro or Protobuf behind it");
        assert_eq!(looks_like(b"\0\0\0\0\x07x"), binary);
        let json = of("JSON behind it from offset 5");
        assert_eq!(looks_like(b"\0\0\0\0\x07{}"), json);
        let glue = "the frame of the AWS Glue schema registry (18 bytes)";
        for compressed in [0, 5] {
            let mut framed = vec![3, compressed];
            framed.extend([0xee; 16]);
            assert_eq!(looks_like(&framed), None);
            framed.push(0xee);
            assert_eq!(looks_like(&framed).as_deref(), Some(glue));
        }
    }

    #[test]
    fn bson_begins_with_its_length_and_ends_with_zero() {
        let mut bson = *b"\x0c\0\0\0\x10a\0\x01\0\0\0\0";
        assert_eq!(looks_like(&bson).as_deref(), Some("BSON"));
        bson[0] = 0x0d;
        assert_ne!(looks_like(&bson).as_deref(), Some("BSON"));
    }

    #[test]
    fn protobuf_is_fields_from_the_first_byte_to_the_last() {
        let is_protobuf = |payload: &[u8]| looks_like(payload).as_deref() == Some("Protobuf");
        // Field 1 of each kind, then field 2 with the number 1.
        assert!(is_protobuf(b"\x08\x96\x01\x10\x01"));
        assert!(is_protobuf(b"\x08\x80\x01\x10\x01"));
        assert!(is_protobuf(b"\x09\x01\x02\x03\x04\x05\x06\x07\x08\x10\x01"));
        assert!(is_protobuf(b"\x0a\x03abc\x10\x01"));
        assert!(is_protobuf(b"\x0d\x01\x02\x03\x04\x10\x01"));
        // One field is too few, and the last field must be complete.
        assert!(!is_protobuf(b"\x08\x01"));
        assert!(!is_protobuf(b"\x0a\x03abc\x10"));
        // Field numbers begin at 1. A number above 1,000 is taken for another format.
        assert!(!is_protobuf(
            b"\x01\x01\x02\x03\x04\x05\x06\x07\x08\x10\x01"
        ));
        assert!(is_protobuf(b"\x08\x01\xc0\x3e\x01"));
        assert!(!is_protobuf(b"\x08\x01\xc8\x3e\x01"));
    }

    #[test]
    fn text_that_reads_as_fields_is_text() {
        // A line feed is field 1, and an exclamation mark 33 bytes of it.
        let line = format!("\n!{}", "a".repeat(33));
        assert_eq!(looks_like(line.repeat(2).as_bytes()), None);
        // It begins as text does.
        assert_eq!(looks_like(b" \x01(\x01"), None);
    }
}
