//! A house in this process: a vault on disk with its store, the people who work in it, and what
//! they bring, without a gateway in front.
//!
//! Time stands still until a test moves it. An image of the folder can be taken at any moment, as a
//! crash would leave it, and opened as a house of its own.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use strongroom::access::{Act, BearerToken, Caller, Grant, acts};
use strongroom::clock::{Clock, ManualClock};
use strongroom::entropy::{Entropy, EntropyError, SystemEntropy};
use strongroom::id::{
    AssignmentId, ErasureId, ItemId, ParticipantId, PersonId, SessionId, StudyId, SupplierId,
    TokenId,
};
use strongroom::index::tables;
use strongroom::keyring::{Identities, unlock};
use strongroom::model::participant::Contact;
use strongroom::model::person::TERMS_VERSION;
use strongroom::model::{
    Actor, Erasure, ErasureStage, Event, Kind, LawfulBasis, OnWithdrawal, Permission, Purpose,
    Role, SessionKind, Study, Text, Token,
};
use strongroom::objects::CredentialsSource;
use strongroom::vault::{Means, Opening, StoreChoice};
use strongroom::work::found::NewHouse;
use strongroom::work::participant::NewParticipant;
use strongroom::work::session::NewSession;
use strongroom::work::study::{NewMember, NewStudy};
use strongroom::work::{
    self, Service, WorkError, deposit, enrol, erase, participant, retrieve, session, study, supply,
    withdraw,
};
use tempfile::TempDir;

use super::remote::Remote;

/// The bucket's name.
pub(crate) const BUCKET: &str = "tapes";

/// When every story begins: a Monday, at noon in London.
const BEGINNING: &str = "2026-03-02T12:00:00Z";

/// An open vault, and the people who work in it.
pub(crate) struct House {
    pub(crate) folder: Folder,
    pub(crate) service: Arc<Service>,
    pub(crate) world: Arc<World>,
    pub(crate) staff: Staff,
    /// What opening it found and did.
    pub(crate) opening: Opening,
    /// The store, when it is not the vault's own.
    pub(crate) remote: Option<Arc<Remote>>,
}

/// The people of a house, by what they show at the door.
#[derive(Clone)]
pub(crate) struct Staff {
    pub(crate) admin: Pass,
    pub(crate) lead: Pass,
    /// Information governance, who records withdrawals here.
    pub(crate) governance: Pass,
    /// And a colleague, who approves them.
    pub(crate) second: Pass,
    pub(crate) study: StudyId,
}

/// Somebody, and their token.
#[derive(Clone)]
pub(crate) struct Pass {
    pub(crate) id: PersonId,
    pub(crate) bearer: String,
}

impl House {
    /// A new house with a store of its own.
    pub(crate) async fn new() -> Self {
        Self::founded(None, &[]).await
    }

    /// A new house whose store is elsewhere.
    pub(crate) async fn at(remote: Remote) -> Self {
        Self::founded(Some(Arc::new(remote)), &[]).await
    }

    /// A new house whose root lies in several slots, in its folder under these names.
    pub(crate) async fn with_slots(slots: &[&str]) -> Self {
        Self::founded(None, slots).await
    }

    async fn founded(remote: Option<Arc<Remote>>, slots: &[&str]) -> Self {
        let world = Arc::new(World::new());
        let folder = Folder::empty();
        let new = NewHouse {
            store: match &remote {
                Some(remote) => remote.choice(),
                None => StoreChoice::Embedded {
                    bucket: BUCKET.to_owned(),
                    region: "eu-west-2".to_owned(),
                },
            },
            credentials: credentials(remote.as_deref()),
            attest: remote
                .is_some()
                .then(|| ("eu-west-2".to_owned(), text("Olga Operator"))),
            slots: slots
                .iter()
                .map(|name| PathBuf::from(name).into())
                .collect(),
            recipients: Vec::new(),
            pins: Default::default(),
            admin: text("Ada Administrator"),
        };
        let founded = work::found::found(&folder.path(), new, World::means(&world))
            .await
            .expect("founded");
        let (service, opening) = open(&folder, &world, remote.as_deref())
            .await
            .expect("opens");
        let staff = hire(&service, founded.code.expose_secret()).await;
        Self {
            folder,
            service,
            world,
            staff,
            opening,
            remote,
        }
    }

    /// Whoever shows that token.
    pub(crate) fn caller(&self, who: &Pass) -> Caller {
        self.service
            .authenticate(&who.bearer)
            .expect("a token that works")
    }

    /// Asks at the door.
    pub(crate) async fn admit<A: Act>(
        &self,
        who: &Pass,
        on: A::Resource,
    ) -> Result<Grant<A>, WorkError> {
        let caller = self.service.authenticate(&who.bearer)?;
        self.service.admit::<A>(&caller, on).await
    }

    /// Asks at the door, where there is no doubt.
    async fn granted<A: Act>(&self, who: &Pass, on: A::Resource) -> Grant<A> {
        self.admit::<A>(who, on).await.expect("granted")
    }

    /// Moves the clock to noon of a day, with everybody's token as good as it was.
    pub(crate) async fn move_to(&self, day: Date) {
        let noon: Timestamp = format!("{day}T12:00:00Z").parse().expect("a moment");
        self.world.time().set(noon);
        let tokens = {
            let view = self.service.vault().view().expect("the index runs");
            let rows = view.reader().page(&tables::TOKENS, &(), None, usize::MAX);
            rows.expect("the index runs")
        };
        for (_, mut token) in tokens {
            token.expires = noon + SignedDuration::from_hours(12);
            let issued = Event::TokenIssued { token };
            let vault = self.service.vault();
            let noted = vault.commit(Actor::Gateway, |_| Ok::<_, WorkError>((issued, ())));
            noted.await.expect("noted");
        }
    }

    /// A new participant of the study who permits everything.
    pub(crate) async fn participant(&self, name: &str) -> ParticipantId {
        let study = self.staff.study;
        let grant = self
            .granted::<acts::AddParticipant>(&self.staff.lead, study)
            .await;
        let contact = Contact {
            name: Some(text(name)),
            ..Contact::default()
        };
        let new = NewParticipant::permitting(Permission::ALL.into(), contact);
        participant::add(&self.service, grant, new)
            .await
            .expect("added")
    }

    /// A new session, held today.
    pub(crate) async fn session(&self, participants: &[ParticipantId]) -> SessionId {
        let study = self.staff.study;
        let grant = self
            .granted::<acts::AddSession>(&self.staff.lead, study)
            .await;
        let kind = match participants {
            [_] => SessionKind::Interview,
            _ => SessionKind::FocusGroup,
        };
        let new = NewSession {
            kind,
            date: self.service.today(),
            participants: participants.to_vec(),
            on_withdrawal: OnWithdrawal::Destroy,
        };
        session::add(&self.service, grant, new)
            .await
            .expect("added")
    }

    /// Begins an upload by the study's lead.
    pub(crate) async fn begin(
        &self,
        session: SessionId,
        length: usize,
        file_name: &str,
    ) -> Result<deposit::Begun, WorkError> {
        let on = (session, Kind::Audio);
        let grant = self
            .admit::<acts::DepositItem>(&self.staff.lead, on)
            .await?;
        let name = Some(file_name.to_owned());
        deposit::begin(
            &self.service,
            grant,
            deposit::Announced::new(length as u64, Kind::Audio, name),
        )
        .await
    }

    /// Brings material to a session.
    pub(crate) async fn deposit(
        &self,
        session: SessionId,
        bytes: impl Into<Bytes>,
        file_name: &str,
    ) -> ItemId {
        let bytes = bytes.into();
        let begun = self.begin(session, bytes.len(), file_name).await;
        let begun = begun.expect("begun");
        let lead = self.caller(&self.staff.lead);
        let body = stream::iter([Ok::<_, std::convert::Infallible>(bytes)]);
        deposit::write(&self.service, &lead, begun.upload, 0, body, None)
            .await
            .expect("written");
        begun.item
    }

    /// Brings material of a kind to a session.
    pub(crate) async fn deposit_kind(
        &self,
        session: SessionId,
        kind: Kind,
        bytes: &'static [u8],
    ) -> ItemId {
        let lead = &self.staff.lead;
        let grant = self
            .granted::<acts::DepositItem>(lead, (session, kind))
            .await;
        let length = bytes.len() as u64;
        let begun = deposit::begin(
            &self.service,
            grant,
            deposit::Announced::new(length, kind, None),
        )
        .await;
        self.send(begun.expect("begun"), bytes).await
    }

    /// Sends the bytes of an upload that the study's lead began.
    pub(crate) async fn send(&self, begun: deposit::Begun, bytes: &'static [u8]) -> ItemId {
        let lead = self.caller(&self.staff.lead);
        let body = stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(bytes))]);
        deposit::write(&self.service, &lead, begun.upload, 0, body, None)
            .await
            .expect("written");
        begun.item
    }

    /// An interview with somebody new: who, and the item.
    pub(crate) async fn interview(&self, name: &str, bytes: &[u8]) -> (ParticipantId, ItemId) {
        let participant = self.participant(name).await;
        let session = self.session(&[participant]).await;
        let item = self.deposit(session, bytes.to_vec(), "interview.wav").await;
        (participant, item)
    }

    /// All of an item, as somebody gets it.
    pub(crate) async fn fetch_as(&self, who: &Pass, item: ItemId) -> Result<Vec<u8>, WorkError> {
        let grant = self.admit::<acts::OpenItem>(who, item).await?;
        let plain = retrieve::open(&self.service, grant, None).await?;
        let mut body = std::pin::pin!(plain.body);
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece?);
        }
        assert_eq!(bytes.len() as u64, plain.length, "whole, or an error");
        Ok(bytes)
    }

    /// All of an item, as the study's lead gets it.
    pub(crate) async fn fetch(&self, item: ItemId) -> Result<Vec<u8>, WorkError> {
        self.fetch_as(&self.staff.lead, item).await
    }

    /// What a participant is called, as long as that can be read.
    pub(crate) fn name_of(&self, participant: ParticipantId) -> Option<String> {
        let view = self.service.vault().view().expect("the index runs");
        let row = view.reader().get(&tables::PARTICIPANTS, &participant);
        let row = row.expect("the index runs").expect("a participant");
        let contact = view.contact(&row).expect("opens, or is not there");
        contact.name.map(|name| name.as_str().to_owned())
    }

    /// Records a withdrawal.
    pub(crate) async fn withdraw(
        &self,
        participant: ParticipantId,
        contact_only: bool,
    ) -> withdraw::Answer {
        let who = &self.staff.governance;
        let grant = self
            .granted::<acts::WithdrawParticipant>(who, participant)
            .await;
        withdraw::withdraw(&self.service, grant, contact_only)
            .await
            .expect("recorded")
    }

    /// Has a second person approve an erasure, and gives how far it came.
    pub(crate) async fn approve(&self, erasure: ErasureId) -> Erasure {
        let who = &self.staff.second;
        let grant = self.granted::<acts::ApproveErasure>(who, erasure).await;
        erase::approve(&self.service, grant)
            .await
            .expect("approved")
    }

    /// Withdraws and erases somebody, to the certificate.
    pub(crate) async fn erase(&self, participant: ParticipantId) -> Erasure {
        let withdrawn = self.withdraw(participant, false).await;
        let erasure = self.approve(withdrawn.erasure).await;
        assert_eq!(erasure.stage, ErasureStage::Certified);
        erasure
    }

    /// An erasure as it stands.
    pub(crate) fn erasure(&self, id: ErasureId) -> Erasure {
        let view = self.service.vault().view().expect("the index runs");
        let row = view.reader().get(&tables::ERASURES, &id);
        row.expect("the index runs").expect("an erasure")
    }

    /// A supplier under a contract signed on that day, and a transcriber of theirs.
    pub(crate) async fn supplier(&self, contract_signed: Date) -> (SupplierId, Pass) {
        let grant = self
            .granted::<acts::ManageSuppliers>(&self.staff.admin, ())
            .await;
        let name = text("McGowan Transcriptions");
        let supplier = supply::approve(&self.service, grant, name, contract_signed, false, None)
            .await
            .expect("approved");
        let pass = invite(
            &self.service,
            &self.staff.admin,
            Role::Transcriber,
            Some(supplier),
        );
        (supplier, pass.await)
    }

    /// Somebody who transcribes for a supplier.
    pub(crate) async fn transcriber_of(&self, supplier: SupplierId) -> Pass {
        let role = Role::Transcriber;
        invite(&self.service, &self.staff.admin, role, Some(supplier)).await
    }

    /// Somebody new in the organisation.
    pub(crate) async fn invite(&self, role: Role) -> Pass {
        invite(&self.service, &self.staff.admin, role, None).await
    }

    /// Gives somebody a place in the study, for ten years.
    pub(crate) async fn admit_to_study(&self, who: &Pass, role: Role) {
        let (lead, id) = (&self.staff.lead, self.staff.study);
        let grant = self.granted::<acts::ManageStudy>(lead, id).await;
        let until = Date::constant(2036, 3, 2);
        let member = NewMember {
            person: who.id,
            role,
            until,
            purpose: Purpose::Research,
            sees: None,
        };
        study::admit_member(&self.service, grant, member)
            .await
            .expect("admitted");
    }

    /// Gives an item to a supplier.
    pub(crate) async fn assign(
        &self,
        item: ItemId,
        supplier: SupplierId,
        until: Date,
    ) -> AssignmentId {
        let on = (item, supplier);
        let grant = self.granted::<acts::AssignItem>(&self.staff.lead, on).await;
        supply::assign(&self.service, grant, Purpose::Transcription, until)
            .await
            .expect("assigned")
    }

    /// Days pass; everybody who works here logs in again.
    pub(crate) fn later(&mut self, days: i64) {
        self.world
            .time()
            .advance(SignedDuration::from_hours(24 * days));
        let mut staff = self.staff.clone();
        for pass in [
            &mut staff.admin,
            &mut staff.lead,
            &mut staff.governance,
            &mut staff.second,
        ] {
            self.log_in(pass);
        }
        self.staff = staff;
    }

    /// Gives somebody a new token, as a login does.
    pub(crate) fn log_in(&self, pass: &mut Pass) {
        let vault = self.service.vault();
        let entropy = &*vault.means().entropy;
        let (bearer, digest) = BearerToken::draw(entropy).expect("entropy");
        let id = TokenId::random(entropy).expect("entropy");
        let person = pass.id;
        let issued = vault.commit_blocking::<_, WorkError>(Actor::Person(person), |draft| {
            let expires = draft.now() + SignedDuration::from_hours(12);
            let token = Token {
                id,
                person,
                digest,
                expires,
                revoked: false,
            };
            Ok((Event::TokenIssued { token }, ()))
        });
        issued.expect("issued");
        pass.bearer = bearer.expose_secret().to_owned();
    }

    /// Changes the study's terms.
    pub(crate) fn amend_study(&self, change: impl FnOnce(&mut Study)) {
        let id = self.staff.study;
        let vault = self.service.vault();
        let amended = vault.commit_blocking::<_, WorkError>(Actor::Gateway, |draft| {
            let row = draft.reader().get(&tables::STUDIES, &id)?;
            let mut study = Box::new(row.expect("a study"));
            change(&mut study);
            Ok((Event::StudyAmended { study }, ()))
        });
        amended.expect("amended");
    }

    /// Closes the vault properly and gives its folder.
    pub(crate) async fn close(self) -> Folder {
        self.service.close().await.expect("closes");
        self.folder
    }

    /// The folder as a crash at this moment would leave it.
    pub(crate) fn image(&self) -> Folder {
        self.folder.copy()
    }

    /// Has an image taken of every state the folder is in at a step of the vault, until the film ends.
    pub(crate) fn film(&self) -> Film {
        let images = Arc::new(Mutex::new(Vec::new()));
        let (taken, root) = (Arc::clone(&images), self.folder.path());
        let mut last = Vec::new();
        self.world.watched(move || {
            let state = files_in(&root);
            if state != last {
                taken.lock().expect("no panic").push(Folder::copy_of(&root));
                last = state;
            }
        });
        Film {
            world: Arc::clone(&self.world),
            images,
        }
    }

    /// Opens an image of this house beside it; the store elsewhere, if there is one, is the same.
    pub(crate) async fn open_image(&self, image: Folder) -> Result<House, WorkError> {
        let remote = self.remote.clone();
        let (service, opening) = open(&image, &self.world, remote.as_deref()).await?;
        Ok(Self {
            folder: image,
            service,
            world: Arc::clone(&self.world),
            staff: self.staff.clone(),
            opening,
            remote,
        })
    }

    /// What a crash and a restart make of this house. Nothing of it is closed properly.
    pub(crate) async fn crash(self) -> Self {
        let image = self.image();
        let again = self.open_image(image).await.expect("opens after a crash");
        drop(self);
        again
    }
}

/// Images being taken of a folder.
pub(crate) struct Film {
    world: Arc<World>,
    images: Arc<Mutex<Vec<Folder>>>,
}

impl Film {
    /// Takes no more, and gives those taken, in order.
    pub(crate) fn end(self) -> Vec<Folder> {
        self.world.unwatched();
        std::mem::take(&mut self.images.lock().expect("no panic"))
    }
}

/// A vault's folder, gone when this is dropped. Its identity lies in it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// A copy of whatever lies at `path`.
    pub(crate) fn copy_of(path: &Path) -> Self {
        let copy = Self::empty();
        copy_all(path, &copy.path());
        copy
    }

    pub(crate) fn copy(&self) -> Self {
        Self::copy_of(&self.path())
    }

    /// The vault's folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("vault")
    }

    /// Something in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Puts what `other` has under `name` in the place of what is here; nothing, if it has nothing.
    pub(crate) fn put_back(&self, other: &Folder, name: &str) {
        remove_all(&self.join(name));
        if other.join(name).exists() {
            copy_all(&other.join(name), &self.join(name));
        }
    }

    /// The identity that unlocks it.
    pub(crate) fn identities(&self) -> Identities {
        let file = self.join("unlock-identity.txt");
        unlock::identities_from_file(&file, &unlock::no_answer()).expect("an identity")
    }

    /// Every file in it, by its path from the folder.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files_in(&self.path())
    }
}

fn files_in(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    walk(root, &mut |path| {
        // Another task may have taken it away since it was listed.
        if let Ok(bytes) = fs::read(path) {
            let path = path.strip_prefix(root).expect("inside").to_path_buf();
            found.push((path, bytes));
        }
    });
    found.sort();
    found
}

/// Opens the vault in `folder`.
pub(crate) async fn open(
    folder: &Folder,
    world: &Arc<World>,
    remote: Option<&Remote>,
) -> Result<(Arc<Service>, Opening), WorkError> {
    let identities = folder.identities();
    let means = World::means(world);
    work::open(&folder.path(), &identities, credentials(remote), means).await
}

fn credentials(remote: Option<&Remote>) -> CredentialsSource {
    remote.map_or(CredentialsSource::Standard, Remote::credentials)
}

/// Waits until an erasure has come that far.
pub(crate) async fn until_stage(service: &Service, id: ErasureId, stage: ErasureStage) {
    loop {
        let row = {
            let view = service.vault().view().expect("the index runs");
            view.reader().get(&tables::ERASURES, &id)
        };
        let row = row.expect("the index runs");
        if row.is_some_and(|row| row.stage >= stage) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn hire(service: &Arc<Service>, code: &str) -> Staff {
    let admin = enrol(service, code).await;
    let lead = invite(service, &admin, Role::StudyLead, None).await;
    let governance = invite(service, &admin, Role::InformationGovernance, None).await;
    let second = invite(service, &admin, Role::InformationGovernance, None).await;
    let caller = service.authenticate(&lead.bearer).expect("a token");
    let grant = service.admit::<acts::CreateStudy>(&caller, ()).await;
    let new = NewStudy {
        name: text("Support for victims"),
        controller: text("Ministry of Justice"),
        lawful_basis: LawfulBasis::PublicTask,
        withdraw_within: "30d".parse().expect("a window"),
        retain: "2y after session".parse().expect("a rule"),
    };
    let study = study::found(service, grant.expect("granted"), new).await;
    Staff {
        admin,
        lead,
        governance,
        second,
        study: study.expect("founded"),
    }
}

async fn invite(
    service: &Arc<Service>,
    admin: &Pass,
    role: Role,
    supplier: Option<SupplierId>,
) -> Pass {
    let caller = service.authenticate(&admin.bearer).expect("a token");
    let grant = service.admit::<acts::ManagePeople>(&caller, ()).await;
    let name = text(&format!("A {role}"));
    let invited = enrol::invite(service, grant.expect("granted"), name, role, supplier).await;
    enrol(service, invited.expect("invited").code.expose_secret()).await
}

async fn enrol(service: &Arc<Service>, code: &str) -> Pass {
    let enrolled = enrol::enrol(service, code, None, Some(TERMS_VERSION))
        .await
        .expect("enrolled");
    Pass {
        id: enrolled.person.id,
        bearer: enrolled.token.expose_secret().to_owned(),
    }
}

fn text(words: &str) -> Text {
    words.parse().expect("a short text")
}

/// Asked at each look at the clock and each draw of randomness.
type Watcher = Box<dyn FnMut() + Send>;

/// Time and randomness: time stands still, and somebody may watch whenever either is asked for.
///
/// The vault looks at the clock before every record it writes, and draws randomness before every
/// root it effaces, so that whoever watches sees the folder between any two of its steps.
pub(crate) struct World {
    time: ManualClock,
    entropy: SystemEntropy,
    watcher: Mutex<Option<Watcher>>,
}

impl World {
    fn new() -> Self {
        Self {
            time: ManualClock::at(BEGINNING.parse().expect("a moment")),
            entropy: SystemEntropy::new(),
            watcher: Mutex::default(),
        }
    }

    pub(crate) fn means(world: &Arc<Self>) -> Means {
        Means {
            clock: world.clone(),
            entropy: world.clone(),
        }
    }

    pub(crate) fn time(&self) -> &ManualClock {
        &self.time
    }

    /// Has `watcher` called at every step until [`World::unwatched`].
    pub(crate) fn watched(&self, watcher: impl FnMut() + Send + 'static) {
        *self.watcher.lock().expect("no panic") = Some(Box::new(watcher));
    }

    pub(crate) fn unwatched(&self) {
        *self.watcher.lock().expect("no panic") = None;
    }

    fn step(&self) {
        if let Some(watcher) = &mut *self.watcher.lock().expect("no panic") {
            watcher();
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        self.step();
        self.time.now()
    }
}

impl Entropy for World {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        self.step();
        self.entropy.fill(out)
    }
}

/// Bytes in which no two places look alike.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    // Xorshift (Marsaglia, 2003): the same bytes in every run.
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn walk(path: &Path, visit: &mut dyn FnMut(&Path)) {
    // Other tasks may be at work in the folder: what is gone by now is not there.
    let Ok(about) = fs::symlink_metadata(path) else {
        return;
    };
    if !about.is_dir() {
        return visit(path);
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        walk(&entry.path(), visit);
    }
}

fn copy_all(from: &Path, to: &Path) {
    let Ok(about) = fs::symlink_metadata(from) else {
        return;
    };
    if !about.is_dir() {
        if let Some(above) = to.parent() {
            fs::create_dir_all(above).expect("made");
        }
        match fs::copy(from, to) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => panic!("{} is not copied: {error}", from.display()),
        }
        return;
    }
    fs::create_dir_all(to).expect("made");
    fs::set_permissions(to, about.permissions()).expect("permitted");
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        copy_all(&entry.path(), &to.join(entry.file_name()));
    }
}

fn remove_all(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => fs::remove_dir_all(path).expect("removed"),
        Ok(_) => fs::remove_file(path).expect("removed"),
        Err(_) => {}
    }
}
