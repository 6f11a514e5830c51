//! A vault with a few people in it, whose words, names and files are nowhere else.

use std::path::{Path, PathBuf};

use super::programs::Attack;
use crate::support::cli::{BUCKET, EMBEDDED, Site, noise, plain, program};
use crate::support::folders::copy_all;
use crate::support::peers::{KEY_ID, Moto, SECRET};

/// Words that are nowhere else: what somebody is called, what they said, what the file was called.
#[derive(Clone, Copy)]
pub(super) struct Canaries {
    pub(super) who: &'static str,
    pub(super) name: &'static str,
    pub(super) said: &'static str,
    pub(super) file: &'static str,
}

/// She withdraws altogether.
pub(super) const HERS: Canaries = Canaries {
    who: "hers",
    name: "Wilhelmina Osgood",
    said: "and then the night bus came",
    file: "osgood-first.wav",
};
/// He stays.
pub(super) const HIS: Canaries = Canaries {
    who: "his",
    name: "Bartholomew Quick",
    said: "it was over before I knew",
    file: "quick-first.wav",
};
/// They took part together; a focus group has no name.
pub(super) const THEIRS: Canaries = Canaries {
    who: "theirs",
    name: "Nobody Of That Name",
    said: "we agreed on none of it",
    file: "group.wav",
};

/// What is reached of somebody, when it all is.
pub(super) fn everything(of: &[Canaries]) -> Vec<String> {
    let mut names = Vec::new();
    for canaries in of {
        if canaries.who != THEIRS.who {
            names.push(format!("{} name", canaries.who));
        }
        names.push(format!("{} said", canaries.who));
        names.push(format!("{} file", canaries.who));
    }
    names.sort();
    names
}

/// A bucket of a server that keeps versions, asked over HTTP.
pub(super) struct Versioned {
    moto: Moto,
    runtime: tokio::runtime::Runtime,
}

impl Versioned {
    fn start() -> Option<Self> {
        let moto = Moto::start()?;
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().expect("a runtime");
        runtime.block_on(moto.make_bucket(BUCKET, "eu-west-2"));
        runtime.block_on(moto.keep_versions(BUCKET));
        Some(Self { moto, runtime })
    }

    /// Every version of every object as a file, but for what is no material.
    fn copy_to(&self, folder: &Path) {
        let (objects, _) = self.runtime.block_on(self.moto.everything(BUCKET));
        for (number, (key, bytes)) in objects.into_iter().enumerate() {
            if let Some((_, item)) = key
                .strip_prefix("material/")
                .and_then(|k| k.split_once('/'))
            {
                std::fs::create_dir_all(folder).expect("made");
                let file = folder.join(format!("{item}@{number}"));
                std::fs::write(file, bytes).expect("written");
            }
        }
    }
}

/// The gateway, its bucket, and images of both.
pub(super) struct Scene {
    pub(super) site: Site,
    versioned: Option<Versioned>,
    images: usize,
    pub(super) her: String,
    pub(super) her_item: String,
}

impl Scene {
    /// Two people, an interview with each, and one with both; in a bucket that keeps versions, where
    /// there is one.
    pub(super) fn told(program: PathBuf, variables: &[(&str, &str)]) -> Self {
        Self::of(program, variables, Versioned::start(), &[])
    }

    /// The same with the embedded store, whose objects lie in the vault's folder, and root slots of one's
    /// choice.
    pub(super) fn told_here(variables: &[(&str, &str)], slots: &[&str]) -> Self {
        Self::of(program(), variables, None, slots)
    }

    fn of(
        program: PathBuf,
        variables: &[(&str, &str)],
        versioned: Option<Versioned>,
        slots: &[&str],
    ) -> Self {
        let endpoint = versioned.as_ref().map(|bucket| bucket.moto.endpoint());
        let store = endpoint.as_ref().map(|url| ["--s3-endpoint", url]);
        let store = store.as_ref().map_or(EMBEDDED, |store| store);
        let keys = [
            ("AWS_ACCESS_KEY_ID", KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let slots: Vec<&str> = slots.iter().flat_map(|slot| ["--slot", slot]).collect();
        let store = [store, &slots].concat();
        let mut site = Site::of(program, &store, &[&keys, variables].concat());
        site.serve();
        let study = site.study();
        let named = |who: &Canaries| site.participant(&study, "audio", &["--name", who.name]);
        let (her, him) = (named(&HERS), named(&HIS));
        let deposit = |people: &[&str], canaries: &Canaries| {
            let session = site.session(&study, people);
            let file = site.file(canaries.file, &recording(canaries.said));
            let item = site.upload(&file, &session, "audio");
            std::fs::remove_file(file).expect("removed");
            item
        };
        let her_item = deposit(&[&her], &HERS);
        deposit(&[&him], &HIS);
        deposit(&[&her, &him], &THEIRS);
        Self {
            site,
            versioned,
            images: 0,
            her,
            her_item,
        }
    }

    /// Everything that lies in the vault's folder and in the bucket, at this moment.
    pub(super) fn image(&mut self) -> PathBuf {
        self.images += 1;
        let image = self.site.path(&format!("images/{}", self.images));
        copy_all(&self.site.vault(), &image);
        if let Some(versioned) = &self.versioned {
            versioned.copy_to(&image.join("bucket"));
        }
        image
    }

    /// She is erased; gives the erasure.
    pub(super) fn erase_her(&self) -> String {
        let erasure = self.site.withdraw(&self.her);
        let approved = self
            .site
            .run("ig", &["erasure", "approve", &erasure])
            .json();
        assert_eq!(approved["stage"], "certified");
        erasure
    }

    /// A backup, as an operator makes it while the gateway works.
    pub(super) fn back_up(&self, to: &str) -> PathBuf {
        let (vault, to) = (self.site.vault(), self.site.path(to));
        let command = ["vault", "backup", "--vault", plain(&vault)];
        let command = [&command[..], &["--to", plain(&to)]].concat();
        self.site.run("operator", &command).json();
        to
    }

    /// An attack with every secret that is left: the unlock identity and the slot in the vault's folder,
    /// people's identities and tokens; and with the log, and whatever lies in the bucket.
    pub(super) fn attack(&mut self, attack: Attack) -> Attack {
        let now = self.image();
        let attack = attack
            .now(&now)
            .now(&self.site.home())
            .now(&self.site.path("gateway.log"));
        [HERS, HIS, THEIRS].iter().fold(attack, |attack, canaries| {
            let name = |what: &str| format!("{} {what}", canaries.who);
            attack
                .canary(&name("name"), canaries.name)
                .canary(&name("said"), canaries.said)
                .canary(&name("file"), canaries.file)
        })
    }
}

/// A recording in which something is said between noises.
fn recording(said: &str) -> Vec<u8> {
    // Noise of its own for each, since the same bytes would be the same object.
    let noise = noise(1200 + said.len() * 7);
    [&noise[..700], said.as_bytes(), &noise[700..]].concat()
}
