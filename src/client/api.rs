//! Every question the gateway answers, but for uploads and downloads.

use reqwest::Method;

use super::connect::Client;
use super::error::ClientError;
use crate::id::{
    AssignmentId, DisclosureId, ErasureId, ItemId, ParticipantId, PersonId, ReleaseId, RequestId,
    SessionId, StudyId, SupplierId,
};
use crate::wire::{
    AcceptedTranscript, AssignmentView, AuditPage, AuditVerification, Challenge, ConsentAnswer,
    ConsentView, ContactCorrection, ContactView, ControlsView, Created, DisclosureView, Enrolled,
    Enrolment, ErasureView, FoundedStudy, Health, Invited, ItemView, Me, MembershipView, NewAnswer,
    NewAssignment, NewChallenge, NewCheck, NewConsent, NewDecision, NewDisclosure,
    NewDisclosureDecision, NewErasureRefusal, NewMembership, NewParticipant, NewPause, NewPerson,
    NewRefusal, NewRelease, NewResumption, NewReturn, NewRightsRequest, NewSearch, NewSession,
    NewStudy, NewSupplier, NewWithdrawal, ParticipantView, PersonView, ReleaseView, Renewal,
    RequestView, Restriction, SessionView, StudyView, SupplierView, Suspension, VaultView,
    VerifierKey, WithdrawalAnswer,
};

/// How many rows are asked for at once.
const PAGE: usize = 200;

macro_rules! questions {
    ($($(#[$doc:meta])+ $name:ident($($arg:ident: $type:ty),*) -> $answer:ty = $method:ident $path:literal $(with $body:ident)?;)+) => {
        impl Client {
            $(
                $(#[$doc])+
                ///
                /// # Errors
                /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
                pub async fn $name(&self, $($arg: $type),*) -> Result<$answer, ClientError> {
                    self.$method(&format!($path) $(, $body)?).await
                }
            )+
        }
    };
}

questions! {
    /// Whether the gateway is up.
    health() -> Health = get "/health";
    /// Uses an enrolment code.
    enrol(code: &Enrolment) -> Enrolled = post "/enrolments" with code;
    /// A value sealed to the recipient somebody enrolled with.
    challenge(asked: &NewChallenge) -> Challenge = post "/challenges" with asked;
    /// Exchanges the answer to a challenge for a token.
    renew(renewal: &Renewal) -> Enrolled = post "/tokens" with renewal;
    /// Takes back the token in use.
    leave() -> () = delete "/tokens/current";
    /// Whoever asks.
    me() -> Me = get "/me";
    /// Invites somebody.
    invite(person: &NewPerson) -> Invited = post "/people" with person;
    /// Everybody with an account.
    people() -> Vec<PersonView> = get "/people";
    /// A new code for somebody.
    reinvite(person: PersonId) -> Invited = post_nothing "/people/{person}/invitations";
    /// Founds a study.
    create_study(study: &NewStudy) -> FoundedStudy = post "/studies" with study;
    /// The studies one may know of.
    studies() -> Vec<StudyView> = get "/studies";
    /// One study.
    study(study: StudyId) -> StudyView = get "/studies/{study}";
    /// Closes a study.
    close_study(study: StudyId) -> () = post_unanswered "/studies/{study}/closure";
    /// Everybody admitted to a study.
    members(study: StudyId) -> Vec<MembershipView> = get "/studies/{study}/members";
    /// Ends somebody's place in a study.
    end_membership(study: StudyId, person: PersonId) -> () = delete "/studies/{study}/members/{person}";
    /// Adds a participant.
    add_participant(study: StudyId, participant: &NewParticipant) -> Created<ParticipantId> = post "/studies/{study}/participants" with participant;
    /// The participants whom a name or an e-mail address names.
    find_participants(study: StudyId, search: &NewSearch) -> Vec<ParticipantView> = post "/studies/{study}/participants/search" with search;
    /// A participant, with what names them.
    participant(participant: ParticipantId) -> ContactView = get "/participants/{participant}";
    /// Records what somebody permits now.
    record_consent(participant: ParticipantId, consent: &NewConsent) -> ConsentAnswer = post "/participants/{participant}/consents" with consent;
    /// Every version of somebody's consent.
    consents(participant: ParticipantId) -> Vec<ConsentView> = get "/participants/{participant}/consents";
    /// Records a withdrawal.
    withdraw(participant: ParticipantId, withdrawal: &NewWithdrawal) -> WithdrawalAnswer = post "/participants/{participant}/withdrawal" with withdrawal;
    /// Adds a session.
    add_session(study: StudyId, session: &NewSession) -> Created<SessionId> = post "/studies/{study}/sessions" with session;
    /// One item.
    item(item: ItemId) -> ItemView = get "/items/{item}";
    /// Gives an item to a supplier.
    assign(item: ItemId, assignment: &NewAssignment) -> Created<AssignmentId> = post "/items/{item}/assignments" with assignment;
    /// A second person's look at what was made from items.
    check_item(item: ItemId, check: &NewCheck) -> () = post_told "/items/{item}/check" with check;
    /// Accepts a transcript of a recording.
    accept_transcript(recording: ItemId, acceptance: &AcceptedTranscript) -> () = post_told "/items/{recording}/acceptance" with acceptance;
    /// Sends back what a supplier brought.
    send_back(assignment: AssignmentId, sent_back: &NewReturn) -> () = post_told "/assignments/{assignment}/return" with sent_back;
    /// The supplier's word that its copies are destroyed.
    confirm_destroyed(assignment: AssignmentId) -> () = post_unanswered "/assignments/{assignment}/destruction";
    /// Takes a supplier off the approved list.
    remove_supplier(supplier: SupplierId) -> () = delete "/suppliers/{supplier}";
    /// Asks for an anonymised output to be given to the commissioner.
    request_release(item: ItemId, release: &NewRelease) -> Created<ReleaseId> = post "/items/{item}/releases" with release;
    /// The releases one may know of.
    releases() -> Vec<ReleaseView> = get "/releases";
    /// One release.
    release(release: ReleaseId) -> ReleaseView = get "/releases/{release}";
    /// A second person's word on a release.
    decide_release(release: ReleaseId, decision: &NewDecision) -> () = post_told "/releases/{release}/decision" with decision;
    /// Ends an assignment.
    unassign(assignment: AssignmentId) -> () = delete "/assignments/{assignment}";
    /// Puts a supplier on the approved list.
    approve_supplier(supplier: &NewSupplier) -> Created<SupplierId> = post "/suppliers" with supplier;
    /// The approved list.
    suppliers() -> Vec<SupplierView> = get "/suppliers";
    /// The erasures one may follow.
    erasures() -> Vec<ErasureView> = get "/erasures";
    /// One erasure.
    erasure(erasure: ErasureId) -> ErasureView = get "/erasures/{erasure}";
    /// Approves an erasure and waits for it.
    approve_erasure(erasure: ErasureId) -> ErasureView = post_nothing "/erasures/{erasure}/approval";
    /// Records what a participant asks.
    open_request(study: StudyId, request: &NewRightsRequest) -> RequestView = post "/studies/{study}/requests" with request;
    /// One rights request.
    rights_request(request: RequestId) -> RequestView = get "/requests/{request}";
    /// Stops a request's clock.
    pause_request(request: RequestId, pause: &NewPause) -> RequestView = post "/requests/{request}/pause" with pause;
    /// Lets a request's clock go on.
    resume_request(request: RequestId, resumption: &NewResumption) -> RequestView = post "/requests/{request}/resumption" with resumption;
    /// Answers a request.
    answer_request(request: RequestId, answer: &NewAnswer) -> RequestView = post "/requests/{request}/answer" with answer;
    /// Refuses a request.
    refuse_request(request: RequestId, refusal: &NewRefusal) -> RequestView = post "/requests/{request}/refusal" with refusal;
    /// Asks that something be disclosed.
    raise_disclosure(study: StudyId, disclosure: &NewDisclosure) -> Created<DisclosureId> = post "/studies/{study}/disclosures" with disclosure;
    /// The disclosures one may know of.
    disclosures() -> Vec<DisclosureView> = get "/disclosures";
    /// One disclosure.
    disclosure(disclosure: DisclosureId) -> DisclosureView = get "/disclosures/{disclosure}";
    /// Decides on a disclosure.
    decide_disclosure(disclosure: DisclosureId, decision: &NewDisclosureDecision) -> DisclosureView = post "/disclosures/{disclosure}/decision" with decision;
    /// Refuses a withdrawal that came too late.
    refuse_erasure(erasure: ErasureId, refusal: &NewErasureRefusal) -> ErasureView = post "/erasures/{erasure}/refusal" with refusal;
    /// Declares that an item is not worth a version without somebody who withdraws.
    waive_redaction(item: ItemId) -> () = post_unanswered "/items/{item}/redaction-waiver";
    /// What verifying the whole journal finds.
    verify_audit() -> AuditVerification = get "/audit/verification";
    /// What testing the controls finds.
    test_controls() -> ControlsView = post_nothing "/audit/controls";
    /// How the vault is.
    vault() -> VaultView = get "/vault";
    /// The key that certificates are verified with.
    verifier_key() -> VerifierKey = get "/vault/key";
}

impl Client {
    /// Stops somebody's access, or gives it back.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn suspend(&self, person: PersonId, suspended: bool) -> Result<(), ClientError> {
        let path = format!("/people/{person}/suspension");
        self.tell(Method::PUT, &path, &Suspension { suspended })
            .await
    }

    /// The rights requests one may follow, of one study or of all.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn rights_requests(
        &self,
        study: Option<StudyId>,
    ) -> Result<Vec<RequestView>, ClientError> {
        let query: Vec<_> = study.iter().map(|study| ("study", study)).collect();
        self.read(self.request(Method::GET, "/requests").query(&query))
            .await
    }

    /// Keeps a participant's data without using them, or uses them again.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn restrict(
        &self,
        participant: ParticipantId,
        restricted: bool,
    ) -> Result<(), ClientError> {
        let path = format!("/participants/{participant}/restriction");
        self.tell(Method::PUT, &path, &Restriction { restricted })
            .await
    }

    /// Admits somebody to a study.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn admit(
        &self,
        study: StudyId,
        membership: &NewMembership,
    ) -> Result<(), ClientError> {
        let path = format!("/studies/{study}/members");
        self.tell(Method::POST, &path, membership).await
    }

    /// A study's participants.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn participants(&self, study: StudyId) -> Result<Vec<ParticipantView>, ClientError> {
        let path = format!("/studies/{study}/participants");
        self.all(&path, &[], |row: &ParticipantView| row.id.to_string())
            .await
    }

    /// A study's sessions.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn sessions(&self, study: StudyId) -> Result<Vec<SessionView>, ClientError> {
        let path = format!("/studies/{study}/sessions");
        self.all(&path, &[], |row: &SessionView| row.id.to_string())
            .await
    }

    /// The items one may know of, of one study or session or of all.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn items(
        &self,
        study: Option<StudyId>,
        session: Option<SessionId>,
    ) -> Result<Vec<ItemView>, ClientError> {
        let mut filter = Vec::new();
        filter.extend(study.map(|study| ("study", study.to_string())));
        filter.extend(session.map(|session| ("session", session.to_string())));
        self.all("/items", &filter, |row: &ItemView| row.id.to_string())
            .await
    }

    /// The assignments one may know of, of one study or of all; only those whose supplier still owes the
    /// word that its copies are destroyed, if `outstanding`.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn assignments(
        &self,
        study: Option<StudyId>,
        outstanding: bool,
    ) -> Result<Vec<AssignmentView>, ClientError> {
        let mut query = vec![("outstanding", outstanding.to_string())];
        query.extend(study.map(|study| ("study", study.to_string())));
        let request = self.request(Method::GET, "/assignments").query(&query);
        self.read(request).await
    }

    /// A page of the audit, from the record after `after` on.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn audit(&self, after: Option<u64>, limit: usize) -> Result<AuditPage, ClientError> {
        let mut query = vec![("limit", limit.to_string())];
        query.extend(after.map(|after| ("after", after.to_string())));
        self.read(self.request(Method::GET, "/audit").query(&query))
            .await
    }

    /// Corrects what names somebody.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn correct_contact(
        &self,
        participant: ParticipantId,
        correction: &ContactCorrection,
    ) -> Result<(), ClientError> {
        let path = format!("/participants/{participant}/contact");
        self.tell(Method::PATCH, &path, correction).await
    }

    /// The letter about an erasure: a PDF, or plain text.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn letter(&self, erasure: ErasureId, as_text: bool) -> Result<Vec<u8>, ClientError> {
        let form = if as_text { "text" } else { "pdf" };
        let path = format!("/erasures/{erasure}/letter");
        let request = self.request(Method::GET, &path).query(&[("form", form)]);
        let response = self.send(request).await?;
        let bytes = response.bytes().await;
        bytes.map(Into::into).map_err(|error| self.broken(&error))
    }

    /// An erasure's certificate, a signed note.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn certificate(&self, erasure: ErasureId) -> Result<String, ClientError> {
        let path = format!("/erasures/{erasure}/certificate");
        let response = self.send(self.request(Method::GET, &path)).await?;
        response.text().await.map_err(|error| self.broken(&error))
    }

    /// Every page of a list, one after another.
    async fn all<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        filter: &[(&str, String)],
        cursor: impl Fn(&T) -> String,
    ) -> Result<Vec<T>, ClientError> {
        let mut rows: Vec<T> = Vec::new();
        loop {
            let mut query = filter.to_vec();
            query.push(("limit", PAGE.to_string()));
            query.extend(rows.last().map(|row| ("after", cursor(row))));
            let request = self.request(Method::GET, path).query(&query);
            let page: Vec<T> = self.read(request).await?;
            let ended = page.len() < PAGE;
            rows.extend(page);
            if ended {
                return Ok(rows);
            }
        }
    }

    async fn post_nothing<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<T, ClientError> {
        self.read(self.request(Method::POST, path)).await
    }

    async fn post_told<B: serde::Serialize + Sync>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<(), ClientError> {
        self.tell(Method::POST, path, body).await
    }

    async fn post_unanswered(&self, path: &str) -> Result<(), ClientError> {
        self.send(self.request(Method::POST, path)).await.map(drop)
    }
}
