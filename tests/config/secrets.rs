//! Secrets come from files and are shown nowhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tidegauge::config::{Config, Need, Sources};
use tidegauge::sink::Credentials;

use super::{Typed, refuses, told, wrong};
use crate::support::service::binary;

#[test]
fn secrets_are_read_from_files_and_shown_nowhere() {
    let typed = Typed::new("");
    let key = typed.file("key", "\n  s3cret==\n");
    let toml = format!(
        "[kafka.properties]\nsasl.password = 's3cret=='\n[elasticsearch]\napi_key_file = {key:?}\n\
         [http]\ntoken_file = {key:?}\n"
    );
    typed.file("t.toml", &toml);
    let config = Config::load(&typed.sources(), Need::Nothing).unwrap();
    assert!(!format!("{config:?} {config:#?}").contains("s3cret"));
    assert!(!config.to_toml().contains("s3cret"));
    assert!(config.to_toml().contains("\"sasl.password\" = \"***\""));
    assert_eq!(config.http.token.unwrap().expose(), "s3cret==");
    match config.elasticsearch.unwrap().credentials {
        Credentials::ApiKey(key) => assert_eq!(key.expose(), "s3cret=="),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_secret_is_not_shown_when_its_line_or_its_value_is_wrong() {
    for toml in [
        "[kafka.properties]\nsasl.password = 's3cret\n",
        "[kafka.properties]\nsasl.password = ['s3cret']\n",
        "[kafka]\nsasl.password = 's3cret'\n",
        "[elasticsearch]\npassword = 's3cret'\n",
        "[elasticsearch]\nurl = 'http://me:s3cret@127.0.0.1:9200'\n",
        "[elasticsearch]\nurl = 'http://me:s3cret@127.0.0.1:port'\n",
        "[http]\ntoken = 's3cret'\n",
        "[kafka.properties]\n\"sasl.passwrd\" = 's3cret'\n",
        "[kafka.properties]\nsasl.passwrd = 's3cret'\n",
        "[kafka.properties]\n'sasl.pw' = 's3cret'\n",
        "[kafka.properties]\n'sasl.passwrd' = \"\"\"\ns3cret\n",
        "[kafka]\nproperties = { 'sasl.pasword' = 's3cret', x = }\n",
        "[kafka]\npasswort = 's3cret'\n",
        "[kafka]\nbrokers = 'SASL_SSL://me:s3cret@b:port'\n",
        "sasl_pass = 's3cret'\n",
        "[elasticsearch]\napi_key = 's3cret'\n",
        "[elasticsearch]\napikey = 's3cret\n",
        "[elasticsearch]\npasswort = 's3cret'\n",
        "[elasticsearch]\nurl = 'http://127.0.0.1:9200/?apikey=s3cret'\n",
        "[elasticsearch]\nurl = 'me:s3cret@127.0.0.1:9200'\n",
        "[elasticsearch]\napi_key_file = 's3cret'\n",
        "[elasticsearch]\nusername = 'me'\npassword_file = 's3cret/=='\n",
        "[kibana]\nurl = 'http://127.0.0.1:5601/?apikey=s3cret'\n",
        "[http]\ntoken_file = 's3cret'\n",
        "[http]\ntokn = 's3cret'\n",
        // A secret in place of the file that holds it.
        "[elasticsearch]\npasword_file = 's3cret'\n",
        "[elasticsearch]\npasswd_file = 's3cret'\n",
        "[elasticsearch]\npw_file = 's3cret'\n",
        "[elasticsearch]\napi_kye_file = 's3cret'\n",
        "[elasticsearch]\napi_ky = 's3cret'\n",
        "[http]\ntokn_file = 's3cret'\n",
        "[elasticsearch]\npassword_file = ['s3cret']\n",
        // What does not parse.
        "[elasticsearch]\npassword_file=s3cret\n",
        "http.token_file=\"s3cret\n",
        "[kafka.properties]\nsasl.password: s3cret\n",
        "s3cret\n",
        "s3cret=\n",
        "s3cret==\n",
        "\ns3cret[0]\nme:s3cret:1\n",
        // A secret that has slipped into the key.
        "[kafka.properties]\n\"sasl.password=s3cret\" = ''\n",
        "[kafka.properties]\n\"sasl.password s3cret\" = ''\n",
        "[kafka.properties]\n\"sasl.password: s3cret\" = 1\n",
        "[kafka.properties]\nsasl.password.s3cret = 1\n",
        "[elasticsearch]\n'password=s3cret' = 1\n",
        "[http]\n\"token s3cret\" = 1\n",
    ] {
        let text = wrong(toml);
        assert!(!text.contains("s3cret"), "{text}");
    }
    let sources = Sources::default().variable("TIDEGAUGE_HTTP__TOKEN", "s3cret");
    assert!(!told(&sources, Need::Nothing).contains("s3cret"));
    for (variable, key) in [
        (
            "TIDEGAUGE_KAFKA__PROPERTIES__SASL_PASSWRD",
            "kafka.properties.sasl.passwrd",
        ),
        (
            "TIDEGAUGE_ELASTICSEARCH__PASSWORT",
            "elasticsearch.passwort",
        ),
        (
            "TIDEGAUGE_ELASTICSEARCH__API_KEY_FILE",
            "elasticsearch.api_key_file",
        ),
        ("TIDEGAUGE_HTTP__TOKEN_FILE", "http.token_file"),
    ] {
        let sources = Sources::default().variable(variable, "s3cret");
        assert!(!told(&sources, Need::Nothing).contains("s3cret"));
        let sources = Sources::default().flag("--set", key, "s3cret");
        let text = told(&sources, Need::Nothing);
        assert!(text.contains(key) && !text.contains("s3cret"), "{text}");
    }
    for address in [
        "http://h:1/?apikey=s3cret",
        "http://me:s3cret@h:1",
        "me:s3cret@h",
    ] {
        let sources = Sources::default().flag("--set", "elasticsearch.url", address);
        assert!(!told(&sources, Need::Nothing).contains("s3cret"));
    }
}

#[test]
fn a_password_behind_the_name_of_a_user_is_refused_and_not_shown() {
    let typed = Typed::new("");
    let password = typed.file("password", "correct horse\n");
    let beside = format!("password_file = {password:?}\n");
    for section in ["elasticsearch", "kibana"] {
        let begin = format!("{section}.username: the name holds a colon: a password belongs in ");
        for beside in ["", &beside] {
            let text = wrong(&format!(
                "[{section}]\nusername = 'elastic:s3cret'\n{beside}"
            ));
            assert!(text.starts_with(&format!("t.toml:2:12: {begin}")), "{text}");
            assert!(text.ends_with("the configuration has 1 problem"), "{text}");
            assert!(!text.contains("s3cret"), "{text}");
        }
        let variable = format!("TIDEGAUGE_{}__USERNAME", section.to_uppercase());
        let key = format!("{section}.username");
        for sources in [
            Sources::default().variable(variable, "elastic:s3cret"),
            Sources::default().flag("--set", key, "elastic:s3cret"),
        ] {
            let text = told(&sources, Need::Nothing);
            assert!(text.contains(&begin) && !text.contains("s3cret"), "{text}");
        }
    }
    // Nor does another problem show the line.
    for toml in [
        "[elasticsearch]\nusername = 'elastic:s3cret\n",
        "[elasticsearch]\nusername = elastic:s3cret\n",
        "[elasticsearch]\nusername = ['elastic:s3cret']\n",
        "[elasticsearch]\nusername: 'elastic:s3cret'\n",
        "[elasticsearch]\nusrname = 'elastic:s3cret'\n",
        "[elasticsearch]\n'username=elastic:s3cret' = 1\n",
        "[kibana]\nuser = 'elastic:s3cret'\n",
        "[kafka]\nusername = 'elastic:s3cret'\n",
        "elasticsearch = { username = 'elastic:s3cret', shards = 'x' }\n",
        "elasticsearch = { username = 'elastic:s3cret', x = }\n",
        "username = 'elastic:s3cret'\n",
    ] {
        let text = wrong(toml);
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn a_host_to_which_credentials_would_go_in_plain_text_is_named_in_a_warning() {
    let typed = Typed::new("");
    let secret = typed.file("secret", "s3cret\n");
    let key = format!("api_key_file = {secret:?}\n");
    let user = format!("username = 'me'\npassword_file = {secret:?}\n");
    let section = |name: &str, url: &str, credentials: &str| {
        format!("[{name}]\nurl = '{url}'\n{credentials}")
    };
    let kafka = |brokers: &str, protocol: &str, mechanism: &str| {
        format!(
            "[kafka]\nbrokers = '{brokers}'\n[kafka.properties]\n'security.protocol' = '{protocol}'\n\
             'sasl.mechanism' = '{mechanism}'\n'sasl.username' = 'me'\n'sasl.password' = 's3cret'\n"
        )
    };
    let several = "http://127.0.0.1:9200, https://a.example:9200, http://b.example:9200";
    let loopback = "http://localhost:9200,http://127.8.0.1:9200,http://[::1]:9200";
    let brokers = "127.0.0.1:1, SASL_PLAINTEXT://b.example:9092, c.example:9092";
    for (toml, warning) in [
        (
            section("elasticsearch", "http://a.example:9200", &key),
            "elasticsearch.url: the credentials go to a.example in plain text; use https://",
        ),
        (
            section("elasticsearch", several, &user),
            "elasticsearch.url: the credentials go to b.example in plain text; use https://",
        ),
        (
            section("kibana", "http://[2001:db8::1]:5601", &key),
            "kibana.url: the credentials go to [2001:db8::1] in plain text; use https://",
        ),
        (
            kafka(brokers, "sasl_plaintext", "PLAIN"),
            "kafka.properties.security.protocol: the credentials go to b.example in plain text; use SASL_SSL",
        ),
        // The password itself is not sent.
        (
            kafka("b.example:9092", "SASL_PLAINTEXT", "SCRAM-SHA-512"),
            "kafka.properties.security.protocol: the login goes to b.example in plain text, so its password can be \
             guessed; use SASL_SSL",
        ),
        (section("elasticsearch", "https://a.example:9200", &key), ""),
        (section("elasticsearch", "http://a.example:9200", ""), ""),
        (section("elasticsearch", loopback, &user), ""),
        (section("kibana", "http://localhost:5601", &user), ""),
        (kafka("b.example:9092", "SASL_SSL", "PLAIN"), ""),
        (
            kafka("localhost:9092,[::1]:9092", "SASL_PLAINTEXT", "PLAIN"),
            "",
        ),
    ] {
        let said = logged("check", &toml, 0o600);
        let mut warnings = said.lines().filter(|line| line.contains("in plain text"));
        match (warnings.next(), warning) {
            (None, "") => {}
            (Some(line), warning) if !warning.is_empty() => {
                assert!(line.contains(" WARN ") && line.ends_with(warning), "{said}");
            }
            _ => panic!("{toml}{said}"),
        }
        assert_eq!(warnings.next(), None, "{said}");
    }
    // A service logs it, too; this one can't start.
    let toml = format!(
        "state_dir = '/dev/null/state'\n{}",
        kafka("b.example:9092", "SASL_PLAINTEXT", "PLAIN")
    );
    let said = logged("serve", &toml, 0o600);
    assert!(said.contains("go to b.example in plain text"), "{said}");
}

#[test]
fn a_configuration_with_a_secret_in_it_that_every_user_can_read_is_warned_of() {
    let properties = |text: &str| format!("[kafka.properties]\n{text}\n");
    for (toml, mode, key) in [
        ("'sasl.password' = 's3cret'", 0o644, "sasl.password"),
        ("sasl.password = 's3cret'", 0o604, "sasl.password"),
        ("'ssl.key.password' = 's3cret'", 0o644, "ssl.key.password"),
        ("'sasl.password' = 's3cret'", 0o600, ""),
        ("'sasl.password' = 's3cret'", 0o640, ""),
        ("'sasl.password' = ''", 0o644, ""),
        ("'sasl.username' = 'me'", 0o644, ""),
    ] {
        let said = logged("check", &properties(toml), mode);
        let warning = format!(
            "kafka.properties.{key}: every user of this machine can read the file t.toml: chmod 600 t.toml"
        );
        let is_warned = said.contains("every user of this machine");
        assert_eq!(is_warned, !key.is_empty(), "{toml}: {said}");
        assert_eq!(said.contains(&warning), !key.is_empty(), "{toml}: {said}");
    }
}

/// What a command logs with a configuration file of this mode, the directory of the file left out. Only `check`
/// succeeds.
#[track_caller]
pub(super) fn logged(command: &str, toml: &str, mode: u32) -> String {
    let typed = Typed::new(toml);
    let path = typed.dir.path().join("t.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    let output = binary()
        .args([command, "--config"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.success(), command == "check", "{said}");
    assert!(!said.contains("s3cret"), "{said}");
    said.replace(&path.display().to_string(), "t.toml")
}

#[test]
fn a_file_of_a_secret_that_every_user_can_write_is_refused() {
    for (mode, is_refused) in [
        (0o600, false),
        (0o640, false),
        (0o644, false),
        (0o606, true),
        (0o666, true),
    ] {
        let typed = Typed::new("");
        let path = typed.file("token", "correct horse\n");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        typed.file("t.toml", &format!("[http]\ntoken_file = {path:?}\n"));
        let loaded = Config::load(&typed.sources(), Need::Nothing);
        assert_eq!(loaded.is_err(), is_refused, "{mode:o}");
        if is_refused {
            let text = told(&typed.sources(), Need::Nothing);
            assert!(
                text.contains("http.token_file: every user can write"),
                "{text}"
            );
            assert!(text.contains("chmod 600"), "{text}");
        }
    }
}

#[test]
fn a_token_of_a_few_characters_is_refused() {
    let typed = Typed::new("");
    for (content, is_refused) in [("x", true), ("abc\n", true), ("tide", false)] {
        let path = typed.file("token", content);
        typed.file(
            "t.toml",
            &format!("[http]\nlisten = '0.0.0.0:80'\ntoken_file = {path:?}\n"),
        );
        let loaded = Config::load(&typed.sources(), Need::Nothing);
        assert_eq!(loaded.is_err(), is_refused, "{content}");
        if is_refused {
            let text = told(&typed.sources(), Need::Nothing);
            assert!(
                text.contains("fewer than 4 characters") && text.contains("openssl rand"),
                "{text}"
            );
            assert!(text.ends_with("the configuration has 1 problem"), "{text}");
        }
    }
}

#[test]
fn an_empty_secret_or_one_that_can_not_be_read_is_refused() {
    let typed = Typed::new("");
    for (content, words) in [
        (" \n", "is empty"),
        ("\u{feff}\n", "is empty"),
        ("one\ntwo", "more than one line"),
        ("one\0two", "a control character"),
        ("one\u{85}two", "a control character"),
    ] {
        let path = typed.file("secret", content);
        typed.file("t.toml", &format!("[http]\ntoken_file = {path:?}\n"));
        let text = told(&typed.sources(), Need::Nothing);
        assert!(
            text.contains("http.token_file: the file ") && text.contains(words),
            "{text}"
        );
    }
    refuses(
        "[http]\ntoken_file = '/nowhere/at/all'\n",
        "2:14",
        &["http.token_file", "/nowhere/at/all", "can't be read"],
    );
}

#[test]
fn a_file_that_can_hold_no_api_key_is_refused_with_what_to_put_there() {
    let answer = "{\"id\":\"VuaCfGcBCdbkQm\",\"api_key\":\"s3cret\",\"encoded\":\"czNjcmV0\"}";
    for content in [
        answer,
        "\u{feff}{\"encoded\":\"s3cret\"}",
        "s3cret\u{e9}",
        "s3cret key",
        "\u{201c}s3cret\u{201d}",
    ] {
        let typed = Typed::new("");
        let path = typed.file("key", content);
        for section in ["elasticsearch", "kibana"] {
            let text = wrong(&format!("[{section}]\napi_key_file = {path:?}\n"));
            assert!(text.contains("the field \"encoded\""), "{text}");
            assert!(text.contains(&format!("{section}.api_key_file")), "{text}");
            assert!(!text.contains("s3cret") && !text.contains("czNj"), "{text}");
        }
    }
    // A password may hold all of that.
    let typed = Typed::new("");
    let path = typed.file("password", "\u{feff}{s3cret \u{e9}\r\n");
    typed.file(
        "t.toml",
        &format!("[elasticsearch]\nusername = 'me'\npassword_file = {path:?}\n"),
    );
    let config = Config::load(&typed.sources(), Need::Nothing).unwrap();
    match config.elasticsearch.unwrap().credentials {
        Credentials::Basic { password, .. } => assert_eq!(password.expose(), "{s3cret \u{e9}"),
        other => panic!("{other:?}"),
    }
}
