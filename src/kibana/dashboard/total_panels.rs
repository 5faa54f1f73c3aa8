//! Panels of the totals: large figures, bars and a table.

use tidegauge_windows::Kind;

use super::PAID;
use crate::kibana::IndexLayout;
use crate::kibana::column::LensColumn;
use crate::kibana::data_view::{by_start, totals};
use crate::kibana::panel::{Panel, PanelText, Series};

pub(super) fn figures(layout: &IndexLayout) -> Vec<Panel> {
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

pub(super) fn totals_bars(layout: &IndexLayout) -> Panel {
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

pub(super) fn totals_table(layout: &IndexLayout) -> Panel {
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
