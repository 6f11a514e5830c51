//! What is in memory stays there: no core dump, no debugger, no swap.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use rustix::process::{getrlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{CapabilitySet, capabilities};

/// Keeps what is in memory out of core dumps and away from other processes of the same user, and the
/// files that are written from everybody else.
pub(super) fn close_to_others() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps could not be forbidden");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "the process could not be closed to debuggers");
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Keeps what is in memory out of swap, now and from now on. Where that is not permitted it says what
/// to do, and goes on: a machine without swap needs nothing of it.
///
/// Pages are locked as they are touched, so no more memory is held than without. Under a limit that it
/// may not pass, nothing is locked: a program that cannot have more memory would end in the middle.
pub(super) fn stay_out_of_swap() {
    if !may_lock_everything() {
        tracing::warn!(
            "memory with keys in it may be swapped to a disk; let the service lock it (LimitMEMLOCK=infinity, or `ulimit -l unlimited`), or run without swap"
        );
        return;
    }
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    if let Err(error) = mlockall(all) {
        tracing::warn!(%error, "memory with keys in it may be swapped to a disk: it could not be locked");
    }
}

fn may_lock_everything() -> bool {
    let unlimited = getrlimit(Resource::Memlock).current.is_none();
    let privileged =
        capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    unlimited || privileged
}
