//! The files that properties of the client name: certificates and keys. What is wrong with them, by name.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};

use super::Error;

type Properties = BTreeMap<String, String>;

/// Properties that name a file.
const FILES: [&str; 4] = [CERTIFICATE, KEY, KEYSTORE, "ssl.crl.location"];
/// The property of the trusted authorities: a file or a directory.
const AUTHORITIES: &str = "ssl.ca.location";
const CERTIFICATE: &str = "ssl.certificate.location";
const KEY: &str = "ssl.key.location";
const KEYSTORE: &str = "ssl.keystore.location";
/// The certificate and its key: each in a file, or in the properties.
const CERTIFICATES: [&str; 2] = [CERTIFICATE, "ssl.certificate.pem"];
const KEYS: [&str; 2] = [KEY, "ssl.key.pem"];

/// Checks that the files can be read, and that each certificate has a key.
///
/// # Errors
/// [`Error::Setting`] with the first property that is wrong.
pub(super) fn check(properties: &Properties) -> Result<(), Error> {
    for (property, path) in properties {
        let opened = match property.as_str() {
            // It has the client library look for itself.
            AUTHORITIES if path == "probe" => Ok(()),
            AUTHORITIES => fs::metadata(path).and_then(|found| match found.is_dir() {
                true => fs::read_dir(path).map(drop),
                false => read(path),
            }),
            property if FILES.contains(&property) => read(path),
            _ => Ok(()),
        };
        if let Err(error) = opened {
            return Err(wrong(property, format!("{path} can't be read: {error}")));
        }
    }
    let one_of = |names: [&'static str; 2]| {
        let given = names;
        given
            .into_iter()
            .find(|name| properties.contains_key(*name))
    };
    // An engine has a key of its own.
    if properties.contains_key("ssl.engine.location") {
        return Ok(());
    }
    match (one_of(CERTIFICATES), one_of(KEYS)) {
        (Some(certificate), None) => Err(wrong(
            certificate,
            format!("the key of this certificate is missing; name its file in {KEY}"),
        )),
        (None, Some(key)) => Err(wrong(
            key,
            format!("the certificate of this key is missing; name its file in {CERTIFICATE}"),
        )),
        _ => Ok(()),
    }
}

/// The client library's refusal to start, with the file that is the reason, if one is.
pub(super) fn explain(error: Error, properties: &Properties) -> Error {
    let Error::Client(why) = &error else {
        return error;
    };
    let path = |property: &str| properties.get(property).map_or("", String::as_str);
    let is_of = |property: &str| why.contains(&format!("{property} failed"));
    if why.contains("key values mismatch") || why.contains("Private key check failed") {
        let property = if properties.contains_key(KEY) {
            KEY
        } else {
            KEYS[1]
        };
        let message = match (path(KEY), path(CERTIFICATE)) {
            ("", _) | (_, "") => "the key does not belong to the certificate".to_owned(),
            (key, certificate) => {
                format!("the key in {key} does not belong to the certificate in {certificate}")
            }
        };
        return wrong(property, message);
    }
    for property in [AUTHORITIES, CERTIFICATE] {
        if is_of(property) {
            let path = path(property);
            return wrong(property, format!("{path} holds no certificate (PEM)"));
        }
    }
    for (property, what) in [
        ("ssl.ca.pem", "certificate"),
        ("ssl.certificate.pem", "certificate"),
        ("ssl.key.pem", "private key that ssl.key.password opens"),
    ] {
        if why.contains(property) {
            return wrong(property, format!("the value is not a {what} (PEM)"));
        }
    }
    if why.contains(KEYSTORE) {
        let path = path(KEYSTORE);
        let message = format!("{path} is not a PKCS #12 file that ssl.keystore.password opens");
        return wrong(KEYSTORE, message);
    }
    if is_of(KEY) {
        let path = path(KEY);
        let message = match (is_encrypted(path), properties.get("ssl.key.password")) {
            (true, None) => format!("the key in {path} is encrypted; set ssl.key.password"),
            (true, Some(_)) => format!("ssl.key.password does not open the key in {path}"),
            _ => format!("{path} holds no private key (PEM)"),
        };
        return wrong(KEY, message);
    }
    if why.contains("No provider for SASL mechanism GSSAPI") {
        let message = "set sasl.mechanism to one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER: \
                       this client has no GSSAPI, which is the default";
        return wrong("security.protocol", message.to_owned());
    }
    error
}

fn wrong(property: &str, why: String) -> Error {
    Error::Setting {
        property: property.to_owned(),
        why,
    }
}

fn read(path: &str) -> io::Result<()> {
    // A directory opens, and can't be read.
    File::open(path)?.read(&mut [0]).map(drop)
}

fn is_encrypted(path: &str) -> bool {
    // PKCS #8 says so in its label, the older form in a header.
    fs::read_to_string(path).is_ok_and(|key| key.contains("ENCRYPTED"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn properties(pairs: &[(&str, &str)]) -> Properties {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        for property in [AUTHORITIES, CERTIFICATE, KEY] {
            let error = check(&properties(&[(property, "/nowhere/a.pem")]));
            let error = error.unwrap_err().to_string();
            assert!(error.contains(property), "{error}");
            assert!(
                error.contains("/nowhere/a.pem can't be read: No such"),
                "{error}"
            );
        }
        let error = check(&properties(&[(KEY, "/")])).unwrap_err().to_string();
        assert!(error.contains("/ can't be read: Is a directory"), "{error}");
        assert!(check(&properties(&[(AUTHORITIES, "/")])).is_ok());
        assert!(check(&properties(&[(AUTHORITIES, "probe")])).is_ok());
    }

    #[test]
    fn a_certificate_without_a_key_and_a_key_without_a_certificate_are_named() {
        let file = "/dev/null";
        let error = |given: &[_]| check(&properties(given)).unwrap_err().to_string();
        let without_key = error(&[(CERTIFICATE, file)]);
        assert!(without_key.contains("key of this certificate is missing"));
        let without_certificate = error(&[(KEY, file), ("ssl.ca.location", file)]);
        assert!(without_certificate.contains("certificate of this key is missing"));
        assert!(check(&properties(&[(KEY, file), ("ssl.certificate.pem", "x")])).is_ok());
    }

    #[test]
    fn the_words_of_the_library_for_tls_become_the_name_of_a_file() {
        let given = properties(&[
            (AUTHORITIES, "/a.pem"),
            (CERTIFICATE, "/c.pem"),
            (KEY, "/k.pem"),
        ]);
        for (said, meant) in [
            (
                "ssl.ca.location failed: ../crypto/x509/by_file.c:252:X509_load_cert_crl_file_ex \
                 error:05800088:x509 certificate routines::no certificate or crl found",
                "\"ssl.ca.location\": /a.pem holds no certificate (PEM)",
            ),
            (
                "ssl.certificate.location failed: ../ssl/ssl_rsa.c:462:use_certificate_chain_file \
                 error:0A080009:SSL routines::PEM lib",
                "\"ssl.certificate.location\": /c.pem holds no certificate (PEM)",
            ),
            (
                "ssl.key.location failed: ../ssl/ssl_rsa.c:385:SSL_CTX_use_PrivateKey_file \
                 error:0A080009:SSL routines::PEM lib",
                "\"ssl.key.location\": /k.pem holds no private key (PEM)",
            ),
            (
                "ssl.key.location failed: ../crypto/x509/x509_cmp.c:403:X509_check_private_key \
                 error:05800074:x509 certificate routines::key values mismatch",
                "the key in /k.pem does not belong to the certificate in /c.pem",
            ),
            (
                "ssl.key.pem failed: not in PEM format?: ../crypto/encode_decode/decoder_lib.c:103:\
                 OSSL_DECODER_from_bio error:1E08010C:DECODER routines::unsupported: No supported data \
                 to decode. Input type: PEM",
                "\"ssl.key.pem\": the value is not a private key",
            ),
            (
                "failed to read certificate #0 from ssl.ca.pem: not in PEM format?: ../crypto/pem/\
                 pem_lib.c:760:get_name error:0480006C:PEM routines::no start line: Expecting: CERTIFICATE",
                "\"ssl.ca.pem\": the value is not a certificate (PEM)",
            ),
            ("something else", "can't start: something else"),
        ] {
            let error = explain(Error::Client(said.to_owned()), &given).to_string();
            assert!(error.contains(meant), "{error}");
        }
    }
}
