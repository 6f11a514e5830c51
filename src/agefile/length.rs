//! The lengths of an age payload: what a plaintext takes when sealed, and back.

use super::AgeError;

/// Plaintext in every chunk but the last, in bytes.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// The tag that ends every sealed chunk, in bytes.
pub const TAG_BYTES: usize = 16;

/// A sealed chunk other than the last, in bytes.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

/// The nonce that a payload begins with, in bytes.
pub const NONCE_BYTES: usize = 16;

/// Chunks in the payload of `plain` bytes: at least one, since an empty payload is one empty chunk.
pub fn chunk_count(plain: u64) -> u64 {
    plain.div_ceil(CHUNK_BYTES as u64).max(1)
}

/// Bytes stored for a payload of `plain` bytes, its nonce included; nothing when no `u64` holds it.
pub fn sealed_length(plain: u64) -> Option<u64> {
    let tags = chunk_count(plain).checked_mul(TAG_BYTES as u64)?;
    plain.checked_add(tags)?.checked_add(NONCE_BYTES as u64)
}

/// Bytes of plaintext in a payload of which `stored` bytes are stored, its nonce included.
///
/// # Errors
/// [`AgeError::NotAPayloadLength`] when no payload is that long.
pub fn plain_length(stored: u64) -> Result<u64, AgeError> {
    let chunks = |sealed: u64| sealed.div_ceil(SEALED_CHUNK_BYTES as u64);
    stored
        .checked_sub(NONCE_BYTES as u64)
        .and_then(|sealed| sealed.checked_sub(chunks(sealed) * TAG_BYTES as u64))
        .filter(|plain| sealed_length(*plain) == Some(stored))
        .ok_or(AgeError::NotAPayloadLength { stored })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_two_are_inverse(plain in 0..u64::MAX / 2) {
            let stored = sealed_length(plain).expect("in range");
            prop_assert_eq!(plain_length(stored).expect("a payload's length"), plain);
        }

        #[test]
        fn any_stored_length_is_answered(stored in any::<u64>()) {
            if let Ok(plain) = plain_length(stored) {
                prop_assert_eq!(sealed_length(plain), Some(stored));
            }
        }
    }

    #[test]
    fn each_length_about_a_boundary() {
        let chunk = CHUNK_BYTES as u64;
        for (plain, stored) in [
            (0, 32),
            (1, 33),
            (chunk - 1, chunk + 31),
            (chunk, chunk + 32),
            (chunk + 1, chunk + 49),
            (2 * chunk, 2 * chunk + 48),
            (2 * chunk + 1, 2 * chunk + 65),
        ] {
            assert_eq!(sealed_length(plain), Some(stored));
            assert_eq!(plain_length(stored).expect("a payload's length"), plain);
        }
        let no_payload = [0, 15, 16, 31, chunk + 33, chunk + 48, 2 * chunk + 49];
        for stored in no_payload {
            assert!(plain_length(stored).is_err(), "{stored}");
        }
        assert_eq!(sealed_length(u64::MAX), None);
        assert_eq!(sealed_length(u64::MAX - 31), None);
    }
}
