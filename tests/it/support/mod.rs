//! What several tests share.

pub(crate) mod cli;
pub(crate) mod effort;
pub(crate) mod folders;
pub(crate) mod gateway;
pub(crate) mod house;
pub(crate) mod line;
pub(crate) mod peers;
pub(crate) mod programs;
pub(crate) mod remote;
pub(crate) mod rows;
pub(crate) mod s3_proxy;
pub(crate) mod softhsm;
pub(crate) mod trace;
