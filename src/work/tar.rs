//! Archives for other people's programs: POSIX tar, written as a stream.
//!
//! Headers are ustar's (IEEE Std 1003.1, `pax`, "ustar Interchange Format"); a name or a length that
//! does not fit gets an extended header in front. Nothing is read back here.

use jiff::Timestamp;

/// Archives are made of blocks of this many bytes.
const BLOCK: usize = 512;

/// Most bytes of a name in a plain header.
const NAME: usize = 100;

/// The first length that eleven octal digits do not hold.
const LENGTH_END: u64 = 1 << 33;

/// Most bytes of one part of a name that is kept; what every file system takes, with room for more.
const PART: usize = 200;

/// What ends an archive.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// What comes in front of a file of `length` bytes. The parts of `name` are separated by slashes and
/// should each have gone through [`safe_part`].
pub fn file_header(name: &str, length: u64, modified: Timestamp) -> Vec<u8> {
    let mut extended = Vec::new();
    if name.len() > NAME || !name.is_ascii() {
        extended.extend_from_slice(record("path", name).as_bytes());
    }
    if length >= LENGTH_END {
        extended.extend_from_slice(record("size", &length.to_string()).as_bytes());
    }
    let mut out = Vec::new();
    if !extended.is_empty() {
        let length = extended.len() as u64;
        out.extend_from_slice(&header("pax-header", length, modified, b'x'));
        let padding = padding(length);
        out.append(&mut extended);
        out.extend_from_slice(padding);
    }
    out.extend_from_slice(&header(name, length, modified, b'0'));
    out
}

/// What comes behind a file of `length` bytes, up to the next block.
pub fn padding(length: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    let over = (length % BLOCK as u64) as usize;
    ZEROS.get(over..).filter(|_| over > 0).unwrap_or_default()
}

/// `name` as one part of a path that is harmless wherever it is unpacked.
pub fn safe_part(name: &str) -> String {
    let harmless = |c: char| !c.is_control() && !r#"/\:*?"<>|"#.contains(c);
    let kept = name.chars().map(|c| if harmless(c) { c } else { '_' });
    let mut part = String::new();
    for c in kept {
        if part.len() + c.len_utf8() > PART {
            break;
        }
        part.push(c);
    }
    let part = part.trim();
    match part.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None if part.is_empty() => "unnamed".to_owned(),
        None => part.to_owned(),
    }
}

/// One header block.
fn header(name: &str, length: u64, modified: Timestamp, kind: u8) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let plain: String = name.chars().filter(char::is_ascii).take(NAME).collect();
    let seconds = u64::try_from(modified.as_second()).unwrap_or_default();
    let length = if length < LENGTH_END { length } else { 0 };
    put(&mut block, 0, plain.as_bytes());
    put(&mut block, 100, b"0000600\0"); // mode
    put(&mut block, 108, b"0000000\0"); // owner
    put(&mut block, 116, b"0000000\0"); // group
    put(&mut block, 124, format!("{length:011o}\0").as_bytes());
    put(
        &mut block,
        136,
        format!("{:011o}\0", seconds % LENGTH_END).as_bytes(),
    );
    put(&mut block, 148, b"        "); // the sum, counted as blanks
    put(&mut block, 156, &[kind]);
    put(&mut block, 257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
    block
}

fn put(block: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    if let Some(room) = block.get_mut(at..at + bytes.len()) {
        room.copy_from_slice(bytes);
    }
}

/// A record of an extended header: its own length in decimal, a blank, `key=value` and a newline.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    loop {
        let whole = length.to_string().len() + rest.len();
        if whole == length {
            return format!("{length}{rest}");
        }
        length = whole;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_itself() {
        assert_eq!(record("path", "x"), "9 path=x\n");
        assert_eq!(record("path", "xx"), "11 path=xx\n");
        assert_eq!(record("path", &"x".repeat(89)).len(), 98);
        let long = record("path", &"x".repeat(91));
        assert!(long.starts_with("101 "), "{long}");
        assert_eq!(long.len(), 101);
    }

    #[test]
    fn a_file_is_padded_to_whole_blocks() {
        for (length, padded) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)] {
            assert_eq!(padding(length).len(), padded, "{length}");
        }
    }

    #[test]
    fn a_part_of_a_name_climbs_nowhere() {
        for (name, part) in [
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("..", "_."),
            ("", "unnamed"),
            (" \u{7}", "_"),
            ("C:\\a", "C__a"),
            ("Siân.wav", "Siân.wav"),
        ] {
            assert_eq!(safe_part(name), part, "{name:?}");
        }
        assert!(safe_part(&"é".repeat(500)).len() <= PART);
    }
}
