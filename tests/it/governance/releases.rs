//! What leaves the research team for the commissioner, and what a commissioner can ask.

use futures::StreamExt as _;
use strongroom::access::acts;
use strongroom::id::ReleaseId;
use strongroom::model::{Action, Finding, Purpose, Role, Tier};
use strongroom::work::release::{self, ReleaseSeen};
use strongroom::work::study::NewMember;
use strongroom::work::{WorkError, inspect};

use super::outputs::told;
use crate::support::house::{House, Pass};

impl House {
    async fn released_to(&self, who: &Pass) -> Vec<ReleaseSeen> {
        let caller = self.caller(who);
        release::releases(&self.service, &caller)
            .await
            .expect("listed")
    }

    async fn read_release(&self, who: &Pass, id: ReleaseId) -> Result<Vec<u8>, WorkError> {
        let grant = self.admit::<acts::ReadRelease>(who, id).await?;
        let plain = release::open(&self.service, grant, None).await?;
        let mut body = std::pin::pin!(plain.body);
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok(bytes)
    }
}

#[tokio::test]
async fn r26_a_commissioner_reads_what_two_people_released() {
    let house = House::new().await;
    let second = house.member(Role::Researcher, None).await;
    let commissioner = house.member(Role::Commissioner, None).await;
    let elsewhere = house.invite(Role::Commissioner).await;
    let (_, hers) = house.interview("Agnes", b"hers").await;
    house.papers();
    // Nothing that is not anonymised and checked.
    assert!(told(house.ask_for(&second, hers).await).contains("anonymised"));
    let unchecked = house
        .derive_one(hers, Tier::Anonymised)
        .await
        .expect("taken in");
    assert!(told(house.ask_for(&second, unchecked).await).contains("anonymised"));
    let output = house.report(&[hers], &second).await;
    let lead = house.staff.lead.clone();
    let release = house.ask_for(&lead, output).await.expect("asked for");
    assert!(told(house.ask_for(&lead, output).await).contains("already"));
    // Not by who asked; and until then there is nothing.
    assert!(told(house.decide(&lead, release, None, false).await).contains("asked for a release"));
    assert!(told(house.decide(&second, release, None, false).await).contains("role"));
    assert!(house.released_to(&commissioner).await.is_empty());
    let early = house.read_release(&commissioner, release).await;
    assert!(matches!(early, Err(WorkError::NoSuchThing)));
    let governance = house.staff.governance.clone();
    house
        .decide(&governance, release, None, false)
        .await
        .expect("approved");
    assert!(told(house.decide(&governance, release, None, false).await).contains("already"));

    let seen = house.released_to(&commissioner).await;
    assert_eq!(seen.len(), 1);
    assert!(!seen[0].team && seen[0].release.id == release);
    let read = house.read_release(&commissioner, release).await;
    assert_eq!(read.expect("opens"), b"findings");
    // Nobody else's commissioner; and nothing else.
    assert!(house.released_to(&elsewhere).await.is_empty());
    let foreign = house.read_release(&elsewhere, release).await;
    assert!(matches!(foreign, Err(WorkError::NoSuchThing)));
    let fetched = house.fetch_as(&commissioner, output).await;
    assert!(matches!(fetched, Err(WorkError::NoSuchThing)));
    assert_eq!(house.released_to(&house.staff.lead).await.len(), 1);
    // It is on record that they read it.
    let mut read = 0;
    let vault = house.service.vault();
    vault
        .entries::<WorkError>(0, u64::MAX, |_, entry| {
            let entry = serde_json::to_value(&entry).expect("json");
            let event = &entry["event"];
            let who = entry["by"]["person"] == commissioner.id.to_string();
            read += usize::from(
                who && event["action"] == Action::ReadRelease.name()
                    && event["resource"] == release.to_string()
                    && event["type"] == "accessed",
            );
            Ok(())
        })
        .expect("read");
    assert_eq!(read, 1);
}

#[tokio::test]
async fn r33_nothing_is_released_before_the_papers_are_there() {
    let house = House::new().await;
    let second = house.member(Role::Researcher, None).await;
    let (_, hers) = house.interview("Agnes", b"hers").await;
    let output = house.report(&[hers], &second).await;
    let refused = told(house.ask_for(&second, output).await);
    for paper in ["dpia", "data-sharing", "approval"] {
        assert!(refused.contains(paper), "{refused}");
    }
    house.papers();
    let release = house.ask_for(&second, output).await.expect("asked for");
    house.amend_study(|study| study.papers.dpia = None);
    let lead = house.staff.lead.clone();
    let refused = told(house.decide(&lead, release, None, false).await);
    assert!(refused.contains("missing: dpia ("), "{refused}");
    house.papers();
    house
        .decide(&lead, release, None, false)
        .await
        .expect("approved");
}

#[tokio::test]
async fn r13_a_release_considers_withdrawals_since_its_check() {
    let house = House::new().await;
    let second = house.member(Role::Researcher, None).await;
    let (her, hers) = house.interview("Agnes", b"hers").await;
    house.papers();
    let output = house.report(&[hers], &second).await;
    let release = house.ask_for(&second, output).await.expect("asked for");
    house.withdraw(her, false).await;
    let lead = house.staff.lead.clone();
    let refused = told(house.decide(&lead, release, None, false).await);
    assert!(refused.contains("--considered-withdrawals"), "{refused}");
    let finding = Some(Finding::BeyondConsent);
    house
        .decide(&lead, release, finding, false)
        .await
        .expect("refused");
    let again = house
        .ask_for(&second, output)
        .await
        .expect("asked for anew");
    house
        .decide(&lead, again, None, true)
        .await
        .expect("approved");
}

#[tokio::test]
async fn r22_a_commissioner_has_that_place_and_no_other() {
    let house = House::new().await;
    let commissioner = house.invite(Role::Commissioner).await;
    let researcher = house.invite(Role::Researcher).await;
    let until = house.service.today();
    for (person, role, sees, why) in [
        (
            &commissioner,
            Role::Researcher,
            None,
            "commissioner in the organisation",
        ),
        (
            &commissioner,
            Role::StudyLead,
            None,
            "commissioner in the organisation",
        ),
        (
            &researcher,
            Role::Commissioner,
            None,
            "researcher in the organisation",
        ),
        (&researcher, Role::Auditor, None, "not a auditor"),
        (
            &researcher,
            Role::StudyLead,
            Some(Tier::DeIdentified),
            "as a researcher",
        ),
        (
            &commissioner,
            Role::Commissioner,
            Some(Tier::DeIdentified),
            "released",
        ),
    ] {
        let member = NewMember {
            person: person.id,
            role,
            until,
            purpose: Purpose::Research,
            sees,
        };
        let refused = told(house.join(member).await);
        assert!(refused.contains(why), "{refused}");
    }
    // They are told of their own places, and of nothing in the study.
    let member = house.member(Role::Commissioner, None).await;
    let caller = house.caller(&member);
    let (_, places) = inspect::me(&house.service, &caller).expect("oneself");
    assert_eq!(places.len(), 1);
    let study = house
        .admit::<acts::ReadStudy>(&member, house.staff.study)
        .await;
    assert!(matches!(study, Err(WorkError::NoSuchThing)));
    let studies = inspect::studies(&house.service, &caller).await;
    assert!(studies.expect("listed").is_empty());
}

/// What retention destroys is gone for the commissioner as well.
#[tokio::test]
async fn r20_a_release_goes_with_its_output() {
    let house = House::new().await;
    let second = house.member(Role::Researcher, None).await;
    let commissioner = house.member(Role::Commissioner, None).await;
    let (_, hers) = house.interview("Agnes", b"hers").await;
    house.papers();
    let output = house.report(&[hers], &second).await;
    let release = house.ask_for(&second, output).await.expect("asked for");
    let lead = house.staff.lead.clone();
    house
        .decide(&lead, release, None, false)
        .await
        .expect("approved");
    house.destroyed(output);
    assert!(house.released_to(&commissioner).await.is_empty());
    let read = house.read_release(&commissioner, release).await;
    assert!(matches!(read, Err(WorkError::NoSuchThing)));
}
