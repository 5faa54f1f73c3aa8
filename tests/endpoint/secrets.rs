//! Passwords and tokens of the commands that ask the service.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::said;
use crate::support::lab::free_port;

#[test]
fn a_password_in_an_address_is_never_shown() {
    let port = free_port();
    let url = format!("http://me:hunter2@127.0.0.1:{port}");
    let wrong = "http://me:hunter2@127.0.0.1:99999";
    let listen = "me:hunter2@127.0.0.1:1";
    for (arguments, variables, code) in [
        (&["query", "totals", "--url", &url][..], &[][..], 75),
        (&["query", "totals"], &[("TIDEGAUGE_URL", url.as_str())], 75),
        (&["query", "totals", "--url", wrong], &[], 2),
        (
            &["health"],
            &[("TIDEGAUGE_URL", "http://me:hun#hunter2@127.0.0.1:1")],
            2,
        ),
        (
            &["health", "--url", "http://me:hunter2#x@127.0.0.1:1"],
            &[],
            2,
        ),
        (
            &["health", "--url", "http://me:hunter2?x@127.0.0.1:1"],
            &[],
            2,
        ),
        (
            &["check", "--set", "kafka.properties.sasl.password hunter2"],
            &[],
            2,
        ),
        (&["check", "--set", "hunter2"], &[], 2),
        (&["check", "--set", "=hunter2"], &[], 2),
        (&["check", "kafka.properties.sasl.password=hunter2"], &[], 2),
        (&["serve", "sasl.password:hunter2"], &[], 2),
        (&["serve", "sasl.password hunter2"], &[], 2),
        (
            &["check", "--set", "kafka.properties.sasl.password.hunter2=1"],
            &[],
            78,
        ),
        (&["query", "totals"], &[("TIDEGAUGE_URL", wrong)], 2),
        (&["query", "totals", "--listen", listen], &[], 78),
        (&["health", "--url", &url], &[], 1),
        (&["health", "--url", wrong], &[], 2),
        (&["kibana", "load", "--url", &url], &[], 78),
        (&["kibana", "load", "--url", wrong], &[], 78),
        (
            &["check"],
            &[("TIDEGAUGE_ELASTICSEARCH__URL", url.as_str())],
            78,
        ),
        (&["check"], &[("TIDEGAUGE_ELASTICSEARCH__URL", wrong)], 78),
        (&["check"], &[("TIDEGAUGE_KIBANA__URL", wrong)], 78),
        (&["check"], &[("TIDEGAUGE_KAFKA__BROKERS", listen)], 78),
    ] {
        let told = said(arguments, variables, code);
        assert!(!told.contains("hunter2"), "{arguments:?}: {told}");
    }
    // What a proxy asks for is not shown either; it is asked for other machines only.
    let proxy = format!("http://me:hunter2@127.0.0.1:{port}");
    let variables = [
        ("http_proxy", proxy.as_str()),
        ("HTTP_PROXY", proxy.as_str()),
    ];
    let told = said(
        &["query", "totals", "--url", "http://192.0.2.1"],
        &variables,
        75,
    );
    assert!(
        told.contains("192.0.2.1") && !told.contains("hunter2"),
        "{told}"
    );
}

#[test]
fn a_token_is_read_by_those_who_ask_as_by_the_service() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("http://127.0.0.1:{}", free_port());
    let file = |name: &str, text: &str, mode: u32| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    for (path, words) in [
        (file("short", "abc\n", 0o600), "fewer than 4 characters"),
        (file("empty", " \n", 0o600), "is empty"),
        (
            file("lines", "correct\nhorse\n", 0o600),
            "more than one line",
        ),
        (
            file("open", "correct horse\n", 0o666),
            "every user can write",
        ),
        ("hunter2".to_owned(), "there is no such file"),
    ] {
        let key = format!("http.token_file={path}");
        let served = said(
            &["serve", "--brokers", "127.0.0.1:1", "--set", &key],
            &[],
            78,
        );
        let asked = ["query", "totals", "--url", &url];
        let by_flag = said(&[&asked[..], &["--token-file", &path]].concat(), &[], 78);
        let by_key = said(&[&asked[..], &["--set", &key]].concat(), &[], 78);
        let by_variable = said(&asked, &[("TIDEGAUGE_TOKEN_FILE", &path)], 78);
        for told in [served, by_flag, by_key, by_variable] {
            assert!(told.contains(words), "{told}");
            assert!(
                !told.contains("hunter2") && !told.contains("horse"),
                "{told}"
            );
        }
    }
    let readable = file("readable", "correct horse\n", 0o644);
    let asked = ["query", "totals", "--url", &url, "--token-file", &readable];
    let told = said(&asked, &[], 75);
    assert!(
        told.contains("every user of this machine can read"),
        "{told}"
    );
}
