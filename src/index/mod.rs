//! The index: what the program asks questions of, kept in sled and never the only copy.
//!
//! An [`Index`] is a projection of the journal into typed [`Table`]s. Each batch carries the rows
//! that a record changes together with the position applied, and sled takes the batch whole or not
//! at all. What cannot be shown to be exactly what was written is [`Unusable`]: the caller sets the
//! folder aside ([`set_aside`]), creates an empty index and replays the journal into it.
//!
//! Row values are sealed under a key derived from the journal key; row *keys* are in clear, because
//! sled orders by them. So a row key is made of meaningless identifiers, numbers, moments and
//! fixed words, never of a name. Overwritten rows stay in sled's files for a long time and the
//! journal key outlives an erasure: nothing goes into a row that must be forgotten, unless it is
//! already sealed under the key that will be destroyed.
//!
//! ```
//! use std::sync::Arc;
//! use strongroom::{entropy::SystemEntropy, index::{Batch, Index, Table}, secret::Key};
//!
//! const TITLES: Table<u64, String> = Table::new(1, "titles");
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let home = tempfile::tempdir()?;
//! let entropy = Arc::new(SystemEntropy::new());
//! let journal_key = Key::random(&*entropy)?;
//! let index = Index::create(&home.path().join("index"), &journal_key, entropy)?;
//! let mut batch = Batch::new();
//! batch.put(&TITLES, &7, &"a pilot".to_owned())?;
//! index.apply(batch, 1, [0xAB; 32])?;
//! assert_eq!(index.read()?.get(&TITLES, &7)?, Some("a pilot".to_owned()));
//! index.close()?;
//! # Ok(())
//! # }
//! ```

mod batch;
#[cfg(test)]
mod building;
#[cfg(test)]
mod doubt;
mod engine;
mod error;
mod folder;
mod key;
mod looks;
mod merged;
mod notes;
mod opening;
mod pack;
mod projection;
mod reader;
mod seal;
mod sections;
mod shelf;
mod state;
mod store;
mod table;
pub mod tables;
mod verify;
mod writing;

pub use batch::Batch;
pub use error::{IndexError, OpenError, Refused, Unusable};
pub use folder::set_aside;
pub use key::{Leads, RowKey};
pub use projection::project;
pub use reader::Reader;
pub use store::Index;
pub use table::Table;

/// The version of everything in the index: its files, its tables, and what their keys and rows mean.
///
/// Raise it whenever one of these changes: an index of another format is set aside and rebuilt.
pub const FORMAT: u32 = 5;
