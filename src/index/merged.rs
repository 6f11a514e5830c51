//! Rows from wherever they lie, in order, each as it was last written.

use std::borrow::Cow;
use std::collections::btree_map;
use std::iter::Peekable;
use std::ops::Bound;

use sled::IVec;

use super::batch::Rows;
use super::seal;
use super::shelf::{Opener, PackedRow, Shelf, ShelfScan, Trouble};
use super::verify::CheckedScan;

/// A value as it is found.
pub(super) enum Stored<'a> {
    /// Put by a batch that is not yet in sled, or out of a pack that was opened.
    Open(Cow<'a, [u8]>),
    /// By itself in sled.
    Sealed(IVec),
}

/// The key of a row, wherever it was found.
pub(super) enum Row<'a> {
    Waiting(&'a [u8]),
    Sealed(IVec),
    Packed(Vec<u8>),
}

impl AsRef<[u8]> for Row<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Waiting(row) => row,
            Self::Sealed(row) => row,
            Self::Packed(row) => row,
        }
    }
}

/// The rows that wait, those in sled, and those in packs. Where several have one row, the first of
/// these, and of shelves the last, has it as it stands.
pub(super) struct Merged<'a> {
    waiting: Peekable<Waiting<'a>>,
    sealed: Option<Peekable<CheckedScan<'a>>>,
    /// From the newest to the oldest.
    shelves: Vec<Peekable<ShelfScan<'a>>>,
    backwards: bool,
}

/// Which of the sources.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Waiting,
    Sealed,
    Shelf(usize),
}

type Found<'a> = (Row<'a>, Option<Stored<'a>>);

impl<'a> Merged<'a> {
    pub(super) fn new(
        bounds: &Bounds,
        backwards: bool,
        waiting: &'a Rows,
        sealed: Option<CheckedScan<'a>>,
        shelves: &'a [Shelf],
        opener: Opener<'a>,
    ) -> Self {
        let waiting = Waiting {
            rows: waiting.range::<[u8], _>(as_slices(bounds)),
            backwards,
        };
        let shelves = shelves.iter().rev();
        Self {
            waiting: waiting.peekable(),
            sealed: sealed.map(Iterator::peekable),
            shelves: shelves
                .map(|shelf| shelf.scan(bounds.clone(), backwards, opener).peekable())
                .collect(),
            backwards,
        }
    }

    /// The source whose next row is the first of all, or that failed; the newest of several.
    fn foremost(&mut self) -> Option<Source> {
        let backwards = self.backwards;
        let precedes = |row: &[u8], best: Option<&[u8]>| match best {
            None => true,
            Some(best) if backwards => row > best,
            Some(best) => row < best,
        };
        let mut best: Option<(&[u8], Source)> = None;
        if let Some((row, _)) = self.waiting.peek() {
            best = Some((row, Source::Waiting));
        }
        match self.sealed.as_mut().and_then(Peekable::peek) {
            Some(Ok((row, _))) if precedes(row, best.map(|(best, _)| best)) => {
                best = Some((row, Source::Sealed));
            }
            Some(Err(_)) => return Some(Source::Sealed),
            _ => {}
        }
        for (number, shelf) in self.shelves.iter_mut().enumerate() {
            match shelf.peek() {
                Some(Ok((row, _))) if precedes(row, best.map(|(best, _)| best)) => {
                    best = Some((row, Source::Shelf(number)));
                }
                Some(Err(_)) => return Some(Source::Shelf(number)),
                _ => {}
            }
        }
        best.map(|(_, source)| source)
    }

    fn take(&mut self, source: Source) -> Option<Result<Found<'a>, Trouble>> {
        match source {
            Source::Waiting => self.waiting.next().map(|(row, value)| {
                let stored = value.map(|value| Stored::Open(Cow::Borrowed(value)));
                Ok((Row::Waiting(row), stored))
            }),
            Source::Sealed => {
                let next = self.sealed.as_mut().and_then(Iterator::next)?;
                Some(next.map(|(row, sealed)| {
                    let removed = seal::is_removed(&sealed);
                    let stored = (!removed).then_some(Stored::Sealed(sealed));
                    (Row::Sealed(row), stored)
                }))
            }
            Source::Shelf(number) => {
                let next = self.shelves.get_mut(number).and_then(Iterator::next)?;
                Some(next.map(|(row, value): PackedRow| {
                    let stored = value.map(|value| Stored::Open(Cow::Owned(value)));
                    (Row::Packed(row), stored)
                }))
            }
        }
    }

    /// Passes over `row` wherever else it lies.
    fn pass_over(&mut self, row: &[u8]) {
        if let Some(sealed) = &mut self.sealed {
            sealed.next_if(|next| next.as_ref().is_ok_and(|(key, _)| key == row));
        }
        for shelf in &mut self.shelves {
            shelf.next_if(|next| next.as_ref().is_ok_and(|(key, _)| key == row));
        }
    }
}

impl<'a> Iterator for Merged<'a> {
    type Item = Result<(Row<'a>, Stored<'a>), Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let source = self.foremost()?;
            match self.take(source)? {
                Err(trouble) => return Some(Err(trouble)),
                Ok((row, stored)) => {
                    self.pass_over(row.as_ref());
                    if let Some(stored) = stored {
                        return Some(Ok((row, stored)));
                    }
                }
            }
        }
    }
}

/// The rows of batches that are not yet in sled.
struct Waiting<'a> {
    rows: btree_map::Range<'a, Vec<u8>, Option<Vec<u8>>>,
    backwards: bool,
}

impl<'a> Iterator for Waiting<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let next = match self.backwards {
            true => self.rows.next_back(),
            false => self.rows.next(),
        };
        next.map(|(row, value)| (row.as_slice(), value.as_deref()))
    }
}

/// Between which keys.
pub(super) type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The keys that begin with `start`, less those up to the cursor in the direction of travel; nothing
/// when none are left.
pub(super) fn bounds(start: &[u8], cursor: Option<&[u8]>, backwards: bool) -> Option<Bounds> {
    let end = end_of(start);
    let past_end = |key: &[u8]| end.as_ref().is_some_and(|end| key >= end.as_slice());
    let first = Bound::Included(start.to_vec());
    let last = end.clone().map_or(Bound::Unbounded, Bound::Excluded);
    match cursor {
        Some(cursor) if backwards && cursor <= start => None,
        Some(cursor) if backwards && !past_end(cursor) => {
            Some((first, Bound::Excluded(cursor.to_vec())))
        }
        Some(cursor) if !backwards && past_end(cursor) => None,
        Some(cursor) if !backwards && cursor >= start => {
            Some((Bound::Excluded(cursor.to_vec()), last))
        }
        _ => Some((first, last)),
    }
}

/// The first key after all that begin with `start`.
fn end_of(start: &[u8]) -> Option<Vec<u8>> {
    let mut end = start.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

pub(super) fn as_slices((first, end): &Bounds) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (
        first.as_ref().map(Vec::as_slice),
        end.as_ref().map(Vec::as_slice),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_the_next_begins() {
        assert_eq!(end_of(&[1, 2]), Some(vec![1, 3]));
        assert_eq!(end_of(&[1, 0xFF, 0xFF]), Some(vec![2]));
        assert_eq!(end_of(&[0xFF, 0xFF]), None);
    }

    #[test]
    fn a_cursor_outside_the_prefix_does_not_widen_it() {
        let start = [5, 5];
        let whole = bounds(&start, None, false);
        assert!(whole.is_some());
        assert_eq!(bounds(&start, Some(&[4, 9]), false), whole);
        assert_eq!(bounds(&start, Some(&[6, 0]), true), whole);
        assert_eq!(bounds(&start, Some(&[6, 0]), false), None);
        assert_eq!(bounds(&start, Some(&[5, 5]), true), None);
        assert_eq!(bounds(&start, Some(&[4, 0]), true), None);
    }
}
