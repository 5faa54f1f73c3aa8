//! Requests of Kafka's protocol that librdkafka's admin client does not have.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion};

const PATIENCE: Duration = Duration::from_secs(30);

/// Asks the broker at `address`, on a connection without a login, and waits for the answer.
#[track_caller]
pub(super) fn ask<R: Encodable + HeaderVersion, A: Decodable + HeaderVersion>(
    address: &str,
    key: ApiKey,
    version: i16,
    request: &R,
) -> A {
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version);
    let mut frame = BytesMut::zeroed(4);
    header
        .encode(&mut frame, R::header_version(version))
        .unwrap();
    request.encode(&mut frame, version).unwrap();
    let size = u32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&size.to_be_bytes());
    let mut stream = TcpStream::connect(address).expect("a broker that listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&frame).unwrap();
    let mut size = [0; 4];
    stream.read_exact(&mut size).expect("an answer");
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(size)).unwrap()];
    stream.read_exact(&mut answer).expect("an answer");
    let mut answer = Bytes::from(answer);
    ResponseHeader::decode(&mut answer, A::header_version(version)).unwrap();
    A::decode(&mut answer, version).unwrap()
}
