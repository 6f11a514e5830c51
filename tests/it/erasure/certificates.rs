//! What certificates say of what lies elsewhere, and that they say it anew when it changes.

use jiff::ToSpan as _;
use strongroom::access::acts;
use strongroom::id::ErasureId;
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
