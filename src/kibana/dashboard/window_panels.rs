//! Panels of one window definition.

use tidegauge_windows::{Definition, Kind};

use super::PAID;
use crate::kibana::IndexLayout;
use crate::kibana::column::LensColumn;
use crate::kibana::data_view::{by_end, by_start};
use crate::kibana::panel::{Panel, PanelText, Series};

pub(super) fn tumbling(layout: &IndexLayout, definition: &Definition) -> Panel {
    let amount = LensColumn::sum_or_zero("amount", "pay_amount", "Amount");
    Panel::chart(
        PanelText::new(
            format!("windows-{}", definition.name()),
            format!("Amount by branch, {} windows", definition.name()),
            "Every payment is in one window, so bars of any length add up.",
        ),
        &by_start(layout, definition),
        Series::StackedBars,
        LensColumn::time("window_start", "auto"),
        Some(LensColumn::largest("branch", "Branch", &amount)),
        amount,
    )
}

pub(super) fn heatmap(layout: &IndexLayout, definition: &Definition) -> Panel {
    Panel::heatmap(
        PanelText::new(
            "heatmap",
            "Amount by branch and hour",
            "The 25 first branches by name.",
        ),
        &by_start(layout, definition),
        LensColumn::time("window_start", "1h"),
        LensColumn::each("branch", "Branch"),
        LensColumn::sum_or_zero("amount", "pay_amount", "Amount"),
    )
}

/// The panels of windows that overlap: the last window of each stretch over time, and the last of all.
pub(super) fn overlapping(layout: &IndexLayout, definition: &Definition) -> Vec<Panel> {
    let name = definition.name();
    let view = by_end(layout, definition);
    let (series, title, what) = match definition.kind() {
        Kind::Cumulative => (
            Series::StackedAreas,
            format!("Amount by branch, cumulative {name} windows"),
            "Each begins at the start of its period and ends at a step of it. They overlap: of each stretch \
             the last with payments is shown, none is added up.",
        ),
        Kind::Sliding | Kind::Tumbling => (
            Series::Lines,
            format!("Amount by branch, {name} windows"),
            "They overlap: of each stretch the last with payments is shown, none is added up.",
        ),
    };
    let last =
        |id, kind, field, label| LensColumn::last(id, kind, field, "window_end", label).only(PAID);
    let chart = Panel::chart(
        PanelText::new(format!("windows-{name}"), title, what),
        &view,
        series,
        // A stretch that is shorter than the step from window to window could be empty and be drawn as
        // zero. Kibana makes stretches longer where there would be too many.
        LensColumn::time("window_end", &step(definition)),
        Some(LensColumn::each("branch", "Branch")),
        last("amount", "number", "pay_amount", "Amount"),
    );
    let table = Panel::table(
        PanelText::new(
            format!("last-{name}"),
            format!("Last {name} window with payments"),
            "Of each branch, among those that end in the time picked.",
        ),
        &view,
        &[
            LensColumn::rows("branch", "Branch"),
            last("end", "date", "window_end", "Window ends"),
            last("amount", "number", "pay_amount", "Amount"),
            last("exact", "string", "pay_amount_exact", "Exact amount"),
            last("payments", "number", "pay_count", "Payments"),
        ],
    );
    vec![chart, table]
}

pub(super) fn percentiles(layout: &IndexLayout, definition: &Definition) -> Vec<Panel> {
    let name = definition.name();
    let view = by_start(layout, definition);
    let last = |id, field, label| LensColumn::last(id, "number", field, "window_start", label);
    let description = "Each is of one window and one branch, to two digits. Percentiles can be neither \
                  added nor averaged: of each stretch the last window with payments is shown.";
    let chart = Panel::chart(
        PanelText::new(
            "percentile-95",
            format!("p95 by branch, {name} windows"),
            description,
        ),
        &view,
        Series::Bridged,
        LensColumn::time("window_start", "auto"),
        Some(LensColumn::each("branch", "Branch")),
        last("p95", "pay_p95", "p95"),
    );
    let table = Panel::table(
        PanelText::new(
            "percentiles",
            format!("Percentiles, last {name} window with payments"),
            description,
        ),
        &view,
        &[
            LensColumn::rows("branch", "Branch"),
            last("p50", "pay_p50", "p50"),
            last("p95", "pay_p95", "p95"),
            last("p99", "pay_p99", "p99"),
        ],
    );
    vec![chart, table]
}

pub(super) fn revisions(layout: &IndexLayout, definition: &Definition) -> Vec<Panel> {
    let name = definition.name();
    let view = by_start(layout, definition);
    let late = LensColumn::sum_or_zero("late", "late_count", "Late payments");
    let chart = Panel::chart(
        PanelText::new(
            "late",
            format!("Late payments by branch, {name} windows"),
            "They came more than out_of_orderness behind others of their partition, and are in their windows.",
        ),
        &view,
        Series::StackedBars,
        LensColumn::time("window_start", "auto"),
        Some(LensColumn::largest("branch", "Branch", &late)),
        late,
    );
    let table = Panel::table(
        PanelText::new(
            "revised",
            format!("Late and revised, {name} windows"),
            "A window is revised when a payment comes after it was final.",
        ),
        &view,
        &[
            LensColumn::rows("branch", "Branch"),
            LensColumn::sum_or_zero("late", "late_count", "Late payments"),
            LensColumn::sum_or_zero("amount", "late_amount", "Late amount"),
            LensColumn::count("Revised windows").only("revision > 0"),
            LensColumn::max("most", "revision", "Most revisions of one"),
        ],
    );
    vec![chart, table]
}

/// The step from window to window, as Kibana writes an interval.
pub(in crate::kibana) fn step(definition: &Definition) -> String {
    let millis = definition.slide().millis();
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ];
    let unit = units.iter().find(|(length, _)| millis % length == 0);
    match unit {
        Some((length, unit)) => format!("{}{unit}", millis / length),
        None => format!("{millis}ms"),
    }
}
