//! The gateway from outside: a real one on loopback, with the embedded store.

mod downloads;
mod edges;
mod quotas;
mod renewal;
mod repeats;
mod sameness;
mod surface;
mod uploads;
