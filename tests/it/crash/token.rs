//! A root slot in a token, cut short: the real program with Debian's SoftHSM, whose tokens lie on the
//! same disk as files. What the module does to them stands for what a token does inside itself.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::gate::{How, TOKEN_SETTINGS};
use super::line::Line;
use super::matrix::{points, try_all};
use super::stage::{Stage, VAULT, code_of, founding, is_answer, said_something, stands};
use super::story::{Told, bring_a_leaver, erase, people};
use super::tree::Tree;
use crate::support::cli::plain;
use crate::support::softhsm::{PIN, SoftHsm};

/// The tokens' folder on the disk.
const TOKENS: &str = "tokens";

/// A peopled vault whose only root lies in a token.
fn with_a_token() -> Option<Stage> {
    let mut stage = Stage::bare();
    let disk = stage.disk();
    std::fs::create_dir(disk.join(TOKENS)).expect("a folder");
    let hsm = SoftHsm::over(&disk.join(TOKENS), &stage.scratch().join(TOKEN_SETTINGS))?;
    hsm.make_token("one");
    let pin = disk.join("pin");
    std::fs::write(&pin, PIN).expect("written");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&pin, private).expect("chmod");
    let slot = hsm.uri("one", &disk.join("one.sealed"), &pin);
    let vault = stage.vault();
    let arguments = [&founding(&vault)[..], &["--slot", &slot]].concat();
    let (code, stdout, stderr) = How::Plain.run(stage.scratch(), &arguments);
    assert_eq!(code, Some(0), "{stderr}");
    let gate = stage.open(&How::Plain);
    let code = code_of(&stdout).expect("a code");
    stage.cast = people(&Line::to(&gate.url), &code).expect("peopled");
    gate.stop();
    Some(stage)
}

/// Has what is left of a disk find its token where it is now; gives the module.
fn plugged_in(disk: &Path, was: &Path) -> SoftHsm {
    let scratch = disk.parent().expect("a folder");
    let hsm = SoftHsm::over(&disk.join(TOKENS), &scratch.join(TOKEN_SETTINGS));
    let config = disk.join(VAULT).join("vault.json");
    let named = std::fs::read_to_string(&config).expect("a configuration");
    let here = named.replace(plain(was), plain(disk));
    std::fs::write(&config, here).expect("written");
    hsm.expect("it was there before")
}

/// That the token holds one key, of the epoch there is.
fn one_key(hsm: &SoftHsm) -> Result<(), String> {
    match hsm.keys() {
        1 => Ok(()),
        keys => Err(format!("the token holds {keys} keys of the vault's root")),
    }
}

#[test]
fn a_rotation_in_a_token_that_is_cut_short_leaves_a_vault_that_opens_with_one_key() {
    let Some(stage) = with_a_token() else { return };
    let Some(how) = stage.traced() else { return };
    let before = Tree::read(&stage.disk());
    let vault = stage.vault();
    let rotating = ["vault", "rotate", "--vault", plain(&vault)];
    let (code, _, stderr) = how.run(stage.scratch(), &rotating);
    assert_eq!(code, Some(0), "{stderr}");
    let film = stage.film(before, said_something);
    assert_eq!(film.answered, 1, "it says once that it is done");
    let film = film.with_device(Path::new(TOKENS));
    let (told, was) = (Told::of(&stage.cast), stage.disk());
    let tally = try_all(
        "a rotation in a token",
        &film,
        &points(&film, &[1], 16),
        |disk, _, _| {
            let hsm = plugged_in(disk, &was);
            stands(disk, &stage.cast, &told, 0)?;
            one_key(&hsm)
        },
    );
    tally.holds();
}

#[test]
fn an_erasure_with_the_root_in_a_token_comes_to_its_end_wherever_it_is_cut_short() {
    let Some(stage) = with_a_token() else { return };
    let Some(how) = stage.traced() else { return };
    let gate = stage.open(&How::Plain);
    let leaver = bring_a_leaver(&Line::to(&gate.url), &stage.cast).expect("brought");
    gate.stop();
    let before = Tree::read(&stage.disk());
    let gate = stage.open(&how);
    let mut told = Told::of(&stage.cast);
    let line = Line::to(&gate.url);
    erase(&line, &stage.cast, &leaver, &mut told).expect("the gateway stays");
    gate.stop();
    let film = stage.film(before, is_answer);
    let film = film.with_device(Path::new(TOKENS));
    let acknowledged: Vec<usize> = told.steps.iter().map(|(_, answers)| *answers).collect();
    let was = stage.disk();
    let tally = try_all(
        "an erasure in a token",
        &film,
        &points(&film, &acknowledged, 8),
        |disk, _, answers| {
            let steps = acknowledged.partition_point(|after| *after <= answers);
            let hsm = plugged_in(disk, &was);
            if steps == acknowledged.len() {
                one_key(&hsm)?;
            }
            stands(disk, &stage.cast, &told, steps)?;
            one_key(&hsm)
        },
    );
    tally.holds();
}
