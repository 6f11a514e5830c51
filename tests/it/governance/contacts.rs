//! What names people: kept apart, found by the study's team alone, corrected and destroyed on its own.

use std::collections::BTreeMap;

use strongroom::access::acts;
use strongroom::id::ParticipantId;
use strongroom::index::tables;
use strongroom::keyring::KeyError;
use strongroom::model::participant::Contact;
use strongroom::model::study::Field;
use strongroom::model::{ErasureStage, Participant, Permission, Role, Source, Text};
use strongroom::work::WorkError;
use strongroom::work::participant::{self, Correction, NewParticipant, Sought};

use crate::support::house::{House, Pass};

fn text(words: &str) -> Text {
    words.parse().expect("a text")
}

fn contact(name: &str, email: &str) -> Contact {
    Contact {
        name: Some(text(name)),
        email: Some(text(email)),
        ..Contact::default()
    }
}

async fn add(house: &House, new: NewParticipant) -> Result<ParticipantId, WorkError> {
    let (lead, study) = (&house.staff.lead, house.staff.study);
    let grant = house.admit::<acts::AddParticipant>(lead, study).await?;
    participant::add(&house.service, grant, new).await
}

async fn named(house: &House, name: &str, email: &str) -> ParticipantId {
    let new = NewParticipant::permitting(Permission::ALL.into(), contact(name, email));
    add(house, new).await.expect("added")
}

async fn find(house: &House, who: &Pass, sought: Sought) -> Result<Vec<ParticipantId>, WorkError> {
    let caller = house.caller(who);
    let study = house.staff.study;
    let grant = house
        .service
        .admit_reading::<acts::FindParticipant>(&caller, study)
        .await?;
    let found = participant::find(&house.service, grant, sought).await?;
    Ok(found.into_iter().map(|row| row.id).collect())
}

async fn read(house: &House, who: &Pass, id: ParticipantId) -> Result<Contact, WorkError> {
    let grant = house.admit::<acts::ReadContact>(who, id).await?;
    participant::contact(&house.service, grant).map(|(_, contact)| contact)
}

async fn correct(house: &House, id: ParticipantId, new: Correction) -> Result<(), WorkError> {
    let lead = &house.staff.lead;
    let grant = house.admit::<acts::ChangeParticipant>(lead, id).await?;
    participant::correct(&house.service, grant, new).await
}

fn row(house: &House, id: ParticipantId) -> Participant {
    let view = house.service.vault().view().expect("the index runs");
    let row = view.reader().get(&tables::PARTICIPANTS, &id);
    row.expect("read").expect("there")
}

#[tokio::test]
async fn r24_only_the_team_finds_people_and_the_words_are_nowhere() {
    let house = House::new().await;
    let rosa = named(&house, "Rosa Díaz-Canary", "Rosa.Canary@example.org").await;
    let olu = named(&house, "Olu Canary", "olu@example.org").await;
    let lead = &house.staff.lead;
    for (sought, expected) in [
        (Sought::Email(text("rosa.canary@EXAMPLE.org")), vec![rosa]),
        (Sought::Email(text("rosa.canary@example")), vec![]),
        (Sought::Name(text("díaz-canary rosa")), vec![rosa]),
        (Sought::Name(text("Rosa Canary")), vec![]),
        (Sought::Name(text("canary")), vec![olu]),
    ] {
        let mut found = find(&house, lead, sought).await.expect("searched");
        found.sort_unstable();
        assert_eq!(found, expected);
    }
    for who in [
        &house.staff.governance,
        &house.staff.admin,
        &house.invite(Role::Auditor).await,
    ] {
        let sought = Sought::Email(text("olu@example.org"));
        assert!(find(&house, who, sought).await.is_err());
        assert!(read(&house, who, olu).await.is_err());
    }
    assert_eq!(
        read(&house, lead, olu).await.expect("read").name,
        Some(text("Olu Canary"))
    );

    let vault = house.service.vault();
    let mut searches = 0;
    let mut journal = String::new();
    let read = vault.entries::<WorkError>(0, u64::MAX, |_, entry| {
        let written = serde_json::to_string(&entry).expect("JSON");
        searches +=
            usize::from(written.contains("accessed") && written.contains("find-participant"));
        journal.push_str(&written.to_lowercase());
        Ok(())
    });
    read.expect("read");
    assert_eq!(searches, 5, "each search that was let through is on record");
    for words in ["canary", "rosa", "olu@"] {
        assert!(!journal.contains(words), "{words}");
    }
    let folder = house.close().await;
    for (path, bytes) in folder.files() {
        let lower = bytes.to_ascii_lowercase();
        let traced = lower.windows(6).any(|window| window == b"canary");
        assert!(!traced, "{}", path.display());
    }
}

#[tokio::test]
async fn r09_only_declared_fields_are_taken_and_r05_where_somebody_came_from() {
    let house = House::new().await;
    let with = |name: &str| {
        let mut contact = contact("Rosa", "rosa@example.org");
        contact.fields = BTreeMap::from([(text(name), text("35-44"))]);
        NewParticipant::permitting(Permission::ALL.into(), contact)
    };
    let undeclared = add(&house, with("age band")).await.expect_err("refused");
    assert!(
        undeclared.outside().contains("declares none"),
        "{undeclared}"
    );
    house.amend_study(|study| {
        study.fields.push(Field {
            name: text("age band"),
            reason: text("findings are compared by age"),
            category: Default::default(),
            sharing: None,
        });
        study.groups.push(text("victims of burglary"));
    });
    let other = add(&house, with("shoe size")).await.expect_err("refused");
    assert!(other.outside().contains("it declares age band"), "{other}");
    assert!(
        !other.outside().contains("35-44"),
        "a message repeats no value"
    );

    let grouped = |group: &str| NewParticipant {
        group: Some(text(group)),
        source: Some(Source::EarlierSurvey),
        ..with("age band")
    };
    let unknown = add(&house, grouped("burglars")).await.expect_err("refused");
    assert!(
        unknown.outside().contains("it has victims of burglary"),
        "{unknown}"
    );
    let rosa = add(&house, grouped("victims of burglary"))
        .await
        .expect("added");
    let kept = row(&house, rosa);
    assert_eq!(kept.source, Some(Source::EarlierSurvey));
    assert_eq!(kept.group, Some(text("victims of burglary")));
    let contact = read(&house, &house.staff.lead, rosa).await.expect("read");
    assert_eq!(contact.fields.get(&text("age band")), Some(&text("35-44")));
    let none = Correction {
        fields: BTreeMap::from([(text("age band"), None)]),
        ..Correction::default()
    };
    correct(&house, rosa, none).await.expect("corrected");
    let contact = read(&house, &house.staff.lead, rosa).await.expect("read");
    assert!(contact.fields.is_empty() && contact.name.is_some());
}

#[tokio::test]
async fn r15_a_correction_leaves_nothing_of_what_was_wrong() {
    let house = House::new().await;
    let rosa = named(&house, "Rosa", "wrong@example.org").await;
    let item = house.session(&[rosa]).await;
    let item = house.deposit(item, &b"what she said"[..], "a.wav").await;
    let before = row(&house, rosa);
    let right = || Correction {
        email: Some(text("right@example.org")),
        ..Correction::default()
    };
    correct(&house, rosa, right()).await.expect("corrected");
    let after = row(&house, rosa);
    assert_ne!(before.contact_key, after.contact_key);
    let contact = read(&house, &house.staff.lead, rosa).await.expect("read");
    assert_eq!(contact.email, Some(text("right@example.org")));
    assert_eq!(contact.name, Some(text("Rosa")), "what is not named stays");
    let found = find(
        &house,
        &house.staff.lead,
        Sought::Email(text("wrong@example.org")),
    )
    .await;
    assert!(found.expect("searched").is_empty());

    // The next erasure, whosoever, takes the old key along; what she said is not touched.
    let (other, _) = house.interview("Olu", b"other").await;
    house.erase(other).await;
    let view = house.service.vault().view().expect("the index runs");
    let old = view.key(before.contact_key);
    assert!(matches!(old, Err(KeyError::Destroyed { .. })), "{old:?}");
    assert!(view.contact(&before).is_err());
    drop(view);
    assert_eq!(house.fetch(item).await.expect("opens"), b"what she said");
}

#[tokio::test]
async fn r15_contact_details_are_destroyed_on_their_own_and_stay_gone() {
    let mut house = House::new().await;
    let (rosa, item) = house.interview("Rosa", b"what she said").await;
    house.later(400);
    let withdrawn = house.withdraw(rosa, true).await;
    assert!(withdrawn.in_time, "at any time");
    let erasure = house.approve(withdrawn.erasure).await;
    assert_eq!(erasure.stage, ErasureStage::Certified);
    assert_eq!(house.fetch(item).await.expect("opens"), b"what she said");
    let found = find(&house, &house.staff.lead, Sought::Name(text("Rosa"))).await;
    assert!(found.expect("searched").is_empty());
    let contact = read(&house, &house.staff.lead, rosa).await.expect("read");
    assert!(contact.is_empty());
    let again = Correction {
        name: Some(text("Rosa")),
        ..Correction::default()
    };
    let refused = correct(&house, rosa, again).await.expect_err("refused");
    assert!(refused.outside().contains("destroyed"), "{refused}");
}
