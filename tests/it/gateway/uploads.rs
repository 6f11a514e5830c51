//! Uploads, as any tus 1.0 client would make them.

use base64::prelude::{BASE64_STANDARD, Engine};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

use strongroom::limits::UNFINISHED_UPLOADS_MAX;

use crate::support::gateway::{Answer, CHUNK, House, Person, Study, metadata, text};

fn header(headers: &HeaderMap, name: &str) -> String {
    let value = headers
        .get(name)
        .unwrap_or_else(|| panic!("no {name} in {headers:?}"));
    value.to_str().expect("text").to_owned()
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place * 31 % 251) as u8).collect()
}

/// Begins an upload and gives where it is.
async fn begin(study: &Study, length: usize) -> (String, String) {
    let begun = study
        .researcher
        .begin(&study.session, "audio", "interview.wav", length);
    let begun = begun.send().await.expect("answered");
    assert_eq!(begun.status(), StatusCode::CREATED);
    let headers = begun.headers();
    assert_eq!(header(headers, "tus-resumable"), "1.0.0");
    assert!(header(headers, "upload-expires").ends_with(" GMT"));
    (
        header(headers, LOCATION.as_str()),
        header(headers, "strongroom-item"),
    )
}

async fn patch(person: &Person, path: &str, offset: usize, piece: &[u8]) -> Answer {
    let request = person.tus(Method::PATCH, path);
    let request = request
        .header(CONTENT_TYPE, CHUNK)
        .header("Upload-Offset", offset);
    Answer::of(request.body(piece.to_vec()).send().await.expect("answered")).await
}

async fn offset(person: &Person, path: &str) -> usize {
    let answer = person
        .tus(Method::HEAD, path)
        .send()
        .await
        .expect("answered");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(answer.headers(), "cache-control"), "no-store");
    header(answer.headers(), "upload-offset")
        .parse()
        .expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_what_it_can_do() {
    let house = House::open().await;
    let answer = house
        .ask(Method::OPTIONS, "/v1/uploads")
        .send()
        .await
        .expect("answered");
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let headers = answer.headers();
    assert_eq!(header(headers, "tus-version"), "1.0.0");
    for extension in [
        "creation",
        "creation-with-upload",
        "termination",
        "expiration",
        "checksum",
    ] {
        assert!(
            header(headers, "tus-extension")
                .split(',')
                .any(|e| e == extension)
        );
    }
    let algorithms = header(headers, "tus-checksum-algorithm");
    assert_eq!(algorithms, "sha1,sha256");
    assert!(
        header(headers, "tus-max-size")
            .parse::<u64>()
            .expect("a number")
            > 5_000_000_000_000
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_of_any_size_make_the_item() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let whole = bytes(300_001);
    let (path, item) = begin(&study, whole.len()).await;
    let mut sent = 0;
    for size in [1, 65_535, 65_536, 65_537, 3, 100_000, 1_000_000] {
        let piece = &whole[sent..(sent + size).min(whole.len())];
        let answer = patch(&study.researcher, &path, sent, piece).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
        sent += piece.len();
        assert_eq!(
            answer.header("upload-offset"),
            Some(sent.to_string().as_str())
        );
        assert_eq!(answer.header("strongroom-item"), Some(item.as_str()));
        assert_eq!(
            answer.header("upload-expires").is_some(),
            sent < whole.len()
        );
        assert_eq!(offset(&study.researcher, &path).await, sent);
    }
    assert_eq!(sent, whole.len());
    let content = format!("/v1/items/{item}/content");
    let fetched = study.researcher.answer(Method::GET, &content).await;
    assert_eq!(fetched.body, whole);
    let shown = study.lead.get(&format!("/v1/items/{item}")).await;
    assert_eq!(shown["length"], whole.len());
    assert_eq!(shown["file_name"], "interview.wav");
    let listed = study
        .lead
        .get(&format!("/v1/items?session={}", study.session))
        .await;
    assert_eq!(listed[0], shown);
    // A finished upload still says so, and cannot be given up.
    let gone = study
        .researcher
        .tus(Method::DELETE, &path)
        .send()
        .await
        .expect("answered");
    assert_eq!(gone.status(), StatusCode::CONFLICT);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_may_come_with_its_creation() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let whole = bytes(70_000);
    let begun = study
        .researcher
        .begin(&study.session, "notes", "notes.txt", whole.len());
    let begun = begun
        .header(CONTENT_TYPE, CHUNK)
        .body(whole[..50_000].to_vec());
    let begun = begun.send().await.expect("answered");
    assert_eq!(begun.status(), StatusCode::CREATED);
    assert_eq!(header(begun.headers(), "upload-offset"), "50000");
    let path = header(begun.headers(), "location");
    let rest = patch(&study.researcher, &path, 50_000, &whole[50_000..]).await;
    assert_eq!(rest.status, StatusCode::NO_CONTENT);
    let item = rest.header("strongroom-item").expect("an item");
    let fetched = study
        .researcher
        .answer(Method::GET, &format!("/v1/items/{item}/content"))
        .await;
    assert_eq!(fetched.body, whole);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_goes_where_the_upload_stands() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let (path, _) = begin(&study, 1000).await;
    let researcher = &study.researcher;
    for wrong in [1, 999, 1001] {
        let answer = patch(researcher, &path, wrong, &bytes(10)).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        answer.problem();
    }
    assert_eq!(patch(researcher, &path, 0, &bytes(10)).await.status, 204);
    assert_eq!(patch(researcher, &path, 0, &bytes(10)).await.status, 409);
    // More than the length that was declared does not become part of it.
    let too_much = patch(researcher, &path, 10, &bytes(2000)).await;
    assert!(too_much.status.is_client_error(), "{too_much:?}");
    assert!(offset(researcher, &path).await <= 1000);
    // Nobody else's.
    let answer = study
        .lead
        .tus(Method::HEAD, &path)
        .send()
        .await
        .expect("answered");
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert_eq!(patch(&study.lead, &path, 10, &bytes(10)).await.status, 404);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_tus_1_0_is_told_so() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let (path, _) = begin(&study, 10).await;
    let researcher = &study.researcher;
    for version in [None, Some("0.2.2"), Some("2.0.0")] {
        for method in [Method::HEAD, Method::PATCH, Method::DELETE] {
            let mut asked = researcher.ask(method, &path);
            if let Some(version) = version {
                asked = asked.header("Tus-Resumable", version);
            }
            let answer = asked.send().await.expect("answered");
            assert_eq!(answer.status(), StatusCode::PRECONDITION_FAILED);
            assert_eq!(header(answer.headers(), "tus-version"), "1.0.0");
        }
    }
    let media = researcher
        .tus(Method::PATCH, &path)
        .header("Upload-Offset", 0);
    let answer = media
        .header(CONTENT_TYPE, "text/plain")
        .body("x")
        .send()
        .await;
    assert_eq!(
        answer.expect("answered").status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    let nowhere = researcher
        .tus(Method::PATCH, &path)
        .header(CONTENT_TYPE, CHUNK)
        .body("x");
    assert_eq!(
        nowhere.send().await.expect("answered").status(),
        StatusCode::BAD_REQUEST
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn creations_that_make_no_sense_are_refused() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let good = metadata(&study.session, "audio", "a.wav");
    let of = |name: &str| metadata(&study.session, "audio", name);
    for (length, metadata, status) in [
        (Some("0"), &good, 422),
        (None, &good, 400),
        (Some("x"), &good, 400),
        (Some("99999999999999"), &good, 413),
        (Some("1"), &String::new(), 400),
        (
            Some("1"),
            &metadata("ses-0000000000000001Z", "audio", "a"),
            400,
        ),
        (Some("1"), &metadata(&study.session, "smell", "a"), 400),
        (Some("1"), &of("a\0b"), 400),
        (Some("1"), &of("a\r\nSet-Cookie: b"), 400),
        (Some("1"), &of("a\u{202e}b"), 400),
        (Some("1"), &of(".."), 400),
    ] {
        let mut asked = study.researcher.tus(Method::POST, "/v1/uploads");
        asked = asked.header("Upload-Metadata", metadata);
        if let Some(length) = length {
            asked = asked.header("Upload-Length", length);
        }
        let answer = Answer::of(asked.send().await.expect("answered")).await;
        assert_eq!(answer.status, status, "{length:?} {metadata}: {answer:?}");
        answer.problem();
    }
    let deferred = study.researcher.tus(Method::POST, "/v1/uploads");
    let deferred = deferred
        .header("Upload-Defer-Length", 1)
        .header("Upload-Metadata", &good);
    let deferred = Answer::of(deferred.send().await.expect("answered")).await;
    let why = deferred.problem();
    assert!(
        why["detail"]
            .as_str()
            .is_some_and(|d| d.contains("Upload-Length")),
        "{why}"
    );
    // R2: nobody here permitted a photograph.
    let photo = study
        .researcher
        .begin(&study.session, "photo", "a.jpg", 1)
        .send()
        .await;
    assert_eq!(photo.expect("answered").status(), StatusCode::FORBIDDEN);
    // A folder in front of the name is no part of it.
    let named = study
        .researcher
        .upload(&study.session, "audio", "../../etc/passwd", b"x")
        .await;
    let named = study.researcher.get(&format!("/v1/items/{named}")).await;
    assert_eq!(named["file_name"], "passwd");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checksums_are_checked() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let whole = bytes(5000);
    let (path, _) = begin(&study, whole.len()).await;
    let send = async |at: usize, piece: &[u8], checksum: String| {
        let asked = study.researcher.tus(Method::PATCH, &path);
        let asked = asked
            .header(CONTENT_TYPE, CHUNK)
            .header("Upload-Offset", at);
        let asked = asked
            .header("Upload-Checksum", checksum)
            .body(piece.to_vec());
        Answer::of(asked.send().await.expect("answered")).await
    };
    let of = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    let sha1 = |piece: &[u8]| {
        format!(
            "sha1 {}",
            of(digest(&SHA1_FOR_LEGACY_USE_ONLY, piece).as_ref())
        )
    };
    let sha256 = |piece: &[u8]| format!("sha256 {}", of(digest(&SHA256, piece).as_ref()));
    let (first, second) = whole.split_at(2000);
    let wrong = send(0, first, sha256(second)).await;
    assert_eq!(wrong.status.as_u16(), 460);
    assert_eq!(wrong.problem()["type"], "urn:strongroom:checksum");
    assert_eq!(offset(&study.researcher, &path).await, 0);
    for unknown in ["md5 AAAA", "sha1", "sha256 AAAA", "crc32 x"] {
        assert_eq!(
            send(0, first, unknown.to_owned()).await.status,
            400,
            "{unknown}"
        );
    }
    assert_eq!(send(0, first, sha1(first)).await.status, 204);
    assert_eq!(send(2000, second, sha256(second)).await.status, 204);
    assert_eq!(offset(&study.researcher, &path).await, whole.len());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_can_be_given_up() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let (path, item) = begin(&study, 1000).await;
    assert_eq!(
        patch(&study.researcher, &path, 0, &bytes(500)).await.status,
        204
    );
    let gone = study
        .researcher
        .tus(Method::DELETE, &path)
        .send()
        .await
        .expect("answered");
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let after = study
        .researcher
        .tus(Method::HEAD, &path)
        .send()
        .await
        .expect("answered");
    assert_eq!(after.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        patch(&study.researcher, &path, 500, &bytes(500))
            .await
            .status,
        404
    );
    let item = study
        .researcher
        .answer(Method::GET, &format!("/v1/items/{item}"))
        .await;
    assert_eq!(item.status, StatusCode::NOT_FOUND);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_can_be_named_in_a_header() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let (path, _) = begin(&study, 10).await;
    let meant = |method: &str| {
        let asked = study.researcher.tus(Method::POST, &path);
        asked.header("X-HTTP-Method-Override", method)
    };
    let patched = meant("PATCH")
        .header(CONTENT_TYPE, CHUNK)
        .header("Upload-Offset", 0);
    let patched = patched.body(bytes(4)).send().await.expect("answered");
    assert_eq!(patched.status(), StatusCode::NO_CONTENT);
    let shown = meant("HEAD").send().await.expect("answered");
    assert_eq!(shown.status(), StatusCode::OK);
    assert_eq!(header(shown.headers(), "upload-offset"), "4");
    assert_eq!(
        meant("DELETE").send().await.expect("answered").status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        meant("BREW").send().await.expect("answered").status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
    // Only where uploads are: elsewhere a POST is a POST.
    let elsewhere = admin
        .ask(Method::POST, "/v1/people")
        .header("X-HTTP-Method-Override", "GET");
    assert_eq!(
        elsewhere.send().await.expect("answered").status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_leaves_unfinished_uploads_without_end() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let begin = async |who: &Person| {
        let begun = who.begin(&study.session, "audio", "a.wav", 10).send().await;
        Answer::of(begun.expect("answered")).await
    };
    for _ in 0..UNFINISHED_UPLOADS_MAX {
        assert_eq!(begin(&study.researcher).await.status, StatusCode::CREATED);
    }
    let refused = begin(&study.researcher).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(text(&refused.problem(), "detail").contains("give them up"));
    // It is nobody else's affair.
    assert_eq!(begin(&study.lead).await.status, StatusCode::CREATED);
}
