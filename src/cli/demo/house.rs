//! The house the story plays in: a vault, its bucket over HTTP, its gateway on the loopback
//! interface, and everybody in it, each with a client of their own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::story::Story;
use crate::cli::failure::Failure;
use crate::cli::serve::means;
use crate::cli::unlock::identities;
use crate::client::{BearerSecret, Client, ClientError};
use crate::gateway::{Gateway, ListenError, Options};
use crate::id::{PersonId, SupplierId};
use crate::keyring::Identities;
use crate::model::person::TERMS_VERSION;
use crate::model::{Role, Text};
use crate::objects::CredentialsSource;
use crate::vault::StoreChoice;
use crate::wire::{Enrolment, NewPerson, NewSupplier, ProblemKind};
use crate::work::found::{self, NewHouse};
use crate::work::{self, Service};

const BUCKET: &str = "demo-material";
const REGION: &str = "eu-west-2";

/// How long the gateway is waited for when the story is over.
const GOODBYE: Duration = Duration::from_secs(5);

/// A vault at work behind its gateway.
pub(super) struct House {
    dir: PathBuf,
    url: String,
    service: Arc<Service>,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), ListenError>>,
}

/// Everybody in the story.
pub(super) struct Cast {
    pub(super) administrator: Member,
    pub(super) lead: Member,
    pub(super) researcher: Member,
    /// Information governance: who records the withdrawal.
    pub(super) officer: Member,
    /// Information governance as well: the second person.
    pub(super) second_officer: Member,
    pub(super) commissioner: Member,
    pub(super) transcriber: Member,
    /// Whom the transcriber works for.
    pub(super) supplier: SupplierId,
    /// The transcriber's own age identity, which never leaves their machine.
    pub(super) identity: age::x25519::Identity,
}

/// Somebody with an account and a client.
pub(super) struct Member {
    pub(super) who: &'static str,
    pub(super) id: PersonId,
    pub(super) client: Client,
}

impl House {
    /// Makes a vault in `dir` and opens its gateway; gives the first administrator's code as well.
    pub(super) async fn open(dir: &Path, story: &mut Story) -> Result<(Self, String), Failure> {
        story.step("A vault is made; its store is asked where it lies before anything is kept");
        let founded = found::found(dir, new_house()?, means()).await?;
        let identities = identities(founded.identity.as_deref(), dir)?;
        let opened = work::open(dir, &identities, CredentialsSource::Standard, means());
        let (service, _) = opened.await?;
        let report = service.store().report();
        story.note(format!(
            "S3 over HTTP at {}, bucket {}; it lies on: {}",
            report.endpoint, report.bucket, report.location
        ));
        let proved = report.capabilities.conditional_put.is_yes();
        story.check(
            "the store was asked where it lies, and proved what it can do with a probe",
            proved,
        );

        story.step("The gateway opens on this machine's loopback interface");
        let options = Options::on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let gateway = Gateway::bind(Arc::clone(&service), options).map_err(failed)?;
        let (url, stop) = (gateway.url(), CancellationToken::new());
        let serving = tokio::spawn(gateway.serve(stop.clone().cancelled_owned()));
        let house = Self {
            dir: dir.to_path_buf(),
            url,
            service,
            stop,
            serving,
        };
        let stranger = house.client(None)?;
        let health = stranger.health().await?;
        story.note(format!("{} says: {}", house.url, health.status));
        story.check("the gateway is up", health.status == "ok");
        story.check_refused(
            "nobody is told anything without a token",
            &stranger.me().await,
            ProblemKind::NotEnrolled,
            "",
        );
        let code = founded.code.expose_secret().to_owned();
        Ok((house, code))
    }

    /// The vault's folder, in which the bucket lies as well.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The vault at work, to look behind the gateway.
    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    /// What unlocks the vault.
    pub(super) fn identities(&self) -> Result<Identities, Failure> {
        identities(None, &self.dir)
    }

    /// The day it is.
    pub(super) fn today(&self) -> Date {
        self.service.today()
    }

    /// Lets everybody in whom the story needs.
    pub(super) async fn invite_everybody(
        &self,
        code: String,
        story: &mut Story,
    ) -> Result<Cast, Failure> {
        story.step("Everybody is invited and enrols, each with a code that works once");
        let administrator = self.enrol("the administrator", &code, None).await?;
        let client = &administrator.client;
        let supplier = NewSupplier {
            name: text("Fairhand Transcription")?,
            contract_signed: self.today(),
            automatic: false,
            controllers: None,
        };
        let supplier = client.approve_supplier(&supplier).await?.id;
        let identity = age::x25519::Identity::generate();
        let invite = async |who, name, role: Role| {
            let transcribes = role == Role::Transcriber;
            let person = NewPerson {
                name: text(name)?,
                role,
                supplier: transcribes.then_some(supplier),
            };
            let invited = client.invite(&person).await?;
            let recipient = transcribes.then(|| identity.to_public().to_string());
            self.enrol(who, &invited.code, recipient).await
        };
        let governance = Role::InformationGovernance;
        let cast = Cast {
            lead: invite("the study's lead", "Helen Marsh", Role::StudyLead).await?,
            researcher: invite("the researcher", "Joe Bright", Role::Researcher).await?,
            officer: invite("information governance", "Gwen Parry", governance).await?,
            second_officer: invite("a second officer", "Tom Adeyemi", governance).await?,
            commissioner: invite("the commissioner", "Colin West", Role::Commissioner).await?,
            transcriber: invite("the transcriber", "Priya Nair", Role::Transcriber).await?,
            administrator,
            supplier,
            identity,
        };
        story.note(cast.members().map(|member| member.who).join(", "));
        story.check_refused(
            "an enrolment code that was used lets nobody in",
            &self.enrolment(&code, None).await,
            ProblemKind::NotEnrolled,
            "",
        );
        Ok(cast)
    }

    /// Stops the gateway, makes everything durable and lets go of the vault.
    pub(super) async fn close(self) -> Result<(), Failure> {
        self.stop.cancel();
        self.serving.await.map_err(failed)?.map_err(failed)?;
        // The last connections let go of the vault a moment after they are answered.
        let waited = async {
            while Arc::strong_count(&self.service) > 1 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(GOODBYE, waited).await.is_err() {
            tracing::warn!("the gateway still holds the vault");
        }
        Ok(self.service.close().await?)
    }

    async fn enrol(
        &self,
        who: &'static str,
        code: &str,
        recipient: Option<String>,
    ) -> Result<Member, Failure> {
        let (id, token) = self.enrolment(code, recipient).await?;
        let client = self.client(Some(token))?;
        Ok(Member { who, id, client })
    }

    async fn enrolment(
        &self,
        code: &str,
        recipient: Option<String>,
    ) -> Result<(PersonId, BearerSecret), ClientError> {
        let enrolment = Enrolment {
            code: code.to_owned(),
            recipient,
            terms: Some(TERMS_VERSION),
        };
        let enrolled = self.client(None)?.enrol(&enrolment).await?;
        Ok((enrolled.id, BearerSecret::new(enrolled.token)))
    }

    fn client(&self, token: Option<BearerSecret>) -> Result<Client, ClientError> {
        Client::new(self.url.parse()?, token, None)
    }
}

impl Cast {
    /// Each of them.
    pub(super) fn members(&self) -> [&Member; 7] {
        [
            &self.administrator,
            &self.lead,
            &self.researcher,
            &self.officer,
            &self.second_officer,
            &self.commissioner,
            &self.transcriber,
        ]
    }
}

/// A name or title of the story.
pub(super) fn text(text: &str) -> Result<Text, Failure> {
    text.parse().map_err(failed)
}

/// A failure in the words of what failed.
pub(super) fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::failed(error.to_string())
}

fn new_house() -> Result<NewHouse, Failure> {
    Ok(NewHouse {
        store: StoreChoice::Embedded {
            bucket: BUCKET.to_owned(),
            region: REGION.to_owned(),
        },
        credentials: CredentialsSource::Standard,
        attest: None,
        slots: Vec::new(),
        recipients: Vec::new(),
        pins: Default::default(),
        admin: text("Amina Yusuf")?,
    })
}
