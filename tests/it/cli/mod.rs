//! The command line against a real gateway: a recording's whole life, interruptions of every kind,
//! and everything that can be given wrongly.

mod life;
mod media;
mod traces;
