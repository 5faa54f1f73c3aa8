//! What TLS and authentication cost on both sides: the same topic, read to its end and delivered to the same
//! Elasticsearch, without locks, with a lock on either side, and with both.
//!
//! `cargo bench --bench locked` starts a Kafka and an Elasticsearch of its own. `-- --help` lists the options. The exit
//! code is 1 when figures are wrong, or when the throughput with both locks is below 0.8 of that without any.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "a measurement counts small things, and looks at the clock"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

mod options;
mod processor_time;
mod summary;
#[path = "../../tests/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "a bench needs less than all tests"
)]
mod support;
mod timed_run;
mod way;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::{env, fs};

use self::options::{Invocation, Options};
use self::summary::Summary;
use self::support::compare::Figures;
use self::support::lab::{dist, expect_load};
use self::support::service::{Setup, quoted};
use self::support::topic::produce;
use self::timed_run::TimedRun;
use self::way::{Servers, WAYS, Way};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TOPIC: &str = "payments";

fn main() -> ExitCode {
    let options = match Options::given(env::args().skip(1)) {
        Invocation::Measure(options) => options,
        Invocation::Help => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Invocation::Wrong(argument) => {
            eprint!(
                "locked: {argument} is not a valid option\n\n{}",
                options::HELP
            );
            return ExitCode::from(2);
        }
    };
    // What the tests' harness finds wrong is a panic. It has said what it is.
    catch_unwind(|| measure(&options)).unwrap_or(ExitCode::FAILURE)
}

fn measure(options: &Options) -> ExitCode {
    eprintln!("load average {} before", load_average());
    eprintln!("starting Kafka and {}", dist());
    expect_load();
    let Some(servers) = Servers::start() else {
        // The harness has said what this machine lacks.
        return ExitCode::FAILURE;
    };
    fill(&servers, options);
    for pass in 1..=options.warm_up {
        eprintln!("warming up, {pass} of {}", options.warm_up);
        for way in WAYS {
            round_of(way, &servers, options, Look::AtSums);
        }
    }
    let mut summary = Summary::new(options);
    for round in 1..=options.rounds {
        let is_looked_at = round == 1 || round == options.rounds;
        let look = if is_looked_at {
            Look::AtEverything
        } else {
            Look::AtSums
        };
        let mut figures: Vec<(Way, Figures)> = Vec::new();
        let mut times = Vec::new();
        for turn in 0..WAYS.len() {
            // So that none always follows the same one.
            let way = WAYS[(turn + round) % WAYS.len()];
            let (run, shown) = round_of(way, &servers, options, look);
            times.push((way, run.wall));
            summary.add(way, run);
            figures.extend(shown.map(|shown| (way, shown)));
        }
        for pair in figures.windows(2) {
            let [(one, first), (other, second)] = pair else {
                continue;
            };
            assert!(
                first == second,
                "the figures by {} and by {} differ",
                one.name(),
                other.name()
            );
        }
        println!("{}", summary::round_line(round, options.rounds, times));
    }
    println!();
    println!("load average {} after", load_average());
    println!("{summary}");
    if !summary.is_fast_enough() {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// How closely the documents of a run are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Each kind of windows that holds each payment once holds them all.
    AtSums,
    /// Each document is what HTTP answers too.
    AtEverything,
}

/// One timed run, and what must hold after it. The figures, if everything is looked at.
fn round_of(
    way: Way,
    servers: &Servers,
    options: &Options,
    look: Look,
) -> (TimedRun, Option<Figures>) {
    let prefix = support::lab::unique("locked");
    let setup = servers.setup(way, TOPIC, &prefix);
    let run = TimedRun::of(&setup, servers);
    run.assert_complete(options.payments);
    let elastic = servers.elastic();
    for kind in ["totals", "1m", "1h"] {
        let held = servers.payments_in(&format!("{prefix}-{kind}"));
        assert_eq!(held, options.payments, "payments in {prefix}-{kind}");
    }
    let figures = (look == Look::AtEverything).then(|| {
        let service = setup.serve();
        service.await_delivered();
        let figures = Figures::ask(&service);
        figures.assert_documented(elastic, &prefix);
        figures.of_the_log()
    });
    elastic.delete(&format!("/{prefix}-*")).ok();
    (run, figures)
}

/// Makes the payments, by the port without a lock.
fn fill(servers: &Servers, options: &Options) {
    let Options {
        payments,
        partitions,
        per_second,
        compression,
        ..
    } = options;
    eprintln!(
        "producing {payments} payments in {partitions} partitions, compression {compression}"
    );
    let mut setup = Setup::of(servers.kafka(), TOPIC);
    let property = quoted("compression.type");
    setup.set("kafka.properties", &property, &quoted(compression));
    produce(
        &setup,
        &[
            "--count",
            &payments.to_string(),
            "--partitions",
            &partitions.to_string(),
            "--per-second",
            &per_second.to_string(),
            "--start",
            "2026-11-01T00:00:00Z",
            "--disorder",
            "4s",
        ],
    );
}

fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
