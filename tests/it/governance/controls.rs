//! The controls are tested while they are relied on (R48).

use std::fs;
use std::os::unix::fs::FileExt as _;

use strongroom::access::acts::{ReadAudit, ReadVault};
use strongroom::model::{Event, Role};
use strongroom::work::{WorkError, controls, oversee};

use crate::support::house::House;

fn recorded(house: &House) -> Vec<(u64, usize)> {
    let mut found = Vec::new();
    let vault = house.service.vault();
    vault
        .entries::<WorkError>(0, u64::MAX, |_, entry| {
            if let Event::ControlsTested { hold, fail } = entry.event {
                found.push((hold, fail.len()));
            }
            Ok(())
        })
        .expect("readable");
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r48_controls_that_hold_are_on_record() {
    let house = House::new().await;
    let (participant, _) = house.interview("Ines", b"a word").await;
    house.erase(participant).await;
    let auditor = house.invite(Role::Auditor).await;
    let grant = house.admit::<ReadAudit>(&auditor, ()).await;
    let found = controls::test_for(&house.service, grant.expect("granted"))
        .await
        .expect("tested");
    assert_eq!((found.hold.len(), found.fail.len()), (5, 0), "{found:?}");
    assert!(
        found
            .hold
            .iter()
            .any(|control| control.contains("1 erasures")),
        "{found:?}"
    );
    assert_eq!(recorded(&house), [(5, 0)]);
    let lead = house.admit::<ReadAudit>(&house.staff.lead, ()).await;
    assert!(matches!(lead, Err(WorkError::Refused(_))), "{lead:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r48_a_control_that_does_not_hold_is_said_aloud() {
    let house = House::new().await;
    house.interview("Ines", b"a word").await;
    let journal = house.folder.path().join("journal");
    let mut segments: Vec<_> = fs::read_dir(&journal)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    segments.sort();
    // One bit of a record that was acknowledged, changed under the running vault.
    let mut options = fs::OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .open(segments.first().expect("a segment"))
        .expect("opens");
    let mut byte = [0];
    file.read_exact_at(&mut byte, 300).expect("long enough");
    file.write_all_at(&[byte[0] ^ 1], 300).expect("written");
    let found = controls::test(&house.service).await.expect("tested");
    assert_eq!(found.fail.len(), 1, "{found:?}");
    assert!(found.fail[0].contains("journal"), "{found:?}");
    let grant = house.admit::<ReadVault>(&house.staff.admin, ()).await;
    let status = oversee::vault(&house.service, grant.expect("granted")).expect("a status");
    assert!(
        status
            .concerns
            .iter()
            .any(|concern| concern.contains("journal")),
        "{:?}",
        status.concerns
    );
}
