//! What is wrong with a broker's certificate. The client library says only that it can't be verified.

use std::fs;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore};
use tidegauge_windows::EventTime;

use super::security::{Authorities, Security};

/// How long to wait for the broker: for the connection, and for each of its answers.
const WAIT: Duration = Duration::from_secs(1);
/// Where systems keep the authorities that they trust.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// More files of a directory are not read.
const FILES_MAX: usize = 1_000;

/// Why a certificate is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CertificateFault {
    /// No trusted authority has issued it.
    UnknownAuthority,
    /// It was valid until then, if that is known.
    Expired(Option<EventTime>),
    /// It is valid from then on, if that is known.
    NotYetValid(Option<EventTime>),
    /// It is for these hosts only.
    OtherHost(Vec<String>),
}

/// Looks at the certificate that `broker` (`host:port`) shows, and breaks off: nothing is sent that
/// a server may not know. `None` if that does not show the cause.
pub(super) fn examine(broker: &str, security: &Security) -> Option<CertificateFault> {
    let (host, _) = broker.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let provider = Arc::new(ring::default_provider());
    let roots = Arc::new(roots(&security.authorities));
    if roots.is_empty() {
        return Some(CertificateFault::UnknownAuthority);
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .with_webpki_verifier(verifier.build().ok()?)
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), name).ok()?;
    let address = broker.to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&address, WAIT).ok()?;
    stream.set_read_timeout(Some(WAIT)).ok()?;
    stream.set_write_timeout(Some(WAIT)).ok()?;
    let refused = client.complete_io(&mut stream).err()?;
    match refused.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(error) => fault(error, security.checks_names),
        _ => None,
    }
}

fn fault(error: &CertificateError, checks_names: bool) -> Option<CertificateFault> {
    use CertificateError as E;
    let fault = match error {
        E::UnknownIssuer | E::BadSignature => CertificateFault::UnknownAuthority,
        E::Expired => CertificateFault::Expired(None),
        E::ExpiredContext { not_after, .. } => CertificateFault::Expired(time(*not_after)),
        E::NotValidYet => CertificateFault::NotYetValid(None),
        E::NotValidYetContext { not_before, .. } => {
            CertificateFault::NotYetValid(time(*not_before))
        }
        E::NotValidForName if checks_names => CertificateFault::OtherHost(Vec::new()),
        E::NotValidForNameContext { presented, .. } if checks_names => {
            CertificateFault::OtherHost(presented.iter().map(|name| bare(name)).collect())
        }
        _ => return None,
    };
    Some(fault)
}

fn time(of: UnixTime) -> Option<EventTime> {
    let millis = of.as_secs().checked_mul(1_000)?;
    Some(EventTime::from_millis(i64::try_from(millis).ok()?))
}

/// The host in `DnsName("kafka.example")` or `IpAddress(10.0.0.1)`.
fn bare(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}

/// The certificates of `authorities` that can be read.
pub(super) fn roots(authorities: &Authorities) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let files = match authorities {
        Authorities::Pem(pem) => {
            let found = CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok);
            roots.add_parsable_certificates(found);
            return roots;
        }
        Authorities::Location(location) => files(location),
        Authorities::System => SYSTEM.iter().map(PathBuf::from).collect(),
    };
    for file in files {
        if let Ok(found) = CertificateDer::pem_file_iter(file) {
            roots.add_parsable_certificates(found.filter_map(Result::ok));
        }
    }
    roots
}

fn files(location: &Path) -> Vec<PathBuf> {
    match fs::read_dir(location) {
        Ok(entries) => entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .take(FILES_MAX)
            .collect(),
        Err(_) => vec![location.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_in_a_certificate_are_shown_as_hosts() {
        let error = CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("127.0.0.1").unwrap_or_else(|_| unreachable!()),
            presented: vec![
                "DnsName(\"kafka.example\")".to_owned(),
                "IpAddress(10.0.0.1)".to_owned(),
            ],
        };
        let hosts = vec!["kafka.example".to_owned(), "10.0.0.1".to_owned()];
        assert_eq!(
            fault(&error, true),
            Some(CertificateFault::OtherHost(hosts))
        );
        assert_eq!(fault(&error, false), None);
    }

    #[test]
    fn a_broker_that_is_not_there_tells_nothing() {
        let pem = Security {
            authorities: Authorities::Location("/nowhere".into()),
            ..Security::default()
        };
        let unknown = Some(CertificateFault::UnknownAuthority);
        assert_eq!(examine("127.0.0.1:1", &pem), unknown);
        for broker in ["", "host", "a b:1", "127.0.0.1:x"] {
            assert_eq!(examine(broker, &Security::default()), None, "{broker}");
        }
    }
}
