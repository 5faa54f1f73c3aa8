//! The values of each section are checked before anything starts.

use tidegauge::config::{Config, Need};

use super::secrets::logged;
use super::{Typed, refuses, told, valid, wrong};

#[test]
fn kafka_is_checked_before_anything_connects() {
    refuses("[kafka]\nbrokers = 'a:1,,b'", "2:11", &["host:port"]);
    refuses("[kafka]\nbrokers = 'a:x'", "2:11", &["\"a:x\""]);
    refuses("[kafka]\ntopic = 'a b'", "2:9", &["1 to 249"]);
    refuses(
        "[kafka]\nstart = 'erliest'",
        "2:9",
        &["\"earliest\"", "RFC 3339"],
    );
    refuses(
        "[kafka.properties]\nsecurity.protocol = 'tls'",
        "2:1",
        &["kafka.properties.security.protocol"],
    );
    refuses(
        "[kafka.properties]\nfetch.mini.bytes = 1",
        "2:1",
        &["kafka.properties.fetch.mini.bytes"],
    );
    refuses(
        "[kafka.properties]\ngroup.id = 'x'",
        "2:1",
        &["kafka.group_id"],
    );
    refuses(
        "[kafka.properties]\n'auto.offset.reset' = 'latest'",
        "2:1",
        &["auto.offset.reset"],
    );
    for brokers in ["a", "a:1", "a:1, b:2", "[::1]:9092", "PLAINTEXT://a:1"] {
        valid(&format!("[kafka]\nbrokers = '{brokers}'"));
    }
}

#[test]
fn brokers_are_missing_only_where_they_are_needed() {
    let typed = Typed::new("[kafka]\ntopic = 't'\n");
    Config::load(&typed.sources(), Need::Nothing).unwrap();
    let text = told(&typed.sources(), Need::Brokers);
    assert!(text.starts_with("t.toml:1:1: kafka.brokers: "), "{text}");
    assert!(text.contains("TIDEGAUGE_KAFKA__BROKERS"), "{text}");
}

#[test]
fn retention_must_reach_as_far_as_corrections() {
    let toml = |retention: &str| {
        format!(
            "[event_time]\nallowed_lateness = '1d'\nretention = '{retention}'\n[[window]]\nname = 'a'\nsize = '2h'\n"
        )
    };
    valid(&toml("1d2h"));
    refuses(
        &toml("1d1h59m59s999ms"),
        "3:13",
        &["retention", "1d2h at least"],
    );
    refuses(
        "[event_time]\nallowed_lateness = '40d'\n",
        "2:20",
        &["retention", "allowed_lateness"],
    );
}

#[test]
fn branches_have_names_of_their_own() {
    let config = valid("[branches]\n0 = 'North'\n7 = 'Branch_7'\n2147483647 = 'Last'\n");
    assert_eq!(config.branches.configured().count(), 3);
    refuses(
        "[branches]\n0 = 'a'\n1 = 'a'\n",
        "3:1",
        &["branches.1", "branch 0"],
    );
    refuses("[branches]\n2147483648 = 'a'\n", "2:1", &["2147483647"]);
    refuses("[branches]\n-1 = 'a'\n", "2:1", &["branches.-1"]);
    refuses("[branches]\n01 = 'a'\n", "2:1", &["branches.01"]);
    refuses("[branches]\n0 = ''\n", "2:1", &["empty"]);
    refuses("[branches]\n0 = 1\n", "2:1", &["in quotes"]);
    refuses("[branches]\n0 = '5'\n", "2:1", &["another branch"]);
    refuses("[branches]\n0 = 'Branch_5'\n", "2:1", &["branch 5"]);
    valid("[branches]\n0 = 'Branch_5'\n5 = 'Branch_0'\n");
}

#[test]
fn branches_that_are_texts_have_names_of_their_own_where_they_are_allowed() {
    let any = |lines: &str| format!("payment.branch_type = 'any'\n[branches]\n{lines}\n");
    let text =
        any("DE-0042 = 'Hamburg'\n'a \"b\\c\"/é' = 'B'\n007 = 'Bond'\n7 = 'Seven'\nDE = 'DE'");
    let config = valid(&text);
    let listed = config.branches.configured().map(ToString::to_string);
    let expected = ["7", "007", "DE", "DE-0042", "a \"b\\c\"/é"];
    assert_eq!(listed.collect::<Vec<_>>(), expected);
    assert_eq!(valid(&config.to_toml()).branches, config.branches);
    assert!(!valid("[branches]\n7 = 'Seven'\n").branches.has_texts());
    assert!(valid("payment.branch = '{a}/{b}'\n").branches.has_texts());

    refuses(
        "[branches]\nDE = 'a'\n",
        "2:1",
        &["branches.DE", "from 0 to 2147483647", "payment.branch_type"],
    );
    refuses(&any("'' = 'a'"), "3:1", &["empty"]);
    let long = format!("{} = 'a'", "x".repeat(257));
    refuses(&any(&long), "3:1", &["at most 256 bytes", "257"]);
    refuses(&any("\"a\\n\" = 'a'"), "3:1", &["control characters"]);
    refuses(&any("AT = 'a'\nDE = 'a'"), "4:1", &["branch AT"]);
    // Names that another branch has, or may come to have.
    refuses(
        &any("DE = 'AT'\nAT = 'Wien'"),
        "3:1",
        &["another branch, which is listed too"],
    );
    refuses(&any("DE = 'Branch_7'"), "3:1", &["what branch 7 is called"]);
    refuses(
        &any("1 = 'DE'\n2 = 'Branch_DE'"),
        "4:1",
        &["what branch DE is called"],
    );
    refuses(
        &any("1 = 'Branch_Branch_7'"),
        "3:1",
        &["what branch Branch_7 is called"],
    );
    valid("[branches]\n1 = 'DE'\n2 = 'Branch_DE'\n3 = 'Branch_Branch_7'\n");
}

#[test]
fn elasticsearch_is_checked_before_anything_is_written() {
    let section = |rest: &str| format!("[elasticsearch]\n{rest}\n");
    refuses(&section("url = 'es:9200'"), "2:7", &["http://host:port"]);
    refuses(&section("url = 'ftp://es'"), "2:7", &["http"]);
    for prefix in ["Pay", "_pay", "-p", "a b", "a/b", "a,b", "a*", "", ".."] {
        refuses(
            &section(&format!("index_prefix = '{prefix}'")),
            "2:16",
            &["small letters"],
        );
    }
    refuses(
        &section("legacy_totals = 'payments-totals'"),
        "2:17",
        &["payments-"],
    );
    refuses(
        &section("username = 'u'"),
        "2:12",
        &["password_file is missing"],
    );
    refuses(&section("ca_file = '/nowhere'"), "2:11", &["can't be read"]);
    let typed = Typed::new("");
    let text = typed.file("text", "no certificate");
    for name in ["elasticsearch", "kibana"] {
        refuses(
            &format!("[{name}]\nca_file = {text:?}\n"),
            "2:11",
            &["holds no certificate", "PEM form"],
        );
    }
    let key = typed.file("key", "k");
    let both = format!(
        "[elasticsearch]\napi_key_file = {key:?}\nusername = 'u'\npassword_file = {key:?}\n"
    );
    assert!(wrong(&both).contains("give either the key or the other two"));
}

#[test]
fn other_machines_are_let_in_only_with_a_token() {
    for listen in ["0.0.0.0:8080", "[::]:8080", "192.0.2.7:80"] {
        refuses(
            &format!("[http]\nlisten = '{listen}'\n"),
            "2:10",
            &["token_file", "127.0.0.1:"],
        );
    }
    refuses(
        "[http]\nlisten = 'localhost:8080'\n",
        "2:10",
        &["127.0.0.1:8080"],
    );
    refuses("[http]\nlisten = ':8080'\n", "2:10", &["0.0.0.0:8080"]);
    for listen in ["127.0.0.1:0", "127.9.9.9:80", "[::1]:80"] {
        valid(&format!("[http]\nlisten = '{listen}'\n"));
    }
}

#[test]
fn a_start_that_lacks_a_part_of_a_time_is_told_what_a_whole_one_looks_like() {
    for (start, whole) in [
        ("2026-11-20", "2026-11-20T00:00:00Z"),
        ("2026-11-20 08:15:00", "2026-11-20T08:15:00Z"),
        ("2026-11-20T08:15", "2026-11-20T08:15:00Z"),
        ("2026-02-30", "2026-11-01T00:00:00Z"),
        ("1793491200", "2026-11-01T00:00:00Z"),
    ] {
        let text = wrong(&format!("[kafka]\nstart = '{start}'\n"));
        assert!(text.contains(whole), "{text}");
        assert!(!text.contains("did you mean"), "{text}");
    }
    // As TOML has dates of its own.
    let text = wrong("[kafka]\nstart = 2026-11-20\n");
    assert!(text.contains("2026-11-20T00:00:00Z"), "{text}");
    refuses(
        "[kafka]\nstart = 'lastest'\n",
        "2:9",
        &["did you mean \"latest\""],
    );
}

#[test]
fn keys_of_dedup_that_have_no_effect_are_named_in_a_warning() {
    let set = "has no effect";
    for (toml, warned) in [
        ("within = '2h'", &["dedup.within"][..]),
        (
            "by = ''\nwithin = '2h'\nmax_ids = 7",
            &["dedup.within", "dedup.max_ids"],
        ),
        ("by = 'order_id'\nwithin = '2h'\nmax_ids = 7", &[]),
        // As `check` prints them, and the example has them.
        ("by = ''\nwithin = '1h'\nmax_ids = 20_000_000", &[]),
        ("by = ''", &[]),
    ] {
        let said = logged("check", &format!("[dedup]\n{toml}\n"), 0o600);
        let warnings: Vec<&str> = said.lines().filter(|line| line.contains(set)).collect();
        assert_eq!(warnings.len(), warned.len(), "{toml}: {said}");
        for (line, key) in warnings.iter().zip(warned) {
            let words = format!("{key}: this has no effect while dedup.by is not set");
            assert!(line.contains(" WARN ") && line.contains(&words), "{line}");
        }
    }
}
