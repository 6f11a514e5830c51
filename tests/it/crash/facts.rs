//! What must be true of a vault, and how a gateway is asked whether it is.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::Value;

use super::line::{Gone, Line};

/// The longest an erasure that was approved may take to its certificate after a restart.
const CONVERGES: Duration = Duration::from_secs(30);

/// Something that holds from a step on, perhaps until another.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    pub(super) what: &'static str,
    /// It holds once the step of that number is acknowledged; always, if none gave it.
    pub(super) born: Option<usize>,
    /// From the first step on it need not hold, and not once the second is acknowledged.
    pub(super) ends: Option<(usize, usize)>,
    pub(super) probe: Probe,
}

/// Whether a fact must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    Must,
    May,
    MustNot,
}

impl Fact {
    /// What is demanded when `steps` steps were acknowledged and the next was perhaps under way;
    /// nothing, when it was not even asked for.
    fn demand(&self, steps: usize) -> Option<Demand> {
        if self.born.is_some_and(|born| born > steps) {
            return None;
        }
        Some(match self.ends {
            Some((_, gone)) if gone < steps => Demand::MustNot,
            Some((may, _)) if may <= steps => Demand::May,
            _ if self.born == Some(steps) => Demand::May,
            _ => Demand::Must,
        })
    }

    /// Whether the vault is as the fact demands; what is wrong, if it is not.
    pub(super) fn check(&self, line: &Line, steps: usize) -> Result<(), String> {
        let Some(demand) = self.demand(steps) else {
            return Ok(());
        };
        let found = self.probe.ask(line);
        let found = found.map_err(|Gone(asked)| format!("the gateway went away: {asked}"))?;
        match (found, demand) {
            (Found::Broken(how), _) => {
                Err(format!("{} is neither there nor not: {how}", self.what))
            }
            (Found::Not, Demand::Must) => Err(format!("LOST: {} was acknowledged", self.what)),
            (Found::There, Demand::MustNot) => Err(format!("{} came back", self.what)),
            _ => Ok(()),
        }
    }
}

/// A question to a gateway.
#[derive(Debug, Clone)]
pub(super) enum Probe {
    /// Whether a token is one.
    Admits(String),
    /// Whether something is at a path, and says this.
    Says(String, String, String),
    /// Whether an item opens, and holds these bytes.
    Opens(String, String, Vec<u8>),
    /// Whether an erasure that was approved is certified, or comes to that, and its item is gone.
    Certified(String, String, String),
}

/// What was found.
enum Found {
    There,
    Not,
    Broken(String),
}

impl Probe {
    pub(super) fn admits(token: &str) -> Self {
        Self::Admits(token.to_owned())
    }

    pub(super) fn there(token: &str, path: &str) -> Self {
        Self::listed(token, path, "")
    }

    pub(super) fn listed(token: &str, path: &str, what: &str) -> Self {
        Self::Says(token.to_owned(), path.to_owned(), what.to_owned())
    }

    pub(super) fn opens(token: &str, item: &str, bytes: &[u8]) -> Self {
        Self::Opens(token.to_owned(), item.to_owned(), bytes.to_vec())
    }

    pub(super) fn certified(token: &str, erasure: &str, item: &str) -> Self {
        Self::Certified(token.to_owned(), erasure.to_owned(), item.to_owned())
    }

    fn ask(&self, line: &Line) -> Result<Found, Gone> {
        match self {
            Self::Admits(token) => {
                let (status, body) = line.ask(Method::GET, "/v1/me", token, None)?;
                Ok(match status {
                    200 => Found::There,
                    401 => Found::Not,
                    _ => odd(status, &body),
                })
            }
            Self::Says(token, path, what) => {
                let (status, body) = line.ask(Method::GET, path, token, None)?;
                let says = String::from_utf8_lossy(&body).contains(what.as_str());
                Ok(match (status, says) {
                    (200, true) => Found::There,
                    (200, false) | (401 | 403 | 404, _) => Found::Not,
                    _ => odd(status, &body),
                })
            }
            Self::Opens(token, item, bytes) => {
                let path = format!("/v1/items/{item}/content");
                let (status, body) = line.ask(Method::GET, &path, token, None)?;
                Ok(match status {
                    200 if body == *bytes => Found::There,
                    200 => Found::Broken(format!("{} other bytes", body.len())),
                    401 | 403 | 404 => Found::Not,
                    _ => odd(status, &body),
                })
            }
            Self::Certified(token, erasure, item) => {
                let found = converges(line, token, erasure)?;
                let Found::There = found else {
                    return Ok(found);
                };
                let path = format!("/v1/items/{item}/content");
                let (status, body) = line.ask(Method::GET, &path, token, None)?;
                Ok(match status {
                    403 | 404 => Found::There,
                    _ => odd(status, &body),
                })
            }
        }
    }
}

/// Whether an erasure is certified; waits for one that was approved.
fn converges(line: &Line, token: &str, erasure: &str) -> Result<Found, Gone> {
    let path = format!("/v1/erasures/{erasure}");
    let deadline = Instant::now() + CONVERGES;
    loop {
        let (status, body) = line.ask(Method::GET, &path, token, None)?;
        let seen: Value = serde_json::from_slice(&body).unwrap_or_default();
        match (status, seen["stage"].as_str()) {
            (404, _) | (200, Some("requested")) => return Ok(Found::Not),
            (200, Some("certified")) => return Ok(Found::There),
            (200, Some(_)) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(50));
            }
            (200, Some(stage)) => return Ok(Found::Broken(format!("it stays {stage}"))),
            _ => return Ok(odd(status, &body)),
        }
    }
}

fn odd(status: u16, body: &[u8]) -> Found {
    let said: String = String::from_utf8_lossy(body).chars().take(300).collect();
    Found::Broken(format!("{status} {said}"))
}

/// What is true of every vault: every erasure that was approved comes to its end, everything listed
/// opens, the journal verifies, and one epoch follows the other.
pub(super) fn always(
    line: &Line,
    admin: &str,
    researcher: &str,
    governance: &str,
) -> Result<(), String> {
    let gone = |Gone(asked): Gone| format!("the gateway went away: {asked}");
    let erasures = line.get("/v1/erasures", governance).map_err(gone)?;
    for erasure in erasures.as_array().into_iter().flatten() {
        let id = erasure["id"].as_str().unwrap_or_default();
        if let Found::Broken(how) = converges(line, governance, id).map_err(gone)? {
            return Err(format!("{id} does not come to its end: {how}"));
        }
    }
    let items = line.get("/v1/items", researcher).map_err(gone)?;
    for item in items.as_array().into_iter().flatten() {
        let id = item["id"].as_str().unwrap_or_default();
        let path = format!("/v1/items/{id}/content");
        let (status, body) = line
            .ask(Method::GET, &path, researcher, None)
            .map_err(gone)?;
        // Retention may take it between the two questions.
        let whole = status == 200 && item["length"].as_u64() == Some(body.len() as u64);
        if !whole && status != 404 {
            return Err(format!(
                "{id} is listed and does not open: {status}, {} bytes",
                body.len()
            ));
        }
    }
    epochs(line, admin, governance)
}

fn epochs(line: &Line, admin: &str, governance: &str) -> Result<(), String> {
    let gone = |Gone(asked): Gone| format!("the gateway went away: {asked}");
    line.get("/v1/audit/verification", governance)
        .map_err(gone)?;
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/audit?limit=1000{after}");
        let page = line.get(&path, governance).map_err(gone)?;
        for entry in page["entries"].as_array().into_iter().flatten() {
            let begins = ["keys-destroyed", "root-replaced"];
            if begins.contains(&entry["event"].as_str().unwrap_or_default()) {
                found.push(epoch_of(&entry["detail"]).unwrap_or(0));
            }
        }
        match page["next"].as_u64() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let vault = line.get("/v1/vault", admin).map_err(gone)?;
    let linear: Vec<u64> = (1..=found.len() as u64).collect();
    if found != linear || vault["epoch"].as_u64() != Some(found.len() as u64) {
        return Err(format!(
            "epochs on record {found:?}, and the vault is at {}",
            vault["epoch"]
        ));
    }
    Ok(())
}

/// The epoch an event names, wherever it stands.
fn epoch_of(detail: &Value) -> Option<u64> {
    match detail {
        Value::Object(fields) => fields
            .get("epoch")
            .and_then(Value::as_u64)
            .or_else(|| fields.values().find_map(epoch_of)),
        _ => None,
    }
}
