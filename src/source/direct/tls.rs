//! TLS as the properties of librdkafka describe it.

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::source::certificate;
use crate::source::security::{Authorities, Security};

/// How to speak TLS.
///
/// # Errors
/// What is asked for that is not known here.
pub(super) fn client(
    properties: &BTreeMap<String, String>,
    security: &Security,
) -> Result<Arc<ClientConfig>, String> {
    let get = |name: &str| properties.get(name).map(String::as_str);
    let is_false = |value: &str| matches!(value, "false" | "0" | "f");
    if !security.checks_names || get("enable.ssl.certificate.verification").is_some_and(is_false) {
        return Err("the direct reader does not speak TLS without verifying certificates and the names of hosts".to_owned());
    }
    let is_narrowed = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .iter()
        .any(|name| env::var_os(name).is_some());
    if security.authorities == Authorities::System && is_narrowed {
        return Err(
            "the direct reader does not read SSL_CERT_FILE and SSL_CERT_DIR: set ssl.ca.location"
                .to_owned(),
        );
    }
    let provider = Arc::new(ring::default_provider());
    let roots: Arc<RootCertStore> = Arc::new(certificate::roots(&security.authorities));
    if roots.is_empty() {
        return Err(
            "the direct reader finds no certificates of authorities that it could trust".to_owned(),
        );
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .map_err(|error| error.to_string())?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_webpki_verifier(verifier);
    if !security.has_certificate {
        return Ok(Arc::new(builder.with_no_client_auth()));
    }
    let unreadable = |error: rustls::pki_types::pem::Error| {
        format!("the direct reader can't read the certificate or the key of this client: {error}")
    };
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        match (get("ssl.certificate.location"), get("ssl.certificate.pem")) {
            (Some(file), _) => CertificateDer::pem_file_iter(file)
                .map_err(unreadable)?
                .collect(),
            (None, Some(pem)) => CertificateDer::pem_slice_iter(pem.as_bytes()).collect(),
            (None, None) => return Err("the direct reader does not read key stores".to_owned()),
        };
    let key = match (get("ssl.key.location"), get("ssl.key.pem")) {
        (Some(file), _) => PrivateKeyDer::from_pem_file(file),
        (None, Some(pem)) => PrivateKeyDer::from_pem_slice(pem.as_bytes()),
        (None, None) => return Err("the direct reader finds no key of this client".to_owned()),
    };
    let client = builder
        .with_client_auth_cert(chain.map_err(unreadable)?, key.map_err(unreadable)?)
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(client))
}
