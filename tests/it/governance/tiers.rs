//! From identifiable to anonymised: who says so, who looks again, and what is forgotten on the way.

use strongroom::access::acts;
use strongroom::id::ItemId;
use strongroom::model::study::{Category, Field};
use strongroom::model::{Check, Finding, Kind, Permission, Role, Tier};
use strongroom::work::deposit::Made;
use strongroom::work::inspect::{self, Eyes, ItemFilter};
use strongroom::work::{WorkError, transcript};

use super::outputs::{made, text, told};
use crate::support::house::House;

#[tokio::test]
async fn r26_what_is_anonymised_leads_to_nobody() {
    let house = House::new().await;
    let second = house.member(Role::Researcher, None).await;
    let (her, hers) = house.interview("Agnes", b"hers").await;
    let (him, his) = house.interview("Basil", b"his").await;
    let before = house.service.vault().journal().size();
    let item = house
        .derive(&[hers, his], made(Tier::Anonymised), Kind::Notes, b"found")
        .await
        .expect("taken in");

    // Neither the row nor anything the journal was told names them, their session or their items.
    let row = house.row(item);
    assert_eq!((row.session, row.participants.len()), (None, 0));
    let derived = row.derived.expect("made from items");
    assert_eq!((derived.parents.len(), derived.made_from), (0, 2));
    let mut said = String::new();
    let vault = house.service.vault();
    vault
        .entries::<WorkError>(before, u64::MAX, |_, entry| {
            said += &serde_json::to_string(&entry).expect("json");
            Ok(())
        })
        .expect("read");
    assert!(said.contains(&item.to_string()));
    let sessions = [house.row(hers).session, house.row(his).session];
    let sessions = sessions.map(|session| session.expect("a session").to_string());
    for secret in [
        her.to_string(),
        him.to_string(),
        hers.to_string(),
        his.to_string(),
    ]
    .iter()
    .chain(&sessions)
    {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    // Nor does the file's name, which could.
    let view = vault.view().expect("the index runs");
    let particulars = view.particulars(vault, &house.row(item)).expect("opens");
    assert_eq!(particulars.file_name, None);
    drop(view);

    // It stays when they go; and the team reads it.
    house
        .look(&second, item, None, false)
        .await
        .expect("passed");
    house.erase(her).await;
    assert_eq!(house.fetch(item).await.expect("opens"), b"found");
}

#[tokio::test]
async fn r26_what_is_de_identified_goes_with_its_people() {
    let house = House::new().await;
    let second = house.member(Role::Researcher, None).await;
    let (her, hers) = house.interview("Agnes", b"hers").await;
    let item = house
        .derive(&[hers], made(Tier::DeIdentified), Kind::Transcript, b"said")
        .await
        .expect("taken in");
    let row = house.row(item);
    assert_eq!(row.participants, [her]);
    assert_eq!(row.session, house.row(hers).session);
    assert_eq!(row.derived.expect("made").parents, [hers]);
    house
        .look(&second, item, None, false)
        .await
        .expect("passed");
    assert_eq!(house.row(item).counts_as(), Tier::DeIdentified);
    house.erase(her).await;
    let fetched = house.fetch(item).await;
    assert!(
        matches!(fetched, Err(WorkError::NoSuchThing)),
        "{fetched:?}"
    );
}

#[tokio::test]
async fn r26_only_what_everyone_permits_moves_up() {
    let house = House::new().await;
    let (_, hers) = house.interview("Agnes", b"hers").await;
    let (him, his) = house.interview("Basil", b"his").await;
    house.permit_all_but(him, &[Permission::Share]);
    let refused = house
        .derive(&[hers, his], made(Tier::Anonymised), Kind::Notes, b"x")
        .await;
    let refused = told(refused);
    assert!(
        refused.contains("`share`") && refused.contains(&him.to_string()),
        "{refused}"
    );
    // De-identified, it stays with the team.
    let item = house
        .derive(&[his], made(Tier::DeIdentified), Kind::Transcript, b"x")
        .await;
    item.expect("taken in");
    house.permit_all_but(him, &[Permission::Quote]);
    let refused = house.derive(&[his], quoting(), Kind::Notes, b"x").await;
    assert!(told(refused).contains("`quote`"));
    // Somebody who withdraws, or whose data are only kept, is left out.
    house.restrict(him, true);
    let refused = house
        .derive(&[his], made(Tier::Anonymised), Kind::Notes, b"x")
        .await;
    assert!(told(refused).contains("kept"));
    house.restrict(him, false);
    house.permit_all_but(him, &[]);
    house.withdraw(him, false).await;
    let refused = house
        .derive(&[his], made(Tier::Anonymised), Kind::Notes, b"x")
        .await;
    assert!(told(refused).contains("withdrawal"));
}

fn quoting() -> Made {
    Made {
        quotes: true,
        ..made(Tier::Anonymised)
    }
}

#[tokio::test]
async fn r26_what_waits_for_its_check_is_nothing_yet() {
    let house = House::new().await;
    let second = house.member(Role::Researcher, None).await;
    let (_, hers) = house.interview("Agnes", b"hers").await;
    let made_of = |from: ItemId, tier| house.derive_one(from, tier);
    let first = made_of(hers, Tier::DeIdentified).await.expect("taken in");
    // No parent, no first recording to be checked, nobody checks their own.
    assert!(told(made_of(first, Tier::Anonymised).await).contains("item check"));
    assert!(told(house.look(&second, hers, None, false).await).contains("not made from anything"));
    let lead = &house.staff.lead;
    assert!(told(house.look(lead, first, None, false).await).contains("does not check it"));
    let sent_back = Some(Finding::Names);
    house
        .look(&second, first, sent_back, false)
        .await
        .expect("sent back");
    assert!(matches!(
        house.row(first).derived.expect("made").check,
        Check::SentBack {
            finding: Finding::Names,
            ..
        }
    ));
    assert_eq!(house.row(first).counts_as(), Tier::Identifiable);
    assert!(told(house.look(&second, first, None, false).await).contains("sent back already"));
    assert!(told(made_of(first, Tier::Anonymised).await).contains("item check"));
    // One that passed is a parent, and never of what is nearer to people.
    let again = made_of(hers, Tier::DeIdentified).await.expect("taken in");
    house
        .look(&second, again, None, false)
        .await
        .expect("passed");
    let output = made_of(again, Tier::Anonymised).await.expect("taken in");
    house
        .look(&second, output, None, false)
        .await
        .expect("passed");
    assert!(told(made_of(output, Tier::DeIdentified).await).contains("is anonymised"));
    assert!(told(made_of(hers, Tier::Identifiable).await).contains("de-identified or anonymised"));
    assert!(
        told(
            house
                .derive(&[], made(Tier::Anonymised), Kind::Notes, b"x")
                .await
        )
        .contains("--from")
    );
}

#[tokio::test]
async fn r13_a_check_considers_withdrawals_since() {
    let house = House::new().await;
    let second = house.member(Role::Researcher, None).await;
    let (_, hers) = house.interview("Agnes", b"hers").await;
    let (him, _) = house.interview("Basil", b"his").await;
    let item = house
        .derive_one(hers, Tier::Anonymised)
        .await
        .expect("taken in");
    // What names somebody is in no output.
    let (contact, _) = house.interview("Cecily", b"other").await;
    house.withdraw(contact, true).await;
    house.withdraw(him, false).await;
    let refused = told(house.look(&second, item, None, false).await);
    assert!(refused.contains("--considered-withdrawals"), "{refused}");
    house.look(&second, item, None, true).await.expect("passed");

    let other = house
        .derive_one(hers, Tier::DeIdentified)
        .await
        .expect("taken in");
    house
        .look(&second, other, None, false)
        .await
        .expect("it goes with its people");
}

#[tokio::test]
async fn r27_a_group_is_the_study_s_and_not_too_small() {
    let house = House::new().await;
    let (_, hers) = house.interview("Agnes", b"hers").await;
    let group = text("victims");
    let spoken_of = || Made {
        group: Some(group.clone()),
        ..quoting()
    };
    let refused = house.derive(&[hers], spoken_of(), Kind::Notes, b"x").await;
    assert!(told(refused).contains("no groups"));
    house.amend_study(|study| study.groups = vec![text("offenders")]);
    let refused = house.derive(&[hers], spoken_of(), Kind::Notes, b"x").await;
    assert!(told(refused).contains("offenders"));
    house.amend_study(|study| study.groups = vec![text("victims")]);
    for name in ["Basil", "Cecily", "Daphne"] {
        let refused = house.derive(&[hers], spoken_of(), Kind::Notes, b"x").await;
        assert!(told(refused).contains("fewer than 3"));
        house.grouped(name, &group).await;
    }
    let item = house.derive(&[hers], spoken_of(), Kind::Notes, b"x").await;
    let row = house.row(item.expect("taken in"));
    assert_eq!(row.derived.expect("made").group, Some(group));
}

#[tokio::test]
async fn r08_sensitive_fields_are_shown_when_that_was_justified() {
    let house = House::new().await;
    let (_, hers) = house.interview("Agnes", b"hers").await;
    let showing = |field: &str| Made {
        shows: vec![text(field)],
        ..made(Tier::Anonymised)
    };
    let field = |name: &str, category, sharing: Option<&str>| Field {
        name: text(name),
        reason: text("to compare"),
        category,
        sharing: sharing.map(text),
    };
    house.amend_study(|study| {
        study.fields = vec![
            field("region", Category::Ordinary, None),
            field("health", Category::Special, None),
            field("offence", Category::Criminal, None),
            field(
                "ethnicity",
                Category::Special,
                Some("equality duty, board minute 7"),
            ),
        ];
    });
    for (shown, refused) in [
        ("region", None),
        ("ethnicity", None),
        ("health", Some("special")),
        ("offence", Some("criminal")),
        ("shoe size", Some("does not collect")),
    ] {
        let outcome = house
            .derive(&[hers], showing(shown), Kind::Notes, b"x")
            .await;
        match refused {
            None => drop(outcome.expect(shown)),
            Some(why) => assert!(told(outcome).contains(why), "{shown}"),
        }
    }
}

#[tokio::test]
async fn r26_who_analyses_sees_what_is_de_identified_and_nobody() {
    let house = House::new().await;
    let second = house.member(Role::Researcher, None).await;
    let analyst = house
        .member(Role::Researcher, Some(Tier::DeIdentified))
        .await;
    let (her, hers) = house.interview("Agnes", b"hers").await;
    let item = house
        .derive_one(hers, Tier::DeIdentified)
        .await
        .expect("taken in");
    let waits = house.fetch_as(&analyst, item).await;
    assert!(matches!(waits, Err(WorkError::NoSuchThing)));
    house
        .look(&second, item, None, false)
        .await
        .expect("passed");
    assert_eq!(
        house.fetch_as(&analyst, item).await.expect("opens"),
        b"derived"
    );
    let refused = house.fetch_as(&analyst, hers).await;
    assert!(matches!(refused, Err(WorkError::NoSuchThing)));

    let caller = house.caller(&analyst);
    let seen = inspect::items(&house.service, &caller, ItemFilter::default(), None, 10);
    let seen = seen.await.expect("listed");
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].item.id, seen[0].eyes), (item, Eyes::Analyst));
    assert_eq!(seen[0].file_name, None);
    let study = house.staff.study;
    let known = house.admit::<acts::ReadStudy>(&analyst, study).await;
    let people = inspect::participants(&house.service, known.expect("knows it"), None, 10);
    assert!(told(people).contains("de-identified"));
    let known = house.admit::<acts::ReadStudy>(&analyst, study).await;
    let sessions = inspect::sessions(&house.service, known.expect("knows it"), None, 10);
    assert!(told(sessions).contains("de-identified"));
    let contact = house.admit::<acts::ReadContact>(&analyst, her).await;
    assert!(matches!(contact, Err(WorkError::NoSuchThing)));
    let row = house.admit::<acts::ReadParticipant>(&analyst, her).await;
    assert!(matches!(row, Err(WorkError::NoSuchThing)));

    // Only while everyone in it permits that it is shared.
    house.permit_all_but(her, &[Permission::Share]);
    let refused = house.fetch_as(&analyst, item).await;
    assert!(matches!(refused, Err(WorkError::NoSuchThing)));
}

#[tokio::test]
async fn the_team_s_own_transcripts_are_accepted_too() {
    let house = House::new().await;
    let (_, hers) = house.interview("Agnes", b"hers").await;
    let session = house.row(hers).session.expect("a session");
    let written = house.deposit_kind(session, Kind::Transcript, b"said").await;
    let accept = async |recording, transcript| {
        let lead = &house.staff.lead;
        let grant = house
            .admit::<acts::AcceptTranscript>(lead, recording)
            .await?;
        transcript::accept(&house.service, grant, transcript).await
    };
    let (_, other) = house.interview("Basil", b"his").await;
    assert!(told(accept(other, written).await).contains("another session"));
    assert!(told(accept(hers, hers).await).contains("--transcript"));
    accept(hers, written).await.expect("accepted");
    let today = house.service.today();
    assert_eq!(house.row(hers).accepted, Some(today));
    assert_eq!(house.row(written).accepted, Some(today));
    assert!(told(accept(hers, written).await).contains("already"));
}
