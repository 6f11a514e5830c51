//! Studies' terms, people's accounts, and reviews.

use reqwest::Method;

use super::connect::Client;
use super::error::ClientError;
use crate::id::{PersonId, StudyId};
use crate::wire::{
    AccessRow, AccountExport, AffectedView, FoundedStudy, NewAcceptance, NewApproval, NewNotice,
    NoticeView, OwnCorrection, PersonAmendment, PersonUsage, Revocation, StudyAmendment, Summary,
    TermsOfUse, UsageRow,
};

macro_rules! told {
    ($($(#[$doc:meta])+ $name:ident($($arg:ident: $type:ty),*; $body:ident: $body_type:ty) = $method:ident $path:literal;)+) => {
        impl Client {
            $(
                $(#[$doc])+
                ///
                /// # Errors
                /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
                pub async fn $name(&self, $($arg: $type,)* $body: $body_type) -> Result<(), ClientError> {
                    self.tell(Method::$method, &format!($path), $body).await
                }
            )+
        }
    };
}

macro_rules! asked {
    ($($(#[$doc:meta])+ $name:ident($($arg:ident: $type:ty),*) -> $answer:ty = $path:literal;)+) => {
        impl Client {
            $(
                $(#[$doc])+
                ///
                /// # Errors
                /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
                pub async fn $name(&self, $($arg: $type),*) -> Result<$answer, ClientError> {
                    self.get(&format!($path)).await
                }
            )+
        }
    };
}

told! {
    /// Records the data owner's approval of a study.
    approve_study(study: StudyId; approval: &NewApproval) = POST "/studies/{study}/approval";
    /// Puts a version of a study's privacy notice on record.
    add_notice(study: StudyId; notice: &NewNotice) = POST "/studies/{study}/notices";
    /// Corrects or completes what is known of somebody.
    amend_person(person: PersonId; change: &PersonAmendment) = PATCH "/people/{person}";
    /// Takes somebody's access away for good.
    revoke_person(person: PersonId; why: &Revocation) = PUT "/people/{person}/revocation";
    /// Accepts the terms of use.
    accept_terms(; terms: &NewAcceptance) = POST "/me/terms";
    /// Corrects what one is called.
    correct_me(; correction: &OwnCorrection) = PATCH "/me";
}

asked! {
    /// The versions of a study's privacy notice.
    notices(study: StudyId) -> Vec<NoticeView> = "/studies/{study}/notices";
    /// Who is in a study on a consent given under an earlier version of its notice.
    affected(study: StudyId, version: u32) -> Vec<AffectedView> = "/studies/{study}/notices/{version}/affected";
    /// The terms of use.
    terms() -> TermsOfUse = "/terms";
    /// All that is held of one's account.
    export_me() -> AccountExport = "/me/export";
    /// Approved access, as it may be published.
    access_summary() -> Summary = "/reviews/summary";
    /// Every study's use, month by month.
    usage() -> Vec<UsageRow> = "/reviews/usage";
    /// What everybody did, study by study and month by month.
    usage_of_people() -> Vec<PersonUsage> = "/reviews/people";
}

impl Client {
    /// Changes a study's terms.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn amend_study(
        &self,
        study: StudyId,
        change: &StudyAmendment,
    ) -> Result<FoundedStudy, ClientError> {
        let request = self.request(Method::PATCH, &format!("/studies/{study}"));
        self.read(request.json(change)).await
    }

    /// Who has access to one study, or to all.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn access(&self, study: Option<StudyId>) -> Result<Vec<AccessRow>, ClientError> {
        let query: Vec<_> = study.map(|study| ("study", study)).into_iter().collect();
        let request = self.request(Method::GET, "/reviews/access");
        self.read(request.query(&query)).await
    }
}
