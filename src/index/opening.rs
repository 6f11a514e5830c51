//! Making an index, and opening one with what is in it verified.

use std::ops::Bound::Unbounded;
use std::path::Path;
use std::sync::Arc;

use super::engine::{Engine, Failure};
use super::error::{OpenError, Refused, Unusable};
use super::folder::Folder;
use super::notes::Notes;
use super::seal::{Place, Seals, Standing};
use super::sections::Sections;
use super::shelf::Shelf;
use super::state::State;
use super::store::{Index, STANDING_ROW, Sizes};
use super::verify::{
    Problem, compare, count_rows, recorded_standing, verify_packs, why_they_differ,
};
use crate::entropy::Entropy;
use crate::secret::Key;

impl Index {
    /// Makes an empty index at `dir`, where nothing may be, for the journal whose key is `journal_key`.
    ///
    /// # Errors
    /// [`OpenError::Occupied`], [`OpenError::InUse`], and whatever keeps the files from being made.
    pub fn create(
        dir: &Path,
        journal_key: &Key,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenError> {
        Self::create_with(dir, journal_key, entropy, Sizes::USUAL)
    }

    pub(super) fn create_with(
        dir: &Path,
        journal_key: &Key,
        entropy: Arc<dyn Entropy>,
        sizes: Sizes,
    ) -> Result<Self, OpenError> {
        let folder = Folder::hold(dir)?;
        folder.make()?;
        let seals = Seals::draw(journal_key, &*entropy)?;
        let standing = Standing::beginning();
        let row = seals.seal_standing(standing, Place::Row, &*entropy)?;
        let mut batch = sled::Batch::default();
        batch.insert(&STANDING_ROW, row);
        let could_not_make = |failure| refused_or_unusable(&folder, "cannot make", failure);
        let engine = Engine::open(&folder.sled()).map_err(could_not_make)?;
        engine.apply(batch).map_err(could_not_make)?;
        engine.flush().map_err(could_not_make)?;
        folder.sync_sled()?;
        folder.write_anchor(&seals.seal_standing(standing, Place::Anchor, &*entropy)?)?;
        let state = State::at(standing, Sections::empty(sizes.section_rows), None);
        Ok(Self::over(engine, seals, entropy, state, folder, sizes))
    }

    /// Opens the index at `dir` and verifies every row in it.
    ///
    /// It may have fewer records applied than the journal has, since only what is made durable
    /// survives a crash: compare [`position`](Self::position) and [`merkle_root`](Self::merkle_root)
    /// with the journal, and apply the rest.
    ///
    /// # Errors
    /// [`OpenError::Unusable`] when it must be rebuilt, and for what reason; other errors are not
    /// about its contents, and rebuilding would not help.
    pub fn open(
        dir: &Path,
        journal_key: &Key,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenError> {
        Self::open_with(dir, journal_key, entropy, u64::MAX, Sizes::USUAL)
    }

    /// Opens the index at `dir` as [`open`](Self::open) does, but of one with more rows than `verified_first`
    /// verifies only what is needed, if it is known what its sections come to: each of them before the
    /// first answer that could be from it. [`verify_next`](Self::verify_next) has to verify the rest.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_to_serve(
        dir: &Path,
        journal_key: &Key,
        entropy: Arc<dyn Entropy>,
        verified_first: u64,
    ) -> Result<Self, OpenError> {
        Self::open_with(dir, journal_key, entropy, verified_first, Sizes::USUAL)
    }

    pub(super) fn open_with(
        dir: &Path,
        journal_key: &Key,
        entropy: Arc<dyn Entropy>,
        verified_first: u64,
        sizes: Sizes,
    ) -> Result<Self, OpenError> {
        if !dir.is_dir() {
            return Err(Unusable::Missing.into());
        }
        let folder = Folder::hold(dir)?;
        let (seals, anchored) = Seals::open_anchor(journal_key, &folder.read_anchor()?)?;
        folder.discard_unfinished_snapshots()?;
        folder.discard_runs()?;
        let unreadable = |failure| refused_or_unusable(&folder, "cannot open", failure);
        let engine = Engine::open(&folder.sled()).map_err(unreadable)?;
        let recorded = recorded_standing(&engine, &seals).map_err(|problem| match problem {
            Problem::Failure(failure) => unreadable(failure),
            Problem::Unusable(reason) => reason.into(),
        })?;
        compare(recorded, anchored)?;
        let known = match recorded.tally.rows > verified_first {
            true => known_sections(&folder, &engine, &seals, recorded, sizes.section_rows)?,
            false => None,
        };
        let (sections, notes, packs) = match known {
            Some((sections, notes)) => {
                let packs = verify_packs(&engine, &seals, &sections).map_err(unreadable)?;
                (sections, notes, packs?)
            }
            None => {
                // What is noted from here on does not follow from what it says.
                folder.discard_sections()?;
                let fingerprints = seals.fingerprints();
                let found = count_rows(&engine, &fingerprints, sizes.section_rows);
                let found = found.map_err(unreadable)?;
                let (tally, all) = (found.rows.total(), (Unbounded, Unbounded));
                if tally != recorded.tally {
                    let why = why_they_differ(&engine, &seals, all, recorded.tally, tally);
                    return Err(why.map_err(unreadable)?.into());
                }
                let notes = Notes::superfluous(&engine).map_err(unreadable)?;
                let sections = Sections::of(found.rows, sizes.section_rows);
                (sections, notes, found.packs)
            }
        };
        let packs = Some(packs).filter(|packs| !packs.is_empty());
        let state = State::at(recorded, sections, packs.map(Shelf::in_sled)).with_notes(notes);
        Ok(Self::over(engine, seals, entropy, state, folder, sizes))
    }
}

/// The sections of an index that stands there, as its file and the notes since have them; nothing when
/// they do not come to what all rows do.
fn known_sections(
    folder: &Folder,
    engine: &Engine,
    seals: &Seals,
    recorded: Standing,
    length: u64,
) -> Result<Option<(Sections, Notes)>, OpenError> {
    let stamp = folder.read_sections()?;
    let read = stamp.and_then(|stamp| seals.open_sections(&stamp));
    let Some((noted, sections)) = read else {
        return Ok(None);
    };
    let Some(mut sections) = Sections::from_bytes(&sections, length) else {
        return Ok(None);
    };
    let notes = Notes::catch_up(engine, seals, &mut sections, noted.position);
    let notes = notes.map_err(|failure| refused_or_unusable(folder, "cannot open", failure))?;
    let whole = sections.total() == recorded.tally;
    Ok(notes.filter(|_| whole).map(|notes| (sections, notes)))
}

fn refused_or_unusable(folder: &Folder, what: &'static str, failure: Failure) -> OpenError {
    match failure {
        Failure::Refused(source) => Refused::new(what, folder.path(), source).into(),
        Failure::Broken(words) => Unusable::WouldNotOpen(words).into(),
    }
}
