//! `upload`: files to a session, several at once, going on where they were interrupted.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use futures::{StreamExt as _, stream};
use serde_json::json;

use super::failure::Failure;
use super::output::Output;
use super::profile::{Profile, make_private, write_private};
use super::progress::Bar;
use crate::client::{Client, Resumption, Source, Uploaded};
use crate::entropy::{Entropy as _, SystemEntropy};
use crate::id::{ItemId, SessionId};
use crate::model::{Digest, IdempotencyKey, Kind, Text, Tier};
use crate::wire::{Destination, MadeFrom, Origin};

/// Files on their way at once.
const AT_ONCE: usize = 8;

/// Bring recordings, transcripts, notes and photographs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The session they come from.
    #[arg(long, required_unless_present = "from")]
    session: Option<SessionId>,
    /// audio, video, screen, photo, notes, transcript or survey.
    #[arg(long)]
    kind: Kind,
    /// The item it is a version of, without those who withdraw; one file at a time.
    #[arg(long, value_name = "ITEM")]
    redacts: Option<ItemId>,
    /// The items they were made from, instead of a session.
    #[arg(long, value_name = "ITEM", value_delimiter = ',', requires = "tier", conflicts_with_all = ["session", "redacts"])]
    from: Vec<ItemId>,
    /// How far from people it is: de-identified or anonymised. A second person checks it.
    #[arg(long, requires = "from")]
    tier: Option<Tier>,
    /// The participant group it speaks of, one of the study's.
    #[arg(long, requires = "from")]
    group: Option<Text>,
    /// It has somebody's own words in it.
    #[arg(long, requires = "from")]
    quotes: bool,
    /// A field of the study's that it shows; may be repeated.
    #[arg(long, value_name = "FIELD", requires = "from")]
    shows: Vec<Text>,
}

impl Args {
    /// Where the files go and what they are.
    fn destination(&self) -> Result<Destination, Failure> {
        let origin = match (self.session, self.redacts, self.tier) {
            (Some(session), None, _) => Origin::Session(session),
            (Some(session), Some(redacts), _) => Origin::Version { session, redacts },
            (None, _, Some(tier)) => Origin::Items(MadeFrom {
                from: self.from.clone(),
                tier,
                group: self.group.clone(),
                quotes: self.quotes,
                shows: self.shows.clone(),
            }),
            (None, ..) => {
                return Err(Failure::usage(
                    "name the session they come from (--session), or the items they were made from (--from, --tier)",
                ));
            }
        };
        Ok(Destination {
            kind: self.kind,
            origin,
        })
    }
}

pub(super) async fn run(args: Args, profile: &Profile, out: &Output) -> Result<(), Failure> {
    if args.redacts.is_some() && args.files.len() > 1 {
        return Err(Failure::usage(
            "one file stands for an item without those who withdraw; give one at a time",
        ));
    }
    let client = profile.client().await?;
    let (client, out) = (&client, *out);
    let to = &args.destination()?;
    let memory = &Memory::of(profile, client, to)?;
    let uploads = args.files.into_iter().map(|path| async move {
        let uploaded = one(client, memory, &path, to, out).await;
        (path, uploaded)
    });
    let mut uploads = stream::iter(uploads).buffered(AT_ONCE);
    let mut first_failure = None;
    while let Some((path, uploaded)) = uploads.next().await {
        match uploaded {
            Ok(uploaded) => told(&path, &uploaded, out),
            Err(failure) => {
                // The others go on; the last word is the first failure's.
                match first_failure {
                    None => first_failure = Some(failure),
                    Some(_) => out.failure(&failure),
                }
            }
        }
    }
    match first_failure {
        None => {
            memory.forget_seed();
            Ok(())
        }
        Some(failure) => Err(failure),
    }
}

async fn one(
    client: &Client,
    memory: &Memory,
    path: &Path,
    to: &Destination,
    out: Output,
) -> Result<Uploaded, Failure> {
    let source = Source::open(path)?;
    let name = source.name().unwrap_or_default();
    let bar = Bar::new(&name, out.is_json());
    Ok(client
        .upload(&source, to, &memory.of_file(&source), &bar)
        .await?)
}

fn told(path: &Path, uploaded: &Uploaded, out: Output) {
    let answer = json!({
        "file": path.to_string_lossy(),
        "id": uploaded.item,
        "bytes": uploaded.bytes,
        "interruptions": uploaded.interruptions,
    });
    out.answer(&answer, || {
        format!(
            "{} is kept as {} ({} bytes). The copy on this machine is yours to destroy.",
            path.display(),
            uploaded.item,
            uploaded.bytes
        )
    });
}

/// Remembers uploads by the file, where it goes and the gateway, none of which it writes down.
///
/// A file that is sent in parts has its location remembered. Short ones are announced by keys drawn from
/// one seed, which is remembered until all of a command's files are through: should it be ended, or a file
/// fail, the same command finds again what it brought.
struct Memory {
    dir: PathBuf,
    /// What the files have in common.
    to: String,
    seed: OnceLock<Option<String>>,
}

impl Memory {
    fn of(profile: &Profile, client: &Client, to: &Destination) -> Result<Self, Failure> {
        let metadata = to.metadata();
        let metadata = metadata.iter().map(|(_, text)| text.as_str());
        let metadata = metadata.collect::<Vec<_>>().join(" ");
        let dir = profile.uploads_path();
        make_private(&dir)?;
        Ok(Self {
            dir,
            to: format!("{} {metadata}", client.gateway()),
            seed: OnceLock::new(),
        })
    }

    fn of_file(&self, source: &Source) -> MemoryOfFile<'_> {
        let file = source.fingerprint().digest();
        MemoryOfFile {
            path: self.dir.join(digest_of(&format!("{} {file}", self.to))),
            memory: self,
            file,
        }
    }

    fn seed_path(&self) -> PathBuf {
        self.dir.join(digest_of(&format!("seed {}", self.to)))
    }

    /// The seed that was remembered, or another that now is; none where nothing can be written.
    fn seed(&self) -> Option<&str> {
        let seed = self.seed.get_or_init(|| {
            let path = self.seed_path();
            if let Ok(seed) = std::fs::read_to_string(&path) {
                return Some(seed);
            }
            let mut drawn = [0; 32];
            SystemEntropy::new().fill(&mut drawn).ok()?;
            let drawn = Digest::from_bytes(drawn).to_string();
            match write_private(&path, drawn.as_bytes()) {
                Ok(()) => Some(drawn),
                Err(failure) => {
                    tracing::warn!(%failure, "the files are announced one by one");
                    None
                }
            }
        });
        seed.as_deref()
    }

    fn forget_seed(&self) {
        if self.seed.get().is_some() {
            let _ = std::fs::remove_file(self.seed_path());
        }
    }
}

fn digest_of(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string()
}

struct MemoryOfFile<'a> {
    memory: &'a Memory,
    file: String,
    path: PathBuf,
}

impl Resumption for MemoryOfFile<'_> {
    fn key(&self) -> Option<IdempotencyKey> {
        let seed = self.memory.seed()?;
        digest_of(&format!("{seed} {}", self.file)).parse().ok()
    }

    fn recall(&self) -> Option<String> {
        let location = std::fs::read_to_string(&self.path).ok()?;
        Some(location.trim().to_owned())
    }

    fn remember(&self, location: &str) {
        if let Err(failure) = write_private(&self.path, location.as_bytes()) {
            tracing::warn!(%failure, "should the program be ended, this upload begins again");
        }
    }

    fn forget(&self) {
        // It may never have been written.
        let _ = std::fs::remove_file(&self.path);
    }
}
