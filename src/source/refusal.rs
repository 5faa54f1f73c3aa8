//! What keeps a broker and the client apart, although the broker is there: TLS, a login, a certificate. The
//! client library's words for it, and an operator's.

use std::fmt;

use super::certificate::CertificateFault;
use super::connection_failure::ConnectionFailure;
use super::security::Security;
use crate::domain::timestamp::rfc3339;

/// Why a connection to a broker does not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConnectionRefusal {
    /// `host:port`.
    pub(super) broker: String,
    pub(super) cause: Cause,
}

/// The cause of a [`ConnectionRefusal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The broker does not accept user and password.
    Credentials,
    /// The broker does not know the mechanism of the login. It knows these.
    Mechanism { asked: String, offered: String },
    /// The broker takes no login on this port.
    NoLogin,
    /// The login fails in another way, in the broker's words.
    Login(String),
    /// The client does not accept the broker's certificate; why, if that was found out.
    Certificate(Option<CertificateFault>),
    /// The broker does not accept the client's certificate, or wants one.
    ClientCertificate {
        /// Whether one was shown.
        is_given: bool,
        /// What the broker says of it.
        why: &'static str,
    },
    /// TLS fails in another way, in the words of the library for it.
    Handshake(String),
    /// The broker closes a connection without TLS before it says a word.
    SilentWithoutTls,
    /// The broker closes the connection when the client begins with TLS.
    SilentInTls,
    /// The broker leaves the login without an answer, or closes the connection before.
    SilentInLogin,
    /// The broker closes the connection at the first question of a client that did not log in.
    SilentWithoutLogin,
}

/// How a broker names its objection to a client's certificate, and what that means.
const ALERTS: [(&str, &str); 7] = [
    ("alert bad certificate", "the broker can't verify it"),
    ("alert certificate required", "the broker can't verify it"),
    ("alert certificate unknown", "the broker can't verify it"),
    (
        "alert unknown ca",
        "the broker does not know the authority that issued it",
    ),
    ("alert certificate expired", "it has expired"),
    ("alert certificate revoked", "it was revoked"),
    ("alert unsupported certificate", "it is not for a client"),
];

/// A connection that breaks so soon after it was made was refused; the client library has the same limit.
const AT_ONCE_MS: u32 = 2_000;

impl ConnectionRefusal {
    /// Why this failure is a refusal, if it is one.
    pub(super) fn of(failure: &ConnectionFailure<'_>, security: &Security) -> Option<Self> {
        Some(Self {
            broker: failure.broker.to_owned(),
            cause: cause(failure, security)?,
        })
    }

    /// Whether it is no more than a connection that was closed, which a broker that dies does too.
    pub(super) const fn is_only_closed(&self) -> bool {
        matches!(
            self.cause,
            Cause::SilentWithoutTls | Cause::SilentInTls | Cause::SilentWithoutLogin
        )
    }

    /// Whether it can't be taken for anything else: then only other settings, or another broker, help.
    pub(super) const fn is_certain(&self) -> bool {
        !self.is_only_closed() && !matches!(self.cause, Cause::SilentInLogin)
    }
}

fn cause(failure: &ConnectionFailure<'_>, security: &Security) -> Option<Cause> {
    let ConnectionFailure { words, state, .. } = failure;
    if let Some((_, why)) = words.split_once("SASL authentication error: ") {
        if why.starts_with("SaslAuthenticateRequest failed: Local: ") {
            return Some(Cause::SilentInLogin);
        }
        let is_known = ["invalid credentials", "Invalid username or password"];
        return Some(match is_known.iter().any(|known| why.contains(known)) {
            true => Cause::Credentials,
            false => Cause::Login(why.to_owned()),
        });
    }
    if let Some((asked, why)) = words.split_once(" mechanism handshake failed: ") {
        let (why, offered) = why.split_once(": broker's supported mechanisms: ")?;
        let asked = asked.strip_prefix("SASL ").unwrap_or(asked).to_owned();
        return Some(match why.contains("Unsupported SASL mechanism") {
            true => Cause::Mechanism {
                asked,
                offered: offered.trim().to_owned(),
            },
            false => Cause::NoLogin,
        });
    }
    if words.contains("certificate verify failed") || words.contains("verify broker certificate") {
        return Some(Cause::Certificate(None));
    }
    if let Some((_, why)) = ALERTS.iter().find(|(alert, _)| words.contains(alert)) {
        return Some(Cause::ClientCertificate {
            is_given: security.has_certificate,
            why,
        });
    }
    let is_closed = failure.is_closed();
    if let Some(why) = words.strip_prefix("SSL handshake failed: ")
        && !is_closed
    {
        let why = why.rsplit("routines::").next().unwrap_or(why);
        return Some(Cause::Handshake(why.to_owned()));
    }
    if !is_closed {
        return None;
    }
    if state.contains("in state SSL_HANDSHAKE") {
        return Some(Cause::SilentInTls);
    }
    if state.contains("in state APIVERSION_QUERY") && !security.uses_tls {
        return Some(Cause::SilentWithoutTls);
    }
    let is_at_once = state
        .split_once("ms in state UP")
        .and_then(|(ms, _)| ms.parse().ok())
        .is_some_and(|ms: u32| ms < AT_ONCE_MS);
    (is_at_once && !security.logs_in).then_some(Cause::SilentWithoutLogin)
}

/// A sentence that an operator can act on.
impl fmt::Display for ConnectionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let broker = &self.broker;
        match &self.cause {
            Cause::Credentials => write!(
                f,
                "Kafka at {broker} refuses the login: the user or the password is wrong; check \
                 sasl.username and sasl.password in kafka.properties"
            ),
            Cause::Mechanism { asked, offered } => write!(
                f,
                "Kafka at {broker} refuses the login: it does not take the mechanism {asked}, but \
                 {offered}; set sasl.mechanism in kafka.properties"
            ),
            Cause::NoLogin => write!(
                f,
                "Kafka at {broker} takes no login on this port; set security.protocol in \
                 kafka.properties to ssl or plaintext, or name another port in kafka.brokers"
            ),
            Cause::Login(why) => write!(
                f,
                "Kafka at {broker} refuses the login: {why}; check security.protocol and sasl.* in \
                 kafka.properties"
            ),
            Cause::Certificate(fault) => certificate(f, broker, fault.as_ref()),
            Cause::ClientCertificate {
                is_given: false, ..
            } => write!(
                f,
                "Kafka at {broker} wants a client certificate; set ssl.certificate.location and \
                 ssl.key.location in kafka.properties"
            ),
            Cause::ClientCertificate { why, .. } => write!(
                f,
                "Kafka at {broker} refuses the client certificate: {why}; give one of an authority \
                 that the broker trusts as ssl.certificate.location and ssl.key.location in \
                 kafka.properties"
            ),
            Cause::Handshake(why) => write!(
                f,
                "Kafka at {broker} and this client find no way to speak TLS: {why}; check ssl.* in \
                 kafka.properties"
            ),
            Cause::SilentWithoutTls => write!(
                f,
                "{broker} closes the connection without an answer, as a port for TLS does; if it is \
                 one, set security.protocol in kafka.properties to ssl or sasl_ssl"
            ),
            Cause::SilentInTls => write!(
                f,
                "{broker} closes the connection when TLS begins, as a port without TLS does; if it \
                 is one, set security.protocol in kafka.properties to plaintext or sasl_plaintext, \
                 or name the port for TLS in kafka.brokers"
            ),
            Cause::SilentInLogin => write!(
                f,
                "{broker} did not answer the login; it may have too much to do"
            ),
            Cause::SilentWithoutLogin => write!(
                f,
                "{broker} closes the connection at the first question, as a port does that wants a \
                 login; if it does, set security.protocol in kafka.properties to sasl_ssl or \
                 sasl_plaintext"
            ),
        }
    }
}

fn certificate(
    f: &mut fmt::Formatter<'_>,
    broker: &str,
    fault: Option<&CertificateFault>,
) -> fmt::Result {
    let of = |time: &Option<_>| time.map(rfc3339).unwrap_or_else(|| "a date".to_owned());
    match fault {
        Some(CertificateFault::UnknownAuthority) => write!(
            f,
            "the certificate of Kafka at {broker} was not issued by an authority that is trusted; \
             ssl.ca.location in kafka.properties must name the file with the certificate of that \
             authority"
        ),
        Some(CertificateFault::Expired(at)) => write!(
            f,
            "the certificate of Kafka at {broker} expired on {}; give the broker a new one",
            of(at)
        ),
        Some(CertificateFault::NotYetValid(from)) => write!(
            f,
            "the certificate of Kafka at {broker} is valid from {} on; check the clock of this \
             machine, or give the broker another one",
            of(from)
        ),
        Some(CertificateFault::OtherHost(hosts)) => {
            let hosts = match hosts.as_slice() {
                [] => "another host".to_owned(),
                hosts => hosts.join(", "),
            };
            write!(
                f,
                "the certificate of Kafka at {broker} is for {hosts}; name the broker so in \
                 kafka.brokers and its advertised.listeners, or give it a certificate for its \
                 address (ssl.endpoint.identification.algorithm = \"none\" in kafka.properties \
                 accepts any host)"
            )
        }
        None => write!(
            f,
            "the certificate of Kafka at {broker} can't be verified; check that ssl.ca.location in \
             kafka.properties names the certificate of its authority, that it has not expired, and \
             that it is for this host"
        ),
    }
}

#[cfg(test)]
mod tests;
