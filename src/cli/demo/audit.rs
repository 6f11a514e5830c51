//! The record of it all: verified whole, complete, and naming nobody.

use super::house::{Cast, House, failed};
use super::material::Material;
use super::story::Story;
use crate::cli::failure::Failure;
use crate::id::ErasureId;
use crate::journal::{NoteVerifier, origin};
use crate::model::{Action, Actor};
use crate::wire::AuditEntry;

/// Entries asked for at once.
const PAGE: usize = 500;

/// Information governance reads and verifies what was recorded.
pub(super) async fn verify(
    house: &House,
    cast: &Cast,
    material: &Material,
    erasure: ErasureId,
    story: &mut Story,
) -> Result<(), Failure> {
    story.step("Information governance verifies the audit, and reads who opened the recording");
    let client = &cast.second_officer.client;
    let verified = client.verify_audit().await?;
    let key = NoteVerifier::parse(client.verifier_key().await?.key.trim()).map_err(failed)?;
    let checkpoint = key.verify(&verified.checkpoint).map_err(failed)?;
    let ours = checkpoint.starts_with(&origin(&house.service().vault().id()))
        && checkpoint.contains(&verified.root)
        && verified.records > 0;
    story.note(format!(
        "{} records, root {}",
        verified.records, verified.root
    ));
    story.check("the whole journal verifies, and its root is signed", ours);

    let mut entries: Vec<AuditEntry> = Vec::new();
    let mut cursor = None;
    loop {
        let page = client.audit(cursor, PAGE).await?;
        entries.extend(page.entries);
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let about = |entry: &AuditEntry, field: &str, value: &str| {
        entry.detail.get(field).and_then(|found| found.as_str()) == Some(value)
    };
    let item = material.short.to_string();
    let mut readers: Vec<&str> = Vec::new();
    for entry in entries.iter().filter(|entry| {
        entry.event == "accessed"
            && about(entry, "action", Action::OpenItem.name())
            && about(entry, "resource", &item)
    }) {
        let who = cast
            .members()
            .into_iter()
            .find(|member| Actor::Person(member.id) == entry.by);
        readers.extend(who.map(|member| member.who));
    }
    story.note(format!("{item} was opened by: {}", readers.join(", ")));
    let complete = readers == [cast.lead.who, cast.transcriber.who];
    story.check(
        "each opening of the recording is on record, and no other",
        complete,
    );
    let told = |event: &str| {
        let mut of_it = entries.iter().filter(|entry| entry.event == event);
        of_it.any(|entry| entry.detail.to_string().contains(&erasure.to_string()))
    };
    let steps = [
        "withdrawal-recorded",
        "erasure-approved",
        "keys-destroyed",
        "old-root-effaced",
        "ciphertext-deleted",
        "erasure-certified",
    ];
    story.check(
        "every step of the erasure is on record",
        steps.into_iter().all(told),
    );
    Ok(())
}
