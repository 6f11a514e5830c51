//! The real program: a gateway in a process of its own, and people at the command line.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use jiff::Span;
use jiff::civil::Date;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use strongroom::clock::{Clock as _, SystemClock, london_day};
use tempfile::TempDir;

pub(crate) const BUCKET: &str = "tapes";

/// The longest any command may take; one that takes longer is taken to hang.
const PATIENCE: Duration = Duration::from_secs(120);

/// The store in the vault's own folder.
pub(crate) const EMBEDDED: &[&str] = &["--embedded-store"];

/// The program that is tested.
pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_strongroom"))
}

/// The day in London so many days from now, as the command line takes it.
pub(crate) fn day(from_now: i64) -> String {
    let today = london_day(SystemClock.now());
    let day: Date = today.saturating_add(Span::new().days(from_now));
    day.to_string()
}

/// Bytes that look random and are the same each time.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Asks until there is an answer, for as long as a command may take.
pub(crate) fn wait_until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A vault, its gateway, and the people who use it, each with a profile of their own.
pub(crate) struct Site {
    program: PathBuf,
    folder: TempDir,
    variables: Vec<(String, String)>,
    gateway: Option<Gateway>,
    port: u16,
    admin_code: String,
}

/// A gateway that listens.
struct Gateway {
    process: Child,
    port: u16,
    _stdout: BufReader<ChildStdout>,
}

impl Site {
    /// A folder with no vault in it yet.
    pub(crate) fn empty() -> Self {
        Self {
            program: program(),
            // Not in memory: the disk's own guarantees are part of what is tested.
            folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder"),
            variables: Vec::new(),
            gateway: None,
            port: 0,
            admin_code: String::new(),
        }
    }

    /// A new vault whose store is what the arguments of `vault init` say.
    pub(crate) fn found(store: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut site = Self::empty();
        site.set(variables);
        site.init(store);
        site
    }

    /// A new vault of another program, whose store is what the arguments of `vault init` say.
    pub(crate) fn of(program: PathBuf, store: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut site = Self::empty();
        site.program = program;
        site.set(variables);
        site.init(store);
        site
    }

    /// A new vault with the embedded store, its gateway running.
    pub(crate) fn running() -> Self {
        let mut site = Self::found(EMBEDDED, &[]);
        site.serve();
        site
    }

    /// Variables that every process of this site sees from now on.
    pub(crate) fn set(&mut self, variables: &[(&str, &str)]) {
        let owned = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.variables.extend(owned);
    }

    /// Makes the vault.
    pub(crate) fn init(&mut self, store: &[&str]) {
        let founded = self.try_init(store).json();
        self.admin_code = text(&founded, "code");
    }

    /// Tries to make the vault.
    pub(crate) fn try_init(&self, store: &[&str]) -> Said {
        let vault = self.vault();
        let fixed = ["vault", "init", plain(&vault), "--admin", "Ada Admin"];
        let place = ["--bucket", BUCKET, "--region", "eu-west-2"];
        // The last word on the bucket and its region is the caller's.
        let place = place
            .chunks(2)
            .filter(|pair| !store.contains(&pair[0]))
            .flatten();
        let arguments: Vec<&str> = fixed.iter().chain(place).chain(store).copied().collect();
        self.run("admin", &arguments)
    }

    /// The vault's folder.
    pub(crate) fn vault(&self) -> PathBuf {
        self.path("vault")
    }

    /// A place in this site's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder in which profiles are kept.
    pub(crate) fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Makes a file.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// The gateway's address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port the gateway listens on, now or when it last did.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts the gateway: on a port of the system's choice, later on the same again.
    pub(crate) fn serve(&mut self) {
        let gateway = self.launch(&[], "gateway.log");
        let gateway = gateway.unwrap_or_else(|ended| panic!("the gateway ended: {ended:?}"));
        self.port = gateway.port;
        self.gateway = Some(gateway);
    }

    /// What a gateway says that is expected not to start.
    pub(crate) fn serve_in_vain(&self, arguments: &[&str]) -> Said {
        match self.launch(arguments, "in-vain.log") {
            Err(said) => said,
            Ok(mut gateway) => {
                gateway.end(Signal::KILL);
                panic!("the gateway started: {}", self.log());
            }
        }
    }

    fn launch(&self, arguments: &[&str], log: &str) -> Result<Gateway, Said> {
        let log = self.path(log);
        let before = std::fs::metadata(&log).map_or(0, |log| log.len());
        let mut command = self.command("gateway");
        let listen = format!("127.0.0.1:{}", self.port);
        command.args(["serve", "--vault"]).arg(self.vault());
        if !arguments.contains(&"--listen") {
            command.args(["--listen", &listen]);
        }
        command
            .args(arguments)
            .env("STRONGROOM_LOG", "debug")
            .stderr(appending(&log));
        let mut process = command.spawn().expect("it starts");
        let stdout = process.stdout.take().expect("its output");
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut line, mut stdout) = (String::new(), BufReader::new(stdout));
            let read = stdout.read_line(&mut line);
            tell.send(read.map(|_| (line, stdout)))
        });
        let first = told.recv_timeout(PATIENCE);
        let (line, stdout) = first.expect("the gateway says something").expect("read");
        if line.is_empty() {
            let status = process.wait().expect("it ended");
            let log = std::fs::read(&log).expect("a log");
            let stderr = log.get(usize::try_from(before).expect("a length")..);
            return Err(Said {
                asked: format!("serve {}", arguments.join(" ")),
                code: status.code(),
                stdout: Vec::new(),
                stderr: String::from_utf8_lossy(stderr.unwrap_or_default()).into_owned(),
            });
        }
        let line: Value = serde_json::from_str(&line).expect("JSON");
        let url = text(&line, "listening");
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
        Ok(Gateway {
            process,
            port: port.expect("a port"),
            _stdout: stdout,
        })
    }

    /// The gateway's process.
    pub(crate) fn gateway_pid(&self) -> Pid {
        Pid::from_child(&self.gateway.as_ref().expect("it runs").process)
    }

    /// Ends the gateway as a power cut would.
    pub(crate) fn kill(&mut self) {
        let mut gateway = self.gateway.take().expect("it runs");
        gateway.end(Signal::KILL);
    }

    /// Stops the gateway as an operator does.
    pub(crate) fn stop(&mut self) {
        let mut gateway = self.gateway.take().expect("it runs");
        let code = gateway.end(Signal::TERM);
        assert_eq!(code, Some(0), "{}", self.log());
    }

    /// What the gateway has logged, over all its starts.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read(self.path("gateway.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The program, for `profile`, in the site's own folder.
    pub(crate) fn command(&self, profile: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--json", "--profile", profile])
            .current_dir(self.folder.path())
            .env_clear()
            .env("STRONGROOM_HOME", self.home())
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, profile: &str, arguments: &[&str]) -> Said {
        self.begin(profile, arguments).finish()
    }

    /// Begins a command.
    pub(crate) fn begin(&self, profile: &str, arguments: &[&str]) -> Under {
        let child = self.command(profile).args(arguments).spawn();
        Under {
            asked: format!("{profile}: {}", arguments.join(" ")),
            child: child.expect("it starts"),
        }
    }

    /// The first administrator logs in.
    pub(crate) fn enter(&self) {
        self.login("admin", &self.admin_code).json();
    }

    /// Somebody the administrator invites; gives who they are.
    pub(crate) fn enrol(&self, profile: &str, role: &str, supplier: Option<&str>) -> String {
        let mut arguments = vec!["person", "invite", "--name", profile, "--role", role];
        arguments.extend(supplier.into_iter().flat_map(|id| ["--supplier", id]));
        let invited = self.run("admin", &arguments).json();
        self.login(profile, &text(&invited, "code")).json();
        text(&invited, "id")
    }

    /// Logs in with a code.
    pub(crate) fn login(&self, profile: &str, code: &str) -> Said {
        self.run(profile, &["login", &self.url(), "--code", code])
    }

    /// Makes `profile` ask another address from now on.
    pub(crate) fn go_by(&self, url: &str, profile: &str) {
        let path = self.home().join(profile).join("profile.json");
        let remembered = std::fs::read_to_string(&path).expect("a profile");
        let changed = remembered.replace(&self.url(), url);
        assert_ne!(changed, remembered);
        std::fs::write(&path, changed).expect("written");
    }

    /// A study with its lead (`lead`), a researcher (`res`) and information governance (`ig`).
    pub(crate) fn study(&self) -> String {
        self.enter();
        self.enrol("lead", "study-lead", None);
        let researcher = self.enrol("res", "researcher", None);
        self.enrol("ig", "information-governance", None);
        let terms = [
            "study",
            "create",
            "Victim support",
            "--controller",
            "MoJ",
            "--lawful-basis",
            "public-task",
            "--withdraw-within",
            "30d",
            "--retain",
            "2y after session",
        ];
        let study = self.run("lead", &terms).id();
        let until = day(60);
        let grant = ["study", "grant", &study, "--person", &researcher];
        let grant = [&grant[..], &["--role", "researcher", "--until", &until]].concat();
        self.run("lead", &grant).json();
        study
    }

    /// A participant who permits everything, and a session with them.
    pub(crate) fn interview(&self, study: &str) -> (String, String) {
        let everything = "audio,video,notes,transcript";
        let person = self.participant(study, everything, &[]);
        let session = self.session(study, &[&person]);
        (person, session)
    }

    /// A participant.
    pub(crate) fn participant(&self, study: &str, permit: &str, more: &[&str]) -> String {
        let fixed = ["participant", "add", "--study", study, "--permit", permit];
        self.run("res", &[&fixed, more].concat()).id()
    }

    /// A session with participants.
    pub(crate) fn session(&self, study: &str, participants: &[&str]) -> String {
        let date = day(-2);
        let fixed = ["session", "add", "--study", study, "--kind", "interview"];
        let who = [&["--date", &date, "--participant"], participants].concat();
        self.run("res", &[&fixed[..], &who].concat()).id()
    }

    /// Uploads as the researcher, and gives the item.
    pub(crate) fn upload(&self, file: &Path, session: &str, kind: &str) -> String {
        self.try_upload(file, session, kind).id()
    }

    /// Tries to upload as the researcher.
    pub(crate) fn try_upload(&self, file: &Path, session: &str, kind: &str) -> Said {
        self.begin_upload(file, session, kind).finish()
    }

    /// Begins to upload as the researcher.
    pub(crate) fn begin_upload(&self, file: &Path, session: &str, kind: &str) -> Under {
        let rest = ["--session", session, "--kind", kind];
        self.begin("res", &[&["upload", plain(file)], &rest[..]].concat())
    }

    /// Fetches an item as `profile`, which must be given it, and gives its bytes.
    pub(crate) fn fetch(&self, profile: &str, item: &str) -> Vec<u8> {
        self.fetch_as(profile, item, &[])
    }

    /// Fetches an item as `profile` with further arguments, and gives the bytes.
    pub(crate) fn fetch_as(&self, profile: &str, item: &str, more: &[&str]) -> Vec<u8> {
        let path = self.path("fetched");
        let to = ["fetch", item, "--force", "-o", plain(&path)];
        self.run(profile, &[&to, more].concat()).json();
        let bytes = std::fs::read(&path).expect("fetched");
        std::fs::remove_file(&path).expect("removed");
        bytes
    }

    /// What `profile` is told who fetches an item in vain.
    pub(crate) fn fetch_in_vain(&self, profile: &str, item: &str) -> Said {
        let path = self.path("refused");
        let said = self.run(profile, &["fetch", item, "-o", plain(&path)]);
        let left = [&path, &self.path("refused.part")].map(|path| path.exists());
        assert_eq!(left, [false, false], "{item} left something to {profile}");
        said
    }

    /// Records the withdrawal of a participant as the lead, and gives the erasure.
    pub(crate) fn withdraw(&self, participant: &str) -> String {
        self.run("lead", &["withdraw", participant]).id()
    }

    /// How often each kind of event is on record, in the order in which they first came.
    pub(crate) fn events(&self) -> Vec<String> {
        let audit = self.run("ig", &["audit", "show"]).json();
        let entries = audit.as_array().expect("a list").iter();
        entries.map(|entry| text(entry, "event")).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut gateway) = self.gateway.take() {
            gateway.end(Signal::KILL);
        }
        if std::thread::panicking() {
            let log = self.log();
            let telling = log.lines().filter(|line| !line.contains("DEBUG"));
            let lines: Vec<_> = telling.collect();
            let last = lines.get(lines.len().saturating_sub(20)..);
            println!(
                "the gateway's log ends:\n{}",
                last.unwrap_or_default().join("\n")
            );
        }
    }
}

impl Gateway {
    fn end(&mut self, signal: Signal) -> Option<i32> {
        // It may have ended already.
        let _ = kill_process(Pid::from_child(&self.process), signal);
        self.process.wait().expect("it ended").code()
    }
}

/// A command that is under way.
pub(crate) struct Under {
    asked: String,
    child: Child,
}

impl Under {
    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("it ended");
    }

    /// Waits for its end.
    pub(crate) fn finish(self) -> Said {
        let pid = Pid::from_child(&self.child);
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || tell.send(self.child.wait_with_output()));
        let output = told.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            let _ = kill_process(pid, Signal::KILL);
            panic!("it hangs: {}", self.asked)
        });
        let Output {
            status,
            stdout,
            stderr,
        } = output.expect("it ran");
        Said {
            asked: self.asked,
            code: status.code(),
            stdout,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) asked: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Said {
    /// The answer of a command that did what it was asked.
    pub(crate) fn json(self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_slice(&self.stdout).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The identifier of what it made.
    pub(crate) fn id(self) -> String {
        text(&self.json(), "id")
    }

    /// The rows of a list.
    pub(crate) fn rows(self) -> Vec<Value> {
        match self.json() {
            Value::Array(rows) => rows,
            other => panic!("not a list: {other}"),
        }
    }

    /// Why a command failed, which must exit with `code` and say so in JSON too.
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stdout.is_empty(), "{self:?}");
        let last = self.stderr.trim_end().lines().last().unwrap_or_default();
        let failure: Value =
            serde_json::from_str(last).unwrap_or_else(|_| panic!("no JSON: {self:?}"));
        assert_eq!(failure["exit"], code, "{self:?}");
        let kinds = ["failed", "usage", "refused", "no-such-thing", "unavailable"];
        let kind = usize::try_from(code - 1).ok().and_then(|at| kinds.get(at));
        assert_eq!(failure["error"].as_str(), kind.copied(), "{self:?}");
        let detail = text(&failure, "detail");
        println!("{}\n  {code}: {detail}", self.asked);
        detail
    }

    /// That a command failed with `code` and a message which holds every one of `words`.
    pub(crate) fn fails_saying(self, code: i32, words: &[&str]) {
        let asked = self.asked.clone();
        let detail = self.fails(code);
        for words in words {
            assert!(
                detail.contains(words),
                "{asked}: {words:?} is not in: {detail}"
            );
        }
    }
}

/// A text in a JSON object.
pub(crate) fn text(value: &Value, key: &str) -> String {
    let text = value[key].as_str();
    text.unwrap_or_else(|| panic!("no {key} in {value}"))
        .to_owned()
}

/// A path as an argument.
pub(crate) fn plain(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn appending(path: &Path) -> File {
    let mut options = OpenOptions::new();
    let options = options.create(true).append(true);
    options.open(path).expect("a log")
}
