//! Flags of the commands that run a service or ask whether it runs.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use super::{GlobalArgs, TopicArgs};
use crate::cli::output::OutputFormat;
use crate::config::{Sources, parse_listen};
use crate::domain::duration;

/// `tidegauge serve`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Reading continues at the positions in the state directory; kafka.start only decides for a \
partition that was never read. Stop it with SIGTERM or Ctrl-C at any time: nothing is lost, and \
nothing is counted twice.")]
pub struct ServeArgs {
    /// Stop at the end offsets seen at the start, after everything is delivered, and print a summary
    #[arg(long)]
    pub until_end: bool,
    /// The topic.
    #[command(flatten)]
    pub topic: TopicArgs,
    /// The address for HTTP [config: http.listen]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// The format of the summary
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: OutputFormat,
}

/// `tidegauge demo`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Needs nothing but this program: no Kafka, no Elasticsearch, no network. Its state is in a temporary \
directory that is deleted when it stops. Of the configuration it takes time_zone, [event_time], [[window]], \
[branches] and [http], from --config (or TIDEGAUGE_CONFIG) and --set only: what ./tidegauge.toml and other variables say is \
for the service. It refuses what it decides itself: state_dir, [kafka], [elasticsearch], [kibana].")]
pub struct DemoArgs {
    /// Payments per second
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub rate: u64,
    /// Begin with payments from this long before now, at most 1,000,000
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = demo_history)]
    pub history: Duration,
    /// Stop after this time (10s, 1m30s), and print totals and ledger
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    pub duration: Option<Duration>,
    /// The address for HTTP; port 0 takes any that is free [config: http.listen]
    #[arg(long, value_name = "ADDR", value_parser = parse_listen)]
    pub listen: Option<SocketAddr>,
    /// The seed of the payments
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// The format of the output at the end
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: OutputFormat,
}

fn demo_history(text: &str) -> Result<Duration, String> {
    let history = duration::parse(text).map_err(|error| error.to_string())?;
    if history > Duration::from_secs(4 * 3_600) {
        return Err("give at most 4h: the demo reads the history before it continues".into());
    }
    Ok(history)
}

/// `tidegauge health`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Calls /livez, or /readyz with --ready, which need no token. Docker runs it as the health \
check of the image.")]
pub struct HealthArgs {
    /// The URL of the service [else: --listen, TIDEGAUGE_URL, config: http.listen]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The address that the service listens on, in place of TIDEGAUGE_URL [config: http.listen]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Check whether it is ready, not only whether it is alive
    #[arg(long)]
    pub ready: bool,
    /// How long the service may take to answer
    #[arg(long, value_name = "D", default_value = "3s", value_parser = duration::parse)]
    pub timeout: Duration,
}

impl DemoArgs {
    /// Where the settings of `demo` come from: what was named for it. The configuration of the service
    /// that the same directory or environment holds says where Kafka is, and is not meant.
    #[must_use]
    pub fn sources(&self, globals: &GlobalArgs) -> Sources {
        let sources = Sources::of_named_file(globals.config.clone());
        let listen = self.listen.map(|listen| listen.to_string());
        globals
            .over(sources)
            .given("--listen", "http.listen", listen.as_ref())
    }
}

impl ServeArgs {
    /// Where the settings of `serve` come from.
    #[must_use]
    pub fn sources(&self, globals: &GlobalArgs) -> Sources {
        let sources = self.topic.over(globals.sources());
        sources.given("--listen", "http.listen", self.listen.as_ref())
    }
}

impl HealthArgs {
    /// Where the settings of `health` come from.
    #[must_use]
    pub fn sources(&self, globals: &GlobalArgs) -> Sources {
        let sources = globals.sources();
        sources.given("--listen", "http.listen", self.listen.as_ref())
    }
}
