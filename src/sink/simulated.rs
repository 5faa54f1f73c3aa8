//! Requests to the server of a simulation.

use std::time::Duration;

use hyper::body::Bytes;
use reqwest::{Method, Url};

use super::server_answer::ServerAnswer;
use super::trouble::Trouble;
use crate::host::simulation::{Outside, SearchRequest};

/// What the server of a simulation answers within `patience`.
pub(super) async fn answer(
    outside: &dyn Outside,
    url: &Url,
    (method, query, body): (&Method, &[(&str, &str)], Option<&Bytes>),
    patience: Duration,
) -> Result<ServerAnswer, Trouble> {
    let query = query.iter();
    let body = body.map(|body| body.to_vec());
    let answer = outside.ask(SearchRequest {
        method: method.to_string(),
        path: url.path().to_owned(),
        query: query
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.unwrap_or_default(),
    });
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok((status, body))) => Ok(ServerAnswer { status, body }),
        Ok(Err(reason)) => Err(Trouble::unanswered(reason)),
        Err(_) => Err(Trouble::unanswered("operation timed out".into())),
    }
}
