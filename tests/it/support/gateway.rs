//! A real gateway on this machine, with the embedded store, and people to ask it things.

use std::path::PathBuf;
use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use http::{Method, StatusCode};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use strongroom::clock::{Clock, SystemClock};
use strongroom::entropy::SystemEntropy;
use strongroom::gateway::{Gateway, ListenError, Options};
use strongroom::keyring::unlock;
use strongroom::objects::CredentialsSource;
use strongroom::vault::{Means, StoreChoice};
use strongroom::work::found::NewHouse;
use strongroom::work::{self, Service};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Headers that differ from one response to the next, whatever was asked.
const PASSING: [&str; 2] = ["date", "x-request-id"];

/// A vault that was founded and the gateway that serves it.
pub(crate) struct House {
    dir: TempDir,
    pub(crate) service: Arc<Service>,
    pub(crate) url: String,
    client: Client,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), ListenError>>,
    admin_code: String,
}

impl House {
    /// A new vault, served on a port of the system's choice.
    pub(crate) async fn open() -> Self {
        Self::open_with(on_loopback(), Arc::new(SystemClock)).await
    }

    /// A new vault, served as `options` say, at the time `clock` tells.
    pub(crate) async fn open_with(options: Options, clock: Arc<dyn Clock>) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let vault = dir.path().join("vault");
        let means = || Means {
            clock: Arc::clone(&clock),
            entropy: Arc::new(SystemEntropy::new()),
        };
        let new = NewHouse {
            store: StoreChoice::Embedded {
                bucket: "tapes".to_owned(),
                region: "eu-west-2".to_owned(),
            },
            credentials: CredentialsSource::Standard,
            attest: None,
            slots: Vec::new(),
            recipients: Vec::new(),
            pins: Default::default(),
            admin: "Ada Administrator".parse().expect("a name"),
        };
        let founded = work::found::found(&vault, new, means())
            .await
            .expect("founded");
        let identity = founded.identity.expect("an identity was made");
        let identities =
            unlock::identities_from_file(&identity, &unlock::no_answer()).expect("an identity");
        let (service, _) = work::open(&vault, &identities, CredentialsSource::Standard, means())
            .await
            .expect("opened");
        let gateway = Gateway::bind(Arc::clone(&service), options).expect("bound");
        let url = gateway.url();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(gateway.serve(async {
            let _told_or_dropped = stopped.await;
        }));
        Self {
            dir,
            service,
            url,
            client: client(),
            stop,
            serving,
            admin_code: founded.code.expose_secret().to_owned(),
        }
    }

    /// The vault's folder.
    pub(crate) fn vault_dir(&self) -> PathBuf {
        self.dir.path().join("vault")
    }

    /// Tells the gateway to stop, and waits until it has and the vault is closed.
    pub(crate) async fn close(self) {
        self.stop.send(()).expect("it serves");
        self.serving.await.expect("no panic").expect("it stopped");
        self.service.close().await.expect("the vault closes");
    }

    /// A request as nobody in particular.
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// The first administrator, enrolled.
    pub(crate) async fn admin(&self) -> Person {
        self.enrol(&self.admin_code).await
    }

    /// Somebody the administrator invites, enrolled.
    pub(crate) async fn invite(
        &self,
        admin: &Person,
        role: &str,
        supplier: Option<&str>,
    ) -> Person {
        let name = format!("A {role}");
        let new = match supplier {
            None => json!({ "name": name, "role": role }),
            Some(supplier) => json!({ "name": name, "role": role, "supplier": supplier }),
        };
        let invited = admin.post("/v1/people", &new).await;
        assert!(text(&invited, "id").starts_with("psn-"));
        self.enrol(&text(&invited, "code")).await
    }

    async fn enrol(&self, code: &str) -> Person {
        self.enrol_with(&json!({ "code": code, "terms": 1 })).await
    }

    /// Somebody using an enrolment, with a recipient if it names one.
    pub(crate) async fn enrol_with(&self, enrolment: &Value) -> Person {
        Person::enrol(&self.client, &self.url, enrolment).await
    }
}

/// Listens on this machine, on a port of the system's choice.
pub(crate) fn on_loopback() -> Options {
    Options::on(([127, 0, 0, 1], 0).into())
}

/// A client that keeps nothing and follows nothing.
pub(crate) fn client() -> Client {
    client_trusting(rustls::RootCertStore::empty())
}

/// A client that trusts what `roots` vouch for.
pub(crate) fn client_trusting(roots: rustls::RootCertStore) -> Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client")
}

/// Somebody with a token.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) token: String,
    url: String,
    client: Client,
}

impl Person {
    /// Somebody using an enrolment at the gateway at `url`.
    pub(crate) async fn enrol(client: &Client, url: &str, enrolment: &Value) -> Self {
        let asked = client.post(format!("{url}/v1/enrolments")).json(enrolment);
        let enrolled = json_of(asked.send().await.expect("answered"), StatusCode::CREATED).await;
        Self {
            id: text(&enrolled, "id"),
            token: text(&enrolled, "token"),
            url: url.to_owned(),
            client: client.clone(),
        }
    }

    /// A request with their token.
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.url))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
    }

    /// What `GET path` gives, which must be there.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.ask(Method::GET, path).send().await;
        json_of(response.expect("answered"), StatusCode::OK).await
    }

    /// What `POST path` gives for `body`, which must be accepted.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let response = self.ask(Method::POST, path).json(body).send().await;
        let response = response.expect("answered");
        let status = response.status();
        let text = response.text().await.expect("a body");
        assert!(status.is_success(), "POST {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Whatever a request without a body gives.
    pub(crate) async fn answer(&self, method: Method, path: &str) -> Answer {
        Answer::of(self.ask(method, path).send().await.expect("answered")).await
    }

    /// Uploads `bytes` to `session` whole, and gives the item.
    pub(crate) async fn upload(
        &self,
        session: &str,
        kind: &str,
        name: &str,
        bytes: &[u8],
    ) -> String {
        let response = self
            .begin(session, kind, name, bytes.len())
            .header(CONTENT_TYPE, CHUNK)
            .body(bytes.to_vec())
            .send()
            .await
            .expect("answered");
        let answer = Answer::of(response).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let whole = bytes.len().to_string();
        assert_eq!(answer.header("upload-offset"), Some(whole.as_str()));
        answer
            .header("strongroom-item")
            .expect("an item")
            .to_owned()
    }

    /// The request that begins an upload (tus creation).
    pub(crate) fn begin(
        &self,
        session: &str,
        kind: &str,
        name: &str,
        length: usize,
    ) -> RequestBuilder {
        self.tus(Method::POST, "/v1/uploads")
            .header("Upload-Length", length)
            .header("Upload-Metadata", metadata(session, kind, name))
    }

    /// A request that speaks tus.
    pub(crate) fn tus(&self, method: Method, path: &str) -> RequestBuilder {
        self.ask(method, path).header("Tus-Resumable", "1.0.0")
    }
}

/// The media type of a piece of an upload.
pub(crate) const CHUNK: &str = "application/offset+octet-stream";

/// The `Upload-Metadata` header of a file.
pub(crate) fn metadata(session: &str, kind: &str, name: &str) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine};
    let pairs = [("session", session), ("kind", kind), ("filename", name)];
    pairs
        .map(|(key, value)| format!("{key} {}", BASE64_STANDARD.encode(value)))
        .join(",")
}

/// A study with its lead, a researcher, a participant and a session.
pub(crate) struct Study {
    pub(crate) id: String,
    pub(crate) lead: Person,
    pub(crate) researcher: Person,
    pub(crate) participant: String,
    pub(crate) session: String,
}

impl Study {
    /// Founds one.
    pub(crate) async fn found(house: &House, admin: &Person) -> Self {
        let lead = house.invite(admin, "study-lead", None).await;
        let researcher = house.invite(admin, "researcher", None).await;
        let study = json!({
            "name": "Victim support", "controller": "Ministry of Justice",
            "lawful_basis": "public-task", "withdraw_within": "30d", "retain": "2y after session",
        });
        let id = text(&lead.post("/v1/studies", &study).await, "id");
        let until = house
            .service
            .today()
            .saturating_add(jiff::Span::new().days(30));
        let member = json!({ "person": researcher.id, "role": "researcher", "until": until });
        lead.post(&format!("/v1/studies/{id}/members"), &member)
            .await;
        let permit = json!({
            "permit": ["audio", "video", "notes", "transcript"], "name": "Siân", "email": "sian@example.org",
        });
        let participant = lead
            .post(&format!("/v1/studies/{id}/participants"), &permit)
            .await;
        let participant = text(&participant, "id");
        let session = json!({
            "kind": "interview", "date": house.service.today(), "participants": [participant],
        });
        let session = lead
            .post(&format!("/v1/studies/{id}/sessions"), &session)
            .await;
        Self {
            session: text(&session, "id"),
            id,
            lead,
            researcher,
            participant,
        }
    }
}

/// A whole response, less what passes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads a response to its end.
    pub(crate) async fn of(response: Response) -> Self {
        assert!(response.headers().contains_key(DATE));
        let status = response.status();
        let headers = response.headers().iter();
        let mut headers: Vec<_> = headers
            .filter(|(name, _)| !PASSING.contains(&name.as_str()))
            .map(|(name, value)| {
                let value = value.to_str().expect("text").to_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        headers.sort();
        let body = response.bytes().await.expect("a whole body").to_vec();
        Self {
            status,
            headers,
            body,
        }
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The problem it tells of; it must be one.
    pub(crate) fn problem(&self) -> Value {
        let said = String::from_utf8_lossy(&self.body);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{} {said}",
            self.status
        );
        let problem: Value = serde_json::from_slice(&self.body).expect("JSON");
        assert_eq!(*field(&problem, "status"), self.status.as_u16());
        assert!(!text(&problem, "detail").is_empty());
        problem
    }
}

/// A field of a JSON object; null when it is not there.
pub(crate) fn field<'a>(value: &'a Value, key: &str) -> &'a Value {
    value.get(key).unwrap_or(&Value::Null)
}

/// A text in a JSON object.
pub(crate) fn text(value: &Value, key: &str) -> String {
    let text = field(value, key).as_str();
    text.unwrap_or_else(|| panic!("no {key} in {value}"))
        .to_owned()
}

/// The JSON of a response, which must have `status`.
pub(crate) async fn json_of(response: Response, status: StatusCode) -> Value {
    let found = response.status();
    let body = response.text().await.expect("a body");
    assert_eq!(found, status, "{body}");
    serde_json::from_str(&body).expect("JSON")
}
