//! Contenders that take turns, so that a busy machine slows all of them alike and ratios hold.

use std::time::{Duration, Instant};

/// Something measured: its name, and one turn of it.
pub(crate) struct Contender<'a> {
    name: String,
    turn: Box<dyn FnMut() -> Duration + 'a>,
    times: Vec<Duration>,
}

impl<'a> Contender<'a> {
    /// One whose turn says itself how long it took.
    pub(crate) fn timed(name: impl Into<String>, turn: impl FnMut() -> Duration + 'a) -> Self {
        Self {
            name: name.into(),
            turn: Box::new(turn),
            times: Vec::new(),
        }
    }

    /// One whose turn is measured from beginning to end.
    pub(crate) fn new<T>(name: impl Into<String>, mut turn: impl FnMut() -> T + 'a) -> Self {
        Self::timed(name, move || {
            let begun = Instant::now();
            std::hint::black_box(turn());
            begun.elapsed()
        })
    }

    /// The median of what its turns took.
    pub(crate) fn median(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }

    /// The least that a turn took: what a busy machine cannot better.
    pub(crate) fn least(&self) -> Duration {
        self.times.iter().min().copied().unwrap_or_default()
    }

    /// Median, lowest and highest of what its turns took over what `other`'s took in the same round.
    fn ratios(&self, other: &Self) -> [f64; 3] {
        let pairs = self.times.iter().zip(&other.times);
        let mut ratios: Vec<f64> = pairs
            .map(|(mine, theirs)| mine.as_secs_f64() / theirs.as_secs_f64())
            .collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let at = |place: usize| ratios.get(place).copied().unwrap_or(f64::NAN);
        // The outermost twentieths are the machine's, not the program's.
        let edge = ratios.len() / 20;
        [
            at(ratios.len() / 2),
            at(edge),
            at(ratios.len().saturating_sub(1 + edge)),
        ]
    }
}

/// Gives every contender a turn in each of `rounds` rounds, after one that does not count, each
/// round beginning with another of them.
pub(crate) fn alternate(rounds: usize, contenders: &mut [Contender<'_>]) {
    for round in 0..=rounds {
        contenders.rotate_left(usize::from(round > 0));
        for contender in contenders.iter_mut() {
            let took = (contender.turn)();
            if round > 0 {
                contender.times.push(took);
            }
        }
    }
    let turned = rounds % contenders.len().max(1);
    contenders.rotate_right(turned);
}

/// Prints a line for each contender: `figure` of its median and of its best turn, and its time over
/// the first one's in the same round and at best.
pub(crate) fn report(
    what: &str,
    contenders: &[Contender<'_>],
    figure: impl Fn(Duration) -> String,
) {
    println!("{what}, each beside the first");
    let Some(first) = contenders.first() else {
        return;
    };
    for contender in contenders {
        let (median, least) = (figure(contender.median()), figure(contender.least()));
        print!("  {}: {median}, at best {least}", contender.name);
        if contender.name != first.name {
            let [ratio, low, high] = contender.ratios(first);
            let best = contender.least().as_secs_f64() / first.least().as_secs_f64();
            print!("; takes {ratio:.2} ({low:.2} to {high:.2}), at best {best:.2}, of its time");
        }
        println!();
    }
}
