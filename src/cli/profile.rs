//! Profiles: which gateway, and who you are there. Private files in one folder each.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use age::secrecy::ExposeSecret as _;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::failure::Failure;
use crate::agefile::{Workers, open_file};
use crate::client::{BearerSecret, Client, advice};
use crate::clock::{Clock as _, SystemClock};
use crate::id::PersonId;
use crate::wire::{NewChallenge, ProblemKind, Renewal};

const PROFILE_FILE: &str = "profile.json";
const TOKEN_FILE: &str = "token";
const IDENTITY_FILE: &str = "identity.txt";
const UPLOADS_DIR: &str = "uploads";

/// How long before its end a token is renewed, so that a long transfer does not outlive it.
const RENEWED_BEFORE: Duration = Duration::from_secs(6 * 3600);

/// A profile's folder.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    name: String,
    dir: PathBuf,
}

/// What a profile remembers, but for its secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// The gateway's address.
    pub(super) gateway: String,
    /// Who one is there.
    pub(super) person: PersonId,
    /// When the token stops working.
    pub(super) expires: Timestamp,
    /// A certificate authority to trust beside the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) authority: Option<PathBuf>,
}

impl Remembered {
    fn client(&self, token: Option<BearerSecret>) -> Result<Client, Failure> {
        let gateway = self.gateway.parse()?;
        Ok(Client::new(gateway, token, self.authority.as_deref())?)
    }
}

impl Profile {
    /// The profile called `name`, which need not exist yet.
    pub(super) fn named(name: &str) -> Result<Self, Failure> {
        let plain = !name.is_empty()
            && name.len() <= 64
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !plain {
            return Err(Failure::usage(
                "a profile's name is made of letters, digits, - and _",
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            dir: home()?.join(name),
        })
    }

    /// Where its age identity lies.
    pub(super) fn identity_path(&self) -> PathBuf {
        self.dir.join(IDENTITY_FILE)
    }

    /// Where uploads that are under way are remembered.
    pub(super) fn uploads_path(&self) -> PathBuf {
        self.dir.join(UPLOADS_DIR)
    }

    /// Remembers an enrolment.
    pub(super) fn remember(
        &self,
        remembered: &Remembered,
        token: &BearerSecret,
    ) -> Result<(), Failure> {
        self.make()?;
        let text = serde_json::to_vec_pretty(remembered)
            .map_err(|error| Failure::failed(error.to_string()))?;
        write_private(&self.dir.join(PROFILE_FILE), &text)?;
        write_private(&self.dir.join(TOKEN_FILE), token.expose_secret().as_bytes())
    }

    /// Forgets the token.
    pub(super) fn forget_token(&self) -> Result<(), Failure> {
        match std::fs::remove_file(self.dir.join(TOKEN_FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(refused_by_system(
                "remove",
                &self.dir.join(TOKEN_FILE),
                &error,
            )),
            _ => Ok(()),
        }
    }

    /// What it remembers.
    pub(super) fn read(&self) -> Result<Remembered, Failure> {
        let text = std::fs::read(self.dir.join(PROFILE_FILE)).map_err(|_| self.not_logged_in())?;
        serde_json::from_slice(&text).map_err(|_| {
            Failure::failed(format!(
                "{} does not read; log in again",
                self.dir.join(PROFILE_FILE).display()
            ))
        })
    }

    /// A client of its gateway, with a token that still works for a while.
    ///
    /// A token that is about to expire, or has, is renewed by showing that one holds the identity.
    pub(super) async fn client(&self) -> Result<Client, Failure> {
        let remembered = self.read()?;
        let token = std::fs::read_to_string(self.dir.join(TOKEN_FILE));
        let token = token.map_err(|_| self.not_logged_in())?;
        let token = BearerSecret::new(token.trim().to_owned());
        let ends = remembered.expires.saturating_sub(RENEWED_BEFORE);
        let token = match ends.is_ok_and(|ends| SystemClock.now() < ends) {
            true => token,
            false => self.renewed(&remembered).await?,
        };
        remembered.client(Some(token))
    }

    /// Another token, and the profile that remembers it.
    async fn renewed(&self, remembered: &Remembered) -> Result<BearerSecret, Failure> {
        let client = remembered.client(None)?;
        let person = remembered.person;
        let challenge = client.challenge(&NewChallenge { person }).await?;
        let sealed = BASE64_STANDARD.decode(challenge.sealed).unwrap_or_default();
        let mut answer = Zeroizing::new(Vec::new());
        let identity = self.identity()?;
        let opened = open_file(
            &mut &sealed[..],
            &mut *answer,
            [&identity as &dyn age::Identity],
            &Workers::one(),
        );
        opened.map_err(|_| self.not_let_in_again())?;
        let renewal = Renewal {
            person,
            answer: BASE64_STANDARD.encode(&*answer),
        };
        let renewed = client
            .renew(&renewal)
            .await
            .map_err(|error| match error.problem() {
                Some(ProblemKind::NotEnrolled) => self.not_let_in_again(),
                _ => error.into(),
            })?;
        let token = BearerSecret::new(renewed.token);
        let remembered = Remembered {
            expires: renewed.expires,
            ..remembered.clone()
        };
        self.remember(&remembered, &token)?;
        Ok(token)
    }

    /// The age recipient of its identity, which is made if there is none.
    pub(super) fn recipient(&self) -> Result<String, Failure> {
        self.make()?;
        let path = self.identity_path();
        if path.exists() {
            return Ok(self.identity()?.to_public().to_string());
        }
        let identity = age::x25519::Identity::generate();
        let secret = identity.to_string();
        write_private(&path, format!("{}\n", secret.expose_secret()).as_bytes())?;
        Ok(identity.to_public().to_string())
    }

    /// Its age identity.
    fn identity(&self) -> Result<age::x25519::Identity, Failure> {
        let path = self.identity_path();
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|error| refused_by_system("read", &path, &error))?;
        let text = Zeroizing::new(text);
        let line = text
            .lines()
            .find(|line| line.starts_with("AGE-SECRET-KEY-"));
        line.and_then(|line| line.trim().parse().ok())
            .ok_or_else(|| {
                Failure::failed(format!(
                    "{} is not an age identity; move it away and log in again",
                    path.display()
                ))
            })
    }

    fn make(&self) -> Result<(), Failure> {
        make_private(&self.dir)
    }

    fn not_let_in_again(&self) -> Failure {
        Failure::refused(format!(
            "the token of the profile `{}` has expired and the gateway does not renew it; ask for a new code and log in with it",
            self.name
        ))
    }

    fn not_logged_in(&self) -> Failure {
        Failure::refused(format!(
            "the profile `{}` is not logged in; run `strongroom login URL --code CODE` with the code you were given",
            self.name
        ))
    }
}

/// Makes a folder that nobody else can look into.
pub(super) fn make_private(dir: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| refused_by_system("create", dir, &error))
}

/// Writes a file that nobody else can read, whole or not at all.
pub(super) fn write_private(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    let unfinished = path.with_extension("unfinished");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| file.write_all(contents).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&unfinished, path));
    written.map_err(|error| refused_by_system("write", path, &error))
}

pub(super) fn refused_by_system(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!(
        "cannot {what} {}: {error}{}",
        path.display(),
        advice(error)
    ))
}

/// `$STRONGROOM_HOME`, or the folder for settings that the XDG base directory rules give.
fn home() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(home) = set("STRONGROOM_HOME") {
        return Ok(PathBuf::from(home));
    }
    let config = set("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".config")));
    config
        .map(|config| config.join("strongroom"))
        .ok_or_else(|| {
            Failure::usage("there is no home folder; set STRONGROOM_HOME to a private one")
        })
}
