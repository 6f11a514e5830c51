//! Disclosure: raised by the lead, decided by the safeguarding lead, to a named recipient (R37, R38).

use strongroom::access::acts;
use strongroom::id::{DisclosureId, ItemId};
use strongroom::model::disclosure::{Ground, Permit};
use strongroom::model::{Event, Role};
use strongroom::work::disclose::{self, NewDecision, Seen};
use strongroom::work::{WorkError, request};

use super::rights::Unpacked;
use super::rights::{amend, answered, ask, fetching, in_days, later, whole, words};
use crate::support::house::{House, Pass, noise};

async fn raise(house: &House, items: &[ItemId]) -> Result<DisclosureId, WorkError> {
    let (who, study) = (&house.staff.lead, house.staff.study);
    let grant = house.admit::<acts::RaiseDisclosure>(who, study).await?;
    disclose::raise(&house.service, grant, Ground::RiskOfHarm, items.to_vec()).await
}

async fn decide(
    house: &House,
    who: &Pass,
    id: DisclosureId,
    granted: Option<Permit>,
) -> Result<Seen, WorkError> {
    let grant = house.admit::<acts::DecideDisclosure>(who, id).await?;
    let reason = words("he named the day");
    disclose::decide(&house.service, grant, NewDecision { granted, reason }).await
}

async fn fetch(
    house: &House,
    who: &Pass,
    id: DisclosureId,
    item: ItemId,
) -> Result<Vec<u8>, WorkError> {
    let grant = house.admit::<acts::FetchDisclosure>(who, id).await?;
    let copy = disclose::fetch(&house.service, grant, item).await?;
    whole(copy.body).await
}

fn permit(house: &House, identity: &age::x25519::Identity, days: i32) -> Option<Permit> {
    Some(Permit {
        recipient: words("The local authority, children\u{2019}s services"),
        sealed_to: identity.to_public().to_string(),
        until: in_days(house, days),
    })
}

/// A house whose study names governance as its safeguarding lead.
async fn house() -> House {
    let house = House::new().await;
    let lead = house.staff.governance.id;
    amend(&house, |study| {
        study.contacts.safeguarding_lead = Some(lead)
    })
    .await;
    house
}

#[tokio::test]
async fn r37_only_what_is_needed_leaves_sealed_for_who_was_named_and_until_a_day() {
    let mut house = house().await;
    let recording = noise(200_000, 1);
    let (_, needed) = house.interview("Siân", &recording).await;
    let (_, other) = house.interview("Tom", &noise(10, 2)).await;
    let id = raise(&house, &[needed]).await.expect("raised");
    let decider = house.staff.governance.clone();
    let early = fetch(&house, &decider, id, needed).await;
    assert!(matches!(early, Err(WorkError::Refused(_))), "not decided");

    let identity = age::x25519::Identity::generate();
    let granted = permit(&house, &identity, 2);
    let seen = decide(&house, &decider, id, granted)
        .await
        .expect("decided");
    assert_eq!(seen.standing, "granted");
    assert_eq!(seen.reason, Some(words("he named the day")));
    let again = decide(&house, &decider, id, None).await;
    assert!(matches!(again, Err(WorkError::Refused(_))), "once");

    let sealed = fetch(&house, &decider, id, needed).await.expect("sealed");
    let mut opened = Vec::new();
    let workers = strongroom::agefile::Workers::one();
    let with = [&identity as &dyn age::Identity];
    strongroom::agefile::open_file(&mut &sealed[..], &mut opened, with, &workers).expect("opens");
    assert!(opened == recording);
    let stranger = age::x25519::Identity::generate();
    let with = [&stranger as &dyn age::Identity];
    let refused = strongroom::agefile::open_file(&mut &sealed[..], &mut Vec::new(), with, &workers);
    assert!(refused.is_err(), "for nobody else");
    let more = fetch(&house, &decider, id, other).await;
    assert!(matches!(more, Err(WorkError::NoSuchThing)), "nothing else");
    let colleague = fetch(&house, &house.staff.second, id, needed).await;
    assert!(matches!(colleague, Err(WorkError::Refused(_))));

    // On record, and what he said is nowhere in clear.
    let mut seen = Vec::new();
    let size = house.service.vault().journal().size();
    let read = house.service.vault().entries(0, size, |_, entry| {
        if let Event::Accessed {
            action, resource, ..
        } = &entry.event
        {
            seen.push(format!("{action} {resource}"));
        }
        Ok::<_, WorkError>(())
    });
    read.expect("read");
    assert!(seen.contains(&format!("fetch-disclosure {needed}")));
    for (path, bytes) in house.folder.files() {
        let told = bytes.windows(16).any(|w| w == b"he named the day");
        assert!(!told, "{}", path.display());
    }

    later(&mut house, 3).await;
    let decider = house.staff.governance.clone();
    let late = fetch(&house, &decider, id, needed).await;
    assert!(
        matches!(late, Err(WorkError::Refused(_))),
        "its day is over"
    );
}

#[tokio::test]
async fn r37_the_safeguarding_lead_decides_and_is_another_person() {
    let house = House::new().await;
    let (siân, item) = house.interview("Siân", &noise(10, 1)).await;
    let nobody = raise(&house, &[item]).await;
    assert!(
        matches!(nobody, Err(WorkError::Conflict(_))),
        "nobody decides"
    );
    let lead = house.staff.lead.id;
    amend(&house, |study| {
        study.contacts.safeguarding_lead = Some(lead)
    })
    .await;
    let oneself = raise(&house, &[item]).await;
    assert!(
        matches!(oneself, Err(WorkError::Conflict(_))),
        "nobody else"
    );
    let dsl = house.staff.governance.id;
    amend(&house, |study| study.contacts.safeguarding_lead = Some(dsl)).await;
    let id = raise(&house, &[item]).await.expect("raised");

    let second = &house.staff.second;
    let other = decide(&house, second, id, None).await;
    assert!(
        matches!(other, Err(WorkError::Refused(_))),
        "not the one named"
    );
    let identity = age::x25519::Identity::generate();
    let far = permit(&house, &identity, 400);
    let decider = &house.staff.governance;
    let refused = decide(&house, decider, id, far).await;
    assert!(
        matches!(refused, Err(WorkError::Unacceptable(_))),
        "too long"
    );
    let mut wrong = permit(&house, &identity, 1);
    if let Some(permit) = &mut wrong {
        permit.sealed_to = "somebody".to_owned();
    }
    let refused = decide(&house, decider, id, wrong).await;
    assert!(
        matches!(refused, Err(WorkError::Unacceptable(_))),
        "nobody's key"
    );

    // Somebody in it is erased: there is nothing to grant any more, and refusing it closes it.
    house.erase(siân).await;
    let gone = decide(&house, decider, id, permit(&house, &identity, 1)).await;
    assert!(matches!(gone, Err(WorkError::Conflict(_))));
    let seen = decide(&house, decider, id, None).await.expect("refused");
    assert_eq!((seen.standing, seen.reason), ("refused", None));
}

#[tokio::test]
async fn r37_nobody_but_information_governance_knows_of_it() {
    let house = house().await;
    let (siân, item) = house.interview("Siân", &noise(10, 1)).await;
    let id = raise(&house, &[item]).await.expect("raised");
    let mut others = vec![house.staff.lead.clone(), house.staff.admin.clone()];
    for role in [
        Role::Researcher,
        Role::StudyLead,
        Role::Commissioner,
        Role::Auditor,
    ] {
        others.push(house.invite(role).await);
    }
    for who in &others {
        let seen = house.admit::<acts::ReadDisclosure>(who, id).await;
        assert!(matches!(seen, Err(WorkError::NoSuchThing)));
        let decided = house.admit::<acts::DecideDisclosure>(who, id).await;
        assert!(matches!(decided, Err(WorkError::NoSuchThing)));
        let fetched = house.admit::<acts::FetchDisclosure>(who, id).await;
        assert!(matches!(fetched, Err(WorkError::NoSuchThing)));
        let list = disclose::list(&house.service, &house.caller(who)).await;
        assert!(list.expect("a list").is_empty());
        if who.id != house.staff.lead.id {
            let study = house.staff.study;
            let raising = house.admit::<acts::RaiseDisclosure>(who, study).await;
            assert!(raising.is_err(), "only the lead raises it");
        }
    }
    let governance = house.caller(&house.staff.second);
    let list = disclose::list(&house.service, &governance).await;
    assert_eq!(list.expect("a list").len(), 1);

    // Nor does the participant's own record of use tell of it.
    let kind = strongroom::model::RequestKind::Access;
    let request = ask(&house, siân, kind).await.expect("open").request.id;
    let new = request::answer::NewAnswer::default();
    answered(&house, request, new).await.expect("answered");
    let identity = age::x25519::Identity::generate();
    let public = identity.to_public().to_string();
    let sealed = fetching(&house, request, &public).await.expect("granted");
    let sealed = whole(sealed).await.expect("whole");
    let Some(answer) = Unpacked::new(&sealed, &identity) else {
        return;
    };
    let used = answer.file("use/0001.json").expect("the record of use");
    assert!(!String::from_utf8_lossy(&used).contains("disclos"));
}

#[tokio::test]
async fn r38_a_disclosure_names_items_of_the_study_each_once() {
    let house = house().await;
    let (_, item) = house.interview("Siân", &noise(10, 1)).await;
    let elsewhere = House::new().await;
    let (_, foreign) = elsewhere.interview("Tom", &noise(10, 1)).await;
    let (gone, erased) = house.interview("Una", &noise(10, 1)).await;
    house.erase(gone).await;
    for (items, why) in [
        (&[][..], "between 1"),
        (&[item, item], "twice"),
        (&[foreign], "no item of this study"),
        (&[item, erased], "no item of this study"),
    ] {
        match raise(&house, items).await {
            Err(WorkError::Unacceptable(told)) => assert!(told.contains(why), "{told}"),
            other => panic!("{other:?}"),
        }
    }
}
