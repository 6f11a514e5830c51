//! What people do, one type per act, and the rows each decision is made over.

use std::fmt;

use super::facts::{Facts, GivenTo, Thing};
use super::gather::{Gatherer, ItemRows};
use crate::id::{
    AssignmentId, DisclosureId, ErasureId, ItemId, ParticipantId, ReleaseId, RequestId, SessionId,
    StudyId, SupplierId,
};
use crate::index::{IndexError, tables};
use crate::model::{
    Action, Actor, Assignment, Disclosure, Erasure, ErasureStage, Item, Kind, Participant, Release,
    RightsRequest, Session, Standing, Study, Supplier, Tier,
};

/// An act that a [`Grant`](super::Grant) can be had for. The types in this file are all there are.
pub trait Act: Sized + Send + Sync + 'static {
    /// What it is called in the policies and in the audit.
    const ACTION: Action;

    /// Whether it concerns the vault as a whole rather than something with an identifier.
    const WHOLE_VAULT: bool = false;

    /// What names the thing it is done to.
    type Resource: fmt::Debug + Clone + Send + Sync + 'static;

    /// The rows the decision was made over, as they stood then.
    type Loaded: fmt::Debug + Send + Sync + 'static;

    /// The thing's name in the audit.
    fn name(on: &Self::Resource) -> String;

    /// Takes the facts from the index; nothing when there is no such thing.
    #[doc(hidden)]
    fn gather(
        from: &Gatherer<'_>,
        on: &Self::Resource,
    ) -> Result<Option<Gathered<Self::Loaded>>, IndexError>;
}

/// What a decision is made over, and the rows it hands on.
#[derive(Debug)]
pub struct Gathered<L> {
    pub(super) loaded: L,
    pub(super) thing: Thing,
    pub(super) facts: Facts,
}

macro_rules! acts_on_the_vault {
    ($($(#[$doc:meta])+ $name:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Debug)]
        pub enum $name {}

        impl Act for $name {
            const ACTION: Action = Action::$name;
            const WHOLE_VAULT: bool = true;
            type Resource = ();
            type Loaded = ();

            fn name((): &()) -> String {
                "vault".to_owned()
            }

            fn gather(_: &Gatherer<'_>, (): &()) -> Result<Option<Gathered<()>>, IndexError> {
                Ok(Some(Gathered {
                    loaded: (),
                    thing: Thing::Vault,
                    facts: Facts::default(),
                }))
            }
        }
    )+};
}

acts_on_the_vault! {
    /// To invite somebody, suspend or readmit them.
    ManagePeople;
    /// To see who has access to what.
    ReviewAccess;
    /// To found a study.
    CreateStudy;
    /// To destroy what is due.
    RunRetention;
    /// To put a supplier on the approved list, refresh or end its contract.
    ManageSuppliers;
    /// To read who did what.
    ReadAudit;
    /// To see how the vault is.
    ReadVault;
}

/// Acts on something with an identifier of type `$id`, gathered by `$gather` into a `$loaded`.
macro_rules! acts {
    ($($(#[$doc:meta])+ $name:ident on $id:ty => $loaded:ty, $gather:path;)+) => {$(
        $(#[$doc])+
        #[derive(Debug)]
        pub enum $name {}

        impl Act for $name {
            const ACTION: Action = Action::$name;
            type Resource = $id;
            type Loaded = $loaded;

            fn name(on: &$id) -> String {
                on.to_string()
            }

            fn gather(
                from: &Gatherer<'_>,
                on: &$id,
            ) -> Result<Option<Gathered<$loaded>>, IndexError> {
                $gather(from, *on)
            }
        }
    )+};
}

acts! {
    /// To know that a study exists, its terms and its sessions.
    ReadStudy on StudyId => Study, study;
    /// To admit somebody to a study, end their access, close it.
    ManageStudy on StudyId => Study, study;
    /// To record the data owner's approval of a study.
    ApproveStudy on StudyId => Study, study;
    /// To see what of a study is due for destruction, and why.
    ReadRetention on StudyId => Study, study;
    /// To add a participant, record what they permit.
    AddParticipant on StudyId => Study, study;
    /// To look for a participant by what names them.
    FindParticipant on StudyId => Study, study;
    /// To read what names a participant.
    ReadContact on ParticipantId => Participant, participant;
    /// To record what a participant permits now, or correct what names them.
    ChangeParticipant on ParticipantId => Participant, participant;
    /// To keep a participant's data without using them, or use them again.
    RestrictParticipant on ParticipantId => Participant, participant;
    /// To add a session.
    AddSession on StudyId => Study, study;
    /// To know that an item exists.
    ReadItem on ItemId => Item, item;
    /// To open an item.
    OpenItem on ItemId => Item, item;
    /// To make something further from people out of an item.
    DeriveItem on ItemId => Item, item;
    /// To look, as a second person, whether something is as far from people as it says.
    CheckItem on ItemId => Item, item;
    /// To open an item somebody withdraws from, and bring a version without them.
    RedactItem on ItemId => Item, redactable_item;
    /// To accept a transcript of an item, or send it back.
    AcceptTranscript on ItemId => Item, item;
    /// To ask for an anonymised output to be given to the commissioner.
    RequestRelease on ItemId => Item, item;
    /// To know of a release and open it.
    ReadRelease on ReleaseId => Release, release;
    /// To decide, as a second person, on a release.
    ApproveRelease on ReleaseId => Release, release;
    /// To know of a supplier.
    ReadSupplier on SupplierId => Supplier, supplier;
    /// To know of an assignment.
    ReadAssignment on AssignmentId => Assignment, assignment;
    /// To confirm for a supplier that its copies are destroyed.
    ConfirmDestruction on AssignmentId => Assignment, assignment;
    /// To record that a participant withdraws.
    WithdrawParticipant on ParticipantId => Participant, participant;
    /// To approve an erasure somebody else asked for.
    ApproveErasure on ErasureId => Erasure, erasure;
    /// To refuse a withdrawal that came after the study's last day.
    RefuseErasure on ErasureId => Erasure, erasure;
    /// To follow an erasure and read its certificate.
    ReadErasure on ErasureId => Erasure, erasure;
    /// To record a participant's rights request.
    OpenRequest on StudyId => Study, study;
    /// To follow a rights request.
    ReadRequest on RequestId => RightsRequest, request;
    /// To stop a request's clock, answer it, refuse it.
    AnswerRequest on RequestId => RightsRequest, request;
    /// To fetch the sealed answer to a request.
    FetchBundle on RequestId => RightsRequest, request;
    /// To ask that something be disclosed.
    RaiseDisclosure on StudyId => Study, study;
    /// To know of a disclosure.
    ReadDisclosure on DisclosureId => Disclosure, disclosure;
    /// To decide on a disclosure.
    DecideDisclosure on DisclosureId => Disclosure, disclosure;
    /// To seal what is disclosed for the one it is disclosed to.
    FetchDisclosure on DisclosureId => Disclosure, disclosure;
}

/// To know of a participant and of what they permit: like the rest of their study, but for what names
/// them.
#[derive(Debug)]
pub enum ReadParticipant {}

impl Act for ReadParticipant {
    const ACTION: Action = Action::ReadStudy;
    type Resource = ParticipantId;
    type Loaded = Participant;

    fn name(on: &ParticipantId) -> String {
        on.to_string()
    }

    fn gather(
        from: &Gatherer<'_>,
        on: &ParticipantId,
    ) -> Result<Option<Gathered<Participant>>, IndexError> {
        let row = from.get(&tables::PARTICIPANTS, on)?;
        let Some(loaded) = row.filter(|row| row.standing != Standing::Erased) else {
            return Ok(None);
        };
        // Who analyses what is de-identified knows of nobody.
        let place = from.place(loaded.study)?;
        if place.is_some_and(|place| place.sees > Tier::Identifiable) {
            return Ok(None);
        }
        let gathered = study(from, loaded.study)?;
        Ok(gathered.map(|Gathered { thing, facts, .. }| Gathered {
            loaded,
            thing,
            facts,
        }))
    }
}

/// To bring material of one kind to a session.
#[derive(Debug)]
pub enum DepositItem {}

/// Where material may be brought.
#[derive(Debug)]
pub struct Deposit {
    /// The session.
    pub session: Session,
    /// The study it belongs to.
    pub study: Study,
    /// Everyone in it, in the session's order.
    pub participants: Vec<Participant>,
    /// What is brought.
    pub kind: Kind,
    /// The assignment that a transcriber's deposit answers; nobody else's answers one.
    pub answers: Option<Assignment>,
}

impl Act for DepositItem {
    const ACTION: Action = Action::DepositItem;
    type Resource = (SessionId, Kind);
    type Loaded = Deposit;

    fn name((session, _): &Self::Resource) -> String {
        session.to_string()
    }

    fn gather(
        from: &Gatherer<'_>,
        (session, kind): &Self::Resource,
    ) -> Result<Option<Gathered<Deposit>>, IndexError> {
        let Some(session) = from.get(&tables::SESSIONS, session)? else {
            return Ok(None);
        };
        let Some(study) = from.get(&tables::STUDIES, &session.study)? else {
            return Ok(None);
        };
        let (participants, standings) = from.participants(&session.participants)?;
        let assignment = from.assigned_in(session.id)?;
        let answers = assignment.as_ref().map(|(answers, _)| answers.clone());
        Ok(Some(Gathered {
            thing: Thing::Session {
                closed: study.closed,
                withdrawing: standings.withdrawing,
                withdrawn: standings.gone,
                restricted: standings.restricted,
            },
            facts: Facts {
                place: from.place(session.study)?,
                study: Some((&study).into()),
                assignment,
                kind: Some(*kind),
                ..Facts::default()
            },
            loaded: Deposit {
                session,
                study,
                participants,
                kind: *kind,
                answers,
            },
        }))
    }
}

/// To give an item to a supplier.
#[derive(Debug)]
pub enum AssignItem {}

impl Act for AssignItem {
    const ACTION: Action = Action::AssignItem;
    type Resource = (ItemId, SupplierId);
    type Loaded = Item;

    fn name((item, _): &Self::Resource) -> String {
        item.to_string()
    }

    fn gather(
        from: &Gatherer<'_>,
        (id, supplier): &Self::Resource,
    ) -> Result<Option<Gathered<Item>>, IndexError> {
        let Some(mut gathered) = item(from, *id)? else {
            return Ok(None);
        };
        // One that works for other controllers is as unknown as one that works for nobody (R50).
        let supplier = from.supplier_for(*supplier, gathered.loaded.study)?;
        gathered.facts.given_to = Some(supplier.map_or(GivenTo::Unknown, GivenTo::Known));
        Ok(Some(gathered))
    }
}

/// To take an item back from a supplier before its day.
#[derive(Debug)]
pub enum EndAssignment {}

impl Act for EndAssignment {
    const ACTION: Action = Action::AssignItem;
    type Resource = AssignmentId;
    type Loaded = Assignment;

    fn name(on: &AssignmentId) -> String {
        on.to_string()
    }

    fn gather(
        from: &Gatherer<'_>,
        on: &AssignmentId,
    ) -> Result<Option<Gathered<Assignment>>, IndexError> {
        let Some(loaded) = from.get(&tables::ASSIGNMENTS, on)? else {
            return Ok(None);
        };
        let gathered = item(from, loaded.item)?;
        Ok(gathered.map(|Gathered { thing, facts, .. }| Gathered {
            loaded,
            thing,
            facts,
        }))
    }
}

fn study(from: &Gatherer<'_>, id: StudyId) -> Result<Option<Gathered<Study>>, IndexError> {
    let Some(loaded) = from.get(&tables::STUDIES, &id)? else {
        return Ok(None);
    };
    Ok(Some(Gathered {
        thing: Thing::Study {
            closed: loaded.closed,
        },
        facts: Facts {
            place: from.place(id)?,
            study: Some((&loaded).into()),
            ..Facts::default()
        },
        loaded,
    }))
}

fn participant(
    from: &Gatherer<'_>,
    id: ParticipantId,
) -> Result<Option<Gathered<Participant>>, IndexError> {
    let Some(loaded) = from.get(&tables::PARTICIPANTS, &id)? else {
        return Ok(None);
    };
    Ok(Some(Gathered {
        thing: Thing::Participant {
            gone: loaded.standing == Standing::Erased,
        },
        facts: in_study(from, loaded.study)?,
        loaded,
    }))
}

fn item(from: &Gatherer<'_>, id: ItemId) -> Result<Option<Gathered<Item>>, IndexError> {
    let Some(rows) = from.item(id)? else {
        return Ok(None);
    };
    let facts = in_study(from, rows.item.study)?;
    item_with(from, rows, facts).map(Some)
}

/// What is decided over of an item, given the facts of its study.
pub(super) fn item_with(
    from: &Gatherer<'_>,
    rows: ItemRows,
    facts: Facts,
) -> Result<Gathered<Item>, IndexError> {
    let assignment = from.assigned(&rows.item)?;
    let covered = assignment
        .as_ref()
        .is_none_or(|(assignment, supplier)| rows.permitted_for(assignment, supplier));
    let ItemRows {
        item, mut thing, ..
    } = rows;
    thing.permitted &= covered;
    Ok(Gathered {
        thing: Thing::Item(thing),
        facts: Facts {
            assignment,
            ..facts
        },
        loaded: item,
    })
}

fn redactable_item(from: &Gatherer<'_>, id: ItemId) -> Result<Option<Gathered<Item>>, IndexError> {
    let Some(mut gathered) = item(from, id)? else {
        return Ok(None);
    };
    if let Thing::Item(thing) = &mut gathered.thing {
        thing.redactable = from.is_redactable(&gathered.loaded)?;
    }
    Ok(Some(gathered))
}

fn supplier(from: &Gatherer<'_>, id: SupplierId) -> Result<Option<Gathered<Supplier>>, IndexError> {
    let Some(loaded) = from.get(&tables::SUPPLIERS, &id)? else {
        return Ok(None);
    };
    Ok(Some(Gathered {
        thing: Thing::Supplier {
            theirs: from.works_for(id),
            works_with_them: from.is_on_a_list_of_theirs(&loaded)?,
        },
        facts: Facts::default(),
        loaded,
    }))
}

fn assignment(
    from: &Gatherer<'_>,
    id: AssignmentId,
) -> Result<Option<Gathered<Assignment>>, IndexError> {
    let Some(loaded) = from.get(&tables::ASSIGNMENTS, &id)? else {
        return Ok(None);
    };
    Ok(Some(Gathered {
        thing: Thing::Assignment {
            theirs: from.works_for(loaded.supplier),
            over: !from.gives_access(&loaded)?,
        },
        facts: Facts {
            place: from.place(loaded.study)?,
            ..Facts::default()
        },
        loaded,
    }))
}

/// Nothing here looks at who took part: what a commissioner learns cannot turn on it (R14).
fn release(from: &Gatherer<'_>, id: ReleaseId) -> Result<Option<Gathered<Release>>, IndexError> {
    let Some(loaded) = from.get(&tables::RELEASES, &id)? else {
        return Ok(None);
    };
    // The output itself, which has nobody in it: when its time is over, so is its release's.
    let item = from.get(&tables::ITEMS, &loaded.item)?;
    if item.is_none_or(|item| item.erased) {
        return Ok(None);
    }
    Ok(Some(Gathered {
        thing: Thing::Release {
            requested_by: loaded.requested_by,
            given: loaded.is_given(),
        },
        facts: Facts {
            place: from.place(loaded.study)?,
            ..Facts::default()
        },
        loaded,
    }))
}

fn erasure(from: &Gatherer<'_>, id: ErasureId) -> Result<Option<Gathered<Erasure>>, IndexError> {
    let Some(loaded) = from.get(&tables::ERASURES, &id)? else {
        return Ok(None);
    };
    Ok(Some(Gathered {
        thing: Thing::Erasure {
            requested_by: match loaded.requested_by {
                Actor::Person(person) => Some(person),
                Actor::Operator | Actor::Gateway | Actor::Stranger => None,
            },
            // Once it is decided on, that is what they are told.
            approved_by: match loaded.stage {
                ErasureStage::Requested => loaded.approved.iter().map(|(by, _)| *by).collect(),
                _ => Vec::new(),
            },
            refusable: loaded.is_refusable(),
        },
        facts: in_study(from, loaded.study)?,
        loaded,
    }))
}

fn request(
    from: &Gatherer<'_>,
    id: RequestId,
) -> Result<Option<Gathered<RightsRequest>>, IndexError> {
    let Some(loaded) = from.get(&tables::REQUESTS, &id)? else {
        return Ok(None);
    };
    // Whoever has no row here, or one in another study, is nobody to this study.
    let participant = from.get(&tables::PARTICIPANTS, &loaded.participant)?;
    let standing = participant
        .filter(|row| row.study == loaded.study)
        .map_or(Standing::Erased, |row| row.standing);
    Ok(Some(Gathered {
        thing: Thing::Request {
            offered: loaded.is_offered(from.today()) && standing != Standing::Erased,
            withdrawing: standing == Standing::Frozen,
        },
        facts: Facts {
            place: from.place(loaded.study)?,
            ..Facts::default()
        },
        loaded,
    }))
}

fn disclosure(
    from: &Gatherer<'_>,
    id: DisclosureId,
) -> Result<Option<Gathered<Disclosure>>, IndexError> {
    let Some(loaded) = from.get(&tables::DISCLOSURES, &id)? else {
        return Ok(None);
    };
    let study = from.get(&tables::STUDIES, &loaded.study)?;
    Ok(Some(Gathered {
        thing: Thing::Disclosure {
            raised_by: loaded.raised_by,
            safeguarding_lead: study.and_then(|study| study.contacts.safeguarding_lead),
            decided: loaded.decision.is_some(),
            in_force: loaded.in_force(from.today()).is_some(),
        },
        facts: Facts {
            place: from.place(loaded.study)?,
            ..Facts::default()
        },
        loaded,
    }))
}

pub(super) fn in_study(from: &Gatherer<'_>, study: StudyId) -> Result<Facts, IndexError> {
    Ok(Facts {
        place: from.place(study)?,
        study: from.conditions(study)?,
        ..Facts::default()
    })
}
