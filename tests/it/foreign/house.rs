//! The real program serving a vault of its own, a study, and a researcher enrolled with the command line.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use http::Method;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::cli::day;
use crate::support::gateway::{Person, client, text};
use crate::support::peers::{KEY_ID, SECRET};

const PROGRAM: &str = env!("CARGO_BIN_EXE_strongroom");

/// What somebody who takes part is called here; it must show nowhere.
pub(super) const PARTICIPANT: &str = "Blodeuwedd Quillfeather-Ashgrove";
/// Where to write to them.
pub(super) const PARTICIPANT_EMAIL: &str = "blodeuwedd.quillfeather@private.example";

/// No answer takes longer, whatever was asked.
pub(super) const PROMPT: Duration = Duration::from_secs(5);

/// A vault and the process that serves it.
pub(super) struct House {
    dir: TempDir,
    pub(super) url: String,
    serving: Serving,
    how: How,
    admin_code: String,
}

/// How a house is founded and served.
#[derive(Default)]
pub(super) struct How {
    /// The store, as `vault init` is told; the embedded one when there is nothing.
    pub(super) store: Vec<String>,
    /// What the gateway finds in its environment.
    pub(super) environment: Vec<(String, String)>,
}

impl How {
    /// With the store at `endpoint`, which is one of [`peers`](crate::support::peers).
    pub(super) fn on(endpoint: &str) -> Self {
        let store = ["--s3-endpoint", endpoint, "--attest-region", "eu-west-2"];
        let attested = ["--attested-by", "A. Operator"];
        Self {
            store: store
                .iter()
                .chain(&attested)
                .map(ToString::to_string)
                .collect(),
            environment: Vec::new(),
        }
        .with("AWS_ACCESS_KEY_ID", KEY_ID)
        .with("AWS_SECRET_ACCESS_KEY", SECRET)
    }

    /// With a variable more.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A process that ends with the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// A study, its session, and a researcher who has logged in with the command line.
pub(super) struct Study {
    pub(super) admin: Person,
    pub(super) lead: Person,
    /// The enrolment code the researcher used up.
    pub(super) code: String,
    /// Their token, as the command line remembers it.
    pub(super) token: String,
    pub(super) id: String,
    pub(super) participant: String,
    pub(super) session: String,
}

impl House {
    /// A new vault with the embedded store.
    pub(super) fn open() -> Self {
        Self::open_with(How::default())
    }

    /// A new vault, as `how` says.
    pub(super) fn open_with(how: How) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut init = program(dir.path(), &how);
        init.args(["--json", "vault", "init"])
            .arg(dir.path().join("vault"));
        init.args([
            "--admin",
            "Ada Administrator",
            "--bucket",
            "tapes",
            "--region",
            "eu-west-2",
        ]);
        match how.store.is_empty() {
            true => init.arg("--embedded-store"),
            false => init.args(&how.store),
        };
        let founded = json_line(&said(init.output().expect("it runs")));
        let (serving, url) = serve(dir.path(), &how, "127.0.0.1:0");
        Self {
            dir,
            url,
            serving,
            how,
            admin_code: text(&founded, "code"),
        }
    }

    /// A file in the researcher's profile, or any other place in this house.
    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).expect("a file")
    }

    /// The gateway's process.
    pub(super) fn process(&self) -> u32 {
        self.serving.0.id()
    }

    /// The folder everything of this house is in.
    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where the gateway listens.
    pub(super) fn address(&self) -> SocketAddr {
        let address = self.url.strip_prefix("http://").expect("plain");
        address.parse().expect("an address")
    }

    /// What the gateway has logged.
    pub(super) fn log(&self) -> Vec<u8> {
        std::fs::read(log(self.dir.path())).expect("a log")
    }

    /// Kills the gateway as a power cut would, and starts it again at the same address.
    pub(super) fn kill_and_serve_again(&mut self) {
        let address = self.address().to_string();
        self.serving.0.kill().expect("it was running");
        self.serving.0.wait().expect("it ended");
        (self.serving, self.url) = serve(self.dir.path(), &self.how, &address);
    }

    /// The command line, in the researcher's home.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(self.dir.path(), &How::default());
        command.args(arguments);
        command
    }

    /// What the command line gives for `item`, which must be fetched.
    pub(super) fn fetch(&self, item: &str) -> Vec<u8> {
        let fetched = self
            .command(&["fetch", item, "-o", "-"])
            .output()
            .expect("it runs");
        said(fetched)
    }

    /// A request as nobody in particular.
    pub(super) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        client().request(method, format!("{}{path}", self.url))
    }

    /// The administrator's code, which works once.
    pub(super) fn admin_code(&self) -> &str {
        &self.admin_code
    }

    /// A study with a session, to which a researcher is admitted who logs in with the command line.
    pub(super) async fn study(&self) -> Study {
        let admin = self.enrol(&self.admin_code).await;
        let lead = self.invite(&admin, "study-lead").await;
        let terms = json!({
            "name": "Victim support", "controller": "Ministry of Justice",
            "lawful_basis": "public-task", "withdraw_within": "30d", "retain": "2y after session",
        });
        let id = text(&lead.post("/v1/studies", &terms).await, "id");
        let permit = json!({
            "permit": ["audio", "video", "transcript"], "name": PARTICIPANT, "email": PARTICIPANT_EMAIL,
        });
        let participant = lead
            .post(&format!("/v1/studies/{id}/participants"), &permit)
            .await;
        let participant = text(&participant, "id");
        let session = json!({
            "kind": "interview", "date": day(0), "participants": [participant],
        });
        let session = lead
            .post(&format!("/v1/studies/{id}/sessions"), &session)
            .await;
        let researcher = json!({ "name": "Rhiannon Researcher", "role": "researcher" });
        let invited = admin.post("/v1/people", &researcher).await;
        let code = text(&invited, "code");
        let login = self
            .command(&["login", &self.url, "--code", &code])
            .output();
        said(login.expect("it runs"));
        let study = Study {
            token: self.read("home/default/token"),
            session: text(&session, "id"),
            admin,
            lead,
            participant,
            code,
            id,
        };
        study.take_on(&text(&invited, "id")).await;
        study
    }

    async fn enrol(&self, code: &str) -> Person {
        Person::enrol(&client(), &self.url, &json!({ "code": code, "terms": 1 })).await
    }

    /// Somebody the administrator invites, enrolled.
    pub(super) async fn invite(&self, admin: &Person, role: &str) -> Person {
        let new = json!({ "name": format!("A {role}"), "role": role });
        let invited = admin.post("/v1/people", &new).await;
        self.enrol(&text(&invited, "code")).await
    }
}

impl Study {
    /// Admits somebody as a researcher.
    pub(super) async fn take_on(&self, person: &str) {
        let until = day(30);
        let member = json!({ "person": person, "role": "researcher", "until": until });
        self.lead
            .post(&format!("/v1/studies/{}/members", self.id), &member)
            .await;
    }
}

/// The program, in a home of its own, without what this process finds in its environment.
fn program(dir: &Path, how: &How) -> Command {
    let mut command = Command::new(PROGRAM);
    let inherited = ["PATH", "TMPDIR"].map(|name| (name, std::env::var_os(name)));
    command.env_clear().env("STRONGROOM_HOME", dir.join("home"));
    for (name, value) in inherited {
        value.map(|value| command.env(name, value));
    }
    command.envs(how.environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null());
    command
}

/// Starts the gateway and gives where it listens.
fn serve(dir: &Path, how: &How, listen: &str) -> (Serving, String) {
    let log = File::options()
        .create(true)
        .append(true)
        .open(log(dir))
        .expect("a log");
    let mut command = program(dir, how);
    command
        .args(["--json", "serve", "--listen", listen, "--vault"])
        .arg(dir.join("vault"));
    command.stdout(Stdio::piped()).stderr(log);
    let mut serving = Serving(command.spawn().expect("it starts"));
    let mut first = String::new();
    let stdout = serving.0.stdout.take().expect("its output");
    BufReader::new(stdout)
        .read_line(&mut first)
        .expect("it speaks");
    let url = text(&json_line(first.as_bytes()), "listening");
    (serving, url)
}

fn log(dir: &Path) -> PathBuf {
    dir.join("gateway.log")
}

/// What a program printed, which must have succeeded.
pub(super) fn said(output: Output) -> Vec<u8> {
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {why}", output.status);
    output.stdout
}

/// The JSON on the one line a program printed.
pub(super) fn json_line(line: &[u8]) -> Value {
    let said = String::from_utf8_lossy(line);
    serde_json::from_slice(line).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Memory the gateway uses, in bytes.
pub(super) fn memory(house: &House) -> usize {
    1024 * status(house, "VmRSS:")
}

/// How many open files the gateway's table has room for: the system doubles it when it is full.
pub(super) fn descriptors(house: &House) -> usize {
    status(house, "FDSize:")
}

/// A number that the system tells of the gateway's process.
pub(super) fn status(house: &House, name: &str) -> usize {
    let path = format!("/proc/{}/status", house.serving.0.id());
    let status = std::fs::read_to_string(path).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim().split(' ').next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

/// How long it takes to be told that all is well.
pub(super) async fn health(house: &House) -> Duration {
    let begun = Instant::now();
    let health = house
        .ask(Method::GET, "/v1/health")
        .timeout(PROMPT)
        .send()
        .await;
    assert_eq!(health.expect("answered").status(), 200);
    begun.elapsed()
}

/// Waits until `there` gives something.
pub(super) async fn until<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = there() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
