//! The five published notices, each played through from recruitment to the end of retention.
//!
//! The clock is moved, everything goes over HTTP, and each test reads like its notice.

mod data_first;
mod moj_user_research;
mod natcen_victim_support;
mod ons_management_practices;
mod probation_digital;
mod troupe;
