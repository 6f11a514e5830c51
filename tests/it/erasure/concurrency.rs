//! Erasures and withdrawals while other things go on.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan as _};
use strongroom::access::acts;
use strongroom::id::{ItemId, PersonId, UploadId};
use strongroom::index::tables;
use strongroom::limits::TRANSFER_RECHECK;
use strongroom::model::{ErasureStage, Purpose, Role};
use strongroom::objects::Family;
use strongroom::work::{WorkError, deposit, enrol, erase, retrieve, study, supply};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::support::house::{self, House, Pass, noise};
use crate::support::remote::Remote;

const MIB: usize = 1 << 20;

/// Long enough that no download of it is over before it is looked at.
const LONG: usize = 6 * MIB;

/// How soon somebody is noticed to have lost access who lost it by the calendar.
const NOTICED: Duration = TRANSFER_RECHECK.saturating_add(Duration::from_millis(1500));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_are_both_certified() {
    let house = House::new().await;
    let (her, hers) = house.interview("Agnes", b"hers").await;
    let (him, his) = house.interview("Basil", b"his").await;
    let (_, others) = house.interview("Cecily", b"another's").await;
    let both = house.session(&[her, him]).await;
    let both = house.deposit(both, noise(4000, 1), "pair.wav").await;
    let first = house.withdraw(her, false).await.erasure;
    let second = house.withdraw(him, false).await.erasure;
    let (first, second) = tokio::join!(house.approve(first), house.approve(second));
    assert_eq!(first.stage, ErasureStage::Certified);
    assert_eq!(second.stage, ErasureStage::Certified);
    let mut epochs = [first.epoch, second.epoch];
    epochs.sort_unstable();
    assert_eq!(epochs, [Some(1), Some(2)]);
    for gone in [hers, his, both] {
        let fetched = house.fetch(gone).await;
        assert!(
            matches!(fetched, Err(WorkError::NoSuchThing)),
            "{fetched:?}"
        );
    }
    assert_eq!(house.fetch(others).await.expect("opens"), b"another's");
    let house = house.crash().await;
    assert_eq!(house.service.vault().epoch(), 2);
    assert_eq!(house.fetch(others).await.expect("opens"), b"another's");
}

/// Nobody's keys wait for the store to let go of somebody else's objects.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_hangs_holds_up_nobody_elses_keys() {
    let house = House::at(Remote::start().await).await;
    let remote = house.remote.clone().expect("a store elsewhere");
    let (her, hers) = house.interview("Agnes", b"hers").await;
    let (him, his) = house.interview("Basil", b"his").await;
    let first = house.withdraw(her, false).await.erasure;
    let second = house.withdraw(him, false).await.erasure;
    remote.hold_all();
    let inaccessible = async |erasure| {
        house::until_stage(&house.service, erasure, ErasureStage::Inaccessible).await;
    };
    let watching = async {
        inaccessible(first).await;
        remote.until_held(1).await;
        inaccessible(second).await;
        assert_eq!(house.erasure(first).stage, ErasureStage::Inaccessible);
        remote.mend();
    };
    let second = async {
        inaccessible(first).await;
        house.approve(second).await
    };
    let (first, second, ()) = tokio::join!(house.approve(first), second, watching);
    for erasure in [first, second] {
        assert_eq!(erasure.stage, ErasureStage::Certified);
    }
    for gone in [hers, his] {
        let fetched = house.fetch(gone).await;
        assert!(
            matches!(fetched, Err(WorkError::NoSuchThing)),
            "{fetched:?}"
        );
    }
}

/// From the record of a withdrawal on, nothing is opened and nothing taken in (R10); for a supplier
/// it is as if it had never been (R14).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_freezes_at_once() {
    let house = House::new().await;
    let (her, hers) = house.interview("Agnes", b"hers").await;
    let (him, his) = house.interview("Basil", b"his").await;
    let session = house.session(&[her, him]).await;
    let today = house.service.today();
    let (supplier, transcriber) = house.supplier(today).await;
    house.assign(hers, supplier, today).await;
    assert!(house.fetch_as(&transcriber, hers).await.is_ok());
    let lead = &house.staff.lead;
    let early = house.admit::<acts::OpenItem>(lead, hers).await;
    let begun = house.begin(session, 100, "group.wav").await.expect("begun");

    let withdrawn = house.withdraw(her, false).await;
    assert_eq!(withdrawn.frozen_items, 1);
    let fetched = house.fetch(hers).await;
    assert!(matches!(fetched, Err(WorkError::Refused(_))), "{fetched:?}");
    let fetched = house.fetch_as(&transcriber, hers).await;
    assert!(
        matches!(fetched, Err(WorkError::NoSuchThing)),
        "{fetched:?}"
    );
    // Who was let through a moment before is stopped all the same.
    let opened = retrieve::open(&house.service, early.expect("granted"), None).await;
    let refused = match opened {
        Err(error) => error,
        Ok(plain) => body_error(plain.body).await,
    };
    assert!(matches!(refused, WorkError::Refused(_)), "{refused:?}");
    let more = house.begin(session, 100, "group.wav").await;
    assert!(
        matches!(more, Err(WorkError::Refused(_))),
        "{:?}",
        more.err()
    );
    let last = house.write(begun.upload, 0, noise(100, 1)).await;
    assert!(matches!(last, Err(WorkError::Refused(_))), "{last:?}");
    assert_eq!(house.fetch(his).await.expect("opens"), b"his");
}

/// The error that a body ends with, without having given anything.
async fn body_error(body: impl Stream<Item = Result<Bytes, WorkError>>) -> WorkError {
    let mut body = std::pin::pin!(body);
    match body.next().await {
        Some(Err(error)) => error,
        Some(Ok(bytes)) => panic!("{} bytes flowed", bytes.len()),
        None => panic!("it ended as if it were whole"),
    }
}

impl House {
    /// Writes to an upload of the study's lead.
    pub(crate) async fn write(
        &self,
        upload: UploadId,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Result<deposit::Progress, WorkError> {
        let body = stream::iter([Ok::<_, Infallible>(Bytes::from(bytes))]);
        let lead = self.caller(&self.staff.lead);
        deposit::write(&self.service, &lead, upload, offset, body, None).await
    }

    /// Writes to an upload whatever is sent to it, piece by piece.
    fn pour(&self, upload: UploadId) -> (mpsc::Sender<Bytes>, Writing) {
        let (pieces, source) = mpsc::channel::<Bytes>(1);
        let (service, lead) = (Arc::clone(&self.service), self.caller(&self.staff.lead));
        let body = stream::unfold(source, async |mut source| {
            let piece = source.recv().await?;
            Some((Ok::<_, Infallible>(piece), source))
        });
        let writing = tokio::spawn(async move {
            let body = Box::pin(body);
            deposit::write(&service, &lead, upload, 0, body, None).await
        });
        (pieces, writing)
    }

    fn upload_is_known(&self, upload: UploadId) -> bool {
        let view = self.service.vault().view().expect("runs");
        let known = view.reader().contains(&tables::UPLOADS, &upload);
        known.expect("runs")
    }
}

type Writing = JoinHandle<Result<deposit::Progress, WorkError>>;

/// An upload in several parts: what is stored of it goes, and what is on its way never stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_under_way_is_broken_off() {
    let house = House::at(Remote::start().await).await;
    let remote = house.remote.clone().expect("a store elsewhere");
    let her = house.participant("Agnes").await;
    let session = house.session(&[her]).await;
    let begun = house.begin(session, 40 * MIB, "long.wav").await;
    let begun = begun.expect("begun");
    let (pieces, writing) = house.pour(begun.upload);
    for seed in 0..9 {
        let piece = Bytes::from(noise(MIB, seed));
        pieces.send(piece).await.expect("it is read");
    }
    while remote.files().len() < 2 {
        sleep(Duration::from_millis(10)).await;
    }
    remote.hold_puts();
    for seed in 9..20 {
        let piece = Bytes::from(noise(MIB, seed));
        pieces.send(piece).await.expect("it is read");
    }
    remote.until_held(1).await;

    let withdrawn = house.withdraw(her, false).await;
    let service = Arc::clone(&house.service);
    let mending = tokio::spawn(async move {
        house::until_stage(&service, withdrawn.erasure, ErasureStage::Inaccessible).await;
        // What was held back arrives while the store is being cleared.
        sleep(Duration::from_millis(300)).await;
        remote.mend();
        remote
    });
    let erasure = house.approve(withdrawn.erasure).await;
    let remote = mending.await.expect("no panic");
    assert_eq!(erasure.stage, ErasureStage::Certified);
    assert_eq!(erasure.target.uploads, [begun.upload]);
    assert_eq!(erasure.target.items, [begun.item]);
    let written = timeout(Duration::from_secs(5), writing).await;
    let written = written.expect("it ended by itself").expect("no panic");
    assert!(
        matches!(written, Err(WorkError::NoSuchThing)),
        "{written:?}"
    );
    assert!(pieces.send(Bytes::from_static(b"more")).await.is_err());
    assert!(!house.upload_is_known(begun.upload));
    let lead = house.caller(&house.staff.lead);
    let offset = deposit::offset(&house.service, &lead, begun.upload).await;
    assert!(matches!(offset, Err(WorkError::NoSuchThing)), "{offset:?}");

    sleep(Duration::from_millis(500)).await;
    assert_eq!(
        remote.files(),
        Vec::<std::path::PathBuf>::new(),
        "the store is empty"
    );
    let left = house
        .service
        .store()
        .list_unfinished_uploads(Family::Material);
    assert_eq!(left.await.expect("asked").expect("it can say").len(), 0);
}

/// The one request that stores a short item is on its way when the erasure clears the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_on_its_way_to_the_store_does_not_stay_there() {
    let house = House::at(Remote::start().await).await;
    let remote = house.remote.clone().expect("a store elsewhere");
    let her = house.participant("Agnes").await;
    let session = house.session(&[her]).await;
    let begun = house
        .begin(session, 5000, "short.wav")
        .await
        .expect("begun");
    remote.hold_puts();
    let (pieces, writing) = house.pour(begun.upload);
    pieces
        .send(Bytes::from(noise(5000, 1)))
        .await
        .expect("read");
    drop(pieces);
    remote.until_held(1).await;
    let withdrawn = house.withdraw(her, false).await;
    let service = Arc::clone(&house.service);
    let mending = tokio::spawn(async move {
        house::until_stage(&service, withdrawn.erasure, ErasureStage::Inaccessible).await;
        sleep(Duration::from_millis(300)).await;
        remote.mend();
        remote
    });
    let erasure = house.approve(withdrawn.erasure).await;
    let remote = mending.await.expect("no panic");
    assert_eq!(erasure.stage, ErasureStage::Certified);
    let written = writing.await.expect("no panic");
    assert!(written.is_err(), "{written:?}");
    sleep(Duration::from_millis(500)).await;
    assert_eq!(
        remote.files(),
        Vec::<std::path::PathBuf>::new(),
        "the store is empty"
    );
}

/// Giving an upload up clears the store of it too, whatever is on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_given_up_leaves_nothing_in_the_store() {
    let house = House::at(Remote::start().await).await;
    let remote = house.remote.clone().expect("a store elsewhere");
    let her = house.participant("Agnes").await;
    let session = house.session(&[her]).await;
    let begun = house
        .begin(session, 5000, "short.wav")
        .await
        .expect("begun");
    remote.hold_puts();
    let (pieces, writing) = house.pour(begun.upload);
    pieces
        .send(Bytes::from(noise(5000, 1)))
        .await
        .expect("read");
    drop(pieces);
    remote.until_held(1).await;
    let mending = tokio::spawn(async move {
        sleep(Duration::from_millis(300)).await;
        remote.mend();
        remote
    });
    let lead = house.caller(&house.staff.lead);
    let abandoned = deposit::abandon(&house.service, &lead, begun.upload).await;
    let remote = mending.await.expect("no panic");
    let written = writing.await.expect("no panic");
    // Whoever was first: it is given up and gone, or it was whole and is an item.
    match (abandoned, written) {
        (Ok(()), Err(_)) => {
            sleep(Duration::from_millis(500)).await;
            assert_eq!(remote.files(), Vec::<std::path::PathBuf>::new());
        }
        (Err(WorkError::NoSuchThing | WorkError::Conflict(_)), Ok(done)) => {
            assert_eq!(house.fetch(done.item).await.expect("opens"), noise(5000, 1));
        }
        (abandoned, written) => panic!("{abandoned:?}, and {written:?}"),
    }
}

type Body = Pin<Box<dyn Stream<Item = Result<Bytes, WorkError>> + Send>>;

/// A download under way: some of it has been read.
async fn downloading(house: &House, who: &Pass, item: ItemId) -> Body {
    let grant = house.admit::<acts::OpenItem>(who, item).await;
    let plain = retrieve::open(&house.service, grant.expect("granted"), None).await;
    let mut body: Body = Box::pin(plain.expect("opens").body);
    for _ in 0..3 {
        body.next().await.expect("more").expect("bytes");
    }
    body
}

/// The very next thing a body gives is an error.
async fn is_stopped(what: &str, mut body: Body) {
    match body.next().await {
        Some(Err(WorkError::NoSuchThing | WorkError::Refused(_) | WorkError::Stranger)) => {}
        Some(Ok(bytes)) => panic!("{what}: {} more bytes flowed", bytes.len()),
        other => panic!("{what}: {other:?}"),
    }
}

/// Whatever takes away somebody's access stops what they are downloading at the next byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_stops_when_access_ends() {
    let house = House::new().await;
    let (her, hers) = house.interview("Agnes", &noise(LONG, 1)).await;
    let (_, his) = house.interview("Basil", &noise(LONG, 2)).await;
    let today = house.service.today();
    let (supplier, transcriber) = house.supplier(today).await;
    let assignment = house.assign(his, supplier, today).await;
    let lead = house.staff.lead.clone();
    let (service, admin) = (&house.service, &house.staff.admin);

    // By the team, when the participant withdraws; in the middle, and before the first byte.
    let team = downloading(&house, &lead, hers).await;
    let other = downloading(&house, &lead, his).await;
    let withdrawn = house.withdraw(her, false).await;
    is_stopped("a withdrawal", team).await;
    let erasure = house.approve(withdrawn.erasure).await;
    assert_eq!(erasure.stage, ErasureStage::Certified);
    let mut rest = other;
    assert!(
        rest.next().await.expect("more").is_ok(),
        "another's goes on"
    );

    // By the supplier, when the assignment ends.
    let body = downloading(&house, &transcriber, his).await;
    let grant = house.admit::<acts::EndAssignment>(&lead, assignment).await;
    supply::end(service, grant.expect("granted"))
        .await
        .expect("ended");
    is_stopped("an assignment's end", body).await;

    // By anybody whose token is taken back.
    house.assign(his, supplier, today).await;
    let body = downloading(&house, &transcriber, his).await;
    let caller = house.caller(&transcriber);
    enrol::leave(service, caller).await.expect("left");
    is_stopped("a token taken back", body).await;

    // Or who is suspended; or leaves the team.
    let researcher = house.invite(Role::Researcher).await;
    let join = house.admit::<acts::ManageStudy>(&lead, house.staff.study);
    let join = join.await.expect("granted");
    let until = today.tomorrow().expect("a day");
    study::admit_member(service, join, member(researcher.id, until))
        .await
        .expect("admitted");
    let body = downloading(&house, &researcher, his).await;
    let grant = house.admit::<acts::ManagePeople>(admin, ()).await;
    let grant = grant.expect("granted");
    enrol::suspend(service, grant, researcher.id, true)
        .await
        .expect("suspended");
    is_stopped("a suspension", body).await;
}

/// What ends by the calendar is noticed within a second or so, and never ends as if it were whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_stops_when_a_contract_lapses() {
    let house = House::new().await;
    let (_, his) = house.interview("Basil", &noise(LONG, 2)).await;
    // In the evening, so that the transcriber's token outlives the day.
    house.world.time().advance(SignedDuration::from_hours(8));
    let today = house.service.today();
    let signed = today.saturating_sub(1.year()).saturating_add(1.day());
    let (supplier, transcriber) = house.supplier(signed).await;
    house.assign(his, supplier, today).await;
    let mut body = downloading(&house, &transcriber, his).await;
    house.world.time().advance(SignedDuration::from_hours(5));
    let lapsed = Instant::now();
    loop {
        match body.next().await {
            Some(Ok(_)) => sleep(Duration::from_millis(40)).await,
            Some(Err(WorkError::NoSuchThing | WorkError::Refused(_))) => break,
            other => panic!("{other:?}"),
        }
        assert!(lapsed.elapsed() < NOTICED, "it goes on and on");
    }
}

/// An erasure goes on when whoever approved it hangs up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_does_not_hang_on_who_approved_it() {
    let house = House::new().await;
    let (her, hers) = house.interview("Agnes", b"hers").await;
    let withdrawn = house.withdraw(her, false).await;
    let second = &house.staff.second;
    let grant = house.admit::<acts::ApproveErasure>(second, withdrawn.erasure);
    let grant = grant.await.expect("granted");
    {
        let mut approving = Box::pin(erase::approve(&house.service, grant));
        // Until it has been recorded, and no longer.
        loop {
            let asked = timeout(Duration::from_micros(50), &mut approving).await;
            if asked.is_ok() || house.erasure(withdrawn.erasure).approved.len() == 1 {
                break;
            }
        }
    }
    let certified = house::until_stage(&house.service, withdrawn.erasure, ErasureStage::Certified);
    let waited = timeout(Duration::from_secs(5), certified).await;
    // Hung up on before it was carried out at all, it is taken up by the next minute's round.
    if waited.is_err() {
        assert_eq!(erase::resume(&house.service).await.expect("ends"), 1);
    }
    let fetched = house.fetch(hers).await;
    assert!(
        matches!(fetched, Err(WorkError::NoSuchThing)),
        "{fetched:?}"
    );
}

fn member(person: PersonId, until: Date) -> study::NewMember {
    study::NewMember {
        person,
        role: Role::Researcher,
        until,
        purpose: Purpose::Research,
        sees: None,
    }
}
