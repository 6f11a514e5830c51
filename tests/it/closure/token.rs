//! A root slot in a token beside one in a file: what lay in the token's folder is no help, and the key
//! that was destroyed in it was all that kept the old root alive.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::programs::Attack;
use super::scene::{HERS, HIS, Scene, THEIRS, everything};
use crate::support::cli::{plain, text};
use crate::support::folders::copy_all;
use crate::support::programs::files;
use crate::support::softhsm::{PIN, SoftHsm};

/// A vault with two slots, one of them in a token, and where that and what goes with it lie.
struct Plugged {
    scene: Scene,
    hsm: SoftHsm,
    folder: tempfile::TempDir,
}

impl Plugged {
    fn in_place() -> Option<Self> {
        let hsm = SoftHsm::start()?;
        hsm.make_token("one");
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let pin = folder.path().join("pin");
        fs::write(&pin, PIN).expect("written");
        fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).expect("chmod");
        let slot = hsm.uri("one", &folder.path().join("one.sealed"), &pin);
        let (name, value) = hsm.variable();
        let scene = Scene::told_here(&[(&name, &value)], &["root.slot", &slot]);
        Some(Self { scene, hsm, folder })
    }

    fn sealed(&self) -> PathBuf {
        self.folder.path().join("one.sealed")
    }

    /// The vault's folder, the token's, and the file beside it, as they are now.
    fn image(&mut self) -> PathBuf {
        let image = self.scene.image();
        copy_all(&self.hsm.tokens(), &image.join("tokens"));
        fs::copy(self.sealed(), image.join("one.sealed")).expect("copied");
        let slot = self.scene.site.path("root.slot");
        fs::copy(slot, image.join("root.slot")).expect("copied");
        image
    }

    /// Puts back what an image has of the vault, but for its file slot, and of the file beside the token.
    fn put_back(&self, image: &Path) {
        let vault = self.scene.site.vault();
        fs::remove_dir_all(&vault).expect("gone");
        copy_all(image, &vault);
        let named = fs::read_to_string(vault.join("vault.json")).expect("a configuration");
        let mut config: serde_json::Value = serde_json::from_str(&named).expect("JSON");
        let slots = config["slots"].as_array_mut().expect("slots");
        slots.retain(|slot| {
            slot.as_str()
                .is_some_and(|slot| slot.starts_with("pkcs11:"))
        });
        assert_eq!(slots.len(), 1, "the token's alone");
        fs::write(vault.join("vault.json"), config.to_string()).expect("written");
        fs::copy(image.join("one.sealed"), self.sealed()).expect("put back");
    }
}

#[test]
fn what_lay_in_a_token_is_no_help_and_its_destroyed_key_was_all_there_was() {
    let Some(mut plugged) = Plugged::in_place() else {
        return;
    };
    let before = plugged.image();
    let key = |folder: &Path| {
        let all = files(folder).into_iter();
        let mut keys = all.filter(|path| {
            path.extension().is_some_and(|kind| kind == "object")
                && path.file_name().is_some_and(|name| name != "token.object")
        });
        let found = keys.next().expect("a key");
        assert!(keys.next().is_none(), "one key");
        fs::read(found).expect("read")
    };
    let old_key = key(&before.join("tokens"));
    plugged.scene.erase_her();
    let after = plugged.image();
    assert_ne!(key(&plugged.hsm.tokens()), old_key);
    // What an object says of itself is alike in every one; its value, sealed by the module, is its own.
    let now: Vec<Vec<u8>> = files(&plugged.hsm.tokens())
        .iter()
        .map(|path| fs::read(path).expect("read"))
        .collect();
    let gone = |window: &[u8]| !now.iter().any(|file| file.windows(16).any(|w| w == window));
    let own = old_key.windows(16).filter(|window| gone(window)).count();
    assert!(own >= 32, "only {own} bytes of the destroyed key are gone");

    // The attacker has the token's folder of both times and the PIN.
    let slot = plugged.scene.site.path("root.slot");
    let attack = Attack::quick()
        .earlier(&before)
        .earlier(&after)
        .now(&slot)
        .now(&plugged.hsm.tokens())
        .now(plugged.folder.path());
    let found = plugged.scene.attack(attack).run("with a token's folder");
    assert!(found.reached().iter().eq(&everything(&[HIS])), "{found:?}");
    let attack = Attack::quick()
        .earlier(&before)
        .now(&slot)
        .old_root(&before.join("root.slot"));
    let control = plugged.scene.attack(attack).run("with the old root");
    let all = everything(&[HERS, HIS, THEIRS]);
    assert!(control.reached().iter().eq(&all), "{control:?}");

    // Everything as it was, the file beside the token too: the token as it is now opens none of it.
    plugged.scene.site.stop();
    plugged.put_back(&before);
    let vault = plugged.scene.site.vault();
    let doctor = ["vault", "doctor", "--vault", plain(&vault)];
    let examined = plugged.scene.site.run("operator", &doctor);
    examined.fails_saying(1, &["holds no whole root"]);
    // The control: with the token as it was she would be back. Its key was all that was missing.
    let tokens = plugged.hsm.tokens();
    fs::remove_dir_all(&tokens).expect("gone");
    copy_all(&before.join("tokens"), &tokens);
    plugged.scene.site.run("operator", &doctor).json();
    plugged.scene.site.serve();
    let shown = ["participant", "show", &plugged.scene.her];
    let shown = plugged.scene.site.run("lead", &shown).json();
    assert_eq!(text(&shown, "name"), HERS.name);
}
