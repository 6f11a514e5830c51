//! A clock that jumps, forward and back, and is still wrong after a crash.

use jiff::{SignedDuration, Timestamp};
use strongroom::clock::Clock as _;
use strongroom::work::WorkError;

use crate::support::house::House;

/// That every record is dated no earlier than the one before; gives the last moment.
fn in_order(house: &House) -> Timestamp {
    let vault = house.service.vault();
    let (mut last, mut next) = (Timestamp::MIN, 0);
    let read = vault.entries::<WorkError>(0, u64::MAX, |position, entry| {
        assert_eq!(position, next, "records are numbered one after the other");
        assert!(
            entry.at >= last,
            "record {position} is dated before the last"
        );
        (last, next) = (entry.at, position + 1);
        Ok(())
    });
    read.expect("the journal verifies");
    assert!(next > 0);
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_brings_nothing_back_and_leaves_the_record_in_order() {
    let house = House::new().await;
    let (who, item) = house.interview("Agnes", b"what she said").await;
    let (_, kept) = house.interview("Basil", b"what he said").await;
    let old = house.staff.lead.clone();
    let began = house.world.time().now();

    // Half a day on, a token has expired, and somebody withdraws.
    house.world.time().advance(SignedDuration::from_hours(13));
    assert!(house.service.authenticate(&old.bearer).is_err());
    let mut house = house;
    house.later(0);
    house.erase(who).await;
    let latest = in_order(&house);

    // A year back: what expired stays expired, what was erased erased, and no record goes back.
    let year = SignedDuration::from_hours(24 * 365);
    house.world.time().set(began - year);
    assert!(house.service.authenticate(&old.bearer).is_err());
    assert!(house.fetch(item).await.is_err());
    assert_eq!(house.fetch(kept).await.expect("opens"), b"what he said");
    house.participant("Cleo").await;
    assert_eq!(in_order(&house), latest, "time stands where it had come to");

    // The same after a crash, with the clock as wrong as before.
    let mut house = house.crash().await;
    assert!(house.service.authenticate(&old.bearer).is_err());
    assert!(house.fetch(item).await.is_err());
    assert_eq!(house.fetch(kept).await.expect("opens"), b"what he said");
    assert!(in_order(&house) >= latest);

    // Ten years forward and back again: tokens end with it, records stay in order.
    house.world.time().set(began + year * 10);
    house.later(0);
    house.participant("Dora").await;
    let far = in_order(&house);
    assert!(far > latest);
    house.world.time().set(began);
    house.participant("Emil").await;
    assert_eq!(in_order(&house), far);
}
