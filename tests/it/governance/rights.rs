//! What the tests of rights requests and disclosures have in common.

use std::path::Path;
use std::process::Command;

use age::secrecy::ExposeSecret as _;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan as _};
use serde_json::Value;
use strongroom::access::{BearerToken, acts};
use strongroom::id::{ParticipantId, RequestId, TokenId};
use strongroom::index::tables;
use strongroom::model::{Actor, Event, RequestKind, Study, Text, Token};
use strongroom::work::WorkError;
use strongroom::work::request::{self, NewRequest, Seen, answer, bundle};
use tempfile::TempDir;

use crate::support::house::{House, Pass};
use crate::support::programs::on_path;

/// A short text.
pub(super) fn words(text: &str) -> Text {
    text.parse().expect("a short text")
}

/// The house so many days later; everybody has logged in again meanwhile.
pub(super) async fn later(house: &mut House, days: i64) {
    let hours = SignedDuration::from_hours(24 * days);
    house.world.time().advance(hours);
    let staff = house.staff.clone();
    for (was, pass) in [
        (&staff.admin, 0),
        (&staff.lead, 1),
        (&staff.governance, 2),
        (&staff.second, 3),
    ] {
        let again = logged_in(house, was).await;
        match pass {
            0 => house.staff.admin = again,
            1 => house.staff.lead = again,
            2 => house.staff.governance = again,
            _ => house.staff.second = again,
        }
    }
}

/// Somebody with a token that works now.
pub(super) async fn logged_in(house: &House, who: &Pass) -> Pass {
    let vault = house.service.vault();
    let entropy = &*vault.means().entropy;
    let (bearer, digest) = BearerToken::draw(entropy).expect("entropy");
    let id = TokenId::random(entropy).expect("entropy");
    let issued = vault.commit(Actor::Person(who.id), |draft| {
        let token = Token {
            id,
            person: who.id,
            digest,
            expires: draft.now() + SignedDuration::from_hours(12),
            revoked: false,
        };
        Ok::<_, WorkError>((Event::TokenIssued { token }, ()))
    });
    issued.await.expect("issued");
    Pass {
        id: who.id,
        bearer: bearer.expose_secret().to_owned(),
    }
}

/// Changes the study's terms.
pub(super) async fn amend(house: &House, change: impl FnOnce(&mut Study)) {
    let id = house.staff.study;
    let amended = house.service.vault().commit(Actor::Operator, |draft| {
        let row = draft.reader().get(&tables::STUDIES, &id)?;
        let mut study = row.ok_or(WorkError::NoSuchThing)?;
        change(&mut study);
        let study = Box::new(study);
        Ok::<_, WorkError>((Event::StudyAmended { study }, ()))
    });
    amended.await.expect("amended");
}

/// The day so many days from now.
pub(super) fn in_days(house: &House, days: i32) -> Date {
    house.service.today().saturating_add(days.days())
}

/// Has a request recorded by information governance.
pub(super) async fn ask(
    house: &House,
    participant: ParticipantId,
    kind: RequestKind,
) -> Result<Seen, WorkError> {
    let (who, study) = (&house.staff.governance, house.staff.study);
    let grant = house.admit::<acts::OpenRequest>(who, study).await?;
    let new = NewRequest {
        participant,
        kind,
        on: None,
    };
    request::open(&house.service, grant, new).await
}

/// Has a request answered by information governance.
pub(super) async fn answered(
    house: &House,
    id: RequestId,
    new: answer::NewAnswer,
) -> Result<Seen, WorkError> {
    let who = &house.staff.governance;
    let grant = house.admit::<acts::AnswerRequest>(who, id).await?;
    answer::answer(&house.service, &house.caller(who), grant, new).await
}

/// Begins to fetch the answer as the study's lead.
pub(super) async fn fetching(
    house: &House,
    id: RequestId,
    recipient: &str,
) -> Result<impl Stream<Item = Result<Bytes, WorkError>> + Send + use<>, WorkError> {
    let who = &house.staff.lead;
    let grant = house.admit::<acts::FetchBundle>(who, id).await?;
    bundle::fetch(&house.service, grant, &[recipient.to_owned()]).await
}

/// All of it.
pub(super) async fn whole(
    body: impl Stream<Item = Result<Bytes, WorkError>>,
) -> Result<Vec<u8>, WorkError> {
    let mut body = std::pin::pin!(body);
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

/// An answer, opened and unpacked by other people's programs.
pub(super) struct Unpacked(TempDir);

impl Unpacked {
    /// Opens `sealed` with Debian's `age` and unpacks it with `tar`; nothing where they are not.
    pub(super) fn new(sealed: &[u8], identity: &age::x25519::Identity) -> Option<Self> {
        let (age, tar) = (on_path("age")?, on_path("tar")?);
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("identity"), identity.to_string().expose_secret()).expect("written");
        std::fs::write(at("answer.age"), sealed).expect("written");
        let run = |program: &Path, arguments: &[&str]| {
            let mut command = Command::new(program);
            let status = command.current_dir(folder.path()).args(arguments).status();
            assert!(status.expect("it runs").success(), "{arguments:?}");
        };
        run(
            &age,
            &["-d", "-i", "identity", "-o", "answer.tar", "answer.age"],
        );
        run(&tar, &["-xf", "answer.tar"]);
        Some(Self(folder))
    }

    /// A file in it.
    pub(super) fn file(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.0.path().join(name)).ok()
    }

    /// A file in it that is JSON.
    pub(super) fn json(&self, name: &str) -> Value {
        let bytes = self.file(name).unwrap_or_else(|| panic!("no {name}"));
        serde_json::from_slice(&bytes).expect("JSON")
    }
}
