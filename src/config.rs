//! The configuration: what was typed becomes what is valid, or a report of all that is wrong.
//!
//! Settings come from a TOML file, then from the environment, then from flags; the last one wins.
//! Nothing after this module checks a setting again, and nothing else sees what was typed.

mod branches;
mod effective;
mod elasticsearch;
mod event_time;
mod http;
mod kafka;
mod key;
mod keys;
mod kibana;
mod overlay;
mod problem;
mod raw;
mod reference;
mod rules;
mod schema;
mod section;
mod size;
mod variables;
mod windows;
mod zone;

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono_tz::Tz;

pub use self::event_time::EventTimeRules;
pub use self::http::Endpoint;
pub use self::http::listen as parse_listen;
pub use self::kibana::DEFAULT_URL as DEFAULT_KIBANA_URL;
pub use self::problem::{Error, Report};
pub use self::reference::markdown as reference;
pub use self::rules::settings as settings_of_rules;
pub use self::schema::json_schema;
pub use self::zone::zone as parse_zone;

use self::problem::{Document, Origin, Problems};
use self::raw::Table;
use self::section::Section;
use crate::branch::Branches;
use crate::{api, sink, source};

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the state is kept.
    pub state_dir: PathBuf,
    /// The zone of times that come without one.
    pub time_zone: Tz,
    /// Where the records come from. Without brokers unless they were needed.
    pub kafka: source::Config,
    /// When payments are late and windows final.
    pub event_time: EventTimeRules,
    /// The names of branches.
    pub branches: Arc<Branches>,
    /// Where documents go, if anywhere.
    pub elasticsearch: Option<sink::Config>,
    /// Where questions are answered.
    pub http: api::Config,
    /// Where the dashboard is to be, if anywhere.
    pub kibana: Option<crate::kibana::Config>,
    files: Files,
}

/// The files that were read, to name them again.
#[derive(Clone, Debug, Default)]
struct Files {
    api_key: Option<PathBuf>,
    password: Option<PathBuf>,
    token: Option<PathBuf>,
    kibana_api_key: Option<PathBuf>,
    kibana_password: Option<PathBuf>,
}

/// What must be there for what is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Every key has a default.
    Nothing,
    /// `kafka.brokers` must be given.
    Brokers,
}

/// Where settings come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    file: Option<PathBuf>,
    variables: Vec<(String, String)>,
    flags: Vec<(String, String, String)>,
    decided: Vec<Decided>,
}

/// A key or section that the command itself decides.
#[derive(Clone, Debug)]
struct Decided {
    key: &'static str,
    /// What it is set to, if anything.
    value: Option<String>,
    /// Why nobody else may set it.
    why: &'static str,
}

/// The file that is read if no other is named and it exists.
pub const DEFAULT_FILE: &str = "tidegauge.toml";

impl Sources {
    /// The file that was named, or else [`DEFAULT_FILE`] if it exists; and the variables of this
    /// process.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let default = || Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.exists());
        let variables = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(overlay::PREFIX))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect();
        Self {
            file: file.or_else(default),
            variables,
            ..Self::default()
        }
    }

    /// That file, nothing else.
    #[must_use]
    pub fn of_file(file: impl Into<PathBuf>) -> Self {
        Self {
            file: Some(file.into()),
            ..Self::default()
        }
    }

    /// With an environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// With the setting that a flag gives; `key` is its full name, such as `kafka.brokers`, and
    /// `flag` what the flag is called in messages.
    #[must_use]
    pub fn flag(
        mut self,
        flag: impl Into<String>,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.flags.push((flag.into(), key.into(), value.into()));
        self
    }

    /// With a key or section that nobody may set, as the command decides it; `why` says so to whoever
    /// does. `value` is what it is set to, if anything.
    #[must_use]
    pub fn decided(mut self, key: &'static str, value: Option<String>, why: &'static str) -> Self {
        self.decided.push(Decided { key, value, why });
        self
    }

    /// [`Sources::flag`], if the flag was given.
    #[must_use]
    pub fn given(self, flag: &str, key: &str, value: Option<&String>) -> Self {
        match value {
            Some(value) => self.flag(flag, key, value),
            None => self,
        }
    }
}

impl Config {
    /// Reads and validates the settings, and the files that they name.
    ///
    /// # Errors
    /// When the file can't be read, or with everything that is wrong.
    pub fn load(sources: &Sources, need: Need) -> Result<Self, Error> {
        Self::judged(sources, |table, problems| {
            keys::check("", table, problems);
            Self::validate(table, need, problems)
        })
    }

    /// Where the service of these settings answers: reads the section `[http]` and nothing else, so that
    /// whoever asks a service need be able to read no secret of it.
    ///
    /// # Errors
    /// When the file can't be read, or what the section says is wrong.
    pub fn endpoint(sources: &Sources) -> Result<Endpoint, Error> {
        Self::judged(sources, |table, problems| {
            let root = Section::new("", &Origin::Missing, Some(table), problems);
            let section = root.section("http", "http");
            if let Some(http) = section.table() {
                keys::check("http", http, problems);
            }
            Endpoint::read(&section)
        })
    }

    // The settings of all sources, as `judge` takes them.
    fn judged<T>(
        sources: &Sources,
        judge: impl FnOnce(&Table, &Problems) -> T,
    ) -> Result<T, Error> {
        let document = match &sources.file {
            Some(path) => read(path)?,
            None => Document::default(),
        };
        let problems = Problems::default();
        let mut table = Table::parse(&document.text).unwrap_or_else(|errors| {
            errors.into_iter().for_each(|error| problems.add(error));
            Table::default()
        });
        // What a broken file says elsewhere is unknown, so nothing else could be judged.
        let judged = if problems.count() == 0 {
            for (name, value) in &sources.variables {
                overlay::variable(&mut table, name, value, &problems);
            }
            for (flag, key, value) in &sources.flags {
                overlay::flag(&mut table, flag, key, value, &problems);
            }
            for Decided { key, why, .. } in &sources.decided {
                overlay::refuse(&table, key, why, &problems);
            }
            for Decided { key, value, .. } in &sources.decided {
                if let Some(value) = value {
                    overlay::flag(&mut table, "this command", key, value, &problems);
                }
            }
            Some(judge(&table, &problems))
        } else {
            None
        };
        match (judged, problems.report(&document)) {
            (Some(judged), None) => Ok(judged),
            (_, report) => Err(Error::Invalid(report.unwrap_or_default())),
        }
    }

    fn validate(table: &Table, need: Need, problems: &Problems) -> Self {
        let root = Section::new("", &Origin::Missing, Some(table), problems);
        let time_zone = root.zone("time_zone", Tz::UTC);
        let state_dir = root.parsed("state_dir", PathBuf::from("state"), |text| match text {
            "" => Err("the state needs a directory: name one".to_owned()),
            path => Ok(PathBuf::from(path)),
        });
        let definitions = windows::definitions(&root, time_zone);
        let event_time = root.section("event_time", "event_time");
        let (elasticsearch, mut files) =
            elasticsearch::read(&root.section("elasticsearch", "elasticsearch"));
        let (http, token) = http::read(&root.section("http", "http"));
        files.token = token;
        let kibana = kibana::read(&root.section("kibana", "kibana"), &mut files);
        Self {
            state_dir,
            time_zone,
            kafka: kafka::read(&root.section("kafka", "kafka"), need == Need::Brokers),
            event_time: EventTimeRules::read(&event_time, definitions),
            branches: Arc::new(branches::read(&root.section("branches", "branches"))),
            elasticsearch,
            http,
            kibana,
            files,
        }
    }

    /// Everything that decides a figure beside the log itself, one `key = value` per line: two
    /// configurations with the same text give the same figures.
    #[must_use]
    pub fn rules(&self) -> String {
        rules::text(&self.event_time.settings, self.time_zone)
    }
}

fn read(path: &Path) -> Result<Document, Error> {
    let unreadable = |reason| Error::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let text = fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(text).map_err(|error| {
        unreadable(std::io::Error::new(
            ErrorKind::InvalidData,
            error.utf8_error(),
        ))
    })?;
    Ok(Document {
        name: Some(path.display().to_string()),
        text,
    })
}
