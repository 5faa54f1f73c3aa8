//! The parameters of requests, and the events of a stream, as they are described. `Parameters` and `Format` read them.
#![allow(dead_code, reason = "the fields are for the description alone")]

use utoipa::openapi::schema::{AnyOf, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{IntoParams, ToSchema};

use super::parameters::{LIMIT_DEFAULT, LIMIT_MAX, MILLIS_MAX, MILLIS_MIN};

/// One event of a stream; `data` is JSON.
#[derive(ToSchema)]
pub(super) struct Event {
    #[schema(inline)]
    event: EventName,
    data: String,
    /// The value for `Last-Event-ID`; the last event of a batch has one.
    id: Option<String>,
    /// After how many milliseconds a client that was cut off may come back.
    retry: Option<u32>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum EventName {
    Total,
    Window,
    Reading,
    Reset,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct Branch {
    /// The branch, by name or id: an integer, or a text, with `%2F` for `/`.
    #[param(example = "0")]
    branch: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct DefinitionName {
    /// The name of a window definition.
    #[param(example = "1m")]
    name: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WindowParams {
    /// Only windows of this branch, by name or id: an integer, or a text.
    #[param(example = "0")]
    branch: Option<String>,
    /// Only windows that start at or after this.
    #[param(schema_with = time)]
    from: Option<String>,
    /// Only windows that start before this.
    #[param(schema_with = time)]
    to: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Finality {
    /// Only final windows, or only open ones.
    r#final: Option<bool>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageParams {
    /// Items on a page. A table without it holds all.
    #[param(minimum = 1, maximum = 10_000, default = 1_000)]
    limit: Option<u32>,
    /// Where the page begins: `next` of the page before, with the same filters.
    cursor: Option<String>,
}

// The description says the bounds in figures.
const _: () = assert!(LIMIT_MAX == 10_000 && LIMIT_DEFAULT == 1_000);

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct InForm {
    /// The form of the answer; without it, what `Accept` likes best.
    #[param(inline)]
    format: Option<FormatName>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum FormatName {
    Json,
    Csv,
    Ndjson,
    Arrow,
    Parquet,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WaitParams {
    /// Wait until these next offsets are reached, one or more partitions, each once.
    #[param(
        pattern = r"^(0|[1-9]\d{0,8}):(0|[1-9]\d{0,17})(,(0|[1-9]\d{0,8}):(0|[1-9]\d{0,17}))*$",
        example = "0:750000,3:1200"
    )]
    min_position: Option<String>,
    /// Wait until the combined watermark has reached this.
    #[param(schema_with = time)]
    min_watermark: Option<String>,
    /// How long to wait at most, up to `30s`; then the answer is 504.
    #[param(pattern = r"^([1-9]\d{0,3}ms|([1-9]|[12]\d|30)s)$", example = "5s")]
    timeout: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesParams {
    /// Only of this branch, by name or id: an integer, or a text.
    #[param(example = "0")]
    branch: Option<String>,
    /// Only windows of these definitions, separated by commas.
    #[param(example = "1m")]
    window: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct LastEvent {
    /// The id of the last event that the client has; the events after it follow.
    #[param(rename = "Last-Event-ID")]
    last_event_id: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct PartName {
    /// The file's path below `ui/`.
    #[param(example = "main.js")]
    file: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Verbose {
    /// Say how each part is doing; the value may be left out.
    #[param(schema_with = flag)]
    verbose: Option<String>,
}

fn flag() -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["", "true", "1", "false"]))
        .into()
}

/// A moment, as parameters give it.
fn time() -> Schema {
    let text = |format| {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(format)))
    };
    let millis = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .description(Some("Milliseconds since the epoch."))
        .minimum(Some(MILLIS_MIN))
        .maximum(Some(MILLIS_MAX));
    AnyOf::builder()
        .item(text(KnownFormat::DateTime))
        .item(text(KnownFormat::Date).description(Some("Its midnight in UTC.")))
        .item(millis)
        .build()
        .into()
}
