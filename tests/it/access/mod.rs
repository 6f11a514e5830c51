//! Access: every role, every action, every fact that matters, decided over a real index.

mod asking;
mod conditions;
mod house;
mod matrix;
mod remembered;
mod strangers;
mod table;
mod time;

use std::sync::LazyLock;

use strongroom::access::Gatekeeper;

/// The policies, read once.
static GATE: LazyLock<Gatekeeper> =
    LazyLock::new(|| Gatekeeper::new().expect("the policies are usable"));
