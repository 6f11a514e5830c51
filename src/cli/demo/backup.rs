//! The backup that somebody made before the erasure: what it opens with the root of its own time,
//! and what with everything that exists afterwards.

use std::path::PathBuf;

use super::audio;
use super::folder::{self, Folder};
use super::house::{House, failed};
use super::material::Material;
use super::story::Story;
use crate::agefile::{ChunkSpan, FileKey, Opener, PayloadKey};
use crate::cli::failure::Failure;
use crate::cli::serve::means;
use crate::cli::unlock::identities;
use crate::index::tables;
use crate::keyring::{FileSlot, KeyTree, MemoryNodes, Root, RootSlot as _};
use crate::model::{Item, LeafNumber, NodeId};
use crate::objects::{CredentialsSource, ObjectKey};
use crate::vault::{Vault, View};
use crate::work::{self, Service};

const SLOT: &str = "root.slot";

/// A copy of the vault's folder, its bucket, its root slot and its unlock identity.
pub(super) struct Backup(PathBuf);

/// What was found in the backup with its own root, to be tried with the one that came after.
pub(super) struct Found {
    rows: MemoryNodes,
    leaves: Vec<LeafNumber>,
    root: Root,
}

/// Copies everything there is, as a disk image or a careless backup would.
pub(super) fn make(house: &House, desk: &Folder, story: &mut Story) -> Result<Backup, Failure> {
    story.step("Somebody makes a backup: the folder, the bucket, even the root slot, all of it");
    let backup = desk.join("backup");
    folder::copy(house.dir(), &backup)?;
    story.note("root slots belong in no backup; this one is here to show why");
    Ok(Backup(backup))
}

/// The control: with the slot of its own time, the backup gives up everything.
pub(super) async fn open_with_its_own_root(
    house: &House,
    material: &Material,
    backup: &Backup,
    desk: &Folder,
    story: &mut Story,
) -> Result<Found, Failure> {
    story
        .step("After the erasure, the backup is opened with the root slot that was copied with it");
    let dir = desk.join("backup-with-its-own-root");
    folder::copy(&backup.0, &dir)?;
    let identities = identities(None, &dir)?;
    let opened = work::open(&dir, &identities, CredentialsSource::Standard, means());
    let (service, _) = opened.await?;
    let (item, leaves, rows) = {
        let view = service.vault().view().map_err(failed)?;
        let (item, leaves) = keys_of(&view, material)?;
        (item, leaves, rows_of(&view)?)
    };
    let plain = open_item(&service, &item).await?;
    story.check(
        "control: with the OLD root a backup would open what was erased, so the old root must die",
        plain == audio::INTERVIEW,
    );
    story.note(
        "with the old root, the recording opens whole: whoever kept that slot could still hear it",
    );
    service.close().await?;
    let mut roots = FileSlot::open(&dir.join(SLOT))
        .and_then(|slot| slot.read(house.service().vault().id(), &identities))
        .map_err(failed)?
        .roots;
    let root = roots
        .pop()
        .ok_or_else(|| failed("the backup's root slot is empty"))?;
    Ok(Found { rows, leaves, root })
}

/// The promise: with every secret that exists after the erasure, the backup gives up nothing.
pub(super) fn open_with_what_is_left(
    house: &House,
    backup: &Backup,
    found: &Found,
    desk: &Folder,
    story: &mut Story,
) -> Result<(), Failure> {
    story.step("The same backup, put together with the root slot as it is after the erasure");
    let dir = desk.join("backup-with-todays-root");
    folder::copy(&backup.0, &dir)?;
    let (today, slot) = (house.dir().join(SLOT), dir.join(SLOT));
    std::fs::copy(&today, &slot)
        .map_err(|error| failed(format!("cannot copy the slot: {error}")))?;
    let identities = house.identities()?;
    let opened = Vault::open(&dir, &identities, means());
    if let Err(reason) = &opened {
        story.note(format!("the vault says: {reason}"));
    }
    story.check(
        "put together with today's root, the backup does not open",
        opened.is_err(),
    );
    drop(opened);

    story.step(
        "A thief leaves our program aside and tries today's root on the backup's keys by hand",
    );
    let vault = house.service().vault();
    let slot = FileSlot::open(&slot).map_err(failed)?;
    let roots = slot.read(vault.id(), &identities).map_err(failed)?.roots;
    let none_left = roots.iter().all(|root| root.epoch > found.root.epoch);
    story.check(
        "the old root is in today's slot no more",
        none_left && !roots.is_empty(),
    );
    let old = folder::read(&backup.0.join(SLOT))?;
    let old = sealed_root(&old).ok_or_else(|| failed("the backup's root slot holds no root"))?;
    let effaced = !folder::read(&today)?
        .windows(old.len())
        .any(|bytes| bytes == old);
    story.check(
        "nor are the bytes it was sealed in: they were overwritten where they lay",
        effaced,
    );
    let rows = {
        let view = vault.view().map_err(failed)?;
        rows_of(&view)?
    };
    let mixed = overlaid(&found.rows, &rows);
    let opens = |tree: &KeyTree, rows| {
        let opened = found
            .leaves
            .iter()
            .filter(|leaf| tree.unwrap(rows, **leaf).is_ok());
        opened.count()
    };
    let control = opens(&found.root.tree(), &found.rows);
    let mut opened = opens(&found.root.tree(), &rows);
    for root in &roots {
        for rows in [&found.rows, &rows, &mixed] {
            opened += opens(&root.tree(), rows);
        }
    }
    story.note(format!(
        "of {} erased keys, the old root opened {control} in the backup; today's root opens {opened}, in the backup, in today's index, or in both together",
        found.leaves.len()
    ));
    story.check(
        "no key of what was erased opens, with every wrapped key old and new and today's root",
        control == found.leaves.len() && opened == 0,
    );
    Ok(())
}

/// The item, and the keys that went with it: its own, and its participants'.
fn keys_of(view: &View<'_>, material: &Material) -> Result<(Item, Vec<LeafNumber>), Failure> {
    let reader = view.reader();
    let item = row_of(reader.get(&tables::ITEMS, &material.short))?;
    let long = row_of(reader.get(&tables::ITEMS, &material.long))?;
    let person = row_of(reader.get(&tables::PARTICIPANTS, &material.participant))?;
    let leaves = vec![item.key, long.key, person.material_key, person.contact_key];
    Ok((item, leaves))
}

fn row_of<T, E: std::fmt::Display>(row: Result<Option<T>, E>) -> Result<T, Failure> {
    row.map_err(failed)?
        .ok_or_else(|| failed("the backup lacks a row that it must have"))
}

/// Bytes of the root in a slot as age sealed it, behind the header.
fn sealed_root(slot: &[u8]) -> Option<&[u8]> {
    let after = |bytes: &'_ [u8], mark: &[u8]| {
        let at = bytes.windows(mark.len()).position(|here| here == mark)?;
        Some(at + mark.len())
    };
    let file = slot.get(after(slot, b"age-encryption.org/v1\n")?..)?;
    let mac = file.get(after(file, b"\n--- ")?..)?;
    mac.get(after(mac, b"\n")?..)?.get(..64)
}

/// Every wrapped key there is.
fn rows_of(view: &View<'_>) -> Result<MemoryNodes, Failure> {
    let rows = view
        .reader()
        .page(&tables::NODES, &(), None, usize::MAX)
        .map_err(failed)?;
    let mut nodes = MemoryNodes::default();
    for ((level, index), wrapped) in rows {
        if let Some(node) = NodeId::new(level, index) {
            nodes.put(node, wrapped.as_bytes().to_vec());
        }
    }
    Ok(nodes)
}

/// The newer rows, and the older ones where there is none newer.
fn overlaid(older: &MemoryNodes, newer: &MemoryNodes) -> MemoryNodes {
    let mut both = older.clone();
    for (node, row) in newer.rows() {
        both.put(node, row.to_vec());
    }
    both
}

/// Opens an item as whoever has its keys can, with no gateway to ask.
async fn open_item(service: &Service, item: &Item) -> Result<Vec<u8>, Failure> {
    let key = {
        let view = service.vault().view().map_err(failed)?;
        let particulars = view.particulars(service.vault(), item).map_err(failed)?;
        let file_key = FileKey::init_with_mut(|key| *key = particulars.file_key);
        PayloadKey::derive(&file_key, particulars.payload_nonce)
    };
    let span = ChunkSpan::whole(item.length).ok_or_else(|| failed("a length beyond age"))?;
    let object = ObjectKey::Material(item.id);
    let mut download = service
        .store()
        .get(object, span.stored())
        .await
        .map_err(failed)?;
    let mut opener = Opener::new(key, &span, service.workers().clone());
    let mut plain = Vec::new();
    while let Some(piece) = download.next().await {
        let mut piece = piece.map_err(failed)?;
        while !piece.is_empty() {
            plain.extend_from_slice(&opener.push(&mut piece).map_err(failed)?);
        }
    }
    plain.extend_from_slice(&opener.finish().map_err(failed)?);
    Ok(plain)
}
