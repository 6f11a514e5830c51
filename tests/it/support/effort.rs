//! How much the tests that try many things at random try: a share that fits into a minute or two, or,
//! with `STRONGROOM_ENDURANCE=1`, everything (`tests/endurance/run`).

/// Whether the long version is asked for.
pub(crate) fn is_long() -> bool {
    std::env::var_os("STRONGROOM_ENDURANCE").is_some_and(|value| value == "1")
}

/// What chance begins with: the same every time, unless `STRONGROOM_SEED` says otherwise.
pub(crate) fn seed() -> u64 {
    let said = std::env::var("STRONGROOM_SEED").ok();
    said.and_then(|said| said.parse().ok()).unwrap_or(1996)
}
