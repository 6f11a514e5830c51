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
    /// Found a study.
    CreateStudy = "create-study";
    /// Know that a study exists, its terms and its sessions.
    ReadStudy = "read-study";
    /// Admit somebody to a study, end their access, close it.
    ManageStudy = "manage-study";
    /// Add a participant, record what they permit.
    AddParticipant = "add-participant";
    /// Add a session.
    AddSession = "add-session";
    /// Bring material to a session.
    DepositItem = "deposit-item";
    /// Know that an item exists.
    ReadItem = "read-item";
    /// Open an item.
    OpenItem = "open-item";
    /// Put a supplier on the approved list, refresh or end its contract.
    ManageSuppliers = "manage-suppliers";
    /// Give an item to a supplier, take it back.
    AssignItem = "assign-item";
    /// Record that a participant withdraws.
    WithdrawParticipant = "withdraw-participant";
    /// Approve an erasure somebody else asked for.
    ApproveErasure = "approve-erasure";
    /// Follow an erasure and read its certificate.
    ReadErasure = "read-erasure";
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
