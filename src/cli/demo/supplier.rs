//! Those outside: the commissioner, who sees nothing, and the supplier's transcriber, who sees what
//! is assigned and sends a transcript back.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;

use jiff::ToSpan as _;

use super::audio;
use super::folder::{Folder, read};
use super::house::{Cast, House, failed};
use super::material::{Material, fetch, upload};
use super::story::{Story, problem};
use crate::agefile::{Workers, open_file};
use crate::cli::failure::Failure;
use crate::cli::profile::{refused_by_system, write_private};
use crate::client::{Client, Target, Unwatched};
use crate::id::ItemId;
use crate::model::{Kind, Purpose};
use crate::wire::{NewAssignment, ProblemKind};

/// The commissioner looks for material and for people, and finds neither.
pub(super) async fn commissioner_looks(
    house: &House,
    cast: &Cast,
    material: &Material,
    desk: &Folder,
    story: &mut Story,
) -> Result<(), Failure> {
    story.step("The commissioner asks for the material, the study and who took part");
    let client = &cast.commissioner.client;
    let nothing = client
        .items(None, None)
        .await
        .map_or(true, |items| items.is_empty());
    story.check("the commissioner is shown no items", nothing);
    let there = desk.join("commissioner");
    let hidden = is_as_if_unknown(house, client, material.short, &there).await?;
    story.check(
        "a recording is no such thing to the commissioner, like one that never was",
        hidden,
    );
    story.check_refused(
        "the commissioner does not learn who takes part",
        &client.participants(material.study).await,
        ProblemKind::NoSuchThing,
        "",
    );
    Ok(())
}

/// An interview goes to a supplier and its transcript comes back; gives the transcript.
pub(super) async fn transcription(
    house: &House,
    cast: &Cast,
    material: &Material,
    desk: &Folder,
    story: &mut Story,
) -> Result<ItemId, Failure> {
    let client = &cast.transcriber.client;
    let there = desk.join("transcriber");

    story.step(
        "The supplier is on the approved list; its transcriber looks before anything is assigned",
    );
    let listed = client.items(None, None).await?;
    let hidden = is_as_if_unknown(house, client, material.short, &there).await?;
    story.check(
        "before an assignment the transcriber sees nothing",
        listed.is_empty() && hidden,
    );

    story.step("The lead assigns the interview for a week; the transcriber fetches a sealed copy");
    let until = house.today().checked_add(7.days()).map_err(failed)?;
    let assignment = NewAssignment {
        supplier: cast.supplier,
        until,
        purpose: Purpose::Transcription,
    };
    cast.lead.client.assign(material.short, &assignment).await?;
    let listed = client.items(None, None).await?;
    let told = match &listed[..] {
        [only] => {
            only.id == material.short && only.participants.is_empty() && only.file_name.is_none()
        }
        _ => false,
    };
    story.check(
        "the transcriber sees that one item, and not who is in it",
        told,
    );
    let target = Target::File {
        path: there.clone(),
        force: true,
    };
    client
        .fetch_sealed(material.short, &[], &target, &Unwatched)
        .await?;
    let sealed = read(&there)?;
    story.note(format!(
        "an age file of {} bytes, for the transcriber's own key",
        sealed.len()
    ));
    let opened = desk.join("transcriber-opened");
    open_sealed(&there, &opened, &cast.identity)?;
    let same = read(&opened)? == audio::INTERVIEW && sealed.starts_with(b"age-encryption.org/v1\n");
    story.check(
        "the sealed copy opens with the transcriber's key, to the same bytes",
        same,
    );
    let hidden = is_as_if_unknown(house, client, material.long, &there).await?;
    story.check(
        "what is not assigned is no such thing to the transcriber",
        hidden,
    );

    story.step("The transcriber sends the transcript back, and the lead reads it");
    let written = desk.join("transcript.txt");
    write_private(&written, audio::TRANSCRIPT.as_bytes())?;
    let transcript = upload(client, &written, material.session, Kind::Transcript).await?;
    let fetched = desk.join("transcript-read");
    fetch(&cast.lead.client, transcript, None, &fetched).await?;
    story.check(
        "the lead reads the transcript as it was sent",
        read(&fetched)? == audio::TRANSCRIPT.as_bytes(),
    );
    Ok(transcript)
}

/// Whether somebody is told the same of an item as of one that never existed: that there is none.
pub(super) async fn is_as_if_unknown(
    house: &House,
    client: &Client,
    item: ItemId,
    there: &Path,
) -> Result<bool, Failure> {
    let never = ItemId::random(&*house.service().vault().means().entropy).map_err(failed)?;
    let (of_it, of_none) = (client.item(item).await, client.item(never).await);
    let looked = problem(&of_it).is_some() && problem(&of_it) == problem(&of_none);
    let of_it = fetch(client, item, None, there).await;
    let of_none = fetch(client, never, None, there).await;
    let fetched = problem(&of_it).is_some() && problem(&of_it) == problem(&of_none);
    let none = problem(&of_it).is_some_and(|told| told.kind == ProblemKind::NoSuchThing);
    Ok(looked && fetched && none)
}

fn open_sealed(from: &Path, to: &Path, identity: &age::x25519::Identity) -> Result<(), Failure> {
    let file = File::open(from).map_err(|error| refused_by_system("read", from, &error))?;
    let opened = File::create(to).map_err(|error| refused_by_system("write", to, &error))?;
    let mut opened = BufWriter::new(opened);
    let identities = [identity as &dyn age::Identity];
    open_file(
        &mut BufReader::new(file),
        &mut opened,
        identities,
        &Workers::one(),
    )
    .map_err(failed)?;
    opened
        .flush()
        .map_err(|error| refused_by_system("write", to, &error))
}
