//! What an operator does beside the gateway, cut short: rotating the root, adding a slot, backing up.

use std::path::Path;

use super::facts;
use super::gate::{Gate, How};
use super::line::Line;
use super::matrix::{points, try_all};
use super::stage::{Stage, VAULT, said_something, stands};
use super::story::Told;
use super::tree::Tree;
use crate::support::cli::plain;

/// A rotation that adds a slot: the vault opens at whatever change it was cut short, with every root
/// there is in a slot that the vault knows, and the rotation can be asked again.
#[test]
fn a_rotation_that_is_cut_short_leaves_a_vault_that_opens_and_no_stray_root() {
    let stage = Stage::set();
    rotates(&stage, "a rotation", "--add-slot", 24, |disk, named| {
        // What is dropped still holds an old root, which the command says; what is added is known.
        no_stray_root(disk, named)
    });
}

/// A rotation that drops a slot.
#[test]
fn a_slot_that_is_dropped_is_dropped_or_serves() {
    let stage = Stage::set();
    let (vault, second) = (stage.vault(), stage.disk().join("second.slot"));
    let adding = rotating(&vault, "--add-slot", &second);
    let (code, _, stderr) = How::Plain.run(stage.scratch(), &adding);
    assert_eq!(code, Some(0), "{stderr}");
    rotates(&stage, "dropping a slot", "--drop-slot", 12, |_, _| Ok(()));
}

/// Rotates the root with a second slot added or dropped, cut short at every change.
fn rotates(
    stage: &Stage,
    what: &str,
    change: &str,
    share: usize,
    look: fn(&Path, &str) -> Result<(), String>,
) {
    let Some(how) = stage.traced() else { return };
    let before = Tree::read(&stage.disk());
    let vault = stage.vault();
    let second = stage.disk().join("second.slot");
    let (code, _, stderr) = how.run(stage.scratch(), &rotating(&vault, change, &second));
    assert_eq!(code, Some(0), "{stderr}");
    let film = stage.film(before, said_something);
    assert_eq!(film.answered, 1, "it says once that it is done");
    let (told, adds) = (Told::of(&stage.cast), change == "--add-slot");
    let points = points(&film, &[1], share);
    let tally = try_all(what, &film, &points, |disk, _, answers| {
        let (vault, second) = (disk.join(VAULT), disk.join("second.slot"));
        let config = vault.join("vault.json");
        let named = || std::fs::read_to_string(&config).map_err(|e| e.to_string());
        // A slot is named by where it really is.
        let there = named()?.replace(plain(&stage.disk()), plain(disk));
        std::fs::write(&config, &there).expect("written");
        let done = there.contains("second.slot") == adds;
        if answers == 1 && !done {
            return Err("LOST: the change of slots was acknowledged".to_owned());
        }
        stands(disk, &stage.cast, &told, 0)?;
        look(disk, &named()?)?;
        if answers == 0 && named()?.contains("second.slot") != adds {
            let scratch = disk.parent().expect("a folder");
            let again = rotating(&vault, change, &second);
            let (code, _, stderr) = How::Plain.run(scratch, &again);
            if code != Some(0) {
                return Err(format!("it cannot be asked again: {stderr}"));
            }
            stands(disk, &stage.cast, &told, 0)?;
        }
        Ok(())
    });
    tally.holds();
}

fn rotating<'a>(vault: &'a Path, change: &'a str, second: &'a Path) -> [&'a str; 6] {
    [
        "vault",
        "rotate",
        "--vault",
        plain(vault),
        change,
        plain(second),
    ]
}

/// That every root on the disk is in a slot that the configuration names.
fn no_stray_root(disk: &Path, named: &str) -> Result<(), String> {
    for (path, bytes) in Tree::read(disk).paths() {
        let is_slot = bytes.is_some_and(|bytes| bytes.windows(8).any(|w| w == b"strslot\n"));
        let name = path.rsplit('/').next().unwrap_or_default();
        if is_slot && !named.contains(name) {
            return Err(format!(
                "{path} holds a root and is none of the vault's slots"
            ));
        }
    }
    Ok(())
}

/// A backup that is cut short is added to by the next, and what comes back from it is whole.
#[test]
fn a_backup_that_is_cut_short_is_completed_by_the_next() {
    let stage = Stage::set();
    let Some(how) = stage.traced() else { return };
    let before = Tree::read(&stage.disk());
    let (vault, to) = (stage.vault(), stage.disk().join("backup"));
    let (code, _, stderr) = how.run(stage.scratch(), &backing_up(&vault, &to));
    assert_eq!(code, Some(0), "{stderr}");
    let film = stage.film(before, said_something);
    assert_eq!(film.answered, 1, "it says once that it is done");
    let told = Told::of(&stage.cast);
    let tally = try_all(
        "a backup",
        &film,
        &points(&film, &[1], 20),
        |disk, _, answers| {
            let (vault, to) = (disk.join(VAULT), disk.join("backup"));
            let scratch = disk.parent().expect("a folder");
            if answers == 0 {
                let (code, _, stderr) = How::Plain.run(scratch, &backing_up(&vault, &to));
                if code != Some(0) {
                    return Err(format!("the next backup fails: {stderr}"));
                }
            }
            // The machine is lost, but for its slot and the identity.
            let kept = ["root.slot", "unlock-identity.txt"];
            for name in kept {
                std::fs::rename(vault.join(name), scratch.join(name)).expect("moved");
            }
            std::fs::remove_dir_all(&vault).expect("gone");
            let [slot, identity] = kept.map(|name| scratch.join(name));
            let restoring = [
                "vault",
                "restore",
                "--from",
                plain(&to),
                "--vault",
                plain(&vault),
                "--slot",
                plain(&slot),
                "--identity",
                plain(&identity),
            ];
            let (code, _, stderr) = How::Plain.run(scratch, &restoring);
            if code != Some(0) {
                return Err(format!("it does not come back: {stderr}"));
            }
            std::fs::copy(&identity, vault.join("unlock-identity.txt")).expect("copied");
            stands(disk, &stage.cast, &told, 0)
        },
    );
    tally.holds();
}

fn backing_up<'a>(vault: &'a Path, to: &'a Path) -> [&'a str; 6] {
    [
        "vault",
        "backup",
        "--vault",
        plain(vault),
        "--to",
        plain(to),
    ]
}

/// A start-up after a crash in the middle of an erasure, itself cut short anywhere.
#[test]
fn a_recovery_that_is_cut_short_is_completed_by_the_next() {
    let stage = Stage::set();
    let Some(how) = stage.traced() else { return };
    let before = Tree::read(&stage.disk());
    let gate = stage.open(&how);
    let mut told = Told::of(&stage.cast);
    super::story::tell(&Line::to(&gate.url), &stage.cast, &mut told).expect("the gateway stays");
    gate.stop();
    let film = stage.film(before, super::stage::is_answer);
    let acknowledged: Vec<usize> = told.steps.iter().map(|(_, answers)| *answers).collect();
    for (count, loss) in super::matrix::in_an_erasure(&film, &acknowledged, &told) {
        let answers = film.answers_before(count);
        let steps = acknowledged.partition_point(|after| *after <= answers);
        let again = Stage::left(&film.image(count, loss), &stage.cast);
        let Some(how) = again.traced() else { return };
        let before = Tree::read(&again.disk());
        let gate = again.open(&how);
        recovers(&gate, &stage);
        gate.stop();
        let recovery = again.film(before, super::stage::is_answer);
        let what = format!("recovery from {loss:?} before change {count}");
        let tally = try_all(
            &what,
            &recovery,
            &points(&recovery, &[], 8),
            |disk, _, _| stands(disk, &stage.cast, &told, steps),
        );
        tally.holds();
    }
}

/// Waits until every erasure has come to its end.
fn recovers(gate: &Gate, stage: &Stage) {
    let line = Line::to(&gate.url);
    let cast = &stage.cast;
    facts::always(&line, &cast.admin, &cast.researcher, &cast.governance).expect("it recovers");
}
