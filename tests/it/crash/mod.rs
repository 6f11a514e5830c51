//! Kills and power cuts: the real program, cut short at every change it makes to a disk.
//!
//! One run of the program is traced, call by call, and from the trace the disk is made as it was before
//! any of its changes: with everything, as a kill leaves it, and without what was not synced, as a
//! power cut may leave it. On each such disk the real program is started again and asked whether all
//! that was acknowledged is there, and all that was not is absent or whole.

mod changes;
mod clock;
mod custody;
mod errors;
mod facts;
mod gate;
mod kills;
mod line;
mod matrix;
mod plain_store;
mod power;
mod stage;
mod store;
mod story;
mod token;
mod trace;
mod tree;
mod upkeep;

use std::path::Path;

use gate::{Gate, How};
use line::{Gone, Line};
use matrix::{points, try_all};
use stage::{Stage, VAULT, code_of, founding, is_answer, stands};
use story::{Cast, Told};
use tree::Tree;

/// Start-up, every kind of change, and the end: cut short anywhere.
#[test]
fn what_was_acknowledged_survives_a_kill_and_a_power_cut_at_any_change() {
    is_cut_short("a vault at work", story::tell, 7);
}

/// The same for material that goes in parts.
#[test]
fn what_goes_in_parts_is_there_once_acknowledged_and_otherwise_absent() {
    is_cut_short("an upload in parts", story::bring_long, 8);
}

type Story = fn(&Line, &Cast, &mut Told) -> Result<(), Gone>;

/// Tells a story to a gateway and tries every disk that a crash on the way could leave.
fn is_cut_short(what: &str, story: Story, share: usize) {
    let stage = Stage::set();
    let Some(how) = stage.traced() else { return };
    let before = Tree::read(&stage.disk());
    let first_root = sealed_root(&before);
    let gate = stage.open(&how);
    let mut told = Told::of(&stage.cast);
    story(&Line::to(&gate.url), &stage.cast, &mut told).expect("the gateway stays");
    gate.stop();
    let film = stage.film(before, is_answer);
    let acknowledged: Vec<usize> = told.steps.iter().map(|(_, answers)| *answers).collect();
    assert_eq!(
        Some(&film.answered),
        acknowledged.last(),
        "answers seen and had"
    );

    let points = points(&film, &acknowledged, share);
    let tally = try_all(what, &film, &points, |disk, tree, answers| {
        let steps = acknowledged.partition_point(|after| *after <= answers);
        if told.first_root_gone.is_some_and(|gone| gone < steps) && holds(tree, &first_root) {
            return Err("the first root is in a slot after an erasure was certified".to_owned());
        }
        stands(disk, &stage.cast, &told, steps)
    });
    tally.holds();
}

/// `vault init`, cut short anywhere, leaves no vault, or one that opens.
#[test]
fn a_vault_that_is_being_made_is_absent_or_whole() {
    let stage = Stage::bare();
    let Some(how) = stage.traced() else { return };
    let before = Tree::read(&stage.disk());
    let code = stage.found(&how);
    let film = stage.film(before, |bytes| {
        code_of(&String::from_utf8_lossy(bytes)).is_some()
    });
    assert_eq!(film.answered, 1, "it says that the vault is there once");
    let tally = try_all(
        "a vault being made",
        &film,
        &points(&film, &[1], 30),
        |disk, _, answers| {
            let vault = disk.join(VAULT);
            let scratch = disk.parent().expect("a folder");
            match Gate::open(&vault, scratch, &How::Plain) {
                Ok(gate) => enrols(&gate, &code),
                Err(log) if answers == 1 => Err(format!("LOST: the vault was acknowledged: {log}")),
                Err(log) if !log.contains("holds no vault") => Err(format!("half a vault: {log}")),
                // Made again in another place, or in this one when it is emptied.
                Err(_) => is_made_again(&vault, scratch),
            }
        },
    );
    tally.holds();
}

fn enrols(gate: &Gate, code: &str) -> Result<(), String> {
    let line = Line::to(&gate.url);
    let enrolment = serde_json::json!({ "code": code, "terms": 1 });
    let (status, body) = line
        .ask(http::Method::POST, "/v1/enrolments", "", Some(&enrolment))
        .map_err(|gone| format!("{gone:?}"))?;
    match status {
        201 => Ok(()),
        _ => Err(format!("nobody enrols: {}", String::from_utf8_lossy(&body))),
    }
}

fn is_made_again(vault: &Path, scratch: &Path) -> Result<(), String> {
    if vault.exists() {
        std::fs::remove_dir_all(vault).expect("emptied");
    }
    match How::Plain.run(scratch, &founding(vault)) {
        (Some(0), ..) => Ok(()),
        (_, _, stderr) => Err(format!("it is not made again: {stderr}")),
    }
}

/// Part of the root in a slot's first position, as it is sealed.
fn sealed_root(tree: &Tree) -> Vec<u8> {
    let slot = tree.find(Path::new("vault/root.slot")).expect("a slot");
    let position = &tree.bytes(slot)[..16 * 4096];
    let end = position.iter().rposition(|byte| *byte != 0);
    let end = end.expect("a root lies there") + 1;
    position[end - 48..end].to_vec()
}

fn holds(tree: &Tree, sealed: &[u8]) -> bool {
    let slot = tree.find(Path::new("vault/root.slot"));
    slot.is_some_and(|slot| {
        let bytes = tree.bytes(slot);
        bytes.windows(sealed.len()).any(|window| window == sealed)
    })
}
