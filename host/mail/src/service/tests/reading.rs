//! Import, reading, threads, parts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::error::Reason;
use crate::types::calls::emails::{Content, Copied, Draft, DraftPart, Field, Patch, Texts};
use crate::types::calls::messages::{Digests, Piece};

const NESTED: &str = "From: ann@example.org\r\nSubject: outer\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: text/plain\r\n\r\nlook\r\n\
    --o\r\nContent-Type: message/rfc822\r\n\r\nFrom: cay@example.org\r\nSubject: inner\r\n\
    Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\nContent-Type: text/plain\r\n\r\ninner text\r\n\
    --i\r\nContent-Type: application/x-any; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n\
    aGVsbG8gd29ybGQ=\r\n--i--\r\n--o--\r\n";

fn everything() -> Detail {
    Detail {
        all_headers: true,
        structure: true,
        part_headers: true,
        texts: Texts {
            all: true,
            ..Texts::default()
        },
        max_text_bytes: 0,
    }
}

#[tokio::test]
async fn what_is_imported_is_read_and_threaded() {
    let world = World::new().await;
    let ann = world.ann;
    let first = world.import(ann, "inbox", &message("one", "1", "")).await;
    let answer = message("Re: one", "2", "In-Reply-To: <1@example.org>\r\n");
    let second = world.import(ann, "archive", &answer).await;
    assert_eq!(first.thread, second.thread);

    let text = ann.to_string();
    let ids = vec![
        first.id.to_string(),
        "no id".to_owned(),
        second.id.to_string(),
    ];
    let (emails, _) = world
        .mail
        .emails(ann, &text, ids, everything())
        .await
        .unwrap();
    assert_eq!(emails.len(), 2);
    assert_eq!(emails[1].texts[0].value, "Hello Re: one.\n");
    assert_eq!(emails[1].keywords, ["$seen"]);
    assert_eq!(emails[1].headers.len(), 5);
    let blob = emails[1].blob_id.to_string();
    assert_eq!(world.bytes(ann, &blob).await.unwrap(), answer.as_bytes());

    let threads = vec![first.thread.to_string()];
    let (threads, _) = world.mail.threads(ann, &text, threads).await.unwrap();
    assert_eq!(threads[0].emails, [first.id, second.id]);
}

#[tokio::test]
async fn lists_read_no_message() {
    let world = World::new().await;
    let made = world
        .import(world.ann, "inbox", &message("one", "1", ""))
        .await;
    std::fs::remove_dir_all(world.dir.path().join("blobs")).unwrap();
    let text = world.ann.to_string();
    let get = async |detail| {
        let ids = vec![made.id.to_string()];
        world.mail.emails(world.ann, &text, ids, detail).await
    };
    let (emails, _) = get(Detail::default()).await.unwrap();
    assert_eq!(emails[0].preview, "Hello one.");
    assert!(get(everything()).await.is_err());
}

#[tokio::test]
async fn bare_line_feeds_become_line_breaks_and_what_is_no_message_is_refused() {
    let world = World::new().await;
    let ann = world.ann;
    let unix = message("one", "1", "").replace("\r\n", "\n");
    let made = world.import(ann, "inbox", &unix).await;
    let kept = world.bytes(ann, &made.blob.to_string()).await.unwrap();
    assert_eq!(kept, message("one", "1", "").as_bytes());

    let text = ann.to_string();
    let upload = world
        .mail
        .upload(ann, &text, whole("\r\n\r\nno header"))
        .await
        .unwrap();
    let mailboxes = vec![world.mailbox(ann, "inbox").await];
    let import = |blob_id: String, mailboxes: Vec<String>| {
        Edit::Import(Message {
            blob_id,
            mailboxes,
            keywords: Vec::new(),
            received_us: None,
        })
    };
    let edits = vec![
        import(upload.id.to_string(), mailboxes.clone()),
        import(format!("b{}", "0".repeat(64)), mailboxes),
        import(made.blob.to_string(), vec!["none".to_owned()]),
        import(made.blob.to_string(), Vec::new()),
    ];
    let edited = world
        .mail
        .set_emails(ann, &text, None, edits)
        .await
        .unwrap();
    let reasons: Vec<_> = edited
        .items
        .into_iter()
        .map(|item| item.unwrap_err().reason)
        .collect();
    assert_eq!(
        reasons,
        [
            Reason::InvalidEmail,
            Reason::BlobNotFound,
            Reason::InvalidProperties,
            Reason::InvalidProperties
        ]
    );
    assert_eq!(edited.old_state, edited.new_state);
}

#[tokio::test]
async fn an_operator_s_messages_are_taken_in_their_order_and_answered_one_by_one() {
    let world = World::new().await;
    let mailbox: crate::types::MailboxId = world.mailbox(world.ann, "inbox").await.parse().unwrap();
    let import = |bytes: String| crate::service::Import {
        bytes: bytes.into_bytes(),
        mailboxes: vec![mailbox],
        keywords: Vec::new(),
        received_us: None,
    };
    // More than are kept at once; one of them twice, and in their midst one that is no message.
    let numbers: Vec<u32> = [0].into_iter().chain(0..40).collect();
    let text = |number: &u32| message(&number.to_string(), &number.to_string(), "");
    let mut imports: Vec<_> = numbers.iter().map(|number| import(text(number))).collect();
    imports.insert(7, import("\r\n\r\nno header".to_owned()));
    let mut taken = world.mail.import_all(world.ann, imports).await.unwrap();
    assert_eq!(taken.remove(7).unwrap_err().reason, Reason::InvalidEmail);
    let blobs: Vec<crate::types::BlobId> = taken
        .into_iter()
        .map(|made| made.unwrap().blob.into())
        .collect();
    assert_eq!(blobs.len(), numbers.len());
    for (number, blob) in numbers.iter().zip(&blobs) {
        let kept = world.bytes(world.ann, &blob.to_string()).await.unwrap();
        assert_eq!(kept, text(number).as_bytes());
    }
    let emails = world.emails_in(world.ann, "inbox").await;
    let kept: Vec<_> = emails.into_iter().map(|email| email.blob_id).collect();
    assert_eq!(kept, blobs);
}

#[tokio::test]
async fn parts_of_nested_messages_are_ranges_of_the_whole() {
    let world = World::new().await;
    let (ann, text) = (world.ann, world.ann.to_string());
    let made = world.import(ann, "inbox", NESTED).await;
    let ids = vec![made.id.to_string()];
    let (emails, _) = world
        .mail
        .emails(ann, &text, ids, everything())
        .await
        .unwrap();
    let parts = &emails[0].parts;
    let inner = parts
        .iter()
        .find(|part| part.content_type == "message/rfc822")
        .unwrap();
    let inner = inner.blob_id.clone().unwrap().to_string();

    let blobs = vec![inner.clone(), "p0".to_owned(), made.blob.to_string()];
    let parsed = world
        .mail
        .parse_emails(ann, &text, blobs, everything())
        .await
        .unwrap();
    let email = parsed[0].as_ref().unwrap();
    assert_eq!((email.id, email.blob_id.to_string()), (None, inner));
    assert_eq!(email.texts[0].value, "inner text");
    assert_eq!(parsed[1].as_ref().unwrap_err().reason, Reason::BlobNotFound);
    assert!(parsed[2].is_ok());

    let file = email
        .parts
        .iter()
        .find(|part| part.name.as_deref() == Some("a.bin"))
        .unwrap();
    assert_eq!(file.size, 11);
    let blob = file.blob_id.clone().unwrap().to_string();
    assert_eq!(world.bytes(ann, &blob).await.unwrap(), b"hello world");
    let range = Range {
        offset: 6,
        length: Some(3),
    };
    let (content, bytes) = world.mail.download(ann, &text, &blob, range).await.unwrap();
    assert_eq!((content.length, content.size), (3, 11));
    assert_eq!(collected(bytes).await, b"wor");
    let digests = Digests {
        sha_1: true,
        sha_256: false,
    };
    let found = world
        .mail
        .blobs(ann, &text, vec![blob.clone()], range, true, digests);
    let found = found.await.unwrap();
    assert_eq!(found[0].bytes, b"wor");
    // printf wor | sha1sum
    let sha_1 = hex::encode(found[0].sha_1.as_ref().unwrap());
    assert_eq!(sha_1, "ff9e40da2345dc9ddb3b7d8f2a95cc335dfedaea");
    let uses = world
        .mail
        .lookup_blobs(ann, &text, vec![blob])
        .await
        .unwrap();
    assert_eq!(uses[0].emails, [made.id]);
}

/// Some mail programs encode attached messages (against RFC 2046 §5.2.1): the parts within are still to be had.
#[tokio::test]
async fn parts_of_encoded_messages_take_a_second_step() {
    let world = World::new().await;
    let (ann, text) = (world.ann, world.ann.to_string());
    let encoded = STANDARD.encode(NESTED);
    let outer = format!(
        "From: ann@example.org\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n"
    );
    let made = world.import(ann, "inbox", &outer).await;
    let ids = vec![made.id.to_string()];
    let (emails, _) = world
        .mail
        .emails(ann, &text, ids, everything())
        .await
        .unwrap();
    let attached = emails[0].parts[0].blob_id.clone().unwrap().to_string();
    assert_eq!(
        world.bytes(ann, &attached).await.unwrap(),
        NESTED.as_bytes()
    );
    let parsed = world
        .mail
        .parse_emails(ann, &text, vec![attached], everything())
        .await
        .unwrap();
    let parts = &parsed[0].as_ref().unwrap().parts;
    let inner = parts
        .iter()
        .find(|part| part.content_type == "message/rfc822")
        .unwrap();
    let inner = inner.blob_id.clone().unwrap().to_string();
    let parsed = world
        .mail
        .parse_emails(ann, &text, vec![inner], everything())
        .await
        .unwrap();
    let parts = &parsed[0].as_ref().unwrap().parts;
    let file = parts
        .iter()
        .find(|part| part.name.as_deref() == Some("a.bin"))
        .unwrap();
    let file = file.blob_id.clone().unwrap().to_string();
    assert_eq!(file.matches('-').count(), 6, "{file}");
    assert_eq!(world.bytes(ann, &file).await.unwrap(), b"hello world");
}

#[tokio::test]
async fn drafts_are_made_with_their_attachments() {
    let world = World::new().await;
    let (ann, text) = (world.ann, world.ann.to_string());
    let pieces = vec![
        Piece::Bytes(b"attached ".to_vec()),
        Piece::Bytes(b"bytes".to_vec()),
    ];
    let assembled = world
        .mail
        .assemble_blobs(ann, &text, vec![pieces])
        .await
        .unwrap();
    let blob = assembled[0].as_ref().unwrap().id.to_string();
    let part = |depth, content_type: &str, content| DraftPart {
        depth,
        content_type: content_type.to_owned(),
        charset: None,
        name: None,
        disposition: None,
        cid: None,
        language: Vec::new(),
        location: None,
        headers: Vec::new(),
        content,
    };
    let draft = |blob: String, name: &str| Draft {
        headers: vec![Field {
            name: name.to_owned(),
            value: "draft".to_owned(),
        }],
        parts: vec![
            part(0, "multipart/mixed", Content::Parts),
            part(1, "text/plain", Content::Text("text".to_owned())),
            part(1, "application/x-any", Content::Blob(blob)),
        ],
        mailboxes: Vec::new(),
        keywords: vec!["$draft".to_owned()],
        received_us: None,
    };
    let in_drafts = async |mut draft: Draft| {
        draft.mailboxes = vec![world.mailbox(ann, "drafts").await];
        Edit::Create(draft)
    };
    let edits = vec![
        in_drafts(draft(blob.clone(), "Subject")).await,
        in_drafts(draft(blob.clone(), "Subject\r\nBcc")).await,
        in_drafts(draft(format!("b{}", "1".repeat(64)), "Subject")).await,
    ];
    let edited = world
        .mail
        .set_emails(ann, &text, None, edits)
        .await
        .unwrap();
    let Ok(Done::Made(made)) = edited.items[0] else {
        panic!("{edited:?}");
    };
    let refused = edited.items[1].as_ref().unwrap_err();
    assert_eq!(refused.reason, Reason::InvalidProperties);
    let refused = edited.items[2].as_ref().unwrap_err();
    assert_eq!(refused.reason, Reason::BlobNotFound);
    assert_eq!(refused.subjects, [format!("b{}", "1".repeat(64))]);

    let ids = vec![made.id.to_string()];
    let (emails, _) = world
        .mail
        .emails(ann, &text, ids, everything())
        .await
        .unwrap();
    let names: Vec<_> = emails[0]
        .headers
        .iter()
        .map(|field| field.name.as_str())
        .collect();
    for name in ["Subject", "Date", "Message-ID", "MIME-Version"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    let file = emails[0].parts[2].blob_id.clone().unwrap().to_string();
    assert_eq!(world.bytes(ann, &file).await.unwrap(), b"attached bytes");
}

#[tokio::test]
async fn emails_are_patched_copied_and_destroyed() {
    let world = World::new().await;
    let (ann, text) = (world.ann, world.ann.to_string());
    let made = world.import(ann, "inbox", &message("one", "1", "")).await;
    let patch = Patch {
        id: made.id.to_string(),
        add_mailboxes: vec![world.mailbox(ann, "archive").await],
        remove_mailboxes: vec![world.mailbox(ann, "inbox").await],
        add_keywords: vec!["$Flagged".to_owned()],
        remove_keywords: vec!["$SEEN".to_owned()],
        ..Patch::default()
    };
    let unknown = Patch {
        id: "e-".to_owned(),
        ..patch.clone()
    };
    let edits = vec![Edit::Update(unknown), Edit::Update(patch)];
    let edited = world
        .mail
        .set_emails(ann, &text, None, edits)
        .await
        .unwrap();
    assert_eq!(
        edited.items[0].as_ref().unwrap_err().reason,
        Reason::NotFound
    );
    assert_eq!(edited.items[1], Ok(Done::Changed(made.id)));
    let archived = world.emails_in(ann, "archive").await;
    assert_eq!(archived[0].keywords, ["$flagged"]);
    assert!(world.emails_in(ann, "inbox").await.is_empty());

    let access = Some(crate::store::Access { read_only: false });
    world
        .mail
        .store
        .share(world.bob, ann, access)
        .await
        .unwrap();
    let copied = Copied {
        from_id: made.id.to_string(),
        mailboxes: vec![world.mailbox(world.bob, "inbox").await],
        keywords: None,
        received_us: None,
    };
    let other = world.bob.to_string();
    let wrong_state = Some(edited.new_state + 1);
    let stale = world
        .mail
        .copy_emails(ann, &text, &other, wrong_state, None, vec![copied.clone()]);
    assert_eq!(stale.await.unwrap_err(), Error::StateMismatch);
    let copies = world
        .mail
        .copy_emails(ann, &text, &other, None, None, vec![copied]);
    assert!(copies.await.unwrap().items[0].is_ok());
    assert_eq!(
        world.emails_in(world.bob, "inbox").await[0].keywords,
        ["$flagged"]
    );

    let edits = vec![Edit::Destroy(made.id.to_string())];
    let edited = world
        .mail
        .set_emails(ann, &text, None, edits)
        .await
        .unwrap();
    assert_eq!(edited.items, [Ok(Done::Destroyed(made.id))]);
}

#[tokio::test]
async fn an_upload_of_50_mb_is_kept_and_more_is_refused() {
    use crate::types::calls::messages::UPLOAD_MAX_BYTES;

    let world = World::new().await;
    let (ann, text) = (world.ann, world.ann.to_string());
    let piece = Bytes::from(vec![b'x'; 1_000_000]);
    let pieces = |count: u64| {
        let piece = piece.clone();
        stream::iter((0..count).map(move |_| Ok(piece.clone()))).boxed()
    };
    let upload = world.mail.upload(ann, &text, pieces(50)).await.unwrap();
    assert_eq!(upload.size, UPLOAD_MAX_BYTES);
    // More is not even read to its end.
    let refused = world.mail.upload(ann, &text, pieces(u64::MAX)).await;
    assert_eq!(refused, Err(Error::TooLarge(UPLOAD_MAX_BYTES)));
    let broken = stream::iter([Ok(piece), Err(std::io::Error::other("gone"))]).boxed();
    let refused = world.mail.upload(ann, &text, broken).await;
    assert!(matches!(refused, Err(Error::InvalidArguments(_))));
}

#[tokio::test]
async fn uploads_go_after_a_day_and_their_bytes_after_them() {
    let world = World::new().await;
    let (ann, text) = (world.ann, world.ann.to_string());
    let upload = world.mail.upload(ann, &text, whole("bytes")).await.unwrap();
    let blob = upload.id.to_string();
    assert_eq!(world.mail.collect(10).await, Ok(0));
    assert_eq!(world.bytes(ann, &blob).await.unwrap(), b"bytes");
    world.clock.advance_us(US_PER_DAY + US_PER_S);
    assert_eq!(world.bytes(ann, &blob).await, Err(Error::NotFound));
    while world
        .mail
        .store
        .sweep(world.mail.now_us(), 100)
        .await
        .unwrap()
        > 0
    {}
    world.clock.advance_us(US_PER_DAY);
    assert_eq!(world.mail.collect(10).await, Ok(1));
    let again = world.mail.upload(ann, &text, whole("bytes")).await.unwrap();
    assert_eq!(again, upload);
    assert_eq!(world.bytes(ann, &blob).await.unwrap(), b"bytes");
}
