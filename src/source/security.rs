//! How the client is to connect, as far as it explains why a connection fails.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the properties say of TLS and of a login. No secret is in here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Security {
    /// Whether the client speaks TLS.
    pub(super) uses_tls: bool,
    /// Whether it logs in.
    pub(super) logs_in: bool,
    /// The mechanism of its login.
    pub(super) mechanism: String,
    /// Whether it has a certificate to show.
    pub(super) has_certificate: bool,
    /// Whether a broker's certificate must be for the broker's host.
    pub(super) checks_names: bool,
    /// The authorities that it trusts.
    pub(super) authorities: Authorities,
}

/// Where the certificates of trusted authorities are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Authorities {
    /// Wherever the system has them.
    #[default]
    System,
    /// In this file or directory.
    Location(PathBuf),
    /// In the properties themselves.
    Pem(String),
}

impl Security {
    /// What `properties` say.
    pub(super) fn of(properties: &BTreeMap<String, String>) -> Self {
        let get = |names: &[&str]| names.iter().find_map(|name| properties.get(*name));
        let protocol = get(&["security.protocol"]).map(|text| text.to_ascii_lowercase());
        let protocol = protocol.as_deref().unwrap_or("plaintext");
        let certificates = [
            "ssl.certificate.location",
            "ssl.certificate.pem",
            "ssl.keystore.location",
        ];
        let authorities = match (get(&["ssl.ca.location"]), get(&["ssl.ca.pem"])) {
            (Some(location), _) if location != "probe" => {
                Authorities::Location(PathBuf::from(location))
            }
            (None, Some(pem)) => Authorities::Pem(pem.clone()),
            _ => Authorities::System,
        };
        let identification = get(&["ssl.endpoint.identification.algorithm"]);
        Self {
            uses_tls: protocol.ends_with("ssl"),
            logs_in: protocol.starts_with("sasl"),
            mechanism: get(&["sasl.mechanism", "sasl.mechanisms"])
                .cloned()
                .unwrap_or_default(),
            has_certificate: get(&certificates).is_some(),
            checks_names: identification.is_none_or(|algorithm| algorithm != "none"),
            authorities,
        }
    }
}
