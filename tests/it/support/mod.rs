//! What several tests share.

pub(crate) mod cli;
pub(crate) mod gateway;
pub(crate) mod peers;
pub(crate) mod programs;
