//! An item opens only while its own key and the key of everyone in it exist (invariant 2), and only
//! as what it is.

use std::fs;

use futures::StreamExt as _;
use strongroom::access::acts;
use strongroom::id::{ItemId, StudyId};
use strongroom::index::tables;
use strongroom::model::{Item, Sealed};
use strongroom::vault::VaultError;
use strongroom::work::{WorkError, retrieve};

use crate::support::house::{BUCKET, House, noise};

/// Three people in a focus group: whoever of them goes takes it along, and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_several_are_in_goes_with_any_one_of_them() {
    let house = House::new().await;
    let mut people = Vec::new();
    for name in ["Agnes", "Basil", "Cecily"] {
        people.push(house.interview(name, name.as_bytes()).await);
    }
    let all: Vec<_> = people.iter().map(|(person, _)| *person).collect();
    let session = house.session(&all).await;
    let group = house.deposit(session, noise(3000, 1), "group.wav").await;
    let pair = house.session(&all[..2]).await;
    let pair = house.deposit(pair, noise(2000, 2), "pair.wav").await;
    assert_eq!(house.fetch(group).await.expect("opens"), noise(3000, 1));

    for (leaving, (person, own)) in people.iter().enumerate() {
        let house = house.open_image(house.image()).await.expect("opens");
        let erasure = house.erase(*person).await;
        let gone_items = 1 + 1 + usize::from(leaving < 2);
        assert_eq!(erasure.target.items.len(), gone_items);
        for gone in [*own, group] {
            let fetched = house.fetch(gone).await;
            assert!(
                matches!(fetched, Err(WorkError::NoSuchThing)),
                "{fetched:?}"
            );
        }
        // The rows are there, and the keys are not: it is not the row that keeps it shut.
        let view = house.service.vault().view().expect("runs");
        let row = view.reader().get(&tables::ITEMS, &group).expect("runs");
        let row = row.expect("a row");
        let opened = view.particulars(house.service.vault(), &row);
        assert!(matches!(opened, Err(VaultError::Destroyed)), "{opened:?}");
        drop(view);
        let stayed = house.fetch(pair).await;
        assert_eq!(stayed.is_ok(), leaving == 2, "{stayed:?}");
        for (_, other) in people.iter().filter(|(other, _)| other != person) {
            house.fetch(*other).await.expect("opens as before");
        }
    }
}

fn item(house: &House, id: ItemId) -> Item {
    let view = house.service.vault().view().expect("runs");
    let row = view.reader().get(&tables::ITEMS, &id).expect("runs");
    row.expect("an item")
}

/// What names the file and its key is bound to its item, its study and everyone in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn particulars_open_in_no_other_place() {
    let house = House::new().await;
    let (her, hers) = house.interview("Agnes", &noise(900, 1)).await;
    let (him, his) = house.interview("Basil", &noise(900, 2)).await;
    let session = house.session(&[her]).await;
    let second = house.deposit(session, noise(900, 3), "second.wav").await;
    let [hers, his, second] = [hers, his, second].map(|id| item(&house, id));
    let vault = house.service.vault();
    let other_study = StudyId::random(&*vault.means().entropy).expect("entropy");
    let swapped = [
        (
            "her own other item's",
            second.particulars.clone(),
            hers.clone(),
        ),
        ("somebody else's", his.particulars.clone(), hers.clone()),
        ("nothing", Sealed::new(Vec::new()), hers.clone()),
        ("the same, as another item", hers.particulars.clone(), {
            let id = second.id;
            Item { id, ..hers.clone() }
        }),
        (
            "the same, under another item's key",
            hers.particulars.clone(),
            {
                let key = second.key;
                Item {
                    key,
                    ..hers.clone()
                }
            },
        ),
        ("the same, in another study", hers.particulars.clone(), {
            let study = other_study;
            Item {
                study,
                ..hers.clone()
            }
        }),
        ("the same, with somebody more", hers.particulars.clone(), {
            let participants = vec![her.min(him), her.max(him)];
            Item {
                participants,
                ..hers.clone()
            }
        }),
        ("the same, with nobody", hers.particulars.clone(), {
            let participants = Vec::new();
            Item {
                participants,
                ..hers.clone()
            }
        }),
    ];
    let view = vault.view().expect("runs");
    for (what, particulars, item) in swapped {
        let item = Item {
            particulars,
            ..item
        };
        let opened = view.particulars(vault, &item);
        assert!(
            matches!(opened, Err(VaultError::Unopenable { .. })),
            "{what}: {opened:?}"
        );
    }
    view.particulars(vault, &hers).expect("her own opens");
}

/// Objects in the bucket, and what is done to them there, are refused before a byte of them flows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_bucket_gives_nothing_it_was_not_given() {
    let house = House::new().await;
    // Three chunks, and a little of a fourth.
    let (first, second) = (noise(200_000, 1), noise(200_000, 2));
    let (_, one) = house.interview("Agnes", &first).await;
    let (_, two) = house.interview("Basil", &second).await;
    let object = |id: ItemId| {
        let bucket = house.folder.join("store").join(BUCKET);
        let files = house.folder.files();
        let mut names = files.iter().map(|(path, _)| house.folder.path().join(path));
        let of_item = |path: &std::path::PathBuf| {
            path.starts_with(&bucket) && path.to_string_lossy().contains(&id.to_string())
        };
        names.find(of_item).expect("an object")
    };
    let (first_object, second_object) = (object(one), object(two));
    let whole = fs::read(&first_object).expect("read");
    let chunk = 65_552;
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = whole.clone();
        change(&mut changed);
        changed
    };
    let tampered = [
        (
            "the other's object",
            fs::read(&second_object).expect("read"),
            0,
        ),
        (
            "a flipped bit in the last chunk",
            with(&|o| *o.last_mut().expect("bytes") ^= 1),
            3,
        ),
        ("a flipped bit in the first", with(&|o| o[20] ^= 1), 0),
        (
            "two chunks exchanged",
            with(&|o| o[16..16 + 2 * chunk].rotate_left(chunk)),
            0,
        ),
        (
            "cut short in a chunk",
            with(&|o| o.truncate(o.len() - 7)),
            3,
        ),
        (
            "cut short by a chunk",
            with(&|o| o.truncate(16 + 3 * chunk)),
            3,
        ),
        ("nothing", Vec::new(), 0),
    ];
    for (what, bytes, chunks_at_most) in tampered {
        fs::write(&first_object, bytes).expect("written");
        let grant = house.admit::<acts::OpenItem>(&house.staff.lead, one).await;
        let opened = retrieve::open(&house.service, grant.expect("granted"), None).await;
        let (mut given, mut failed) = (Vec::new(), opened.is_err());
        if let Ok(plain) = opened {
            let mut body = std::pin::pin!(plain.body);
            while let Some(piece) = body.next().await {
                match piece {
                    Ok(bytes) => given.extend_from_slice(&bytes),
                    Err(_) => failed = true,
                }
            }
        }
        assert!(failed, "{what}: it ended as if nothing were wrong");
        assert!(
            first.starts_with(&given),
            "{what}: other bytes than were brought"
        );
        assert!(
            given.len() <= chunks_at_most * 65_536,
            "{what}: {}",
            given.len()
        );
        assert_eq!(house.fetch(two).await.expect("the other opens"), second);
    }
    fs::write(&first_object, whole).expect("written");
    assert_eq!(house.fetch(one).await.expect("put right, it opens"), first);
}
