//! `tidegauge kibana`: loads, checks and exports data views and the dashboard.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, anyhow};

use super::arguments::{GlobalArgs, KibanaArgs, KibanaCommand};
use super::failure::CommandFailure;
use super::streams;
use crate::config::{Config, DEFAULT_KIBANA_URL, Need};
use crate::domain::count::{agreeing, counted};
use crate::kibana::{IndexLayout, Kibana, check, ndjson};
use crate::sink;

/// What index names begin with where no index is configured.
const PREFIX: &str = "payments";

/// Runs the subcommand.
///
/// # Errors
/// When the configuration is wrong, Kibana is not available or refuses, or something is wrong with
/// the objects.
pub fn run(arguments: &KibanaArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    let config = Config::load(&arguments.sources(globals), Need::Nothing)?;
    let layout = layout(&config);
    let objects = ndjson(&layout.objects());
    match &arguments.task {
        KibanaCommand::Export => {
            streams::print(objects.as_bytes())?;
            Ok(())
        }
        KibanaCommand::Check { file: Some(file) } => {
            let shown = file.display();
            let text = fs::read_to_string(file)
                .with_context(|| format!("the file {shown} can't be read"))?;
            validate(&text, &layout)?;
            print(&format!("{shown} is valid"))
        }
        KibanaCommand::Check { file: None } => {
            validate(&objects, &layout)?;
            let count = layout.objects().len() as u64;
            let are = agreeing(count, "is", "are");
            print(&format!("{} {are} valid", counted(count, "object")))?;
            runtime()?.block_on(check_servers(&config, layout, &objects))
        }
        KibanaCommand::Load => {
            // Kibana would load a faulty object without an error and show an empty panel.
            validate(&objects, &layout)?;
            runtime()?.block_on(load(&config, layout))
        }
    }
}

async fn load(config: &Config, layout: IndexLayout) -> Result<(), CommandFailure> {
    let kibana = Kibana::new(kibana_config(config)?, layout)?;
    let loaded = kibana.load().await?;
    print(&format!(
        "{} loaded: {}",
        counted(loaded.objects as u64, "object"),
        kibana.dashboard_url()
    ))
}

async fn check_servers(
    config: &Config,
    layout: IndexLayout,
    objects: &str,
) -> Result<(), CommandFailure> {
    let mut wrong = Vec::new();
    if let Some(kibana) = &config.kibana {
        let kibana = Kibana::new(kibana.clone(), layout.clone())?;
        let differences = kibana.differences().await?;
        if differences.is_empty() {
            print(&format!("Kibana holds them: {}", kibana.dashboard_url()))?;
        } else {
            wrong.extend(differences);
            wrong.push("`tidegauge kibana load` brings Kibana up to date".into());
        }
    }
    // Without a section [kibana], only the objects themselves are checked.
    if let (Some(elasticsearch), Some(_)) = (&config.elasticsearch, &config.kibana) {
        let shown = check::shown_fields(objects, &layout);
        let missing = missing_fields(elasticsearch, &layout, &shown).await?;
        if missing.is_empty() {
            print("Elasticsearch has the fields that the panels show")?;
        }
        wrong.extend(missing);
    }
    fail_on(&wrong)
}

/// Fields of panels that Elasticsearch lacks, or has with another type. A missing alias is not a fault:
/// it is created with the first document.
async fn missing_fields(
    elasticsearch: &sink::Config,
    layout: &IndexLayout,
    shown: &BTreeMap<String, BTreeSet<String>>,
) -> Result<Vec<String>, CommandFailure> {
    let mut wrong = Vec::new();
    for (alias, fields) in shown {
        let Some((_, ours)) = layout.behind(alias) else {
            continue;
        };
        let live = sink::live_fields(elasticsearch, alias).await;
        let live = live.map_err(|reason| {
            let url = elasticsearch.addresses();
            CommandFailure::Unavailable(anyhow!(
                "Elasticsearch at {url} did not give a mapping: {reason}"
            ))
        })?;
        let Some(live) = live else {
            tracing::warn!(
                "the alias {alias} does not exist yet: its panels are empty until it does"
            );
            continue;
        };
        wrong.extend(
            fields
                .iter()
                .filter(|field| live.get(*field) != ours.get(*field))
                .map(|field| {
                    let there = live.get(field).map_or("missing", String::as_str);
                    let wanted = ours.get(field).map_or("missing", String::as_str);
                    format!("the field {field} of {alias} is {there}, not {wanted}")
                }),
        );
    }
    Ok(wrong)
}

fn layout(config: &Config) -> IndexLayout {
    let prefix = config.elasticsearch.as_ref();
    IndexLayout {
        prefix: prefix.map_or(PREFIX, |sink| &sink.index_prefix).to_owned(),
        definitions: config.event_time.settings.definitions.clone(),
        fields: sink::DocumentFields::ours(),
    }
}

fn kibana_config(config: &Config) -> Result<crate::kibana::Config, CommandFailure> {
    match &config.kibana {
        Some(kibana) => Ok(kibana.clone()),
        None => crate::kibana::Config::new(DEFAULT_KIBANA_URL)
            .map_err(|message| CommandFailure::Config(anyhow!(message))),
    }
}

fn validate(objects: &str, layout: &IndexLayout) -> Result<(), CommandFailure> {
    fail_on(&check::faults(objects, layout))
}

fn fail_on(wrong: &[String]) -> Result<(), CommandFailure> {
    match wrong {
        [] => Ok(()),
        wrong => Err(CommandFailure::Running(anyhow!(
            "the saved objects are not valid:\n  {}",
            wrong.join("\n  ")
        ))),
    }
}

fn print(line: &str) -> Result<(), CommandFailure> {
    Ok(streams::print(format!("{line}\n").as_bytes())?)
}

fn runtime() -> Result<tokio::runtime::Runtime, CommandFailure> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}
