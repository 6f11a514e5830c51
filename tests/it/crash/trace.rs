//! What `strace` wrote down: every call that changes a disk, in the order in which they ended.

use std::collections::HashMap;
use std::path::PathBuf;

/// The calls that are written down: whatever changes a file, a name or what is durable, whatever moves
/// the place in a file that the next write goes to, and what is said to others.
pub(super) const CALLS: &str = "open,openat,creat,mkdir,mkdirat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,fsync,fdatasync,sync_file_range,copy_file_range,sendfile,sendto,sendmsg,lseek,dup,dup2,dup3,fcntl,mmap";

/// How they are written down: strings as hexadecimal bytes and whole, descriptors with their paths.
pub(super) const FORM: [&str; 7] = ["-f", "-qq", "-y", "-v", "-xx", "-s", "100000000"];

/// A call, as it stands in the trace.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
    /// What it gave; negative for an error.
    pub(super) gave: i64,
    /// The moments it began and ended, counted in lines of the trace.
    pub(super) began: usize,
    pub(super) ended: usize,
}

/// Reads a trace: every call in the order in which they ended; what did not end is left out.
pub(super) fn read(text: &str) -> Vec<Call> {
    let mut unfinished: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut calls = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((process, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(process, (number, begun));
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, end) = resumed.split_once(" resumed>").expect("what is resumed");
            let (began, begun) = unfinished.remove(process).expect("it was begun");
            calls.extend(call(&format!("{begun}{end}"), began, number));
        } else {
            calls.extend(call(rest, number, number));
        }
    }
    calls
}

fn call(text: &str, began: usize, ended: usize) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (inside, gave) = rest.rsplit_once(") = ").or_else(|| {
        // What was resumed may have its end padded.
        let (inside, gave) = rest.rsplit_once('=')?;
        Some((inside.trim_end().strip_suffix(')')?, gave.trim_start()))
    })?;
    let number: String = gave
        .chars()
        .take_while(|c| *c == '-' || c.is_ascii_alphanumeric())
        .collect();
    let gave = match number.strip_prefix("0x") {
        Some(address) => i64::from_str_radix(address, 16).unwrap_or(0),
        None => number.parse().ok()?,
    };
    Some(Call {
        name: name.to_owned(),
        arguments: arguments(inside),
        gave,
        began,
        ended,
    })
}

/// The arguments of a call, taken apart at the commas between them.
fn arguments(text: &str) -> Vec<String> {
    let (mut found, mut depth, mut begin, mut quoted) = (Vec::new(), 0_i32, 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' | b'<' => depth += 1,
            b'}' | b']' | b'>' => depth -= 1,
            b',' if depth == 0 => {
                found.push(text[begin..at].trim().to_owned());
                begin = at + 1;
            }
            _ => {}
        }
    }
    found.push(text[begin..].trim().to_owned());
    found
}

impl Call {
    pub(super) fn argument(&self, place: usize) -> &str {
        self.arguments.get(place).map_or("", String::as_str)
    }

    /// A number among the arguments.
    pub(super) fn number(&self, place: usize) -> usize {
        let text = self.argument(place);
        text.parse()
            .unwrap_or_else(|_| panic!("no number: {text} in {}", self.name))
    }

    /// The descriptor an argument is, and what it leads to.
    pub(super) fn descriptor(&self, place: usize) -> (i64, PathBuf) {
        let text = self.argument(place);
        let (number, path) = text.split_once('<').unwrap_or((text, ""));
        let path = path.trim_end_matches('>');
        (number.parse().unwrap_or(-1), PathBuf::from(words(path)))
    }

    /// The path an argument says, from the folder the argument before it leads to, if it is relative.
    pub(super) fn path(&self, place: usize, from: Option<usize>) -> PathBuf {
        let said = PathBuf::from(words(self.argument(place).trim_matches('"')));
        match from {
            Some(folder) => self.descriptor(folder).1.join(said),
            None => said,
        }
    }

    /// The bytes of every string in an argument, one after the other.
    pub(super) fn bytes(&self, place: usize) -> Vec<u8> {
        let text = self.argument(place);
        assert!(!text.contains("..."), "the trace cut a string short");
        let strings = text.split('"').skip(1).step_by(2);
        strings.flat_map(unescaped).collect()
    }
}

fn words(escaped: &str) -> String {
    String::from_utf8(unescaped(escaped)).expect("a plain path")
}

/// The bytes of a string of `\x41`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        match (first, more) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                bytes.push(digit(*high) << 4 | digit(*low));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    bytes
}

fn digit(byte: u8) -> u8 {
    let digit = char::from(byte).to_digit(16).expect("a digit");
    u8::try_from(digit).expect("a digit is small")
}

#[test]
fn calls_are_read_as_they_were_made() {
    let trace = concat!(
        "7 openat(AT_FDCWD<\\x2f\\x61>, \"\\x62\", O_RDWR|O_CREAT, 0600) = 9<\\x2f\\x61\\x2f\\x62>\n",
        "7 pwrite64(9<\\x2f\\x61\\x2f\\x62>, \"\\x01\\x2c\", 2, 40 <unfinished ...>\n",
        "8 fsync(9<\\x2f\\x61\\x2f\\x62> <unfinished ...>\n",
        "7 <... pwrite64 resumed>) = 2\n",
        "8 <... fsync resumed>) = 0\n",
        "8 writev(5<\\x73>, [{iov_base=\"\\x41\", iov_len=1}, {iov_base=\"\\x42\", iov_len=1}], 2) = 2\n",
        "8 exit_group(0) = ?\n",
    );
    let calls = read(trace);
    let names: Vec<_> = calls
        .iter()
        .map(|call| (call.name.as_str(), call.began, call.ended))
        .collect();
    assert_eq!(
        names,
        [
            ("openat", 0, 0),
            ("pwrite64", 1, 3),
            ("fsync", 2, 4),
            ("writev", 5, 5)
        ]
    );
    assert_eq!(calls[0].path(1, Some(0)), PathBuf::from("/a/b"));
    assert_eq!(calls[0].gave, 9);
    assert_eq!(calls[1].descriptor(0), (9, PathBuf::from("/a/b")));
    assert_eq!((calls[1].bytes(1), calls[1].number(3)), (vec![1, 0x2c], 40));
    assert_eq!(calls[3].bytes(1), b"AB");
}
