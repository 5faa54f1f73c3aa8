//! Properties of the Kafka client: what is wrong is told by the name of a property, and never with a secret.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use tempfile::TempDir;
use tidegauge::domain::secret::names_secret;
use tidegauge::source::{Config, Error, ReaderChoice, StartPosition};

/// Files that properties may name.
const FILES: [(&str, &str); 4] = [
    ("empty.pem", ""),
    ("text.pem", "no certificate\n"),
    (
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ),
    (
        "locked.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    ),
];

/// Properties that have the library load code, or that name a file which nothing of ours looks at.
const NOT_TRIED: [&str; 4] = [
    "plugin.library.paths",
    "ssl.engine",
    "ssl.provider",
    "debug",
];

/// An input is one property in each line, as `name=value`. A value of a `.location` is a file beside the others.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let mut properties = BTreeMap::new();
    for line in text.lines().take(8) {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        if NOT_TRIED.iter().any(|part| name.contains(part)) || value.contains('\0') {
            return;
        }
        let value = match name.contains("location") {
            true => place(value),
            false => value.to_owned(),
        };
        properties.insert(name.to_owned(), value);
    }
    let config = Config {
        brokers: "127.0.0.1:1".to_owned(),
        topic: "payment_msg".to_owned(),
        group_id: "tidegauge".to_owned(),
        start: StartPosition::Latest,
        reader: ReaderChoice::Auto,
        properties,
    };
    let shown = format!("{config:?}");
    assert_hidden(&shown, &config);
    for outcome in [config.check(), config.check_together()] {
        let Err(error) = outcome else {
            continue;
        };
        let told = error.to_string();
        assert!(!told.is_empty());
        assert_hidden(&told, &config);
        match error {
            Error::Setting { property, why } => {
                assert!(!why.is_empty(), "{property}");
                assert!(told.contains(&property), "{told}");
            }
            Error::Client(why) => assert!(!why.is_empty()),
            other => panic!("a check connects to nothing: {other}"),
        }
    }
}

/// A secret of any length that can be told from other words is in no error.
fn assert_hidden(told: &str, config: &Config) {
    let is_public = |secret: &str| {
        let others = config
            .properties
            .iter()
            .filter(|(name, _)| !names_secret(name));
        let mut others = others.flat_map(|(name, value)| [name, value]);
        others.any(|other| other.contains(secret))
            || config.properties.keys().any(|name| name.contains(secret))
    };
    for (name, secret) in &config.properties {
        if names_secret(name)
            && secret.len() >= 8
            && secret.contains("canary")
            && !is_public(secret)
        {
            assert!(!told.contains(secret.as_str()), "{name}: {told}");
        }
    }
}

/// A path in the directory of the files, whatever `value` is.
fn place(value: &str) -> String {
    static DIR: OnceLock<TempDir> = OnceLock::new();
    let dir = DIR.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in FILES {
            fs::write(dir.path().join(name), content).unwrap();
        }
        dir
    });
    let name = Path::new(value).file_name();
    let name = name.map_or_else(Default::default, |name| name.to_string_lossy());
    match name.is_empty() {
        // The directory itself.
        true => dir.path().display().to_string(),
        false => dir.path().join(&*name).display().to_string(),
    }
}
