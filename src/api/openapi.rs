//! The description of all routes for programs: OpenAPI 3.1, made from the handlers.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Object, Ref, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{self, Content, ContentBuilder, HeaderBuilder, RefOr, ResponseBuilder};
use utoipa::{OpenApi, ToSchema};

use super::SharedState;
use super::format::AnswerFormat;
use super::parameters::Parameters;
use super::problem::Details;
use super::{events, health, ledger, metrics, page, records, routes, status, totals, windows};

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "service",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(super) async fn show(State(app): State<Arc<SharedState>>, uri: Uri) -> Response {
    match Parameters::of(&uri, &[]) {
        Ok(_) => {
            let json = [(header::CONTENT_TYPE, "application/json")];
            (json, app.openapi.clone()).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tidegauge",
        description = "Exact running totals and event-time windows over a Kafka topic of payments. \
                       Every answer is one checkpoint."
    ),
    tags(
        (name = "figures", description = "What every figure is now"),
        (name = "page", description = "The live page"),
        (name = "service", description = "How the service is doing"),
    ),
    components(schemas(Details)),
    paths(
        totals::all,
        totals::one,
        windows::definitions,
        windows::list,
        windows::current,
        ledger::show,
        records::rejects,
        records::late,
        records::duplicates,
        status::show,
        events::stream,
        routes::index,
        page::show,
        page::part,
        health::live,
        health::ready,
        metrics::show,
        show,
    )
)]
struct Described;

/// The description as JSON, for a service of `version` that may ask for a token.
pub(super) fn document(version: &str, token: bool) -> Vec<u8> {
    let mut document = Described::openapi();
    document.info.version = version.to_owned();
    let components = document.components.get_or_insert_default();
    for (name, status) in PROBLEMS {
        let response = ResponseBuilder::new()
            .description(status.canonical_reason().unwrap_or_default())
            .content("application/problem+json", problem());
        components.responses.insert((*name).into(), response.into());
    }
    if token {
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme(BEARER, bearer);
    }
    for (path, item) in &mut document.paths.paths {
        if let Some(operation) = &mut item.get {
            complete(path, operation, token);
        }
    }
    // It is maps, texts and numbers throughout.
    serde_json::to_vec(&document).unwrap_or_default()
}

const BEARER: &str = "token";

/// What any request may be refused with, and what only some may.
const PROBLEMS: &[(&str, StatusCode)] = &[
    ("BadRequest", StatusCode::BAD_REQUEST),
    ("Unauthorized", StatusCode::UNAUTHORIZED),
    ("Forbidden", StatusCode::FORBIDDEN),
    ("NotFound", StatusCode::NOT_FOUND),
    ("MethodNotAllowed", StatusCode::METHOD_NOT_ALLOWED),
    ("NotAcceptable", StatusCode::NOT_ACCEPTABLE),
    ("ContentTooLarge", StatusCode::PAYLOAD_TOO_LARGE),
    ("UriTooLong", StatusCode::URI_TOO_LONG),
    ("RangeNotSatisfiable", StatusCode::RANGE_NOT_SATISFIABLE),
    ("InternalServerError", StatusCode::INTERNAL_SERVER_ERROR),
    ("ServiceUnavailable", StatusCode::SERVICE_UNAVAILABLE),
    ("NotReached", StatusCode::GATEWAY_TIMEOUT),
];

/// Adds to `operation`, of `path`, what holds for all of its sort.
fn complete(path: &str, operation: &mut Operation, token: bool) {
    let has = |name: &str| {
        let mut parameters = operation.parameters.iter().flatten();
        parameters.any(|parameter| matches!(parameter, RefOr::T(given) if given.name == name))
    };
    let (in_form, by_name) = (has("format"), has("branch") || has("name") || has("file"));
    let waits = has("timeout");
    let open = path == "/livez" || page::is_open(path);
    if token && !open {
        let bearer = SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, []);
        // A probe is answered without a token, as long as it asks for no reasons.
        let none = (path == "/readyz").then(SecurityRequirement::default);
        operation.security = Some(none.into_iter().chain([bearer]).collect());
    }
    if in_form {
        add_forms(operation);
    }
    let responses = &mut operation.responses.responses;
    for (name, status) in PROBLEMS {
        let applies = match *status {
            StatusCode::UNAUTHORIZED => token && !open,
            StatusCode::FORBIDDEN => !token && path != "/livez",
            StatusCode::NOT_FOUND => by_name,
            StatusCode::RANGE_NOT_SATISFIABLE => in_form,
            StatusCode::GATEWAY_TIMEOUT => waits,
            _ => true,
        };
        let reference = || RefOr::Ref(Ref::from_response_name(*name));
        if applies {
            match responses
                .entry(status.as_str().to_owned())
                .or_insert_with(reference)
            {
                RefOr::T(response) => {
                    let media = "application/problem+json".to_owned();
                    response.content.insert(media, RefOr::T(problem()));
                }
                RefOr::Ref(_) => {}
            }
        }
    }
}

/// The forms of a table beside JSON, and what may be kept of each.
fn add_forms(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    if let Some(RefOr::T(response)) = responses.get_mut("200") {
        for format in AnswerFormat::ALL
            .into_iter()
            .filter(|format| *format != AnswerFormat::Json)
        {
            response
                .content
                .insert(format.media_type().to_owned(), RefOr::T(bytes(format)));
        }
        let text = || Object::with_type(Type::String);
        for (name, description) in [
            ("ETag", "Names these bytes; send it as If-None-Match."),
            (
                "Link",
                "Of a table with a limit: the next page, as rel=next.",
            ),
            (
                "Tidegauge-Generation",
                "Of a table: the generation it comes from.",
            ),
            (
                "Tidegauge-Sequence",
                "Of a table: the checkpoint it comes from.",
            ),
            (
                "Tidegauge-Watermark",
                "Of a table: the combined watermark, if there is one.",
            ),
            (
                "Tidegauge-As-Of",
                "Of a table: when the checkpoint was written.",
            ),
        ] {
            let header = HeaderBuilder::new()
                .schema(Some(text()))
                .description(Some(description));
            response
                .headers
                .insert(name.to_owned(), RefOr::T(header.build()));
        }
    }
    let mut part = ResponseBuilder::new().description("The part of a file that Range asks for");
    for format in AnswerFormat::ALL
        .into_iter()
        .filter(|format| *format != AnswerFormat::Json)
    {
        part = part.content(format.media_type(), bytes(format));
    }
    responses.insert("206".to_owned(), part.into());
    let known = ResponseBuilder::new().description("The copy that If-None-Match names is current");
    responses.insert("304".to_owned(), known.into());
}

fn bytes(format: AnswerFormat) -> Content {
    let text = matches!(format, AnswerFormat::Csv | AnswerFormat::Ndjson);
    let schema = text.then(|| Object::with_type(Type::String));
    // In OpenAPI 3.1 bytes have no schema.
    ContentBuilder::new()
        .schema(schema.map(openapi::Schema::Object))
        .build()
}

fn problem() -> Content {
    let name = <Details<'_> as ToSchema>::name();
    Content::new(Some(Ref::from_schema_name(name)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use super::*;
    use crate::view::field;
    use crate::view::flat_row::FlatRow;
    use crate::view::wire::{NoWindowAnswer, RejectAnswer, TotalAnswer, WindowAnswer};

    #[test]
    fn rows_are_described_with_the_fields_of_their_tables() {
        let document = document("1.0.0", false);
        let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
        for (name, fields) in [
            ("TotalAnswer", TotalAnswer::FIELDS),
            ("WindowAnswer", WindowAnswer::FIELDS),
            ("LateAnswer", NoWindowAnswer::FIELDS),
            ("RejectAnswer", RejectAnswer::FIELDS),
        ] {
            let properties = &document["components"]["schemas"][name]["properties"];
            let described = properties.as_object().unwrap();
            let described: BTreeSet<&str> = described.keys().map(String::as_str).collect();
            assert_eq!(described, field::names(fields).collect(), "{name}");
        }
    }
}
