//! What tables look like.

#![allow(clippy::unwrap_used)]

use super::times::split;
use super::*;

fn drawn(rows: &[&str], look: TableOptions) -> String {
    let rows: Vec<JsonRow> = rows
        .iter()
        .map(|row| JsonRow::parse(row).unwrap())
        .collect();
    table(&rows, look)
}

const WINDOWS: [&str; 2] = [
    r#"{"window":"1h","window_start":"2026-11-01T00:00:00Z","window_end":"2026-11-01T01:00:00Z","branch":"North","branch_id":0,"pay_amount":28601549.25,"pay_amount_exact":"28601549.25","pay_count":1288,"pay_min":-5,"pay_max":198965.51,"pay_p50":null,"final":true,"closed_by":"watermark","revision":2}"#,
    r#"{"window":"1h","window_start":"2026-11-01T01:00:00Z","window_end":"2026-11-01T02:00:00Z","branch":"北京","branch_id":11,"pay_amount":1,"pay_amount_exact":"1.005","pay_count":1,"pay_min":1,"pay_max":1,"pay_p50":1.005,"final":false,"closed_by":null,"revision":0}"#,
];

#[test]
fn money_is_aligned_at_the_point_and_times_say_what_differs() {
    let lines: Vec<String> = drawn(&WINDOWS, TableOptions::default())
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(
        lines[1..],
        [
            " window start   window end   branch   branch id       pay amount   pay count   pay min      pay max   pay p50   state   revision",
            &"─".repeat(lines[0].chars().count()),
            " 00:00          01:00        North            0   28,601,549.250       1,288     -5.00   198,965.51             final          2",
            " 01:00          02:00        北京            11            1.005           1      1.00         1.00      1.00   open           0",
            &"─".repeat(lines[0].chars().count()),
            " times of 2026-11-01, UTC",
        ]
    );
}

#[test]
fn a_narrow_screen_does_without_the_least() {
    let look = TableOptions {
        width: Some(80),
        ..TableOptions::default()
    };
    let narrow = drawn(&WINDOWS, look);
    assert!(
        narrow.lines().all(|line| line.chars().count() <= 80),
        "{narrow}"
    );
    assert!(
        narrow.contains("28,601,549.250") && narrow.contains("open"),
        "{narrow}"
    );
    assert!(narrow.contains(" no room for pay p50, "), "{narrow}");
}

#[test]
fn sentences_are_wrapped_where_there_is_no_screen_and_no_column_is_left_out() {
    let long = "the index payments-totals-g1 lacks the alias payments-totals, ".repeat(5);
    let row = format!(
        r#"{{"kind":"drift","record_timestamp":null,"what":"{}"}}"#,
        long.trim()
    );
    let row = JsonRow::parse(&row).unwrap();
    let look = TableOptions {
        wrap: Some(100),
        ..TableOptions::default()
    };
    let wrapped = table(&[row], look);
    assert!(wrapped.lines().count() > 6, "{wrapped}");
    assert!(
        wrapped.lines().all(|line| line.chars().count() <= 100),
        "{wrapped}"
    );
    assert!(wrapped.contains("record timestamp"), "{wrapped}");
    let cells: Vec<&str> = wrapped.split_whitespace().collect();
    assert!(cells.join(" ").contains(long.trim()), "{wrapped}");
    // Rows of figures stay rows.
    let figures = drawn(&WINDOWS, look);
    assert_eq!(figures, drawn(&WINDOWS, TableOptions::default()));
}

#[test]
fn the_widest_columns_give_way_and_no_word_is_broken() {
    let sentence = |words: usize| vec!["word"; words].join(" ");
    let long = sentence(30);
    let row = format!(
        r#"{{"what":"{long}","reason":"{}","part":"{}","kind":"12"}}"#,
        sentence(12),
        "x".repeat(90)
    );
    let short = r#"{"what":"short","reason":"","part":"","kind":"12"}"#;
    let look = TableOptions {
        wrap: Some(213),
        ..TableOptions::default()
    };
    // 149, 59, 90 and 4 wide, and 11 between them: two columns of 54 are left for the sentences.
    let wrapped = drawn(&[&row, short], look);
    assert_eq!(wrapped.lines().count(), 8, "{wrapped}");
    assert!(wrapped.contains(&"x".repeat(90)), "{wrapped}");
    let first: Vec<&str> = wrapped.lines().nth(3).unwrap().split("   ").collect();
    assert_eq!(first[..2], [format!(" {}", sentence(11)), sentence(11)]);
    // What can't be made to fit is wider, and no word of it is broken.
    let narrow = drawn(
        &[&row],
        TableOptions {
            wrap: Some(60),
            ..look
        },
    );
    assert!(narrow.contains(&"x".repeat(90)), "{narrow}");
    for line in narrow.lines() {
        for word in line.split_whitespace() {
            let is_whole = ["word", "what", "reason", "part", "kind", "12"].contains(&word);
            assert!(is_whole || word.len() >= 90, "{word}");
        }
    }
}

#[test]
fn colour_marks_open_windows_only_where_it_is_wanted() {
    assert!(!drawn(&WINDOWS, TableOptions::default()).contains('\u{1b}'));
    let look = TableOptions {
        colour: true,
        ..TableOptions::default()
    };
    let coloured = drawn(&WINDOWS, look);
    let marked = |word: &str| {
        let line = coloured.lines().find(|line| line.contains(word)).unwrap();
        line.contains('\u{1b}')
    };
    assert!(marked("open") && !marked("North"), "{coloured}");
}

#[test]
fn times_of_several_days_have_their_day() {
    let rows = [
        r#"{"event_time":"2026-11-01T00:00:01Z"}"#,
        r#"{"event_time":"2026-11-02T00:00:00.25Z"}"#,
        r#"{"event_time":null}"#,
        r#"{"event_time":"no time"}"#,
    ];
    let table = drawn(&rows, TableOptions::default());
    assert!(table.contains(" 2026-11-01 00:00:01\n"), "{table}");
    assert!(table.contains(" 2026-11-02 00:00:00.25\n"), "{table}");
    assert!(!table.contains("UTC"), "{table}");
}

#[test]
fn a_text_that_ends_like_a_time_or_is_one_stays_whole() {
    let rows = [
        r#"{"part":"partition 0","reason":"position 250000, lag 0, watermark 2026-11-01T01:06:34Z","branch":"2026-11-01T01:00:00Z","watermark":"2026-11-01T01:06:34Z"}"#,
        r#"{"part":"partition 1","reason":"position 250000, lag 0, watermark 2026-11-01T01:06:34Z","branch":"2026-11-01T02:00:00Z","watermark":"2026-11-01T01:06:35Z"}"#,
    ];
    let table = drawn(&rows, TableOptions::default());
    for shown in [
        "position 250000, lag 0, watermark 2026-11-01T01:06:34Z   2026-11-01T01:00:00Z   01:06:34\n",
        "position 250000, lag 0, watermark 2026-11-01T01:06:34Z   2026-11-01T02:00:00Z   01:06:35\n",
        "\n times of 2026-11-01, UTC",
    ] {
        assert!(table.contains(shown), "{table}");
    }
    for (text, expected) in [
        ("2026-11-01T00:12:34.5Z", true),
        ("since 2026-11-01T00:12:34Z", false),
        ("2026-11-01T00:12Z", false),
        ("2026-11-01T00:12:34.5.6Z", false),
        ("2026-1101-T00:12:34Z", false),
    ] {
        assert_eq!(split(text).is_some(), expected, "{text}");
    }
}

#[test]
fn what_a_table_leaves_out_are_fields() {
    for name in NOT_IN_TABLES.iter().chain(&LEAST_IMPORTANT) {
        assert!(field_named(name).is_some(), "{name}");
    }
    let shown = |name| is_in_tables(name);
    assert!(shown("pay_p50") && shown("pay_min") && shown("no_field_of_ours"));
    assert!(!shown("pay_p95") && !shown("pay_p99") && !shown("pay_amount"));
}

#[test]
fn numbers_are_made_readable() {
    let row = r#"{"window":"1m","n":1234567,"m":-1234,"x":0.12999999,"y":419181.694,"pay_amount_exact":"-12345.678"}"#;
    let table = drawn(&[row], TableOptions::default());
    assert!(
        table.contains(" 1,234,567   -1,234   0.13   419,181.69   -12,345.678"),
        "{table}"
    );
    assert!(!table.contains("1m") && !table.contains("exact"), "{table}");
    assert_eq!(money("", 2), "");
    assert_eq!(drawn(&[], TableOptions::default()), "nothing");
}
