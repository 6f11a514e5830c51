//! What people do, by the names the policies and the audit use.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! actions {
    ($($(#[$doc:meta])+ $name:ident = $text:literal;)+) => {
        /// Something a person does to a resource.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Action {
            $($(#[$doc])+ #[serde(rename = $text)] $name,)+
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The action's name in policies and in the audit.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

actions! {
    /// Invite somebody, suspend or readmit them.
    ManagePeople = "manage-people";
    /// See who has access to what.
    ReviewAccess = "review-access";
    /// Found a study.
    CreateStudy = "create-study";
    /// Know that a study exists, its terms and its sessions.
    ReadStudy = "read-study";
    /// Admit somebody to a study, end their access, close it.
    ManageStudy = "manage-study";
    /// Record the data owner's approval of a study.
    ApproveStudy = "approve-study";
    /// See what of a study is due for destruction, and why.
    ReadRetention = "read-retention";
    /// Destroy what is due.
    RunRetention = "run-retention";
    /// Add a participant, record what they permit.
    AddParticipant = "add-participant";
    /// Look for a participant by what names them.
    FindParticipant = "find-participant";
    /// Read what names a participant.
    ReadContact = "read-contact";
    /// Record what a participant permits now, correct what names them.
    ChangeParticipant = "change-participant";
    /// Keep a participant's data without using them, or use them again.
    RestrictParticipant = "restrict-participant";
    /// Add a session.
    AddSession = "add-session";
    /// Bring material to a session.
    DepositItem = "deposit-item";
    /// Know that an item exists.
    ReadItem = "read-item";
    /// Open an item.
    OpenItem = "open-item";
    /// Make something further from people out of an item.
    DeriveItem = "derive-item";
    /// Look, as a second person, whether something is as far from people as it says.
    CheckItem = "check-item";
    /// Open an item somebody withdraws from, to make a version without them.
    RedactItem = "redact-item";
    /// Accept a transcript of an item, or send it back.
    AcceptTranscript = "accept-transcript";
    /// Ask for an anonymised output to be given to the commissioner.
    RequestRelease = "request-release";
    /// Know of a release and open it.
    ReadRelease = "read-release";
    /// Decide, as a second person, on a release.
    ApproveRelease = "approve-release";
    /// Put a supplier on the approved list, refresh or end its contract.
    ManageSuppliers = "manage-suppliers";
    /// Know of a supplier.
    ReadSupplier = "read-supplier";
    /// Give an item to a supplier, take it back.
    AssignItem = "assign-item";
    /// Know of an assignment.
    ReadAssignment = "read-assignment";
    /// Confirm for a supplier that its copies are destroyed.
    ConfirmDestruction = "confirm-destruction";
    /// Record that a participant withdraws.
    WithdrawParticipant = "withdraw-participant";
    /// Approve an erasure somebody else asked for.
    ApproveErasure = "approve-erasure";
    /// Refuse a withdrawal that came after the study's last day.
    RefuseErasure = "refuse-erasure";
    /// Follow an erasure and read its certificate.
    ReadErasure = "read-erasure";
    /// Record a participant's rights request.
    OpenRequest = "open-request";
    /// Follow a rights request.
    ReadRequest = "read-request";
    /// Stop a request's clock, answer it, refuse it.
    AnswerRequest = "answer-request";
    /// Fetch the sealed answer to a request.
    FetchBundle = "fetch-bundle";
    /// Ask that something be disclosed.
    RaiseDisclosure = "raise-disclosure";
    /// Know of a disclosure.
    ReadDisclosure = "read-disclosure";
    /// Decide on a disclosure.
    DecideDisclosure = "decide-disclosure";
    /// Seal what is disclosed for the one it is disclosed to.
    FetchDisclosure = "fetch-disclosure";
    /// Read who did what.
    ReadAudit = "read-audit";
    /// See how the vault is.
    ReadVault = "read-vault";
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
