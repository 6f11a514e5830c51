//! Every point at which a program may be cut short, and what is left of its disk there.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::changes::Film;
use super::power::{Chance, Loss};
use super::story::Told;
use super::tree::Tree;
use crate::support::effort;
use crate::support::programs::tell;

/// Threads that try points at once.
const HANDS: usize = 3;

/// A moment, and what a disk loses at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    /// Changes made before it.
    pub(super) count: usize,
    pub(super) loss: Loss,
}

/// What was tried, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) tried: usize,
    alike: usize,
    pub(super) failures: Vec<String>,
}

/// The points to try of a film whose acknowledgements came after so many answers each: all of them
/// in the long version, and `share` of each step otherwise, chosen by chance with the moments around
/// each acknowledgement always among them.
pub(super) fn points(film: &Film, acknowledged: &[usize], share: usize) -> Vec<Point> {
    let all = film.changes.len();
    let losses = [Loss::Nothing, Loss::Everything, Loss::Bytes, Loss::Names];
    let mut chosen = Vec::new();
    if effort::is_long() {
        for count in 0..=all {
            let chances = (0..3).map(|seed| Loss::Chance(seed + 3 * count as u64));
            let losses = losses.into_iter().chain(chances);
            chosen.extend(losses.map(|loss| Point { count, loss }));
        }
        return chosen;
    }
    let mut chance = Chance::new(effort::seed());
    let mut begins = 0;
    for step in 0..=acknowledged.len() {
        // The last moment at which the step is not acknowledged yet, and the first at which it is.
        let ends = match acknowledged.get(step) {
            Some(answers) => (begins..=all)
                .find(|count| film.answers_before(*count) >= *answers)
                .unwrap_or(all),
            None => all,
        };
        if acknowledged.len() > step {
            chosen.push(Point {
                count: ends,
                loss: Loss::Everything,
            });
        }
        for _ in 0..share {
            let count = begins + chance.below(ends - begins + 1);
            let loss = match chance.below(6) {
                place @ 0..4 => losses[place],
                _ => Loss::Chance(chance.draw()),
            };
            chosen.push(Point { count, loss });
        }
        begins = ends;
    }
    chosen
}

/// Moments within the erasure of a story, from each of which a recovery has other work to do.
pub(super) fn in_an_erasure(
    film: &Film,
    acknowledged: &[usize],
    told: &Told,
) -> Vec<(usize, Loss)> {
    let erasing = told.first_root_gone.expect("the story erases");
    let at = |step: usize| {
        let answers = acknowledged[step];
        (0..=film.changes.len()).find(|count| film.answers_before(*count) >= answers)
    };
    let (begins, ends) = (at(erasing - 1).unwrap_or(0), at(erasing).unwrap_or(0));
    let many = if effort::is_long() { 24 } else { 3 };
    let losses = [
        Loss::Everything,
        Loss::Nothing,
        Loss::Chance(effort::seed()),
    ];
    let moments = (1..=many).map(|n| begins + n * (ends - begins) / (many + 1));
    moments.zip(losses.into_iter().cycle()).collect()
}

/// Tries points: `check` is given a folder with what is left of the disk, and how many answers had
/// been given; and says what is wrong.
pub(super) fn try_all(
    what: &str,
    film: &Film,
    points: &[Point],
    check: impl Fn(&Path, &Tree, usize) -> Result<(), String> + Sync,
) -> Tally {
    let began = Instant::now();
    let (next, seen) = (Mutex::new(points.iter()), Mutex::new(HashSet::new()));
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                loop {
                    let point = locked(&next).next();
                    let Some(Point { count, loss }) = point.copied() else {
                        return;
                    };
                    let count = film.at_rest(count);
                    let answers = film.answers_before(count);
                    let tree = film.image(count, loss);
                    if !locked(&seen).insert((answers, fingerprint(&tree))) {
                        locked(&tally).alike += 1;
                        continue;
                    }
                    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"));
                    let scratch = scratch.expect("a folder");
                    let folder = scratch.path().join("disk");
                    tree.write(&folder);
                    let checked = check(&folder, &tree, answers);
                    let mut tally = locked(&tally);
                    tally.tried += 1;
                    if let Err(wrong) = checked {
                        let next = film.changes.get(count).map_or("the end", |c| c.kind());
                        let failure = format!(
                            "{what}, {loss:?} before change {count} of {} ({next}): {wrong}",
                            film.changes.len()
                        );
                        tell(&failure);
                        tally.failures.push(failure);
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    tell(&format!(
        "crash: {what}: {} changes; {} points tried, {} more left the same disk; {} failed, {} of them by losing what was acknowledged; {:.0?}",
        film.changes.len(),
        tally.tried,
        tally.alike,
        tally.failures.len(),
        tally.lost(),
        began.elapsed()
    ));
    tally
}

impl Tally {
    /// Points at which something acknowledged was lost.
    fn lost(&self) -> usize {
        let failures = self.failures.iter();
        failures.filter(|how| how.contains("LOST")).count()
    }

    /// That nothing failed.
    pub(super) fn holds(&self) {
        assert!(self.failures.is_empty(), "{}", self.failures.join("\n"));
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fingerprint(tree: &Tree) -> u64 {
    let mut hasher = DefaultHasher::new();
    tree.paths().hash(&mut hasher);
    hasher.finish()
}
