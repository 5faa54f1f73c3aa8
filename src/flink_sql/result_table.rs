//! Where figures go: compacted topics, or indexes of Elasticsearch.

use tidegauge_windows::Definition;

use super::refusal::Refusals;
use super::sql_text::{identifier, literal};
use super::{FlinkJob, FlinkVersion};

/// The tables that figures are written to.
#[derive(Debug)]
pub(super) struct ResultTables<'a> {
    job: &'a FlinkJob,
}

/// More names than these don't fit a statement.
const NAMES_MAX: usize = 500;

impl<'a> ResultTables<'a> {
    pub(super) fn of(job: &'a FlinkJob, refusals: &mut Refusals) -> Self {
        let names = job.branches.names().len();
        if job.target == FlinkVersion::Flink120 {
            if names > NAMES_MAX {
                refusals.add(
                    "branches",
                    format!(
                        "there are {names} names, and at most {NAMES_MAX} fit a statement: use --target \
                         flink-2.2, whose topics have ids only"
                    ),
                );
            }
            if job.elasticsearch.is_none() {
                refusals.add(
                    "elasticsearch.url",
                    "the target flink-1.20 writes to Elasticsearch: give its address, or use --target flink-2.2",
                );
            }
        }
        Self { job }
    }

    /// The statements that make the tables.
    pub(super) fn create(&self) -> String {
        let mut text = String::from(match self.job.target {
            FlinkVersion::Flink22 => {
                "-- One compacted topic for each kind of figures, keyed by the id of the document.\n"
            }
            FlinkVersion::Flink120 => {
                "-- One index for each kind of figures. A document has the id that it has here.\n"
            }
        });
        text.push_str(&self.table("totals", self.total_columns()));
        for definition in self.job.definitions() {
            text.push_str(&self.table(definition.name(), self.window_columns()));
        }
        text
    }

    /// The id of a total's document.
    pub(super) fn total_id(&self, branch: &str) -> String {
        match self.job.target {
            FlinkVersion::Flink22 => branch.to_owned(),
            FlinkVersion::Flink120 => self.name(branch),
        }
    }

    pub(super) fn insert_totals(&self, query: &str) -> String {
        let values = match self.job.target {
            FlinkVersion::Flink22 => format!(
                "t.id, t.branch_id, t.pay_count, {}, t.first_ms, t.last_ms, 2 * t.pay_count",
                exact("t.amount")
            ),
            FlinkVersion::Flink120 => format!(
                "t.id, {last}, t.id, t.branch_id, {amount}, {}, t.pay_count, {}, {last}",
                exact("t.amount"),
                rfc3339("t.first_ms"),
                last = rfc3339("t.last_ms"),
                amount = double("t.amount"),
            ),
        };
        insert(&self.table_name("totals"), &values, query)
    }

    pub(super) fn insert_windows(&self, definition: &Definition, query: &str) -> String {
        let window = literal(definition.name());
        let values = match self.job.target {
            FlinkVersion::Flink22 => format!(
                "t.id, {window}, t.start_ms, t.end_ms, t.branch_id, t.pay_count, {}, {}, {}, t.is_final,\n  2 * \
                 t.pay_count + CASE WHEN t.is_final THEN 1 ELSE 0 END",
                exact("t.amount"),
                exact("t.least"),
                exact("t.most"),
            ),
            FlinkVersion::Flink120 => format!(
                "t.id, {start}, {window}, {start}, {}, {}, t.branch_id, {amount}, {}, t.pay_count,\n  \
                 {least}, {most}, {amount} / t.pay_count, t.is_final",
                rfc3339("t.end_ms"),
                self.name("t.branch_id"),
                exact("t.amount"),
                start = rfc3339("t.start_ms"),
                amount = double("t.amount"),
                least = double("t.least"),
                most = double("t.most"),
            ),
        };
        insert(&self.table_name(definition.name()), &values, query)
    }

    fn table_name(&self, last: &str) -> String {
        identifier(&format!("{}-{last}", self.job.prefix))
    }

    fn table(&self, last: &str, columns: &[(&str, &str)]) -> String {
        let name = format!("{}-{last}", self.job.prefix);
        let mut lines: Vec<String> = columns
            .iter()
            .map(|(column, data_type)| format!("{} {data_type}", identifier(column)))
            .collect();
        lines.push("PRIMARY KEY (id) NOT ENFORCED".to_owned());
        let options: Vec<String> = self
            .options(&name)
            .into_iter()
            .map(|(key, value)| format!("{} = {}", literal(&key), literal(&value)))
            .collect();
        format!(
            "CREATE TEMPORARY TABLE {} (\n  {}\n) WITH (\n  {}\n);\n",
            identifier(&name),
            lines.join(",\n  "),
            options.join(",\n  ")
        )
    }

    fn options(&self, name: &str) -> Vec<(String, String)> {
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        match self.job.target {
            FlinkVersion::Flink22 => {
                let mut options = own(&[
                    ("connector", "upsert-kafka"),
                    ("topic", name),
                    ("properties.bootstrap.servers", &self.job.brokers),
                    ("key.format", "raw"),
                    ("value.format", "json"),
                    ("value.fields-include", "EXCEPT_KEY"),
                ]);
                options.extend(
                    self.job
                        .properties
                        .iter()
                        .map(|(key, value)| (format!("properties.{key}"), value.clone())),
                );
                options
            }
            FlinkVersion::Flink120 => {
                let urls = self.job.elasticsearch.as_deref().unwrap_or_default();
                let hosts: Vec<String> = urls
                    .iter()
                    .map(|url| url.origin().ascii_serialization())
                    .collect();
                let mut options = own(&[
                    ("connector", "elasticsearch-7"),
                    ("hosts", &hosts.join(";")),
                    ("index", name),
                    ("sink.bulk-flush.max-actions", "5000"),
                    ("sink.bulk-flush.interval", "1 s"),
                    ("format", "json"),
                ]);
                let path = urls.first().map_or("", |url| url.path().trim_matches('/'));
                if !path.is_empty() {
                    options.extend(own(&[("connection.path-prefix", path)]));
                }
                options
            }
        }
    }

    const fn total_columns(&self) -> &'static [(&'static str, &'static str)] {
        match self.job.target {
            FlinkVersion::Flink22 => &[
                ("id", "STRING"),
                ("branch_id", "STRING"),
                ("pay_count", "BIGINT"),
                ("pay_amount_exact", "STRING"),
                ("first_event_time_ms", "BIGINT"),
                ("last_event_time_ms", "BIGINT"),
                ("version", "BIGINT"),
            ],
            FlinkVersion::Flink120 => &[
                ("id", "STRING"),
                ("@timestamp", "STRING"),
                ("branch", "STRING"),
                ("branch_id", "STRING"),
                ("pay_amount", "DOUBLE"),
                ("pay_amount_exact", "STRING"),
                ("pay_count", "BIGINT"),
                ("first_event_time", "STRING"),
                ("last_event_time", "STRING"),
            ],
        }
    }

    const fn window_columns(&self) -> &'static [(&'static str, &'static str)] {
        match self.job.target {
            FlinkVersion::Flink22 => &[
                ("id", "STRING"),
                ("window", "STRING"),
                ("window_start_ms", "BIGINT"),
                ("window_end_ms", "BIGINT"),
                ("branch_id", "STRING"),
                ("pay_count", "BIGINT"),
                ("pay_amount_exact", "STRING"),
                ("pay_min_exact", "STRING"),
                ("pay_max_exact", "STRING"),
                ("final", "BOOLEAN"),
                ("version", "BIGINT"),
            ],
            FlinkVersion::Flink120 => &[
                ("id", "STRING"),
                ("@timestamp", "STRING"),
                ("window", "STRING"),
                ("window_start", "STRING"),
                ("window_end", "STRING"),
                ("branch", "STRING"),
                ("branch_id", "STRING"),
                ("pay_amount", "DOUBLE"),
                ("pay_amount_exact", "STRING"),
                ("pay_count", "BIGINT"),
                ("pay_min", "DOUBLE"),
                ("pay_max", "DOUBLE"),
                ("pay_avg", "DOUBLE"),
                ("final", "BOOLEAN"),
            ],
        }
    }

    /// The name of a branch.
    fn name(&self, branch: &str) -> String {
        let listed: String = self
            .job
            .branches
            .names()
            .iter()
            .map(|(key, name)| {
                format!(" WHEN {} THEN {}", literal(&key.to_string()), literal(name))
            })
            .collect();
        let other = match self.job.branches.has_texts() {
            // A text is called what it is, unless that is taken.
            true => {
                let taken: Vec<String> = self
                    .job
                    .branches
                    .names()
                    .values()
                    .map(|name| literal(name))
                    .collect();
                let taken = match taken.is_empty() {
                    true => String::new(),
                    false => format!(" OR {branch} IN ({})", taken.join(", ")),
                };
                format!(
                    "CASE WHEN LEFT({branch}, 7) = 'Branch_' OR (REGEXP({branch}, '^(0|[1-9][0-9]{{0,9}})$') AND \
                     CAST({branch} AS BIGINT) <= 2147483647){taken} THEN CONCAT('Branch_', {branch}) ELSE {branch} END"
                )
            }
            false => format!("CONCAT('Branch_', {branch})"),
        };
        match listed.is_empty() {
            true => other,
            false => format!("CASE {branch}{listed} ELSE {other} END"),
        }
    }
}

fn insert(table: &str, values: &str, query: &str) -> String {
    let query = query.replace('\n', "\n  ");
    format!("INSERT INTO {table}\nSELECT {values}\nFROM (\n  {query}\n) AS t;\n")
}

/// A decimal as text, without zeros at the end.
fn exact(decimal: &str) -> String {
    format!("TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST({decimal} AS STRING)))")
}

/// The double nearest to a decimal: a cast of the decimal itself gives another one of large numbers.
fn double(decimal: &str) -> String {
    format!("CAST(CAST({decimal} AS STRING) AS DOUBLE)")
}

/// Milliseconds since 1970 as RFC 3339 in UTC, with decimals where there are milliseconds.
fn rfc3339(millis: &str) -> String {
    let timestamp = super::sql_text::timestamp(millis);
    let (seconds, milliseconds) = (
        literal("yyyy-MM-dd'T'HH:mm:ss'Z'"),
        literal("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"),
    );
    format!(
        "DATE_FORMAT({timestamp}, CASE WHEN MOD({millis}, 1000) = 0 THEN {seconds} ELSE {milliseconds} END)"
    )
}
