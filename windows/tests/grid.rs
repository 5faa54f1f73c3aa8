//! Slices and blocks.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use chrono_tz::Tz;
use proptest::prelude::*;
use tidegauge_windows::{Block, Definition, EventTime, Grid, Span, Stretch, Window};

const NONE: Span = Span::ZERO;
const MINUTE: Span = Span::MINUTE;
const HOUR: Span = Span::HOUR;
const UTC: Tz = Tz::UTC;

fn ms(millis: i64) -> EventTime {
    EventTime::from_millis(millis)
}

fn minutes(minutes: i64) -> EventTime {
    ms(minutes * 60_000)
}

fn tumbling(size: Span, offset: Span, zone: Tz) -> Definition {
    Definition::tumbling("w", size, offset, zone).unwrap()
}

fn slice(definitions: &[Definition]) -> Span {
    Grid::new(definitions).slice()
}

/// The grid of a minute window and of a day in Shanghai: slices of a minute, blocks of an hour.
fn usual() -> Grid {
    let day = Definition::cumulative("day", Span::DAY, HOUR, NONE, Tz::Asia__Shanghai).unwrap();
    Grid::new(&[tumbling(MINUTE, NONE, UTC), day])
}

#[test]
fn slice_divides_every_size_slide_and_offset() {
    assert_eq!(
        slice(&[tumbling(MINUTE.times(6), NONE, UTC)]),
        MINUTE.times(6)
    );
    assert_eq!(
        slice(&[tumbling(MINUTE.times(6), MINUTE.times(4), UTC)]),
        MINUTE.times(2)
    );
    let sliding = Definition::sliding("w", MINUTE.times(10), MINUTE.times(4), NONE, UTC).unwrap();
    assert_eq!(slice(&[sliding]), MINUTE.times(2));
    assert_eq!(
        slice(&[
            tumbling(HOUR, NONE, UTC),
            tumbling(Span::from_millis(700), NONE, UTC)
        ]),
        Span::from_millis(100)
    );
    assert_eq!(slice(&[tumbling(Span::DAY, NONE, UTC)]), Span::DAY);
}

#[test]
fn local_midnights_are_on_the_grid() {
    assert_eq!(
        slice(&[tumbling(Span::DAY, NONE, Tz::Asia__Kathmandu)]),
        MINUTE.times(15)
    );
    assert_eq!(
        slice(&[tumbling(Span::DAY, MINUTE.times(10), Tz::Asia__Kathmandu)]),
        MINUTE.times(5)
    );
    // The zone has no say in an hour.
    assert_eq!(slice(&[tumbling(HOUR, NONE, Tz::Asia__Kathmandu)]), HOUR);
}

#[test]
fn without_windows_a_slice_is_a_minute() {
    let grid = Grid::new(&[]);
    assert_eq!((grid.slice(), grid.levels()), (MINUTE, 1));
}

#[test]
fn levels_are_sixty_times_as_long_while_a_window_is() {
    let spans = |definitions: &[Definition]| {
        let grid = Grid::new(definitions);
        (0..grid.levels())
            .map(|level| grid.span(level))
            .collect::<Vec<_>>()
    };
    assert_eq!(spans(&[tumbling(HOUR, NONE, UTC)]), [HOUR]);
    let second = tumbling(Span::SECOND, NONE, UTC);
    assert_eq!(
        spans(&[second.clone(), tumbling(MINUTE, NONE, UTC)]),
        [Span::SECOND, MINUTE]
    );
    assert_eq!(
        spans(&[second.clone(), tumbling(Span::SECOND.times(59), NONE, UTC)]),
        [Span::SECOND]
    );
    assert_eq!(
        spans(&[second, tumbling(Span::DAY, NONE, UTC)]),
        [Span::SECOND, MINUTE, HOUR]
    );
    let tick = tumbling(Span::from_millis(1), NONE, UTC);
    let century = tumbling(Span::DAY.times(36_525), NONE, UTC);
    assert_eq!(spans(&[tick, century]).len(), 8);
}

#[test]
fn slice_is_in_one_block_of_each_level() {
    let blocks: Vec<Block> = usual().blocks_of(minutes(-1)).collect();
    assert_eq!(
        blocks,
        [
            Block {
                level: 0,
                start: minutes(-1)
            },
            Block {
                level: 1,
                start: minutes(-60)
            }
        ]
    );
    assert_eq!(usual().slice_of(ms(-1)), minutes(-1));
    assert_eq!(usual().slice_of(ms(60_000)), minutes(1));
    assert_eq!(
        usual().stretch_of(blocks[1]),
        Stretch::new(minutes(-60), minutes(0))
    );
}

#[test]
fn window_is_covered_by_coarse_blocks_and_fine_ones_at_its_ends() {
    let cover = |from: i64, to: i64| -> Vec<(u8, i64)> {
        let blocks = usual().cover(Window::new(minutes(from), minutes(to)));
        blocks
            .iter()
            .map(|block| (block.level, block.start.millis() / 60_000))
            .collect()
    };
    assert_eq!(cover(0, 60), [(1, 0)]);
    assert_eq!(cover(59, 121), [(0, 59), (1, 60), (0, 120)]);
    assert_eq!(cover(-61, 1), [(0, -61), (1, -60), (0, 0)]);
    assert_eq!(cover(1, 60).len(), 59);
    assert_eq!(cover(5, 5), []);
    assert_eq!(cover(5, 4), []);
    // A day that begins at 16:00 UTC is 24 hours.
    assert_eq!(cover(16 * 60, 40 * 60).len(), 24);
}

#[test]
fn cover_ends_at_the_end_of_time() {
    let century = Grid::new(&[tumbling(Span::DAY.times(36_525), NONE, UTC)]);
    let _ = century.cover(Window::new(EventTime::MIN, EventTime::MAX));
    let all = century.cover(Window::new(ms(i64::MAX - 1), EventTime::MAX));
    assert!(all.is_empty());
}

/// The fewest blocks from `start` to `end`, by trying all ways from each slice on.
fn fewest(grid: &Grid, start: i64, end: i64) -> usize {
    let slice = grid.slice().millis();
    let count = usize::try_from((end - start) / slice).unwrap();
    let mut best = vec![usize::MAX; count + 1];
    best[0] = 0;
    for at in 0..count {
        let from = ms(start + i64::try_from(at).unwrap() * slice);
        for block in grid.blocks_of(from).filter(|block| block.start == from) {
            let to = grid.stretch_of(block).end.millis();
            let reached = usize::try_from((to - start) / slice).unwrap();
            if reached <= count {
                best[reached] = best[reached].min(best[at] + 1);
            }
        }
    }
    best[count]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cover_is_exact_and_the_fewest(from in -20_000_i64..20_000, length in 0_i64..9_000) {
        let grid = Grid::new(&[tumbling(Span::SECOND, NONE, UTC), tumbling(HOUR, NONE, UTC)]);
        prop_assert_eq!(grid.levels(), 3);
        let window = Window::new(ms(from * 1_000), ms((from + length) * 1_000));
        let blocks = grid.cover(window);

        let mut reached = window.start;
        for block in &blocks {
            prop_assert_eq!(block.start, reached);
            reached = grid.stretch_of(*block).end;
        }
        prop_assert_eq!(reached, window.end);
        prop_assert_eq!(blocks.len(), fewest(&grid, from * 1_000, (from + length) * 1_000));

        let blocks: BTreeSet<Block> = blocks.into_iter().collect();
        for second in from - 5..from + length + 5 {
            let holding = grid.blocks_of(ms(second * 1_000)).filter(|block| blocks.contains(block));
            let inside = window.contains(ms(second * 1_000));
            prop_assert_eq!(holding.count(), usize::from(inside));
        }
    }

    #[test]
    fn bounds_of_windows_are_on_the_grid(
        size in 1_i64..500,
        slide in 1_i64..500,
        offset in 0_i64..500,
        time in -5_000_000_000_i64..5_000_000_000,
    ) {
        let second = Span::SECOND;
        let (size, slide) = (size.max(slide), size.min(slide));
        let odd = Definition::sliding("a", second.times(size), second.times(slide), second.times(offset % slide), UTC);
        let day = Definition::cumulative("b", Span::DAY, HOUR, MINUTE.times(7), Tz::Asia__Kathmandu);
        let definitions = [odd.unwrap(), day.unwrap()];
        let grid = Grid::new(&definitions);
        for window in definitions.iter().flat_map(|definition| definition.windows_of(ms(time))) {
            prop_assert_eq!(grid.slice_of(window.start), window.start);
            prop_assert_eq!(grid.slice_of(window.end), window.end);
        }
    }
}
