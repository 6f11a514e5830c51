//! The people of every story, and what they do again and again.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::Method;
use serde_json::{Value, json};

use crate::governance::stage::{Stage, done, opens, send};
use crate::support::gateway::{Person, text};

/// A study made from a notice, and the people of its story.
pub(super) struct Troupe {
    pub(super) stage: Stage,
    pub(super) study: String,
    pub(super) lead: Person,
    pub(super) governance: Person,
    /// Information governance too; approves what the first one or the lead asked for.
    pub(super) second: Person,
    pub(super) commissioner: Person,
}

impl Troupe {
    /// A study founded on that day from a template, with what is given besides.
    pub(super) async fn founded(day: &str, template: &str, more: &Value) -> Self {
        let stage = Stage::on(day).await;
        let lead = stage.hire("study-lead").await;
        let governance = stage.hire("information-governance").await;
        let second = stage.hire("information-governance").await;
        let commissioner = stage.hire("commissioner").await;
        let mut new = json!({
            "name": "The study of the notice", "template": template,
            "safeguarding_lead": governance.id,
        });
        for (term, value) in more.as_object().into_iter().flatten() {
            new[term] = value.clone();
        }
        let study = text(&lead.post("/v1/studies", &new).await, "id");
        Self {
            stage,
            study,
            lead,
            governance,
            second,
            commissioner,
        }
    }

    /// A path below the study's.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/v1/studies/{}{rest}", self.study)
    }

    /// The notice is published and goes on record.
    pub(super) async fn publishes(&self, version: u32, day: &str, review: &str) {
        let notice = json!({
            "version": version, "published": day, "review": review,
            "reference": "the privacy notice", "change": "its terms",
        });
        self.lead.post(&self.path("/notices"), &notice).await;
    }

    /// Somebody takes part and is heard that day: who, the session, and the recording.
    pub(super) async fn is_heard(&self) -> (String, String, String) {
        self.is_heard_who(&json!({ "source": "directly" })).await
    }

    /// Somebody of whom more is known takes part and is heard that day.
    pub(super) async fn is_heard_who(&self, more: &Value) -> (String, String, String) {
        let mut new = json!({ "permit": ["audio", "transcript", "notes"] });
        for (what, value) in more.as_object().into_iter().flatten() {
            new[what] = value.clone();
        }
        let who = self.lead.post(&self.path("/participants"), &new).await;
        let who = text(&who, "id");
        let held = self.stage.today();
        let session = json!({ "kind": "interview", "date": held, "participants": [who] });
        let session = self.lead.post(&self.path("/sessions"), &session).await;
        let session = text(&session, "id");
        let item = self
            .lead
            .upload(&session, "audio", "interview.wav", b"what they said")
            .await;
        (who, session, item)
    }

    /// A supplier under a contract signed that day, and somebody who works there.
    pub(super) async fn supplier(&self, name: &str, signed: &str) -> (String, Person) {
        let new = json!({ "name": name, "contract_signed": signed });
        let supplier = text(&self.governance.post("/v1/suppliers", &new).await, "id");
        let house = &self.stage.house;
        let admin = &self.stage.admin;
        let transcriber = house.invite(admin, "transcriber", Some(&supplier)).await;
        (supplier, transcriber)
    }

    /// Gives an item to a supplier until a day.
    pub(super) async fn assigns(&self, item: &str, supplier: &str, until: &str) {
        let path = format!("/v1/items/{item}/assignments");
        let assignment = json!({ "supplier": supplier, "until": until });
        self.lead.post(&path, &assignment).await;
    }

    /// Somebody withdraws, and gives what they are told.
    pub(super) async fn withdraws(&self, who: &str) -> Value {
        let path = format!("/v1/participants/{who}/withdrawal");
        done(&self.lead, Method::POST, &path, &json!({})).await
    }

    /// A second person approves, and it runs to its certificate.
    pub(super) async fn approved(&self, withdrawal: &Value) {
        let erasure = text(withdrawal, "id");
        let path = format!("/v1/erasures/{erasure}/approval");
        let erased = done(&self.second, Method::POST, &path, &json!(null)).await;
        assert_eq!(erased["stage"], "certified", "{erased}");
        let path = format!("/v1/erasures/{erasure}/certificate");
        let certificate = self.second.answer(Method::GET, &path).await;
        assert_eq!(certificate.status, 200, "{certificate:?}");
    }

    /// The lead dates a moment that the rules count from.
    pub(super) async fn dates(&self, moment: &str, on: &str) {
        let path = self.path(&format!("/moments/{moment}"));
        done(&self.lead, Method::PUT, &path, &json!({ "on": on })).await;
    }

    /// The identifiers of what is due in the study that day.
    pub(super) async fn due(&self) -> Vec<String> {
        let path = format!("/v1/retention?study={}", self.study);
        let page = self.governance.get(&path).await;
        let due = page["due"].as_array().expect("a list").iter();
        due.map(|row| text(row, "id")).collect()
    }

    /// Information governance destroys what is due; the gateway does so by itself too.
    pub(super) async fn destroys_what_is_due(&self) {
        let run = json!({ "study": self.study });
        done(&self.governance, Method::POST, "/v1/retention/runs", &run).await;
    }

    /// What somebody's request for a right is answered with, as it is opened.
    pub(super) async fn asks(&self, who: &str, kind: &str) -> (u16, Value) {
        let request = json!({ "participant": who, "kind": kind });
        let path = self.path("/requests");
        let answer = send(&self.lead, Method::POST, &path, &request).await;
        let body = serde_json::from_slice(&answer.body).expect("JSON");
        (answer.status.as_u16(), body)
    }

    /// A colleague who is admitted to the study.
    pub(super) async fn colleague(&self, more: &Value) -> Person {
        let colleague = self.stage.hire("researcher").await;
        let mut member = json!({
            "person": colleague.id, "role": "researcher", "until": "2030-12-31",
        });
        for (what, value) in more.as_object().into_iter().flatten() {
            member[what] = value.clone();
        }
        done(&self.lead, Method::POST, &self.path("/members"), &member).await;
        colleague
    }

    /// The study's papers are there, and its commissioner is admitted.
    pub(super) async fn may_share(&self, approved: &str) {
        let papers = json!({ "dpia": "DPIA 7", "data_sharing": "DSA 9" });
        done(&self.lead, Method::PATCH, &self.path(""), &papers).await;
        let approval = json!({ "by": "Data owner", "on": approved });
        self.governance
            .post(&self.path("/approval"), &approval)
            .await;
        let member = json!({
            "person": self.commissioner.id, "role": "commissioner", "until": "2030-12-31",
        });
        done(&self.lead, Method::POST, &self.path("/members"), &member).await;
    }

    /// The lead makes something of an item that is further from people.
    pub(super) async fn derives(&self, from: &str, tier: &str, bytes: &[u8]) -> String {
        let said = |text: &str| BASE64_STANDARD.encode(text);
        let metadata = format!(
            "from {},tier {},kind {}",
            said(from),
            said(tier),
            said("transcript")
        );
        let asked = self.lead.tus(Method::POST, "/v1/uploads");
        let asked = asked
            .header("Upload-Length", bytes.len())
            .header("Upload-Metadata", metadata)
            .header("Content-Type", "application/offset+octet-stream");
        let answer = asked.body(bytes.to_vec()).send().await.expect("answered");
        assert_eq!(answer.status(), 201, "{answer:?}");
        let item = answer.headers()["strongroom-item"].to_str();
        item.expect("text").to_owned()
    }

    /// A second person looks at it and finds nothing.
    pub(super) async fn is_checked_by(&self, who: &Person, item: &str) {
        let path = format!("/v1/items/{item}/check");
        let passed = json!({ "passed": true, "considered_withdrawals": true });
        done(who, Method::POST, &path, &passed).await;
    }

    /// The lead asks for it to be given to the commissioner, and a second person says yes.
    pub(super) async fn is_released(&self, item: &str, title: &str) -> String {
        let path = format!("/v1/items/{item}/releases");
        let release = self.lead.post(&path, &json!({ "title": title })).await;
        let release = text(&release, "id");
        let path = format!("/v1/releases/{release}/decision");
        let yes = json!({ "approved": true, "considered_withdrawals": true });
        done(&self.second, Method::POST, &path, &yes).await;
        release
    }

    /// All that the commissioner was given: the list, and the bytes of each.
    pub(super) async fn given_to_the_commissioner(&self) -> (Value, Vec<Vec<u8>>) {
        let list = self.commissioner.get("/v1/releases").await;
        let mut contents = Vec::new();
        for release in list.as_array().expect("a list") {
            let path = format!("/v1/releases/{}/content", text(release, "id"));
            let answer = self.commissioner.answer(Method::GET, &path).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            contents.push(answer.body.to_vec());
        }
        (list, contents)
    }

    /// That there is an item, for somebody who may open it.
    pub(super) async fn opened_by(&self, who: &Person, item: &str) {
        let answer = opens(who, item).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body, b"what they said");
    }

    /// That there is no such item, or no longer, or not for them.
    pub(super) async fn is_nothing_to(&self, who: &Person, item: &str) {
        let answer = opens(who, item).await;
        assert_eq!(answer.status, 404, "{answer:?}");
    }

    /// That the commissioner is told the same of everything, there or not.
    pub(super) async fn keeps_from_the_commissioner(&self, ids: &[&str]) {
        let commissioner = &self.commissioner;
        let mut told = Vec::new();
        for id in ids {
            let (method, path) = match id.starts_with("itm-") {
                true => (Method::GET, format!("/v1/items/{id}/content")),
                false => (Method::POST, format!("/v1/participants/{id}/withdrawal")),
            };
            told.push(commissioner.answer(method, &path).await);
        }
        for answer in &told {
            assert_eq!(answer.status, 404, "{answer:?}");
            assert_eq!(answer.body, told[0].body);
        }
        for path in ["/participants", "/sessions", "/members"] {
            let answer = commissioner.answer(Method::GET, &self.path(path)).await;
            assert_eq!(answer.status, 404, "{path}: {answer:?}");
        }
        let answer = commissioner.answer(Method::GET, "/v1/audit").await;
        assert_eq!(answer.status, 403, "{answer:?}");
    }

    /// Who takes part, as the team sees it.
    pub(super) async fn participants(&self) -> usize {
        let list = self.lead.get(&self.path("/participants")).await;
        list.as_array().expect("a list").len()
    }
}
