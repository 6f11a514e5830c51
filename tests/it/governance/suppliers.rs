//! Suppliers and automatic tools: what they are given, until when, and what they owe at the end.

use std::pin::pin;

use futures::StreamExt as _;
use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan as _};
use strongroom::access::acts;
use strongroom::entropy::SystemEntropy;
use strongroom::id::{AssignmentId, ItemId, StudyId, SupplierId};
use strongroom::index::tables;
use strongroom::model::supplier::Shortcoming;
use strongroom::model::{Kind, Permission, Purpose, Role};
use strongroom::work::assigned::{self, AssignmentSeen};
use strongroom::work::{WorkError, deposit, inspect, retrieve, supply, transcript};

use super::blind::found_another;
use super::outputs::{text, told};
use crate::support::house::{House, Pass, noise};

impl House {
    async fn give(
        &self,
        item: ItemId,
        to: SupplierId,
        purpose: Purpose,
        until: Date,
    ) -> Result<AssignmentId, WorkError> {
        let lead = &self.staff.lead;
        let grant = self.admit::<acts::AssignItem>(lead, (item, to)).await?;
        supply::assign(&self.service, grant, purpose, until).await
    }

    async fn tool(&self, name: &str, automatic: bool) -> Result<SupplierId, WorkError> {
        let grant = self
            .admit::<acts::ManageSuppliers>(&self.staff.admin, ())
            .await?;
        let signed = self.service.today();
        supply::approve(&self.service, grant, text(name), signed, automatic, None).await
    }

    /// Approves a supplier for some controllers only.
    async fn approve_for(&self, name: &str, controllers: &[&str]) -> Result<SupplierId, WorkError> {
        let admin = &self.staff.admin;
        let grant = self.admit::<acts::ManageSuppliers>(admin, ()).await?;
        let controllers = controllers.iter().map(|name| text(name)).collect();
        let (signed, service) = (self.service.today(), &self.service);
        supply::approve(service, grant, text(name), signed, false, Some(controllers)).await
    }

    async fn listed(&self, who: &Pass) -> Vec<String> {
        let rows = inspect::suppliers(&self.service, &self.caller(who)).await;
        let rows = rows.expect("listed");
        let mut names: Vec<_> = rows
            .iter()
            .map(|row| row.supplier.name.to_string())
            .collect();
        names.sort_unstable();
        names
    }

    async fn assigned(&self, who: &Pass, outstanding: bool) -> Vec<AssignmentSeen> {
        let caller = self.caller(who);
        let rows = assigned::assignments(&self.service, &caller, None, outstanding).await;
        rows.expect("listed")
    }

    async fn confirm(&self, who: &Pass, assignment: AssignmentId) -> Result<(), WorkError> {
        let grant = self
            .admit::<acts::ConfirmDestruction>(who, assignment)
            .await?;
        supply::confirm_destroyed(&self.service, grant).await
    }

    async fn bring(&self, who: &Pass, recording: ItemId) -> Result<ItemId, WorkError> {
        let session = self.row(recording).session.expect("a session");
        let on = (session, Kind::Transcript);
        let grant = self.admit::<acts::DepositItem>(who, on).await?;
        let begun = deposit::begin(
            &self.service,
            grant,
            deposit::Announced::new(4, Kind::Transcript, None),
        )
        .await?;
        let body = futures::stream::iter([Ok::<_, std::convert::Infallible>("said".into())]);
        let caller = self.caller(who);
        deposit::write(&self.service, &caller, begun.upload, 0, body, None).await?;
        Ok(begun.item)
    }
}

/// Why each is over, for the team.
fn over(rows: &[AssignmentSeen]) -> Vec<Option<&'static str>> {
    rows.iter()
        .map(|row| row.over.map(assigned::Over::name))
        .collect()
}

#[tokio::test]
async fn r28_each_purpose_has_its_permission() {
    let house = House::new().await;
    let today = house.service.today();
    let (people, _) = house.supplier(today).await;
    let tool = house.tool("Speechmill", true).await.expect("registered");
    let (her, hers) = house.interview("Agnes", b"hers").await;
    for (supplier, purpose, missing) in [
        (people, Purpose::Transcription, Permission::Transcript),
        (people, Purpose::Translation, Permission::Supplier),
        (people, Purpose::Analysis, Permission::Supplier),
        (people, Purpose::Research, Permission::Supplier),
        (tool, Purpose::Transcription, Permission::Transcript),
        (tool, Purpose::Transcription, Permission::Automatic),
        (tool, Purpose::Analysis, Permission::Automatic),
    ] {
        house.permit_all_but(her, &[missing]);
        let refused = told(house.give(hers, supplier, purpose, today).await);
        assert!(
            refused.contains(&format!("`{missing}`")),
            "{purpose}: {refused}"
        );
        assert!(refused.contains(&her.to_string()), "{refused}");
    }
    house.permit_all_but(her, &[Permission::Supplier, Permission::Automatic]);
    let given = house
        .give(hers, people, Purpose::Transcription, today)
        .await;
    given.expect("people transcribe with leave to transcribe");
    house.permit_all_but(her, &[Permission::Supplier]);
    let given = house.give(hers, tool, Purpose::Transcription, today).await;
    given.expect("a tool with leave for tools");
}

/// What is permitted no longer is not read any more either.
#[tokio::test]
async fn r28_a_supplier_reads_while_the_purpose_is_permitted() {
    let house = House::new().await;
    let today = house.service.today();
    let (supplier, transcriber) = house.supplier(today).await;
    let (her, hers) = house.interview("Agnes", b"hers").await;
    let (_, other) = house.interview("Basil", b"his").await;
    house.assign(hers, supplier, today).await;
    assert_eq!(
        house.fetch_as(&transcriber, hers).await.expect("opens"),
        b"hers"
    );
    let refused = house.fetch_as(&transcriber, other).await;
    assert!(matches!(refused, Err(WorkError::NoSuchThing)));
    house.permit_all_but(her, &[Permission::Transcript]);
    let refused = house.fetch_as(&transcriber, hers).await;
    assert!(matches!(refused, Err(WorkError::NoSuchThing)));
    // The team still may: she permits the recording.
    assert_eq!(house.fetch(hers).await.expect("opens"), b"hers");
}

#[tokio::test]
async fn r30_tools_are_registered_like_suppliers() {
    let house = House::new().await;
    let tool = house.tool("Speechmill", true).await.expect("registered");
    assert_eq!(
        house.tool("Speechmill", true).await.expect("refreshed"),
        tool
    );
    assert!(told(house.tool("Speechmill", false).await).contains("--automatic"));
    let (_, hers) = house.interview("Agnes", b"hers").await;
    let today = house.service.today();
    let remove = async || {
        let admin = &house.staff.admin;
        let grant = house.admit::<acts::ManageSuppliers>(admin, ()).await?;
        supply::remove(&house.service, grant, tool).await
    };
    remove().await.expect("off the list");
    assert!(told(remove().await).contains("already"));
    let refused = told(house.give(hers, tool, Purpose::Transcription, today).await);
    assert!(refused.contains("approved list"), "{refused}");
}

/// A contract ends at midnight in London, in the middle of a download too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r29_a_contract_that_lapses_ends_a_download() {
    let house = House::new().await;
    let (_, hers) = house.interview("Agnes", &noise(6 << 20, 1)).await;
    // Eleven at night on the contract's last day.
    house.world.time().advance(SignedDuration::from_hours(11));
    let today = house.service.today();
    let signed = today.saturating_sub(1.year()).saturating_add(1.day());
    let (supplier, transcriber) = house.supplier(signed).await;
    let too_long = house.give(
        hers,
        supplier,
        Purpose::Transcription,
        today.saturating_add(1.day()),
    );
    assert!(told(too_long.await).contains("refresh the contract"));
    house.assign(hers, supplier, today).await;
    let grant = house.admit::<acts::OpenItem>(&transcriber, hers).await;
    let plain = retrieve::open(&house.service, grant.expect("granted"), None).await;
    let mut body = pin!(plain.expect("opens").body);
    body.next().await.expect("more").expect("bytes");
    house.world.time().advance(SignedDuration::from_hours(1));
    let mut after = 0;
    while let Some(piece) = body.next().await {
        match piece {
            // What was opened before the hour struck.
            Ok(piece) => after += piece.len(),
            Err(error) => {
                assert!(matches!(error, WorkError::NoSuchThing), "{error:?}");
                assert!(after < 6 << 20);
                let refused = house.fetch_as(&transcriber, hers).await;
                assert!(matches!(refused, Err(WorkError::NoSuchThing)));
                return;
            }
        }
    }
    panic!("it went on as if the contract ran");
}

#[tokio::test]
async fn r28_a_transcript_is_sent_back_brought_again_and_accepted() {
    let house = House::new().await;
    let today = house.service.today();
    let (supplier, transcriber) = house.supplier(today).await;
    let (_, hers) = house.interview("Agnes", b"hers").await;
    let assignment = house.assign(hers, supplier, today).await;
    let lead = &house.staff.lead;
    let send_back = async || {
        let known = house
            .admit::<acts::ReadAssignment>(lead, assignment)
            .await?;
        let grant = house.admit::<acts::AcceptTranscript>(lead, hers).await?;
        transcript::send_back(&house.service, known, grant, Shortcoming::Incomplete).await
    };
    assert!(told(send_back().await).contains("nothing was brought yet"));
    house.bring(&transcriber, hers).await.expect("brought");
    send_back().await.expect("sent back");
    assert!(told(send_back().await).contains("sent back already"));
    let again = house
        .bring(&transcriber, hers)
        .await
        .expect("brought again");
    let grant = house.admit::<acts::AcceptTranscript>(lead, hers).await;
    transcript::accept(&house.service, grant.expect("granted"), again)
        .await
        .expect("accepted");
    // Accepted, it is over: nothing is fetched, and nothing brought any more.
    let refused = house.fetch_as(&transcriber, hers).await;
    assert!(matches!(refused, Err(WorkError::NoSuchThing)));
    assert!(house.bring(&transcriber, hers).await.is_err());
    assert!(told(send_back().await).contains("accepted already"));
    assert_eq!(over(&house.assigned(lead, true).await), [Some("accepted")]);
    house
        .confirm(&transcriber, assignment)
        .await
        .expect("confirmed");
    assert!(house.assigned(lead, true).await.is_empty());
    assert_eq!(house.assigned(&transcriber, false).await.len(), 1);
}

/// Whoever owes the word that copies are destroyed is listed, whichever way it ended.
#[tokio::test]
async fn r29_outstanding_confirmations_are_listed() {
    let mut house = House::new().await;
    let today = house.service.today();
    let (supplier, mut transcriber) = house.supplier(today).await;
    let mut items = Vec::new();
    for name in ["Agnes", "Basil", "Cecily", "Daphne"] {
        items.push(house.interview(name, b"words").await);
    }
    let until = today.saturating_add(20.days());
    let ended = house.assign(items[0].1, supplier, until).await;
    house.assign(items[1].1, supplier, today).await;
    let erased = house.assign(items[2].1, supplier, until).await;
    let running = house.assign(items[3].1, supplier, until).await;
    let lead = house.staff.lead.clone();
    let refused = told(house.confirm(&transcriber, running).await);
    assert!(refused.contains("still runs"), "{refused}");
    let grant = house.admit::<acts::EndAssignment>(&lead, ended).await;
    supply::end(&house.service, grant.expect("granted"))
        .await
        .expect("ended");
    house.erase(items[2].0).await;
    house.later(1);
    house.log_in(&mut transcriber);
    let lead = house.staff.lead.clone();
    let mut reasons = over(&house.assigned(&lead, true).await);
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [Some("ended"), Some("expired"), Some("item-erased")]
    );
    // The supplier is told that it is over, and not why.
    let theirs = house.assigned(&transcriber, true).await;
    assert_eq!(over(&theirs), [Some("over"); 3]);
    house
        .confirm(&transcriber, erased)
        .await
        .expect("confirmed");
    assert!(told(house.confirm(&transcriber, erased).await).contains("already"));
    assert_eq!(house.assigned(&lead, true).await.len(), 2);
    // Off the list, it owes for what was running as well.
    let grant = house
        .admit::<acts::ManageSuppliers>(&house.staff.admin, ())
        .await;
    supply::remove(&house.service, grant.expect("granted"), supplier)
        .await
        .expect("removed");
    let reasons = over(&house.assigned(&lead, true).await);
    assert!(reasons.contains(&Some("supplier-removed")), "{reasons:?}");
    // A colleague of another supplier knows of none of it.
    let other = house.tool("Other", false).await.expect("approved");
    let stranger = house.transcriber_of(other).await;
    assert!(house.assigned(&stranger, false).await.is_empty());
    let refused = house.confirm(&stranger, running).await;
    assert!(matches!(refused, Err(WorkError::NoSuchThing)));
}

/// To a supplier, a withdrawal looks like an assignment that was taken back.
#[tokio::test]
async fn r14_a_supplier_cannot_tell_a_withdrawal_from_an_end() {
    let house = House::new().await;
    let today = house.service.today();
    let (supplier, transcriber) = house.supplier(today).await;
    let (her, hers) = house.interview("Agnes", b"hers").await;
    let (_, his) = house.interview("Basil", b"his").await;
    let withdrawn = house.assign(hers, supplier, today).await;
    let taken_back = house.assign(his, supplier, today).await;
    house.withdraw(her, false).await;
    let grant = house
        .admit::<acts::EndAssignment>(&house.staff.lead, taken_back)
        .await;
    supply::end(&house.service, grant.expect("granted"))
        .await
        .expect("ended");
    let rows = house.assigned(&transcriber, false).await;
    assert_eq!(over(&rows), [Some("over"); 2]);
    for (assignment, item) in [(withdrawn, hers), (taken_back, his)] {
        let fetched = house.fetch_as(&transcriber, item).await;
        assert!(matches!(fetched, Err(WorkError::NoSuchThing)));
        assert!(house.bring(&transcriber, item).await.is_err());
        house
            .confirm(&transcriber, assignment)
            .await
            .expect("confirmed");
    }
}

fn controller_of(house: &House, study: StudyId) -> String {
    let view = house.service.vault().view().expect("the index runs");
    let row = view.reader().get(&tables::STUDIES, &study);
    row.expect("the index runs")
        .expect("a study")
        .controller
        .to_string()
}

/// R50: each controller has a list of its own. Who works for another is not on it, and giving them
/// something is answered as for a supplier that nobody ever approved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r50_a_controller_does_not_see_whom_another_works_with() {
    let mut house = House::new().await;
    let (_, item) = house.interview("Agnes", b"hers").await;
    let first = house.staff.study;
    let ours = controller_of(&house, first);
    let lead = house.staff.lead.clone();
    house.staff.lead = house.invite(Role::StudyLead).await;
    house.staff.study = found_another(&house).await;
    let other_lead = house.staff.lead.clone();
    house.staff.lead = lead.clone();
    house.staff.study = first;

    let theirs = house.approve_for("Quiet Words", &["Another department"]);
    let theirs = theirs.await.expect("approved");
    let of_ours = [ours.as_str()];
    let mine = house.approve_for("McGowan Transcriptions", &of_ours);
    let mine = mine.await.expect("approved");
    let everybodys = house.tool("Open Ears", false).await.expect("approved");
    assert_eq!(
        house.listed(&lead).await,
        ["McGowan Transcriptions", "Open Ears"]
    );
    assert_eq!(
        house.listed(&other_lead).await,
        ["Open Ears", "Quiet Words"]
    );
    let keepers = [&house.staff.admin, &house.staff.governance];
    for keeper in keepers {
        assert_eq!(house.listed(keeper).await.len(), 3);
    }
    assert!(
        house
            .listed(&house.invite(Role::Commissioner).await)
            .await
            .is_empty()
    );

    let until = house.service.today();
    let unknown = SupplierId::random(&SystemEntropy::new()).expect("entropy");
    let refused = async |to| told(house.give(item, to, Purpose::Transcription, until).await);
    assert_eq!(refused(theirs).await, refused(unknown).await);
    let given = house
        .give(item, mine, Purpose::Transcription, until)
        .await
        .expect("given");
    house
        .give(item, everybodys, Purpose::Transcription, until)
        .await
        .expect("given");

    // Kept to the other controller, it reaches what it was given no more, that very moment.
    let transcriber = house.transcriber_of(mine).await;
    house
        .admit::<acts::OpenItem>(&transcriber, item)
        .await
        .expect("opens");
    let again = house.approve_for("McGowan Transcriptions", &["Another department"]);
    assert_eq!(again.await.expect("approved"), mine);
    let refused = house.admit::<acts::OpenItem>(&transcriber, item).await;
    assert!(matches!(refused, Err(WorkError::NoSuchThing)));
    let rows = house.assigned(&lead, false).await;
    let row = rows
        .iter()
        .find(|row| row.assignment.id == given)
        .expect("listed");
    assert_eq!(row.over.map(assigned::Over::name), Some("supplier-removed"));
    // A refreshed contract changes nothing about whom it may work for.
    house
        .tool("McGowan Transcriptions", false)
        .await
        .expect("refreshed");
    assert!(
        !house
            .listed(&lead)
            .await
            .contains(&"McGowan Transcriptions".to_owned())
    );

    let mistyped = house
        .approve_for("Loud Words", &["Another departmint"])
        .await;
    assert_eq!(
        told(mistyped),
        "no study has the controller Another departmint; give the name as it stands in the study, or create the study first"
    );
}
