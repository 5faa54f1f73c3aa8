//! What a person may ask for.

use std::env;
use std::str::FromStr;

pub const HELP: &str = "\
cargo bench --bench locked -- [--no-check] [--quick]
  --no-check   only measures; without it, the exit code is 1 when the throughput with both locks is below the limit
  --quick      one round of few payments, no warm-up, no limit: does the bench itself work?
Environment: PAYMENTS (1000000), ROUNDS (5), WARM_UP (6: passes before the rounds, each with all ways), PARTITIONS (4),
PER_SECOND (100: payments per second of event time), COMPRESSION (lz4 | none | zstd | snappy | gzip: how the producer
compresses), TIDEGAUGE_TEST_DIST (es9 | es8 | es7 | opensearch2 | opensearch3),
TIDEGAUGE_BIN (the binary that is timed, else the one that was built with the bench).
";

/// What was asked for on the command line.
pub enum Invocation {
    Measure(Options),
    Help,
    /// An argument that is not known.
    Wrong(String),
}

/// How much is measured.
pub struct Options {
    pub payments: u64,
    pub rounds: usize,
    pub warm_up: usize,
    pub partitions: u32,
    pub per_second: u64,
    /// How the producer compresses: a value of `compression.type`.
    pub compression: String,
    /// Whether the limit on throughput counts.
    pub check: bool,
}

impl Options {
    pub fn given(arguments: impl Iterator<Item = String>) -> Invocation {
        let (mut is_quick, mut check) = (false, true);
        for argument in arguments {
            match argument.as_str() {
                "--quick" => is_quick = true,
                "--no-check" => check = false,
                // Cargo says so to each bench.
                "--bench" => {}
                "-h" | "--help" => return Invocation::Help,
                _ => return Invocation::Wrong(argument),
            }
        }
        let (payments, rounds, warm_up) = if is_quick {
            (50_000, 1, 0)
        } else {
            (1_000_000, 5, 6)
        };
        Invocation::Measure(Self {
            payments: variable("PAYMENTS", payments),
            rounds: variable("ROUNDS", rounds),
            warm_up: variable("WARM_UP", warm_up),
            partitions: variable("PARTITIONS", 4),
            per_second: variable("PER_SECOND", 100),
            compression: variable("COMPRESSION", "lz4".to_owned()),
            check: check && !is_quick,
        })
    }
}

fn variable<T: FromStr>(name: &str, otherwise: T) -> T {
    let Ok(text) = env::var(name) else {
        return otherwise;
    };
    text.parse()
        .unwrap_or_else(|_| panic!("{name}={text} is not a valid number"))
}
