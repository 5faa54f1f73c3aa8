//! `tidegauge health`: checks whether the service on this machine answers, for container health checks.

use anyhow::anyhow;

use super::arguments::{GlobalArgs, HealthArgs};
use super::endpoint::{self, Address, FlagOrVariable};
use super::failure::CommandFailure;
use super::serve::block_on;
use super::streams;

/// The answer of a probe is a word and some reasons; more than this is not shown.
const SHOWN_MAX: usize = 2_000;

/// Asks the service once.
///
/// # Errors
/// When it does not answer in time, or is not well.
pub fn run(health: &HealthArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    let route = if health.ready { "readyz" } else { "livez" };
    let named = FlagOrVariable::url(health.url.as_deref());
    let address = Address::of(&named, &health.sources(globals))?;
    let hint = Address::hint(&address.parsed()?);
    let url = format!("{}/{route}", address.url.trim_end_matches('/'));
    let unanswered = format!("{} does not answer{hint}", address.shown());
    let (status, text) = block_on(async { Ok(ask(health, &url, &unanswered).await?) })?;
    let text: String = text.trim().chars().take(SHOWN_MAX).collect();
    if !status.is_success() {
        return Err(CommandFailure::Running(anyhow!(
            "{} answers with status {status}: {text}",
            address.shown()
        )));
    }
    streams::print(format!("{text}\n").as_bytes())?;
    Ok(())
}

async fn ask(
    health: &HealthArgs,
    url: &str,
    unanswered: &str,
) -> anyhow::Result<(reqwest::StatusCode, String)> {
    let client = reqwest::Client::builder()
        .timeout(health.timeout)
        // A proxy can't reach this machine's loopback address.
        .no_proxy()
        .build()?;
    let unanswered =
        |error: reqwest::Error| anyhow!("{unanswered}: {}", endpoint::reason_of(error));
    let response = client.get(url).send().await.map_err(unanswered)?;
    let status = response.status();
    Ok((status, response.text().await.map_err(unanswered)?))
}
