//! The configuration in force, as a file that would give the same one.

use tidegauge_windows::{Definition, Kind};

use super::rules::span;
use super::toml_text::{TomlText, key, quoted};
use super::{Config, dedup, payment, size};
use crate::domain::duration;
use crate::domain::secret::names_secret;
use crate::domain::timestamp::rfc3339;
use crate::sink::Credentials;
use crate::source::StartPosition;

impl Config {
    /// The configuration as TOML, every key with its value. Secrets are shown as `***`.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut toml = TomlText::default();
        toml.text("state_dir", &self.state_dir.display().to_string());
        toml.text("time_zone", self.time_zone.name());
        self.kafka_toml(&mut toml);
        self.event_time_toml(&mut toml);
        for definition in &self.event_time.settings.definitions {
            window_toml(definition, &mut toml);
        }
        payment::write(self.payment.settings(), &mut toml);
        dedup::write(self.duplicates, &mut toml);
        toml.head("[branches]");
        for (branch, name) in self.branches.names() {
            toml.text(&key(&branch.to_string()), name);
        }
        self.elasticsearch_toml(&mut toml);
        toml.head("[http]");
        toml.text("listen", &self.http.listen.to_string());
        toml.path("token_file", self.files.token.as_deref());
        self.kibana_toml(&mut toml);
        toml.0
    }

    fn kafka_toml(&self, toml: &mut TomlText) {
        let kafka = &self.kafka;
        toml.head("[kafka]");
        if !kafka.brokers.is_empty() {
            toml.text("brokers", &kafka.brokers);
        }
        toml.text("topic", &kafka.topic);
        toml.text("group_id", &kafka.group_id);
        match kafka.start {
            StartPosition::Latest => toml.text("start", "latest"),
            StartPosition::Earliest => toml.text("start", "earliest"),
            StartPosition::At(time) => toml.text("start", &rfc3339(time)),
        }
        toml.text("reader", kafka.reader.as_str());
        match self.appliers {
            Some(appliers) => toml.bare("appliers", appliers),
            None => toml.text("appliers", "auto"),
        }
        toml.head("[kafka.properties]");
        for (name, value) in &kafka.properties {
            let shown = if names_secret(name) { "***" } else { value };
            toml.text(&quoted(name), shown);
        }
    }

    fn event_time_toml(&self, toml: &mut TomlText) {
        let settings = &self.event_time.settings;
        toml.head("[event_time]");
        toml.text("out_of_orderness", &span(settings.out_of_orderness));
        toml.text("allowed_lateness", &span(settings.allowed_lateness));
        toml.text("idle_after", &duration::text(self.event_time.idle_after));
        toml.text("quiet_after", &duration::text(self.event_time.quiet_after));
        toml.text("max_future", &span(settings.max_future));
        toml.text("retention", &span(settings.retention));
        toml.bare("zero_windows", settings.zero_windows);
    }

    fn elasticsearch_toml(&self, toml: &mut TomlText) {
        let Some(sink) = &self.elasticsearch else {
            return;
        };
        toml.head("[elasticsearch]");
        toml.text("url", &sink.addresses());
        toml.text("index_prefix", &sink.index_prefix);
        toml.text(
            "legacy_totals",
            sink.legacy_totals.as_deref().unwrap_or_default(),
        );
        toml.bare("template_priority", sink.template.priority);
        toml.bare("shards", sink.template.shards);
        toml.text("replicas", &sink.template.replicas.text());
        toml.text(
            "lifecycle_policy",
            sink.template
                .lifecycle_policy
                .as_deref()
                .unwrap_or_default(),
        );
        toml.bare("zero_windows", sink.zero_windows);
        toml.text("give_up_after", &duration::text(sink.pacing.give_up));
        toml.path("ca_file", sink.ca_file.as_deref());
        toml.path("api_key_file", self.files.api_key.as_deref());
        toml.text("username", username(&sink.credentials));
        toml.path("password_file", self.files.password.as_deref());
        toml.head("[elasticsearch.bulk]");
        toml.bare("max_actions", sink.bulk.max_actions);
        toml.text("max_size", &size::text(sink.bulk.max_bytes));
        toml.text("interval", &duration::text(sink.bulk.interval));
        toml.bare("max_in_flight", sink.bulk.max_in_flight);
    }

    fn kibana_toml(&self, toml: &mut TomlText) {
        let Some(kibana) = &self.kibana else { return };
        toml.head("[kibana]");
        toml.text("url", kibana.url().as_str());
        toml.text("space", kibana.space.as_deref().unwrap_or_default());
        toml.path("ca_file", kibana.ca_file.as_deref());
        toml.path("api_key_file", self.files.kibana_api_key.as_deref());
        toml.text("username", username(&kibana.credentials));
        toml.path("password_file", self.files.kibana_password.as_deref());
        toml.text("wait", &duration::text(kibana.wait));
    }
}

fn username(credentials: &Credentials) -> &str {
    match credentials {
        Credentials::Basic { username, .. } => username,
        Credentials::None | Credentials::ApiKey(_) => "",
    }
}

fn window_toml(definition: &Definition, toml: &mut TomlText) {
    toml.head("[[window]]");
    toml.text("name", definition.name());
    toml.text("size", &span(definition.size()));
    match definition.kind() {
        Kind::Tumbling => {}
        Kind::Sliding => toml.text("slide", &span(definition.slide())),
        Kind::Cumulative => toml.text("step", &span(definition.slide())),
    }
    toml.text("offset", &span(definition.offset()));
    toml.text("time_zone", definition.zone().name());
}
