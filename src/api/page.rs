//! The live page and its parts, out of the binary. They hold no figures: those the page asks for.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::description::PartName;
use super::etag::EntityTag;
use super::problem::Problem;

/// The live page.
#[utoipa::path(get, path = "/", tag = "page",
    responses((status = 200, description = "The page", body = str, content_type = "text/html")))]
pub(super) async fn show(headers: HeaderMap) -> Response {
    INDEX.answer(&headers)
}

/// What the page is made of.
#[utoipa::path(get, path = "/ui/{file}", tag = "page", params(PartName),
    responses((status = 200, description = "A file", content(
        (str = "text/css"), (str = "text/javascript"), (str = "text/plain"), (str = "image/svg+xml"),
    ))))]
pub(super) async fn part(
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let found = path.ok().and_then(|Path(path)| PARTS.get(path.as_str()));
    match found {
        Some(file) => file.answer(&headers),
        None => Problem::not_found("the page has no such part; \"/\" is the page").into_response(),
    }
}

/// Whether a path is of the page itself. Such paths answer without a token: the page asks for it.
pub(super) fn is_open(path: &str) -> bool {
    path == "/" || path.starts_with("/ui/")
}

/// Nothing but our own files and our own service: a record that smuggles markup in finds nothing
/// that would run it, and nowhere to send what it sees.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

static INDEX: LazyLock<PageFile> =
    LazyLock::new(|| PageFile::new(HTML, include_str!("../../ui/index.html")));

static PARTS: LazyLock<BTreeMap<&'static str, PageFile>> = LazyLock::new(|| {
    macro_rules! files {
        ($($kind:ident $($name:literal)+;)+) => {
            [$($(($name, PageFile::new($kind, include_str!(concat!("../../ui/", $name))))),+),+]
        };
    }
    BTreeMap::from(files! {
        SCRIPT "address.js" "chart.js" "decimal.js" "element.js" "figures.js" "ink.js" "ledger.js"
            "main.js" "moment.js" "palette.js" "partitions.js" "parts.js" "preference.js"
            "records.js" "scroller.js" "series.js" "service.js" "session.js" "shelf.js" "stream.js"
            "summary.js" "token.js" "windows.js" "vendor/uPlot.iife.min.js";
        STYLE "colour.css" "figures.css" "page.css" "vendor/uPlot.min.css";
        IMAGE "tidegauge.svg";
        TEXT "vendor/uPlot.LICENSE";
    })
});

/// One file of the page.
struct PageFile {
    kind: &'static str,
    content: &'static str,
    tag: EntityTag,
}

impl PageFile {
    fn new(kind: &'static str, content: &'static str) -> Self {
        let tag = EntityTag::of_content(content.as_bytes());
        Self { kind, content, tag }
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        let headers = [
            (header::CONTENT_TYPE, self.kind),
            // Kept, but asked about each time: all files of a page are of one version.
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
            (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        ];
        let mut response = if self.tag.is_known(asked) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.content.into_response()
        };
        for (name, value) in headers {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
            .headers_mut()
            .insert(header::ETAG, self.tag.header());
        response
    }
}

const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Every file below `folder`, by its path there.
    fn files(folder: &Path, prefix: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                found.extend(files(&entry.path(), &format!("{name}/")));
            } else {
                found.insert(name);
            }
        }
        found
    }

    #[test]
    fn every_file_of_the_page_is_in_the_binary() {
        let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
        let mut served: BTreeSet<String> = PARTS.keys().map(|&name| name.to_owned()).collect();
        served.insert("index.html".to_owned());
        assert_eq!(served, files(&ui, ""));
    }

    #[test]
    fn what_the_page_and_its_scripts_name_is_there() {
        let imports = PARTS.values().filter(|file| file.kind == SCRIPT);
        for file in imports {
            for (at, _) in file.content.match_indices("from \"./") {
                let name = &file.content[at + "from \"./".len()..];
                let name = &name[..name.find('"').unwrap()];
                assert!(PARTS.contains_key(name), "{name}");
            }
        }
        for attribute in ["src=\"ui/", "href=\"ui/"] {
            for (at, _) in INDEX.content.match_indices(attribute) {
                let name = &INDEX.content[at + attribute.len()..];
                let name = &name[..name.find('"').unwrap()];
                assert!(PARTS.contains_key(name), "{name}");
            }
        }
    }

    #[test]
    fn tags_differ_between_files() {
        let tags: BTreeSet<String> = PARTS.values().map(|file| file.tag.to_string()).collect();
        assert_eq!(tags.len(), PARTS.len());
    }
}
