//! The table of all keys: each with its shape, its default and its meaning. The reference, the JSON
//! Schema and the advice on misspelled keys read it. The configuration that `check` prints is made in
//! `effective.rs`.

mod payment;

/// A section and its keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct SectionKeys {
    /// As in front of a dot: `kafka`; the top level has no name.
    pub(super) name: &'static str,
    /// One sentence, or more.
    pub(super) meaning: &'static str,
    pub(super) keys: &'static [ConfigKey],
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConfigKey {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// The default as TOML writes it; `None` for a key without a default.
    pub(super) default: Option<&'static str>,
    /// What may be written, where the shape does not say it all; empty if it does.
    pub(super) range: &'static str,
    pub(super) meaning: &'static str,
    /// Whether it decides figures, so that the state is bound to it.
    pub(super) is_rule: bool,
}

/// The form of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// A text of this form, a regular expression; an empty one if any text will do.
    Text(&'static str),
    /// `5s`, `1m30s`; whether it may be zero.
    Duration { zero: bool },
    /// `6h`, `-8h`, `0s`.
    Offset,
    /// `512kb`.
    Size,
    /// A whole number in this range, both ends included.
    Integer(usize, usize),
    /// A whole number in this range, both ends included, or this word.
    IntegerOr(usize, usize, &'static str),
    /// `true` or `false`.
    Boolean,
    /// An IANA time zone.
    Zone,
    /// The path of a file; an empty text stands for no file.
    File,
    /// A section of this name.
    Section(&'static str),
    /// A list of sections of this name.
    List(&'static str),
    /// A section whose keys are the operator's.
    Free,
}

/// 1 to 64 characters, a small letter or digit first.
const INDEX: &str = "^[a-z0-9][a-z0-9._-]{0,63}$";

const fn key(name: &'static str, shape: Shape, default: &'static str) -> ConfigKey {
    ConfigKey {
        name,
        shape,
        default: Some(default),
        range: "",
        meaning: "",
        is_rule: false,
    }
}

const fn without_default(name: &'static str, shape: Shape) -> ConfigKey {
    ConfigKey {
        default: None,
        ..key(name, shape, "")
    }
}

impl ConfigKey {
    const fn range(self, range: &'static str) -> Self {
        Self { range, ..self }
    }

    const fn means(self, meaning: &'static str) -> Self {
        Self { meaning, ..self }
    }

    const fn rule(self) -> Self {
        Self {
            is_rule: true,
            ..self
        }
    }
}

/// All sections, in the order of the example.
pub(super) const SECTIONS: &[SectionKeys] = &[
    SectionKeys {
        name: "",
        meaning: "Keys before the first section.",
        keys: &[
            key("state_dir", Shape::Text("^[\\s\\S]+$"), "\"state\"")
                .range("a directory on a local disk")
                .means("Where positions and figures are kept; one process at a time."),
            key("time_zone", Shape::Zone, "\"UTC\"")
                .rule()
                .means("The zone in which an event time without an offset is read."),
            without_default("kafka", Shape::Section("kafka")).means("The Kafka topic to read."),
            without_default("event_time", Shape::Section("event_time"))
                .means("When payments are late and windows final."),
            without_default("window", Shape::List("window"))
                .rule()
                .range("1 to 64 of them")
                .means("The windows. Without any: `1m` and `1h` (tumbling), `10m-by-1m` (sliding) and `day` (cumulative by 1 h, from midnight in Asia/Shanghai)."),
            without_default("payment", Shape::Section("payment"))
                .rule()
                .means("Where a record says what. Without this section, it is the original message."),
            without_default("dedup", Shape::Section("dedup"))
                .rule()
                .means("Which payments are duplicates. Without this section, none is."),
            without_default("branches", Shape::Free)
                .range("branch = \"name\"; a branch is an integer from 0 to 2147483647, or a text in quotes of at most 256 bytes")
                .means("Names of branches. An integer that is not listed is `Branch_<integer>`, and a text is called what it is."),
            without_default("elasticsearch", Shape::Section("elasticsearch"))
                .means("The Elasticsearch to write to. Without this section, no index is written."),
            without_default("http", Shape::Section("http")).means("The HTTP server."),
            without_default("kibana", Shape::Section("kibana"))
                .means("Where `tidegauge kibana` puts data views and the dashboard."),
        ],
    },
    SectionKeys {
        name: "kafka",
        meaning: "The Kafka topic to read.",
        keys: &[
            without_default(
                "brokers",
                Shape::Text(
                    "^\\s*([A-Za-z0-9_]+://)?(\\[[0-9A-Fa-f:.]+\\]|[^\\s,:/\\[\\]]+)(:0*[1-9][0-9]{0,4})?\\s*(,\\s*([A-Za-z0-9_]+://)?(\\[[0-9A-Fa-f:.]+\\]|[^\\s,:/\\[\\]]+)(:0*[1-9][0-9]{0,4})?\\s*)*$",
                ),
            )
            .range("host:port, more than one with commas")
            .means("The brokers. Required by `serve`."),
            key(
                "topic",
                Shape::Text("^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,249}$"),
                "\"payment_msg\"",
            )
            .range("1 to 249 letters, digits, dots, hyphens, underscores")
            .means("The topic. The state is bound to it."),
            key("group_id", Shape::Text(""), "\"tidegauge\"").means(
                "Positions are committed under this group for tools that watch lag, and never read back; `\"\"` commits none.",
            ),
            key(
                "start",
                Shape::Text("^(latest|earliest|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]{8,}([Zz]|[+-][0-9]{2}:?[0-9]{2}))$"),
                "\"latest\"",
            )
            .range("latest, earliest, or an RFC 3339 time")
            .means(
                "Where an empty state begins (a time: by record timestamps). After that, the stored position decides; a partition that is added later is read from its beginning.",
            ),
            key("reader", Shape::Text("^(auto|librdkafka|direct)$"), "\"auto\"")
                .range("auto, librdkafka, direct")
                .means(
                    "By what records are read; figures are the same. `auto`: by the direct reader, which is several times as fast, where it can, and by librdkafka elsewhere; the status says which. `direct`: as `auto`, but the log warns where librdkafka reads.",
                ),
            key("appliers", Shape::IntegerOr(1, 64, "auto"), "\"auto\"").means(
                "The number of threads that apply records. Each thread applies the records of some partitions. The number does not change any figure. `auto`: as many as there are cores, and 8 at most, but one if librdkafka reads all. A number that is set holds for both readers. There are never more than the topic had partitions at the start.",
            ),
            without_default("properties", Shape::Free)
                .range("properties of librdkafka")
                .means(
                    "Any property of librdkafka except those that exactness depends on, such as `security.protocol`, `sasl.*`, `ssl.*`.",
                ),
        ],
    },
    SectionKeys {
        name: "event_time",
        meaning: "When payments are late and windows final.",
        keys: &[
            key("out_of_orderness", Shape::Duration { zero: true }, "\"5s\"")
                .rule()
                .means("The watermark of a partition is its highest believed event time minus this. A payment that is earlier is late; so is one this far behind a jump that it agrees with."),
            key("allowed_lateness", Shape::Duration { zero: true }, "\"1d\"")
                .rule()
                .means(
                    "A late payment corrects its windows until the watermark of its partition is this far past the end of the last of them.",
                ),
            key("idle_after", Shape::Duration { zero: true }, "\"30s\"")
                .means("A partition that was read to its end and had no payment on time for this long no longer holds the others back."),
            key("quiet_after", Shape::Duration { zero: true }, "\"1m\"")
                .means("When all partitions have been idle for this long, windows that have ended by the wall clock become final."),
            key("max_future", Shape::Duration { zero: true }, "\"5m\"")
                .rule()
                .means("A payment further than this ahead of the timestamp of its record enters no window and moves no watermark."),
            key("retention", Shape::Duration { zero: true }, "\"35d\"")
                .range("at least `allowed_lateness` and the longest window together")
                .means("Windows are kept for queries and corrections this far back from the watermark of the slowest partition that is waited for."),
            key("zero_windows", Shape::Boolean, "true")
                .rule()
                .means("Known branches get a final window with zeros for a period without payments."),
        ],
    },
    SectionKeys {
        name: "window",
        meaning: "One window definition; write `[[window]]` before each.",
        keys: &[
            without_default("name", Shape::Text("^[a-z0-9][a-z0-9-]{0,63}$"))
                .rule()
                .range("small letters, digits, hyphens; not `totals`, `late`, `rejects`, nor another name followed by `-g` and a number")
                .means("Required. Also the route (`/api/v1/windows/1m`) and the index (`payments-1m`)."),
            without_default("size", Shape::Duration { zero: false })
                .rule()
                .range("`100ms` or more")
                .means("Required. How long a window is."),
            without_default("slide", Shape::Duration { zero: false })
                .rule()
                .range("`100ms` or more; a payment is in at most 100,000 windows, those of all definitions together")
                .means("Windows overlap: one begins at each multiple of this (hopping, HOP)."),
            without_default("step", Shape::Duration { zero: false })
                .rule()
                .range("`100ms` or more; bounded as `slide` is")
                .means("Makes the windows cumulative (CUMULATE): each begins at the start of its period of `size`, and one ends every `step`. Not together with `slide`."),
            key("offset", Shape::Offset, "\"0s\"")
                .rule()
                .range("a negative one too, shorter than the time after which the windows repeat")
                .means("Shifts the grid: `6h` makes a day that begins at 06:00, `-8h` one that begins at 16:00 of the day before, as `16h` does."),
            without_default("time_zone", Shape::Zone)
                .rule()
                .means("Windows of a day or longer begin at midnight here; without it, in the `time_zone` of the top level."),
        ],
    },
    payment::KEYS,
    payment::DEDUP_KEYS,
    SectionKeys {
        name: "elasticsearch",
        meaning: "The Elasticsearch to write to. Without this section, no index is written. The server need not be up when the service starts.",
        keys: &[
            key(
                "url",
                Shape::Text("^\\s*https?://[^@\\s,?#]+(\\s*,\\s*https?://[^@\\s,?#]+)*\\s*$"),
                "\"http://127.0.0.1:9200\"",
            )
            .range("http:// or https://, without a password; several addresses of one cluster with commas between them")
            .means("The address. Of several, one is asked, and the next one when it does not answer."),
            key("index_prefix", Shape::Text(INDEX), "\"payments\"")
                .range("1 to 64 small letters, digits, hyphens, underscores, dots")
                .means("The prefix of the names of indexes, aliases and templates."),
            key(
                "legacy_totals",
                Shape::Text("^([a-z0-9][a-z0-9._-]{0,63})?$"),
                "\"platform_pay_amount_1\"",
            )
            .range("as `index_prefix`, or `\"\"` for none")
            .means("An additional alias of the totals, for existing dashboards."),
            key("template_priority", Shape::Integer(0, 1_000_000), "500")
                .means("The priority of the index templates: raise it above that of any other template for the same names."),
            key("shards", Shape::Integer(1, 1_024), "1")
                .means("The number of primary shards of an index. It counts for indexes that are created from now on."),
            key(
                "replicas",
                Shape::Text("^[0-9]{1,4}(-([0-9]{1,4}|all))?$"),
                "\"0-1\"",
            )
            .range("a number in quotes, or a range that follows the number of nodes: `\"0-1\"`, `\"0-all\"`")
            .means("The number of copies of each shard. It counts for indexes that are created from now on."),
            key("lifecycle_policy", Shape::Text(""), "\"\"")
                .range("the name of a policy of Elasticsearch's index lifecycle management")
                .means("The policy that all indexes get: totals and the current month too. Use it for priorities and tiers. A policy that deletes, makes read-only, shrinks, takes searchable snapshots or rolls over removes or blocks indexes that are still written to; so does a force merge in Elasticsearch 7 and early versions of 8. OpenSearch attaches policies by a pattern in the policy itself."),
            key("zero_windows", Shape::Boolean, "false")
                .means("Final windows without payments get documents too, if windows don't overlap (neither `slide` nor `step`). HTTP always returns them. If it is turned off, these documents are deleted."),
            key("give_up_after", Shape::Duration { zero: false }, "\"7d\"")
                .range("1h at least")
                .means("For so long, windows past `event_time.retention` are kept for an index that takes nothing, and for a document that is refused. Then they are deleted, and their documents are given up. While the whole server is away, all is kept."),
            key("ca_file", Shape::File, "\"\"")
                .means("PEM file with certificate authorities to trust besides the usual ones."),
            key("api_key_file", Shape::File, "\"\"")
                .range("not beside `username`")
                .means("File with an encoded API key."),
            key("username", Shape::Text(""), "\"\"")
                .range("together with `password_file`")
                .means("Name for basic authentication."),
            key("password_file", Shape::File, "\"\"")
                .range("together with `username`")
                .means("File with the password."),
            without_default("bulk", Shape::Section("elasticsearch.bulk"))
                .means("How documents are sent."),
        ],
    },
    SectionKeys {
        name: "elasticsearch.bulk",
        meaning: "How documents are sent.",
        keys: &[
            key("max_actions", Shape::Integer(1, 100_000), "5000")
                .means("The maximum number of documents in one request."),
            key("max_size", Shape::Size, "\"5mb\"")
                .range("1b to 100mb")
                .means("The maximum size of one request."),
            key("interval", Shape::Duration { zero: false }, "\"1s\"").means(
                "The longest wait before pending documents are looked for. Usually a document is sent at \
                 once: a round begins with the next change, after a pause. The pause is three times the \
                 duration of the last round, from 50 to 150 ms, or as long as that round if it took longer.",
            ),
            key("max_in_flight", Shape::Integer(1, 64), "2").means("The maximum number of concurrent requests."),
        ],
    },
    SectionKeys {
        name: "http",
        meaning: "The HTTP server.",
        keys: &[
            key(
                "listen",
                Shape::Text("^([0-9.]{7,15}|\\[[0-9A-Fa-f:.%]+\\]):[0-9]{1,5}$"),
                "\"127.0.0.1:8080\"",
            )
            .range("an IP address and a port; port 0 takes any that is free")
            .means("The address to listen on. An address that other machines can reach needs a token."),
            key("token_file", Shape::File, "\"\"")
                .range("required unless `listen` is loopback")
                .means("File with the token that requests must carry (`Authorization: Bearer …`)."),
        ],
    },
    SectionKeys {
        name: "kibana",
        meaning: "Where `tidegauge kibana load` puts data views and the dashboard. The service itself never asks Kibana.",
        keys: &[
            key(
                "url",
                Shape::Text("^https?://[^@\\s?#]+$"),
                "\"http://127.0.0.1:5601\"",
            )
            .range("http:// or https://, without a password")
            .means("The address."),
            key("space", Shape::Text("^[a-z0-9_-]{0,100}$"), "\"\"")
                .range("small letters, digits, hyphens, underscores")
                .means("The space; `\"\"` is the default one."),
            key("ca_file", Shape::File, "\"\"")
                .means("PEM file with certificate authorities to trust besides the usual ones."),
            key("api_key_file", Shape::File, "\"\"")
                .range("not beside `username`")
                .means("File with an encoded API key."),
            key("username", Shape::Text(""), "\"\"")
                .range("together with `password_file`")
                .means("Name for basic authentication."),
            key("password_file", Shape::File, "\"\"")
                .range("together with `username`")
                .means("File with the password."),
            key("wait", Shape::Duration { zero: true }, "\"1m\"")
                .range("at most 1h")
                .means("How long Kibana may take until it is available."),
        ],
    },
];

/// The keys of a section, if it is one whose keys are fixed.
pub(super) fn of(section: &str) -> Option<&'static [ConfigKey]> {
    let found = SECTIONS.iter().find(|known| known.name == section);
    found.map(|known| known.keys)
}

impl Shape {
    /// What an operator calls a value of this shape.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Duration { .. } | Self::Offset => "duration",
            Self::Size => "size",
            Self::Integer(..) | Self::IntegerOr(..) => "whole number",
            Self::Boolean => "true or false",
            Self::Zone => "IANA time zone",
            Self::File => "path of a file",
            Self::Section(_) | Self::Free => "section",
            Self::List(_) => "list of sections",
        }
    }
}
