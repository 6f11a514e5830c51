//! The recordings: a short interview that comes with the program, and a long one made on the spot.
//!
//! The interview is synthesised speech (espeak-ng, with SoX for the room around it): nobody was
//! recorded for it.

/// An excerpt of an interview, 13 seconds of British English: RIFF WAVE, 16 kHz, IMA ADPCM.
pub(super) const INTERVIEW: &[u8] = include_bytes!("interview.wav");

/// What is said in it.
pub(super) const TRANSCRIPT: &str = "\
INTERVIEWER: Are you still happy for me to record this?
PARTICIPANT: Yes, that's fine. I was on probation for eleven months. My officer rang me every Monday, and honestly, that made the difference.
INTERVIEWER: Thank you. Take your time.
";

/// What the researcher wrote down of the other participant.
pub(super) const NOTES: &str = "\
Did not want to be recorded. Moved twice during supervision; kept the same officer throughout.
";

/// Length of the long recording's samples, in bytes: more than two parts of an upload.
const LONG_BYTES: u32 = 24 * 1024 * 1024;
const RATE: u32 = 16_000;

/// A recording of 13 minutes, the same every time: RIFF WAVE, 16 kHz, 16 bits, one channel.
pub(super) fn long_interview() -> Vec<u8> {
    let mut wave = header();
    wave.reserve(LONG_BYTES as usize);
    let mut state = 0x5EED_u64;
    for _ in 0..LONG_BYTES / 8 {
        // SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the murmur of a room, never twice alike.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 31;
        // Softly: an eighth of the range, sample by sample.
        wave.extend_from_slice(&(word & 0x1FFF_1FFF_1FFF_1FFF).to_le_bytes());
    }
    wave
}

fn header() -> Vec<u8> {
    let mut header = Vec::new();
    header.extend_from_slice(b"RIFF");
    header.extend_from_slice(&(36 + LONG_BYTES).to_le_bytes());
    header.extend_from_slice(b"WAVEfmt ");
    header.extend_from_slice(&16_u32.to_le_bytes());
    header.extend_from_slice(&1_u16.to_le_bytes()); // PCM
    header.extend_from_slice(&1_u16.to_le_bytes()); // channels
    header.extend_from_slice(&RATE.to_le_bytes());
    header.extend_from_slice(&(RATE * 2).to_le_bytes());
    header.extend_from_slice(&2_u16.to_le_bytes());
    header.extend_from_slice(&16_u16.to_le_bytes());
    header.extend_from_slice(b"data");
    header.extend_from_slice(&LONG_BYTES.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::UPLOAD_PART_BYTES;

    #[test]
    fn both_are_recordings_and_the_long_one_goes_in_parts() {
        let long = long_interview();
        for wave in [INTERVIEW, &long] {
            assert_eq!((&wave[..4], &wave[8..12]), (&b"RIFF"[..], &b"WAVE"[..]));
            let length = u32::from_le_bytes(wave[4..8].try_into().expect("four bytes"));
            assert_eq!(length as usize + 8, wave.len());
        }
        assert!(INTERVIEW.len() < 300_000);
        assert!(long.len() as u64 > 2 * UPLOAD_PART_BYTES);
        assert_eq!(long, long_interview());
    }
}
