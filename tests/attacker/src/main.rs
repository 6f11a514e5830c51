//! The closure attacker: everything that ever lay on the disk or in the bucket, put together with
//! every secret that is left, and what that opens.
//!
//! It shares no code with Strongroom and does not depend on it. [`formats`], [`index`] and [`age`]
//! are all it knows of a vault; [`corpus`] is what it has, and [`closure`] what it does with that.
//!
//! ```text
//! attacker --now PATH... [--earlier PATH...] [--old-root FILE...] [--canary NAME=TEXT...] [--quick]
//! ```
//!
//! `--now` is what is there: the vault's folder with its root slot, the unlock identity, people's
//! profiles, the log, the bucket (a folder `bucket` or `store`). `--earlier` are images of any
//! earlier moment, in their order, and backups. A root slot in these is passed over: it is the one
//! thing that can be made to forget, and what it held is added with `--old-root` alone. With `--quick` the
//! windows of what opens are tried, and of what is spelled out, but not those of every file.
//!
//! It says what it had, what it tried and what opened; then of each canary whether it was `reached`
//! or `not reached`, and whether it `lies open` somewhere; and which objects that are in the bucket
//! now `nothing opens`, which is ciphertext that should have been deleted. It always exits with 0
//! unless it could not read something: what is right or wrong, whoever runs it knows.

mod age;
mod closure;
mod corpus;
mod formats;
mod index;
mod json;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use closure::attack;
use corpus::{Corpus, When};

#[derive(Default)]
struct Asked {
    now: Vec<PathBuf>,
    earlier: Vec<PathBuf>,
    old_roots: Vec<PathBuf>,
    canaries: Vec<(String, String)>,
    quick: bool,
}

fn main() -> ExitCode {
    let told = asked(std::env::args().skip(1)).and_then(|asked| run(&asked));
    match told {
        Ok(told) => {
            print!("{told}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("attacker: {why}");
            ExitCode::FAILURE
        }
    }
}

fn asked(mut arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked::default();
    while let Some(option) = arguments.next() {
        if option == "--quick" {
            asked.quick = true;
            continue;
        }
        let value = arguments.next();
        let value = value.ok_or_else(|| format!("{option} lacks its value"))?;
        match option.as_str() {
            "--now" => asked.now.push(value.into()),
            "--earlier" => asked.earlier.push(value.into()),
            "--old-root" => asked.old_roots.push(value.into()),
            "--canary" => {
                let (name, text) = value.split_once('=').ok_or("a canary is NAME=TEXT")?;
                asked.canaries.push((name.to_owned(), text.to_owned()));
            }
            other => return Err(format!("{other}: no such option")),
        }
    }
    match asked.now.is_empty() {
        true => Err("say what is there now: --now PATH".to_owned()),
        false => Ok(asked),
    }
}

fn run(asked: &Asked) -> Result<String, String> {
    let began = Instant::now();
    let scratch = std::env::temp_dir().join(format!("attacker-{}", std::process::id()));
    let corpus = gather(asked, &scratch);
    let _ = std::fs::remove_dir_all(&scratch);
    let corpus = corpus?;
    let mut told = format!(
        "corpus: {} images, {} files, {} bytes; {} root slots, {} indexes with {} rows, {} identities\n",
        corpus.images,
        corpus.files().count(),
        corpus.bytes,
        corpus.roots(),
        corpus.indexes().len(),
        corpus.indexes().iter().map(index::Rows::len).sum::<usize>(),
        corpus.identities().count(),
    );
    let lying = |canary: &str| corpus.lies_in(canary.as_bytes()).map(Path::to_path_buf);
    let lying: Vec<_> = asked.canaries.iter().map(|(_, text)| lying(text)).collect();
    let loot = attack(corpus);
    told.push_str(&format!(
        "sealed: {} nodes, {} contact details, {} items, {} objects\n\
         tried: {} keys of 32 bytes, {} of 16, in {} rounds\n\
         opened: {} roots and age files, {} records, {} rows, {} keys of the tree, {} sealed values, {} objects\n",
        loot.nodes,
        loot.contacts,
        loot.items,
        loot.objects,
        loot.keys_tried,
        loot.file_keys_tried,
        loot.rounds,
        loot.roots_opened,
        loot.records_opened,
        loot.rows_opened,
        loot.tree_keys_opened,
        loot.values_opened,
        loot.objects_opened,
    ));
    for ((name, text), lies) in asked.canaries.iter().zip(lying) {
        match loot.holds(text.as_bytes()) {
            true => told.push_str(&format!("reached: {name}\n")),
            false => told.push_str(&format!("not reached: {name}\n")),
        }
        if let Some(path) = lies {
            told.push_str(&format!("lies open: {name} in {}\n", path.display()));
        }
    }
    for path in &loot.unopened {
        told.push_str(&format!("nothing opens: {}\n", path.display()));
    }
    told.push_str(&format!("took: {} ms\n", began.elapsed().as_millis()));
    Ok(told)
}

fn gather(asked: &Asked, scratch: &Path) -> Result<Corpus, String> {
    let failed = |place: &Path| {
        let place = place.display().to_string();
        move |error| format!("{place}: {error}")
    };
    let mut corpus = Corpus::default();
    let earlier = asked.earlier.iter().map(|place| (place, When::Earlier));
    let now = asked.now.iter().map(|place| (place, When::Now));
    for (place, when) in earlier.chain(now) {
        let taken = corpus.take(place, when, !asked.quick);
        taken.map_err(failed(place))?;
        corpus.take_indexes(place, scratch);
    }
    for slot in &asked.old_roots {
        let bytes = std::fs::read(slot).map_err(failed(slot))?;
        corpus.old_root(&bytes);
    }
    Ok(corpus)
}
