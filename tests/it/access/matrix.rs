//! The matrix of roles and actions, held against the same rules written a second time.

use std::cell::RefCell;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use strongroom::access::Why;
use strongroom::index::tables;
use strongroom::model::{Action, Kind, Permission, Role, Standing, Tier};

use super::GATE;
use super::asking::{Asked, Told, ask};
use super::house::{House, Ids, Pass};

const TODAY: Date = date(2026, 1, 15);
const YESTERDAY: Date = date(2026, 1, 14);

// Days on which a contract of twelve months was signed.
const IN_FORCE: Date = date(2025, 6, 1);
const ENDS_TODAY: Date = date(2025, 1, 16);
const ENDED_YESTERDAY: Date = date(2025, 1, 15);
const BEGINS_TOMORROW: Date = date(2026, 1, 16);

/// Facts that a decision may turn on.
#[derive(Debug, Clone, Copy)]
struct World {
    role: Role,
    place: Option<(Role, Option<Date>)>,
    works_for: Firm,
    approved: bool,
    contract_signed: Date,
    assigned: Assigned,
    until: Date,
    ended: bool,
    standing: Standing,
    closed: bool,
    asked_for_it: bool,
    /// Their place is for what is de-identified only.
    analyst: bool,
    terms: bool,
    /// The participant still permits sound recordings and transcripts.
    permitted: bool,
    restricted: bool,
    /// The supplier that something was assigned to may work for another controller only.
    elsewhere: bool,
}

/// The supplier somebody works for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Firm {
    None,
    TheOneAssigned,
    Another,
}

/// How the item asked for hangs on the assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Assigned {
    NotAtAll,
    Itself,
    ItsAnswer,
}

fn any_of<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> {
    prop::sample::select(values.to_vec())
}

prop_compose! {
    fn world()(
        role in any_of(&Role::ALL),
        place in prop::option::weighted(0.8, (
            prop_oneof![any_of(&[Role::StudyLead, Role::Researcher]), any_of(&Role::ALL)],
            any_of(&[None, Some(TODAY), Some(YESTERDAY), Some(Date::MIN), Some(Date::MAX)]),
        )),
        works_for in any_of(&[Firm::None, Firm::TheOneAssigned, Firm::TheOneAssigned, Firm::Another]),
        approved in prop::bool::weighted(0.8),
        contract_signed in any_of(&[IN_FORCE, IN_FORCE, ENDS_TODAY, ENDED_YESTERDAY, BEGINS_TOMORROW]),
        assigned in any_of(&[Assigned::NotAtAll, Assigned::Itself, Assigned::Itself, Assigned::ItsAnswer]),
        until in any_of(&[TODAY, YESTERDAY, Date::MAX]),
        ended in prop::bool::weighted(0.2),
        standing in any_of(&[Standing::Active, Standing::Active, Standing::Frozen, Standing::Erased]),
        closed in prop::bool::weighted(0.3),
        asked_for_it: bool,
        rest in (
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.8),
            prop::bool::weighted(0.8),
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.2),
        ),
    ) -> World {
        let (analyst, terms, permitted, restricted, elsewhere) = rest;
        World {
            role, place, works_for, approved, contract_signed, assigned, until, ended, standing,
            closed, asked_for_it, analyst, terms, permitted, restricted, elsewhere,
        }
    }
}

impl World {
    /// Builds the facts, and says who asks and for what.
    fn build(&self, house: &mut House) -> (Pass, Ids) {
        let firm = house.supplier(self.contract_signed);
        house.edit(&tables::SUPPLIERS, firm, |row| {
            row.approved = self.approved;
            if self.elsewhere {
                row.controllers = ["Another controller".parse().expect("a name")].into();
            }
        });
        let works_for = match self.works_for {
            Firm::None => None,
            Firm::TheOneAssigned => Some(firm),
            Firm::Another => Some(house.supplier(date(2025, 6, 1))),
        };
        let who = house.person(self.role, works_for);
        let other = house.person(Role::InformationGovernance, None);
        let requested_by = if self.asked_for_it { who.id } else { other.id };
        let mut ids = house.ids(requested_by);
        ids.supplier = firm;
        if let Some((role, until)) = self.place {
            house.place(ids.study, &who, role, until);
            if self.analyst {
                house.edit(&tables::MEMBERSHIPS, (ids.study, who.id), |row| {
                    row.sees = Tier::DeIdentified;
                });
            }
        }
        if !self.terms {
            house.edit(&tables::PEOPLE, who.id, |row| row.terms = None);
        }
        house.edit(&tables::PARTICIPANTS, ids.participant, |row| {
            row.restricted = self.restricted;
            if !self.permitted {
                row.permissions = [Permission::Notes].into();
            }
        });
        if self.assigned != Assigned::NotAtAll {
            let assignment = house.assign(ids.item, firm, self.until);
            house.edit(&tables::ASSIGNMENTS, assignment, |row| {
                row.ended = self.ended
            });
            ids.assignment = assignment;
            if self.assigned == Assigned::ItsAnswer {
                ids.item = house.item(ids.session, Some(assignment));
            }
        }
        house.edit(&tables::STUDIES, ids.study, |row| row.closed = self.closed);
        house.stand(ids.participant, self.standing);
        (who, ids)
    }

    fn firm_in_force(&self) -> bool {
        self.approved && !self.elsewhere && [IN_FORCE, ENDS_TODAY].contains(&self.contract_signed)
    }

    /// Of the research team: a place of the right kind, in force, held by somebody who may hold one.
    fn in_team(&self) -> bool {
        let may_hold_one = matches!(
            self.role,
            Role::StudyLead | Role::Researcher | Role::InformationGovernance
        );
        let holds_one = self.place.is_some_and(|(role, until)| {
            let counts = matches!(role, Role::StudyLead | Role::Researcher);
            counts && until.is_none_or(|until| until >= TODAY)
        });
        may_hold_one && holds_one
    }

    /// Of it for what is de-identified only; what there is here is not.
    fn analyses(&self) -> bool {
        self.analyst && matches!(self.role, Role::StudyLead | Role::Researcher)
    }

    /// Of it for everything.
    fn works(&self) -> bool {
        self.in_team() && !self.analyses()
    }

    fn leads(&self) -> bool {
        self.works() && self.place.is_some_and(|(role, _)| role == Role::StudyLead)
    }

    /// They work for the supplier that something was assigned to.
    fn is_theirs(&self) -> bool {
        self.role == Role::Transcriber
            && self.works_for == Firm::TheOneAssigned
            && self.assigned != Assigned::NotAtAll
    }

    fn reaches_session(&self) -> bool {
        self.is_theirs()
            && self.firm_in_force()
            && !self.ended
            && self.until >= TODAY
            && self.standing == Standing::Active
            && !self.restricted
    }

    fn is_assigned(&self) -> bool {
        self.reaches_session() && self.permitted
    }

    /// The assignment there is, theirs or not, gives access no more, whatever the reason.
    fn is_over(&self) -> bool {
        let gives = self.firm_in_force()
            && !self.ended
            && self.until >= TODAY
            && self.standing == Standing::Active
            && !self.restricted
            && self.permitted;
        self.assigned != Assigned::NotAtAll && !gives
    }

    /// The rules, a second time.
    fn expected(&self, asked: Asked) -> Told {
        use Action::*;
        let is = |roles: &[Role]| roles.contains(&self.role);
        let (admin, governance) = (Role::Administrator, Role::InformationGovernance);
        let auditor = Role::Auditor;
        let frozen = self.standing == Standing::Frozen;
        let gone = self.standing == Standing::Erased;
        let oversees = is(&[governance, auditor]);
        let knows_study = self.in_team() || oversees;
        let knows_people = (self.works() || oversees) && !gone;
        let knows_item = (self.works() || is(&[governance]) || self.is_assigned()) && !gone;
        let knows_erasure = self.leads() || oversees;
        let knows_request = self.leads() || is(&[governance]);
        let knows_release = (self.works() || is(&[governance])) && self.terms;
        let knows_assignment = self.works() || is(&[governance]) || self.is_theirs();
        let withdrawal = (frozen, Why::WithdrawalUnderWay);
        let terms = (!self.terms, Why::TermsFirst);
        let consent = (!self.permitted, Why::NotPermittedAnyMore);
        let restricted = (self.restricted, Why::Restricted);
        // Whoever asked for the erasure is the study's safeguarding lead.
        let another_decides = (!self.asked_for_it, Why::SafeguardingLeadDecides);
        let no_names = (is(&[governance]), Why::GovernanceReadsNoNames);
        let (known, permitted, reasons) = match asked {
            Asked::To(ManagePeople | ManageSuppliers) => (true, is(&[admin, governance]), vec![]),
            Asked::To(CreateStudy) => (true, is(&[Role::StudyLead, governance]), vec![]),
            Asked::To(ReadAudit | ReviewAccess) => (true, oversees, vec![]),
            Asked::To(ReadVault) => (true, oversees || is(&[admin]), vec![]),
            Asked::To(RunRetention) => (true, is(&[governance]), vec![]),
            Asked::To(ReadStudy) => (knows_study, true, vec![]),
            Asked::To(ManageStudy) => (knows_study, self.leads() || is(&[governance]), vec![]),
            Asked::To(ApproveStudy) => (knows_study, is(&[governance]), vec![]),
            Asked::To(ReadRetention) => (knows_study, self.leads() || oversees, vec![]),
            Asked::To(AddParticipant | AddSession) => {
                let closed = (self.closed, Why::StudyClosed);
                (knows_study, self.works(), vec![closed])
            }
            Asked::To(FindParticipant) => (knows_study, self.works(), vec![terms, no_names]),
            Asked::To(ReadContact) => (knows_people, self.works(), vec![terms, no_names]),
            Asked::To(ChangeParticipant) => (knows_people, self.works(), vec![]),
            Asked::To(WithdrawParticipant | RestrictParticipant) => {
                let may = self.leads() || is(&[governance]);
                (knows_people, may, vec![])
            }
            Asked::To(ReadItem) => (knows_item, true, vec![]),
            Asked::To(OpenItem) => {
                let opens_nothing = (is(&[governance]), Why::GovernanceOpensNothing);
                let reasons = vec![withdrawal, terms, consent, restricted, opens_nothing];
                let opens = self.works() && !self.analyst;
                (knows_item, opens || self.is_assigned(), reasons)
            }
            Asked::To(DeriveItem) => {
                let reasons = vec![withdrawal, terms, consent, restricted];
                (knows_item, self.works(), reasons)
            }
            Asked::To(CheckItem | AcceptTranscript) => (knows_item, self.works(), vec![]),
            Asked::To(RequestRelease) => {
                let near = (true, Why::NotAnonymised);
                (knows_item, self.works(), vec![near])
            }
            Asked::To(RedactItem) => {
                let nothing = (true, Why::NothingToRedact);
                (knows_item, self.leads(), vec![nothing])
            }
            Asked::To(AssignItem) => {
                let lapsed = (!self.firm_in_force(), Why::SupplierNotInForce);
                let reasons = vec![withdrawal, lapsed, consent, restricted];
                (knows_item, self.leads(), reasons)
            }
            Asked::EndAssignment => (knows_item, self.leads(), vec![]),
            Asked::To(ReadSupplier) => {
                let on_their_list = self.works() && !self.elsewhere;
                let works_there =
                    self.role == Role::Transcriber && self.works_for == Firm::TheOneAssigned;
                let knows = on_their_list || works_there || oversees || is(&[admin]);
                (knows, true, vec![])
            }
            Asked::To(ReadAssignment) => (knows_assignment, true, vec![]),
            Asked::To(ConfirmDestruction) => {
                let runs = (!self.is_over(), Why::AssignmentRuns);
                (knows_assignment, self.is_theirs(), vec![runs])
            }
            Asked::To(ReadRelease) => (knows_release, true, vec![]),
            Asked::To(ApproveRelease) => {
                let second = (self.asked_for_it, Why::ReleaseBySecondPerson);
                (
                    knows_release,
                    self.leads() || is(&[governance]),
                    vec![second],
                )
            }
            Asked::To(ReadErasure) => (knows_erasure, true, vec![]),
            Asked::To(ApproveErasure) => {
                let second = (self.asked_for_it, Why::SecondPersonNeeded);
                (knows_erasure, is(&[governance]), vec![second])
            }
            Asked::To(OpenRequest) => (knows_study, self.leads() || is(&[governance]), vec![]),
            Asked::To(ReadRequest) => (knows_request, true, vec![]),
            Asked::To(AnswerRequest) => (knows_request, is(&[governance]), vec![]),
            Asked::To(FetchBundle) => {
                let opens_nothing = (is(&[governance]), Why::GovernanceOpensNothing);
                let reasons = vec![withdrawal, (gone, Why::NoBundle), terms, opens_nothing];
                (knows_request, self.leads(), reasons)
            }
            Asked::To(RaiseDisclosure) => (knows_study, self.leads(), vec![]),
            Asked::To(ReadDisclosure) => (is(&[governance]), true, vec![]),
            Asked::To(DecideDisclosure) => (is(&[governance]), true, vec![another_decides]),
            Asked::To(FetchDisclosure) => {
                let reasons = vec![another_decides, (true, Why::DisclosureNotInForce)];
                (is(&[governance]), true, reasons)
            }
            Asked::To(RefuseErasure) => {
                let in_time = (true, Why::InTime);
                (knows_erasure, is(&[governance]), vec![in_time])
            }
            Asked::Deposit(_) | Asked::To(DepositItem) => {
                let transcript = asked != Asked::Deposit(Kind::Audio);
                let wrong_kind = self.role == Role::Transcriber && !transcript;
                let reasons = vec![
                    (self.closed, Why::StudyClosed),
                    (gone, Why::ParticipantWithdrawn),
                    withdrawal,
                    (wrong_kind, Why::TranscriptsOnly),
                    restricted,
                ];
                let reaches = self.reaches_session();
                let known = self.works() || oversees || reaches;
                (known, self.works() || reaches, reasons)
            }
        };
        let reason = reasons.into_iter().find(|(holds, _)| *holds);
        let reason = reason.map(|(_, why)| why);
        match (known, permitted, reason) {
            (false, _, _) => Told::NoSuchThing,
            (true, false, _) => Told::Refused(Why::NotPermitted),
            (true, true, Some(why)) => Told::Refused(why),
            (true, true, None) => Told::Yes,
        }
    }
}

/// Runs `check` over worlds of `strategy`, one after the other in one house.
fn over<S: Strategy>(cases: u32, strategy: S, check: impl Fn(&mut House, S::Value)) {
    let house = RefCell::new(House::new());
    let asked_for = std::env::var_os("PROPTEST_CASES").is_some();
    let usual = ProptestConfig::default();
    let config = ProptestConfig {
        cases: if asked_for { usual.cases } else { cases },
        failure_persistence: None,
        ..usual
    };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&strategy, |world| {
        check(&mut house.borrow_mut(), world);
        Ok(())
    });
    outcome.expect("holds for every world");
}

/// R22, R23, R28, R29, R31, R50: every act, over any facts.
#[test]
fn r23_r31_r47_every_decision_is_the_one_expected() {
    over(40, world(), |house, world| {
        let (who, ids) = world.build(house);
        for asked in Asked::all() {
            let told = ask(&GATE, house, &who, asked, &ids);
            assert_eq!(told, world.expected(asked), "{asked:?}");
        }
    });
}

/// The same, for every role, with everything in order but one fact.
#[test]
fn one_fact_makes_the_difference() {
    let in_order = World {
        role: Role::StudyLead,
        place: Some((Role::StudyLead, None)),
        works_for: Firm::TheOneAssigned,
        approved: true,
        contract_signed: IN_FORCE,
        assigned: Assigned::Itself,
        until: TODAY,
        ended: false,
        standing: Standing::Active,
        closed: false,
        asked_for_it: false,
        analyst: false,
        terms: true,
        permitted: true,
        restricted: false,
        elsewhere: false,
    };
    let facts: [fn(&mut World); 24] = [
        |_| {},
        |world| world.elsewhere = true,
        |world| world.place = None,
        |world| world.place = Some((Role::Researcher, None)),
        |world| world.place = Some((Role::Researcher, Some(YESTERDAY))),
        |world| world.place = Some((Role::StudyLead, Some(TODAY))),
        |world| world.place = Some((Role::StudyLead, Some(YESTERDAY))),
        |world| world.place = Some((Role::InformationGovernance, None)),
        |world| world.works_for = Firm::Another,
        |world| world.approved = false,
        |world| world.contract_signed = ENDS_TODAY,
        |world| world.contract_signed = ENDED_YESTERDAY,
        |world| world.contract_signed = BEGINS_TOMORROW,
        |world| world.assigned = Assigned::ItsAnswer,
        |world| world.until = YESTERDAY,
        |world| world.ended = true,
        |world| world.standing = Standing::Frozen,
        |world| world.standing = Standing::Erased,
        |world| world.closed = true,
        |world| world.asked_for_it = true,
        |world| world.analyst = true,
        |world| world.terms = false,
        |world| world.permitted = false,
        |world| world.restricted = true,
    ];
    let house = &mut House::new();
    for role in Role::ALL {
        for fact in facts {
            let mut world = World { role, ..in_order };
            fact(&mut world);
            let (who, ids) = world.build(house);
            for asked in Asked::all() {
                let told = ask(&GATE, house, &who, asked, &ids);
                assert_eq!(told, world.expected(asked), "{asked:?} {world:?}");
            }
        }
    }
}

/// R22, R28: whatever places they are given, these open nothing but what is assigned to them.
#[test]
fn r22_r28_nobody_outside_the_team_opens_what_is_not_assigned() {
    let outside = [
        Role::Administrator,
        Role::InformationGovernance,
        Role::Auditor,
        Role::Commissioner,
        Role::Transcriber,
        Role::Transcriber,
    ];
    let place = any_of(&[Role::StudyLead, Role::Researcher]);
    let worlds = (world(), any_of(&outside), place).prop_map(|(mut world, role, place)| {
        world.role = role;
        world.place = Some((place, None));
        world
    });
    over(100, worlds, |house, world| {
        let (who, ids) = world.build(house);
        let told = ask(&GATE, house, &who, Asked::To(Action::OpenItem), &ids);
        assert_eq!(told == Told::Yes, world.is_assigned() && world.terms);
    });
}

/// R50: a place in one study is none in another.
#[test]
fn r50_studies_do_not_see_each_other() {
    let mut house = House::new();
    let other = house.person(Role::InformationGovernance, None);
    let (mine, theirs) = (house.ids(other.id), house.ids(other.id));
    for role in [Role::StudyLead, Role::Researcher] {
        let who = house.person(role, None);
        house.place(mine.study, &who, role, None);
        for asked in Asked::all() {
            let told = ask(&GATE, &house, &who, asked, &theirs);
            assert!(
                asked.is_vault_wide() || told == Told::NoSuchThing,
                "{asked:?}"
            );
        }
        let told = ask(&GATE, &house, &who, Asked::To(Action::OpenItem), &mine);
        assert_eq!(told, Told::Yes);
    }
}

/// Invariant 9: erased, foreign and unknown things are one answer, to the last letter.
#[test]
fn r14_what_is_erased_foreign_or_unknown_cannot_be_told_apart() {
    let mut house = House::new();
    let other = house.person(Role::InformationGovernance, None);
    let supplier = house.supplier(date(2025, 6, 1));
    let (mine, foreign) = (house.ids(other.id), house.ids(other.id));
    let unknown = house.nothing();
    house.assign(mine.item, supplier, TODAY);
    let lead = house.person(Role::StudyLead, None);
    house.place(mine.study, &lead, Role::StudyLead, None);
    let transcriber = house.person(Role::Transcriber, Some(supplier));
    let commissioner = house.person(Role::Commissioner, None);
    let of_participants = [
        Action::ReadItem,
        Action::OpenItem,
        Action::WithdrawParticipant,
    ];

    for who in [&lead, &transcriber, &commissioner] {
        for asked in Asked::all().into_iter().filter(|a| !a.is_vault_wide()) {
            for ids in [&foreign, &unknown] {
                assert_eq!(ask(&GATE, &house, who, asked, ids), Told::NoSuchThing);
            }
        }
    }
    let opens = |house: &House, who| ask(&GATE, house, who, Asked::To(Action::OpenItem), &mine);
    assert_eq!(opens(&house, &lead), Told::Yes);
    assert_eq!(opens(&house, &transcriber), Told::Yes);

    // R14: the team is told of a withdrawal; a supplier finds nothing there, as ever after.
    house.stand(mine.participant, Standing::Frozen);
    let withdrawal = Told::Refused(Why::WithdrawalUnderWay);
    assert_eq!(opens(&house, &lead), withdrawal);
    let assignments = [Action::ReadAssignment, Action::ConfirmDestruction].map(Asked::To);
    for asked in Asked::all().into_iter().filter(|a| !a.is_vault_wide()) {
        let told = ask(&GATE, &house, &transcriber, asked, &mine);
        // Their assignment is there as ever: nothing about it tells.
        assert!(
            told == Told::NoSuchThing || assignments.contains(&asked),
            "{asked:?}"
        );
    }

    house.stand(mine.participant, Standing::Erased);
    for who in [&lead, &transcriber, &commissioner, &other] {
        for action in of_participants {
            let told = ask(&GATE, &house, who, Asked::To(action), &mine);
            assert_eq!(told, Told::NoSuchThing, "{action}");
        }
    }
}

/// R20: an item whose own key is destroyed is gone, and so is one of whose people there is no row.
#[test]
fn r20_an_item_is_gone_with_its_key_or_with_anyone_in_it() {
    let mut house = House::new();
    let lead = house.person(Role::StudyLead, None);
    let study = house.study();
    house.place(study, &lead, Role::StudyLead, None);
    let unknown = house.nothing();
    let group = [house.participant(study), house.participant(study)];
    let session = house.session(study, &group);
    let item = house.item(session, None);
    let ids = Ids {
        study,
        session,
        item,
        ..unknown
    };
    let open = |house: &House, ids| ask(&GATE, house, &lead, Asked::To(Action::OpenItem), ids);
    assert_eq!(open(&house, &ids), Told::Yes);

    let session = house.session(study, &[group[0], unknown.participant]);
    let nobody = Ids {
        item: house.item(session, None),
        ..ids
    };
    assert_eq!(open(&house, &nobody), Told::NoSuchThing);

    house.stand(group[1], Standing::Frozen);
    assert_eq!(open(&house, &ids), Told::Refused(Why::WithdrawalUnderWay));
    house.stand(group[1], Standing::Active);
    house.edit(&tables::ITEMS, item, |row| row.erased = true);
    assert_eq!(open(&house, &ids), Told::NoSuchThing);
}

/// R28: a transcript answers the assignment that has no answer yet.
#[test]
fn r28_a_deposit_answers_an_assignment() {
    use strongroom::access::acts::DepositItem;
    let mut house = House::new();
    let lead = house.person(Role::StudyLead, None);
    let ids = house.ids(lead.id);
    house.place(ids.study, &lead, Role::StudyLead, None);
    let transcriber = house.person(Role::Transcriber, Some(ids.supplier));
    let second = house.item(ids.session, None);
    let second = house.assign(second, ids.supplier, TODAY);
    let answers = |house: &House, who: &Pass| {
        let on = (ids.session, Kind::Transcript);
        let caller = house.caller(who);
        let grant = GATE.decide::<DepositItem>(&house.read(), &caller, on, house.now);
        let deposit = grant.expect("granted").into_loaded();
        assert_eq!(deposit.session.id, ids.session);
        assert_eq!(deposit.participants.len(), 1);
        deposit.answers.map(|assignment| assignment.id)
    };
    assert_eq!(answers(&house, &lead), None);
    // Of two without an answer, the one that gives access longer.
    assert_eq!(answers(&house, &transcriber), Some(ids.assignment));
    let transcript = house.item(ids.session, Some(ids.assignment));
    assert_eq!(answers(&house, &transcriber), Some(second));
    // What answers is seen by the supplier, and by no other.
    let other = house.supplier(TODAY);
    let other = house.person(Role::Transcriber, Some(other));
    let transcript = Ids {
        item: transcript,
        ..ids
    };
    let open = Asked::To(Action::OpenItem);
    assert_eq!(
        ask(&GATE, &house, &transcriber, open, &transcript),
        Told::Yes
    );
    assert_eq!(
        ask(&GATE, &house, &other, open, &transcript),
        Told::NoSuchThing
    );
    house.edit(&tables::ASSIGNMENTS, ids.assignment, |row| row.ended = true);
    assert_eq!(
        ask(&GATE, &house, &transcriber, open, &transcript),
        Told::NoSuchThing
    );
    assert_eq!(answers(&house, &transcriber), Some(second));
    house.item(ids.session, Some(second));
    assert_eq!(answers(&house, &transcriber), Some(second));
}

/// R29: a supplier nobody approved, and one whose contract has lapsed, are given nothing.
#[test]
fn r29_only_suppliers_under_contract_are_given_material() {
    let mut house = House::new();
    let lead = house.person(Role::StudyLead, None);
    let ids = house.ids(lead.id);
    house.place(ids.study, &lead, Role::StudyLead, None);
    let assign = Asked::To(Action::AssignItem);
    assert_eq!(ask(&GATE, &house, &lead, assign, &ids), Told::Yes);
    let lapsed = house.supplier(date(2025, 1, 15));
    for supplier in [lapsed, house.nothing().supplier] {
        let told = ask(&GATE, &house, &lead, assign, &Ids { supplier, ..ids });
        assert_eq!(told, Told::Refused(Why::SupplierNotInForce));
    }
}
