//! The dashboard: the panels for the configured windows, and their positions.
//!
//! Tumbling windows are added up. Of windows that overlap, the last one of each branch is shown. Stored percentiles are shown as they are: they can be neither added nor averaged.

mod total_panels;
mod window_panels;

pub(super) use self::window_panels::step;

use serde_json::{Value, json};
use tidegauge_windows::{Kind, Span};

use super::column::LensColumn;
use super::data_view::{late, rejects};
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
                        windows; totals, payments in no window and rejects always show all.",
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
        (FIGURE, total_panels::figures(layout)),
        (
            TALL,
            vec![
                total_panels::totals_bars(layout),
                total_panels::totals_table(layout),
            ],
        ),
    ];
    let of_kind = |kind| {
        let definitions = layout.definitions.iter();
        definitions.filter(move |definition| definition.kind() == kind)
    };
    for definition in of_kind(Kind::Tumbling) {
        rows.push((TALL, vec![window_panels::tumbling(layout, definition)]));
    }
    if let Some(definition) = of_kind(Kind::Tumbling).find(|one| one.size() <= Span::HOUR) {
        rows.push((TALL, vec![window_panels::heatmap(layout, definition)]));
    }
    for definition in of_kind(Kind::Sliding).chain(of_kind(Kind::Cumulative)) {
        rows.push((TALL, window_panels::overlapping(layout, definition)));
    }
    // The longest tumbling windows: there one percentile per branch says most.
    if let Some(definition) = of_kind(Kind::Tumbling).max_by_key(|one| one.size()) {
        rows.push((TALL, window_panels::percentiles(layout, definition)));
    }
    if let Some(definition) = of_kind(Kind::Tumbling).min_by_key(|one| one.size()) {
        rows.push((TALL, window_panels::revisions(layout, definition)));
    }
    rows.push((TALL, outside(layout)));
    rows.push((TALL / 2, vec![notes()]));
    rows
}

fn outside(layout: &IndexLayout) -> Vec<Panel> {
    let count = LensColumn::count("Rejects");
    vec![
        Panel::table(
            PanelText::new(
                "outside",
                "Payments in no window",
                "Too late to correct a window, past retention, or too far ahead. They are in the totals.",
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
                "Rejected records, by their Kafka timestamps.",
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
         by event time. Windows with `final: false` still grow; a final one is revised when another \
         payment comes for it. A window without payments is drawn as zero, and is in no table. Windows that overlap are never added up. Percentiles of several windows or \
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
