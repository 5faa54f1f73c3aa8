//! A reverse proxy in front of a server of the lab, which has no security of its own: it asks for
//! credentials, and speaks TLS if it is given a certificate.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::wait;

/// The proxy. It ends with the process.
pub struct LockedFront {
    port: u16,
    scheme: &'static str,
    lock: Arc<Lock>,
}

#[derive(Default)]
struct Lock {
    /// The value of `Authorization` that is accepted.
    accepted: Mutex<String>,
    /// The different values that came.
    seen: Mutex<Vec<String>>,
}

impl LockedFront {
    /// One in front of the server on `server` that accepts this value of `Authorization`.
    pub fn start(server: u16, tls: Option<Arc<ServerConfig>>, accepted: &str) -> Self {
        let lock = Arc::new(Lock::default());
        accepted.clone_into(&mut lock.accepted.lock().unwrap());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = wait(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::clone(&lock);
        wait(async move {
            tokio::spawn(serve(listener, server, tls, shared));
        });
        Self { port, scheme, lock }
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// From now on it accepts this value only.
    pub fn accept(&self, authorization: &str) {
        authorization.clone_into(&mut self.lock.accepted.lock().unwrap());
    }

    /// The values of `Authorization` that came, each once.
    pub fn seen(&self) -> Vec<String> {
        self.lock.seen.lock().unwrap().clone()
    }
}

async fn serve(
    listener: TcpListener,
    server: u16,
    tls: Option<Arc<ServerConfig>>,
    lock: Arc<Lock>,
) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (tls, lock, client) = (tls.clone(), Arc::clone(&lock), client.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &client, server, &lock));
            let http = hyper::server::conn::http1::Builder::new();
            // A client that does not trust us hangs up, which is none of our business.
            match tls {
                None => drop(http.serve_connection(TokioIo::new(stream), service).await),
                Some(tls) => {
                    if let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await {
                        drop(http.serve_connection(TokioIo::new(stream), service).await);
                    }
                }
            }
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    client: &reqwest::Client,
    server: u16,
    lock: &Lock,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let given = request.headers().get(AUTHORIZATION);
    let given = given
        .map_or("", |value| value.to_str().unwrap_or("?"))
        .to_owned();
    {
        let mut seen = lock.seen.lock().unwrap();
        if !seen.contains(&given) {
            seen.push(given.clone());
        }
    }
    if given != *lock.accepted.lock().unwrap() {
        // It repeats the credentials, as some proxies do.
        let reason = format!("unable to authenticate with [{given}]");
        let body =
            json!({"error": {"type": "security_exception", "reason": reason}, "status": 401});
        return Ok(response(401, "application/json", body.to_string().into()));
    }
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let url = format!("http://127.0.0.1:{server}{path}");
    let mut forwarded = client.request(request.method().clone(), url);
    if let Some(content_type) = request.headers().get(CONTENT_TYPE) {
        forwarded = forwarded.header(CONTENT_TYPE, content_type.clone());
    }
    let Ok(body) = request.into_body().collect().await else {
        return Ok(response(400, "text/plain", Bytes::new()));
    };
    match forwarded.body(body.to_bytes()).send().await {
        Ok(answer) => {
            let status = answer.status().as_u16();
            let body = answer.bytes().await.unwrap_or_default();
            Ok(response(status, "application/json", body))
        }
        Err(_) => Ok(response(502, "text/plain", Bytes::new())),
    }
}

fn response(status: u16, content_type: &str, body: Bytes) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type)
        .body(Full::new(body))
        .unwrap()
}
