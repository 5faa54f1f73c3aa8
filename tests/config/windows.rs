//! Definitions of windows: which are valid, and which are the same.

use tidegauge_windows::Kind;

use super::{refuses, valid, wrong};

#[test]
fn windows_are_checked_one_by_one() {
    let window = |rest: &str| format!("[[window]]\nname = 'a'\nsize = '7m'\n{rest}\n");
    refuses(&window("slide = '1m'\nstep = '1m'"), "5:8", &["not both"]);
    refuses(&window("slide = '8m'"), "4:9", &["slide", "8m"]);
    refuses(&window("slide = '0s'"), "4:9", &["zero"]);
    refuses(&window("step = '2m'"), "4:8", &["divide"]);
    refuses(&window("offset = '7m'"), "4:10", &["offset"]);
    refuses(&window("offset = '-7m'"), "4:10", &["offset"]);
    refuses(&window("offset = '--1m'"), "4:10", &["not a valid offset"]);
    refuses(&window("slide = '-1m'"), "4:9", &["window.slide"]);
    refuses(
        &window("time_zone = 'Shanghai'"),
        "4:13",
        &["\"Asia/Shanghai\""],
    );
    refuses("[[window]]\nname = 'a'\n", "1:1", &["window.size"]);
    refuses("[[window]]\nsize = '1m'\n", "1:1", &["window.name"]);
    refuses("[[window]]\nname = 'a'\nsize = '0s'\n", "3:8", &["zero"]);
    refuses(
        "[[window]]\nname = 'a'\nsize = '36h'\ntime_zone = 'Asia/Shanghai'\n",
        "3:8",
        &["whole days"],
    );
    refuses(
        "[window]\nname = 'a'\nsize = '1m'\n",
        "1:1",
        &["[[window]]"],
    );
    refuses("window = []\n", "1:10", &["the default four"]);
    for name in [
        "",
        "A",
        "-a",
        "a_b",
        "a.b",
        "ä",
        "totals",
        "late",
        "rejects",
        "totals-g1",
    ] {
        refuses(
            &format!("[[window]]\nname = '{name}'\nsize = '1m'\n"),
            "2:8",
            &["window.name"],
        );
    }
    let twice = window("") + &window("");
    refuses(&twice, "6:8", &["named \"a\" already"]);
    valid("[[window]]\nname = 'totals-by-day'\nsize = '1d'\n");
}

#[test]
fn windows_that_are_too_many_to_keep_up_are_refused_with_their_number() {
    let window = |rest: &str| format!("[[window]]\nname = 'a'\n{rest}\n");
    let short = ["100ms or more", "is too short"];
    refuses(&window("size = '1ms'"), "3:8", &short);
    refuses(&window("size = '99ms'"), "3:8", &short);
    refuses(&window("size = '1m'\nslide = '10ms'"), "4:9", &short);
    refuses(&window("size = '1m'\nstep = '50ms'"), "4:8", &short);
    valid(&window("size = '100ms'"));
    valid(&window("size = '1s'\noffset = '500ms'"));
    valid(&window("size = '1500ms'"));
    // Every payment changes each window that holds it.
    for (rest, place, words) in [
        (
            "size = '7d'\nslide = '1s'",
            "4:9",
            "window.slide: every payment would be in 604,800 windows of \"a\", and change each: at most 100,000",
        ),
        (
            "size = '2d'\nstep = '1s'",
            "4:8",
            "window.step: every payment would be in 172,800 windows",
        ),
        (
            "size = '100001s'\nslide = '1s'",
            "4:9",
            "in 100,001 windows",
        ),
    ] {
        refuses(&window(rest), place, &[words]);
    }
    valid(&window("size = '100000s'\nslide = '1s'"));
    valid(&window("size = '7d'\nslide = '1m'"));
    valid(&window("size = '1d'\nstep = '1s'"));
    // All definitions together.
    let second = |seconds: u64| {
        let first = window("size = '50000s'\nslide = '1s'");
        format!("{first}[[window]]\nname = 'b'\nsize = '{seconds}s'\nslide = '1s'\n")
    };
    valid(&second(50_000));
    let words = "in 50,001 windows of \"b\", and 100,001 with all definitions";
    refuses(&second(50_001), "8:9", &[words]);
    // Where it is configured, whatever is wrong with others before it.
    let before = "[[window]]\nname = 'c'\nsize = '0s'\n".to_owned();
    let text = wrong(&(before + &window("size = '7d'\nslide = '1s'")));
    let told = "t.toml:7:9: window.slide: every payment would be in 604,800 windows";
    assert!(text.contains(told), "{text}");
}

#[test]
fn windows_whose_indexes_could_not_be_told_apart_are_refused_together() {
    let of = |names: &[&str]| -> String {
        let window = |name: &&str| format!("[[window]]\nname = '{name}'\nsize = '1m'\n");
        names.iter().map(window).collect()
    };
    for (names, place) in [
        (["1m", "1m-g1"], "5:8"),
        (["1m-g1", "1m"], "2:8"),
        (["1m", "1m-g12-late"], "5:8"),
        (["a-b", "a-b-g0"], "5:8"),
        (["1m-g1", "1m-g1-g2"], "5:8"),
    ] {
        refuses(&of(&names), place, &["window.name", "can't be told from"]);
    }
    for name in ["totals-g1", "late-g7-write", "rejects-g1-2026"] {
        refuses(&of(&[name]), "2:8", &["window.name", "can't be told from"]);
    }
    // Each of these has an index of its own in every generation.
    for names in [
        ["1m", "1m-g"],
        ["1m", "1m-gold"],
        ["1m", "1m-g1x"],
        ["1m", "1m-1"],
        ["1m-g1", "2m"],
        ["status", "current"],
    ] {
        valid(&of(&names));
    }
}

#[test]
fn a_slide_as_long_as_the_window_is_tumbling() {
    let config = valid("[[window]]\nname = 'a'\nsize = '1m'\nslide = '60s'\n");
    assert_eq!(
        config.event_time.settings.definitions[0].kind(),
        Kind::Tumbling
    );
}

#[test]
fn a_negative_offset_is_the_same_windows_and_the_same_rules_as_the_positive_one() {
    let day = |offset: &str, rest: &str| {
        valid(&format!(
            "[[window]]\nname = 'a'\nsize = '1d'\noffset = '{offset}'\n{rest}\n"
        ))
    };
    for rest in ["", "step = '1h'", "time_zone = 'Europe/Berlin'"] {
        let (back, forward) = (day("-8h", rest), day("16h", rest));
        assert_eq!(
            back.event_time.settings.definitions,
            forward.event_time.settings.definitions
        );
        assert_eq!(back.rules(), forward.rules());
        assert_eq!(back.to_toml(), forward.to_toml());
    }
    assert_eq!(day("-0s", "").rules(), day("0s", "").rules());
    let quarter = "[[window]]\nname = 'a'\nsize = '1h'\noffset = ";
    assert_eq!(
        valid(&format!("{quarter}'-15m'")).rules(),
        valid(&format!("{quarter}'45m'")).rules()
    );
}
