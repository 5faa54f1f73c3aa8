//! Batches are written by another implementation, and what is unpacked is compared with what was written.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]

use std::io::{Read, Write};

use bytes::BytesMut;
use kafka_protocol::records::{
    Compression, Record as WrittenRecord, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use proptest::prelude::*;

use super::*;
use crate::source::direct::fetched::{FetchedBatch, FetchedPart};
use crate::source::log_client::LogBatch;

/// What is written and comes back: offset, timestamp, key, value, and the value of the header `h`.
type Seen = (
    i64,
    Option<i64>,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
);

const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

fn written(offset: i64, value: &[u8]) -> WrittenRecord {
    WrittenRecord {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 3,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset,
        sequence: offset as i32,
        timestamp: 1_700_000_000_000 + offset,
        key: None,
        value: Some(Bytes::copy_from_slice(value)),
        headers: Default::default(),
    }
}

fn in_transaction(producer: i64, record: WrittenRecord) -> WrittenRecord {
    WrittenRecord {
        transactional: true,
        producer_id: producer,
        ..record
    }
}

/// The mark at the end of a transaction.
fn mark(producer: i64, offset: i64, commits: bool) -> WrittenRecord {
    WrittenRecord {
        control: true,
        key: Some(Bytes::copy_from_slice(&[0, 0, 0, u8::from(commits)])),
        ..in_transaction(producer, written(offset, b"\0\0\0\0\0\0"))
    }
}

fn batch(records: &[WrittenRecord], compression: Compression) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression,
    };
    let compress = |from: &mut BytesMut, to: &mut BytesMut, codec: Compression| {
        to.extend_from_slice(&compressed(from, codec));
        Ok(())
    };
    RecordBatchEncoder::encode_with_custom_compression(
        &mut bytes,
        records,
        &options,
        Some(compress),
    )
    .unwrap();
    bytes.to_vec()
}

fn compressed(bytes: &[u8], codec: Compression) -> Vec<u8> {
    let mut to = Vec::new();
    match codec {
        Compression::None => to.extend_from_slice(bytes),
        Compression::Gzip => {
            flate2::read::GzEncoder::new(bytes, flate2::Compression::fast())
                .read_to_end(&mut to)
                .unwrap();
        }
        Compression::Snappy => to = snap::raw::Encoder::new().compress_vec(bytes).unwrap(),
        Compression::Lz4 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(&mut to);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        Compression::Zstd => to = zstd::encode_all(bytes, 1).unwrap(),
    }
    to
}

fn packed(batches: &[Vec<u8>], from: i64) -> PackedBatches {
    PackedBatches {
        partition: 7,
        from,
        bytes: batches.concat().into(),
        aborted: Vec::new(),
    }
}

fn unpack(packed: &PackedBatches) -> (Vec<Seen>, Result<(), BatchFault>) {
    let mut unpacker = Unpacker::new(Arc::default());
    let mut all = FetchedBatch::default();
    let outcome = unpacker.unpack(packed, |chunk, _| all.push(FetchedPart::Records(chunk)));
    let seen = |record: crate::domain::record::Record<'_>| {
        assert_eq!(record.partition, 7);
        (
            record.offset,
            record.timestamp,
            record.key.map(<[u8]>::to_vec),
            record.payload.map(<[u8]>::to_vec),
            record.headers.last("h").map(<[u8]>::to_vec),
        )
    };
    let records = all.records();
    assert_eq!(records.len(), all.len());
    (records.map(seen).collect(), outcome)
}

fn values(packed: &PackedBatches) -> Vec<String> {
    let (seen, outcome) = unpack(packed);
    assert_eq!(outcome, Ok(()));
    let values = seen.into_iter().map(|seen| seen.3.unwrap());
    values
        .map(|value| String::from_utf8(value).unwrap())
        .collect()
}

#[test]
fn a_batch_that_begins_before_the_offset_asked_for_gives_what_follows_it() {
    let records: Vec<WrittenRecord> = (10..20).map(|offset| written(offset, b"x")).collect();
    for codec in CODECS {
        let (seen, outcome) = unpack(&packed(&[batch(&records, codec)], 17));
        assert_eq!(outcome, Ok(()));
        let offsets: Vec<i64> = seen.iter().map(|seen| seen.0).collect();
        assert_eq!(offsets, [17, 18, 19], "{codec:?}");
    }
}

#[test]
fn records_of_aborted_transactions_are_left_out_and_others_of_their_producer_are_not() {
    //  offset   0      1      2        3      4        5
    //  producer 1 "a"  2 "b"  1 abort  1 "c"  1 commit 2 commit
    let batches = [
        vec![in_transaction(1, written(0, b"a"))],
        vec![in_transaction(2, written(1, b"b"))],
        vec![mark(1, 2, false)],
        vec![in_transaction(1, written(3, b"c"))],
        vec![mark(1, 4, true)],
        vec![mark(2, 5, true)],
    ];
    let batches = batches.map(|records| batch(&records, Compression::None));
    let mut packed = packed(&batches, 0);
    packed.aborted = vec![(1, 0)];
    assert_eq!(values(&packed), ["b", "c"]);
    // The same producer aborts the second one.
    packed.aborted = vec![(1, 3)];
    assert_eq!(values(&packed), ["a", "b"]);
    packed.aborted = Vec::new();
    assert_eq!(values(&packed), ["a", "b", "c"]);
}

#[test]
fn batches_of_several_compressions_keep_their_order() {
    let batches: Vec<Vec<u8>> = (0..20_i64)
        .map(|number| {
            let codec = CODECS[number as usize * 3 % 5];
            batch(&[written(number, number.to_string().as_bytes())], codec)
        })
        .collect();
    let expected: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(values(&packed(&batches, 0)), expected);
}

#[test]
fn a_batch_whose_bytes_changed_is_refused_and_those_before_it_are_delivered() {
    for codec in CODECS {
        let first = batch(&[written(0, b"whole")], codec);
        let second = batch(&[written(1, b"changed")], codec);
        // Not the offset and the leader, which brokers set.
        for place in 16..second.len() {
            let mut second = second.clone();
            second[place] ^= 4;
            let (seen, outcome) = unpack(&packed(&[first.clone(), second], 0));
            assert_eq!(seen.len(), 1, "{codec:?} {place}");
            assert!(outcome.is_err(), "{codec:?} {place}");
        }
    }
}

#[test]
fn old_messages_are_refused_by_their_format() {
    let mut old = batch(&[written(0, b"x")], Compression::None);
    old[16] = 1;
    assert_eq!(unpack(&packed(&[old], 0)).1, Err(BatchFault::OldFormat(1)));
}

#[test]
fn what_java_clients_put_around_snappy_is_taken_off() {
    let plain = batch(&[written(0, b"x")], Compression::None);
    let records = &plain[61..];
    let mut framed = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    for block in records.chunks(5) {
        let block = compressed(block, Compression::Snappy);
        framed.extend_from_slice(&(block.len() as u32).to_be_bytes());
        framed.extend_from_slice(&block);
    }
    let mut unpacked = Vec::new();
    let mut decompressor = Decompressor::default();
    decompressor
        .decompress(Codec::Snappy, &framed, &mut unpacked)
        .unwrap();
    assert_eq!(unpacked, records);
    for cut in 1..framed.len() {
        let cut = decompressor.decompress(Codec::Snappy, &framed[..cut], &mut Vec::new());
        // A cut between two blocks can't be seen here: the records then end too early.
        assert!(cut.is_err() || framed.len() > 16);
    }
}

#[test]
fn a_small_batch_that_would_fill_the_memory_is_refused() {
    // 200 MiB of zeros.
    let zeros = vec![0; 200 << 20];
    for codec in [Compression::Gzip, Compression::Lz4, Compression::Zstd] {
        let bomb = compressed(&zeros, codec);
        let mut unpacked = Vec::new();
        let codec = Codec::of(codec as i16).unwrap();
        let outcome = Decompressor::default().decompress(codec, &bomb, &mut unpacked);
        assert!(outcome.is_err(), "{codec:?}");
    }
    // It says of itself that it holds 4 GB.
    let says = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
    let outcome = Decompressor::default().decompress(Codec::Snappy, &says, &mut Vec::new());
    assert!(outcome.is_err());
}

prop_compose! {
    fn any_record()(
        gap in 1..5_i64,
        late in -5_000..5_000_i64,
        key in prop::option::of(prop::collection::vec(any::<u8>(), 0..20)),
        value in prop::option::of(prop::collection::vec(any::<u8>(), 0..200)),
        headers in prop::collection::vec((prop::bool::ANY, prop::option::of(prop::collection::vec(any::<u8>(), 0..9))), 0..3),
    ) -> (i64, i64, Option<Vec<u8>>, Option<Vec<u8>>, Vec<(bool, Option<Vec<u8>>)>) {
        (gap, late, key, value, headers)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_another_implementation_has_written_comes_back(
        batches in prop::collection::vec((0..5_usize, prop::collection::vec(any_record(), 1..40)), 1..8),
        from in 0..200_i64,
    ) {
        let (mut offset, mut bytes, mut expected) = (0, Vec::new(), Vec::new());
        for (codec, records) in batches {
            let records: Vec<WrittenRecord> = records
                .into_iter()
                .map(|(gap, late, key, value, headers)| {
                    offset += gap;
                    let headers = headers.into_iter().enumerate().map(|(number, (is_h, value))| {
                        let name = if is_h { "h".to_owned() } else { format!("h{number}") };
                        let name = kafka_protocol::protocol::StrBytes::from_string(name);
                        (name, value.map(Bytes::from))
                    });
                    WrittenRecord {
                        timestamp: 1_700_000_000_000 + late,
                        key: key.map(Bytes::from),
                        value: value.map(Bytes::from),
                        headers: headers.collect(),
                        ..written(offset, b"")
                    }
                })
                .collect();
            for record in &records {
                let header = record.headers.iter().find(|(name, _)| name.as_str() == "h");
                expected.push((
                    record.offset,
                    Some(record.timestamp),
                    record.key.as_ref().map(|key| key.to_vec()),
                    record.value.as_ref().map(|value| value.to_vec()),
                    header.and_then(|(_, value)| value.as_ref().map(|value| value.to_vec())),
                ));
            }
            bytes.push(batch(&records, CODECS[codec]));
        }
        expected.retain(|seen| seen.0 >= from);
        let (seen, outcome) = unpack(&packed(&bytes, from));
        prop_assert_eq!(outcome, Ok(()));
        prop_assert_eq!(seen, expected);
    }
}
