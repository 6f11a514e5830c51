//! The attacker let loose on a house, before and after an erasure in it.

use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use strongroom::id::{ItemId, ParticipantId};
use strongroom::index::tables;
use strongroom::model::ErasureStage;

use super::formats::sealed_roots;
use super::{Corpus, Loot, Windows, attack};
use crate::support::house::{Folder, House, noise};
use crate::support::rows::rows;

const SLOT: &str = "root.slot";

/// Words that are nowhere else: what somebody is called, what they said, what the file was called.
struct Canaries {
    name: &'static str,
    said: &'static str,
    file: &'static str,
}

const HERS: Canaries = Canaries {
    name: "Wilhelmina Osgood",
    said: "and then the night bus came",
    file: "osgood-first.wav",
};
const HIS: Canaries = Canaries {
    name: "Bartholomew Quick",
    said: "it was over before I knew",
    file: "quick-first.wav",
};
const THEIRS: Canaries = Canaries {
    name: "Nobody Of That Name",
    said: "we agreed on none of it",
    file: "group.wav",
};

struct Story {
    house: House,
    her: ParticipantId,
    her_item: ItemId,
}

impl Story {
    /// Two people, an interview with each, and one with both.
    async fn told() -> Self {
        let house = House::new().await;
        let (her, his) = (
            house.participant(HERS.name).await,
            house.participant(HIS.name).await,
        );
        let mut items = Vec::new();
        for (people, canaries) in [(&[her][..], HERS), (&[his], HIS), (&[her, his], THEIRS)] {
            let session = house.session(people).await;
            items.push(
                house
                    .deposit(session, recording(&canaries), canaries.file)
                    .await,
            );
        }
        Self {
            house,
            her,
            her_item: items[0],
        }
    }
}

/// A recording in which something is said between noises.
fn recording(canaries: &Canaries) -> Vec<u8> {
    let noise = noise(1200, canaries.said.len() as u64);
    [&noise[..700], canaries.said.as_bytes(), &noise[700..]].concat()
}

/// Everything in a folder but its root slots.
pub(crate) fn without_slots(folder: &Folder) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = folder.files();
    files.retain(|(path, _)| path.extension() != Some("slot".as_ref()));
    files
}

/// The rows of the index, as anybody with the journal key reads them.
pub(crate) fn index_of(house: &House) -> String {
    let view = house.service.vault().view().expect("the index runs");
    let rows: Vec<_> = rows(view.reader()).into_values().collect();
    format!("[{}]", rows.join(","))
}

fn slot(folder: &Folder) -> Vec<u8> {
    std::fs::read(folder.join(SLOT)).expect("a slot")
}

fn reached(loot: &Loot, canaries: &Canaries) -> [bool; 3] {
    [canaries.name, canaries.said, canaries.file].map(|canary| loot.holds(canary.as_bytes()))
}

const NOTHING: [bool; 3] = [false; 3];
const EVERYTHING: [bool; 3] = [true; 3];
/// A focus group has no name.
const MATERIAL: [bool; 3] = [false, true, true];

/// What an erasure makes of a story, and the images taken at every step of it.
struct Erased {
    before: Folder,
    film: Vec<Folder>,
    /// What lay there before but the slot, and everything that lies there now.
    ends: Corpus,
    /// And whatever lay there in between.
    all: Corpus,
}

impl Story {
    async fn erase(&self, contact_only: bool) -> Erased {
        let before = self.house.image();
        let mut ends = Corpus::default();
        ends.text("index before", index_of(&self.house));
        let withdrawn = self.house.withdraw(self.her, contact_only).await;
        let film = self.house.film();
        let erasure = self.house.approve(withdrawn.erasure).await;
        let film = film.end();
        assert_eq!(erasure.stage, ErasureStage::Certified);
        ends.image(&without_slots(&before))
            .image(&self.house.image().files())
            .text("index after", index_of(&self.house));
        let mut all = ends.clone();
        for image in &film {
            all.image(&without_slots(image));
        }
        Erased {
            before,
            film,
            ends,
            all,
        }
    }
}

/// Invariant 3, with each of the ways it could be broken as a control.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_ever_lay_there_opens_what_was_erased() {
    let story = Story::told().await;
    let before = attack(
        Corpus::default().image(&story.house.image().files()),
        Windows::OfWhatOpens,
    );
    assert_eq!(reached(&before, &HERS), EVERYTHING, "before");
    assert_eq!(reached(&before, &HIS), EVERYTHING, "before");
    assert_eq!(reached(&before, &THEIRS), MATERIAL, "before");

    let leaks = story.leaks();
    let Erased {
        before,
        film,
        ends,
        all,
    } = story.erase(false).await;
    assert!(
        film.len() > 10,
        "the erasure was seen at {} steps",
        film.len()
    );
    for words in [HERS, HIS, THEIRS]
        .iter()
        .flat_map(|c| [c.name, c.said, c.file])
    {
        assert_eq!(all.lies_in(words.as_bytes()), None, "{words:?} lies open");
    }

    let after = attack(&all, Windows::Everywhere);
    println!(
        "{} keys were tried on {} sealed things, from {} images",
        after.tried,
        after.sealed,
        film.len() + 2
    );
    assert!(
        after.tried > 50_000 && after.sealed > 25,
        "it was in earnest"
    );
    assert_eq!(reached(&after, &HERS), NOTHING, "after");
    assert_eq!(reached(&after, &THEIRS), NOTHING, "after");
    assert_eq!(reached(&after, &HIS), EVERYTHING, "after");

    let caught = |what: &str, add: &dyn Fn(&mut Corpus)| {
        let mut corpus = ends.clone();
        add(&mut corpus);
        let loot = attack(&corpus, Windows::OfWhatOpens);
        assert_eq!(reached(&loot, &HIS), EVERYTHING, "{what}");
        [&HERS, &THEIRS].map(|canaries| reached(&loot, canaries))
    };
    let old_root = caught("the old root is kept", &|corpus| {
        corpus.file(Path::new("kept.slot"), &slot(&before));
    });
    assert_eq!(old_root, [EVERYTHING, MATERIAL]);
    let both = film
        .iter()
        .map(slot)
        .find(|slot| sealed_roots(slot).len() == 2);
    let both = both.expect("for a while the slot holds both roots");
    let not_effaced = caught("the old root is not effaced", &|corpus| {
        corpus.file(Path::new("root.slot"), &both);
    });
    assert_eq!(not_effaced, [EVERYTHING, MATERIAL]);
    let logged = caught(
        "two keys are logged, and the bucket keeps versions",
        &|corpus| {
            corpus.file(Path::new("gateway.log"), leaks.keys.as_bytes());
        },
    );
    assert_eq!(logged, [MATERIAL, NOTHING]);
    let file_key = caught(
        "a file key is logged, and the bucket keeps versions",
        &|corpus| {
            corpus.file(Path::new("gateway.log"), leaks.file_key.as_bytes());
        },
    );
    assert_eq!(file_key, [[false, true, false], NOTHING]);
    let core = caught("a file key lies in a core dump", &|corpus| {
        let dump = [&noise(77, 1)[..], &leaks.core, &noise(77, 2)].concat();
        corpus.text("opened", format!("\"{}\"", hex(&dump)));
    });
    assert_eq!(core, [[false, true, false], NOTHING]);
}

/// Contact details go on their own, and what somebody said stays (R15).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contact_details_go_alone_when_that_is_asked() {
    let story = Story::told().await;
    let Erased {
        before,
        mut ends,
        all,
        ..
    } = story.erase(true).await;
    let after = attack(&all, Windows::OfWhatOpens);
    assert_eq!(reached(&after, &HERS), [false, true, true]);
    assert_eq!(reached(&after, &HIS), EVERYTHING);
    assert_eq!(reached(&after, &THEIRS), MATERIAL);
    assert_eq!(story.house.name_of(story.her), None);
    let fetched = story.house.fetch(story.her_item).await;
    assert_eq!(fetched.expect("opens as before"), recording(&HERS));

    ends.file(Path::new("kept.slot"), &slot(&before));
    let control = attack(&ends, Windows::OfWhatOpens);
    assert_eq!(reached(&control, &HERS), EVERYTHING);
}

/// What a careless build might let out of the vault while her item's keys are there.
struct Leaks {
    /// Her item's key and her own, in base64.
    keys: String,
    /// Her item's file key, in hex.
    file_key: String,
    core: [u8; 16],
}

impl Story {
    fn leaks(&self) -> Leaks {
        let vault = self.house.service.vault();
        let view = vault.view().expect("the index runs");
        let reader = view.reader();
        let item = reader.get(&tables::ITEMS, &self.her_item).expect("runs");
        let item = item.expect("an item");
        let her = reader.get(&tables::PARTICIPANTS, &self.her).expect("runs");
        let keys = [item.key, her.expect("a participant").material_key];
        let keys = keys.map(|leaf| {
            let key = view.key(leaf).expect("a key");
            BASE64_STANDARD.encode(key.expose_secret())
        });
        let particulars = view.particulars(vault, &item).expect("opens");
        Leaks {
            keys: format!("DEBUG vault: item={} person={}\n", keys[0], keys[1]),
            file_key: format!("DEBUG agefile: key={}\n", hex(&particulars.file_key)),
            core: particulars.file_key,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
