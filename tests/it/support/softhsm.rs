//! Debian's `softhsm2`: a token in software behind a real PKCS#11 module, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::programs::{files, missing, on_path};

pub(crate) const PIN: &str = "29481716";

/// A module with tokens of its own, which live in files.
pub(crate) struct SoftHsm {
    tokens: PathBuf,
    settings: PathBuf,
    /// The folder of its own, where nobody else keeps it.
    _folder: Option<TempDir>,
    module: PathBuf,
    util: PathBuf,
}

impl SoftHsm {
    /// The module where Debian puts it, or where `STRONGROOM_SOFTHSM` says.
    pub(crate) fn start() -> Option<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let tokens = folder.path().join("tokens");
        std::fs::create_dir(&tokens).expect("a folder");
        let hsm = Self::over(&tokens, &folder.path().join("softhsm2.conf"))?;
        Some(Self {
            _folder: Some(folder),
            ..hsm
        })
    }

    /// The same, with its tokens in a folder that is there, and settings in a file that is written.
    pub(crate) fn over(tokens: &Path, settings: &Path) -> Option<Self> {
        let util = on_path("softhsm2-util")?;
        let Some(module) = module() else {
            missing(
                "softhsm2",
                "no libsofthsm2.so, and STRONGROOM_SOFTHSM names none",
            );
            return None;
        };
        let said = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        std::fs::write(settings, said).expect("written");
        Some(Self {
            tokens: tokens.to_path_buf(),
            settings: settings.to_path_buf(),
            _folder: None,
            module,
            util,
        })
    }

    /// Where the tokens lie.
    pub(crate) fn tokens(&self) -> PathBuf {
        self.tokens.clone()
    }

    /// What tells the module where its tokens are: a variable and its value.
    pub(crate) fn variable(&self) -> (String, String) {
        let settings = self.settings.display().to_string();
        ("SOFTHSM2_CONF".to_owned(), settings)
    }

    /// Makes a token with [`PIN`].
    pub(crate) fn make_token(&self, label: &str) {
        self.util(&[
            "--init-token",
            "--free",
            "--label",
            label,
            "--pin",
            PIN,
            "--so-pin",
            "47110815",
        ]);
    }

    /// Takes a token away with all its keys.
    pub(crate) fn lose_token(&self, label: &str) {
        self.util(&["--delete-token", "--token", label]);
    }

    fn util(&self, arguments: &[&str]) {
        let said = Command::new(&self.util)
            .args(arguments)
            .envs([self.variable()])
            .output()
            .expect("it runs");
        assert!(said.status.success(), "{said:?}");
    }

    /// The URI of a slot in a token, with a file beside it.
    pub(crate) fn uri(&self, token: &str, file: &Path, pin: &Path) -> String {
        let module = self.module.display();
        let (file, pin) = (file.display(), pin.display());
        format!(
            "pkcs11:token={token}?module-path={module}&strongroom-file={file}&pin-source=file:{pin}"
        )
    }

    /// How many keys there are in all tokens.
    pub(crate) fn keys(&self) -> usize {
        let objects = files(&self.tokens());
        let is_key = |path: &&PathBuf| {
            path.extension().is_some_and(|kind| kind == "object")
                && path.file_name().is_some_and(|name| name != "token.object")
        };
        objects.iter().filter(is_key).count()
    }
}

fn module() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("STRONGROOM_SOFTHSM") {
        return Some(PathBuf::from(named));
    }
    let plain = Path::new("/usr/lib/softhsm/libsofthsm2.so");
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    let by_architecture = Path::new("/usr/lib")
        .join(triplet)
        .join("softhsm/libsofthsm2.so");
    [plain.to_path_buf(), by_architecture]
        .into_iter()
        .find(|module| module.is_file())
}
