//! The queue, mostly on a disk with faults.

use std::sync::atomic::Ordering;

use tempfile::TempDir;

use super::faulty::Faulty;
use super::format::tests::metadata;
use super::*;

fn limits() -> QueueLimits {
    QueueLimits {
        free_min_octets: 0,
        ..QueueLimits::default()
    }
}

fn open(disk: &Arc<Faulty>) -> Queue {
    Queue::on(Arc::clone(disk) as _, limits()).unwrap()
}

fn octets(number: u128) -> Bytes {
    format!("Subject: {number}\r\n\r\n").into()
}

async fn put(queue: &Queue, number: u128) -> Result<(), QueueError> {
    queue.put(metadata(number), octets(number)).await
}

async fn done(queue: &Queue, id: Uuid) -> Result<(), QueueError> {
    queue.done(vec![id]).await
}

fn numbers(queue: &Queue) -> Vec<u128> {
    let mut numbers: Vec<_> = queue
        .waiting(1_000)
        .iter()
        .map(|it| it.id.as_u128())
        .collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn what_was_kept_survives_and_what_was_torn_is_passed_over() {
    for torn in [0, 1, 30, 100] {
        let disk = Arc::new(Faulty::default());
        let queue = open(&disk);
        for number in 1..=20 {
            put(&queue, number).await.unwrap();
        }
        done(&queue, Uuid::from_u128(3)).await.unwrap();
        // Makes the note durable along with itself.
        put(&queue, 21).await.unwrap();
        done(&queue, Uuid::from_u128(4)).await.unwrap();
        // All is written then; it is not all synced.
        queue.close().await;
        let disk = disk.after_power_loss(torn);
        let queue = open(&disk);
        let mut expected: Vec<u128> = (1..=21).filter(|number| *number != 3).collect();
        if torn >= 40 {
            expected.retain(|number| *number != 4);
        }
        assert_eq!(numbers(&queue), expected, "torn {torn}");
        for number in expected {
            let (read, bytes) = queue.read(Uuid::from_u128(number)).await.unwrap();
            assert_eq!((read.id.as_u128(), bytes), (number, octets(number)));
        }
        put(&queue, 100).await.unwrap();
        let again = open(&disk.after_power_loss(0));
        assert!(numbers(&again).contains(&100));
    }
}

#[tokio::test]
async fn many_share_one_sync() {
    let disk = Arc::new(Faulty::default());
    let queue = open(&disk);
    let puts = (0..500).map(|number| put(&queue, number));
    for kept in futures::future::join_all(puts).await {
        kept.unwrap();
    }
    let syncs = disk.syncs.load(Ordering::Relaxed);
    assert!(syncs <= 250, "{syncs} syncs for 500 messages");
    assert_eq!(queue.size().messages, 500);
}

#[tokio::test]
async fn damage_costs_its_message_alone() {
    let disk = Arc::new(Faulty::default());
    let queue = open(&disk);
    for number in 1..=5 {
        put(&queue, number).await.unwrap();
    }
    queue.close().await;
    {
        let mut logs = lock(&disk.logs);
        let bytes = &mut logs.get_mut(&0).unwrap().bytes;
        let at = memchr::memmem::find(bytes, b"Subject: 3").unwrap();
        bytes[at] ^= 1;
    }
    assert_eq!(numbers(&open(&disk)), [1, 2, 4, 5]);
}

#[tokio::test]
async fn a_full_disk_keeps_nothing_half_and_goes_on_when_there_is_room() {
    let disk = Arc::new(Faulty::default());
    let queue = open(&disk);
    put(&queue, 1).await.unwrap();
    *lock(&disk.free) = Some(10);
    assert!(matches!(put(&queue, 2).await, Err(QueueError::Full)));
    // A whole record and a part of one: what was refused does not come back.
    *lock(&disk.free) = Some(200);
    let (two, four) = tokio::join!(put(&queue, 2), put(&queue, 4));
    assert!(two.is_err() || four.is_err());
    let mut kept = vec![1];
    kept.extend(two.is_ok().then_some(2));
    *lock(&disk.free) = Some(10);
    assert!(matches!(queue.room(11), Err(QueueError::Full)));
    *lock(&disk.free) = None;
    put(&queue, 3).await.unwrap();
    kept.push(3);
    kept.extend(four.is_ok().then_some(4));
    assert_eq!(numbers(&queue), kept);
    queue.close().await;
    assert_eq!(numbers(&open(&disk)), kept);
}

#[tokio::test]
async fn what_waits_is_bounded() {
    let disk = Arc::new(Faulty::default());
    let small = QueueLimits {
        messages_max: 2,
        octets_max: 60,
        ..limits()
    };
    let queue = Queue::on(disk, small).unwrap();
    put(&queue, 1).await.unwrap();
    assert!(matches!(queue.room(60), Err(QueueError::Full)));
    {
        // What comes takes room before it is there, and gives it back if it does not come.
        let _room = queue.room(20).unwrap();
        assert!(matches!(queue.room(0), Err(QueueError::Full)));
    }
    assert!(matches!(queue.room(50), Err(QueueError::Full)));
    drop(queue.room(20).unwrap());
    put(&queue, 2).await.unwrap();
    assert!(matches!(queue.room(0), Err(QueueError::Full)));
    done(&queue, Uuid::from_u128(1)).await.unwrap();
    put(&queue, 3).await.unwrap();
    // The note comes with it, and is taken off just behind.
    while queue.size().messages > 2 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(numbers(&queue), [2, 3]);
}

#[tokio::test]
async fn logs_go_when_all_in_them_is_done() {
    let disk = Arc::new(Faulty::default());
    let small = QueueLimits {
        log_octets: 1,
        ..limits()
    };
    let queue = Queue::on(Arc::clone(&disk) as _, small).unwrap();
    for number in 1..=3 {
        put(&queue, number).await.unwrap();
        let taken = queue.take().unwrap();
        assert_eq!(taken.id.as_u128(), number);
        done(&queue, taken.id).await.unwrap();
    }
    assert!(queue.take().is_none());
    queue.close().await;
    assert!(disk.logs().unwrap().len() <= 2, "{:?}", disk.logs());
    drop(open(&disk));
    assert_eq!(disk.logs().unwrap(), [] as [u64; 0]);
}

/// Each batch has a log file of its own.
fn many_logs() -> QueueLimits {
    QueueLimits {
        log_octets: 1,
        ..limits()
    }
}

#[tokio::test]
async fn what_is_done_stays_done_where_an_older_message_waits() {
    let disk = Arc::new(Faulty::default());
    let queue = Queue::on(Arc::clone(&disk) as _, limits()).unwrap();
    for number in 1..=3 {
        put(&queue, number).await.unwrap();
    }
    queue.close().await;
    let queue = Queue::on(Arc::clone(&disk) as _, many_logs()).unwrap();
    // The note lies in a log file whose own message is done at once.
    done(&queue, Uuid::from_u128(2)).await.unwrap();
    for number in 4..=5 {
        put(&queue, number).await.unwrap();
        done(&queue, Uuid::from_u128(number)).await.unwrap();
    }
    queue.close().await;
    let queue = Queue::on(Arc::clone(&disk) as _, many_logs()).unwrap();
    assert_eq!(numbers(&queue), [1, 3]);
}

#[tokio::test]
async fn few_messages_do_not_keep_many_logs() {
    let disk = Arc::new(Faulty::default());
    let queue = Queue::on(Arc::clone(&disk) as _, many_logs()).unwrap();
    put(&queue, 1).await.unwrap();
    for number in 2..=200 {
        put(&queue, number).await.unwrap();
        done(&queue, Uuid::from_u128(number)).await.unwrap();
    }
    // The notes are with the writer until it is closed.
    put(&queue, 201).await.unwrap();
    let (read, bytes) = queue.read(Uuid::from_u128(1)).await.unwrap();
    assert_eq!((read, bytes), (metadata(1), octets(1)));
    queue.close().await;
    let logs = disk.logs().unwrap();
    assert!(logs.len() < 10, "{logs:?}");
    // Whenever the power is lost: nothing is lost, and nothing is there twice.
    let queue = open(&disk.after_power_loss(0));
    assert!(numbers(&queue).starts_with(&[1]) && numbers(&queue).ends_with(&[201]));
    assert_eq!(queue.size().messages, numbers(&queue).len());
    done(&queue, Uuid::from_u128(1)).await.unwrap();
    done(&queue, Uuid::from_u128(201)).await.unwrap();
    queue.close().await;
}

#[tokio::test]
async fn a_move_that_was_cut_off_doubles_nothing() {
    let disk = Arc::new(Faulty::default());
    let queue = Queue::on(Arc::clone(&disk) as _, many_logs()).unwrap();
    put(&queue, 1).await.unwrap();
    put(&queue, 2).await.unwrap();
    queue.close().await;
    {
        // The same message again, behind the others: its old log file was not given up yet.
        let mut logs = lock(&disk.logs);
        let mut moved = logs[&0].clone();
        let record = format::message(&metadata(1), &octets(1)).unwrap();
        moved.bytes = record.to_vec();
        format::put_down(&mut moved.bytes, Place { log: 7, at: 0 });
        logs.insert(7, moved);
    }
    let queue = open(&disk);
    assert_eq!(numbers(&queue), [1, 2]);
    assert_eq!(queue.size().octets, 2 * octets(1).len() as u64);
    assert_eq!(
        disk.logs().unwrap(),
        [1, 7],
        "nothing in the first is needed"
    );
}

#[tokio::test]
async fn what_is_in_memory_is_bounded_with_what_is_known_of_it() {
    let disk = Arc::new(Faulty::default());
    let queue = open(&disk);
    for number in 1..=40 {
        let mut known = metadata(number);
        known.trace = "x".repeat(1 << 20);
        queue.put(known, octets(number)).await.unwrap();
    }
    let in_memory = lock(&queue.state).unread.len();
    assert!((1..32).contains(&in_memory), "{in_memory} of 1 MiB each");
    // The others are read from the disk.
    for number in 1..=40 {
        let (read, bytes) = queue.read(Uuid::from_u128(number)).await.unwrap();
        assert_eq!((read.trace.len(), bytes), (1 << 20, octets(number)));
    }
    assert_eq!(lock(&queue.state).unread_octets, 0);
}

#[tokio::test]
async fn a_log_file_is_longer_than_it_has_to_be() {
    let dir = TempDir::new().unwrap();
    let queue = Queue::open(dir.path(), limits()).unwrap();
    put(&queue, 1).await.unwrap();
    let length = || {
        std::fs::metadata(dir.path().join(format!("{:016x}.log", 0)))
            .unwrap()
            .len()
    };
    let first = length();
    assert_eq!(first, 1 << 20);
    put(&queue, 2).await.unwrap();
    assert_eq!(length(), first, "a sync has no length to write");
    queue.close().await;
    let queue = Queue::open(dir.path(), limits()).unwrap();
    assert_eq!(numbers(&queue), [1, 2]);
    queue.close().await;
}

#[tokio::test]
async fn logs_are_written_over_others_whose_records_are_gone_then() {
    let dir = TempDir::new().unwrap();
    let names = || {
        let files = std::fs::read_dir(dir.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != "lock").collect();
        names.sort_unstable();
        names
    };
    let queue = Queue::open(dir.path(), many_logs()).unwrap();
    for number in 1..=100 {
        put(&queue, number).await.unwrap();
        done(&queue, Uuid::from_u128(number)).await.unwrap();
    }
    // Shorter than those in whose file it comes, so that some of them is left.
    queue
        .put(metadata(101), Bytes::from_static(b"\r\n"))
        .await
        .unwrap();
    queue.close().await;
    let spares = names()
        .iter()
        .filter(|name| name.ends_with("spare"))
        .count();
    assert!((1..=4).contains(&spares), "{:?}", names());
    let queue = Queue::open(dir.path(), many_logs()).unwrap();
    assert_eq!(numbers(&queue), [101]);
    let (_, octets) = queue.read(Uuid::from_u128(101)).await.unwrap();
    assert_eq!(octets, "\r\n");
    done(&queue, Uuid::from_u128(101)).await.unwrap();
    put(&queue, 102).await.unwrap();
    queue.close().await;
    let queue = Queue::open(dir.path(), many_logs()).unwrap();
    assert_eq!(numbers(&queue), [102]);
    queue.close().await;
}

#[tokio::test]
async fn damage_of_a_file_of_its_own_is_seen() {
    let dir = TempDir::new().unwrap();
    let queue = Queue::open(dir.path(), limits()).unwrap();
    let large = Bytes::from(vec![b'x'; limits().own_file_octets + 1]);
    queue.put(metadata(1), large.clone()).await.unwrap();
    let id = Uuid::from_u128(1);
    let file = dir.path().join(format!("{}.eml", id.simple()));
    let mut damaged = large.to_vec();
    damaged[7] ^= 1;
    std::fs::write(file, damaged).unwrap();
    // What is still in memory is not read.
    assert_eq!(queue.read(id).await.unwrap().1, large);
    let Err(QueueError::Disk(error)) = queue.read(id).await else {
        panic!("a damaged message was read");
    };
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    queue.close().await;
}

#[tokio::test]
async fn large_messages_have_files_of_their_own() {
    let dir = TempDir::new().unwrap();
    let queue = Queue::open(dir.path(), limits()).unwrap();
    let large = Bytes::from(vec![b'x'; limits().own_file_octets + 1]);
    queue.put(metadata(1), large.clone()).await.unwrap();
    put(&queue, 2).await.unwrap();
    assert!(
        matches!(
            Queue::open(dir.path(), limits()),
            Err(QueueError::Closed(_))
        ),
        "it is in use"
    );
    queue.close().await;
    // What a crash left of one that was never kept.
    let left = dir
        .path()
        .join(format!("{}.eml", Uuid::from_u128(9).simple()));
    std::fs::write(&left, "x").unwrap();
    let queue = Queue::open(dir.path(), limits()).unwrap();
    assert!(!left.exists());
    let first = queue.take().unwrap();
    assert_eq!(first.octets, large.len() as u64);
    let (read, bytes) = queue.read(first.id).await.unwrap();
    assert_eq!(read.own_file, Some(OwnFile::of(&large)));
    assert_eq!(bytes, large);
    done(&queue, first.id).await.unwrap();
    put(&queue, 3).await.unwrap();
    queue.close().await;
    let files = std::fs::read_dir(dir.path()).unwrap();
    let owns = files.filter(|file| {
        file.as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|it| it == "eml")
    });
    assert_eq!(owns.count(), 0);
    let queue = Queue::open(dir.path(), limits()).unwrap();
    assert_eq!(numbers(&queue), [2, 3]);
    queue.close().await;
}

#[tokio::test]
async fn what_is_given_back_comes_after_the_others() {
    let queue = open(&Arc::new(Faulty::default()));
    let rings = queue.rings();
    tokio::pin!(rings);
    rings.as_mut().enable();
    put(&queue, 1).await.unwrap();
    rings.await;
    put(&queue, 2).await.unwrap();
    let first = queue.take().unwrap();
    queue.back(first.id);
    assert_eq!(queue.take().unwrap().id.as_u128(), 2);
    assert_eq!(queue.take().unwrap(), first);
    assert!(queue.take().is_none());
}
