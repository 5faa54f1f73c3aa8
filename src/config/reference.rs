//! The reference of the configuration, as a page of Markdown.

use super::key::{ConfigKey, SECTIONS, SectionKeys, Shape};

const HEAD: &str = "\
# Configuration

<!-- Made by `tidegauge check --reference markdown`. Change src/config/key.rs and print it again. -->

One TOML file: `--config`, else `TIDEGAUGE_CONFIG`, else `./tidegauge.toml`. Any key by environment, with two underscores
between section and key (`TIDEGAUGE_KAFKA__BROKERS=…`), which wins over the file; or by `--set kafka.brokers=…`, which
wins over both. `tidegauge check` lists all problems, or prints the effective configuration. For a page of all keys to start from, see
[tidegauge.example.toml](../tidegauge.example.toml); for an editor that knows them, see
[the JSON Schema](schema/config.schema.json): begin the file with `#:schema` and its path.

● marks rules: they decide figures and are stored with the state, which is refused under any others. How to change one:
[upgrade](how-to/upgrade.md#changing-a-rule).

Durations are whole numbers with `d`, `h`, `m`, `s`, `ms`, the longest first: `250ms`, `5s`, `1m30s`, `1h`, `1d`; at
most 100 years. Sizes are whole numbers with `b`, `kb`, `mb`, `gb`, each 1,024 times the one before: `512kb`.
A key that does not exist is an error, which names the closest one that does.
";

/// The page.
#[must_use]
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for section in SECTIONS {
        page.push_str(&format!("\n## {}\n{}\n\n", title(section), section.meaning));
        page.push_str("| key | takes | default | |\n|---|---|---|---|\n");
        for key in section.keys {
            page.push_str(&row(key));
        }
    }
    page
}

fn title(section: &SectionKeys) -> String {
    match section.name {
        "" => "Top level".to_owned(),
        "window" => "`[[window]]`".to_owned(),
        name => format!("`[{name}]`"),
    }
}

fn row(key: &ConfigKey) -> String {
    let name = key.name;
    let rule = if key.is_rule { " ●" } else { "" };
    let takes = [&takes(key.shape), key.range]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(": ");
    let default = match key.default {
        Some(default) => format!("`{default}`"),
        None => String::new(),
    };
    format!(
        "| `{name}`{rule} | {takes} | {default} | {} |\n",
        key.meaning
    )
}

fn takes(shape: Shape) -> String {
    match shape {
        Shape::Integer(least, most) => format!("{}, {least} to {most}", shape.kind()),
        Shape::IntegerOr(least, most, word) => {
            format!("{}, {least} to {most}, or `\"{word}\"`", shape.kind())
        }
        Shape::Duration { zero: false } => format!("{}, above zero", shape.kind()),
        _ => shape.kind().to_owned(),
    }
}
