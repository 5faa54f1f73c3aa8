//! A Kafka node with ports that are locked, each in a way of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::certificates::{Authority, Certificate, Purpose, Validity};
use super::kafka::Kafka;
use super::port::free_port;

/// A port of the node. All of them have certificates of one authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// SASL_SSL with SCRAM-SHA-512.
    Password,
    /// SSL, with a client certificate of the same authority.
    ClientCertificate,
    /// SSL, with a certificate that has expired.
    ExpiredCertificate,
    /// SSL, with a certificate for another host.
    OtherName,
}

const LOCKS: [Lock; 4] = [
    Lock::Password,
    Lock::ClientCertificate,
    Lock::ExpiredCertificate,
    Lock::OtherName,
];

impl Lock {
    /// What the broker calls the port, and the files of its certificate.
    const fn name(self) -> &'static str {
        match self {
            Self::Password => "PASSWORD",
            Self::ClientCertificate => "MUTUAL",
            Self::ExpiredCertificate => "EXPIRED",
            Self::OtherName => "OTHER",
        }
    }
}

/// One Kafka node with a port for each [`Lock`], and one without for the test itself.
#[derive(Debug)]
pub struct SecureKafka {
    kafka: Kafka,
    authority: Authority,
    ports: [u16; LOCKS.len()],
}

impl SecureKafka {
    /// The user that the node knows.
    pub const USER: &str = "tide-reader";
    /// The user's password, with characters that files and addresses treat in ways of their own.
    pub const PASSWORD: &str = "canary-p4ss=w0rd;\"#%";

    /// The one that all tests of this binary share. Use a topic with a [`unique`](super::unique) name.
    #[track_caller]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<SecureKafka>> = OnceLock::new();
        // Each test that can't have it is noted as skipped.
        Kafka::is_there().then(|| SHARED.get_or_init(|| Self::start(true)).as_ref())?
    }

    /// One whose locks this test may change.
    #[track_caller]
    pub fn own() -> Option<Self> {
        Self::start(false)
    }

    #[track_caller]
    fn start(shared: bool) -> Option<Self> {
        let authority = Authority::new("the lab's authority");
        let ports = LOCKS.map(|_| free_port());
        let kafka = Kafka::start_in(shared, |dir| {
            fs::write(dir.join("ca.pem"), authority.pem()).unwrap();
            let other = Authority::new("another authority");
            fs::write(dir.join("other-ca.pem"), other.pem()).unwrap();
            write(dir, "client", &authority.client(Self::USER));
            write(dir, "stranger", &other.client(Self::USER));
            for lock in LOCKS {
                let certificate = match lock {
                    Lock::Password | Lock::ClientCertificate => authority.server(&["127.0.0.1"]),
                    Lock::ExpiredCertificate => expired(&authority),
                    Lock::OtherName => authority.server(&["kafka.example"]),
                };
                write_store(dir, lock, &certificate);
            }
            fs::write(dir.join("extra.properties"), settings(dir, &ports)).unwrap();
            fs::write(dir.join("scram-users"), user(Self::PASSWORD)).unwrap();
        })?;
        Some(Self {
            kafka,
            authority,
            ports,
        })
    }

    /// The node by its port without a lock.
    pub fn kafka(&self) -> &Kafka {
        &self.kafka
    }

    /// For `bootstrap.servers`, by a port with a lock.
    pub fn bootstrap(&self, lock: Lock) -> String {
        let index = LOCKS.iter().position(|other| *other == lock).unwrap();
        format!("127.0.0.1:{}", self.ports[index])
    }

    /// The properties of a client that comes in by [`Lock::Password`].
    pub fn password_properties(&self) -> [(&'static str, String); 5] {
        [
            ("security.protocol", "sasl_ssl".to_owned()),
            ("ssl.ca.location", self.file("ca.pem").display().to_string()),
            ("sasl.mechanism", "SCRAM-SHA-512".to_owned()),
            ("sasl.username", Self::USER.to_owned()),
            ("sasl.password", Self::PASSWORD.to_owned()),
        ]
    }

    /// A file: `ca.pem`, `other-ca.pem` of an authority that the node does not know, `client.pem` and
    /// `client.key`, and `stranger.pem` and `stranger.key` of the other authority.
    pub fn file(&self, name: &str) -> PathBuf {
        self.kafka.dir().join(name)
    }

    /// Gives the user another password. The node restarts twice: users are changed while it runs, and no
    /// client may come in by the old password until then. So the locked ports stay closed meanwhile.
    #[track_caller]
    pub fn change_password(&mut self, password: &str) {
        let (ports, aside) = (self.file("extra.properties"), self.file("extra.aside"));
        self.kafka.stop();
        fs::write(self.file("scram-users"), user(password)).unwrap();
        fs::rename(&ports, &aside).unwrap();
        self.kafka.start_again();
        self.kafka.stop();
        fs::rename(&aside, &ports).unwrap();
        self.kafka.start_again();
    }

    /// Gives the user these rights on a topic, and no other, so that no one else has any. The node restarts.
    #[track_caller]
    pub fn allow(&mut self, operations: &[&str], topic: &str) {
        let rights = operations
            .iter()
            .map(|operation| format!("{} {operation} {topic}\n", Self::USER));
        fs::write(self.file("rights"), rights.collect::<String>()).unwrap();
        self.kafka.stop();
        self.kafka.start_again();
    }

    /// Gives a port another certificate: an expired one, or one that is valid for this host. The node restarts.
    #[track_caller]
    pub fn change_certificate(&mut self, lock: Lock, validity: Validity) {
        self.kafka.stop();
        let certificate = self
            .authority
            .issue(Purpose::Server, &["127.0.0.1"], validity);
        write_store(self.kafka.dir(), lock, &certificate);
        self.kafka.start_again();
    }
}

fn expired(authority: &Authority) -> Certificate {
    authority.issue(Purpose::Server, &["127.0.0.1"], Validity::Expired)
}

fn user(password: &str) -> String {
    format!("SCRAM-SHA-512 {} {password}\n", SecureKafka::USER)
}

fn write(dir: &Path, name: &str, certificate: &Certificate) {
    fs::write(dir.join(format!("{name}.pem")), &certificate.pem).unwrap();
    fs::write(dir.join(format!("{name}.key")), &certificate.key).unwrap();
}

// The broker reads both from one file.
fn write_store(dir: &Path, lock: Lock, certificate: &Certificate) {
    let both = format!("{}{}", certificate.key, certificate.pem);
    fs::write(store(dir, lock), both).unwrap();
}

fn store(dir: &Path, lock: Lock) -> PathBuf {
    dir.join(format!("{}.store.pem", lock.name()))
}

fn settings(dir: &Path, ports: &[u16; LOCKS.len()]) -> String {
    let each = |form: &dyn Fn(&str, Lock, u16) -> String| {
        let all = LOCKS.iter().zip(ports);
        let all = all.map(|(&lock, &port)| form(lock.name(), lock, port));
        all.collect::<Vec<_>>().join(",")
    };
    let addresses = each(&|name, _, port| format!("{name}://127.0.0.1:{port}"));
    let protocols = each(&|name, lock, _| match lock {
        Lock::Password => format!("{name}:SASL_SSL"),
        _ => format!("{name}:SSL"),
    });
    let mut lines = vec![
        format!("+listeners={addresses}"),
        format!("+advertised.listeners={addresses}"),
        format!("+listener.security.protocol.map={protocols}"),
        "sasl.enabled.mechanisms=SCRAM-SHA-512".to_owned(),
        "listener.name.password.scram-sha-512.sasl.jaas.config=\
         org.apache.kafka.common.security.scram.ScramLoginModule required;"
            .to_owned(),
        "listener.name.mutual.ssl.client.auth=required".to_owned(),
        // A topic is open to all, unless someone has rights on it.
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer".to_owned(),
        "allow.everyone.if.no.acl.found=true".to_owned(),
        "super.users=User:ANONYMOUS".to_owned(),
    ];
    for lock in LOCKS {
        let listener = format!("listener.name.{}.ssl", lock.name().to_lowercase());
        lines.extend([
            format!("{listener}.keystore.type=PEM"),
            format!(
                "{listener}.keystore.location={}",
                store(dir, lock).display()
            ),
            format!("{listener}.truststore.type=PEM"),
            format!(
                "{listener}.truststore.location={}",
                dir.join("ca.pem").display()
            ),
        ]);
    }
    lines.join("\n") + "\n"
}
