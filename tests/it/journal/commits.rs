//! Commits: who waits for what, on how many syncs, and what a full disk refuses.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use strongroom::entropy::SystemEntropy;
use strongroom::journal::{Anchor, Error, Journal};
use tempfile::TempDir;

use super::Place;

#[test]
fn the_durable_prefix_trails_the_written_one() {
    let place = Place::new();
    let journal = place.create();
    assert!(matches!(
        journal.durable_blocking(0),
        Err(Error::NotWritten { .. })
    ));
    for payload in [b"one", b"two"] {
        journal.append(b"", payload).expect("writes");
    }
    assert_eq!(
        (journal.anchor(), journal.written_anchor().size),
        (Anchor::EMPTY, 2)
    );
    journal.durable_blocking(0).expect("durable");
    assert_eq!(journal.anchor(), journal.written_anchor());
    journal.append(b"", b"three").expect("writes");
    let written = journal.written_anchor();
    journal.close().expect("closes");
    assert_eq!(place.open().1.anchor, written);
}

/// Group commit: all who wait at once share one fsync, and each finds its record.
#[test]
fn concurrent_commits_share_syncs() {
    const THREADS: usize = 16;
    const COMMITS: usize = 40;
    // On a disk, not in memory: a sync that takes no time is shared by nobody.
    let place = Place {
        root: TempDir::new().expect("a directory"),
        ..Place::new()
    };
    let journal = place.create();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..COMMITS {
                    let payload = format!("{thread} {n}").into_bytes();
                    let position = journal.append(b"", &payload).expect("writes");
                    journal.durable_blocking(position).expect("durable");
                    assert!(journal.anchor().size > position);
                    let found = journal.get(position).expect("reads");
                    assert_eq!(found.payload.expose_secret(), payload);
                }
            });
        }
    });
    let commits = (THREADS * COMMITS) as u64;
    assert_eq!(journal.size(), commits);
    assert!(
        journal.syncs() < commits,
        "{} syncs for {commits}",
        journal.syncs()
    );
    drop(journal);
    let found: BTreeSet<_> = place.open().2.into_iter().collect();
    assert_eq!(found.len() as u64, commits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_wait_without_blocking() {
    let place = Place::new();
    let journal = Arc::new(place.create());
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..64_u8 {
        let journal = Arc::clone(&journal);
        tasks.spawn(async move {
            let position = journal.append(&[n], b"").expect("writes");
            journal.durable(position).await.expect("durable");
            position
        });
    }
    let positions: BTreeSet<_> = tasks.join_all().await.into_iter().collect();
    assert_eq!(positions, (0..64).collect());
    assert_eq!(journal.anchor().size, 64);
    // The blocking form may be called here too.
    journal.durable_blocking(63).expect("durable");
}

/// Invariant 5 against a real kill: whatever the process had been told was durable is there.
#[test]
fn what_was_acknowledged_survives_a_kill() {
    const CHILD: &str = "STRONGROOM_TEST_KILLED_IN";
    if let Some(place) = std::env::var_os(CHILD) {
        return commit_until_killed(Path::new(&place));
    }
    for acknowledged in [1, 20, 150] {
        let root = TempDir::new().expect("a directory");
        let mut child = Command::new(std::env::current_exe().expect("a path"))
            .args([
                "--exact",
                "journal::commits::what_was_acknowledged_survives_a_kill",
            ])
            .env(CHILD, root.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("runs");
        let told_in = root.path().join("told");
        let told = || fs::read(&told_in).map_or(0, |told| told.len());
        while told() < acknowledged {
            assert!(
                child.try_wait().expect("runs").is_none(),
                "the child ended by itself"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().expect("kills");
        child.wait().expect("ends");
        let place = Place {
            root,
            ..Place::known()
        };
        let (_, recovery, found) = place.open();
        assert!(found.len() >= told(), "{} of {}", found.len(), told());
        assert_eq!(recovery.anchor.size, found.len() as u64);
        for (n, (_, payload)) in found.iter().enumerate() {
            assert_eq!(*payload, n.to_be_bytes().repeat(n % 50));
        }
    }
}

fn commit_until_killed(root: &Path) {
    let keys = Place::known().keys();
    let entropy = Arc::new(SystemEntropy::new());
    let journal = Journal::create(&root.join("journal"), keys, entropy).expect("creates");
    let mut told = fs::File::create(root.join("told")).expect("creates");
    for n in 0_usize.. {
        let position = journal
            .append(b"", &n.to_be_bytes().repeat(n % 50))
            .expect("writes");
        journal.durable_blocking(position).expect("durable");
        told.write_all(b".").expect("writes");
    }
}

/// A limit on file size makes the kernel itself write short and then refuse. The signal that
/// would kill the process is ignored by a shell, and the test runs itself in it.
#[test]
fn a_file_size_limit_refuses_a_record_and_keeps_the_rest() {
    const CHILD: &str = "STRONGROOM_TEST_FILE_SIZE_LIMIT";
    if std::env::var_os(CHILD).is_some() {
        return under_file_size_limit();
    }
    let this = std::env::current_exe().expect("a path");
    let name = "journal::commits::a_file_size_limit_refuses_a_record_and_keeps_the_rest";
    // 8 blocks of 512 bytes in POSIX shells, of 1024 in others; both end inside a record.
    let status = Command::new("sh")
        .args([
            "-c",
            r#"trap "" XFSZ; ulimit -f 8; exec "$0" --exact "$1" >/dev/null 2>&1"#,
        ])
        .arg(this)
        .arg(name)
        .env(CHILD, "1")
        .status()
        .expect("runs");
    assert!(status.success(), "{status}");
}

fn under_file_size_limit() {
    let place = Place::new();
    let journal = place.create();
    let mut kept = Vec::new();
    let refused = loop {
        let payload = vec![kept.len() as u8; 700];
        match journal.append(b"", &payload) {
            Ok(_) => kept.push(payload),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::Full { .. }), "{refused}");
    assert!(kept.len() > 3);
    // The next record begins a new segment, which has room of its own.
    journal.append(b"", &[9; 700]).expect("writes");
    kept.push(vec![9; 700]);
    journal.close().expect("closes");
    let found: Vec<_> = place
        .open()
        .2
        .into_iter()
        .map(|(_, payload)| payload)
        .collect();
    assert_eq!(found, kept);
    assert_eq!(place.segments().len(), 2);
    // The derived hashes outgrow the limit too: that neither stops the journal nor costs a proof.
    for _ in 0..3 {
        let journal = place.open().0;
        for n in 0..100 {
            let position = journal
                .append(b"", &[n])
                .or_else(|_| journal.append(b"", &[n]));
            journal
                .durable_blocking(position.expect("writes"))
                .expect("durable");
        }
        let anchor = journal.anchor();
        let leaf = journal.get(anchor.size - 1).expect("reads").leaf;
        let proof = journal
            .prove_inclusion(anchor.size - 1, anchor.size)
            .expect("proves");
        proof.verify(&leaf, &anchor).expect("verifies");
    }
    assert!(place.open().1.hashes_rebuilt);
}
