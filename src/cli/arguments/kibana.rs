//! Flags of `tidegauge kibana`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::GlobalArgs;
use crate::config::Sources;

/// `tidegauge kibana`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Index prefix and windows are those of the configuration; credentials are in its section [kibana]. \
Needs Kibana 8.9 or newer.

  tidegauge kibana load --url http://127.0.0.1:5601 --wait 2m
  tidegauge kibana check
  tidegauge kibana export > tidegauge.ndjson")]
pub struct KibanaArgs {
    /// The subcommand.
    #[command(subcommand)]
    pub task: KibanaCommand,
    /// The URL of Kibana [config: kibana.url, else http://127.0.0.1:5601]
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// The id of the space [config: kibana.space, else the default space]
    #[arg(long, global = true, value_name = "ID")]
    pub space: Option<String>,
    /// How long Kibana may take until it is available [config: kibana.wait, else 1m]
    #[arg(long, global = true, value_name = "D")]
    pub wait: Option<String>,
}

/// Subcommands of `kibana`.
#[derive(Clone, Debug, Subcommand)]
pub enum KibanaCommand {
    /// Wait for Kibana and load data views and the dashboard; earlier versions are replaced
    Load,
    /// Check the objects without Kibana; with --url or a section kibana, also that Kibana holds them and that
    /// Elasticsearch has their fields
    Check {
        /// Check this file instead, such as an export of Kibana or an edited one, and contact no server
        #[arg(long, value_name = "FILE", conflicts_with = "url")]
        file: Option<PathBuf>,
    },
    /// Print the objects as Kibana imports them by hand, one a line
    Export,
}

impl KibanaArgs {
    /// Where the settings of `kibana` come from.
    #[must_use]
    pub fn sources(&self, globals: &GlobalArgs) -> Sources {
        globals
            .sources()
            .given("--url", "kibana.url", self.url.as_ref())
            .given("--space", "kibana.space", self.space.as_ref())
            .given("--wait", "kibana.wait", self.wait.as_ref())
    }
}
