//! Where a record says what: `[payment]`.

use chrono_tz::Tz;

use super::raw::SettingValue;
use super::section::{Section, one_of};
use super::toml_text::{TomlText, quoted};
use crate::decode::mapping::{
    AmountForm, AmountScale, BranchType, Currencies, CurrencyCode, EpochUnit, KeyPlaces,
    MappingSettings, PaymentCondition, Place, Template, TimeForm,
};

/// Reads the section; `time_zone` is that of times without an offset.
pub(super) fn read(section: &Section<'_>, time_zone: Tz) -> MappingSettings {
    let default = MappingSettings::default();
    let envelope = section.parsed("envelope", None, |text| match text {
        "" => Ok(None),
        _ => parsed_path(text).map(Some),
    });
    let branch = section.parsed("branch", default.branch, key);
    let currency = section.parsed("currency", None, optional_place);
    let currencies = section.parsed("currencies", Currencies::Apart, currencies);
    let is_apart = currency.is_some() && currencies == Currencies::Apart;
    let branch_type = branch_type(section, &branch, is_apart);
    let fields = MappingSettings {
        envelope,
        event_time: section.parsed("event_time", default.event_time, place),
        event_time_form: section.parsed("event_time_format", default.event_time_form, |text| {
            text.parse().map_err(shown)
        }),
        amount: section.parsed("amount", default.amount, place),
        amount_form: AmountForm {
            scale: scale(section),
            thousands: section.parsed("amount_thousands", None, thousands),
            point: section.parsed("amount_point", '.', point),
        },
        branch,
        branch_type,
        order_id: section.parsed("order_id", default.order_id, |text| match text {
            "" => Ok(None),
            _ => key(text).map(Some),
        }),
        currency,
        currencies,
        condition: section.parsed("where", None, condition),
        negative: section.parsed("negative_where", None, condition),
    };
    check(section, &fields, time_zone);
    fields
}

/// What needs another key to be as it is.
fn check(section: &Section<'_>, fields: &MappingSettings, time_zone: Tz) {
    if let TimeForm::Pattern(pattern) = &fields.event_time_form
        && pattern.says_utc()
        && time_zone != Tz::UTC
    {
        let message = format!(
            "the pattern has UTC as a fixed text, and no offset: its times would be read in {time_zone}; set \
             time_zone to UTC, or write %z"
        );
        section.problem("event_time_format", message);
    }
    let has_currency = fields.currency.is_some();
    if fields.amount_form.scale == AmountScale::OfCurrency && !has_currency {
        section.problem(
            "amount_scale",
            "\"currency\" needs payment.currency: give the path of the currency",
        );
    }
    let is_in_millis = matches!(
        fields.event_time_form,
        TimeForm::Auto | TimeForm::Epoch(EpochUnit::Millis)
    );
    if fields.event_time == Place::Timestamp && !is_in_millis {
        section.problem(
            "event_time_format",
            "$timestamp is in milliseconds: leave the format out",
        );
    }
    if !has_currency && fields.currencies != Currencies::Apart {
        section.problem(
            "currencies",
            "this needs payment.currency: give the path of the currency",
        );
    }
    if let (AmountScale::OfCurrency, Currencies::Only(code)) =
        (fields.amount_form.scale, fields.currencies)
        && let Err(error) = code.exponent()
    {
        section.problem("currencies", format!("\"{code}\" {error}"));
    }
    if fields.amount_form.thousands == Some(fields.amount_form.point) {
        section.problem(
            "amount_thousands",
            "this is amount_point already: give another character, or set amount_point",
        );
    }
    let is_text = matches!(fields.branch, KeyPlaces::Several(_))
        || (has_currency && fields.currencies == Currencies::Apart);
    if fields.branch_type == BranchType::Integer && is_text && section.get("branch_type").is_some()
    {
        section.problem(
            "branch_type",
            "a branch that is made of several values is a text: give \"any\", or leave the key out",
        );
    }
}

fn place(text: &str) -> Result<Place, String> {
    text.parse().map_err(shown)
}

fn optional_place(text: &str) -> Result<Option<Place>, String> {
    match text {
        "" => Ok(None),
        _ => place(text).map(Some),
    }
}

fn parsed_path(text: &str) -> Result<crate::decode::mapping::Path, String> {
    text.parse()
        .map_err(|error| match text.strip_prefix("$value.") {
            Some(path) => format!("an envelope is a path in the value: write \"{path}\""),
            None => format!("\"{text}\" is not a path: {error}"),
        })
}

fn key(text: &str) -> Result<KeyPlaces, String> {
    if Template::is_meant(text) {
        let template: Template = text.parse().map_err(shown)?;
        if template.places().next().is_none() {
            return Err("the template has no place: write one as {store.id}".to_owned());
        }
        return Ok(KeyPlaces::Several(template));
    }
    place(text).map(KeyPlaces::One)
}

/// `is_apart`: the currency is a part of the branch.
fn branch_type(section: &Section<'_>, branch: &KeyPlaces, is_apart: bool) -> BranchType {
    const KNOWN: [&str; 3] = ["auto", "integer", "any"];
    // As the contract of the original message has it.
    let auto = if *branch == MappingSettings::default().branch && !is_apart {
        BranchType::Integer
    } else {
        BranchType::Any
    };
    section.parsed("branch_type", auto, |text| match text {
        "auto" => Ok(auto),
        "integer" => Ok(BranchType::Integer),
        "any" => Ok(BranchType::Any),
        other => Err(format!(
            "\"{other}\" is not a type: {}",
            one_of(other, &KNOWN)
        )),
    })
}

fn currencies(text: &str) -> Result<Currencies, String> {
    if text == "apart" {
        return Ok(Currencies::Apart);
    }
    let is_code = text
        .chars()
        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let code = text.parse().ok().filter(|_| is_code);
    let code: CurrencyCode = code.ok_or_else(|| {
        format!("\"{text}\" is not known: write \"apart\", or the code of the only currency in capital letters, such as \"EUR\"")
    })?;
    Ok(Currencies::Only(code))
}

fn condition(text: &str) -> Result<Option<PaymentCondition>, String> {
    match text {
        "" => Ok(None),
        _ => PaymentCondition::compile(text).map(Some).map_err(shown),
    }
}

fn scale(section: &Section<'_>) -> AmountScale {
    let is_word = section.get("amount_scale").is_some_and(
        |setting| matches!(&setting.value, SettingValue::Text(text) if text == "currency"),
    );
    if is_word {
        return AmountScale::OfCurrency;
    }
    let most = AmountForm::SCALE_MAX;
    if let Some(SettingValue::Text(text)) = section.get("amount_scale").map(|it| &it.value)
        && text.parse::<usize>().is_err()
    {
        let message = format!(
            "\"{text}\" is not known: give a whole number from 0 to {most}, or \"currency\""
        );
        section.problem("amount_scale", message);
        return AmountScale::Fixed(0);
    }
    let scale = section.integer("amount_scale", 0, 0, most as usize);
    // It is at most 18.
    AmountScale::Fixed(u32::try_from(scale).unwrap_or(most))
}

fn thousands(text: &str) -> Result<Option<char>, String> {
    match one_sign(text) {
        Some(sign) => Ok(Some(sign)),
        None if text.is_empty() => Ok(None),
        None => Err(format!(
            "\"{text}\" can't stand between thousands: give one character, such as \",\", that is not \
             a letter, a digit or a sign of a number"
        )),
    }
}

fn point(text: &str) -> Result<char, String> {
    one_sign(text)
        .filter(|sign| matches!(sign, '.' | ','))
        .ok_or_else(|| format!("\"{text}\" can't stand before decimals: give \".\" or \",\""))
}

fn one_sign(text: &str) -> Option<char> {
    let mut characters = text.chars();
    let sign = characters.next()?;
    let is_sign = characters.next().is_none()
        && !sign.is_alphanumeric()
        && !sign.is_control()
        && !matches!(sign, '+' | '-' | '"' | '\\');
    is_sign.then_some(sign)
}

fn shown(error: impl ToString) -> String {
    error.to_string()
}

/// Each key with its value, in the order of the reference: a text, or a bare number.
fn values(fields: &MappingSettings) -> Vec<(&'static str, FieldText)> {
    let form = &fields.amount_form;
    let text = |text: &dyn ToString| FieldText::Quoted(text.to_string());
    let optional = |value: Option<String>| FieldText::Quoted(value.unwrap_or_default());
    vec![
        (
            "envelope",
            optional(fields.envelope.as_ref().map(ToString::to_string)),
        ),
        ("event_time", text(&fields.event_time)),
        ("event_time_format", text(&fields.event_time_form)),
        ("amount", text(&fields.amount)),
        (
            "amount_scale",
            match form.scale {
                AmountScale::Fixed(scale) => FieldText::Bare(scale.to_string()),
                AmountScale::OfCurrency => text(&"currency"),
            },
        ),
        (
            "amount_thousands",
            optional(form.thousands.map(String::from)),
        ),
        ("amount_point", text(&form.point)),
        ("branch", text(&fields.branch)),
        (
            "branch_type",
            text(match fields.branch_type {
                BranchType::Integer => &"integer",
                BranchType::Any => &"any",
            }),
        ),
        (
            "order_id",
            optional(fields.order_id.as_ref().map(ToString::to_string)),
        ),
        (
            "currency",
            optional(fields.currency.as_ref().map(ToString::to_string)),
        ),
        (
            "currencies",
            match fields.currencies {
                Currencies::Apart => text(&"apart"),
                Currencies::Only(code) => text(&code),
            },
        ),
        (
            "where",
            optional(fields.condition.as_ref().map(ToString::to_string)),
        ),
        (
            "negative_where",
            optional(fields.negative.as_ref().map(ToString::to_string)),
        ),
    ]
}

/// A value as TOML has it.
#[derive(PartialEq, Eq)]
enum FieldText {
    Quoted(String),
    Bare(String),
}

/// The section in force.
pub(super) fn write(fields: &MappingSettings, toml: &mut TomlText) {
    toml.head("[payment]");
    for (key, value) in values(fields) {
        match value {
            FieldText::Quoted(text) => toml.text(key, &text),
            FieldText::Bare(number) => toml.bare(key, number),
        }
    }
}

/// The keys that are not as in the original message, with their values as TOML, in the order of the
/// reference.
#[must_use]
pub fn changed_keys(fields: &MappingSettings) -> Vec<(&'static str, String)> {
    values(fields)
        .into_iter()
        .zip(values(&MappingSettings::default()))
        .filter(|(ours, original)| ours != original)
        .map(|((key, value), _)| match value {
            // In quotes, as blanks around a value and line breaks in it count.
            FieldText::Quoted(text) => (key, quoted(&text)),
            FieldText::Bare(number) => (key, number),
        })
        .collect()
}

/// The lines of the rules: those of the keys that are not as in the original message, so that a state
/// from before there were others has the same rules.
pub(super) fn rules(fields: &MappingSettings) -> Vec<String> {
    let changed = changed_keys(fields).into_iter();
    changed
        .map(|(key, value)| format!("payment.{key} = {value}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    #[test]
    fn a_rule_that_a_state_leaves_out_is_told_with_the_default_that_is_read() {
        for (key, value) in values(&MappingSettings::default()) {
            let value = match value {
                FieldText::Quoted(text) => quoted(&text),
                FieldText::Bare(number) => number,
            };
            let told = store::rule_default(&format!("payment.{key}"));
            assert_eq!(told, Some(value.as_str()), "{key}");
        }
    }
}
