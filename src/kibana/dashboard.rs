//! The dashboard: which panels there are for the configured windows, and where.
//!
//! Windows that follow each other are added up; of those that overlap the last one is shown, branch
//! by branch. Stored percentiles are shown as they are: they can be neither added nor averaged.

use serde_json::{Value, json};
use tidegauge_windows::{Definition, Kind, Span};

use super::column::LensColumn;
use super::data_view::{by_end, by_start, late, rejects, totals};
use super::panel::{GridPosition, Panel, PanelText, Series};
use super::saved_object::{CORE, DASHBOARD, Reference, SavedObject};
use super::{DocumentSet, IndexLayout};

const WIDTH: u32 = 48;
const TALL: u32 = 14;
const FIGURE: u32 = 6;

/// Fields that the controls select by, with their titles.
const CONTROLS: [(&str, &str); 2] = [("branch", "Branch"), ("final", "Final")];

/// Windows that have payments: the others have no document, or one on request only.
pub(super) const PAID: &str = "pay_count > 0";

/// The dashboard.
pub(super) fn object(layout: &IndexLayout) -> SavedObject {
    let rows = rows(layout);
    let mut panels = Vec::new();
    let mut references = Vec::new();
    let mut y = 0;
    for (height, row) in &rows {
        let count = u32::try_from(row.len()).unwrap_or(WIDTH).max(1);
        let w = WIDTH / count;
        for (panel, x) in row.iter().zip((0..WIDTH).step_by(w as usize)) {
            panels.push(panel.at(GridPosition {
                x,
                y,
                w,
                h: *height,
            }));
            references.extend(panel.needs());
        }
        y += height;
    }
    let controls = controls(layout, &mut references);
    let attributes = json!({
        "controlGroupInput": controls,
        "description": "Totals, windows, and what is in no window. The filters above apply to \
                        windows; totals, late payments and rejects always show all.",
        "kibanaSavedObjectMeta": {"searchSourceJSON": text(&json!({
            "filter": [],
            "query": {"language": "kuery", "query": ""},
        }))},
        "optionsJSON": text(&json!({
            "hidePanelTitles": false,
            "syncColors": true,
            "syncCursor": true,
            "syncTooltips": false,
            "useMargins": true,
        })),
        "panelsJSON": text(&Value::Array(panels)),
        "refreshInterval": {"pause": false, "value": 10_000},
        "timeFrom": "now-24h",
        "timeRestore": true,
        "timeTo": "now",
        "title": format!("{}: totals and windows", layout.prefix),
        "version": 1,
    });
    SavedObject {
        attributes,
        core_migration_version: CORE,
        id: layout.dashboard_id(),
        references,
        kind: DASHBOARD,
        type_migration_version: "8.9.0",
    }
}

/// The panels in rows, each with its height; those of a row are equally wide.
fn rows(layout: &IndexLayout) -> Vec<(u32, Vec<Panel>)> {
    let mut rows = vec![
        (FIGURE, figures(layout)),
        (TALL, vec![totals_bars(layout), totals_table(layout)]),
    ];
    let of_kind = |kind| {
        let definitions = layout.definitions.iter();
        definitions.filter(move |definition| definition.kind() == kind)
    };
    for definition in of_kind(Kind::Tumbling) {
        rows.push((TALL, vec![tumbling(layout, definition)]));
    }
    if let Some(definition) = of_kind(Kind::Tumbling).find(|one| one.size() <= Span::HOUR) {
        rows.push((TALL, vec![heatmap(layout, definition)]));
    }
    for definition in of_kind(Kind::Sliding).chain(of_kind(Kind::Cumulative)) {
        rows.push((TALL, overlapping(layout, definition)));
    }
    // The longest of those that follow each other: one percentile per branch says most there.
    if let Some(definition) = of_kind(Kind::Tumbling).max_by_key(|one| one.size()) {
        rows.push((TALL, percentiles(layout, definition)));
    }
    if let Some(definition) = of_kind(Kind::Tumbling).min_by_key(|one| one.size()) {
        rows.push((TALL, revisions(layout, definition)));
    }
    rows.push((TALL, outside(layout)));
    rows.push((TALL / 2, vec![notes()]));
    rows
}

fn figures(layout: &IndexLayout) -> Vec<Panel> {
    let view = totals(layout);
    let mut row = vec![
        Panel::figure(
            PanelText::new(
                "total-amount",
                "Total amount",
                "Of all branches, of all time.",
            ),
            &view,
            LensColumn::sum("amount", "pay_amount", "Total amount"),
        ),
        Panel::figure(
            PanelText::new("total-count", "Payments", "Of all branches, of all time."),
            &view,
            LensColumn::sum("payments", "pay_count", "Payments"),
        ),
        Panel::figure(
            PanelText::new(
                "newest-payment",
                "Newest payment",
                "When it happened, not when it came.",
            ),
            &view,
            LensColumn::latest("newest", "last_event_time", "Newest payment"),
        ),
    ];
    let shortest = layout
        .definitions
        .iter()
        .filter(|definition| definition.kind() == Kind::Tumbling)
        .min_by_key(|definition| definition.size());
    if let Some(definition) = shortest {
        let view = by_start(layout, definition);
        row.push(Panel::figure(
            PanelText::new(
                "newest-final",
                format!("Last final {} window with payments ends", definition.name()),
                "Among the windows in the time picked. Far behind the newest payment, something \
                 holds windows back: ask the service why.",
            ),
            &view,
            LensColumn::latest("last", "window_end", "Last final window ends")
                .only(&format!("final: true and {PAID}")),
        ));
    }
    row
}

fn totals_bars(layout: &IndexLayout) -> Panel {
    let amount = LensColumn::sum("amount", "pay_amount", "Amount");
    Panel::chart(
        PanelText::new(
            "totals",
            "Totals by branch",
            "Of all time, whatever the time picked and the filters.",
        ),
        &totals(layout),
        Series::HorizontalBars,
        LensColumn::largest("branch", "Branch", &amount),
        None,
        amount,
    )
}

fn totals_table(layout: &IndexLayout) -> Panel {
    Panel::table(
        PanelText::new(
            "totals-exact",
            "Totals by branch, exact",
            "The exact amount is the decimal itself; the other is the nearest double.",
        ),
        &totals(layout),
        &[
            LensColumn::rows("branch", "Branch"),
            LensColumn::sum("amount", "pay_amount", "Amount"),
            LensColumn::last(
                "exact",
                "string",
                "pay_amount_exact",
                "last_event_time",
                "Exact amount",
            ),
            LensColumn::sum("payments", "pay_count", "Payments"),
            LensColumn::latest("newest", "last_event_time", "Newest payment"),
        ],
    )
}

fn tumbling(layout: &IndexLayout, definition: &Definition) -> Panel {
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

fn heatmap(layout: &IndexLayout, definition: &Definition) -> Panel {
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

/// Of windows that overlap: the last of each stretch over time, and the last of all.
fn overlapping(layout: &IndexLayout, definition: &Definition) -> Vec<Panel> {
    let name = definition.name();
    let view = by_end(layout, definition);
    let (series, title, what) = match definition.kind() {
        Kind::Cumulative => (
            Series::StackedAreas,
            format!("So far, {name} windows"),
            "They grow from a fixed start: of each stretch the last with payments is shown, none is \
             added up.",
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
        // Were a stretch shorter than the step from window to window, it would be empty and drawn as
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

/// The step from window to window, as Kibana writes an interval.
pub(super) fn step(definition: &Definition) -> String {
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

fn percentiles(layout: &IndexLayout, definition: &Definition) -> Vec<Panel> {
    let name = definition.name();
    let view = by_start(layout, definition);
    let last = |id, field, label| LensColumn::last(id, "number", field, "window_start", label);
    let honest = "Each is of one window and one branch, to two digits. Percentiles can be neither \
                  added nor averaged: of each stretch the last window with payments is shown.";
    let chart = Panel::chart(
        PanelText::new(
            "percentile-95",
            format!("p95 by branch, {name} windows"),
            honest,
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
            honest,
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

fn revisions(layout: &IndexLayout, definition: &Definition) -> Vec<Panel> {
    let name = definition.name();
    let view = by_start(layout, definition);
    let late = LensColumn::sum_or_zero("late", "late_count", "Late payments");
    let chart = Panel::chart(
        PanelText::new(
            "late",
            format!("Late payments by branch, {name} windows"),
            "They came behind their partition's watermark, and are in their windows nevertheless.",
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

fn outside(layout: &IndexLayout) -> Vec<Panel> {
    let count = LensColumn::count("Rejects");
    vec![
        Panel::table(
            PanelText::new(
                "outside",
                "Payments in no window",
                "Too late for any correction, or too far ahead: in the totals all the same.",
            ),
            &late(layout),
            &[
                LensColumn::rows("reason", "Reason"),
                LensColumn::count("Payments"),
                LensColumn::sum("amount", "pay_amount", "Amount"),
            ],
        ),
        Panel::chart(
            PanelText::new(
                "rejects",
                "Rejects by reason",
                "Records that are no payments, by their Kafka timestamps.",
            ),
            &rejects(layout),
            Series::StackedBars,
            LensColumn::time("@timestamp", "auto"),
            Some(LensColumn::largest("reason", "Reason", &count)),
            count,
        ),
    ]
}

fn notes() -> Panel {
    Panel::text(
        "notes",
        "**How to read this.** Totals are of all time; everything else is of the time picked above, \
         by event time. Windows with `final: false` still grow; a final one is revised when a late \
         payment comes. A window without payments is drawn as zero, and is in no table. Windows that overlap are never added up. Percentiles of several windows or \
         branches don't follow from those shown here. Sums in charts are of doubles; \
         `pay_amount_exact` is the exact decimal.",
    )
}

/// The controls above the panels; notes what they need.
fn controls(layout: &IndexLayout, references: &mut Vec<Reference>) -> Value {
    let mut panels = json!({});
    let first = layout.definitions.first();
    for (order, (field, title)) in CONTROLS.into_iter().enumerate() {
        let Some(definition) = first else { break };
        let view = layout.alias(DocumentSet::Windows(definition));
        panels[field] = json!({
            "explicitInput": {
                "dataViewId": view,
                "enhancements": {},
                "fieldName": field,
                "id": field,
                "searchTechnique": "prefix",
                "selectedOptions": [],
                "sort": {"by": "_key", "direction": "asc"},
                "title": title,
            },
            "grow": true,
            "order": order,
            "type": "optionsListControl",
            "width": "medium",
        });
        references.push(Reference::data_view(
            &view,
            format!("controlGroup_{field}:optionsListDataView"),
        ));
    }
    json!({
        "chainingSystem": "HIERARCHICAL",
        "controlStyle": "oneLine",
        "ignoreParentSettingsJSON": text(&json!({
            "ignoreFilters": false,
            "ignoreQuery": false,
            "ignoreTimerange": false,
            "ignoreValidations": false,
        })),
        "panelsJSON": text(&panels),
    })
}

/// The members called JSON hold it as text.
fn text(value: &Value) -> String {
    value.to_string()
}
