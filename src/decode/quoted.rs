//! Strings of JSON.

use std::borrow::Cow;

/// The text that the JSON string `raw` stands for; `None` if an escape in it stands for no
/// character.
pub(super) fn unquote(raw: &str) -> Option<Cow<'_, str>> {
    let plain = raw.strip_prefix('"')?.strip_suffix('"')?;
    if plain.contains('\\') {
        return serde_json::from_str(raw).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(plain))
}

/// The first characters of a text, for showing on one line.
pub(super) fn excerpt(text: &str) -> String {
    const LENGTH: usize = 40;
    let mut characters = text.chars();
    let mut shown: String = characters
        .by_ref()
        .take(LENGTH)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}
