//! The settings of the source, and those of the client library.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;

use tidegauge_windows::EventTime;

use super::security::Security;
use super::{Error, property_files};
use crate::domain::secret::{names_secret, shown_key};

/// Which topic to read, where, and from where on.
#[derive(Clone)]
pub struct Config {
    /// `host:port`, comma separated: at least one broker that answers.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// The group under which positions are shown to lag tools; empty: they are not shown.
    pub group_id: String,
    /// Where to start in a partition that was never read before.
    pub start: StartPosition,
    /// By what records are read.
    pub reader: ReaderChoice,
    /// Properties of librdkafka that override the defaults.
    pub properties: BTreeMap<String, String>,
}

// Properties hold secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("brokers", &self.brokers)
            .field("topic", &self.topic)
            .field("group_id", &self.group_id)
            .field("start", &self.start)
            .field("reader", &self.reader)
            .field("properties", &self.properties.keys())
            .finish()
    }
}

/// Where to start in a partition that was never read before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartPosition {
    /// At its end: only what is new.
    Latest,
    /// At its beginning.
    Earliest,
    /// At its first record whose Kafka timestamp is this or later; at its end if there is none.
    At(EventTime),
}

/// By what records are read. Figures are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReaderChoice {
    /// By the direct reader where it can, and by librdkafka elsewhere.
    #[default]
    Auto,
    /// By librdkafka.
    Librdkafka,
    /// The same as [`ReaderChoice::Auto`], and a warning says where librdkafka reads.
    Direct,
}

impl ReaderChoice {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Librdkafka, Self::Direct];

    /// The name in the configuration and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Librdkafka => "librdkafka",
            Self::Direct => "direct",
        }
    }
}

/// The defaults that a user may override.
///
/// The sizes hold what is read ahead, with what the client keeps beside each record (about 400
/// bytes), to some tens of MB, and let it read on while a batch is applied. A full read-ahead is
/// looked at again after 1 ms, instead of the client's 1 s. The client waits for about half of `reconnect.backoff.ms` between
/// its first two connections, so a start takes 40 ms less than with its 100 ms.
const DEFAULTS: [(&str, &str); 13] = [
    ("client.id", "tidegauge"),
    ("fetch.max.bytes", "8388608"),
    ("fetch.message.max.bytes", "2097152"),
    ("fetch.min.bytes", "1"),
    ("fetch.queue.backoff.ms", "1"),
    ("fetch.wait.max.ms", "50"),
    ("queued.max.messages.kbytes", "32768"),
    ("queued.min.messages", "50000"),
    ("reconnect.backoff.max.ms", "2000"),
    ("reconnect.backoff.ms", "20"),
    ("socket.keepalive.enable", "true"),
    ("socket.nagle.disable", "true"),
    ("topic.metadata.refresh.interval.ms", "60000"),
];

/// Settings that figures depend on: a user can't override them.
const FIXED: [(&str, &str); 7] = [
    ("allow.auto.create.topics", "false"),
    ("auto.offset.reset", "error"),
    ("check.crcs", "true"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "true"),
    ("isolation.level", "read_committed"),
];

/// The debug contexts under which the client logs which topic it reads.
const TELLS_IDS: &str = "metadata";

/// Settings that have their own key in the configuration, or are another name of a fixed one.
const ELSEWHERE: [(&str, &str); 5] = [
    ("bootstrap.servers", "set kafka.brokers instead"),
    ("metadata.broker.list", "set kafka.brokers instead"),
    ("group.id", "set kafka.group_id instead"),
    ("auto.commit.enable", "Tidegauge keeps its positions itself"),
    (
        "offset.store.method",
        "Tidegauge keeps its positions itself",
    ),
];

impl Config {
    /// Proves, without connecting, that the client library knows all properties and accepts their
    /// values.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        self.client()?
            .create_native_config()
            .map(|_| ())
            .map_err(refused)
    }

    /// Proves, without connecting, that the properties go together: the client library compares
    /// some of them, and opens the files that they name, only when a client is made.
    ///
    /// # Errors
    /// [`Error::Setting`] with a property whose file is wrong, [`Error::Client`] with the client
    /// library's words, or as [`Config::check`].
    pub fn check_together(&self) -> Result<(), Error> {
        if Security::of(&self.properties).uses_tls {
            property_files::check(&self.properties)?;
        }
        let mut client = self.client()?;
        // Without brokers there is nothing to connect to, and that need not be logged.
        client.remove("bootstrap.servers");
        client.set_log_level(RDKafkaLogLevel::Emerg);
        client
            .create::<BaseConsumer>()
            .map(|_| ())
            .map_err(|error| property_files::explain(refused(error), &self.properties))
    }

    /// All settings of the client library, to make a client that reads as [`super::Source`] does.
    /// They hold secrets.
    ///
    /// # Errors
    /// [`Error::Setting`] when a property is given that must not be overridden.
    pub fn client(&self) -> Result<ClientConfig, Error> {
        let mut client = ClientConfig::new();
        for (property, value) in DEFAULTS {
            client.set(property, value);
        }
        for (property, value) in &self.properties {
            if let Some(why) = forbidden(property) {
                return Err(Error::Setting {
                    property: shown_key(property),
                    why,
                });
            }
            client.set(property, value);
        }
        for (property, value) in FIXED {
            client.set(property, value);
        }
        let told = match client.get("debug") {
            Some(asked) if !asked.trim().is_empty() => format!("{asked},{TELLS_IDS}"),
            _ => TELLS_IDS.to_owned(),
        };
        client.set("debug", told);
        client.set("bootstrap.servers", &self.brokers);
        // The client takes no assignment without a group. Nothing is committed to this one.
        let group = match self.group_id.as_str() {
            "" => "tidegauge",
            group => group,
        };
        client.set("group.id", group);
        // The log of the service filters what is wanted.
        client.set_log_level(RDKafkaLogLevel::Debug);
        Ok(client)
    }
}

/// The client library's refusal in an operator's words.
pub(super) fn refused(error: KafkaError) -> Error {
    match error {
        KafkaError::ClientConfig(_, why, property, _) => {
            let is_unknown = ["No such configuration property", "not supported"]
                .iter()
                .any(|words| why.contains(words));
            // The client library repeats the value.
            let why = match (is_secret(&property), is_unknown) {
                (false, _) => why,
                (true, true) => "the client library does not support it".to_owned(),
                (true, false) => "the value is refused; it is a secret and not shown".to_owned(),
            };
            Error::Setting {
                property: shown_key(&property),
                why,
            }
        }
        KafkaError::ClientCreation(why) => Error::Client(why),
        other => Error::Client(other.to_string()),
    }
}

fn forbidden(property: &str) -> Option<String> {
    if let Some((_, instead)) = ELSEWHERE.iter().find(|(name, _)| *name == property) {
        return Some(format!("it can't be set here: {instead}"));
    }
    FIXED
        .iter()
        .find(|(name, _)| *name == property)
        .map(|(_, value)| {
            format!("it can't be set: figures are exact only with \"{value}\". Remove the line")
        })
}

fn is_secret(property: &str) -> bool {
    names_secret(property) || property.contains(".pem") || property.contains("username")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn config(property: &str, value: &str) -> Config {
        Config {
            brokers: "127.0.0.1:1".into(),
            topic: "payment_msg".into(),
            group_id: "tidegauge".into(),
            start: StartPosition::Latest,
            reader: ReaderChoice::Auto,
            properties: BTreeMap::from([(property.into(), value.into())]),
        }
    }

    #[test]
    fn defaults_and_fixed_settings_are_known_to_the_client() {
        assert!(config("queued.min.messages", "5").check().is_ok());
    }

    #[test]
    fn a_property_overrides_a_default() {
        let client = config("queued.min.messages", "5").client().unwrap();
        assert_eq!(client.get("queued.min.messages"), Some("5"));
    }

    #[test]
    fn an_unknown_property_is_named() {
        let error = config("fetch.mini.bytes", "1")
            .check()
            .unwrap_err()
            .to_string();
        assert!(error.contains("\"fetch.mini.bytes\""), "{error}");
    }

    #[test]
    fn a_property_of_a_secret_that_is_not_known_is_called_so_and_its_value_is_not_shown() {
        let error = config("sasl.jaas.config", "correct horse").check();
        let error = error.unwrap_err().to_string();
        assert!(error.contains("sasl.jaas.config"), "{error}");
        assert!(error.contains("does not support it"), "{error}");
        assert!(!error.contains("horse"), "{error}");
    }

    #[test]
    fn a_wrong_value_is_named() {
        let error = config("socket.timeout.ms", "soon")
            .check()
            .unwrap_err()
            .to_string();
        assert!(error.contains("socket.timeout.ms"), "{error}");
    }

    #[test]
    fn properties_that_do_not_go_together_are_refused_before_a_start() {
        // Each alone is fine: a fetch must hold the largest message.
        let mut config = config("fetch.max.bytes", "1000");
        assert!(config.check().is_ok());
        let error = config.check_together().unwrap_err().to_string();
        assert!(error.contains("fetch.max.bytes"), "{error}");
        config.properties.clear();
        assert!(config.check_together().is_ok());
    }

    #[test]
    fn a_wrong_secret_is_not_shown() {
        let error = config("ssl.key.pem", "hunter2").check();
        let shown = format!("{:?} {:?}", error, config("sasl.password", "hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn what_figures_depend_on_can_not_be_overridden() {
        for (property, value) in FIXED {
            let error = config(property, value).check().unwrap_err();
            assert!(
                matches!(error, Error::Setting { .. }),
                "{property}: {error}"
            );
        }
        for (property, _) in ELSEWHERE {
            assert!(config(property, "x").check().is_err(), "{property}");
        }
    }
}
