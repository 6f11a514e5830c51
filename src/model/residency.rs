//! What an operator vouches for when a store cannot say where it is (R39).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::text::Text;

/// A named operator's word that a store lies in a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// Who says so.
    pub by: Text,
    /// The region they vouch for.
    pub region: String,
    /// When they said it.
    pub at: Timestamp,
}
