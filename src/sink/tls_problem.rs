//! Why a server is not trusted, or does not trust us, in words that say what to do.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage, OtherError, PeerIncompatible};
use tidegauge_windows::EventTime;

use crate::domain::timestamp::rfc3339;

/// What is wrong, if `error` is one of TLS that an operator can act on.
pub(super) fn tls_problem(error: &(dyn Error + 'static)) -> Option<String> {
    // An I/O error does not give what it wraps as its source.
    let mut inner = error;
    while let Some(wrapping) = inner.downcast_ref::<io::Error>() {
        inner = wrapping.get_ref()?;
    }
    match inner.downcast_ref()? {
        rustls::Error::InvalidCertificate(error) => Some(certificate_problem(error)),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Some("it does not speak TLS: write http:// in the address, or enable TLS there".into())
        }
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::AccessDenied,
        ) => Some("it asks for a client certificate, which is not supported".into()),
        // A server of TLS 1.1 or older refuses our greeting, or answers it with its own version.
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => Some("it speaks no TLS version that is supported: enable TLS 1.2 or 1.3 there".into()),
        _ => None,
    }
}

fn certificate_problem(error: &CertificateError) -> String {
    match error {
        // An authority of the same name with another key shows in the signature only: each
        // installation of Elasticsearch makes one of that kind.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is from an authority that is not trusted: give the certificate of that \
             authority as ca_file"
                .into()
        }
        CertificateError::Expired => "its certificate has expired: renew it".into(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("its certificate expired at {}: renew it", time(*not_after))
        }
        CertificateError::NotValidYet => "its certificate is not valid yet: check the clocks".into(),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "its certificate is not valid before {}: check the clocks",
            time(*not_before)
        ),
        CertificateError::NotValidForName => {
            "its certificate is for another name: use an address that the certificate names".into()
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "its certificate is not for {}: use an address that the certificate names ({})",
            expected.to_str(),
            names(presented)
        ),
        CertificateError::Revoked => "its certificate was revoked: renew it".into(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not for servers: issue one with the extended key usage serverAuth"
                .into()
        }
        CertificateError::Other(OtherError(cause)) => match cause.to_string().as_str() {
            // The name that webpki gives this: its type is not among our dependencies.
            "CaUsedAsEndEntity" => {
                "its certificate is that of an authority (CA:TRUE), not of a server: issue one for the \
                 server with it, and keep it as ca_file; or make one without CA:TRUE"
                    .into()
            }
            cause => unusable(cause),
        },
        other => unusable(&format!("{other:?}")),
    }
}

// Rare faults keep the name that the library has for them.
fn unusable(cause: &str) -> String {
    // Some carry the certificate, or lists of what is allowed.
    let name = cause.split([' ', '(', '{']).next().unwrap_or_default();
    format!("its certificate can't be used ({name}): issue another one for this server")
}

// They are given as `DnsName("es.example")`.
fn names(presented: &[String]) -> String {
    let name = |text: &String| match text.split_once('(') {
        Some((_, name)) => name.trim_end_matches(')').trim_matches('"').to_owned(),
        None => text.clone(),
    };
    let names: Vec<String> = presented.iter().map(name).collect();
    match names.is_empty() {
        true => "none".into(),
        false => names.join(", "),
    }
}

fn time(time: UnixTime) -> String {
    let millis = Duration::from_secs(time.as_secs()).as_millis();
    rfc3339(EventTime::from_millis(
        i64::try_from(millis).unwrap_or(i64::MAX),
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn told(error: rustls::Error) -> Option<String> {
        // As the HTTP client wraps it.
        tls_problem(&io::Error::other(error))
    }

    #[test]
    fn old_versions_of_tls_are_one_sentence_however_they_show() {
        let sentence = "it speaks no TLS version that is supported: enable TLS 1.2 or 1.3 there";
        for error in [
            rustls::Error::AlertReceived(AlertDescription::ProtocolVersion),
            PeerIncompatible::ServerDoesNotSupportTls12Or13.into(),
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into(),
        ] {
            assert_eq!(told(error).as_deref(), Some(sentence));
        }
    }

    #[test]
    fn no_fault_of_a_certificate_is_without_a_remedy() {
        let odd = OtherError(Arc::new(io::Error::other("UnsupportedCertVersion")));
        for (error, sentence) in [
            (
                CertificateError::BadSignature,
                "its certificate is from an authority that is not trusted: give the certificate \
                 of that authority as ca_file",
            ),
            (
                CertificateError::InvalidPurpose,
                "its certificate is not for servers: issue one with the extended key usage \
                 serverAuth",
            ),
            (
                CertificateError::BadEncoding,
                "its certificate can't be used (BadEncoding): issue another one for this server",
            ),
            (
                CertificateError::Other(odd),
                "its certificate can't be used (UnsupportedCertVersion): issue another one for \
                 this server",
            ),
        ] {
            let shown = told(rustls::Error::InvalidCertificate(error));
            assert_eq!(shown.as_deref(), Some(sentence));
        }
    }
}
