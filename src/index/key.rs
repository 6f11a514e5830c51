//! Row keys: bytes that sort as the values do, of which none is the beginning of another.

use std::io::Write;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::id::{
    AssignmentId, DisclosureId, ErasureId, InvitationId, ItemId, ParticipantId, PersonId,
    ReleaseId, RequestId, SessionId, StudyId, SupplierId, TokenId, UploadId, VaultId,
};

/// The symbols of an identifier after its prefix: the dash, 16 digits, the check symbol.
const ID_SYMBOLS: usize = 18;

/// What a zero byte inside a text becomes, and what ends the text: the end sorts first.
const ZERO_INSIDE: [u8; 2] = [0, 0xFF];
const END: [u8; 2] = [0, 1];

/// A value that can be a row's key, or part of one.
///
/// The bytes of two values compare as the values do, and those of one are never the beginning of
/// those of another. A key made of several is the bytes of each in turn, and sorts by the first,
/// then the second. Keys are stored in clear: see the room's own page for what may be one.
pub trait RowKey: Sized {
    /// Appends the key's bytes.
    fn write(&self, out: &mut Vec<u8>);

    /// Takes the key's bytes off the front of `bytes`, or returns nothing when they are not one.
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

/// The leading part of a key of type `K`, by which rows lie together: `()` for the whole table,
/// `A` or `(A, B)` for a key of `(A, B, C)`.
pub trait Leads<K> {
    /// Appends the bytes that every such key begins with.
    fn write_lead(&self, out: &mut Vec<u8>);
}

macro_rules! identifier_keys {
    ($($id:ty),+ $(,)?) => {$(
        impl RowKey for $id {
            fn write(&self, out: &mut Vec<u8>) {
                write_text(out, format_args!("{self}"));
            }

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                let text = take(bytes, <$id>::PREFIX.len() + ID_SYMBOLS)?;
                std::str::from_utf8(text).ok()?.parse().ok()
            }
        }
    )+};
}

identifier_keys!(
    VaultId,
    PersonId,
    StudyId,
    ParticipantId,
    SessionId,
    ItemId,
    SupplierId,
    AssignmentId,
    ErasureId,
    ReleaseId,
    RequestId,
    DisclosureId,
    UploadId,
    TokenId,
    InvitationId,
);

impl RowKey for u8 {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        array(bytes).map(u8::from_be_bytes)
    }
}

impl RowKey for u32 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        array(bytes).map(u32::from_be_bytes)
    }
}

impl RowKey for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        array(bytes).map(u64::from_be_bytes)
    }
}

/// A digest or a fixed-length fingerprint.
impl<const N: usize> RowKey for [u8; N] {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        array(bytes)
    }
}

/// A short fixed word; not a name, for keys are in clear.
impl RowKey for String {
    fn write(&self, out: &mut Vec<u8>) {
        for byte in self.bytes() {
            match byte {
                0 => out.extend_from_slice(&ZERO_INSIDE),
                other => out.push(other),
            }
        }
        out.extend_from_slice(&END);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut text = Vec::new();
        loop {
            match array(bytes)? {
                [0] if array(bytes)? == [END[1]] => return String::from_utf8(text).ok(),
                [0] => text.push(0),
                [other] => text.push(other),
            }
        }
    }
}

/// A moment, to the nanosecond.
impl RowKey for Timestamp {
    fn write(&self, out: &mut Vec<u8>) {
        let since_the_least = self.as_nanosecond() - Timestamp::MIN.as_nanosecond();
        out.extend_from_slice(&since_the_least.to_be_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let since_the_least = i128::from_be_bytes(array(bytes)?);
        let nanosecond = since_the_least.checked_add(Timestamp::MIN.as_nanosecond())?;
        Timestamp::from_nanosecond(nanosecond).ok()
    }
}

/// A calendar date.
impl RowKey for Date {
    fn write(&self, out: &mut Vec<u8>) {
        let since_the_least = i32::from(self.year()) - i32::from(Date::MIN.year());
        out.extend_from_slice(&since_the_least.to_be_bytes());
        out.extend_from_slice(&self.month().to_be_bytes());
        out.extend_from_slice(&self.day().to_be_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let since_the_least = i32::from_be_bytes(array(bytes)?);
        let year = since_the_least.checked_add(i32::from(Date::MIN.year()))?;
        let [month, day] = array(bytes)?;
        let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        Date::new(i16::try_from(year).ok()?, month, day).ok()
    }
}

impl<A: RowKey, B: RowKey> RowKey for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?))
    }
}

impl<A: RowKey, B: RowKey, C: RowKey> RowKey for (A, B, C) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
        self.2.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?, C::read(bytes)?))
    }
}

impl<K> Leads<K> for () {
    fn write_lead(&self, _: &mut Vec<u8>) {}
}

impl<A: RowKey, B> Leads<(A, B)> for A {
    fn write_lead(&self, out: &mut Vec<u8>) {
        self.write(out);
    }
}

impl<A: RowKey, B, C> Leads<(A, B, C)> for A {
    fn write_lead(&self, out: &mut Vec<u8>) {
        self.write(out);
    }
}

impl<A: RowKey, B: RowKey, C> Leads<(A, B, C)> for (A, B) {
    fn write_lead(&self, out: &mut Vec<u8>) {
        self.write(out);
    }
}

/// Appends what `text` displays; a vector takes all it is given.
fn write_text(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok(), "writing to memory does not fail");
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    take(bytes, N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Debug;

    fn bytes_of<K: RowKey>(key: &K) -> Vec<u8> {
        let mut bytes = Vec::new();
        key.write(&mut bytes);
        bytes
    }

    fn keeps_order<K: RowKey + Ord + Debug>(one: &K, other: &K) -> Result<(), TestCaseError> {
        let (left, right) = (bytes_of(one), bytes_of(other));
        prop_assert_eq!(left.cmp(&right), one.cmp(other));
        prop_assert!(one == other || !left.starts_with(&right) && !right.starts_with(&left));
        let mut rest = &left[..];
        let read_back = K::read(&mut rest);
        prop_assert_eq!(read_back.as_ref(), Some(one));
        prop_assert!(rest.is_empty());
        for short in 0..left.len() {
            prop_assert!(K::read(&mut &left[..short]).is_none());
        }
        Ok(())
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[\0\u{1}a\u{ff}]{0,5}", ".{0,8}"]
    }

    fn moment() -> impl Strategy<Value = Timestamp> {
        let least = Timestamp::MIN.as_nanosecond();
        (least..=Timestamp::MAX.as_nanosecond())
            .prop_map(|nanosecond| Timestamp::from_nanosecond(nanosecond).expect("in range"))
    }

    fn date() -> impl Strategy<Value = Date> {
        (-9999_i16..=9999, 1_i8..=12, 1_i8..=28)
            .prop_map(|(year, month, day)| Date::new(year, month, day).expect("in range"))
    }

    proptest! {
        #[test]
        fn numbers(one: (u64, u32), other: (u64, u32)) {
            keeps_order(&one, &other)?;
            keeps_order(&(one.0 as u8, one.1), &(other.0 as u8, other.1))?;
        }

        #[test]
        fn texts(one in (text(), text()), other in (text(), text())) {
            keeps_order(&one, &other)?;
            keeps_order(&(one.0.clone(), 7_u8, one.1), &(other.0, 7, other.1))?;
        }

        #[test]
        fn moments_and_dates(one in (moment(), date()), other in (moment(), date())) {
            keeps_order(&one, &other)?;
        }

        #[test]
        fn digests(one: ([u8; 4], [u8; 2]), other: ([u8; 4], [u8; 2])) {
            keeps_order(&one, &other)?;
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _: Option<(String, Timestamp)> = RowKey::read(&mut &bytes[..]);
            let _: Option<(Date, ItemId)> = RowKey::read(&mut &bytes[..]);
        }
    }

    #[test]
    fn identifiers() {
        let entropy = crate::entropy::SystemEntropy::new();
        let draw = || ItemId::random(&entropy).expect("entropy");
        for _ in 0..100 {
            keeps_order(&(draw(), 1_u8), &(draw(), 0_u8)).expect("in order");
        }
    }

    #[test]
    fn the_ends_of_time_are_keys() {
        keeps_order(&Timestamp::MIN, &Timestamp::MAX).expect("in order");
        keeps_order(&Date::MIN, &Date::MAX).expect("in order");
    }
}
