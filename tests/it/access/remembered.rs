//! Answers of the policies are remembered, and nothing of the index is: whatever is taken away is gone
//! with the very next decision, and whatever is given back is there with the next after that.

use jiff::civil::date;
use strongroom::access::acts::OpenItem;
use strongroom::access::{Caller, Denial};
use strongroom::id::{AssignmentId, ItemId, ParticipantId, StudyId, SupplierId};
use strongroom::index::tables;
use strongroom::model::study::Requirement;
use strongroom::model::{Permission, Role, Standing};

use super::GATE;
use super::house::{House, Pass};

struct Scene {
    house: House,
    study: StudyId,
    participant: ParticipantId,
    supplier: SupplierId,
    assignment: AssignmentId,
    items: Vec<ItemId>,
    researcher: Pass,
    transcriber: Pass,
}

impl Scene {
    /// A researcher of a study and a transcriber who was given its first item; many rows, so that most
    /// of them lie in packs.
    fn new() -> Self {
        let mut house = House::new();
        let supplier = house.supplier(date(2026, 1, 2));
        let transcriber = house.person(Role::Transcriber, Some(supplier));
        let researcher = house.person(Role::Researcher, None);
        let study = house.study();
        house.place(study, &researcher, Role::Researcher, None);
        let participant = house.participant(study);
        let session = house.session(study, &[participant]);
        let items: Vec<_> = (0..600).map(|_| house.item(session, None)).collect();
        let first = *items.first().expect("an item");
        let assignment = house.assign(first, supplier, date(2026, 3, 31));
        house.settle();
        Self {
            house,
            study,
            participant,
            supplier,
            assignment,
            items,
            researcher,
            transcriber,
        }
    }

    fn opens(&self, caller: &Caller, item: ItemId) -> bool {
        let decided = GATE.decide::<OpenItem>(&self.house.read(), caller, item, self.house.now);
        match decided {
            Ok(_) => true,
            Err(Denial::NoSuchThing | Denial::Refused(_) | Denial::Stranger(_)) => false,
            Err(other) => panic!("{other}"),
        }
    }

    /// Who it is may open the item, then `take` is done and they may not, then `give` and they may.
    fn turns(
        &mut self,
        what: &str,
        who: fn(&Self) -> &Pass,
        take: impl Fn(&mut Self),
        give: impl Fn(&mut Self),
    ) {
        // Found out once, before: a caller is looked at again at every decision.
        let caller = self.house.caller(who(self));
        let [first, second] = [0, 1].map(|place| *self.items.get(place).expect("an item"));
        let both = who(self).id == self.researcher.id;
        for turn in 0..3 {
            assert!(self.opens(&caller, first), "{what}, turn {turn}");
            assert_eq!(self.opens(&caller, second), both, "{what}, turn {turn}");
            take(self);
            assert!(!self.opens(&caller, first), "{what} is taken, turn {turn}");
            assert!(!self.opens(&caller, second), "{what} is taken, turn {turn}");
            give(self);
        }
        assert!(self.opens(&caller, first), "{what}, at the end");
    }
}

fn researcher(scene: &Scene) -> &Pass {
    &scene.researcher
}

fn transcriber(scene: &Scene) -> &Pass {
    &scene.transcriber
}

fn set_suspended(scene: &mut Scene, who: fn(&Scene) -> &Pass, suspended: bool) {
    let id = who(scene).id;
    scene.house.edit(&tables::PEOPLE, id, |row| {
        row.suspended = suspended;
    });
}

fn set_revoked(scene: &mut Scene, who: fn(&Scene) -> &Pass, revoked: bool) {
    let token = who(scene).token;
    let tokens = scene.house.read().page(&tables::TOKENS, &(), None, 100);
    let tokens = tokens.expect("the index runs");
    let (digest, _) = tokens
        .into_iter()
        .find(|(_, row)| row.id == token)
        .expect("a token");
    scene.house.edit(&tables::TOKENS, digest, |row| {
        row.revoked = revoked;
    });
}

fn set_standing(scene: &mut Scene, standing: Standing) {
    let participant = scene.participant;
    scene.house.stand(participant, standing);
}

#[test]
fn a_token_or_a_person_that_is_stopped_opens_nothing_more() {
    let mut scene = Scene::new();
    for who in [researcher as fn(&Scene) -> &Pass, transcriber] {
        scene.turns(
            "a token",
            who,
            |scene| set_revoked(scene, who, true),
            |scene| set_revoked(scene, who, false),
        );
        scene.turns(
            "a person",
            who,
            |scene| set_suspended(scene, who, true),
            |scene| set_suspended(scene, who, false),
        );
    }
}

#[test]
fn a_place_that_ended_or_is_gone_opens_nothing_more() {
    let mut scene = Scene::new();
    let set_until = |scene: &mut Scene, until| {
        let (study, id) = (scene.study, scene.researcher.id);
        scene.house.edit(&tables::MEMBERSHIPS, (study, id), |row| {
            row.until = until;
        });
    };
    scene.turns(
        "a place",
        researcher,
        |scene| set_until(scene, Some(date(2026, 1, 14))),
        |scene| set_until(scene, None),
    );
    let place = |scene: &mut Scene| {
        let (study, id) = (scene.study, scene.researcher.id);
        let pass = Pass {
            id,
            token: scene.researcher.token,
            bearer: String::new(),
        };
        scene.house.place(study, &pass, Role::Researcher, None);
    };
    scene.turns(
        "a place in the study",
        researcher,
        |scene| {
            let of = (scene.study, scene.researcher.id);
            scene
                .house
                .change(|batch| batch.remove(&tables::MEMBERSHIPS, &of));
        },
        place,
    );
}

#[test]
fn what_somebody_in_it_takes_back_opens_no_more() {
    let mut scene = Scene::new();
    for who in [researcher as fn(&Scene) -> &Pass, transcriber] {
        scene.turns(
            "somebody's part",
            who,
            |scene| set_standing(scene, Standing::Frozen),
            |scene| set_standing(scene, Standing::Active),
        );
        scene.turns(
            "what somebody permits",
            who,
            |scene| {
                let participant = scene.participant;
                scene.house.edit(&tables::PARTICIPANTS, participant, |row| {
                    row.permissions.remove(&Permission::Audio);
                });
            },
            |scene| {
                let participant = scene.participant;
                scene.house.edit(&tables::PARTICIPANTS, participant, |row| {
                    row.permissions = Permission::ALL.into();
                });
            },
        );
    }
    scene.turns(
        "the study's papers",
        researcher,
        |scene| {
            let study = scene.study;
            scene.house.edit(&tables::STUDIES, study, |row| {
                row.requires.insert(Requirement::Training);
            });
        },
        |scene| {
            let study = scene.study;
            scene.house.edit(&tables::STUDIES, study, |row| {
                row.requires.remove(&Requirement::Training);
            });
        },
    );
}

#[test]
fn what_a_supplier_was_given_and_has_no_more_opens_no_more() {
    let mut scene = Scene::new();
    let set_ended = |scene: &mut Scene, ended| {
        let assignment = scene.assignment;
        scene.house.edit(&tables::ASSIGNMENTS, assignment, |row| {
            row.ended = ended;
        });
    };
    scene.turns(
        "an assignment",
        transcriber,
        |scene| set_ended(scene, true),
        |scene| set_ended(scene, false),
    );
    let set_signed = |scene: &mut Scene, day| {
        let supplier = scene.supplier;
        scene.house.edit(&tables::SUPPLIERS, supplier, |row| {
            row.contract_signed = day;
        });
    };
    scene.turns(
        "a contract",
        transcriber,
        |scene| set_signed(scene, date(2024, 1, 2)),
        |scene| set_signed(scene, date(2026, 1, 2)),
    );
}
