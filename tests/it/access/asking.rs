//! Asking for any act by its name.

use strongroom::access::{Act, Denial, Gatekeeper, Why, acts};
use strongroom::model::{Action, Kind};

use super::house::{House, Ids, Pass};

/// An answer, without the grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Yes,
    Refused(Why),
    NoSuchThing,
    Stranger,
}

/// The acts, one more than actions: taking an assignment back is an act of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    To(Action),
    Deposit(Kind),
    EndAssignment,
}

impl Asked {
    /// Every act, with transcripts and sound recordings apart.
    pub(crate) fn all() -> Vec<Self> {
        let acts = Action::ALL.iter().flat_map(|action| match action {
            Action::DepositItem => {
                vec![Self::Deposit(Kind::Audio), Self::Deposit(Kind::Transcript)]
            }
            Action::AssignItem => vec![Self::To(*action), Self::EndAssignment],
            other => vec![Self::To(*other)],
        });
        acts.collect()
    }

    /// Its name in the table.
    pub(crate) fn name(self) -> String {
        match self {
            Self::To(action) => action.name().to_owned(),
            Self::Deposit(Kind::Transcript) => "deposit-item: transcript".to_owned(),
            Self::Deposit(_) => "deposit-item: recording".to_owned(),
            Self::EndAssignment => "assign-item: take back".to_owned(),
        }
    }

    /// Whether it concerns the vault as a whole.
    pub(crate) fn is_vault_wide(self) -> bool {
        use Action::{
            CreateStudy, ManagePeople, ManageSuppliers, ReadAudit, ReadVault, ReviewAccess,
            RunRetention,
        };
        match self {
            Self::To(action) => matches!(
                action,
                CreateStudy
                    | ManagePeople
                    | ManageSuppliers
                    | ReadAudit
                    | ReadVault
                    | ReviewAccess
                    | RunRetention
            ),
            _ => false,
        }
    }
}

/// What `who` is told who asks for `asked` on what `ids` name.
pub(crate) fn ask(gate: &Gatekeeper, house: &House, who: &Pass, asked: Asked, ids: &Ids) -> Told {
    let on = (gate, house, who);
    match asked {
        Asked::EndAssignment => told::<acts::EndAssignment>(on, ids.assignment),
        Asked::Deposit(kind) => told::<acts::DepositItem>(on, (ids.session, kind)),
        Asked::To(action) => match action {
            Action::ManagePeople => told::<acts::ManagePeople>(on, ()),
            Action::ReviewAccess => told::<acts::ReviewAccess>(on, ()),
            Action::CreateStudy => told::<acts::CreateStudy>(on, ()),
            Action::RunRetention => told::<acts::RunRetention>(on, ()),
            Action::ApproveStudy => told::<acts::ApproveStudy>(on, ids.study),
            Action::ReadRetention => told::<acts::ReadRetention>(on, ids.study),
            Action::FindParticipant => told::<acts::FindParticipant>(on, ids.study),
            Action::ReadContact => told::<acts::ReadContact>(on, ids.participant),
            Action::ChangeParticipant => told::<acts::ChangeParticipant>(on, ids.participant),
            Action::RestrictParticipant => told::<acts::RestrictParticipant>(on, ids.participant),
            Action::DeriveItem => told::<acts::DeriveItem>(on, ids.item),
            Action::CheckItem => told::<acts::CheckItem>(on, ids.item),
            Action::RedactItem => told::<acts::RedactItem>(on, ids.item),
            Action::AcceptTranscript => told::<acts::AcceptTranscript>(on, ids.item),
            Action::RequestRelease => told::<acts::RequestRelease>(on, ids.item),
            Action::ReadRelease => told::<acts::ReadRelease>(on, ids.release),
            Action::ApproveRelease => told::<acts::ApproveRelease>(on, ids.release),
            Action::ReadSupplier => told::<acts::ReadSupplier>(on, ids.supplier),
            Action::ReadAssignment => told::<acts::ReadAssignment>(on, ids.assignment),
            Action::ConfirmDestruction => told::<acts::ConfirmDestruction>(on, ids.assignment),
            Action::RefuseErasure => told::<acts::RefuseErasure>(on, ids.erasure),
            Action::ReadStudy => told::<acts::ReadStudy>(on, ids.study),
            Action::ManageStudy => told::<acts::ManageStudy>(on, ids.study),
            Action::AddParticipant => told::<acts::AddParticipant>(on, ids.study),
            Action::AddSession => told::<acts::AddSession>(on, ids.study),
            Action::DepositItem => told::<acts::DepositItem>(on, (ids.session, Kind::Transcript)),
            Action::ReadItem => told::<acts::ReadItem>(on, ids.item),
            Action::OpenItem => told::<acts::OpenItem>(on, ids.item),
            Action::ManageSuppliers => told::<acts::ManageSuppliers>(on, ()),
            Action::AssignItem => told::<acts::AssignItem>(on, (ids.item, ids.supplier)),
            Action::WithdrawParticipant => told::<acts::WithdrawParticipant>(on, ids.participant),
            Action::ApproveErasure => told::<acts::ApproveErasure>(on, ids.erasure),
            Action::ReadErasure => told::<acts::ReadErasure>(on, ids.erasure),
            Action::OpenRequest => told::<acts::OpenRequest>(on, ids.study),
            Action::ReadRequest => told::<acts::ReadRequest>(on, ids.request),
            Action::AnswerRequest => told::<acts::AnswerRequest>(on, ids.request),
            Action::FetchBundle => told::<acts::FetchBundle>(on, ids.request),
            Action::RaiseDisclosure => told::<acts::RaiseDisclosure>(on, ids.study),
            Action::ReadDisclosure => told::<acts::ReadDisclosure>(on, ids.disclosure),
            Action::DecideDisclosure => told::<acts::DecideDisclosure>(on, ids.disclosure),
            Action::FetchDisclosure => told::<acts::FetchDisclosure>(on, ids.disclosure),
            Action::ReadAudit => told::<acts::ReadAudit>(on, ()),
            Action::ReadVault => told::<acts::ReadVault>(on, ()),
        },
    }
}

fn told<A: Act>((gate, house, who): (&Gatekeeper, &House, &Pass), on: A::Resource) -> Told {
    let caller = house.caller(who);
    match gate.decide::<A>(&house.read(), &caller, on, house.now) {
        Ok(grant) => {
            assert_eq!(grant.person(), who.id);
            assert!(grant.expires() > house.now && grant.expires() <= caller.expires());
            Told::Yes
        }
        Err(denial) => denied(&denial),
    }
}

pub(crate) fn denied(denial: &Denial) -> Told {
    match denial {
        Denial::Refused(why) => Told::Refused(*why),
        Denial::NoSuchThing => Told::NoSuchThing,
        Denial::Stranger(_) => Told::Stranger,
        other => panic!("no answer: {other}"),
    }
}
