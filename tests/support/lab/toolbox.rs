//! What tests look at the faces with: Python's data tools, a browser, Prometheus' checker; and a proxy.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{missing, server};

/// A prepared toolbox of `lab/lab`.
#[derive(Debug)]
pub struct Toolbox {
    home: PathBuf,
}

impl Toolbox {
    /// pandas, polars, DuckDB, pyarrow, schemathesis; `None` if this machine can't have it.
    #[track_caller]
    pub fn python() -> Option<Self> {
        Self::open("python")
    }

    /// Node's playwright-core and axe-core, beside Chromium.
    #[track_caller]
    pub fn web() -> Option<Self> {
        Self::open("web")
    }

    /// promtool.
    #[track_caller]
    pub fn promtool() -> Option<Self> {
        Self::open("promtool")
    }

    /// nginx.
    #[track_caller]
    pub fn nginx() -> Option<Self> {
        Self::open("nginx")
    }

    #[track_caller]
    fn open(kind: &'static str) -> Option<Self> {
        if let Err(why) = server::prepared(kind) {
            missing::skip(&why);
            return None;
        }
        let output = server::lab()
            .args(["home", kind])
            .output()
            .expect("lab/lab can be run");
        let home = String::from_utf8(output.stdout).expect("a path");
        Some(Self {
            home: home.trim().into(),
        })
    }

    /// Where it is.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// A program of the Python toolbox: `python`, `schemathesis`.
    pub fn venv(&self, program: &str) -> Command {
        Command::new(self.home.join("venv/bin").join(program))
    }

    /// A Node script of this repository that finds the toolbox's packages: it loads them with
    /// `createRequire(process.env.TOOLBOX + "/")`. `CHROMIUM` names the browser.
    pub fn node(&self, script: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("node");
        command
            .arg(script)
            .env("TOOLBOX", &self.home)
            .env("CHROMIUM", chromium());
        command
    }
}

/// Runs a command that must succeed, and gives what it printed.
#[track_caller]
pub fn succeed(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?} can't be run: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{stdout}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}

fn chromium() -> PathBuf {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .flat_map(|dir| names.map(|name| dir.join(name)))
        .find(|program| program.is_file())
        .expect("lab/setup has seen a browser")
}
