//! Proofs and checkpoints, checked with the libraries that others use.

use signed_note::{Note, StandardVerifier, VerifierList};
use strongroom::journal::{
    Anchor, Consistency, Error, Inclusion, NoteSigner, NoteVerifier, verify_checkpoint,
    verify_tlog_proof,
};
use strongroom::secret::Key;
use tlog_tiles::{Checkpoint, Hash, check_record, check_tree, record_hash};

use super::Place;

#[test]
fn proofs_verify_with_tlog_and_not_when_altered() {
    let place = Place::new();
    let journal = place.create();
    for n in 0..40_u8 {
        journal.append(&[n], &[n; 3]).expect("writes");
    }
    let anchors: Vec<_> = (0..=40)
        .map(|n| journal.anchor_at(n).expect("has it"))
        .collect();
    let hashes = |path: &[[u8; 32]]| path.iter().copied().map(Hash).collect::<Vec<_>>();
    for size in 1..=40 {
        let anchor = anchors[size as usize];
        for position in 0..size {
            let leaf = journal.get(position).expect("reads").leaf;
            let proof = journal.prove_inclusion(position, size).expect("proves");
            let (path, root) = (hashes(&proof.path), Hash(anchor.root));
            check_record(&path, size, root, position, record_hash(&leaf)).expect("tlog agrees");
            proof.verify(&leaf, &anchor).expect("verifies");
            assert!(proof.verify(b"another leaf", &anchor).is_err());
            let mut moved = proof.clone();
            moved.position = (position + 1) % (size + 1);
            assert!(moved.verify(&leaf, &anchor).is_err());
            for place in 0..proof.path.len() {
                let mut altered = proof.clone();
                altered.path[place][0] ^= 1;
                assert!(altered.verify(&leaf, &anchor).is_err());
            }
        }
        for old in 1..=size {
            let proof = journal.prove_consistency(old, size).expect("proves");
            let from = anchors[old as usize];
            let (path, roots) = (hashes(&proof.path), [anchor, from].map(|a| Hash(a.root)));
            check_tree(&path, size, roots[0], old, roots[1]).expect("tlog agrees");
            proof.verify(&from, &anchor).expect("verifies");
            let forged = Anchor {
                root: [1; 32],
                ..from
            };
            assert!(proof.verify(&forged, &anchor).is_err());
        }
    }
    for (from, size) in [(40, 40), (0, 41), (u64::MAX, u64::MAX), (0, 0)] {
        let refused = journal.prove_inclusion(from, size);
        assert!(
            matches!(refused, Err(Error::NoSuchProof { .. })),
            "{from} {size}"
        );
    }
    for (old, size) in [(0, 5), (6, 5), (1, 41), (u64::MAX, u64::MAX)] {
        let refused = journal.prove_consistency(old, size);
        assert!(
            matches!(refused, Err(Error::NoSuchProof { .. })),
            "{old} {size}"
        );
    }
}

#[test]
fn proofs_in_text_are_read_back() {
    let place = Place::new();
    let (anchor, _) = place.filled(&[5]);
    let journal = place.open().0;
    let proof = journal.prove_inclusion(2, 5).expect("proves");
    let text = serde_json::to_string(&proof).expect("json");
    let read: Inclusion = serde_json::from_str(&text).expect("json");
    assert_eq!(read, proof);
    let long = Inclusion {
        position: 2,
        path: vec![[0; 32]; 100_000],
    };
    assert!(matches!(
        long.verify(b"", &anchor),
        Err(Error::ProofRefused)
    ));
    let text = serde_json::to_string(&journal.prove_consistency(2, 5).expect("proves"));
    let read: Consistency = serde_json::from_str(&text.expect("json")).expect("json");
    read.verify(&journal.anchor_at(2).expect("has two"), &anchor)
        .expect("verifies");
    let empty = Consistency { path: Vec::new() };
    empty
        .verify(&Anchor::EMPTY, &anchor)
        .expect("every tree begins with the empty one");
}

#[test]
fn a_checkpoint_is_what_others_read() {
    let place = Place::new();
    let (anchor, _) = place.filled(&[5]);
    let (journal, signer) = (place.open().0, place.signer());
    let note = journal.checkpoint(&signer).expect("signs");

    let known = StandardVerifier::new(&signer.verifier_key()).expect("a key");
    let parsed = Note::from_bytes(note.as_bytes()).expect("a note");
    parsed
        .verify(&VerifierList::new(vec![Box::new(known)]))
        .expect("verifies");
    let checkpoint = Checkpoint::from_bytes(parsed.text()).expect("a checkpoint");
    assert_eq!(checkpoint.origin(), format!("strongroom/{}", place.vault));
    assert_eq!(
        (checkpoint.size(), checkpoint.hash().0),
        (anchor.size, anchor.root)
    );

    let verifier = NoteVerifier::parse(&signer.verifier_key()).expect("a key");
    assert_eq!(
        verify_checkpoint(&note, &verifier).expect("verifies"),
        anchor
    );
    let forged = note.replacen("\n5\n", "\n4\n", 1);
    assert!(matches!(
        verify_checkpoint(&forged, &verifier),
        Err(Error::BadSignature(_))
    ));
    let no_checkpoint = signer.sign("certificate of something\n").expect("signs");
    assert!(matches!(
        verify_checkpoint(&no_checkpoint, &verifier),
        Err(Error::NotACheckpoint(_))
    ));
    let seed = Key::from_slice(&[3; 32]).expect("32 bytes");
    let stranger = NoteSigner::from_seed("somebody", seed).expect("a name");
    assert!(matches!(
        journal.checkpoint(&stranger),
        Err(Error::WrongSigner(_))
    ));
}

#[test]
fn evidence_stands_on_its_own() {
    let place = Place::new();
    let (anchor, written) = place.filled(&[3, 4]);
    let (journal, signer) = (place.open().0, place.signer());
    let verifier = signer.verifier();
    for position in 0..7 {
        let evidence = journal.evidence(position, &signer).expect("proves");
        let checked = verify_tlog_proof(&evidence.proof, &evidence.leaf, &verifier);
        assert_eq!(checked.expect("verifies"), (position, anchor));
        let public = &written[position as usize].0;
        assert!(
            evidence
                .leaf
                .windows(public.len())
                .any(|window| window == public)
        );
        assert!(evidence.proof.starts_with("c2sp.org/tlog-proof@v1\nindex "));
        let other = journal
            .evidence((position + 1) % 7, &signer)
            .expect("proves")
            .leaf;
        assert!(matches!(
            verify_tlog_proof(&evidence.proof, &other, &verifier),
            Err(Error::ProofRefused)
        ));
        let with_extra = evidence.proof.replacen("\nindex", "\nextra AAAA\nindex", 1);
        verify_tlog_proof(&with_extra, &evidence.leaf, &verifier).expect("extra data are allowed");
    }
    let evidence = journal.evidence(0, &signer).expect("proves");
    for text in [
        "",
        "c2sp.org/tlog-proof@v1\nindex 00\n\n",
        "c2sp.org/tlog-proof@v2\nindex 0\n\n",
    ] {
        let refused = verify_tlog_proof(text, &evidence.leaf, &verifier);
        assert!(matches!(refused, Err(Error::MalformedProof)), "{text:?}");
    }
    journal.append(b"", b"not durable yet").expect("writes");
    assert!(matches!(
        journal.evidence(7, &signer),
        Err(Error::NoSuchProof { .. })
    ));
    journal.durable_blocking(7).expect("durable");
    journal.evidence(7, &signer).expect("proves");
}
