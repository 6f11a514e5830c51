//! A token reached through a PKCS#11 module: OASIS PKCS #11 2.40 and later, by the `cryptoki` crate.
//!
//! The key of an epoch is an AES-256 key that the token draws itself, sensitive, never extractable and
//! not to be copied. It is named by the slot and the vault, and its identifier is the epoch, big-endian.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::Ulong;

use crate::entropy::Entropy;
use crate::id::VaultId;

use super::pins::Pins;
use super::place::TokenPlace;
use super::token::{Token, TokenError};

const NONCE_BYTES: usize = 12;
const TAG_BITS: u64 = 128;
const KEY_BYTES: u64 = 32;

/// A token, logged in to.
#[derive(Debug)]
pub(super) struct Pkcs11Token {
    name: String,
    made_by: String,
    label: Vec<u8>,
    session: Mutex<Session>,
    entropy: Arc<dyn Entropy>,
}

impl Pkcs11Token {
    /// Loads the module, finds the one token that is meant, and logs in with its PIN, which is tried once.
    pub(super) fn open(
        place: &TokenPlace,
        vault: VaultId,
        pins: &Pins,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, TokenError> {
        let module = module(&place.module)?;
        let (slot, about) = find(&module, place)?;
        for (mechanism, missing) in [
            (MechanismType::AES_KEY_GEN, "CKM_AES_KEY_GEN"),
            (MechanismType::AES_GCM, "CKM_AES_GCM"),
        ] {
            let known = module.get_mechanism_list(slot);
            if !known
                .map_err(refused("asking what it can do"))?
                .contains(&mechanism)
            {
                return Err(TokenError::CannotSeal { missing });
            }
        }
        let session = module.open_rw_session(slot);
        let session = session.map_err(refused("opening a session"))?;
        let name = place.name();
        log_in(&session, &about, &name, place.pin.as_deref(), pins)?;
        Ok(Self {
            name,
            made_by: format!("{} {}", about.manufacturer_id(), about.model()),
            label: format!("{} {vault}", place.object()).into_bytes(),
            session: Mutex::new(session),
            entropy,
        })
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys of the slot, by epoch.
    fn keys(&self, session: &Session) -> Result<BTreeMap<u64, ObjectHandle>, TokenError> {
        let looking = "looking for keys";
        let found = session.find_objects(&[
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::Token(true),
            Attribute::Label(self.label.clone()),
        ]);
        let mut keys = BTreeMap::new();
        for key in found.map_err(refused(looking))? {
            let id = session.get_attributes(key, &[AttributeType::Id]);
            let epoch = match &id.map_err(refused(looking))?[..] {
                [Attribute::Id(id)] => id.as_slice().try_into().map(u64::from_be_bytes).ok(),
                _ => None,
            };
            let what = "one without an epoch";
            let epoch = epoch.ok_or(TokenError::Strange { what })?;
            if keys.insert(epoch, key).is_some() {
                let what = "two of one epoch";
                return Err(TokenError::Strange { what });
            }
        }
        Ok(keys)
    }

    fn key(&self, session: &Session, epoch: u64) -> Result<ObjectHandle, TokenError> {
        let keys = self.keys(session)?;
        keys.get(&epoch).copied().ok_or(TokenError::NoKey { epoch })
    }
}

impl Token for Pkcs11Token {
    fn describe(&self) -> String {
        self.name.clone()
    }

    fn made_by(&self) -> String {
        self.made_by.clone()
    }

    fn epochs(&self) -> Result<Vec<u64>, TokenError> {
        Ok(self.keys(&self.session())?.into_keys().collect())
    }

    fn make(&self, epoch: u64) -> Result<(), TokenError> {
        let session = self.session();
        let template = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Copyable(false),
            Attribute::Modifiable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
            Attribute::Sign(false),
            Attribute::Verify(false),
            Attribute::ValueLen(Ulong::from(KEY_BYTES)),
            Attribute::Label(self.label.clone()),
            Attribute::Id(epoch.to_be_bytes().to_vec()),
        ];
        let made = session.generate_key(&Mechanism::AesKeyGen, &template);
        let key = made.map_err(refused("drawing a key"))?;
        let checked = never_leaves(&session, key);
        if checked.is_err() {
            session
                .destroy_object(key)
                .map_err(refused("destroying a key"))?;
        }
        checked
    }

    fn seal(&self, epoch: u64, context: &[u8], value: &[u8]) -> Result<Vec<u8>, TokenError> {
        let session = self.session();
        let key = self.key(&session, epoch)?;
        let doing = "sealing a root";
        let mut nonce = [0; NONCE_BYTES];
        let drawn = self.entropy.fill(&mut nonce);
        drawn.map_err(|error| failed(doing, &error))?;
        let mut sealed = nonce.to_vec();
        let gcm = GcmParams::new(&mut nonce, context, Ulong::from(TAG_BITS));
        let gcm = Mechanism::AesGcm(gcm.map_err(refused(doing))?);
        let ciphertext = session.encrypt(&gcm, key, value);
        sealed.extend(ciphertext.map_err(refused(doing))?);
        Ok(sealed)
    }

    fn open(&self, epoch: u64, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, TokenError> {
        let session = self.session();
        let key = self.key(&session, epoch)?;
        let doing = "opening a sealed root, which was tampered with unless the token is at fault,";
        let nonce = sealed.split_first_chunk::<NONCE_BYTES>();
        let (nonce, ciphertext) = nonce.ok_or_else(|| failed(doing, &"it is cut short"))?;
        let mut nonce = *nonce;
        let gcm = GcmParams::new(&mut nonce, context, Ulong::from(TAG_BITS));
        let gcm = Mechanism::AesGcm(gcm.map_err(refused(doing))?);
        session
            .decrypt(&gcm, key, ciphertext)
            .map_err(refused(doing))
    }

    fn destroy(&self, epoch: u64) -> Result<(), TokenError> {
        let session = self.session();
        let key = self.key(&session, epoch)?;
        session
            .destroy_object(key)
            .map_err(refused("destroying a key"))
    }
}

/// Modules by their path: a process initialises each once, and keeps it until it ends.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

fn module(path: &Path) -> Result<Pkcs11, TokenError> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    if !path.exists() {
        return Err(TokenError::NoModule {
            path: path.to_path_buf(),
        });
    }
    let refuses = |error: Error| TokenError::ModuleRefuses {
        path: path.to_path_buf(),
        answer: error.to_string(),
    };
    let module = Pkcs11::new(path).map_err(refuses)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(refuses(error)),
    }
    modules.insert(path.to_path_buf(), module.clone());
    Ok(module)
}

/// The one token that is meant.
fn find(module: &Pkcs11, place: &TokenPlace) -> Result<(Slot, TokenInfo), TokenError> {
    let looking = "looking for the token";
    let mut found = Vec::new();
    for slot in module.get_slots_with_token().map_err(refused(looking))? {
        let about = module.get_token_info(slot).map_err(refused(looking))?;
        if about.token_initialized() && is_meant(place, &about) {
            found.push((slot, about));
        }
    }
    match found.len() {
        0 => Err(TokenError::NoToken),
        1 => found.pop().ok_or(TokenError::NoToken),
        _ => Err(TokenError::SeveralTokens),
    }
}

fn is_meant(place: &TokenPlace, about: &TokenInfo) -> bool {
    let of = |name: &str| match name {
        "token" => Some(about.label()),
        "serial" => Some(about.serial_number()),
        "model" => Some(about.model()),
        "manufacturer" => Some(about.manufacturer_id()),
        _ => None,
    };
    let mut asked = place.which.iter();
    asked.all(|(name, value)| of(name).is_none_or(|found| found == value))
}

fn log_in(
    session: &Session,
    about: &TokenInfo,
    name: &str,
    source: Option<&Path>,
    pins: &Pins,
) -> Result<(), TokenError> {
    if about.user_pin_locked() {
        return Err(TokenError::PinUnusable { state: "locked" });
    }
    if about.user_pin_final_try() {
        return Err(TokenError::LastTry);
    }
    let pin = match about.protected_authentication_path() {
        // It has keys of its own to type the PIN on.
        true => None,
        false => Some(pins.pin_of(name, source)?),
    };
    match session.login(UserType::User, pin.as_ref()) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(Error::Pkcs11(answer, _)) => Err(not_logged_in(answer)),
        Err(error) => Err(refused("logging in")(error)),
    }
}

fn not_logged_in(answer: RvError) -> TokenError {
    let unusable = |state| TokenError::PinUnusable { state };
    match answer {
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => TokenError::WrongPin,
        RvError::PinLocked => unusable("locked"),
        RvError::PinExpired => unusable("expired"),
        RvError::UserPinNotInitialized => unusable("not set"),
        other => failed("logging in", &other),
    }
}

/// Refuses a key that is not as it was asked for.
fn never_leaves(session: &Session, key: ObjectHandle) -> Result<(), TokenError> {
    let about = session.get_attributes(
        key,
        &[
            AttributeType::AlwaysSensitive,
            AttributeType::NeverExtractable,
            AttributeType::Copyable,
            AttributeType::Token,
        ],
    );
    let about = about.map_err(refused("looking at a new key"))?;
    let faults = [
        (Attribute::AlwaysSensitive(true), "may be read"),
        (Attribute::NeverExtractable(true), "may be taken out"),
        (Attribute::Copyable(false), "may be copied"),
        (Attribute::Token(true), "is gone with the session"),
    ];
    let fault = faults.into_iter().find(|(is, _)| !about.contains(is));
    match fault {
        None => Ok(()),
        Some((_, fault)) => Err(TokenError::Careless { fault }),
    }
}

fn refused(doing: &'static str) -> impl Fn(Error) -> TokenError {
    move |error| match error {
        Error::Pkcs11(
            answer @ (RvError::DeviceRemoved
            | RvError::DeviceError
            | RvError::TokenNotPresent
            | RvError::SessionHandleInvalid
            | RvError::SessionClosed
            | RvError::UserNotLoggedIn
            | RvError::CryptokiNotInitialized),
            _,
        ) => TokenError::Gone {
            answer: answer.to_string(),
        },
        error => failed(doing, &error),
    }
}

fn failed(doing: &'static str, answer: &dyn std::fmt::Display) -> TokenError {
    TokenError::Refused {
        doing,
        answer: answer.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Software tokens lock no PIN, so what hardware answers is played here.
    #[test]
    fn what_a_token_says_at_the_door_is_told_apart() {
        assert!(matches!(
            not_logged_in(RvError::PinIncorrect),
            TokenError::WrongPin
        ));
        for (answer, expected) in [
            (RvError::PinLocked, "locked"),
            (RvError::PinExpired, "expired"),
            (RvError::UserPinNotInitialized, "not set"),
        ] {
            let told = not_logged_in(answer);
            assert!(matches!(told, TokenError::PinUnusable { state } if state == expected));
        }
        assert!(matches!(
            not_logged_in(RvError::FunctionFailed),
            TokenError::Refused { .. }
        ));
    }
}
