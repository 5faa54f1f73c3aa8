//! The same windows by brute force: a scan of the clock, quarter hour by quarter hour, that knows
//! nothing but what a zone's clock shows at a moment of UTC.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use proptest::prelude::*;
use tidegauge_windows::{Definition, EventTime, Kind, Span, Window};

const QUARTER: i64 = 900_000;
const DAY: i64 = 86_400_000;

fn shown_by_clock(zone: Tz, millis: i64) -> i64 {
    let utc = DateTime::from_timestamp_millis(millis).unwrap().naive_utc();
    let ahead = zone.offset_from_utc_datetime(&utc).fix().local_minus_utc();
    millis + i64::from(ahead) * 1_000
}

/// When each local day from the one before `from` to the one after `to` begins, by number.
fn day_begins(zone: Tz, offset: i64, from: i64, to: i64) -> Vec<(i64, i64)> {
    let mut begins = Vec::new();
    let mut moment = from.div_euclid(QUARTER) * QUARTER + offset % QUARTER;
    let mut shown = shown_by_clock(zone, moment);
    let mut day = (shown - offset).div_euclid(DAY);
    while moment <= to {
        let next = moment + QUARTER;
        let next_shown = shown_by_clock(zone, next);
        // The first moment that the clock shows the begin, or passes it by a jump.
        while next_shown >= (day + 1) * DAY + offset {
            day += 1;
            let begin = day * DAY + offset;
            begins.push((
                day,
                if next_shown == begin {
                    next
                } else {
                    moment + (begin - shown)
                },
            ));
        }
        (moment, shown) = (next, next_shown);
    }
    begins
}

/// All windows whose bounds are well inside `from` to `to`, in order.
fn windows_between(definition: &Definition, from: i64, to: i64) -> Vec<Window> {
    let mut bounds = if definition.zoned() {
        bounds_by_days(definition, from, to)
    } else {
        bounds_by_minutes(definition, from, to)
    };
    bounds.retain(|(start, end)| start < end);
    bounds.sort_unstable();
    bounds.dedup();
    let time = EventTime::from_millis;
    bounds
        .into_iter()
        .map(|(start, end)| Window::new(time(start), time(end)))
        .collect()
}

/// Bounds by arithmetic, which are whole minutes here.
fn bounds_by_minutes(definition: &Definition, from: i64, to: i64) -> Vec<(i64, i64)> {
    let (size, slide) = (definition.size().millis(), definition.slide().millis());
    let cumulative = definition.kind() == Kind::Cumulative;
    let (step, first, count) = if cumulative {
        (size, slide, size / slide)
    } else {
        (slide, size, 1)
    };
    (from.div_euclid(60_000)..to.div_euclid(60_000))
        .map(|minute| minute * 60_000)
        .filter(|start| (start - definition.offset().millis()).rem_euclid(step) == 0)
        .flat_map(|start| (0..count).map(move |k| (start, start + first + k * slide)))
        .collect()
}

/// Bounds by a zone's calendar.
fn bounds_by_days(definition: &Definition, from: i64, to: i64) -> Vec<(i64, i64)> {
    let (size, slide) = (definition.size().millis(), definition.slide().millis());
    let begins = day_begins(definition.zone(), definition.offset().millis(), from, to);
    let begin_of = |day: i64| {
        begins
            .iter()
            .find(|(number, _)| *number == day)
            .map(|(_, begin)| *begin)
    };
    let mut bounds = Vec::new();
    for &(day, start) in &begins {
        let every = |millis: i64| day.rem_euclid(millis / DAY) == 0;
        let end = begin_of(day + size / DAY);
        match (definition.kind(), end) {
            (Kind::Sliding, _) if slide < DAY => {
                let next = begin_of(day + 1).unwrap_or(start);
                let starts = (0..)
                    .map(|k| start + k * slide)
                    .take_while(|start| *start < next);
                bounds.extend(starts.map(|start| (start, start + size)));
            }
            (Kind::Tumbling | Kind::Sliding, Some(end)) if every(slide) => {
                bounds.push((start, end))
            }
            (Kind::Cumulative, Some(_)) if every(size) && slide % DAY == 0 => {
                let ends = (1..=size / slide).filter_map(|k| begin_of(day + k * slide / DAY));
                bounds.extend(ends.map(|end| (start, end)));
            }
            (Kind::Cumulative, Some(end)) if every(size) => {
                let ends = (1..)
                    .map(|k| start + k * slide)
                    .take_while(|grown| *grown < end);
                bounds.extend(ends.chain([end]).map(|end| (start, end)));
            }
            _ => {}
        }
    }
    bounds
}

const ZONES: [Tz; 14] = [
    Tz::UTC,
    Tz::Asia__Shanghai,
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::America__Sao_Paulo,
    Tz::Asia__Beirut,
    Tz::Asia__Kathmandu,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Apia,
    Tz::Pacific__Kwajalein,
    Tz::Pacific__Chatham,
    Tz::Antarctica__Casey,
    Tz::Antarctica__Troll,
    Tz::Africa__Cairo,
];

/// Moments near which a clock of one of the zones did something odd; ms since the epoch.
const ODD_MOMENTS: [i64; 8] = [
    1_325_239_200_000, // 2011-12-30 10:00: Apia leaves a day out
    745_891_200_000,   // 1993-08-21 00:00: Kwajalein leaves a day out
    1_541_300_400_000, // 2018-11-04 03:00: no midnight in Sao Paulo
    1_774_746_000_000, // 2026-03-29 01:00: Europe goes forward
    1_792_890_000_000, // 2026-10-25 01:00: Europe goes back
    1_772_953_200_000, // 2026-03-08 07:00: America goes forward
    1_520_704_800_000, // 2018-03-10 18:00: Casey goes back by three hours
    0,
];

fn definitions(kinds: &[Kind]) -> impl Strategy<Value = Definition> {
    let hour = Span::HOUR.millis();
    let minutes = (1_i64..300, 1_i64..300, 0_i64..300).prop_map(|(one, other, offset)| {
        (
            one.max(other) * 60_000,
            one.min(other) * 60_000,
            offset * 60_000,
        )
    });
    let days = (1_i64..8, 1_i64..8, 0_i64..20).prop_map(move |(one, other, offset)| {
        (
            one.max(other) * DAY,
            one.min(other) * DAY,
            offset * hour / 2,
        )
    });
    let slides = prop::sample::select(vec![1, 2, 3, 4, 6, 8, 12, 24]);
    let hours = (1_i64..4, slides, 0_i64..20)
        .prop_map(move |(days, slide, offset)| (days * DAY, slide * hour, offset * hour / 2));
    let lengths = prop_oneof![minutes, days, hours];
    let kinds = prop::sample::select(kinds.to_vec());
    (lengths, kinds, prop::sample::select(ZONES.to_vec())).prop_map(
        |((size, slide, offset), kind, zone)| {
            let span = Span::from_millis;
            // A step has to divide the size.
            let slide = match kind {
                Kind::Tumbling => size,
                Kind::Sliding => slide,
                Kind::Cumulative => size / (size / slide).max(1),
            };
            let step = if kind == Kind::Cumulative && size % slide != 0 {
                size
            } else {
                slide
            };
            let offset = offset % if kind == Kind::Cumulative { size } else { step };
            match kind {
                Kind::Tumbling => Definition::tumbling("w", span(size), span(offset), zone),
                Kind::Sliding => {
                    Definition::sliding("w", span(size), span(slide), span(offset), zone)
                }
                Kind::Cumulative => {
                    Definition::cumulative("w", span(size), span(step), span(offset), zone)
                }
            }
            .unwrap()
        },
    )
}

fn moments() -> impl Strategy<Value = i64> {
    let near = (
        prop::sample::select(ODD_MOMENTS.to_vec()),
        -3 * DAY..3 * DAY,
    );
    let near = near.prop_map(|(moment, away)| moment + away);
    let anywhere = 200_000_000_000_i64..2_000_000_000_000;
    let moment = prop_oneof![3 => near, 1 => anywhere];
    // Half of them on the grid, where the bounds are.
    (moment, any::<bool>()).prop_map(|(moment, on_grid)| {
        if on_grid {
            moment.div_euclid(QUARTER) * QUARTER
        } else {
            moment
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_are_those_of_a_scan_of_the_clock(
        definition in definitions(&[Kind::Tumbling, Kind::Sliding, Kind::Cumulative]),
        moment in moments(),
        length in 0_i64..3 * DAY,
    ) {
        let slack = definition.reach().millis() + 3 * DAY;
        let all = windows_between(&definition, moment - slack, moment + length + slack);
        let chosen = |wanted: &dyn Fn(&Window) -> bool| -> Vec<Window> {
            all.iter().copied().filter(|window| wanted(window)).collect()
        };
        let (time, later) = (EventTime::from_millis(moment), EventTime::from_millis(moment + length));

        let of: Vec<Window> = definition.windows_of(time).collect();
        prop_assert!(!of.is_empty());
        prop_assert_eq!(&of, &chosen(&|window| window.contains(time)));
        prop_assert_eq!(Some(definition.last_end(time)), of.iter().map(|window| window.end).max());

        let starting: Vec<Window> = definition.starting_in(time, later).collect();
        prop_assert_eq!(&starting, &chosen(&|window| time <= window.start && window.start < later));
        let mut starts: Vec<EventTime> = starting.iter().map(|window| window.start).collect();
        starts.dedup();
        prop_assert_eq!(definition.starts_in(time, later).collect::<Vec<_>>(), starts);
        for start in [time, of[0].start] {
            let there: Vec<Window> = definition.starting_at(start).collect();
            prop_assert_eq!(there, chosen(&|window| window.start == start));
        }

        let ending: Vec<Window> = definition.ending_in(time, later).collect();
        prop_assert_eq!(&ending, &chosen(&|window| time < window.end && window.end <= later));
        prop_assert!(ending.is_sorted_by_key(|window| (window.end, window.start)));
        let longest = all.iter().map(|window| window.end.millis() - window.start.millis()).max();
        prop_assert!(longest <= Some(definition.reach().millis()));
    }

    #[test]
    fn tumbling_windows_tile_the_line(
        definition in definitions(&[Kind::Tumbling]),
        moment in moments(),
    ) {
        let mut time = EventTime::from_millis(moment);
        for _ in 0..50 {
            let here: Vec<Window> = definition.windows_of(time).collect();
            prop_assert_eq!(here.len(), 1);
            prop_assert!(here[0].contains(time));
            let next = definition.windows_of(here[0].end).next();
            prop_assert_eq!(next.map(|next| next.start), Some(here[0].end));
            time = here[0].end;
        }
    }
}
