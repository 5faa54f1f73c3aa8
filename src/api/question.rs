//! A request for figures: what it asks for, in which form, and how much work that is.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri, header};

use super::SharedState;
use super::effort::Patience;
use super::etag::EntityTag;
use super::format::AnswerFormat;
use super::limits::LIGHT_ITEMS;
use super::parameters::{Parameters, WAITING};
use super::problem::Problem;
use super::progress::Reached;
use super::waiting::{Wait, without_waiting};
use crate::view::reading::Reading;

/// A request for figures of one reading, in one of the forms. It may say what to wait for.
pub(super) struct Question {
    /// Its query parameters.
    pub(super) parameters: Parameters,
    /// The form that it asks for.
    pub(super) format: AnswerFormat,
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// How long the answer is waited for.
    pub(super) patience: Patience,
    method: Method,
    /// Without what it waits for: the answer at one checkpoint is the same.
    uri: Uri,
    wait: Option<Wait>,
}

impl Question {
    /// What `request` asks for; its query parameters are `format`, what to wait for, and those in
    /// `known`.
    pub(super) fn of(request: Request, known: &[&str]) -> Result<Self, Problem> {
        let known = [known, &["format"], &WAITING].concat();
        let parameters = Parameters::of(request.uri(), &known)?;
        let format = AnswerFormat::of(parameters.text("format"), request.headers())?;
        Self::new(request, parameters, format)
    }

    /// What `request` asks for, where there is nothing but JSON; its query parameters are what to
    /// wait for and those in `known`.
    pub(super) fn of_json(request: Request, known: &[&str]) -> Result<Self, Problem> {
        let known = [known, &WAITING].concat();
        let parameters = Parameters::of(request.uri(), &known)?;
        let format = AnswerFormat::only_json(request.headers())?;
        Self::new(request, parameters, format)
    }

    fn new(
        request: Request,
        parameters: Parameters,
        format: AnswerFormat,
    ) -> Result<Self, Problem> {
        let wait = Wait::of(&parameters)?;
        let (mut head, _) = request.into_parts();
        // The guard gives every request its patience.
        let patience = head.extensions.remove().ok_or_else(Problem::internal)?;
        Ok(Self {
            parameters,
            format,
            headers: head.headers,
            patience,
            method: head.method,
            uri: match wait {
                Some(_) => without_waiting(&head.uri)?,
                None => head.uri,
            },
            wait,
        })
    }

    /// Waits for what it says to wait for, if it does. `check` says whether it is wrong by what is known
    /// now: then it does not wait. All else that can be wrong with it must have been looked at before.
    pub(super) async fn wait(
        &self,
        app: &SharedState,
        check: impl FnOnce(&Reached) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        match &self.wait {
            Some(wait) => wait.over(app, &self.patience, check).await,
            None => Ok(()),
        }
    }

    /// Whether rows are asked for, and not an object that stands for all.
    pub(super) fn is_table(&self) -> bool {
        self.format != AnswerFormat::Json
    }

    /// The address of the page after this one, which begins at `cursor`.
    pub(super) fn page_at(&self, cursor: &str) -> String {
        let path = self.uri.path();
        let others = self.uri.query().unwrap_or_default();
        let others: String = others
            .split('&')
            .filter(|part| !part.is_empty() && !part.starts_with("cursor="))
            .map(|part| format!("{part}&"))
            .collect();
        format!("/api/v1{path}?{others}cursor={cursor}")
    }

    /// What is asked for, in which form: a key for what is kept.
    pub(super) fn key(&self) -> String {
        format!("{} {}", self.format.name(), self.uri)
    }

    /// The tag of its answer from `reading`, in the life `life` of the process.
    pub(super) fn tag(&self, life: u64, reading: &dyn Reading) -> EntityTag {
        EntityTag::of(life, reading.checkpoint(), &self.key())
    }

    /// Whether a client may have the answer already.
    pub(super) fn may_be_known(&self) -> bool {
        self.headers.contains_key(header::IF_NONE_MATCH)
    }

    /// Whether the answer is made whole: a stream has neither length nor parts.
    pub(super) fn wants_file(&self) -> bool {
        self.is_table() && (self.format == AnswerFormat::Parquet || self.method == Method::HEAD)
    }

    /// Whether it is a step of reading a file in parts: how long is it, or what is in this part?
    pub(super) fn is_step(&self) -> bool {
        self.method == Method::HEAD || self.headers.contains_key(header::RANGE)
    }

    /// The headers that say which part of a file is asked for; `HEAD` is always about all of it.
    pub(super) fn part(&self) -> Option<&HeaderMap> {
        (self.method != Method::HEAD).then_some(&self.headers)
    }

    /// Whether a list of at most a few items is asked for.
    pub(super) fn is_short(&self) -> bool {
        let limit = match self.parameters.text("limit") {
            // A wrong question is refused, which costs no work.
            Some(_) => self.parameters.limit().unwrap_or_default(),
            None => usize::MAX,
        };
        limit <= LIGHT_ITEMS
    }
}
