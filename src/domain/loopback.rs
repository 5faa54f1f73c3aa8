//! Which hosts are this machine, by their names alone: no resolver is asked.

use core::net::{Ipv4Addr, Ipv6Addr};

/// Whether every resolver takes `host` for this machine. An address of IPv6 stands in brackets, as in a URL.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    if let Some(address) = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        let address = address.parse::<Ipv6Addr>();
        return address.is_ok_and(|address| address.to_canonical().is_loopback());
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    match name.parse::<Ipv4Addr>() {
        Ok(address) => address.is_loopback(),
        // No party can own a name in "localhost" (RFC 6761, 6.3).
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for host in [
            "localhost",
            "LocalHost.",
            "tidegauge.localhost",
            "127.0.0.1",
            "127.0.0.1.",
            "127.255.3.2",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "notlocalhost",
            "localhost..",
            "0.0.0.0",
            "128.0.0.1",
            "10.0.0.1",
            "127.1",
            "2130706433",
            "[::]",
            "[::2]",
            "[::ffff:10.0.0.1]",
            "::1",
            "",
            ".",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
