//! `upload`: files to a session, several at once, going on where they were interrupted.

use std::path::{Path, PathBuf};

use futures::{StreamExt as _, stream};
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::failure::Failure;
use super::output::Output;
use super::profile::{Profile, make_private, write_private};
use super::progress::Bar;
use crate::client::{Client, Resumption, Source, Uploaded};
use crate::id::{ItemId, SessionId};
use crate::model::{Kind, Text, Tier};
use crate::wire::{Destination, MadeFrom, Origin};

/// Files on their way at once.
const AT_ONCE: usize = 4;

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
    let (client, out, profile) = (&client, *out, profile);
    let to = &args.destination()?;
    let uploads = args.files.into_iter().map(|path| async move {
        let uploaded = one(client, profile, &path, to, out).await;
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
    first_failure.map_or(Ok(()), Err)
}

async fn one(
    client: &Client,
    profile: &Profile,
    path: &Path,
    to: &Destination,
    out: Output,
) -> Result<Uploaded, Failure> {
    let source = Source::open(path)?;
    let memory = Memory::of(profile, client, &source, to)?;
    let name = source.name().unwrap_or_default();
    let bar = Bar::new(&name, out.is_json());
    Ok(client.upload(&source, to, &memory, &bar).await?)
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

/// Remembers an upload by the file, where it goes and the gateway, none of which it writes down.
struct Memory {
    path: PathBuf,
}

impl Memory {
    fn of(
        profile: &Profile,
        client: &Client,
        source: &Source,
        to: &Destination,
    ) -> Result<Self, Failure> {
        let metadata = to.metadata();
        let metadata = metadata.iter().map(|(_, text)| text.as_str());
        let what = format!(
            "{} {} {}",
            client.gateway(),
            source.fingerprint().digest(),
            metadata.collect::<Vec<_>>().join(" ")
        );
        let digest = digest(&SHA256, what.as_bytes());
        let name: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        let path = profile.upload_path(&name);
        if let Some(dir) = path.parent() {
            make_private(dir)?;
        }
        Ok(Self { path })
    }
}

impl Resumption for Memory {
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
