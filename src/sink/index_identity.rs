//! Which of its name an index is.

use serde_json::Value;

/// Tells an index from any other of its name, and from what it was before a snapshot was restored: its uuid, and
/// behind a slash that of its history, which a closed index gets when a snapshot is restored over it. `None` if
/// these settings have no uuid.
pub(super) fn identity(settings: &Value) -> Option<String> {
    let index = &settings["index"];
    let uuid = index["uuid"].as_str()?;
    let history = index["history"]["uuid"].as_str();
    Some(history.map_or_else(|| uuid.to_owned(), |history| format!("{uuid}/{history}")))
}

/// Whether `identity` is that of the index with this `uuid`, whatever its history. No uuid has a slash: it is
/// Base64 for URLs.
pub(super) fn is_of(identity: &str, uuid: &str) -> bool {
    identity.split('/').next() == Some(uuid)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_index_has_another_identity_once_a_snapshot_is_restored_over_it_and_the_same_uuid() {
        let made = identity(&json!({ "index": { "uuid": "a-_1" } }));
        let restored = json!({ "index": { "uuid": "a-_1", "history": { "uuid": "b" } } });
        let restored = identity(&restored);
        assert_eq!(made.as_deref(), Some("a-_1"));
        assert_eq!(restored.as_deref(), Some("a-_1/b"));
        for identity in [made, restored].into_iter().flatten() {
            assert!(is_of(&identity, "a-_1"));
            assert!(!is_of(&identity, "a-_") && !is_of(&identity, "b"));
        }
        assert_eq!(identity(&json!({ "index": {} })), None);
    }
}
