//! Where a root slot is: a path, or the `pkcs11:` URI of a token (RFC 7512).
//!
//! Of a URI only what says which token, which keys, which module and which files is taken, and each
//! once. Anything else is refused and not passed over: a misspelt attribute would name another token.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::entropy::Entropy;

use super::slot::SlotError;
use super::slot_file::SlotFile;

const SCHEME: &str = "pkcs11:";
/// What the keys of a slot are called when the URI does not say.
const OBJECT: &str = "strongroom-root";
/// Attributes that say which token and keys, before the question mark.
const WHICH: [&str; 5] = ["token", "serial", "model", "manufacturer", "object"];
/// Attributes that say what else is needed, after it.
const WITH: [&str; 3] = ["module-path", "strongroom-file", "pin-source"];

/// Where a root slot is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SlotPlace {
    /// A file.
    File(PathBuf),
    /// A token, and a file beside it.
    Token(TokenPlace),
}

/// A token, the keys in it that are a slot's, and the file beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPlace {
    /// What the token is called, and what else it is told from others by.
    pub(super) which: BTreeMap<&'static str, String>,
    /// The driver, a shared library.
    pub(super) module: PathBuf,
    /// The file beside the token.
    pub(super) file: PathBuf,
    /// A file with the PIN.
    pub(super) pin: Option<PathBuf>,
}

/// Why a text does not say where a slot is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// No text at all.
    #[error("a root slot is named by a path or a `pkcs11:` URI, and nothing was given")]
    Empty,
    /// A PIN in the URI.
    #[error(
        "a PIN never stands in the URI, where everybody sees it; put it into a file of mode 600 and name that with `pin-source=file:/…`, and change the PIN"
    )]
    PinValue,
    /// An attribute is unknown, or stands on the wrong side of the question mark.
    #[error(
        "`{0}` is not known there; a slot's URI is `pkcs11:token=…;object=…?module-path=/…&strongroom-file=/…&pin-source=file:/…`, and may have `serial`, `model` and `manufacturer` before the question mark"
    )]
    Unknown(String),
    /// An attribute stands twice.
    #[error("`{0}` stands twice in the URI; leave one out")]
    Twice(String),
    /// An attribute that is needed is not there.
    #[error("the URI needs `{0}`")]
    Missing(&'static str),
    /// A value is empty, or not written as RFC 7512 has it.
    #[error(
        "the value of `{0}` is empty or not written as RFC 7512 has it; other characters than letters, digits and `-._~` are written as `%` and two hexadecimal digits"
    )]
    BadValue(String),
    /// A path does not begin at the root of the file system.
    #[error("`{0}` must be an absolute path")]
    Relative(&'static str),
}

impl SlotPlace {
    /// The file of the slot, or beside it; a relative one starts at `dir`.
    pub fn file(&self, dir: &Path) -> PathBuf {
        match self {
            Self::File(path) => dir.join(path),
            Self::Token(place) => place.file.clone(),
        }
    }

    /// Effaces and removes what a crash left of the file of a slot that was being made; there may be
    /// nothing. Keys that it left in a token open nothing then.
    ///
    /// # Errors
    /// [`SlotError::Busy`] and failures to write; it may be asked again.
    pub fn clear_away(&self, dir: &Path, entropy: &dyn Entropy) -> Result<(), SlotError> {
        SlotFile::clear_away(&self.file(dir), entropy)
    }
}

impl TokenPlace {
    /// What the slot's keys are called in the token.
    pub(super) fn object(&self) -> &str {
        self.which.get("object").map_or(OBJECT, String::as_str)
    }

    /// The token, for a person.
    pub(super) fn name(&self) -> String {
        let which = |name: &str| self.which.get(name).map(String::as_str);
        match (which("token"), which("serial")) {
            (Some(label), _) => format!("token {label:?}"),
            (None, serial) => format!("token of serial number {:?}", serial.unwrap_or_default()),
        }
    }
}

impl From<PathBuf> for SlotPlace {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl FromStr for SlotPlace {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        match text.strip_prefix(SCHEME) {
            Some(rest) => parse(rest).map(Self::Token),
            None if text.is_empty() => Err(PlaceError::Empty),
            None => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl TryFrom<String> for SlotPlace {
    type Error = PlaceError;

    fn try_from(text: String) -> Result<Self, PlaceError> {
        text.parse()
    }
}

impl From<SlotPlace> for String {
    fn from(place: SlotPlace) -> Self {
        place.to_string()
    }
}

impl fmt::Display for SlotPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Token(place) => place.fmt(f),
        }
    }
}

impl fmt::Display for TokenPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        for (number, (name, value)) in self.which.iter().enumerate() {
            let stop = if number == 0 { "" } else { ";" };
            write!(f, "{stop}{name}={}", encoded(value))?;
        }
        let module = encoded(&self.module.to_string_lossy());
        let file = encoded(&self.file.to_string_lossy());
        write!(f, "?module-path={module}&strongroom-file={file}")?;
        match &self.pin {
            Some(pin) => write!(f, "&pin-source=file:{}", encoded(&pin.to_string_lossy())),
            None => Ok(()),
        }
    }
}

fn parse(rest: &str) -> Result<TokenPlace, PlaceError> {
    let (which, with) = rest.split_once('?').unwrap_or((rest, ""));
    let which = attributes(which, ';', &WHICH)?;
    let mut with = attributes(with, '&', &WITH)?;
    if !which.contains_key("token") && !which.contains_key("serial") {
        return Err(PlaceError::Missing("token"));
    }
    let mut path = |name: &'static str| {
        let value = with.remove(name).ok_or(PlaceError::Missing(name))?;
        let value = value.strip_prefix("file:").unwrap_or(&value);
        let path = PathBuf::from(value.strip_prefix("//").unwrap_or(value));
        match path.is_absolute() {
            true => Ok(path),
            false => Err(PlaceError::Relative(name)),
        }
    };
    let (module, file) = (path("module-path")?, path("strongroom-file")?);
    let pin = match path("pin-source") {
        Err(PlaceError::Missing(_)) => None,
        named => Some(named?),
    };
    Ok(TokenPlace {
        which,
        module,
        file,
        pin,
    })
}

fn attributes(
    text: &str,
    between: char,
    known: &[&'static str],
) -> Result<BTreeMap<&'static str, String>, PlaceError> {
    let mut found = BTreeMap::new();
    for attribute in text.split(between).filter(|part| !part.is_empty()) {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        if name == "pin-value" {
            return Err(PlaceError::PinValue);
        }
        let unknown = || PlaceError::Unknown(name.to_owned());
        let name = *known
            .iter()
            .find(|known| **known == name)
            .ok_or_else(unknown)?;
        let value = decoded(value).ok_or_else(|| PlaceError::BadValue(name.to_owned()))?;
        if found.insert(name, value).is_some() {
            return Err(PlaceError::Twice(name.to_owned()));
        }
    }
    Ok(found)
}

/// The text of a value; nothing when it is empty, not UTF-8, or has a character that is not written so.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            byte if is_plain(byte) || b":[]@!$'()*+,=/".contains(&byte) => byte,
            _ => return None,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.is_empty() && !text.contains('\0')).then_some(text)
}

fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match is_plain(byte) || byte == b'/' {
            true => text.push(char::from(byte)),
            false => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const URI: &str = "pkcs11:token=The%20Token;object=root-b?module-path=/usr/lib/softhsm/libsofthsm2.so&strongroom-file=/srv/b/root.sealed&pin-source=file:/etc/strongroom/pin";

    #[test]
    fn a_uri_is_read_and_written_back() {
        let place: SlotPlace = URI.parse().expect("a place");
        let SlotPlace::Token(token) = &place else {
            panic!("not a token")
        };
        assert_eq!(
            token.which.get("token").map(String::as_str),
            Some("The Token")
        );
        assert_eq!(token.object(), "root-b");
        assert_eq!(token.pin.as_deref(), Some(Path::new("/etc/strongroom/pin")));
        assert_eq!(place.to_string().parse(), Ok(place.clone()));
        let json = serde_json::to_string(&place).expect("written");
        assert_eq!(
            serde_json::from_str::<SlotPlace>(&json).expect("read"),
            place
        );
        let file: SlotPlace = "a/root.slot".parse().expect("a place");
        assert_eq!(
            file.file(Path::new("/vault")),
            Path::new("/vault/a/root.slot")
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let with = |from: &str, to: &str| URI.replace(from, to).parse::<SlotPlace>();
        let pin = with("pin-source=file:/etc/strongroom/pin", "pin-value=1234");
        let pin = pin.expect_err("a PIN in the URI");
        assert_eq!(pin, PlaceError::PinValue);
        assert!(!pin.to_string().contains("1234"));
        for (from, to, refused) in [
            ("token=", "tokn=", PlaceError::Unknown("tokn".into())),
            (
                "object=",
                "pin-source=",
                PlaceError::Unknown("pin-source".into()),
            ),
            (
                "object=root-b",
                "token=b",
                PlaceError::Twice("token".into()),
            ),
            ("token=The%20Token;", "", PlaceError::Missing("token")),
            (
                "The%20Token",
                "The Token",
                PlaceError::BadValue("token".into()),
            ),
            ("The%20Token", "The%2", PlaceError::BadValue("token".into())),
            ("=/srv/b", "=srv/b", PlaceError::Relative("strongroom-file")),
            (
                "strongroom-file=/srv/b/root.sealed&",
                "",
                PlaceError::Missing("strongroom-file"),
            ),
            (
                "module-path",
                "module-name",
                PlaceError::Unknown("module-name".into()),
            ),
        ] {
            assert_eq!(with(from, to), Err(refused), "{from} → {to}");
        }
        assert_eq!("".parse::<SlotPlace>(), Err(PlaceError::Empty));
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_any_name_comes_back(noise in ".{0,60}", token in "[^\0]{1,20}") {
            let _ = format!("pkcs11:{noise}").parse::<SlotPlace>();
            let place = SlotPlace::Token(TokenPlace {
                which: BTreeMap::from([("token", token)]),
                module: "/m.so".into(),
                file: "/f".into(),
                pin: None,
            });
            prop_assert_eq!(place.to_string().parse(), Ok(place));
        }
    }
}
