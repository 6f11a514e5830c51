//! A story of everything that changes a vault, told to a gateway step by step; and what must be true
//! of the vault once each step was acknowledged.

use http::Method;
use serde_json::{Value, json};

use super::facts::{Fact, Probe};
use super::line::{Brought, Gone, Line};
use crate::support::cli::{day, noise};
use crate::support::gateway::text;

/// People and material that are there before the story begins.
#[derive(Debug, Clone, Default)]
pub(super) struct Cast {
    pub(super) admin: String,
    pub(super) lead: String,
    pub(super) researcher: String,
    pub(super) governance: String,
    pub(super) second: String,
    study: String,
    staying: String,
    /// What is destroyed once a report is out.
    reported: String,
    due: String,
    session: String,
    /// Who is heard in that session.
    speaker: String,
}

impl Cast {
    /// An item that stays.
    pub(super) fn staying(&self) -> &str {
        &self.staying
    }

    /// The session it is of.
    pub(super) fn session(&self) -> &str {
        &self.session
    }

    /// Who is heard in it.
    pub(super) fn speaker(&self) -> &str {
        &self.speaker
    }
}

/// What the story has come to.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Every step that was acknowledged, with how many answers there were by then.
    pub(super) steps: Vec<(&'static str, usize)>,
    pub(super) facts: Vec<Fact>,
    /// The step at whose acknowledgement the first root must be gone from every slot.
    pub(super) first_root_gone: Option<usize>,
    /// What is true until retention takes it.
    due: usize,
}

impl Told {
    /// Begins with what was there before.
    pub(super) fn of(cast: &Cast) -> Self {
        let mut told = Self::default();
        let (res, lead) = (&cast.researcher, &cast.lead);
        told.before("who was enrolled", Probe::admits(&cast.governance));
        told.before("a study", Probe::there(lead, &path(&cast.study, "")));
        told.before("an item", Probe::opens(res, &cast.staying, &staying()));
        let due = Probe::opens(res, &cast.due, &reported());
        told.due = told.before("an item until the report", due);
        told
    }

    fn before(&mut self, what: &'static str, probe: Probe) -> usize {
        let fact = self.fact(what, probe);
        self.facts[fact].born = None;
        fact
    }

    fn fact(&mut self, what: &'static str, probe: Probe) -> usize {
        let born = Some(self.steps.len());
        self.facts.push(Fact {
            what,
            born,
            ends: None,
            probe,
        });
        self.facts.len() - 1
    }

    fn done(&mut self, step: &'static str, line: &Line) {
        self.steps.push((step, line.answers()));
    }

    /// From the step that is under way on, or from an earlier one, a fact need not hold any longer,
    /// and once the step is acknowledged it must not.
    fn ends(&mut self, fact: usize, may_from: usize) {
        let now = self.steps.len();
        if let Some(fact) = self.facts.get_mut(fact) {
            fact.ends = Some((may_from, now));
        }
    }
}

fn path(study: &str, rest: &str) -> String {
    format!("/v1/studies/{study}{rest}")
}

fn staying() -> Vec<u8> {
    noise(150_000)
}

/// What is kept to the last byte and then destroyed.
fn going() -> Vec<u8> {
    noise(70_001)
}

fn reported() -> Vec<u8> {
    noise(3000)
}

fn later() -> Vec<u8> {
    noise(200_123)
}

/// Peoples the vault whose first administrator has this code.
pub(super) fn people(line: &Line, code: &str) -> Result<Cast, Gone> {
    let mut cast = Cast {
        admin: enrol(line, code)?,
        ..Cast::default()
    };
    let admin = cast.admin.clone();
    let (lead, _) = invited(line, &admin, "study-lead")?;
    let (researcher, who) = invited(line, &admin, "researcher")?;
    let (governance, _) = invited(line, &admin, "information-governance")?;
    let (second, _) = invited(line, &admin, "information-governance")?;
    cast.study = founded(line, &lead, "2y after session")?;
    cast.reported = founded(line, &lead, "1d after publication")?;
    for study in [&cast.study, &cast.reported] {
        let member = json!({ "person": who, "role": "researcher", "until": day(60) });
        line.post(&path(study, "/members"), &lead, &member)?;
    }
    let (speaker, session) = interview(line, &lead, &cast.study)?;
    let bring = |session: &str, bytes: &[u8]| {
        let kind = "notes";
        line.bring(
            &researcher,
            &Brought {
                session,
                kind,
                bytes,
            },
        )
    };
    cast.staying = bring(&session, &staying())?;
    let (_, reports) = interview(line, &lead, &cast.reported)?;
    cast.due = bring(&reports, &reported())?;
    Ok(Cast {
        lead,
        researcher,
        governance,
        second,
        session,
        speaker,
        ..cast
    })
}

fn enrol(line: &Line, code: &str) -> Result<String, Gone> {
    let enrolment = json!({ "code": code, "terms": 1 });
    Ok(text(&line.post("/v1/enrolments", "", &enrolment)?, "token"))
}

fn invited(line: &Line, admin: &str, role: &str) -> Result<(String, String), Gone> {
    let invited = line.post("/v1/people", admin, &json!({ "name": role, "role": role }))?;
    Ok((enrol(line, &text(&invited, "code"))?, text(&invited, "id")))
}

fn founded(line: &Line, lead: &str, retain: &str) -> Result<String, Gone> {
    let study = json!({
        "name": "Victim support", "controller": "Ministry of Justice",
        "lawful_basis": "public-task", "withdraw_within": "30d", "retain": retain,
    });
    Ok(text(&line.post("/v1/studies", lead, &study)?, "id"))
}

/// Somebody who takes part, and a session with them.
fn interview(line: &Line, lead: &str, study: &str) -> Result<(String, String), Gone> {
    let who = taking_part();
    let who = text(&line.post(&path(study, "/participants"), lead, &who)?, "id");
    let held = held_with(&who);
    let session = line.post(&path(study, "/sessions"), lead, &held)?;
    Ok((who, text(&session, "id")))
}

fn taking_part() -> Value {
    json!({ "permit": ["audio", "notes", "transcript"], "name": "Siân", "email": "sian@example.org" })
}

fn held_with(who: &str) -> Value {
    json!({ "kind": "interview", "date": day(-2), "participants": [who] })
}

/// Tells the whole story, until the gateway is gone.
pub(super) fn tell(line: &Line, cast: &Cast, told: &mut Told) -> Result<(), Gone> {
    let (admin, lead, res) = (&cast.admin, &cast.lead, &cast.researcher);
    let new = json!({ "name": "Wyn", "role": "researcher" });
    let invited = line.post("/v1/people", admin, &new)?;
    told.fact(
        "who was invited",
        Probe::listed(admin, "/v1/people", &text(&invited, "id")),
    );
    told.done("invite", line);

    let enrolled = enrol(line, &text(&invited, "code"))?;
    told.fact("who enrolled", Probe::admits(&enrolled));
    told.done("login", line);

    let study = founded(line, lead, "2y after session")?;
    told.fact("a new study", Probe::there(lead, &path(&study, "")));
    told.done("study create", line);

    let member = json!({ "person": text(&invited, "id"), "role": "researcher", "until": day(60) });
    line.post(&path(&study, "/members"), lead, &member)?;
    told.fact("a member", Probe::there(&enrolled, &path(&study, "")));
    told.done("study grant", line);

    let who = line.post(&path(&study, "/participants"), lead, &taking_part())?;
    let who = text(&who, "id");
    let participant = format!("/v1/participants/{who}");
    told.fact("a participant", Probe::listed(lead, &participant, "Siân"));
    let named = told.facts.len() - 1;
    told.done("participant add", line);

    let session = line.post(&path(&study, "/sessions"), lead, &held_with(&who))?;
    let session = text(&session, "id");
    told.fact(
        "a session",
        Probe::listed(lead, &path(&study, "/sessions"), &session),
    );
    told.done("session add", line);

    let kind = "audio";
    let bytes = &going();
    let goes = line.bring(
        &enrolled,
        &Brought {
            session: &session,
            kind,
            bytes,
        },
    )?;
    let opened = told.fact("what was uploaded", Probe::opens(&enrolled, &goes, bytes));
    told.done("upload", line);

    let supplier = json!({ "name": "McGowan Transcriptions", "contract_signed": day(-1) });
    let supplier = line.post("/v1/suppliers", &cast.governance, &supplier)?;
    let supplier = text(&supplier, "id");
    told.fact(
        "a supplier",
        Probe::listed(&cast.governance, "/v1/suppliers", &supplier),
    );
    told.done("supplier approve", line);

    let assignment = json!({ "supplier": supplier, "until": day(20) });
    let assigned = line.post(&format!("/v1/items/{goes}/assignments"), lead, &assignment)?;
    told.fact(
        "an assignment",
        Probe::listed(lead, "/v1/assignments", &text(&assigned, "id")),
    );
    let given = told.facts.len() - 1;
    told.done("assign", line);

    let withdrawn = line.done(
        Method::POST,
        &format!("{participant}/withdrawal"),
        lead,
        Some(&json!({})),
    )?;
    let erasure = text(&withdrawn, "id");
    told.fact(
        "a withdrawal",
        Probe::listed(&cast.governance, "/v1/erasures", &erasure),
    );
    told.ends(opened, told.steps.len());
    // Whom it is of is for governance alone from here on; how the rest looks is not asked.
    told.forget(&[named, given]);
    told.done("withdraw", line);

    let path_of_it = format!("/v1/erasures/{erasure}");
    let approved = line.post(&format!("{path_of_it}/approval"), &cast.second, &json!({}))?;
    if text(&approved, "stage") != "certified" {
        // It goes on by itself; nobody was told that it is done.
        return Err(Gone(format!("it waits: {approved}")));
    }
    told.fact(
        "an erasure with its certificate",
        Probe::certified(&cast.governance, &erasure, &goes),
    );
    told.first_root_gone = Some(told.steps.len());
    told.done("erasure approve", line);

    let kind = "notes";
    let bytes = &later();
    let session = &cast.session;
    let brought = Brought {
        session,
        kind,
        bytes,
    };
    let item = line.bring(res, &brought)?;
    told.fact(
        "what was uploaded after an erasure",
        Probe::opens(res, &item, bytes),
    );
    told.done("another upload", line);

    let dated = line.done(
        Method::PUT,
        &path(&cast.reported, "/moments/publication"),
        lead,
        Some(&json!({ "on": day(-2) })),
    )?;
    assert!(dated["due"].as_u64() > Some(0), "{dated}");
    let may_go = told.steps.len();
    told.done("study moment", line);

    let run = json!({ "study": cast.reported });
    let ran = line.post("/v1/retention/runs", &cast.governance, &run)?;
    if ran["erasures"][0]["stage"] != "certified" {
        return Err(Gone(format!("it waits: {ran}")));
    }
    let ended = text(&ran["erasures"][0], "id");
    told.fact(
        "retention, with its certificate",
        Probe::certified(&cast.governance, &ended, &cast.due),
    );
    told.ends(told.due, may_go);
    told.done("retention run", line);
    Ok(())
}

/// Somebody in a study of their own, and what they are heard in.
pub(super) struct Leaver {
    who: String,
    item: String,
}

/// Brings somebody who is to leave.
pub(super) fn bring_a_leaver(line: &Line, cast: &Cast) -> Result<Leaver, Gone> {
    let study = founded(line, &cast.lead, "2y after session")?;
    let (who, session) = interview(line, &cast.lead, &study)?;
    let brought = Brought {
        session: &session,
        kind: "notes",
        bytes: &going(),
    };
    let item = line.bring(&cast.lead, &brought)?;
    Ok(Leaver { who, item })
}

/// Erases them.
pub(super) fn erase(
    line: &Line,
    cast: &Cast,
    leaver: &Leaver,
    told: &mut Told,
) -> Result<(), Gone> {
    let opens = Probe::opens(&cast.lead, &leaver.item, &going());
    let opened = told.before("what somebody is heard in who leaves", opens);
    let withdrawal = format!("/v1/participants/{}/withdrawal", leaver.who);
    let body = json!({});
    let withdrawn = line.done(Method::POST, &withdrawal, &cast.lead, Some(&body))?;
    let erasure = text(&withdrawn, "id");
    told.ends(opened, told.steps.len());
    told.done("withdraw", line);
    let approval = format!("/v1/erasures/{erasure}/approval");
    let approved = line.post(&approval, &cast.second, &body)?;
    if text(&approved, "stage") != "certified" {
        return Err(Gone(format!("it waits: {approved}")));
    }
    told.fact(
        "an erasure with its certificate",
        Probe::certified(&cast.governance, &erasure, &leaver.item),
    );
    told.done("erasure approve", line);
    Ok(())
}

/// Brings something so long that it goes in parts.
pub(super) fn bring_long(line: &Line, cast: &Cast, told: &mut Told) -> Result<(), Gone> {
    let bytes = &noise(9 << 20);
    let brought = Brought {
        session: &cast.session,
        kind: "notes",
        bytes,
    };
    let item = line.bring(&cast.researcher, &brought)?;
    let opens = Probe::opens(&cast.researcher, &item, bytes);
    told.fact("what was uploaded in parts", opens);
    told.done("upload in parts", line);
    Ok(())
}

impl Told {
    /// From the step that is under way on, nothing is asked about these.
    fn forget(&mut self, facts: &[usize]) {
        let now = self.steps.len();
        for fact in facts {
            if let Some(fact) = self.facts.get_mut(*fact) {
                fact.ends = Some((now, usize::MAX));
            }
        }
    }
}
