#![no_main]

#[allow(dead_code)]
#[path = "../../tests/fuzzing/targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::record_batch::run(data));
