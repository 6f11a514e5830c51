//! What has to be there before anything opens: terms, training, accreditation, papers, consent, tier.

use jiff::civil::{Date, date};
use strongroom::access::Why;
use strongroom::entropy::SystemEntropy;
use strongroom::id::PersonId;
use strongroom::index::tables;
use strongroom::model::item::Check;
use strongroom::model::study::{Approval, Requirement};
use strongroom::model::{Action, Derived, Permission, Role, Study, Tier};

use super::GATE;
use super::asking::{Asked, Told, ask};
use super::house::{House, Ids, Pass};

const TODAY: Date = date(2026, 1, 15);
const YESTERDAY: Date = date(2026, 1, 14);

/// A study with one of everything, and a researcher in it.
fn team(house: &mut House) -> (Ids, Pass) {
    let other = house.person(Role::InformationGovernance, None);
    let ids = house.ids(other.id);
    let researcher = house.person(Role::Researcher, None);
    house.place(ids.study, &researcher, Role::Researcher, Some(TODAY));
    (ids, researcher)
}

fn to(house: &House, who: &Pass, action: Action, ids: &Ids) -> Told {
    ask(&GATE, house, who, Asked::To(action), ids)
}

#[test]
fn r34_the_terms_come_before_anything_is_seen() {
    let mut house = House::new();
    let (ids, researcher) = team(&mut house);
    let sees = [
        Action::OpenItem,
        Action::DeriveItem,
        Action::FindParticipant,
        Action::ReadContact,
    ];
    for action in sees {
        assert_eq!(to(&house, &researcher, action, &ids), Told::Yes, "{action}");
    }
    // Terms that were replaced count as little as none.
    for terms in [None, Some(0)] {
        house.edit(&tables::PEOPLE, researcher.id, |row| row.terms = terms);
        for action in sees {
            let told = to(&house, &researcher, action, &ids);
            assert_eq!(told, Told::Refused(Why::TermsFirst), "{action}");
        }
        assert_eq!(
            to(&house, &researcher, Action::ReadRelease, &ids),
            Told::NoSuchThing
        );
    }
    // What shows nobody can be done meanwhile: they are not locked out of their own work.
    assert_eq!(to(&house, &researcher, Action::ReadStudy, &ids), Told::Yes);
}

#[test]
fn r32_training_and_accreditation_count_to_their_last_day() {
    let mut house = House::new();
    let (ids, researcher) = team(&mut house);
    let open = |house: &House| to(house, &researcher, Action::OpenItem, &ids);
    house.edit(&tables::STUDIES, ids.study, |row| {
        row.requires = [Requirement::Training, Requirement::Accreditation].into();
    });
    assert_eq!(open(&house), Told::Refused(Why::TrainingNeeded));
    house.edit(&tables::PEOPLE, researcher.id, |row| {
        row.trained_until = Some(TODAY)
    });
    assert_eq!(open(&house), Told::Refused(Why::AccreditationNeeded));
    house.edit(&tables::PEOPLE, researcher.id, |row| {
        row.accredited_until = Some(TODAY)
    });
    assert_eq!(open(&house), Told::Yes);
    house.edit(&tables::PEOPLE, researcher.id, |row| {
        row.trained_until = Some(YESTERDAY)
    });
    assert_eq!(open(&house), Told::Refused(Why::TrainingNeeded));
    // A study that does not ask for it is not held to it.
    house.edit(&tables::STUDIES, ids.study, |row| row.requires.clear());
    assert_eq!(open(&house), Told::Yes);
}

#[test]
fn r32_r33_nothing_opens_before_the_papers_are_there() {
    let mut house = House::new();
    let (ids, researcher) = team(&mut house);
    let lead = house.person(Role::StudyLead, None);
    house.place(ids.study, &lead, Role::StudyLead, None);
    house.edit(&tables::STUDIES, ids.study, |row| {
        row.requires = [
            Requirement::Dpia,
            Requirement::DataSharing,
            Requirement::Approval,
        ]
        .into();
    });
    let missing = Told::Refused(Why::PapersMissing);
    let steps: [fn(&mut Study); 3] = [
        |row| row.papers.dpia = Some("DPIA 2026-014".parse().expect("a reference")),
        |row| row.papers.data_sharing = Some("DSA 7".parse().expect("a reference")),
        |row| {
            row.papers.approval = Some(Approval {
                by: "Data Access Governance Board".parse().expect("a name"),
                on: YESTERDAY,
                recorded_by: PersonId::random(&SystemEntropy::new()).expect("entropy"),
            });
        },
    ];
    for step in steps {
        assert_eq!(to(&house, &researcher, Action::OpenItem, &ids), missing);
        assert_eq!(to(&house, &lead, Action::AssignItem, &ids), missing);
        house.edit(&tables::STUDIES, ids.study, step);
    }
    assert_eq!(to(&house, &researcher, Action::OpenItem, &ids), Told::Yes);
    assert_eq!(to(&house, &lead, Action::AssignItem, &ids), Told::Yes);
}

#[test]
fn r02_r07_what_is_permitted_no_longer_does_not_open() {
    let mut house = House::new();
    let (ids, researcher) = team(&mut house);
    let permit = |house: &mut House, permissions: &[Permission]| {
        house.edit(&tables::PARTICIPANTS, ids.participant, |row| {
            row.permissions = permissions.iter().copied().collect();
        });
    };
    permit(&mut house, &[Permission::Audio]);
    assert_eq!(to(&house, &researcher, Action::OpenItem, &ids), Told::Yes);
    permit(
        &mut house,
        &[Permission::Video, Permission::Transcript, Permission::Notes],
    );
    let told = to(&house, &researcher, Action::OpenItem, &ids);
    assert_eq!(told, Told::Refused(Why::NotPermittedAnyMore));
    // They are still told that it is there, to have it destroyed.
    assert_eq!(to(&house, &researcher, Action::ReadItem, &ids), Told::Yes);
}

#[test]
fn r16_what_is_restricted_is_kept_and_nothing_more() {
    let mut house = House::new();
    let (ids, researcher) = team(&mut house);
    let supplier = house.person(Role::Transcriber, Some(ids.supplier));
    assert_eq!(to(&house, &supplier, Action::OpenItem, &ids), Told::Yes);
    house.edit(&tables::PARTICIPANTS, ids.participant, |row| {
        row.restricted = true
    });
    for action in [Action::OpenItem, Action::DepositItem, Action::DeriveItem] {
        let told = to(&house, &researcher, action, &ids);
        assert_eq!(told, Told::Refused(Why::Restricted), "{action}");
    }
    assert_eq!(
        to(&house, &supplier, Action::OpenItem, &ids),
        Told::NoSuchThing
    );
    house.edit(&tables::PARTICIPANTS, ids.participant, |row| {
        row.restricted = false
    });
    assert_eq!(to(&house, &researcher, Action::OpenItem, &ids), Told::Yes);
}

#[test]
fn r26_who_is_admitted_for_what_is_de_identified_sees_that_alone() {
    let mut house = House::new();
    let (ids, researcher) = team(&mut house);
    house.edit(&tables::MEMBERSHIPS, (ids.study, researcher.id), |row| {
        row.sees = Tier::DeIdentified;
    });
    let open = |house: &House| to(house, &researcher, Action::OpenItem, &ids);
    assert_eq!(open(&house), Told::NoSuchThing, "a recording");
    let derived = Derived {
        parents: vec![],
        made_from: 1,
        group: None,
        quotes: false,
        shows: vec![],
        check: Check::Waiting,
    };
    house.edit(&tables::ITEMS, ids.item, |row| {
        row.tier = Tier::DeIdentified;
        row.derived = Some(derived);
    });
    assert_eq!(open(&house), Told::NoSuchThing, "nobody has checked it");
    let now = house.now;
    house.edit(&tables::ITEMS, ids.item, |row| {
        if let Some(derived) = &mut row.derived {
            derived.check = Check::Passed {
                by: researcher.id,
                at: now,
            };
        }
    });
    assert_eq!(open(&house), Told::Yes);
    house.edit(&tables::PARTICIPANTS, ids.participant, |row| {
        row.permissions.remove(&Permission::Share);
    });
    assert_eq!(open(&house), Told::NoSuchThing, "sharing is not permitted");
    // And nothing else of the study but its terms.
    for asked in Asked::all()
        .into_iter()
        .filter(|asked| !asked.is_vault_wide())
    {
        let told = ask(&GATE, &house, &researcher, asked, &ids);
        let expected = asked == Asked::To(Action::ReadStudy);
        assert_eq!(told == Told::Yes, expected, "{asked:?}");
    }
}
