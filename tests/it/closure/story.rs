//! The real program, honestly built: before an erasure, after it, and with the old root.

use std::path::Path;
use std::time::{Duration, Instant};

use super::programs::Attack;
use super::scene::{HERS, HIS, Scene, THEIRS, everything};
use crate::support::cli::program;
use crate::support::programs::{search, tell};
use crate::support::trace::Trace;

/// How long no change is waited for before an erasure is taken to be over.
const QUIET: Duration = Duration::from_secs(3);

/// Invariant 3: with images of every step, backups, the log and every secret that is left.
#[test]
fn nothing_that_ever_lay_there_opens_what_was_erased() {
    let mut scene = Scene::told(program(), &[]);
    assert!(scene.site.log().contains("DEBUG"), "a quiet log");
    let before = scene.image();
    let backup = scene.back_up("backup-before");
    let reached = scene.attack(Attack::quick()).run("before the erasure");
    let all = everything(&[HERS, HIS, THEIRS]);
    assert!(reached.reached().iter().eq(&all), "{reached:?}");
    assert!(reached.unopened().is_empty(), "{reached:?}");

    let film = film_of_the_erasure(&mut scene);
    assert!(film.len() > 5, "it was seen at {} steps", film.len());
    let second = scene.back_up("backup-after");
    let with = |attack: Attack| {
        let attack = film
            .iter()
            .fold(attack, |attack, image| attack.earlier(image));
        attack.earlier(&before).earlier(&backup).earlier(&second)
    };
    let attack = with(Attack::thorough());
    let after = scene.attack(attack).run(&format!(
        "after the erasure, with images of {} steps of it",
        film.len()
    ));
    assert!(after.reached().iter().eq(&everything(&[HIS])), "{after:?}");
    assert!(after.unopened().is_empty(), "{after:?}");
    assert!(after.lying_open().is_empty(), "{after:?}");
    let (keys, sealed) = after.effort();
    assert!(keys > 20_000 && sealed > 25, "it was in earnest: {after:?}");

    let attack = with(Attack::quick()).old_root(&before.join("root.slot"));
    let control = scene.attack(attack).run("with the old root");
    assert!(control.reached().iter().eq(&all), "{control:?}");
}

/// Contact details go on their own, and what somebody said stays (R15).
#[test]
fn contact_details_go_alone_when_that_is_asked() {
    let mut scene = Scene::told(program(), &[]);
    let before = scene.image();
    let asked = ["withdraw", &scene.her, "--contact-only"];
    let erasure = scene.site.run("lead", &asked).id();
    let approved = ["erasure", "approve", &erasure];
    let approved = scene.site.run("ig", &approved).json();
    assert_eq!(approved["stage"], "certified");
    let attack = Attack::quick().earlier(&before);
    let after = scene.attack(attack).run("after contact details went alone");
    let mut left = everything(&[HERS, HIS, THEIRS]);
    left.retain(|name| name != "hers name");
    assert!(after.reached().iter().eq(&left), "{after:?}");
    let attack = Attack::quick()
        .earlier(&before)
        .old_root(&before.join("root.slot"));
    let control = scene.attack(attack).run("with the old root");
    assert!(control.reached().contains("hers name"), "{control:?}");
}

/// Erases her, and gives an image of every step: each before another change to the disk, or, where
/// nobody may look on, one after another as fast as they can be taken.
fn film_of_the_erasure(scene: &mut Scene) -> Vec<std::path::PathBuf> {
    let erasure = scene.site.withdraw(&scene.her);
    let (mut film, mut steps) = (Vec::new(), Vec::new());
    let attach = |strace: &Path, scene: &Scene| {
        Trace::attach(strace, scene.site.gateway_pid(), &scene.site.vault())
    };
    let trace = search("strace").and_then(|strace| attach(&strace, scene));
    let approve = ["erasure", "approve", &erasure];
    let approval = scene.site.begin("ig", &approve);
    match trace {
        Some(trace) => {
            while let Some(change) = trace.next() {
                film.push(scene.image());
                steps.push(change);
            }
        }
        None => {
            let began = Instant::now();
            while began.elapsed() < QUIET {
                film.push(scene.image());
            }
        }
    }
    tell(&format!(
        "an erasure was seen at {} moments, each before another change: {}",
        film.len(),
        steps.join(", ")
    ));
    assert_eq!(approval.finish().json()["stage"], "certified");
    film
}
