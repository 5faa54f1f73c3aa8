//! `tidegauge health`: does the service on this machine answer? For container health checks.

use std::io::{self, Write};

use anyhow::{Context, anyhow};

use super::arguments::{Globals, Health};
use super::endpoint::Address;
use super::failure::Failure;
use super::serve::block_on;

/// An answer of a probe is a word and some reasons; no more of it is shown.
const SHOWN_MAX: usize = 2_000;

/// Asks the service once.
///
/// # Errors
/// When it does not answer in time, or says no.
pub fn run(health: &Health, globals: &Globals) -> Result<(), Failure> {
    let route = if health.ready { "readyz" } else { "livez" };
    let address = Address::of(health.url(), &health.sources(globals))?;
    let url = format!("{}/{route}", address.url.trim_end_matches('/'));
    let (status, text) = block_on(async { Ok(ask(health, &url).await?) })?;
    let text: String = text.trim().chars().take(SHOWN_MAX).collect();
    if !status.is_success() {
        return Err(Failure::Running(anyhow!("{url} says {status}: {text}")));
    }
    writeln!(io::stdout().lock(), "{text}")?;
    Ok(())
}

async fn ask(health: &Health, url: &str) -> anyhow::Result<(reqwest::StatusCode, String)> {
    let client = reqwest::Client::builder()
        .timeout(health.timeout)
        // A proxy knows nothing of this machine.
        .no_proxy()
        .build()?;
    let unanswered = || format!("{url} does not answer");
    let response = client.get(url).send().await.with_context(unanswered)?;
    let status = response.status();
    Ok((status, response.text().await.with_context(unanswered)?))
}
