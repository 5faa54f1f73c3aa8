//! Which name a request gives this service, and whether a page of another origin sent it.
//!
//! Without a token, every program that reaches the socket may read. On loopback that is every program of the
//! machine, a browser among them; and a page from anywhere can make a browser ask. The browser lets
//! that page read the answer if the name in the address is the page's own, and its owner decides
//! which address the name stands for (DNS rebinding). So only names that no other party can own are
//! answered. The port does not matter: a tunnel or a container may have another.

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{Version, header};

use super::problem::{Problem, quoted};
use crate::domain::loopback::is_loopback;

/// Refuses a request that does not say whom it asks, as RFC 9112 (3.2) demands; and, `guarded`, one
/// that may come from a page of another origin.
pub(super) fn check(request: &Request, guarded: bool) -> Result<(), Problem> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) if request.version() >= Version::HTTP_11 => {
            return Err(Problem::request(
                "the header \"Host\" is missing; HTTP/1.1 requires one, such as \"Host: localhost\"",
            ));
        }
        (_, Some(_)) => {
            return Err(Problem::request(
                "the header \"Host\" is given more than once; give it once",
            ));
        }
        (host, None) => host,
    };
    let host = host.map(|value| {
        let host = value.to_str().ok().and_then(authority);
        host.ok_or_else(|| {
            let shown = quoted(&String::from_utf8_lossy(value.as_bytes()));
            Problem::request(format!(
                "the header \"Host\" is {shown}, which is not a host; give a name or an address, and \
                 a port if it is not 80"
            ))
        })
    });
    let host = host.transpose()?;
    let path = request.uri().path();
    // Probes answer yes or no to every client.
    let probe = path == "/livez" || path == "/readyz" && request.uri().query().is_none();
    if !guarded || probe {
        return Ok(());
    }
    // A request to a proxy names the host in its target, and that counts (RFC 9112, 3.2.2).
    for host in [request.uri().authority(), host.as_ref()]
        .into_iter()
        .flatten()
    {
        if !is_loopback(host.host()) {
            return Err(Problem::forbidden(format!(
                "this service answers as localhost or as a loopback address only, not as {}, because it \
                 asks for no token; let a proxy send \"Host: localhost\", or set http.token_file",
                quoted(host.as_str())
            )));
        }
    }
    let site = request.headers().get("sec-fetch-site");
    let is_foreign = site.is_some_and(|site| site.as_bytes().eq_ignore_ascii_case(b"cross-site"));
    if is_foreign && (path.starts_with("/api/") || path == "/metrics") {
        return Err(Problem::forbidden(
            "a page of another site asks (\"Sec-Fetch-Site: cross-site\"), and this service asks for \
             no token; open the address itself, or set http.token_file",
        ));
    }
    Ok(())
}

/// The name or address with its port, if it has the form of one.
fn authority(text: &str) -> Option<Authority> {
    let authority: Authority = text.parse().ok()?;
    let is_host = !text.contains('@') && !authority.host().is_empty();
    let after = text.strip_prefix(authority.host())?;
    let is_port = after.is_empty() || authority.port_u16().is_some() || after == ":";
    (is_host && is_port).then_some(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for text in [
            "a",
            "a.b.",
            "a:80",
            "[::1]",
            "[::1]:8080",
            "127.0.0.1:1",
            "a:",
        ] {
            assert!(authority(text).is_some(), "{text}");
        }
        for text in [
            "", ":80", "a b", "a/b", "u@a", "a:x", "a:99999", "[::1", "http://a",
        ] {
            assert!(authority(text).is_none(), "{text}");
        }
    }
}
