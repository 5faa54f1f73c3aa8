//! A word that stands in every secret is in no output, whatever is wrong. The commands come from the command line, the
//! keys from the JSON Schema, the routes from OpenAPI: a new one is tried without a change here.

mod answers;
mod arguments;
mod commands;
mod crashes;
mod settings;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::service::quoted;

/// Stands in every secret of these tests, and nowhere else.
const CANARY: &str = "canary";

/// How it is sent after `tide:` and `me:`, less the last letters, which depend on what follows.
const ENCODED: [&str; 2] = ["dGlkZTpjYW5hcn", "bWU6Y2FuYXJ5"];

/// What was looked at, and where a canary was found in it.
#[derive(Default)]
struct Search {
    looked: usize,
    found: Vec<String>,
}

impl Search {
    /// Looks for a canary in `said`, also for one in Base64.
    fn look(&mut self, what: &str, said: &str) {
        self.looked += 1;
        let words = [CANARY].into_iter().chain(ENCODED);
        let line = words
            .flat_map(|word| said.lines().find(|line| line.contains(word)))
            .next();
        if let Some(line) = line {
            let line: String = line.chars().take(300).collect();
            self.found.push(format!("{what}\n    shows: {line}"));
        }
    }

    /// Fails if there was one, or if fewer than so many texts were looked at.
    #[track_caller]
    fn assert_none(self, least: usize) {
        let found = self.found.len();
        assert!(found == 0, "{found} times:\n{}", self.found.join("\n"));
        assert!(self.looked >= least, "only {} texts", self.looked);
    }
}

/// A key of the configuration: its section, which is empty at the top level, and its name.
#[derive(Clone, Debug)]
struct Key {
    section: String,
    name: String,
}

impl Key {
    fn full(&self) -> String {
        match self.section.as_str() {
            "" => self.name.clone(),
            section => format!("{section}.{}", self.name),
        }
    }

    /// What holds an address with a user and a password, if an operator puts them there.
    fn is_address(&self) -> bool {
        ["url", "brokers", "listen"].contains(&self.name.as_str())
    }

    /// What holds the path of a file with a secret, or the secret by mistake.
    fn is_file_of_secret(&self) -> bool {
        self.name.ends_with("_file") && tidegauge::config::may_name_secret(&self.name)
    }
}

/// All keys that the JSON Schema has, sections left out.
fn keys() -> Vec<Key> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema/config.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut found = Vec::new();
    collect("", &schema, &mut found);
    assert!(found.len() > 40, "{found:?}");
    found
}

fn collect(section: &str, schema: &Value, found: &mut Vec<Key>) {
    let Some(members) = schema["properties"].as_object() else {
        return;
    };
    for (name, member) in members {
        let key = Key {
            section: section.to_owned(),
            name: name.clone(),
        };
        match member["type"].as_str() {
            Some("object") => collect(&key.full(), member, found),
            Some("array") => collect(&key.full(), &member["items"], found),
            _ => found.push(key),
        }
    }
}

/// Properties of librdkafka that hold a secret.
const PROPERTIES: [&str; 6] = [
    "sasl.password",
    "ssl.key.password",
    "ssl.keystore.password",
    "ssl.key.pem",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
];

/// A directory with the files of all secrets.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        for name in ["token", "password", "api-key"] {
            files.write(name, &format!("{CANARY}-{name}\n"));
        }
        // What is no certificate and no key, and text that is PEM but can't be read as what it says.
        files.write("no.pem", &format!("{CANARY}\n"));
        let key = format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n");
        files.write("bad.key", &key);
        files
    }

    fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn quoted(&self, name: &str) -> String {
        quoted(self.path(name).to_str().unwrap())
    }

    /// `section.key = value` of a configuration in which every secret is where it belongs.
    fn right(&self) -> Vec<(&'static str, &'static str, String)> {
        let property = |name| {
            (
                "kafka.properties",
                name,
                quoted(&format!("{CANARY}-property")),
            )
        };
        vec![
            ("kafka", "brokers", quoted("127.0.0.1:1")),
            property("\"sasl.password\""),
            property("\"ssl.key.password\""),
            (
                "kafka.properties",
                "\"security.protocol\"",
                quoted("SASL_SSL"),
            ),
            ("kafka.properties", "\"sasl.mechanism\"", quoted("PLAIN")),
            ("kafka.properties", "\"sasl.username\"", quoted("tide")),
            // As an operator sets it who wants to see everything.
            ("kafka.properties", "debug", quoted("all")),
            ("elasticsearch", "url", quoted("http://127.0.0.1:1")),
            ("elasticsearch", "username", quoted("tide")),
            ("elasticsearch", "password_file", self.quoted("password")),
            ("http", "listen", quoted("127.0.0.1:0")),
            ("http", "token_file", self.quoted("token")),
            ("kibana", "url", quoted("http://127.0.0.1:1")),
            ("kibana", "api_key_file", self.quoted("api-key")),
            ("kibana", "wait", quoted("1s")),
        ]
    }

    /// [`Files::right`] as a file, with a state of its own.
    fn toml(&self) -> String {
        let state = self.path("state").display().to_string();
        let mut text = format!("state_dir = {}\n", quoted(&state));
        let mut section = "";
        for (own, key, value) in self.right() {
            if own != section {
                text += &format!("[{own}]\n");
                section = own;
            }
            text += &format!("{key} = {value}\n");
        }
        text
    }
}
