//! Programs that break the promise on purpose are caught, each by the same attack.

use std::process::Command;

use super::programs::{Attack, Found, broken};
use super::scene::{HERS, HIS, Scene, THEIRS, everything};
use crate::support::cli::program;

const VARIABLE: &str = "STRONGROOM_SABOTAGE_FOR_TESTS_ONLY";

/// Erases her with the broken program, broken that way, and attacks.
fn attacked(way: &str) -> Found {
    let mut scene = Scene::told(broken(), &[(VARIABLE, way)]);
    // Whoever opens it makes the gateway hold its key.
    scene.site.fetch("res", &scene.her_item);
    let before = scene.image();
    scene.erase_her();
    let attack = Attack::quick().earlier(&before);
    scene.attack(attack).run(&format!("broken with {way}"))
}

#[test]
fn every_broken_build_is_caught() {
    let (hers, all) = (
        everything(&[HERS, THEIRS]),
        everything(&[HERS, HIS, THEIRS]),
    );
    // The control of the controls: the same program with nothing broken passes.
    let whole = attacked("nothing");
    assert!(whole.reached().iter().eq(&everything(&[HIS])), "{whole:?}");
    assert!(whole.unopened().is_empty(), "{whole:?}");

    for way in ["no-rotation", "old-root-kept"] {
        let found = attacked(way);
        let caught = hers.iter().all(|name| found.reached().contains(&**name));
        assert!(caught, "{way}: {found:?}");
        assert!(found.reached().iter().eq(&all), "{way}: {found:?}");
    }
    let logged = attacked("key-logged");
    assert!(logged.reached().contains("hers said"), "{logged:?}");
    assert!(!logged.reached().contains("hers name"), "{logged:?}");
    let kept = attacked("version-kept");
    assert!(kept.reached().iter().eq(&everything(&[HIS])), "{kept:?}");
    assert_eq!(kept.unopened().len(), 2, "hers and theirs: {kept:?}");
}

/// The real program has none of it, and the feature does not compile into what is released.
#[test]
fn the_real_program_cannot_be_broken() {
    let holds = |path: &std::path::Path| {
        let bytes = std::fs::read(path).expect("read");
        let words = VARIABLE.as_bytes();
        bytes.windows(words.len()).any(|window| window == words)
    };
    assert!(holds(&broken()), "the look finds what is there");
    assert!(!holds(&program()), "the real program knows of sabotage");

    let compiles = |debug_assertions: &str| {
        let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let compiled = Command::new(rustc)
            .args([
                "--edition",
                "2024",
                "--crate-type",
                "lib",
                "--emit",
                "metadata",
            ])
            .args(["-C", &format!("debug-assertions={debug_assertions}")])
            .arg("--out-dir")
            .arg(scratch.path())
            .arg("src/sabotage.rs")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("it runs");
        (
            compiled.status.success(),
            String::from_utf8_lossy(&compiled.stderr).into_owned(),
        )
    };
    let (compiled, said) = compiles("yes");
    assert!(compiled, "{said}");
    let (compiled, said) = compiles("no");
    assert!(
        !compiled && said.contains("breaks erasure on purpose"),
        "{said}"
    );
}
