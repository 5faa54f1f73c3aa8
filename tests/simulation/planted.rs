//! Planted mistakes: the simulation must find each of them.

use tidegauge_windows::planted::{Mistake, plant};

use super::run::{Variant, first_that_fails, run};

/// Plants one mistake after the other and says how many seeds were needed to find it, `seeds` at most.
/// Gives those that were not found. With `known_first`, the seed that found it before is tried first.
pub fn find_planted(seeds: u64, known_first: bool) -> Vec<Mistake> {
    let wanted = std::env::var("MISTAKE").ok();
    let is_wanted = |mistake: &Mistake| {
        let name = format!("{mistake:?}");
        wanted.as_ref().is_none_or(|wanted| *wanted == name)
    };
    let mut alive = Vec::new();
    for mistake in Mistake::ALL.into_iter().filter(is_wanted) {
        plant(Some(mistake));
        let known = known_seed(mistake).filter(|_| known_first);
        let known = known.and_then(|seed| Some((seed, run(seed, &Variant::default()).error?)));
        let found = known.or_else(|| first_that_fails(seeds));
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

/// Plants the mistake that the variable `MISTAKE` names, if it does.
pub fn plant_wanted() {
    let wanted = std::env::var("MISTAKE").ok();
    let mut all = Mistake::ALL.into_iter();
    plant(all.find(|mistake| wanted.as_ref() == Some(&format!("{mistake:?}"))));
}

// The lowest seed that found it when all were tried.
fn known_seed(mistake: Mistake) -> Option<u64> {
    let name = format!("{mistake:?}");
    let lines = include_str!("planted.txt").lines();
    let mut found = lines.filter_map(|line| line.split_once(' '));
    found.find(|(of, _)| *of == name)?.1.parse().ok()
}
