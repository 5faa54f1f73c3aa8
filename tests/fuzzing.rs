//! Any bytes at all: each target of `fuzz/` gets its committed seeds, and then a bounded number of inputs that are
//! made from these, always the same ones. `make fuzz` looks further.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod corpus;
mod mutation;
mod targets;

use std::env;
use std::panic::catch_unwind;

use self::corpus::Corpus;
use self::mutation::Mutator;
use self::targets::{
    amount, bulk_answer, config_file, damaged_state, event_time, http_request, kafka_properties,
    mapped_record, record, record_batch, stored_value,
};

/// Multiplies how many inputs are made.
const TIMES: &str = "TIDEGAUGE_FUZZ_TIMES";

/// Feeds `target` with its seeds and `count` inputs made from them.
fn feed(name: &str, count: u64, target: fn(&[u8])) {
    let times: u64 = env::var(TIMES).map_or(1, |times| times.parse().unwrap());
    let corpus = Corpus::of(name);
    let try_one = |input: &[u8]| {
        let Err(panic) = catch_unwind(|| target(input)) else {
            return;
        };
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        panic!("{name} b\"{}\": {text:?}", input.escape_ascii());
    };
    for seed in &corpus.seeds {
        try_one(seed);
    }
    let mut mutator = Mutator::new(corpus);
    for _ in 0..count * times {
        try_one(&mutator.input());
    }
}

#[test]
fn records_are_decoded_as_an_independent_decoder_says() {
    feed("record", 20_000, record::run);
}

#[test]
fn batches_are_read_as_an_independent_decoder_reads_them() {
    feed("record_batch", 100_000, record_batch::run);
}

#[test]
fn records_of_other_messages_are_decoded_by_layouts_as_by_the_parser() {
    feed("mapped_record", 20_000, mapped_record::run);
}

#[test]
fn amounts_agree_with_arithmetic_on_their_text() {
    feed("amount", 20_000, amount::run);
}

#[test]
fn times_agree_with_the_calendar_and_the_zones_of_chrono() {
    feed("event_time", 5_000, event_time::run);
}

#[test]
fn no_answer_to_a_bulk_delivers_what_it_does_not_say() {
    feed("bulk_answer", 20_000, bulk_answer::run);
}

#[test]
fn no_request_over_http_fails_in_the_service() {
    feed("http_request", 2_000, http_request::run);
}

#[test]
fn a_configuration_is_refused_with_its_place_or_printed_as_one_that_is_the_same() {
    feed("config_file", 3_000, config_file::run);
}

#[test]
fn stored_bytes_are_refused_or_read_as_one_value() {
    feed("stored_value", 20_000, stored_value::run);
}

#[test]
fn a_damaged_state_is_refused_or_shows_a_checkpoint_that_was_right() {
    feed("damaged_state", 100, damaged_state::run);
}

#[test]
fn wrong_properties_of_kafka_are_named_without_their_secrets() {
    feed("kafka_properties", 200, kafka_properties::run);
}

#[test]
fn every_target_has_seeds_and_an_entry_for_libfuzzer() {
    let mut entries = corpus::names("fuzz/fuzz_targets");
    entries.iter_mut().for_each(|name| {
        *name = name.strip_suffix(".rs").unwrap().to_owned();
    });
    assert_eq!(corpus::names("fuzz/corpus"), entries);
    let manifest = corpus::read("fuzz/Cargo.toml");
    let ours = include_str!("fuzzing.rs");
    for name in &entries {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(ours.contains(&format!("feed(\"{name}\", ")), "{name}");
        let entry = corpus::read(&format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(entry.contains(&format!("targets::{name}::run")), "{name}");
        assert!(!Corpus::of(name).seeds.is_empty(), "{name}");
    }
    assert_eq!(ours.matches("    feed(\"").count(), entries.len());
}
