//! Frames, for bytes that nobody wrote.

use super::frame::{Cipher, HEADER_BYTES, Lengths, TRAILER_BYTES};
use crate::secret::Key;

fn cipher() -> Cipher {
    let key = Key::from_slice(&[3; 32]).unwrap_or_else(|| unreachable!("32 bytes"));
    Cipher::new(&key, b"a segment's header", 5)
}

/// Reads `bytes` as a frame, which they are not.
///
/// # Panics
/// When they open.
pub(crate) fn frame(bytes: &[u8]) {
    let Some((header, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return;
    };
    if let Ok(lengths) = Lengths::parse(header) {
        assert!(lengths.frame() >= (HEADER_BYTES + TRAILER_BYTES) as u64);
        let opened = cipher().open(&mut body.to_vec(), 5, lengths).is_ok();
        assert!(!opened, "a frame that nobody wrote opened");
    }
}

/// Writes a record, reads it, and reads it with a byte changed.
///
/// # Panics
/// When what is read is not what was written.
pub(crate) fn written(public: &[u8], secret: &[u8], place: usize) {
    let Some(lengths) = Lengths::of(public, secret) else {
        return;
    };
    let mut frame = Vec::new();
    assert!(
        cipher()
            .seal(&mut frame, 9, lengths, public, secret)
            .is_some()
    );
    assert_eq!(frame.len() as u64, lengths.frame());
    assert_eq!(read(&frame, 9), Some((public.to_vec(), secret.to_vec())));
    assert_eq!(read(&frame, 10), None, "read in another place");
    let at = place % frame.len();
    if let Some(byte) = frame.get_mut(at) {
        *byte ^= 1;
    }
    assert_eq!(read(&frame, 9), None, "a changed byte was not noticed");
}

fn read(frame: &[u8], position: u64) -> Option<(Vec<u8>, Vec<u8>)> {
    let (header, body) = frame.split_first_chunk::<HEADER_BYTES>()?;
    let lengths = Lengths::parse(header).ok()?;
    let mut body = body.to_vec();
    let (public, secret, _) = cipher().open(&mut body, position, lengths).ok()?;
    Some((public.to_vec(), secret.to_vec()))
}
