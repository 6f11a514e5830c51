//! Erasure, from a participant's word to the certificate: what it must do whatever happens.

mod certificates;
mod concurrency;
mod people;
mod rollback;
mod stages;
