//! `ops/nginx/tidegauge.conf`, the example of TLS by a proxy, in front of a service: only ports and paths are changed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::support::lab::certificates::Authority;
use crate::support::lab::{Kafka, Toolbox, eventually, free_port, unique, wait};
use crate::support::service::{Service, Setup, quoted};
use crate::support::topic::{START, paid};

const NAME: &str = "tidegauge.example";
const TOKEN: &str = "canary-of-the-proxy";

/// Types of records of TLS.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// The number of the alert which says that a version is not supported.
const PROTOCOL_VERSION: u8 = 70;

/// nginx with the example. Dropping it stops it.
struct Proxy {
    process: Child,
    port: u16,
    dir: tempfile::TempDir,
    authority: Authority,
}

impl Proxy {
    /// One in front of `service`, with the example as `change` leaves it.
    fn start(toolbox: &Toolbox, service: &Service, change: impl Fn(String) -> String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new("proxy");
        let certificate = authority.server(&[NAME]);
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let pem = file("tidegauge.pem", &certificate.pem);
        let key = file("tidegauge.key", &certificate.key);
        let port = free_port();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/nginx/tidegauge.conf");
        let mut example = fs::read_to_string(example).unwrap();
        for (from, to) in [
            ("listen 443 ", format!("listen 127.0.0.1:{port} ")),
            ("/etc/nginx/tls/tidegauge.pem", pem),
            ("/etc/nginx/tls/tidegauge.key", key),
            ("http://127.0.0.1:8080", service.url().to_owned()),
        ] {
            assert!(example.contains(from), "{from} is not in the example");
            example = example.replace(from, &to);
        }
        let example = file("tidegauge.conf", &change(example));
        // What stands around the file on any system, in the place of /etc/nginx/nginx.conf.
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary: String = kinds
            .map(|kind| format!("{kind}_temp_path {kind};\n"))
            .concat();
        let around = format!(
            "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log errors.log;\nevents {{}}\n\
             http {{\naccess_log access.log;\n{temporary}include {example};\n}}\n"
        );
        let config = file("nginx.conf", &around);
        // It ends with this thread, however that ends.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(toolbox.home().join("nginx"))
            .args(["-c", &config, "-p"])
            .arg(dir.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        eventually("nginx", || TcpStream::connect(address).ok());
        Self {
            process,
            port,
            dir,
            authority,
        }
    }

    fn client(&self) -> reqwest::Client {
        self.client_from(reqwest::tls::Version::TLS_1_2)
    }

    /// One that knows no older version of TLS than `oldest`.
    fn client_from(&self, oldest: reqwest::tls::Version) -> reqwest::Client {
        let authority = reqwest::Certificate::from_pem(self.authority.pem().as_bytes()).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        reqwest::Client::builder()
            .no_proxy()
            .tls_built_in_root_certs(false)
            .add_root_certificate(authority)
            .min_tls_version(oldest)
            .resolve(NAME, address)
            .build()
            .unwrap()
    }

    fn url(&self) -> String {
        format!("https://{NAME}:{}", self.port)
    }

    /// The first answer to a client that knows no newer version of TLS than `newest`: the type of the record, and what
    /// stands in the place of an alert's number.
    fn greeting(&self, newest: u16) -> (u8, u8) {
        let mut client = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        client.write_all(&client_hello(newest)).unwrap();
        let mut record = [0; 7];
        client.read_exact(&mut record).unwrap();
        (record[0], record[6])
    }

    fn ask(&self, path: &str, headers: &[(&'static str, &str)]) -> Answer {
        ask(&self.client(), &format!("{}{path}", self.url()), headers)
    }
}

/// The first message of a client whose newest version of TLS is `newest`. rustls knows none before 1.2.
fn client_hello(newest: u16) -> Vec<u8> {
    // Behind its length, in so many bytes.
    let counted = |width: usize, part: &[u8]| {
        let length = (part.len() as u32).to_be_bytes();
        [&length[4 - width..], part].concat()
    };
    let name = [&[0_u8][..], &counted(2, NAME.as_bytes())].concat();
    let extensions = [
        // The name of the server.
        [&[0, 0][..], &counted(2, &counted(2, &name))].concat(),
        // The curves x25519 and P-256, and the form of their points.
        vec![0, 10, 0, 6, 0, 4, 0, 0x1d, 0, 0x17],
        vec![0, 11, 0, 2, 1, 0],
        // The signatures, which TLS 1.2 asks for.
        vec![0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1],
    ]
    .concat();
    let body = [
        &newest.to_be_bytes()[..],
        // What should be random, and no session.
        &[7; 32],
        &[0],
        // ECDHE with AES, for certificates of either kind of key, with GCM or for older versions; no compression.
        &counted(2, &[0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x09, 0xc0, 0x13]),
        &[1, 0],
        &counted(2, &extensions),
    ]
    .concat();
    let message = [&[1_u8][..], &counted(3, &body)].concat();
    [&[HANDSHAKE, 3, 1][..], &counted(2, &message)].concat()
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[derive(PartialEq, Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    /// Without what a server says of itself and of the moment.
    fn of_service(mut self) -> Self {
        for own in [
            "server",
            "date",
            "connection",
            "transfer-encoding",
            "content-length",
        ] {
            self.headers.remove(own);
        }
        self
    }
}

fn ask(client: &reqwest::Client, url: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut request = client.get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    wait(async move {
        let response = request.send().await.unwrap();
        let headers = response.headers().iter();
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
        Answer {
            status: response.status().as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
            body: response.bytes().await.unwrap().to_vec(),
        }
    })
}

fn direct(service: &Service, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    ask(&client, &format!("{}{path}", service.url()), headers)
}

/// A service that has read a payment, with the token or without one.
fn served(kafka: &Kafka, topic: &str, has_token: bool) -> (Setup, Service) {
    kafka.create_topic(topic, 1);
    kafka.send(topic, [paid(0, START, "1.10", 1)]);
    let mut setup = Setup::of(kafka, topic);
    if has_token {
        let file = setup.path("token");
        fs::write(&file, TOKEN).unwrap();
        setup.set("http", "token_file", &quoted(file.to_str().unwrap()));
    }
    let service = setup.serve();
    let token = format!("Bearer {TOKEN}");
    eventually("the payment", || {
        let ledger = direct(&service, "/api/v1/ledger", &[("authorization", &token)]);
        let text = String::from_utf8(ledger.body).unwrap();
        text.contains("\"consumed\":1").then_some(())
    });
    (setup, service)
}

fn as_it_is(example: String) -> String {
    example
}

#[test]
fn through_the_proxy_answers_are_the_same_bytes_for_those_with_the_token() {
    let (Some(toolbox), Some(kafka)) = (Toolbox::nginx(), Kafka::shared()) else {
        return;
    };
    let (_setup, service) = served(kafka, &unique("proxied"), true);
    let proxy = Proxy::start(&toolbox, &service, as_it_is);
    let token = format!("Bearer {TOKEN}");
    for (path, more) in [
        ("/api/v1/totals", &[][..]),
        ("/api/v1/totals", &[("accept-encoding", "gzip")]),
        ("/api/v1/windows/1m?format=csv", &[]),
        ("/api/v1/windows/day?format=parquet", &[]),
        ("/api/v1/windows/1m?limit=none", &[]),
        ("/openapi.json", &[("accept-encoding", "zstd")]),
        ("/nothing", &[]),
        ("/", &[]),
        ("/livez", &[]),
    ] {
        for authorization in [token.as_str(), "Bearer another", ""] {
            let own = [("authorization", authorization)];
            let headers = [&own[..], more].concat();
            let through = proxy.ask(path, &headers).of_service();
            let direct = direct(&service, path, &headers).of_service();
            assert_eq!(through, direct, "{path} with {authorization}");
        }
    }
    let totals = |value: &str| proxy.ask("/api/v1/totals", &[("authorization", value)]);
    assert_eq!(totals("Bearer another").status, 401);
    let with_token = totals(&token);
    assert_eq!(with_token.status, 200);
    let tag = with_token.headers["etag"].as_str();
    let again = [("authorization", token.as_str()), ("if-none-match", tag)];
    assert_eq!(proxy.ask("/api/v1/totals", &again).status, 304);
    for log in ["access.log", "errors.log"] {
        let log = fs::read_to_string(proxy.dir.path().join(log)).unwrap();
        assert!(!log.contains("canary"), "{log}");
    }
}

#[test]
fn events_come_through_the_proxy_when_they_happen() {
    let (Some(toolbox), Some(kafka)) = (Toolbox::nginx(), Kafka::shared()) else {
        return;
    };
    let topic = unique("proxied");
    let (_setup, service) = served(kafka, &topic, true);
    let proxy = Proxy::start(&toolbox, &service, as_it_is);
    let request = proxy.client().get(format!("{}/api/v1/events", proxy.url()));
    let (tell, told) = mpsc::channel();
    wait(async move {
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        let mut response = request.send().await.unwrap();
        tokio::spawn(async move {
            while let Ok(Some(part)) = response.chunk().await {
                if tell.send(part).is_err() {
                    return;
                }
            }
        });
    });
    // Each payment is sent when what happened before has come: nothing is held back for what follows.
    let mut read = String::new();
    for payments in 1..4 {
        let words = match payments {
            1 => "event: reading".to_owned(),
            _ => format!("\"pay_count\":{payments},"),
        };
        while !read.contains(&words) {
            let part = told
                .recv_timeout(Duration::from_secs(60))
                .expect("an event");
            read += &String::from_utf8_lossy(&part);
        }
        kafka.send(&topic, [paid(0, START + payments, "1", 1)]);
    }
}

#[test]
fn the_proxy_takes_tls_1_2_and_1_3_and_nothing_older() {
    let (Some(toolbox), Some(kafka)) = (Toolbox::nginx(), Kafka::shared()) else {
        return;
    };
    let (_setup, service) = served(kafka, &unique("proxied"), true);
    let proxy = Proxy::start(&toolbox, &service, as_it_is);
    for (version, number) in [("1.0", 0x0301), ("1.1", 0x0302)] {
        let greeting = proxy.greeting(number);
        assert_eq!(greeting, (ALERT, PROTOCOL_VERSION), "TLS {version}");
    }
    assert_eq!(proxy.greeting(0x0303).0, HANDSHAKE);
    let newest = proxy.client_from(reqwest::tls::Version::TLS_1_3);
    let alive = ask(&newest, &format!("{}/livez", proxy.url()), &[]);
    assert_eq!(alive.status, 200);
}

#[test]
fn another_name_and_plain_http_get_no_figures_from_the_proxy() {
    let (Some(toolbox), Some(kafka)) = (Toolbox::nginx(), Kafka::shared()) else {
        return;
    };
    // Without a token, names are all that keeps pages of other sites away.
    let (_setup, service) = served(kafka, &unique("proxied"), false);
    let proxy = Proxy::start(&toolbox, &service, as_it_is);
    assert_eq!(proxy.ask("/api/v1/totals", &[]).status, 200);
    for host in ["evil.example", "localhost", "127.0.0.1"] {
        assert_eq!(
            proxy.ask("/api/v1/totals", &[("host", host)]).status,
            421,
            "{host}"
        );
    }
    let from_a_page = [("sec-fetch-site", "cross-site")];
    assert_eq!(proxy.ask("/api/v1/totals", &from_a_page).status, 403);
    let mut plain = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
    let request =
        format!("GET /api/v1/totals HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    plain.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let mut lines = BufReader::new(plain);
    lines.read_line(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    lines.read_to_string(&mut answer).unwrap();
    assert!(!answer.contains("pay_amount"), "{answer}");
    // The name that the client asked for is one that the service without a token does not know.
    let forwarding = Proxy::start(&toolbox, &service, |example| {
        example.replace("Host localhost;", "Host $host;")
    });
    let refused = forwarding.ask("/api/v1/totals", &[]);
    assert_eq!(refused.status, 403);
    let said = String::from_utf8(refused.body).unwrap();
    assert!(
        said.contains(NAME) && said.contains("http.token_file"),
        "{said}"
    );
}
