//! A participant withdraws: frozen at once, destroyed when a second person says so, certified.

use super::audio;
use super::folder::{Folder, read};
use super::house::{Cast, House, failed};
use super::material::{Material, fetch};
use super::story::Story;
use super::supplier::is_as_if_unknown;
use crate::cli::failure::Failure;
use crate::id::{ErasureId, ItemId};
use crate::model::{Actor, ErasureStage};
use crate::objects::{Family, ObjectKey};
use crate::wire::{NewWithdrawal, ProblemKind};
use crate::work::certificate;

/// The participant withdraws; gives the erasure that waits for a second person.
pub(super) async fn withdraw(
    cast: &Cast,
    material: &Material,
    desk: &Folder,
    story: &mut Story,
) -> Result<ErasureId, Failure> {
    story.step(
        "The participant withdraws; information governance records it and is asked for no reason",
    );
    let officer = &cast.officer.client;
    let withdrawal = NewWithdrawal::default();
    let answer = officer.withdraw(material.participant, &withdrawal).await?;
    story.note(format!("{} items are frozen", answer.frozen_items));
    story.check(
        "the withdrawal is in time and freezes everything of theirs",
        answer.in_time && answer.frozen_items == 3,
    );
    let there = desk.join("frozen");
    story.check_refused(
        "from that moment the lead cannot open the recording",
        &fetch(&cast.lead.client, material.short, None, &there).await,
        ProblemKind::Refused,
        "withdrawal",
    );
    story.check_refused(
        "to the transcriber it is gone, without a reason",
        &fetch(&cast.transcriber.client, material.short, None, &there).await,
        ProblemKind::NoSuchThing,
        "",
    );

    story.step("The officer who recorded it tries to approve the erasure alone");
    story.check_refused(
        "nobody approves the erasure they asked for",
        &officer.approve_erasure(answer.id).await,
        ProblemKind::Refused,
        "colleague",
    );
    Ok(answer.id)
}

/// A second person approves, and the keys are destroyed.
pub(super) async fn erase(
    house: &House,
    cast: &Cast,
    material: &Material,
    transcript: ItemId,
    erasure: ErasureId,
    desk: &Folder,
    story: &mut Story,
) -> Result<(), Failure> {
    story.step("A second officer approves; keys and root are destroyed, the ciphertext is deleted");
    let erased = cast.second_officer.client.approve_erasure(erasure).await?;
    story.note(format!(
        "{} keys destroyed, {} items, epoch {}",
        erased.keys,
        erased.items,
        erased.epoch.unwrap_or_default()
    ));
    let certified = erased.stage == ErasureStage::Certified && erased.items == 3;
    story.check("the erasure ran to its certificate", certified);

    let erased = [material.short, material.long, transcript];
    let there = desk.join("erased");
    let mut gone = true;
    for member in cast.members() {
        for item in erased {
            gone &= is_as_if_unknown(house, &member.client, item, &there).await?;
        }
    }
    story.check(
        "to everybody, what was erased is as if it had never been",
        gone,
    );

    let store = house.service().store();
    let mut absent = true;
    for item in erased {
        let object = store
            .head(ObjectKey::Material(item))
            .await
            .map_err(failed)?;
        absent &= object.is_none();
    }
    let left = store
        .list(Family::Material, None)
        .await
        .map_err(failed)?
        .entries;
    let only_notes = match &left[..] {
        [only] => only.key == Ok(ObjectKey::Material(material.notes)),
        _ => false,
    };
    story.check(
        "the bucket holds none of it any more, and still what was not erased",
        absent && only_notes,
    );

    fetch(&cast.lead.client, material.notes, None, &there).await?;
    story.check(
        "the other participant's notes still open",
        read(&there)? == audio::NOTES.as_bytes(),
    );
    Ok(())
}

/// The certificate is verified as its receiver would: with the public key, and nothing else.
pub(super) async fn verify_certificate(
    cast: &Cast,
    material: &Material,
    erasure: ErasureId,
    story: &mut Story,
) -> Result<(), Failure> {
    story.step("The certificate is verified offline, with nothing but the vault's public key");
    let officer = &cast.second_officer.client;
    let (note, key) = (
        officer.certificate(erasure).await?,
        officer.verifier_key().await?.key,
    );
    let certificate = certificate::verify(&note, &key);
    let says = certificate.as_ref().is_ok_and(|certificate| {
        let says = &certificate.statement;
        says.erasure == erasure
            && says.participants == [material.participant]
            && says.objects_deleted.len() == 3
            && says.requested.0 == Actor::Person(cast.officer.id)
            && says
                .approved
                .iter()
                .map(|(person, _)| *person)
                .eq([cast.second_officer.id])
    });
    story.check(
        "the certificate verifies, and says whose data went and on whose word",
        says,
    );
    let mut tried = 0;
    let mut believed = 0;
    for place in (0..note.len()).step_by(7) {
        let mut changed = note.clone().into_bytes();
        if let Some(byte) = changed.get_mut(place) {
            *byte ^= 1;
        }
        tried += 1;
        believed += usize::from(
            String::from_utf8(changed).is_ok_and(|note| certificate::verify(&note, &key).is_ok()),
        );
    }
    story.note(format!(
        "{tried} times one of its {} bytes was changed; believed {believed} times",
        note.len()
    ));
    story.check(
        "with any byte changed it is refused",
        tried > 0 && believed == 0,
    );
    Ok(())
}
