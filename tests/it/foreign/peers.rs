//! Interpreters that have what other people wrote. The absence of one is said, or a failure.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use crate::support::programs::missing;

/// A Python that has `module`: the one `STRONGROOM_PYTHON` names, or `python3`.
pub(super) fn python_with(module: &str) -> Option<OsString> {
    let python = std::env::var_os("STRONGROOM_PYTHON").unwrap_or_else(|| "python3".into());
    let has = succeeds(Command::new(&python).args(["-c", &format!("import {module}")]));
    if !has {
        missing(
            module,
            &format!("no {module} for python3, nor for what STRONGROOM_PYTHON names"),
        );
    }
    has.then_some(python)
}

/// Node.js, when it finds `module`, in the folder `NODE_PATH` names or its own.
pub(super) fn node_with(module: &str) -> Option<OsString> {
    let node = OsString::from("node");
    let has = succeeds(Command::new(&node).args(["-e", &format!("require('{module}')")]));
    if !has {
        missing(
            module,
            &format!("no {module} for node; NODE_PATH may name its folder"),
        );
    }
    has.then_some(node)
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
