//! Ways to break the promise of erasure on purpose, so that the tests can show each of them caught.
//!
//! Nothing of this is in a program that anybody runs: the feature is for tests alone, is never on by
//! default, does not compile without debug assertions, and of a program built with it the variable says
//! which promise it breaks. Each way is one step, in the place that it breaks:
//! `keyring::destroy`, `keyring::slot_file`, `vault::material` and `objects::delete`.

#[cfg(not(debug_assertions))]
compile_error!(
    "the feature `sabotage-for-tests-only` breaks erasure on purpose: nothing that is released is built with it"
);

/// The variable that says which promise is broken.
const VARIABLE: &str = "STRONGROOM_SABOTAGE_FOR_TESTS_ONLY";

/// A way to break the promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Keys go from the tree, and the keys above them stay what they were.
    NoRotation,
    /// A root slot says that it let go of the old root, and keeps it.
    OldRootKept,
    /// The key of a file is logged when it is opened.
    KeyLogged,
    /// The bucket keeps a version of what was deleted.
    VersionKept,
}

impl Sabotage {
    /// Whether this is the promise to break.
    pub(crate) fn is_on(self) -> bool {
        let word = match self {
            Self::NoRotation => "no-rotation",
            Self::OldRootKept => "old-root-kept",
            Self::KeyLogged => "key-logged",
            Self::VersionKept => "version-kept",
        };
        std::env::var_os(VARIABLE).is_some_and(|asked| asked == word)
    }
}
