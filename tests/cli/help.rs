//! The help names every command and flag.

use super::stdout;

const COMMANDS: [&str; 10] = [
    "serve",
    "demo",
    "produce",
    "compute",
    "query",
    "init",
    "check",
    "health",
    "completions",
    "man",
];

#[test]
fn every_command_has_help_on_stdout() {
    let help = stdout(&["--help"]);
    for command in COMMANDS {
        assert!(
            help.contains(&format!("\n  {command} ")),
            "{command} is not in {help}"
        );
        let own = stdout(&[command, "--help"]);
        assert!(
            own.contains(&format!("Usage: tidegauge {command}")),
            "{own}"
        );
        assert_eq!(own, stdout(&["help", command]));
    }
    for code in ["0 ", "1 ", "2 ", "75", "78"] {
        assert!(
            help.contains(&format!("\n  {code} ")),
            "exit code {code} is not in {help}"
        );
    }
    assert_eq!(
        stdout(&["--version"]),
        concat!("tidegauge ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn the_contract_s_flags_are_there() {
    let flags = |command: &str| stdout(&[command, "--help"]);
    let serve = flags("serve");
    assert!(serve.contains("--until-end"), "{serve}");
    let demo = flags("demo");
    let produce = flags("produce");
    let windows = stdout(&["query", "windows", "--help"]);
    for flag in ["--rate <N>", "--for <DURATION>", "--listen <ADDR>"] {
        assert!(demo.contains(flag), "{flag}");
    }
    for flag in [
        "--brokers <B",
        "--topic <T",
        "--count <N>",
        "--rate <N>",
        "--seed <S>",
        "--start <TIME>",
        "--per-second <N>",
        "--disorder <D>",
        "--late-fraction <F>",
        "--duplicate-fraction <F>",
        "--bad-fraction <F>",
        "--partitions <N>",
        "--stdout",
    ] {
        assert!(produce.contains(flag), "{flag}");
    }
    for flag in [
        "--url <U",
        "--branch <B>",
        "--from <T>",
        "--to <T>",
        "--final",
        "--config <FILE>",
        "-o, --output",
    ] {
        assert!(windows.contains(flag), "{flag}");
    }
    assert!(flags("compute").contains("--emit <WHAT>"));
}
