//! Which part of a record is searched for the facts of a payment.

use super::field_profile::FieldProfile;
use super::sample_profile::SampleProfile;
use crate::decode::mapping::{Path, PathStep, Place};

/// The object that holds the payment, as far as the form of the records says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SearchScope {
    pub envelope: EnvelopeForm,
    /// Empty if the value itself is the payment's object.
    pub path: Path,
    /// Objects that hold no facts.
    left_out: Vec<Path>,
}

/// A known form of records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EnvelopeForm {
    /// Nothing that is known.
    Plain,
    /// The changes of a table's rows, as Debezium has them.
    Debezium,
    /// A CloudEvent.
    CloudEvent,
    /// An event of Stripe's API.
    StripeEvent,
    /// A value with its schema, as converters of Kafka Connect have it.
    ConnectSchema,
}

/// What a place outside of the payment's object loses.
const OUTSIDE: i32 = -60;
/// What each object around a field loses it.
const A_LEVEL: i32 = -4;

impl SearchScope {
    /// The one that the records of `profile` have.
    pub(super) fn of(profile: &SampleProfile) -> Self {
        let most = |path: &[&str]| {
            let objects = profile.at(path).map_or(0, |field| field.objects);
            objects > 0 && objects * 2 >= profile.records
        };
        let paths =
            |names: &[&str]| Path::from(names.iter().map(|name| step(name)).collect::<Vec<_>>());
        let scope = |envelope, path: &[&str], left_out: &[&[&str]]| Self {
            envelope,
            path: paths(path),
            left_out: left_out.iter().map(|path| paths(path)).collect(),
        };
        for prefix in [&[][..], &["payload"]] {
            let within = |name| [prefix, &[name]].concat();
            if is_operation(profile.at(&within("op"))) && most(&within("after")) {
                let left_out: [&[&str]; 2] = [&within("before"), &["schema"]];
                return scope(EnvelopeForm::Debezium, &within("after"), &left_out);
            }
        }
        let is_event = |field: Option<&FieldProfile>| {
            field.is_some_and(|field| {
                let events = field.values.as_ref().and_then(|values| values.get("event"));
                events.is_some_and(|events| *events * 2 >= profile.records)
            })
        };
        if profile.at(&["specversion"]).is_some() && most(&["data"]) {
            scope(EnvelopeForm::CloudEvent, &["data"], &[])
        } else if is_event(profile.at(&["object"])) && most(&["data", "object"]) {
            let left_out: [&[&str]; 1] = [&["data", "previous_attributes"]];
            scope(EnvelopeForm::StripeEvent, &["data", "object"], &left_out)
        } else if most(&["schema"]) && most(&["payload"]) {
            scope(EnvelopeForm::ConnectSchema, &["payload"], &[&["schema"]])
        } else {
            scope(EnvelopeForm::Plain, &[], &[])
        }
    }

    /// The place of `field` in a mapping, and what it loses for where it is; `None` if no fact is
    /// looked for there.
    pub(super) fn place(
        &self,
        field: &FieldProfile,
        profile: &SampleProfile,
    ) -> Option<(Place, i32)> {
        let path = match &field.place {
            Place::Value(path) | Place::Payment(path) => path,
            other @ (Place::Key | Place::Timestamp) => return Some((other.clone(), OUTSIDE)),
            other @ Place::Header(_) => return Some((other.clone(), OUTSIDE / 2)),
        };
        if self
            .left_out
            .iter()
            .any(|left_out| inside(path, left_out).is_some())
            || !profile.is_certain(path)
        {
            return None;
        }
        let level = |steps: &[PathStep]| {
            let levels = i32::try_from(steps.len()).unwrap_or(i32::MAX / 8);
            (levels - 1) * A_LEVEL
        };
        match inside(path, &self.path) {
            Some([]) => None,
            Some(steps) => Some((Place::Payment(Path::from(steps.to_vec())), level(steps))),
            None => Some((Place::Value(path.clone()), level(path.steps()) + OUTSIDE)),
        }
    }

    /// This scope, narrowed to the innermost object that holds all `places` that are in its own.
    pub(super) fn narrowed<'p>(&self, places: impl Iterator<Item = &'p Place>) -> Self {
        let mut common: Option<Vec<PathStep>> = None;
        for place in places {
            let Place::Payment(path) = place else {
                continue;
            };
            let around = path
                .steps()
                .split_last()
                .map_or(&[][..], |(_, around)| around);
            common = Some(match common {
                None => around.to_vec(),
                Some(common) => {
                    let pairs = common.iter().zip(around);
                    let same = pairs.take_while(|(a, b)| a == b);
                    same.map(|(step, _)| step.clone()).collect()
                }
            });
        }
        Self {
            path: self.path.followed_by(&common.unwrap_or_default()),
            ..self.clone()
        }
    }

    /// `place`, which is one in this scope, as it is in `other`.
    pub(super) fn place_in(&self, other: &Self, place: &Place) -> Place {
        let Place::Payment(path) = place else {
            return place.clone();
        };
        let path = self.path.followed_by(path.steps());
        match inside(&path, &other.path) {
            Some([]) | None => Place::Value(path),
            Some(steps) => Place::Payment(Path::from(steps.to_vec())),
        }
    }
}

/// The steps of `path` from the object at `outer`, if it leads there.
fn inside<'p>(path: &'p Path, outer: &Path) -> Option<&'p [PathStep]> {
    path.steps().strip_prefix(outer.steps())
}

fn step(name: &str) -> PathStep {
    PathStep::Field(name.to_owned())
}

/// Whether all its values are operations of Debezium.
fn is_operation(field: Option<&FieldProfile>) -> bool {
    let Some(values) = field.and_then(|field| field.values.as_ref()) else {
        return false;
    };
    let known = ["c", "u", "d", "r", "t", "m"];
    !values.is_empty() && values.keys().all(|value| known.contains(&value.as_str()))
}
