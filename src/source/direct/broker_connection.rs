//! A connection to one broker: requests and answers of Kafka's protocol, one after the other.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, RequestHeader, SaslAuthenticateRequest,
    SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

use super::buffer_pool::BufferPool;
use super::login::SaslLogin;
use super::settings::DirectSettings;
use super::transport::Transport;

/// A connection that is ready to fetch.
pub(super) struct BrokerConnection {
    transport: Transport,
    client_id: StrBytes,
    /// The number of the last request.
    correlation: i32,
    /// The version in which it fetches.
    pub(super) fetch_version: i16,
    buffers: Arc<BufferPool>,
}

/// Why a connection failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    /// The socket failed, or nothing came in time.
    #[error("the connection to {broker} failed: {why}")]
    Io { broker: String, why: String },
    /// The broker's words make no sense.
    #[error("{broker} answered what is not valid: {why}")]
    Protocol { broker: String, why: String },
    /// The broker is too old.
    #[error("{broker} is older than Kafka 3.1, so topics are not fetched by their ids")]
    OldBroker { broker: String },
    /// The broker refuses the login.
    #[error("{broker} refuses the login: {why}")]
    Login { broker: String, why: String },
}

/// The first version that fetches by the ids of topics, and the last that is known here.
const FETCH_VERSIONS: std::ops::RangeInclusive<i16> = 13..=16;
/// Kafka's number for fetching.
const FETCH: i16 = 1;
/// No answer is longer, as for librdkafka.
const ANSWER_MAX: usize = 100_000_000;
/// How long a connection may take to be made.
const CONNECT_MAX: Duration = Duration::from_secs(5);

impl BrokerConnection {
    /// Connects to `broker`, `host:port`, and logs in.
    ///
    /// # Errors
    /// When the broker can't be reached, refuses the login, or is too old.
    pub(super) fn open(
        broker: &str,
        settings: &DirectSettings,
        buffers: Arc<BufferPool>,
    ) -> Result<Self, ConnectionError> {
        let io = |error: io::Error| ConnectionError::Io {
            broker: broker.to_owned(),
            why: words(&error),
        };
        let stream = connect(broker).map_err(io)?;
        stream.set_nodelay(true).map_err(io)?;
        stream
            .set_read_timeout(Some(settings.answer_max))
            .map_err(io)?;
        stream
            .set_write_timeout(Some(settings.answer_max))
            .map_err(io)?;
        let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host);
        let transport = Transport::open(stream, host, settings.tls.as_ref()).map_err(io)?;
        let mut connection = Self {
            transport,
            client_id: StrBytes::from_string(settings.client_id.clone()),
            correlation: 0,
            fetch_version: 0,
            buffers,
        };
        connection.fetch_version = connection.agree(broker)?;
        if let Some(login) = &settings.login {
            connection.log_in(broker, login)?;
        }
        Ok(connection)
    }

    /// Sends a request in `version`, without waiting for the answer. Gives its number.
    pub(super) fn send<R: Encodable + HeaderVersion>(
        &mut self,
        key: ApiKey,
        version: i16,
        request: &R,
    ) -> io::Result<i32> {
        self.correlation = self.correlation.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(key as i16)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(self.client_id.clone()));
        let mut frame = BytesMut::zeroed(4);
        header
            .encode(&mut frame, R::header_version(version))
            .and_then(|()| request.encode(&mut frame, version))
            .map_err(io::Error::other)?;
        let size = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
        frame[..4].copy_from_slice(&size.to_be_bytes());
        self.transport.write_all(&frame)?;
        self.transport.flush()?;
        Ok(self.correlation)
    }

    /// Waits for the answer to the request with this number: what follows the number in it.
    pub(super) fn receive(&mut self, correlation: i32) -> io::Result<Bytes> {
        let mut size = [0; 4];
        self.transport.read_exact(&mut size)?;
        let size = usize::try_from(u32::from_be_bytes(size)).map_err(io::Error::other)?;
        if !(4..=ANSWER_MAX).contains(&size) {
            return Err(invalid(&format!("an answer of {size} bytes")));
        }
        let mut answer = self
            .buffers
            .fill(size, |bytes| self.transport.read_exact(bytes))?;
        match answer.get_i32() {
            same if same == correlation => Ok(answer),
            _ => Err(invalid("an answer to another request")),
        }
    }

    // The version in which both can fetch.
    fn agree(&mut self, broker: &str) -> Result<i16, ConnectionError> {
        // Every broker knows this one.
        let request = ApiVersionsRequest::default();
        let answer: ApiVersionsResponse = self.ask(broker, ApiKey::ApiVersions, 0, &request)?;
        let fetch = answer.api_keys.iter().find(|api| api.api_key == FETCH);
        let newest = fetch.map_or(0, |api| api.max_version.min(*FETCH_VERSIONS.end()));
        match FETCH_VERSIONS.contains(&newest) && fetch.is_some_and(|api| api.min_version <= newest)
        {
            true => Ok(newest),
            false => Err(ConnectionError::OldBroker {
                broker: broker.to_owned(),
            }),
        }
    }

    fn log_in(&mut self, broker: &str, login: &SaslLogin) -> Result<(), ConnectionError> {
        let refused = |why: String| ConnectionError::Login {
            broker: broker.to_owned(),
            why,
        };
        let request = SaslHandshakeRequest::default()
            .with_mechanism(StrBytes::from_static_str(login.mechanism()));
        let answer: SaslHandshakeResponse = self.ask(broker, ApiKey::SaslHandshake, 1, &request)?;
        if answer.error_code != 0 {
            return Err(refused(format!("it does not take {}", login.mechanism())));
        }
        let mut conversation = login.begin().map_err(refused)?;
        while let Some(words) = conversation.next_words() {
            let request = SaslAuthenticateRequest::default().with_auth_bytes(words);
            let answer: SaslAuthenticateResponse =
                self.ask(broker, ApiKey::SaslAuthenticate, 1, &request)?;
            if answer.error_code != 0 {
                let why = answer.error_message.map(|why| why.to_string());
                return Err(refused(why.unwrap_or_default()));
            }
            if answer.session_lifetime_ms > 0 {
                return Err(refused("sessions that end are not known here".to_owned()));
            }
            conversation.hear(&answer.auth_bytes).map_err(refused)?;
        }
        Ok(())
    }

    fn ask<Q: Encodable + HeaderVersion, A: Decodable + HeaderVersion>(
        &mut self,
        broker: &str,
        key: ApiKey,
        version: i16,
        request: &Q,
    ) -> Result<A, ConnectionError> {
        let asked = self.send(key, version, request);
        let answer = asked.and_then(|asked| self.receive(asked));
        let mut answer = answer.map_err(|error| ConnectionError::Io {
            broker: broker.to_owned(),
            why: words(&error),
        })?;
        // None of these has anything in its header but the number.
        A::decode(&mut answer, version).map_err(|error| ConnectionError::Protocol {
            broker: broker.to_owned(),
            why: error.to_string(),
        })
    }
}

fn connect(broker: &str) -> io::Result<TcpStream> {
    let mut last = None;
    for address in broker.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_MAX) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("its name stands for no address")))
}

/// What became of a connection, for an operator.
pub(super) fn words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "no answer came in time".to_owned(),
        ErrorKind::UnexpectedEof => "the broker closed it".to_owned(),
        _ => error.to_string(),
    }
}

/// What a broker sent is not valid.
pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.to_owned())
}
