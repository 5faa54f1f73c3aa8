//! What one observer measured.

use std::time::Instant;

use hdrhistogram::Histogram;

use crate::schedule::{Kind, Sample, Schedule};

/// What one observer measured, in µs.
#[derive(Default)]
pub(crate) struct Times {
    steady: Option<Histogram<u64>>,
    first: Option<Histogram<u64>>,
}

impl Times {
    pub(crate) fn record(&mut self, schedule: &Schedule, sample: Sample, seen: Instant) {
        let times = match sample.kind {
            Kind::Steady { .. } => &mut self.steady,
            Kind::First => &mut self.first,
            Kind::WarmUp => return,
        };
        let took = seen.saturating_duration_since(schedule.moment(sample.number));
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        times
            .get_or_insert_with(|| Histogram::new(3).expect("3 digits are allowed"))
            .record(micros.max(1))
            .expect("it grows as needed");
    }

    pub(crate) fn print(&self, steady: &str, first: &str) {
        for (name, times) in [(steady, &self.steady), (first, &self.first)] {
            let Some(times) = times else { continue };
            print!("{name}");
            for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
                let micros = times.value_at_quantile(quantile);
                print!("\t{:.1}", micros as f64 / 1_000.0);
            }
            println!("\t{}", times.len());
        }
    }
}
