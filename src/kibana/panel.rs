//! Panels of the dashboard: their data, and how they draw it.

use serde_json::{Map, Value, json};

use super::column::LensColumn;
use super::data_view::DataView;
use super::saved_object::Reference;

/// A panel is of one layer, so its layers need no other name.
const LAYER: &str = "layer";

/// A panel without its position.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    id: String,
    body: Value,
    needs: Vec<Reference>,
}

/// The position and the size of a panel in the grid, which is 48 wide.
#[derive(Clone, Copy, Debug)]
pub(super) struct GridPosition {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) w: u32,
    pub(super) h: u32,
}

/// How a figure over time is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Series {
    /// Stacked bars, for figures that can be added up.
    StackedBars,
    /// Stacked areas.
    StackedAreas,
    /// One line for each series; where there is no window, it is zero.
    Lines,
    /// One line for each series, of figures that only windows with payments have: gaps are bridged.
    Bridged,
    /// Horizontal bars.
    HorizontalBars,
}

/// The id, the title and the description of a panel.
#[derive(Clone, Debug)]
pub(super) struct PanelText {
    id: String,
    title: String,
    description: String,
}

impl PanelText {
    pub(super) fn new(id: impl Into<String>, title: impl Into<String>, description: &str) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            description: description.to_owned(),
        }
    }
}

impl Panel {
    /// One large figure.
    pub(super) fn figure(text: PanelText, view: &DataView<'_>, column: LensColumn) -> Self {
        let visualization = json!({
            "layerId": LAYER,
            "layerType": "data",
            "metricAccessor": column.id,
        });
        Self::lens(text, view, "lnsMetric", visualization, &[column])
    }

    /// A table: rows first.
    pub(super) fn table(text: PanelText, view: &DataView<'_>, columns: &[LensColumn]) -> Self {
        let shown: Vec<Value> = columns
            .iter()
            .map(|column| {
                json!({
                    "columnId": column.id,
                    "isMetric": !column.is_bucketed(),
                    "isTransposed": false,
                })
            })
            .collect();
        let visualization = json!({
            "columns": shown,
            "headerRowHeight": "single",
            "layerId": LAYER,
            "layerType": "data",
            "paging": {"enabled": true, "size": 20},
            "rowHeight": "single",
        });
        Self::lens(text, view, "lnsDatatable", visualization, columns)
    }

    /// A chart of `figure` along `along`, one series for each value of `split`.
    pub(super) fn chart(
        text: PanelText,
        view: &DataView<'_>,
        series: Series,
        along: LensColumn,
        split: Option<LensColumn>,
        figure: LensColumn,
    ) -> Self {
        let kind = match series {
            Series::StackedBars => "bar_stacked",
            Series::StackedAreas => "area_stacked",
            Series::Lines | Series::Bridged => "line",
            Series::HorizontalBars => "bar_horizontal",
        };
        let mut layer = json!({
            "accessors": [figure.id],
            "layerId": LAYER,
            "layerType": "data",
            "position": "top",
            "seriesType": kind,
            "showGridlines": false,
            "xAccessor": along.id,
        });
        if let Some(split) = &split {
            layer["splitAccessor"] = json!(split.id);
        }
        let fitting = match series {
            // A missing bar looks like a bar of zero.
            Series::StackedBars | Series::HorizontalBars => "None",
            Series::StackedAreas | Series::Lines => "Zero",
            Series::Bridged => "Linear",
        };
        let on = json!({"x": true, "yLeft": true, "yRight": true});
        let visualization = json!({
            "axisTitlesVisibilitySettings": {"x": false, "yLeft": false, "yRight": false},
            "fittingFunction": fitting,
            // A bridged gap is dashed; a zero is drawn like any other figure.
            "emphasizeFitting": series == Series::Bridged,
            "gridlinesVisibilitySettings": on,
            "labelsOrientation": {"x": 0, "yLeft": 0, "yRight": 0},
            "layers": [layer],
            "legend": {"isVisible": split.is_some(), "position": "right"},
            "preferredSeriesType": kind,
            "tickLabelsVisibilitySettings": on,
            "valueLabels": "hide",
        });
        let columns: Vec<LensColumn> = split.into_iter().chain([along, figure]).collect();
        Self::lens(text, view, "lnsXY", visualization, &columns)
    }

    /// A coloured cell for each of `across` and `down`.
    pub(super) fn heatmap(
        text: PanelText,
        view: &DataView<'_>,
        across: LensColumn,
        down: LensColumn,
        figure: LensColumn,
    ) -> Self {
        let visualization = json!({
            "gridConfig": {
                "isCellLabelVisible": false,
                "isXAxisLabelVisible": true,
                "isXAxisTitleVisible": false,
                "isYAxisLabelVisible": true,
                "isYAxisTitleVisible": false,
                "type": "heatmap_grid",
            },
            "layerId": LAYER,
            "layerType": "data",
            "legend": {"isVisible": true, "position": "right", "type": "heatmap_legend"},
            "shape": "heatmap",
            "valueAccessor": figure.id,
            "xAccessor": across.id,
            "yAccessor": down.id,
        });
        Self::lens(
            text,
            view,
            "lnsHeatmap",
            visualization,
            &[down, across, figure],
        )
    }

    /// A panel of text, in Markdown.
    pub(super) fn text(id: &str, markdown: &str) -> Self {
        let nothing = json!({"filter": [], "query": {"language": "kuery", "query": ""}});
        let body = json!({
            "embeddableConfig": {
                "enhancements": {},
                "hidePanelTitles": true,
                "savedVis": {
                    "data": {"aggs": [], "searchSource": nothing},
                    "description": "",
                    "id": "",
                    "params": {
                        "fontSize": 12,
                        "markdown": markdown,
                        "openLinksInNewTab": false,
                    },
                    "title": "",
                    "type": "markdown",
                    "uiState": {},
                },
                "title": "",
            },
            "type": "visualization",
        });
        Self {
            id: id.to_owned(),
            body,
            needs: Vec::new(),
        }
    }

    /// `columns` with the buckets first: the order in which they nest.
    fn lens(
        text: PanelText,
        view: &DataView<'_>,
        kind: &str,
        visualization: Value,
        columns: &[LensColumn],
    ) -> Self {
        let need = Reference::data_view(&view.id, format!("indexpattern-datasource-layer-{LAYER}"));
        let order: Vec<&str> = columns.iter().map(|column| column.id).collect();
        let bodies: Map<String, Value> = columns
            .iter()
            .map(|column| (column.id.to_owned(), column.body()))
            .collect();
        let layer = json!({
            "columnOrder": order,
            "columns": bodies,
            // A filter on a field that documents lack would leave nothing of them.
            "ignoreGlobalFilters": !view.is_selectable(),
            "incompleteColumns": {},
            "sampling": 1,
        });
        let state = json!({
            "adHocDataViews": {},
            "datasourceStates": {"formBased": {"layers": {LAYER: layer}}},
            "filters": [],
            "internalReferences": [],
            "query": {"language": "kuery", "query": ""},
            "visualization": visualization,
        });
        let body = json!({
            "embeddableConfig": {
                "attributes": {
                    "description": "",
                    "references": [need],
                    "state": state,
                    "title": text.title,
                    "type": "lens",
                    "visualizationType": kind,
                },
                "description": text.description,
                "enhancements": {},
                "hidePanelTitles": false,
                "title": text.title,
            },
            "type": "lens",
        });
        Self {
            id: text.id,
            body,
            needs: vec![need],
        }
    }

    /// The panel at its place.
    pub(super) fn at(&self, place: GridPosition) -> Value {
        let GridPosition { x, y, w, h } = place;
        let mut body = self.body.clone();
        body["gridData"] = json!({"h": h, "i": self.id, "w": w, "x": x, "y": y});
        body["panelIndex"] = json!(self.id);
        body["version"] = json!("8.9.0");
        body
    }

    /// The references of the panel, with the dashboard's names.
    pub(super) fn needs(&self) -> impl Iterator<Item = Reference> + '_ {
        self.needs.iter().map(|need| Reference {
            name: format!("{}:{}", self.id, need.name),
            ..need.clone()
        })
    }
}
