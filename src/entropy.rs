//! Randomness as a parameter: one trait, one source for production.

use std::fmt::Debug;

use ring::rand::{SecureRandom, SystemRandom};

/// A source of cryptographically secure random bytes.
pub trait Entropy: Debug + Send + Sync {
    /// Fills `out` with random bytes.
    ///
    /// # Errors
    /// [`EntropyError`] when the source has none to give; `out` must then not be used.
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError>;
}

/// The operating system's generator (`getrandom(2)`), through ring.
#[derive(Debug)]
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// The operating system's generator.
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place the operating system is asked for randomness"
    )]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        self.0.fill(out).map_err(|_| EntropyError)
    }
}

/// The random source gave nothing.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes; nothing was written")]
pub struct EntropyError;
