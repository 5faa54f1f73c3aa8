//! What is said of payloads that are not JSON, or nearly a payment.

use super::*;

/// The byte and the offset that a detail names.
pub(super) fn named(detail: &str) -> Option<(u8, usize)> {
    let (_, rest) = detail.split_once("byte 0x")?;
    let (byte, rest) = rest.split_at(2);
    let number = rest.strip_prefix(" at offset ")?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((u8::from_str_radix(byte, 16).ok()?, digits.parse().ok()?))
}

#[track_caller]
fn says(payload: &[u8], byte: u8, offset: usize, words: &str) {
    let reject = reject_of(decode_bytes(payload));
    assert_eq!(reject.reason, Reason::NotJson, "{}", reject.detail);
    assert_eq!(
        named(&reject.detail),
        Some((byte, offset)),
        "{}",
        reject.detail
    );
    assert!(reject.detail.contains(words), "{words}: {}", reject.detail);
    assert!(reject.detail.len() < 250, "{}", reject.detail);
}

#[test]
fn a_byte_order_mark_before_the_object_is_skipped() {
    let bare = with_more("");
    assert_eq!(payment(&format!("\u{feff}{bare}")), usual());
    assert_eq!(payment(&format!("\u{feff}\r\n {bare}\n")), usual());
    let amount = format!("\u{feff}{}", with_amount("NaN"));
    assert_eq!(reason(&amount), Reason::BadAmount);
    says(
        format!("\u{feff}\u{feff}{bare}").as_bytes(),
        0xef,
        3,
        "byte-order mark may stand once",
    );
    let cut = format!("\u{feff}{}", &bare[..50]);
    let detail = reject_of(decode(&cut)).detail;
    assert!(detail.contains("ends at offset 53"), "{detail}");
    let alone = reject_of(decode("\u{feff}")).detail;
    let expected = "ends at offset 3; there is only a byte-order mark";
    assert!(alone.contains(expected), "{alone}");
    says(
        format!("\u{feff}{bare}x").as_bytes(),
        b'x',
        3 + bare.len(),
        "follows the object",
    );
}

#[test]
fn a_reject_says_what_its_bytes_look_like_and_which_byte_shows_it() {
    let bare = with_more("");
    let json = bare.as_bytes();
    let behind = |head: &[u8]| [head, json].concat();
    let wide =
        |order: fn(u16) -> [u8; 2]| -> Vec<u8> { bare.encode_utf16().flat_map(order).collect() };
    let wider = |order: fn(u32) -> [u8; 4]| -> Vec<u8> {
        bare.chars().flat_map(|c| order(c.into())).collect()
    };
    let mark = |mark: &[u8], text: Vec<u8>| [mark, &text].concat();
    for (payload, byte, words) in [
        (mark(b"\xff\xfe", wide(u16::to_le_bytes)), 0xff, "UTF-16"),
        (mark(b"\xfe\xff", wide(u16::to_be_bytes)), 0xfe, "UTF-16"),
        (wide(u16::to_le_bytes), b'{', "UTF-16 text, little-endian"),
        (wide(u16::to_be_bytes), 0, "UTF-16 text, big-endian"),
        (
            mark(b"\xff\xfe\0\0", wider(u32::to_le_bytes)),
            0xff,
            "UTF-32",
        ),
        (mark(b"\0\0\xfe\xff", wider(u32::to_be_bytes)), 0, "UTF-32"),
        (wider(u32::to_le_bytes), b'{', "UTF-32 text, little-endian"),
        (wider(u32::to_be_bytes), 0, "UTF-32 text, big-endian"),
        (
            behind(&[0, 0, 0, 1, 7]),
            0,
            "a schema registry (five bytes, schema 263, JSON behind it from offset 5)",
        ),
        (
            b"\0\0\0\0\x01\x02\x06abc\x10".to_vec(),
            0,
            "a schema registry (five bytes, schema 1, Avro or Protobuf behind it)",
        ),
        (
            behind(&[0, 0, 0, 0, 0, 0, 0, 0, 9]),
            0,
            "JSON behind it from offset 9",
        ),
        (
            behind(&[3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
            3,
            "AWS Glue",
        ),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xabV".to_vec(), 0x1f, "gzip"),
        (b"\x28\xb5\x2f\xfd\x24\x50".to_vec(), 0x28, "zstd"),
        (b"\x04\x22\x4d\x18\x64\x40".to_vec(), 0x04, "LZ4"),
        (b"\x82SNAPPY\0\0\0\0\x01".to_vec(), 0x82, "Snappy"),
        (b"\xff\x06\0\0sNaPpY\x01".to_vec(), 0xff, "Snappy"),
        (b"\x78\x9c\xabV".to_vec(), 0x78, "zlib"),
        (b"BZh91AY".to_vec(), b'B', "bzip2"),
        (b"PK\x03\x04\x14".to_vec(), b'P', "ZIP"),
        (
            b"Obj\x01\x04\x14avro.codec".to_vec(),
            b'O',
            "an Avro container file",
        ),
        (
            b"\xc3\x01\0\0\0\0\0\0\0\0".to_vec(),
            0xc3,
            "an Avro single object",
        ),
        (b"PAR1\x15".to_vec(), b'P', "Parquet"),
        (b"\xac\xed\0\x05sr".to_vec(), 0xac, "Java"),
        (b"\x85\xaacreateTime\x01".to_vec(), 0x85, "MessagePack"),
        (b"\xa5\x6acreateTime\x01".to_vec(), 0xa5, "CBOR"),
        (
            b"\x10\0\0\0\x10branch\0\x07\0\0\0".to_vec(),
            0x10,
            "looks like",
        ),
        (
            b"\x08\x96\x01\x12\x07testing\x19\0\0\0\0\0\0\0\0".to_vec(),
            0x08,
            "Protobuf",
        ),
        (
            b"\x0a\x132026-11-01 00:50:00\x10\x07".to_vec(),
            0x0a,
            "Protobuf",
        ),
        (b"eyJjcmVhdGVUaW1lIjoxfQ==".to_vec(), b'e', "Base64"),
        (b"<?xml version=\"1.0\"?><payment/>".to_vec(), b'<', "XML"),
    ] {
        says(&payload, byte, 0, words);
    }
}

#[test]
fn a_reject_says_which_byte_of_a_text_is_wrong_and_what_would_be_right() {
    let bare = with_more("");
    let end = bare.len();
    says(
        format!("{bare}\0").as_bytes(),
        0,
        end,
        "a zero byte follows the object",
    );
    says(
        format!("{bare}\0\0\0").as_bytes(),
        0,
        end,
        "a zero byte follows the object",
    );
    says(
        format!("{bare}\n{bare}").as_bytes(),
        b'{',
        end + 1,
        "one record for each payment",
    );
    says(
        format!("{bare}{bare}").as_bytes(),
        b'{',
        end,
        "one record for each payment",
    );
    says(
        format!("{bare},").as_bytes(),
        b',',
        end,
        "a comma follows the object",
    );
    says(
        format!("{bare} x").as_bytes(),
        b'x',
        end + 1,
        "follows the object",
    );
    says(
        format!(" [{bare},{bare}]").as_bytes(),
        b'[',
        1,
        "one record for each payment",
    );
    says(format!("{bare:?}").as_bytes(), b'"', 0, "encoded twice");
    says(b"\"text\"", b'"', 0, "a text; a payment is one");
    says(b"null", b'n', 0, "for a tombstone send no value");
    says(b"true", b't', 0, "true or false");
    says(b"-5", b'-', 0, "a number");
    let at = |text: &str, part: &str| text.find(part).unwrap() + part.len() - 1;
    for (payload, part, words) in [
        (with_amount(".5"), "payAmount\":.", "write 0.5"),
        (with_amount("+5"), "payAmount\":+", "no plus sign"),
        (bare.replace('"', "'"), "{'", "stand between \""),
        (bare.replace('"', "“"), "{“", "stand between \""),
        (with_more(","), ",}", "no comma stands before"),
        (
            with_more(",\"a\":True"),
            "\"a\":T",
            "true or false in small letters",
        ),
        (with_more(",\"a\":None"), "\"a\":N", "write null"),
        (with_more(" // note"), "3 /", "no comments"),
        (
            with_more(",\"a\":1").replace(",\"a\"", ",\n\0\"a\""),
            "\n\0",
            "a zero byte stands within",
        ),
        (
            bare.replace(":3", ":\u{a0}3"),
            "branchId\":\u{a0}",
            "no-break space",
        ),
        (with_branch("03"), "branchId\":03", "invalid number"),
        (
            with_more(",\"a\":\"\n\""),
            "\"a\":\"\n",
            "control character",
        ),
        ("payment".to_owned(), "p", "expected value"),
    ] {
        let mut offset = at(&payload, part);
        while !payload.is_char_boundary(offset) {
            offset -= 1;
        }
        says(
            payload.as_bytes(),
            payload.as_bytes()[offset],
            offset,
            words,
        );
    }
    for cut in ["{", "{\"createTime\":\"2026", &bare[..bare.len() - 1]] {
        let detail = reject_of(decode(cut)).detail;
        let expected = format!("it ends at offset {}; a part is missing", cut.len());
        assert!(detail.contains(&expected), "{detail}");
    }
    let blank = reject_of(decode(" \r\n")).detail;
    assert!(blank.contains("only blanks"), "{blank}");
    let mut latin_1 = with_more(",\"x\":\"e\"").into_bytes();
    let place = latin_1.len() - 3;
    latin_1[place] = 0xe9;
    says(&latin_1, 0xe9, place, "Latin-1");
    let with_mark = [&b"\xef\xbb\xbf"[..], &latin_1].concat();
    says(&with_mark, 0xe9, place + 3, "Latin-1");
    says(b"\x93\xff\xff", 0x93, 0, "binary data");
    says(b"\x01abc", 0x01, 0, "binary data");
    says(
        "{\"a\":\"é".as_bytes().split_last().unwrap().1,
        0xc3,
        6,
        "cut off",
    );
}

#[test]
fn a_byte_that_only_resembles_a_known_mistake_gets_the_words_of_the_parser() {
    for (before, rest, words) in [
        ("{", "{}}", "key must be a string"),
        ("{", "\u{1}}", "key must be a string"),
        ("{\"a\":1,", ",\"b\":2}", "key must be a string"),
        ("{\"a\":", "}", "expected value"),
        ("{\"a\":", "Tea}", "expected value"),
        ("{\"a\":", "Nil}", "expected value"),
        ("{\"a\":", "£5}", "expected value"),
        ("{\"a\":", "€5}", "expected value"),
        ("{\"a\"", "：5}", "expected `:`"),
        ("{\"a\":\"b ", "\t\"}", "control character"),
    ] {
        let payload = format!("{before}{rest}");
        says(payload.as_bytes(), rest.as_bytes()[0], before.len(), words);
    }
}

#[test]
fn an_order_that_is_not_an_integer_is_told_what_would_be_right() {
    let bare = r#"{"createTime":"2026-11-01 00:50:00","payAmount":1,"branchId":3}"#;
    for (field, value, right) in [
        (
            "orderId",
            r#""A-17""#,
            "send the text in a field of another name, and leave this one out",
        ),
        (
            "orderId",
            r#""17""#,
            "write it without quotes (17), or leave the field out",
        ),
        (
            "payPlatform",
            r#""web""#,
            "send the text in a field of another name",
        ),
        // Without quotes two are not integers of JSON, and the third is too long to repeat.
        ("orderId", r#""1.5""#, "send the text in a field"),
        ("orderId", r#""05""#, "send the text in a field"),
        (
            "orderId",
            r#""12345678901234567890""#,
            "send the text in a field",
        ),
        ("orderId", "1.5", "leave it out or give one"),
        ("orderId", "[]", "leave it out or give one"),
    ] {
        let payload = bare.replace('}', &format!(",\"{field}\":{value}}}"));
        let reject = reject_of(decode(&payload));
        assert_eq!(reject.reason, Reason::BadField);
        let begin = format!("{field} {value} is not an integer; ");
        assert!(reject.detail.starts_with(&begin), "{}", reject.detail);
        assert!(reject.detail.contains(right), "{}", reject.detail);
    }
    let branch = reject_of(decode(&with_branch("\"7\""))).detail;
    assert!(branch.ends_with("; write it without quotes: 7"), "{branch}");
}

#[test]
fn an_amount_that_is_only_spelt_wrong_is_told_how_to_spell_it() {
    for (text, right) in [
        ("\".5\"", "a digit must stand on both sides of the point"),
        ("\"5.\"", "a digit must stand on both sides of the point"),
        ("\"12,50\"", "write a point before the decimals"),
        ("\"1,234.50\"", "nothing between thousands"),
        ("\" 5\"", "leave out plus signs and blanks"),
        ("\"+5\"", "leave out plus signs and blanks"),
        ("\"05\"", "leave out zeros at the front"),
    ] {
        let reject = reject_of(decode(&with_amount(text)));
        assert_eq!(reject.reason, Reason::BadAmount, "{text}");
        assert!(reject.detail.contains(right), "{}", reject.detail);
    }
}

#[test]
fn an_amount_that_is_not_a_number_gets_no_advice_on_spelling() {
    for text in ["five", "5 EUR", "1e5x", "", ".", "--5"] {
        let reject = reject_of(decode(&with_amount(&format!("{text:?}"))));
        assert_eq!(reject.reason, Reason::BadAmount, "{text}");
        let end = "such as -12.50 or 1e3";
        assert!(reject.detail.ends_with(end), "{}", reject.detail);
    }
    let large = reject_of(decode(&with_amount("\"1000000000000000\""))).detail;
    assert!(large.ends_with("both excluded"), "{large}");
}
