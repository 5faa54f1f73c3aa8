//! The one zone with clock changes that a script can have, and zones that are always as far from UTC.

use chrono_tz::Tz;
use tidegauge_windows::{EventTime, Span, offset_at_utc};

use super::FlinkJob;
use super::refusal::Refusals;
use super::sql_text::{big, plus, timestamp};
use crate::decode::mapping::TimeForm;

/// The zone of the session: that whose clocks change, if there is one, else UTC.
#[derive(Clone, Debug)]
pub(super) struct ScriptZone {
    zone: Tz,
    /// Zones whose clocks changed at some time before 2000, and when that was last.
    pub(super) former_changes: Vec<(Tz, EventTime)>,
}

/// How the clocks of a zone run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Clocks {
    /// They have been so far ahead of UTC, in milliseconds, since this moment.
    Fixed {
        ahead: i64,
        since: Option<EventTime>,
    },
    /// They change.
    Changing,
}

/// A zone whose clocks have not changed since then has fixed ones: 2000-01-01.
const FIXED_SINCE: i64 = 946_684_800_000;
/// Changes are looked for from 1972, when the last local mean times went out of use,
const FIRST: i64 = 63_072_000_000;
/// to the year 2100.
const LAST: i64 = 4_102_444_800_000;

impl Clocks {
    pub(super) fn of(zone: Tz) -> Self {
        let day = Span::DAY.millis();
        let days = (FIRST..LAST).step_by(usize::try_from(day).unwrap_or(usize::MAX));
        // A zone may leave its offset for some weeks of the year only, so each day is looked at.
        let mut last_change = None;
        let mut ahead = offset_at_utc(zone, FIRST);
        for at in days {
            let now = offset_at_utc(zone, at);
            if now != ahead {
                (ahead, last_change) = (now, Some(at));
            }
        }
        match last_change {
            Some(at) if at >= FIXED_SINCE => Self::Changing,
            since => Self::Fixed {
                ahead,
                since: since.map(EventTime::from_millis),
            },
        }
    }
}

impl ScriptZone {
    pub(super) fn of(job: &FlinkJob, refusals: &mut Refusals) -> Self {
        let zoned = job.definitions().iter().filter(|window| window.zoned());
        let mut zones: Vec<(Tz, String)> = zoned
            .map(|window| (window.zone(), format!("window \"{}\"", window.name())))
            .collect();
        if reads_local_times(job) {
            zones.push((job.decoding.zone, "time_zone".to_owned()));
        }
        let mut changing: Vec<Tz> = Vec::new();
        let mut former_changes = Vec::new();
        for (zone, key) in zones {
            match Clocks::of(zone) {
                Clocks::Fixed { since: None, .. } => {}
                Clocks::Fixed {
                    since: Some(since), ..
                } => former_changes.push((zone, since)),
                Clocks::Changing => {
                    if changing.first().is_some_and(|first| *first != zone) {
                        refusals.add(
                            key,
                            format!(
                                "one script can follow the clock changes of one zone only, and it has \
                                 {} already: write a script for each zone, with --window",
                                changing[0]
                            ),
                        );
                    }
                    changing.push(zone);
                }
            }
        }
        former_changes.sort_by_key(|(zone, _)| zone.name());
        former_changes.dedup();
        Self {
            zone: changing.first().copied().unwrap_or(Tz::UTC),
            former_changes,
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &'static str {
        self.zone.name()
    }

    /// The moment, in milliseconds since 1970, at which the clocks of `zone` show `local`, a number of milliseconds since
    /// 1970-01-01 00:00 on these clocks that is a whole minute.
    pub(super) fn moment(&self, zone: Tz, local: &str) -> String {
        match Clocks::of(zone) {
            Clocks::Fixed { ahead: 0, .. } => local.to_owned(),
            Clocks::Fixed { ahead, .. } => format!("({})", plus(local, -ahead)),
            // A local time that is skipped is read with the offset from before, one that is repeated is the first of the
            // two: the rule of java.time, and ours. Seconds would have 32 bits, and end in 2038.
            Clocks::Changing => format!(
                "{} * TIMESTAMPDIFF(MINUTE, TO_TIMESTAMP_LTZ(0, 3), CAST({} AS TIMESTAMP_LTZ(3)))",
                big(60_000),
                timestamp(local)
            ),
        }
    }

    /// What the clocks of `zone` show at `millis`, as a number of milliseconds since 1970-01-01 00:00 on these clocks.
    pub(super) fn local(&self, zone: Tz, millis: &str) -> String {
        match Clocks::of(zone) {
            Clocks::Fixed { ahead: 0, .. } => millis.to_owned(),
            Clocks::Fixed { ahead, .. } => format!("({})", plus(millis, ahead)),
            // EXTRACT gives what the clock of the session shows.
            Clocks::Changing => format!(
                "(1000 * EXTRACT(EPOCH FROM TO_TIMESTAMP_LTZ({millis}, 3)) + EXTRACT(MILLISECOND FROM \
                 TO_TIMESTAMP_LTZ({millis}, 3)))"
            ),
        }
    }
}

fn reads_local_times(job: &FlinkJob) -> bool {
    !matches!(
        job.decoding.mapping.settings().event_time_form,
        TimeForm::Epoch(_)
    )
}
