//! What is kept: a study, two people who take part in it, their recordings, and what of it all can
//! be seen in the bucket.

use std::path::{Path, PathBuf};

use jiff::ToSpan as _;

use super::audio;
use super::folder::{Folder, Trace, hex, read, search, size};
use super::house::{Cast, House, Member, failed, text};
use super::story::Story;
use crate::agefile::sealed_length;
use crate::cli::failure::Failure;
use crate::cli::profile::write_private;
use crate::client::{Client, ClientError, Resumption, Source, Target, Unwatched};
use crate::id::{ItemId, ParticipantId, SessionId, StudyId};
use crate::model::{
    IdempotencyKey, Kind, LawfulBasis, Permission, Purpose, Role, SessionKind, Terms,
};
use crate::objects::ObjectKey;
use crate::wire::{Destination, NewMembership, NewParticipant, NewSession, NewStudy, ProblemKind};

/// Who takes part; invented, and looked for in every byte that is kept.
const NAME: &str = "Margaret Ellison";
const EMAIL: &str = "margaret.ellison@example.org";
const OTHER_NAME: &str = "Desmond Okafor";
const OTHER_EMAIL: &str = "desmond.okafor@example.org";

const SHORT: &str = "interview.wav";
const LONG: &str = "interview-continued.wav";
const NOTES: &str = "observations.txt";

/// Bytes of an object that are shown.
const SHOWN: usize = 32;
/// Bytes of a recording that are looked for.
const TRACE: usize = 48;

/// The study, and everything that was brought.
pub(super) struct Material {
    pub(super) study: StudyId,
    /// Who will withdraw.
    pub(super) participant: ParticipantId,
    /// Their interview.
    pub(super) session: SessionId,
    /// Its recording, and the long one.
    pub(super) short: ItemId,
    pub(super) long: ItemId,
    /// The notes of who stays and permits nothing else.
    pub(super) notes: ItemId,
    long_file: PathBuf,
}

/// Founds the study and adds who takes part.
pub(super) async fn gather(
    house: &House,
    cast: &Cast,
    desk: &Folder,
    story: &mut Story,
) -> Result<Material, Failure> {
    story.step("The lead founds a study and admits the researcher for a year");
    let terms = Terms {
        controller: Some(text("The commissioning department")?),
        lawful_basis: Some(LawfulBasis::PublicTask),
        withdraw_within: Some("30d".parse().map_err(failed)?),
        retain: Some("2y after session".parse().map_err(failed)?),
        ..Terms::default()
    };
    let study = NewStudy::of(text("Living under supervision")?, None, terms);
    let study = cast.lead.client.create_study(&study).await?.id;
    let until = house.today().checked_add(1.year()).map_err(failed)?;
    let membership = NewMembership {
        person: cast.researcher.id,
        role: Role::Researcher,
        until,
        purpose: Purpose::Research,
        sees: None,
    };
    cast.lead.client.admit(study, &membership).await?;

    story.step("Two people agree to take part: one to be recorded, the other only to notes");
    let permits = [Permission::Audio, Permission::Transcript, Permission::Video];
    let (participant, session) =
        taking_part(house, &cast.researcher, study, NAME, EMAIL, &permits).await?;
    let permits = [Permission::Notes];
    let (_, other_session) = taking_part(
        house,
        &cast.researcher,
        study,
        OTHER_NAME,
        OTHER_EMAIL,
        &permits,
    )
    .await?;
    story.note("their names and addresses are sealed, each under a key of their own");

    let files = [
        (SHORT, audio::INTERVIEW.to_vec()),
        (LONG, audio::long_interview()),
        (NOTES, audio::NOTES.as_bytes().to_vec()),
    ];
    let long = size(files[1].1.len() as u64);
    story.step(format!(
        "The researcher uploads {SHORT} (13 s of speech), {LONG} ({long}, in parts) and {NOTES}"
    ));
    let laptop = desk.make("laptop")?;
    for (name, bytes) in &files {
        write_private(&laptop.join(name), bytes)?;
    }
    let client = &cast.researcher.client;
    let short = upload(client, &laptop.join(SHORT), session, Kind::Audio).await?;
    let long = upload(client, &laptop.join(LONG), session, Kind::Audio).await?;
    let notes = upload(client, &laptop.join(NOTES), other_session, Kind::Notes).await?;
    let material = Material {
        study,
        participant,
        session,
        short,
        long,
        notes,
        long_file: laptop.join(LONG),
    };
    for (item, (name, bytes)) in [short, long, notes].into_iter().zip(&files) {
        let kept = house
            .service()
            .store()
            .head(ObjectKey::Material(item))
            .await;
        let kept = kept.map_err(failed)?.map(|object| object.bytes);
        let expected = sealed_length(bytes.len() as u64);
        story.check(
            format!("{name} is in the bucket, whole"),
            kept.is_some() && kept == expected,
        );
    }

    story.step("The researcher tries to add a recording of the one who permitted notes only");
    let forbidden = upload(client, &laptop.join(SHORT), other_session, Kind::Audio).await;
    story.check_refused(
        "an upload without permission is refused, naming the permission",
        &forbidden,
        ProblemKind::Refused,
        Permission::Audio.name(),
    );
    Ok(material)
}

/// Looks at what lies in the bucket and in the vault's folder, as a thief would.
pub(super) async fn look_at_rest(
    house: &House,
    material: &Material,
    story: &mut Story,
) -> Result<(), Failure> {
    story.step("A thief looks into the bucket, and into every file of the vault");
    let object = ObjectKey::Material(material.short);
    let download = house.service().store().get(object, 0..SHOWN as u64).await;
    let first = download.map_err(failed)?.next().await;
    let first = first.transpose().map_err(failed)?.unwrap_or_default();
    story.note(format!(
        "{SHORT} begins:   {}",
        hex(audio::INTERVIEW.get(..SHOWN).unwrap_or_default())
    ));
    story.note(format!("the object begins:      {}", hex(&first)));
    let sealed = first.len() == SHOWN
        && !audio::INTERVIEW.starts_with(&first)
        && !first.starts_with(b"RIFF");
    story.check("the bucket does not hold the recording as it was", sealed);
    look_for_traces(
        house,
        material,
        "of what was brought, nothing can be read anywhere at rest",
        story,
    )
}

/// Looks once more, when everything has happened.
pub(super) fn look_again(
    house: &House,
    material: &Material,
    story: &mut Story,
) -> Result<(), Failure> {
    story.step("The thief looks again, now that everything was opened, sent out and erased");
    let promise =
        "nor can it afterwards: not in the journal, the index, the audit or the certificate";
    look_for_traces(house, material, promise, story)
}

/// Looks for names, addresses, file names, speech and words in all that is kept.
fn look_for_traces(
    house: &House,
    material: &Material,
    promise: &str,
    story: &mut Story,
) -> Result<(), Failure> {
    // That the search would find something is shown on the laptop, where everything is.
    let traces = traces(material)?;
    let laptop = material.long_file.parent().unwrap_or(Path::new("."));
    let control = search(laptop, &traces)?;
    let kept = search(house.dir(), &traces)?;
    story.note(format!(
        "{} files, {}: {} of {} traces found; on the laptop, where the recordings are, the same search finds {}",
        kept.files,
        size(kept.bytes),
        kept.found.len(),
        traces.len(),
        control.found.len()
    ));
    for found in &kept.found {
        story.note(format!("found: {found}"));
    }
    story.check(
        promise,
        kept.found.is_empty() && kept.files > 0 && !control.found.is_empty(),
    );
    Ok(())
}

/// Fetches the recordings back, whole and in part.
pub(super) async fn fetch_back(
    cast: &Cast,
    material: &Material,
    desk: &Folder,
    story: &mut Story,
) -> Result<(), Failure> {
    story.step("The lead fetches both recordings, and a passage from the middle of the long one");
    let client = &cast.lead.client;
    let there = desk.join("fetched");
    let long = read(&material.long_file)?;
    let mut same = true;
    for (item, bytes) in [(material.short, audio::INTERVIEW), (material.long, &long)] {
        fetch(client, item, None, &there).await?;
        same &= read(&there)? == bytes;
    }
    story.check("what is fetched is what was brought, byte for byte", same);
    // Across the borders of chunks and of the parts it was uploaded in.
    let middle = long.len() as u64 / 2;
    let passage = middle - 100_001..middle + 100_003;
    fetch(client, material.long, Some(passage.clone()), &there).await?;
    let (start, end) = (long.len() / 2 - 100_001, long.len() / 2 + 100_003);
    let same = long
        .get(start..end)
        .is_some_and(|expected| read(&there).is_ok_and(|got| got == expected));
    story.check("a passage from the middle is the same as in the file", same);
    let seen = client.item(material.short).await?;
    story.check(
        "the team is told what the file was called",
        seen.file_name.as_deref() == Some(SHORT),
    );
    Ok(())
}

/// Uploads a file, from its beginning.
pub(super) async fn upload(
    client: &Client,
    path: &Path,
    session: SessionId,
    kind: Kind,
) -> Result<ItemId, ClientError> {
    let source = Source::open(path)?;
    let to = Destination::new(session, kind);
    let uploaded = client.upload(&source, &to, &Forgetful, &Unwatched);
    Ok(uploaded.await?.item)
}

/// Fetches an item, or a range of it, to a file.
pub(super) async fn fetch(
    client: &Client,
    item: ItemId,
    range: Option<std::ops::Range<u64>>,
    path: &Path,
) -> Result<(), ClientError> {
    let target = Target::File {
        path: path.to_path_buf(),
        force: true,
    };
    client
        .fetch(item, range, &target, &Unwatched)
        .await
        .map(drop)
}

async fn taking_part(
    house: &House,
    researcher: &Member,
    study: StudyId,
    name: &str,
    email: &str,
    permits: &[Permission],
) -> Result<(ParticipantId, SessionId), Failure> {
    let participant = NewParticipant {
        permit: permits.iter().copied().collect(),
        name: Some(text(name)?),
        email: Some(text(email)?),
        ..NewParticipant::default()
    };
    let participant = researcher
        .client
        .add_participant(study, &participant)
        .await?
        .id;
    let session = NewSession {
        kind: SessionKind::Interview,
        date: house.today(),
        participants: vec![participant],
        redact_within_days: None,
    };
    let session = researcher.client.add_session(study, &session).await?.id;
    Ok((participant, session))
}

/// What must be found nowhere: who took part, what the files were called, what is in them.
fn traces(material: &Material) -> Result<Vec<Trace>, Failure> {
    let long = read(&material.long_file)?;
    let piece = |bytes: &[u8], at: usize| bytes.get(at..at + TRACE).unwrap_or_default().to_vec();
    let words = |text: &str| text.get(..TRACE).unwrap_or(text).as_bytes().to_vec();
    Ok(vec![
        ("a participant's name", NAME.as_bytes().to_vec()),
        ("a participant's address", EMAIL.as_bytes().to_vec()),
        ("the other's name", OTHER_NAME.as_bytes().to_vec()),
        ("the other's address", OTHER_EMAIL.as_bytes().to_vec()),
        ("a file's name", SHORT.as_bytes().to_vec()),
        ("another file's name", LONG.as_bytes().to_vec()),
        (
            "the first bytes of the recording",
            piece(audio::INTERVIEW, 0),
        ),
        (
            "speech",
            piece(audio::INTERVIEW, audio::INTERVIEW.len() / 2),
        ),
        ("the first bytes of the long recording", piece(&long, 0)),
        ("sound", piece(&long, long.len() / 2)),
        ("words of the notes", words(audio::NOTES)),
        ("words of the transcript", words(audio::TRANSCRIPT)),
    ])
}

/// Remembers nothing: the story's uploads are not interrupted.
struct Forgetful;

impl Resumption for Forgetful {
    fn key(&self) -> Option<IdempotencyKey> {
        None
    }
    fn recall(&self) -> Option<String> {
        None
    }
    fn remember(&self, _location: &str) {}
    fn forget(&self) {}
}
