//! Planted mistakes: the simulation must find each of them.

use tidegauge_windows::planted::{Mistake, plant};

use super::run::first_that_fails;

/// Plants one mistake after the other and says how many seeds were needed to find it, `seeds` at most.
/// Gives those that were not found.
pub fn find_planted(seeds: u64) -> Vec<Mistake> {
    let wanted = std::env::var("MISTAKE").ok();
    let is_wanted = |mistake: &Mistake| {
        let name = format!("{mistake:?}");
        wanted.as_ref().is_none_or(|wanted| *wanted == name)
    };
    let mut alive = Vec::new();
    for mistake in Mistake::ALL.into_iter().filter(is_wanted) {
        plant(Some(mistake));
        let found = first_that_fails(seeds);
        plant(None);
        match found {
            Some((needed, error)) => {
                let words: String = error
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .chars()
                    .take(90)
                    .collect();
                println!(
                    "{:<32} found by seed {needed:>5}: {words}",
                    format!("{mistake:?}")
                );
            }
            None => {
                println!("{:<32} NOT FOUND in {seeds} seeds", format!("{mistake:?}"));
                alive.push(mistake);
            }
        }
    }
    alive
}
