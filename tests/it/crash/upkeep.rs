//! Putting a vault back, and building its index anew, cut short at every change.

use std::path::Path;

use super::gate::How;
use super::matrix::{points, try_all};
use super::stage::{Stage, VAULT, said_something, stands};
use super::story::Told;
use super::tree::Tree;
use crate::support::cli::plain;

/// What outlives the machine.
const KEPT: &str = "kept";

/// A restoration that is cut short leaves no vault, which is restored again, or one that is whole.
#[test]
fn a_vault_that_is_being_restored_is_absent_or_whole() {
    let stage = Stage::set();
    let Some(how) = stage.traced() else { return };
    let (vault, disk) = (stage.vault(), stage.disk());
    let backing_up = ["vault", "backup", "--vault", plain(&vault), "--to"];
    let to = disk.join("backup");
    let (code, _, stderr) =
        How::Plain.run(stage.scratch(), &[&backing_up[..], &[plain(&to)]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    // The machine is lost, but for its slot and the identity.
    std::fs::create_dir(disk.join(KEPT)).expect("a folder");
    for name in ["root.slot", "unlock-identity.txt"] {
        std::fs::rename(vault.join(name), disk.join(KEPT).join(name)).expect("moved");
    }
    std::fs::remove_dir_all(&vault).expect("gone");
    let before = Tree::read(&disk);
    let (code, _, stderr) = restored(&how, &disk, stage.scratch());
    assert_eq!(code, Some(0), "{stderr}");
    let film = stage.film(before, said_something);
    assert_eq!(film.answered, 1, "it says once that it is done");
    let told = Told::of(&stage.cast);
    let tally = try_all(
        "a vault being restored",
        &film,
        &points(&film, &[1], 16),
        |disk, _, answers| {
            let vault = disk.join(VAULT);
            let scratch = disk.parent().expect("a folder");
            let config = vault.join("vault.json");
            if !config.is_file() {
                if answers == 1 {
                    return Err("LOST: the vault was acknowledged".to_owned());
                }
                // As its operator is told: emptied, and restored again.
                if vault.exists() {
                    std::fs::remove_dir_all(&vault).expect("emptied");
                }
                let (code, _, stderr) = restored(&How::Plain, disk, scratch);
                if code != Some(0) {
                    return Err(format!("it is not restored again: {stderr}"));
                }
            }
            let named = std::fs::read_to_string(&config).map_err(|e| e.to_string())?;
            let here = named.replace(plain(&stage.disk()), plain(disk));
            std::fs::write(&config, here).expect("written");
            let identity = disk.join(KEPT).join("unlock-identity.txt");
            std::fs::copy(identity, vault.join("unlock-identity.txt")).expect("copied");
            stands(disk, &stage.cast, &told, 0)
        },
    );
    tally.holds();
}

fn restored(how: &How, disk: &Path, scratch: &Path) -> (Option<i32>, String, String) {
    let [from, vault] = ["backup", VAULT].map(|name| disk.join(name));
    let [slot, identity] = ["root.slot", "unlock-identity.txt"].map(|n| disk.join(KEPT).join(n));
    let restoring = [
        "vault",
        "restore",
        "--from",
        plain(&from),
        "--vault",
        plain(&vault),
        "--slot",
        plain(&slot),
        "--identity",
        plain(&identity),
    ];
    how.run(scratch, &restoring)
}

/// An index that is being built anew is built by whatever comes next.
#[test]
fn an_index_that_is_being_rebuilt_is_whole_after_the_next_start() {
    let stage = Stage::set();
    let Some(how) = stage.traced() else { return };
    let before = Tree::read(&stage.disk());
    let vault = stage.vault();
    let (code, _, stderr) = how.run(stage.scratch(), &rebuilding(&vault));
    assert_eq!(code, Some(0), "{stderr}");
    let film = stage.film(before, said_something);
    assert_eq!(film.answered, 1, "it says once that it is done");
    let told = Told::of(&stage.cast);
    let tally = try_all(
        "an index being rebuilt",
        &film,
        &points(&film, &[1], 16),
        |disk, _, answers| {
            let vault = disk.join(VAULT);
            let scratch = disk.parent().expect("a folder");
            if answers == 0 {
                // Asked again it is done, and what an interrupted one left is no hindrance.
                let (code, _, stderr) = How::Plain.run(scratch, &rebuilding(&vault));
                if code != Some(0) {
                    return Err(format!("it cannot be asked again: {stderr}"));
                }
            }
            stands(disk, &stage.cast, &told, 0)
        },
    );
    tally.holds();
}

fn rebuilding(vault: &Path) -> [&str; 4] {
    ["vault", "rebuild-index", "--vault", plain(vault)]
}
