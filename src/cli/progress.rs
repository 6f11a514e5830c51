//! Progress bars: on a terminal only, nothing when piped.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::client::{ClientError, Watcher};

const TEMPLATE: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta} left";

/// A bar for one transfer.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar called `name`; invisible unless standard error is a terminal and `quiet` is false.
    pub(super) fn new(name: &str, quiet: bool) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal();
        let target = match visible {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        Self(bar)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Watcher for Bar {
    fn moved(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }

    fn interrupted(&self, reason: &ClientError) {
        self.0.println(format!("interrupted: {reason}; going on"));
        tracing::warn!(%reason, "interrupted, going on");
    }
}
