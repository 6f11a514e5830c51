//! Files announced again by the same key, because an answer was lost: kept once.

use http::header::{CONNECTION, CONTENT_TYPE};
use http::{Method, StatusCode};

use crate::support::gateway::{Answer, CHUNK, House, Person, Study};

const KEY: &str = "8e03978e-40d5-43dd-bc93-6894a57f9324";

/// Announces a file of `length` bytes by `key`, with the bytes of `piece`.
async fn announce(
    person: &Person,
    session: &str,
    (key, length): (&str, usize),
    piece: &[u8],
) -> Answer {
    let request = person
        .begin(session, "notes", "notes.txt", length)
        .header("Idempotency-Key", format!("\"{key}\""))
        .header(CONTENT_TYPE, CHUNK)
        // One that is refused in the middle of a body is closed.
        .header(CONNECTION, "close")
        .body(piece.to_vec());
    Answer::of(request.send().await.expect("answered")).await
}

fn item_of(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer
        .header("strongroom-item")
        .expect("an item")
        .to_owned()
}

fn offset_of(answer: &Answer) -> &str {
    answer.header("upload-offset").expect("an offset")
}

async fn items(study: &Study) -> usize {
    let listed = format!("/v1/items?session={}", study.session);
    let listed = study.lead.get(&listed).await;
    listed.as_array().expect("a list").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_announced_again_is_kept_once() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let (researcher, session) = (&study.researcher, study.session.as_str());
    let whole = vec![7; 70_000];
    let first = announce(researcher, session, (KEY, 70_000), &whole).await;
    let item = item_of(&first);
    for _ in 0..2 {
        let again = announce(researcher, session, (KEY, 70_000), &whole).await;
        assert_eq!(item_of(&again), item);
        assert_eq!(offset_of(&again), "70000");
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.header("upload-expires"), None);
    }
    assert_eq!(items(&study).await, 1);
    // By another key, and by the same key of somebody else, it is another file.
    let other = KEY.replace('8', "9");
    let another = announce(researcher, session, (&other, 70_000), &whole).await;
    let somebodys = announce(&study.lead, session, (KEY, 70_000), &whole).await;
    assert_ne!(item_of(&another), item);
    assert_ne!(item_of(&somebodys), item);
    assert_eq!(items(&study).await, 3);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_broke_off_goes_on_where_it_stands() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let (researcher, session) = (&study.researcher, study.session.as_str());
    let whole: Vec<u8> = (0..70_000).map(|place| (place % 251) as u8).collect();
    let first = announce(researcher, session, (KEY, 70_000), &whole[..50_000]).await;
    assert_eq!(offset_of(&first), "50000");
    // What comes again is passed over: the answer says where to go on.
    let again = announce(researcher, session, (KEY, 70_000), &whole).await;
    assert_eq!(item_of(&again), item_of(&first));
    assert_eq!(offset_of(&again), "50000");
    let location = again.header("location").expect("a place").to_owned();
    let rest = researcher
        .tus(Method::PATCH, &location)
        .header(CONTENT_TYPE, CHUNK)
        .header("Upload-Offset", "50000")
        .body(whole[50_000..].to_vec());
    let rest = Answer::of(rest.send().await.expect("answered")).await;
    assert_eq!(rest.status, StatusCode::NO_CONTENT);
    let content = format!("/v1/items/{}/content", item_of(&first));
    assert_eq!(researcher.answer(Method::GET, &content).await.body, whole);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stands_for_one_file() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let (researcher, session) = (&study.researcher, study.session.as_str());
    item_of(&announce(researcher, session, (KEY, 5), b"words").await);
    let other = announce(researcher, session, (KEY, 6), b"others").await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "{other:?}");
    assert!(other.problem().to_string().contains("Idempotency-Key"));
    let short = announce(researcher, session, ("key", 5), b"words").await;
    assert_eq!(short.status, StatusCode::BAD_REQUEST, "{short:?}");
    assert_eq!(items(&study).await, 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_begins_anew() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let (researcher, session) = (&study.researcher, study.session.as_str());
    let first = announce(researcher, session, (KEY, 5), b"wor").await;
    let location = first.header("location").expect("a place").to_owned();
    let gone = researcher.tus(Method::DELETE, &location).send().await;
    assert_eq!(gone.expect("answered").status(), StatusCode::NO_CONTENT);
    let again = announce(researcher, session, (KEY, 5), b"words").await;
    assert_ne!(item_of(&again), item_of(&first));
    assert_eq!(offset_of(&again), "5");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_announce_at_once_one_begins() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let (researcher, session) = (&study.researcher, study.session.as_str());
    let whole = vec![7; 200_000];
    let announced = (0..6).map(|_| announce(researcher, session, (KEY, 200_000), &whole));
    let mut answered = 0;
    for answer in futures::future::join_all(announced).await {
        // Whoever came last writes; the others are told to ask where it stands.
        match answer.status {
            StatusCode::CREATED => answered += 1,
            other => assert!(other.is_client_error(), "{answer:?}"),
        }
    }
    assert!(answered > 0);
    let last = announce(researcher, session, (KEY, 200_000), &whole).await;
    item_of(&last);
    assert_eq!(
        items(&study).await,
        usize::from(offset_of(&last) == "200000")
    );
    house.close().await;
}
