//! What certificates say of what lies elsewhere, and that they say it anew when it changes.

use std::fs;

use jiff::ToSpan as _;
use strongroom::access::acts;
use strongroom::id::ErasureId;
use strongroom::index::tables;
use strongroom::vault::Config;
use strongroom::work::certificate::{self, Certificate, Irrecoverable};
use strongroom::work::{erase, supply};

use crate::support::house::House;

/// The certificate as information governance is given it now, which must verify.
async fn certificate_now(house: &House, erasure: ErasureId) -> (String, Certificate) {
    let who = &house.staff.governance;
    let grant = house.admit::<acts::ReadErasure>(who, erasure).await;
    let note = erase::certificate(&house.service, grant.expect("granted"));
    let note = note.await.expect("certified");
    let key = house.service.vault().signer().verifier_key();
    let read = certificate::verify(&note, &key).expect("verifies");
    (note, read)
}

fn waiting(certificate: &Certificate) -> &[String] {
    match &certificate.statement.irrecoverable {
        Irrecoverable::WaitingFor(waiting) => waiting,
        Irrecoverable::On(day) => panic!("it is gone on {day}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_waits_for_backups_and_suppliers_and_is_drawn_up_anew() {
    let house = House::new().await;
    let today = house.service.today();
    let (supplier, transcriber) = house.supplier(today).await;
    let (her, item) = house.interview("Wilhelmina Osgood", b"what she said").await;
    let until = today.saturating_add(20.days());
    let assignment = house.assign(item, supplier, until).await;
    house.fetch_as(&transcriber, item).await.expect("fetched");
    let erasure = house.erase(her).await.id;

    let (first, read) = certificate_now(&house, erasure).await;
    assert_eq!(house.erasure(erasure).certificate, Some(first.clone()));
    assert_eq!(waiting(&read).len(), 2, "{read:?}");
    assert!(
        read.text()
            .contains("to declare how long its backups are kept")
    );
    assert!(
        read.text()
            .contains(&format!("supplier {supplier} to confirm"))
    );
    // While nothing changes it is the same, and asking writes nothing but that it was asked.
    let (again, _) = certificate_now(&house, erasure).await;
    assert_eq!(again, first);

    let image = house.image();
    Config::declare_backups(&image.path(), 35).expect("declared");
    let house = house.open_image(image).await.expect("opens");
    let (second, read) = certificate_now(&house, erasure).await;
    assert_ne!(second, first);
    assert_eq!(waiting(&read).len(), 1, "{read:?}");
    let grant = house
        .admit::<acts::ConfirmDestruction>(&transcriber, assignment)
        .await;
    supply::confirm_destroyed(&house.service, grant.expect("granted"))
        .await
        .expect("confirmed");
    let (third, read) = certificate_now(&house, erasure).await;
    let day = today.saturating_add(35.days());
    assert_eq!(read.statement.irrecoverable, Irrecoverable::On(day));
    let said = format!(
        "gone everywhere by the end of {}",
        day.strftime("%-d %B %Y")
    );
    assert!(read.text().contains(&said), "{}", read.text());
    assert!(read.text().contains("confirmed on"), "{}", read.text());

    // Each is a statement of its own, and all of them stay true of their day.
    let key = house.service.vault().signer().verifier_key();
    let all = [first, second, third].map(|note| certificate::verify(&note, &key));
    let all = all.map(|read| read.expect("verifies"));
    assert!(all[0].record < all[1].record && all[1].record < all[2].record);
    assert_eq!(all[0].statement.inaccessible, all[2].statement.inaccessible);
}

/// Who fetched what is looked up by item and never read from the audit: a certificate takes no longer
/// in a vault with a long history.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_drawn_up_without_reading_the_audit() {
    let house = House::new().await;
    let (supplier, transcriber) = house.supplier(house.service.today()).await;
    let (her, item) = house.interview("Wilhelmina Osgood", b"what she said").await;
    let (_, other) = house.interview("Ambrose Pell", b"what he said").await;
    let until = house.service.today().saturating_add(20.days());
    house.assign(item, supplier, until).await;
    for _ in 0..3 {
        house.fetch_as(&transcriber, item).await.expect("fetched");
        house.fetch(other).await.expect("fetched");
    }
    let erasure = house.withdraw(her, false).await.erasure;
    // What was written so far lies in older segments of the journal, which are taken away.
    let house = house.crash().await;
    let mut segments: Vec<_> = fs::read_dir(house.folder.join("journal"))
        .expect("read")
        .map(|entry| entry.expect("read").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "seg"))
        .collect();
    segments.sort();
    segments.pop();
    assert!(
        !segments.is_empty(),
        "the history lies in segments of its own"
    );
    for segment in &segments {
        fs::rename(segment, segment.with_extension("away")).expect("taken away");
    }
    let before = house.service.vault().looked();
    house.approve(erasure).await;
    let after = house.service.vault().looked();
    let looks = |table: u8| after[usize::from(table)] - before[usize::from(table)];
    assert_eq!(
        looks(tables::FETCHED.byte()),
        2,
        "one look, and the one row found"
    );

    let (_, read) = certificate_now(&house, erasure).await;
    assert_eq!(read.statement.elsewhere.suppliers.len(), 1);
    assert_eq!(read.statement.elsewhere.suppliers[0].items, 1);
    let view = house.service.vault().view().expect("the index runs");
    let row = view.reader().get(&tables::FETCHED, &(item, transcriber.id));
    let row = row.expect("read").expect("a row");
    assert_eq!((row.times, row.sealed), (3, 0));
    drop(view);
    // A control: whoever reads the audit misses what was taken away.
    let size = house.service.vault().journal().size();
    let all = house
        .service
        .vault()
        .entries::<strongroom::work::WorkError>(0, size, |_, _| Ok(()));
    assert!(all.is_err(), "the audit cannot be read");
}
