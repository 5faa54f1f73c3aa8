//! Why a server is not trusted, or does not trust us, in words that say what to do.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage};
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
        rustls::Error::InvalidCertificate(error) => certificate_problem(error),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Some("it does not speak TLS: write http:// in the address, or enable TLS there".into())
        }
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::AccessDenied,
        ) => Some("it asks for a client certificate, which is not supported".into()),
        _ => None,
    }
}

fn certificate_problem(error: &CertificateError) -> Option<String> {
    Some(match error {
        CertificateError::UnknownIssuer => {
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
        _ => return None,
    })
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
