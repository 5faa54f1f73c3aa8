//! Loads the objects into Kibana, and compares them with those that it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::client::{Kibana, KibanaRequestError, KibanaResponse};
use super::error::{Error, Refusal};
use super::saved_object::{DASHBOARD, DATA_VIEW, SavedObject, ndjson};

/// The file name of the upload: Kibana refuses another ending.
const FILE_NAME: &str = "tidegauge.ndjson";

/// The result of loading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loaded {
    /// How many objects were loaded, new or again.
    pub objects: usize,
}

impl Kibana {
    /// Waits for Kibana and loads all objects: those with the same ids are replaced, so that it can
    /// be done again at any time.
    ///
    /// # Errors
    /// When Kibana is not available in time, or does not take every object.
    pub async fn load(&self) -> Result<Loaded, Error> {
        let objects = self.layout.objects();
        self.available().await?;
        let deadline = Instant::now() + self.config.wait;
        loop {
            match self.import(&objects).await {
                Ok(loaded) => return Ok(loaded),
                Err(KibanaRequestError::Permanent(error)) => return Err(error),
                // Replacing twice is harmless, so an import without an answer is repeated.
                Err(KibanaRequestError::Retryable(reason)) => {
                    self.wait_for_retry(deadline, reason).await?
                }
            }
        }
    }

    async fn import(&self, objects: &[SavedObject]) -> Result<Loaded, KibanaRequestError> {
        let file = Part::text(ndjson(objects))
            .file_name(FILE_NAME)
            .mime_str("application/x-ndjson")
            .map_err(|error| KibanaRequestError::Retryable(error.to_string()))?;
        let url = self
            .config
            .in_space("api/saved_objects/_import?overwrite=true");
        let request = self
            .request(Method::POST, &url)
            .multipart(Form::new().part("file", file));
        let answer = self.send(request).await?;
        let what = "load the saved objects";
        if !answer.is_success() {
            return Err(self.failed(what, &answer));
        }
        let Some(body) = answer.json() else {
            return Err(KibanaRequestError::Permanent(Error::Failed {
                url: self.shown(),
                what,
                reason: format!("its answer is not JSON: {}", answer.shown()),
            }));
        };
        let taken = body["successCount"].as_u64().unwrap_or(0);
        // A status of 200 says only that the file could be read.
        if body["success"] == true && taken == objects.len() as u64 {
            return Ok(Loaded {
                objects: objects.len(),
            });
        }
        Err(KibanaRequestError::Permanent(Error::Refused {
            url: self.shown(),
            taken,
            given: objects.len(),
            refused: refusals(&body["errors"]),
        }))
    }

    /// What differs between the objects in Kibana and those that would be loaded, each in a
    /// sentence. Kibana rewrites what it holds when it is upgraded, so only what is still the same
    /// after that is compared.
    ///
    /// # Errors
    /// When Kibana is not available in time, or can't be asked.
    pub async fn differences(&self) -> Result<Vec<String>, Error> {
        self.available().await?;
        let deadline = Instant::now() + self.config.wait;
        let ours = self.layout.objects();
        let held = loop {
            match self.export(&ours).await {
                Ok(held) => break held,
                Err(KibanaRequestError::Permanent(error)) => return Err(error),
                Err(KibanaRequestError::Retryable(reason)) => {
                    self.wait_for_retry(deadline, reason).await?
                }
            }
        };
        Ok(ours
            .iter()
            .flat_map(
                |object| match held.get(&(object.kind.to_owned(), object.id.clone())) {
                    Some(held) => differences(object, held),
                    None => vec![format!("{} {} is not there", object.kind, object.id)],
                },
            )
            .collect())
    }

    /// What Kibana holds of the objects, by type and id.
    async fn export(
        &self,
        objects: &[SavedObject],
    ) -> Result<BTreeMap<(String, String), Value>, KibanaRequestError> {
        let mut held = BTreeMap::new();
        // If one object is missing, Kibana exports none, so each is requested by itself.
        for object in objects {
            let request = self
                .request(
                    Method::POST,
                    &self.config.in_space("api/saved_objects/_export"),
                )
                .json(&json!({
                    "excludeExportDetails": true,
                    "objects": [{"id": object.id, "type": object.kind}],
                }));
            let answer = self.send(request).await?;
            if answer.is_success() {
                let found = exported(&answer, object).ok_or_else(|| {
                    KibanaRequestError::Permanent(Error::Failed {
                        url: self.shown(),
                        what: EXPORT,
                        reason: format!("its answer is not valid: {}", answer.shown()),
                    })
                })?;
                held.insert((object.kind.to_owned(), object.id.clone()), found);
            } else if !is_missing(&answer) {
                return Err(self.failed(EXPORT, &answer));
            }
        }
        Ok(held)
    }
}

const EXPORT: &str = "show the saved objects";

fn exported(answer: &KibanaResponse, object: &SavedObject) -> Option<Value> {
    let text = std::str::from_utf8(&answer.body).ok()?;
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|held| held["type"] == object.kind && held["id"] == object.id.as_str())
}

/// Whether the object that was asked for is all that is wrong.
fn is_missing(answer: &KibanaResponse) -> bool {
    let Some(body) = answer.json().filter(|_| answer.status == 400) else {
        return false;
    };
    let objects = body["attributes"]["objects"].as_array();
    objects.is_some_and(|objects| {
        !objects.is_empty() && objects.iter().all(|one| one["error"]["statusCode"] == 404)
    })
}

fn refusals(errors: &Value) -> Vec<Refusal> {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let errors = errors.as_array().map(Vec::as_slice).unwrap_or_default();
    errors
        .iter()
        .map(|error| Refusal {
            kind: text(&error["type"]),
            id: text(&error["id"]),
            reason: reason(&error["error"]),
        })
        .collect()
}

fn reason(error: &Value) -> String {
    let kind = error["type"].as_str().unwrap_or("no reason given");
    let missing: Vec<String> = error["references"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .map(|need| {
            let text = |key: &str| need[key].as_str().unwrap_or("?");
            format!("{} {}", text("type"), text("id"))
        })
        .collect();
    match (error["message"].as_str(), missing.as_slice()) {
        (Some(message), _) => format!("{kind} ({message})"),
        (None, []) => kind.to_owned(),
        (None, missing) => format!("{kind} ({})", missing.join(", ")),
    }
}

/// The differences of one of our objects in Kibana.
fn differences(ours: &SavedObject, held: &Value) -> Vec<String> {
    let (kind, id) = (ours.kind, &ours.id);
    let members: &[&str] = match kind {
        DATA_VIEW => &["title", "name", "timeFieldName"],
        _ => &["title"],
    };
    let mut found: Vec<String> = members
        .iter()
        .filter(|member| ours.attributes[**member] != held["attributes"][**member])
        .map(|member| {
            let (wanted, there) = (&ours.attributes[*member], &held["attributes"][*member]);
            format!("{kind} {id} differs: its {member} is {there}, not {wanted}")
        })
        .collect();
    if kind == DASHBOARD {
        let (wanted, there) = (panels(&ours.attributes), panels(&held["attributes"]));
        found.extend(
            wanted
                .difference(&there)
                .map(|panel| format!("{kind} {id} differs: the panel {panel} is missing")),
        );
        found.extend(
            there
                .difference(&wanted)
                .map(|panel| format!("{kind} {id} differs: the panel {panel} is not ours")),
        );
    }
    found
}

fn panels(attributes: &Value) -> BTreeSet<String> {
    let text = attributes["panelsJSON"].as_str().unwrap_or("[]");
    let panels: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    panels
        .iter()
        .filter_map(|panel| panel["panelIndex"].as_str().map(str::to_owned))
        .collect()
}
