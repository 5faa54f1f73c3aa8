//! The configuration: reads and validates the settings, or reports all problems at once.
//!
//! Settings come from a TOML file, then from the environment, then from flags; the last one wins.
//! No other module checks a setting again or sees its raw text.

mod branches;
mod dedup;
mod effective;
mod elasticsearch;
mod event_time;
mod file;
mod http;
mod kafka;
mod key;
mod keys;
mod kibana;
mod overlay;
pub mod payment;
mod problem;
mod raw;
mod reference;
mod rules;
mod schema;
mod secret_keys;
mod section;
mod size;
mod toml_text;
mod variables;
mod windows;
mod zone;

use std::env;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use chrono_tz::Tz;

pub use self::event_time::EventTimeRules;
pub use self::http::Endpoint;
pub use self::http::listen as parse_listen;
pub use self::http::token_in;
pub use self::kibana::DEFAULT_URL as DEFAULT_KIBANA_URL;
pub use self::problem::{Error, ProblemReport};
pub use self::reference::markdown as reference;
pub use self::rules::settings as settings_of_rules;
pub use self::schema::json_schema;
pub use self::secret_keys::is_for_secret as may_name_secret;
pub use self::section::one_of;
pub use self::zone::zone as parse_zone;

use self::file::{ConfigFile, read};
use self::problem::{ConfigText, Problems, SettingOrigin};
use self::raw::Table;
use self::section::Section;
use crate::core::seen_orders::DuplicateRule;
use crate::decode::DecodeRules;
use crate::decode::mapping::Mapping;
use crate::domain::branch_names::BranchNames;
use crate::{api, sink, source};

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the state is kept.
    pub state_dir: PathBuf,
    /// The zone of times that come without one.
    pub time_zone: Tz,
    /// Where the records come from. The brokers may be empty unless they were needed.
    pub kafka: source::Config,
    /// How many threads apply records; `None`: as many as there are cores.
    pub appliers: Option<NonZeroUsize>,
    /// When payments are late and windows final.
    pub event_time: EventTimeRules,
    /// Where a record says what.
    pub payment: Arc<Mapping>,
    /// When a payment is a duplicate of another; `None`: payments are not compared.
    pub duplicates: Option<DuplicateRule>,
    /// The names of branches.
    pub branches: Arc<BranchNames>,
    /// Where documents go, if anywhere.
    pub elasticsearch: Option<sink::Config>,
    /// Where questions are answered.
    pub http: api::Config,
    /// Where the dashboard is to be, if anywhere.
    pub kibana: Option<crate::kibana::Config>,
    files: Files,
}

/// The files that were read, so that the configuration in force can name them.
#[derive(Clone, Debug, Default)]
struct Files {
    api_key: Option<PathBuf>,
    password: Option<PathBuf>,
    token: Option<PathBuf>,
    kibana_api_key: Option<PathBuf>,
    kibana_password: Option<PathBuf>,
}

/// What a command needs from the configuration.
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
    file: Option<ConfigFile>,
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
    /// Why the user may not set it.
    why: &'static str,
}

/// The file that is read if no other is named and it exists.
pub const DEFAULT_FILE: &str = "tidegauge.toml";
/// The variable that names the file if no flag does.
pub const FILE_VARIABLE: &str = "TIDEGAUGE_CONFIG";

impl Sources {
    /// The file that was named by flag, or else by [`FILE_VARIABLE`], or else [`DEFAULT_FILE`] if it
    /// exists; and the variables of this process.
    #[must_use]
    pub fn of_process(flag: Option<PathBuf>) -> Self {
        let default = || {
            let path = PathBuf::from(DEFAULT_FILE);
            path.exists().then_some(ConfigFile {
                path,
                named_by: Some("found in the working directory"),
            })
        };
        let variables = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(variables::PREFIX))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect();
        Self {
            file: ConfigFile::named(flag).or_else(default),
            variables,
            ..Self::default()
        }
    }

    /// The file that was named by flag, or else by [`FILE_VARIABLE`]; nothing else.
    #[must_use]
    pub fn of_named_file(flag: Option<PathBuf>) -> Self {
        Self {
            file: ConfigFile::named(flag),
            ..Self::default()
        }
    }

    /// That file, nothing else.
    #[must_use]
    pub fn of_file(file: impl Into<PathBuf>) -> Self {
        Self {
            file: Some(ConfigFile {
                path: file.into(),
                named_by: None,
            }),
            ..Self::default()
        }
    }

    /// The file that is read and who named it, for people.
    #[must_use]
    pub fn shown_file(&self) -> Option<String> {
        self.file.as_ref().map(ToString::to_string)
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

    /// With a key or section that the command decides, so that the user may not set it; `why` is the
    /// error if the user does. `value` is its value, if it has one.
    #[must_use]
    pub fn decided(mut self, key: &'static str, value: Option<String>, why: &'static str) -> Self {
        self.decided.push(Decided { key, value, why });
        self
    }

    /// The same without the file and the variables: only what the command line sets.
    #[must_use]
    pub fn typed(&self) -> Self {
        Self {
            flags: self.flags.clone(),
            decided: self.decided.clone(),
            ..Self::default()
        }
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

    /// The address of the service with these settings. Reads only the section `[http]`, so that a client
    /// needs no access to the secrets of the service.
    ///
    /// # Errors
    /// When the file can't be read, or what the section says is wrong.
    pub fn endpoint(sources: &Sources) -> Result<Endpoint, Error> {
        Self::judged(sources, |table, problems| {
            let root = Section::new("", &SettingOrigin::Missing, Some(table), problems);
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
            Some(file) => read(file)?,
            None => ConfigText::default(),
        };
        let problems = Problems::default();
        let known = keys::of("").unwrap_or_default();
        let mut table = Table::parse(&document.text, &known).unwrap_or_else(|errors| {
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
        let root = Section::new("", &SettingOrigin::Missing, Some(table), problems);
        let time_zone = root.zone("time_zone", Tz::UTC);
        let state_dir = root.parsed("state_dir", PathBuf::from("state"), |text| match text {
            "" => Err("the state needs a directory: give one".to_owned()),
            path => Ok(PathBuf::from(path)),
        });
        let definitions = windows::definitions(&root, time_zone);
        let event_time = root.section("event_time", "event_time");
        let (elasticsearch, mut files) =
            elasticsearch::read(&root.section("elasticsearch", "elasticsearch"));
        let (http, token) = http::read(&root.section("http", "http"));
        files.token = token;
        let kibana = kibana::read(&root.section("kibana", "kibana"), &mut files);
        let payment = root.section("payment", "payment");
        let branches = root.section("branches", "branches");
        let settings = payment::read(&payment, time_zone);
        let duplicates = dedup::read(&root.section("dedup", "dedup"), &settings);
        let mapping = Mapping::new(settings);
        Self {
            state_dir,
            time_zone,
            kafka: kafka::read(&root.section("kafka", "kafka"), need == Need::Brokers),
            appliers: kafka::appliers(&root.section("kafka", "kafka")),
            event_time: EventTimeRules::read(&event_time, definitions),
            branches: Arc::new(branches::read(&branches, &mapping)),
            payment: Arc::new(mapping),
            duplicates,
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
        let mut rules = rules::text(&self.event_time.settings, self.time_zone);
        let payment = payment::rules(self.payment.settings());
        for line in payment.into_iter().chain(dedup::rules(self.duplicates)) {
            rules.push_str(&line);
            rules.push('\n');
        }
        rules
    }

    /// What decides what a record says.
    #[must_use]
    pub fn decoding(&self) -> DecodeRules {
        DecodeRules {
            mapping: Arc::clone(&self.payment),
            zone: self.time_zone,
            text_order_ids: self.duplicates.is_some(),
        }
    }
}
