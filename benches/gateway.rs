//! A recording through a real gateway, its embedded store and the command line: how fast it goes in
//! and out, and how much memory the gateway takes at most.
//!
//! `cargo bench --bench gateway -- [--size 500M] [--rounds 5] [--peak 4G]`
//!
//! Everything is on one machine: the rates are of client, gateway, store and disk together, turn by
//! turn with writing the same bytes to the same disk. With `--peak`, a file of that size goes
//! through a fresh gateway for each figure, whose peak is the system's word for it (`VmHWM`).

#![allow(clippy::print_stdout, reason = "a measurement is printed")]

mod rounds;

use std::cell::Cell;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rounds::{Contender, alternate, report};
use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn Error>>;

const PROGRAM: &str = env!("CARGO_BIN_EXE_strongroom");
/// Bytes read and written at once here.
const PIECE_BYTES: usize = 1 << 20;

fn main() -> Outcome<()> {
    let wanted = Wanted::parse()?;
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let house = House::found(directory.path())?;
    if wanted.rounds > 0 {
        let gateway = Gateway::start(&house)?;
        rates(&house, &gateway, wanted.size, wanted.rounds)?;
        gateway.stop()?;
    }
    match wanted.peak {
        Some(size) => peaks(&house, size),
        None => Ok(()),
    }
}

/// Megabytes a second in and out, turn by turn with the disk alone.
fn rates(house: &House, gateway: &Gateway, size: u64, rounds: usize) -> Outcome<()> {
    let (file, copy) = (house.dir.join("recording"), house.dir.join("copy"));
    fill(&file, size)?;
    let item = house.upload(&file)?;
    check_same(house, &item, &file)?;
    let ways: [(&str, &dyn Fn() -> Outcome<()>); 3] = [
        ("upload", &|| house.upload(&file).map(drop)),
        ("fetch", &|| house.fetch(&item, &[])),
        ("fetch --sealed", &|| house.fetch(&item, &["--sealed"])),
    ];
    let worked = [const { Cell::new(Duration::ZERO) }; 3];
    let mut contenders = vec![Contender::new("written to the disk and synced", || {
        rewrite(&file, &copy).expect("written")
    })];
    for ((name, way), worked) in ways.iter().zip(&worked) {
        contenders.push(Contender::timed(*name, move || {
            let (before, begun) = (gateway.processor(), Instant::now());
            way().expect("done");
            let took = begun.elapsed();
            worked.set(worked.get() + gateway.processor() - before);
            took
        }));
    }
    alternate(rounds, &mut contenders);
    let rate = |took: Duration| format!("{:.0} MB/s", size as f64 / took.as_secs_f64() / 1e6);
    report(&format!("{size} bytes"), &contenders, rate);
    for ((name, _), worked) in ways.iter().zip(&worked) {
        let gigabytes = size as f64 * (rounds + 1) as f64 / 1e9;
        let each = worked.get().as_secs_f64() / gigabytes;
        println!("  {name}: {each:.2} s of the gateway's and store's processor time a GB");
    }
    Ok(())
}

/// The most memory the gateway holds while `size` bytes go in and out, and go in as four files at once.
fn peaks(house: &House, size: u64) -> Outcome<()> {
    let file = |name: &str, size: u64| {
        let file = house.dir.join(name);
        File::create(&file)?.set_len(size)?;
        Ok::<_, Box<dyn Error>>(file)
    };
    println!("{size} bytes: the gateway's most memory");
    let gateway = Gateway::start(house)?;
    println!("  at rest: {}", gateway.memory()?);
    let item = house.upload(&file("long recording", size)?)?;
    println!("  upload: {}", gateway.memory()?);
    gateway.stop()?;
    for (name, arguments) in [("fetch", &[][..]), ("fetch --sealed", &["--sealed"])] {
        let gateway = Gateway::start(house)?;
        house.fetch(&item, arguments)?;
        println!("  {name}: {}", gateway.memory()?);
        gateway.stop()?;
    }
    let mut files = Vec::new();
    for name in ["one", "two", "three", "four"] {
        files.push(file(name, size / 4)?);
    }
    let gateway = Gateway::start(house)?;
    std::thread::scope(|scope| {
        let upload = |file| move || house.upload(file).map_err(|error| error.to_string());
        let uploads: Vec<_> = files.iter().map(|file| scope.spawn(upload(file))).collect();
        let mut uploads = uploads.into_iter();
        uploads.try_for_each(|upload| {
            upload
                .join()
                .map_err(|_| "a thread broke".to_owned())?
                .map(drop)
        })
    })?;
    println!("  upload, four at once: {}", gateway.memory()?);
    gateway.stop()
}

struct Wanted {
    size: u64,
    rounds: usize,
    peak: Option<u64>,
}

impl Wanted {
    fn parse() -> Outcome<Self> {
        let mut wanted = Self {
            size: 500_000_000,
            rounds: 5,
            peak: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--size" => wanted.size = bytes(&value()?)?,
                "--rounds" => wanted.rounds = value()?.parse()?,
                "--peak" => wanted.peak = Some(bytes(&value()?)?),
                // What cargo itself says to every bench.
                "--bench" => {}
                other => return Err(format!("{other:?} is not known here").into()),
            }
        }
        Ok(wanted)
    }
}

/// `500M`, `4G`, or a number of bytes.
fn bytes(text: &str) -> Outcome<u64> {
    let unit = match text.chars().last() {
        Some('M') => 1_000_000,
        Some('G') => 1_000_000_000,
        _ => 1,
    };
    let number: u64 = text.trim_end_matches(['M', 'G']).parse()?;
    Ok(number * unit)
}

/// A vault with somebody who may deposit in a session.
struct House {
    dir: PathBuf,
    /// The same for every gateway, because those who logged in remember it.
    listen: String,
    session: String,
}

impl House {
    fn found(dir: &Path) -> Outcome<Self> {
        let mut house = Self {
            dir: dir.to_path_buf(),
            listen: TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string(),
            session: String::new(),
        };
        let vault = house.vault();
        let vault = vault.to_str().ok_or("a folder with a plain name")?;
        let init = ["vault", "init", vault, "--admin", "Ada", "--embedded-store"];
        let init = [&init[..], &["--bucket", "bench", "--region", "eu-west-2"]].concat();
        let founded = house.ask("admin", &init)?;
        let gateway = Gateway::start(&house)?;
        house.ask(
            "admin",
            &["login", &gateway.url, "--code", &field(&founded, "code")?],
        )?;
        let lead = ["person", "invite", "--name", "Lena", "--role", "study-lead"];
        let lead = house.ask("admin", &lead)?;
        house.ask(
            "lead",
            &["login", &gateway.url, "--code", &field(&lead, "code")?],
        )?;
        let study = ["study", "create", "Bench", "--controller", "Nobody"];
        let terms = ["--lawful-basis", "consent", "--withdraw-within", "30d"];
        let retain = ["--retain", "2y after session"];
        let study = house.ask("lead", &[&study[..], &terms, &retain].concat())?;
        let study = field(&study, "id")?;
        let participant = ["participant", "add", "--study", &study, "--permit", "audio"];
        let participant = field(&house.ask("lead", &participant)?, "id")?;
        let session = ["session", "add", "--study", &study, "--kind", "interview"];
        let held = ["--date", "2026-01-05", "--participant", &participant];
        let session = house.ask("lead", &[&session[..], &held].concat())?;
        house.session = field(&session, "id")?;
        gateway.stop()?;
        Ok(house)
    }

    fn vault(&self) -> PathBuf {
        self.dir.join("vault")
    }

    fn command(&self, profile: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .env("STRONGROOM_HOME", self.dir.join("home"))
            .args(["--json", "--profile", profile])
            .args(arguments);
        command
    }

    fn ask(&self, profile: &str, arguments: &[&str]) -> Outcome<Value> {
        let mut command = self.command(profile, arguments);
        let answer = command.stderr(Stdio::inherit()).output()?;
        if !answer.status.success() {
            return Err(format!("{arguments:?} ended with {}", answer.status).into());
        }
        Ok(serde_json::from_slice(&answer.stdout)?)
    }

    fn upload(&self, file: &Path) -> Outcome<String> {
        let file = file.to_str().ok_or("a file with a plain name")?;
        let upload = ["upload", file, "--kind", "audio", "--session"];
        let answer = self.ask("lead", &[&upload[..], &[&self.session]].concat())?;
        field(&answer, "id")
    }

    /// Fetches an item and throws it away, so that only reading it is measured.
    fn fetch(&self, item: &str, arguments: &[&str]) -> Outcome<()> {
        let fetch = [&["fetch", item, "-o", "-"][..], arguments].concat();
        let fetched = self
            .command("lead", &fetch)
            .stdout(Stdio::null())
            .status()?;
        match fetched.success() {
            true => Ok(()),
            false => Err(format!("{fetch:?} ended with {fetched}").into()),
        }
    }
}

/// A gateway in a process of its own, stopped when it is dropped.
struct Gateway {
    process: Child,
    url: String,
}

impl Gateway {
    fn start(house: &House) -> Outcome<Self> {
        let vault = house.vault();
        let vault = vault.to_str().ok_or("a folder with a plain name")?;
        let serve = ["serve", "--vault", vault, "--listen", &house.listen];
        let mut process = house
            .command("admin", &serve)
            .env("STRONGROOM_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().ok_or("a pipe")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let url = field(&serde_json::from_str(&line)?, "listening")?;
        Ok(Self { process, url })
    }

    fn stop(mut self) -> Outcome<()> {
        let id = self.process.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        let ended = self.process.wait()?;
        match ended.success() {
            true => Ok(()),
            false => Err(format!("the gateway ended with {ended}").into()),
        }
    }

    /// Processor time it used so far, in all its threads.
    fn processor(&self) -> Duration {
        let stat = format!("/proc/{}/stat", self.process.id());
        let stat = std::fs::read_to_string(stat).unwrap_or_default();
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = fields.split_whitespace().skip(11).take(2);
        let hundredths: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Duration::from_millis(hundredths * 10)
    }

    fn memory(&self) -> Outcome<String> {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status)?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        let kib: f64 = kib.ok_or("no VmHWM")?.parse()?;
        Ok(format!("{:.1} MiB", kib / 1024.0))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Gone already, unless something went wrong.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn field(answer: &Value, name: &str) -> Outcome<String> {
    let text = answer.get(name).and_then(Value::as_str);
    let text = text.ok_or_else(|| format!("no {name} in {answer}"))?;
    Ok(text.to_owned())
}

/// Fills a file with bytes that no two chunks have alike.
fn fill(path: &Path, size: u64) -> Outcome<()> {
    let mut file = std::io::BufWriter::with_capacity(PIECE_BYTES, File::create(path)?);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut left = size;
    while left > 0 {
        // xorshift64 (Marsaglia, 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let now = left.min(8);
        file.write_all(state.to_le_bytes().get(..now as usize).unwrap_or_default())?;
        left -= now;
    }
    Ok(file.into_inner()?.sync_all()?)
}

/// Whether what is fetched is what was uploaded, before anything is timed.
fn check_same(house: &House, item: &str, file: &Path) -> Outcome<()> {
    let mut command = house.command("lead", &["fetch", item, "-o", "-"]);
    let mut process = command.stdout(Stdio::piped()).spawn()?;
    let mut fetched = process.stdout.take().ok_or("a pipe")?;
    let mut file = File::open(file)?;
    let (mut one, mut other) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
    loop {
        let read = fetched.read(&mut one)?;
        let expected = other.get_mut(..read).ok_or("a piece")?;
        file.read_exact(expected)?;
        if one.get(..read) != Some(expected) {
            return Err("what was fetched is not what was uploaded".into());
        }
        if read == 0 {
            break;
        }
    }
    match process.wait()?.success() && file.read(&mut one)? == 0 {
        true => Ok(()),
        false => Err("the fetch ended too early".into()),
    }
}

/// Writes a file again, until it is on the disk.
fn rewrite(file: &Path, copy: &Path) -> Outcome<()> {
    let (mut file, mut copy) = (File::open(file)?, File::create(copy)?);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(copy.sync_all()?),
            read => copy.write_all(piece.get(..read).ok_or("a piece")?)?,
        }
    }
}
