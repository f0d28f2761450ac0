//! What a spool promises to whoever appends and whoever stores.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use septet_kernel::{Clock, Failure, Kind};
use septet_spool::{Error, Options, Spool};

fn open_with(folder: &Path, options: Options) -> Spool {
    Spool::open(folder, options, Clock::manual(0)).unwrap()
}

fn open(folder: &Path) -> Spool {
    open_with(folder, Options::default())
}

fn small() -> Options {
    Options { max_bytes: 4000, segment_bytes: 400, fsync: false }
}

async fn append(spool: &Spool, numbers: std::ops::Range<u32>) {
    for number in numbers {
        spool.append(number.to_string().as_bytes()).await.unwrap();
    }
}

fn numbers(records: &[Bytes]) -> Vec<u32> {
    records.iter().map(|record| std::str::from_utf8(record).unwrap().parse().unwrap()).collect()
}

/// Takes everything out, in batches of `at_once`.
async fn take_all(spool: &Spool, at_once: usize) -> Vec<u32> {
    let mut taken = Vec::new();
    while let Some(batch) = spool.batch(at_once, 1 << 20).await.unwrap() {
        taken.extend(numbers(&batch.records));
        spool.ack(&batch).await.unwrap();
    }
    taken
}

fn segments(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "records")).collect();
    files.sort();
    files
}

#[tokio::test]
async fn records_come_in_the_order_of_appending_over_many_segments() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open_with(folder.path(), small());
    append(&spool, 0..100).await;
    assert!(segments(folder.path()).len() > 5);
    assert_eq!(spool.n_waiting(), 100);

    let taken = take_all(&spool, 7).await;

    assert_eq!(taken, (0..100).collect::<Vec<_>>());
    assert_eq!((spool.n_waiting(), spool.n_bytes()), (0, 0));
    assert_eq!(segments(folder.path()).len(), 1);
    append(&spool, 100..130).await;
    assert_eq!(take_all(&spool, 100).await, (100..130).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_comes_again_until_it_is_acknowledged_and_never_after() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());
    append(&spool, 0..10).await;

    let batch = spool.batch(4, 1 << 20).await.unwrap().unwrap();
    assert_eq!(spool.batch(4, 1 << 20).await.unwrap().unwrap(), batch);
    spool.ack(&batch).await.unwrap();

    assert!(matches!(spool.ack(&batch).await, Err(Error::NotTheOldest)));
    drop(spool);
    let spool = open(folder.path());
    assert_eq!(spool.n_waiting(), 6);
    append(&spool, 10..12).await;
    assert_eq!(take_all(&spool, 100).await, (4..12).collect::<Vec<_>>());
    drop(spool);
    assert_eq!(open(folder.path()).n_waiting(), 0);
    assert_eq!(segments(folder.path()).len(), 0);
}

#[tokio::test]
async fn a_batch_ends_where_its_bytes_are_spent_but_has_at_least_one_record() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());
    for length in [10, 10, 500, 3] {
        spool.append(&vec![b'x'; length]).await.unwrap();
    }

    let mut lengths = Vec::new();
    while let Some(batch) = spool.batch(100, 25).await.unwrap() {
        lengths.push(batch.records.iter().map(Bytes::len).collect::<Vec<_>>());
        spool.ack(&batch).await.unwrap();
    }

    assert_eq!(lengths, [vec![10, 10], vec![500], vec![3]]);
}

#[tokio::test]
async fn a_full_spool_refuses_until_something_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open_with(folder.path(), Options { max_bytes: 2000, segment_bytes: 300, fsync: false });
    let mut n_appended = 0;
    let refusal = loop {
        match spool.append(&[7; 80]).await {
            Ok(()) => n_appended += 1,
            Err(error) => break error,
        }
    };

    assert_eq!((n_appended, spool.room_bytes()), (20, 0));
    assert!(matches!(refusal, Error::Full { n_waiting: 20, n_bytes: 2000, max_bytes: 2000 }));
    assert_eq!((refusal.kind(), refusal.code()), (Kind::Unavailable, "spool_full"));
    assert!(refusal.to_string().contains("allow more bytes"));
    let batch = spool.batch(1, 1 << 20).await.unwrap().unwrap();
    spool.ack(&batch).await.unwrap();
    assert_eq!(spool.room_bytes(), 100);
    spool.append(&[7; 80]).await.unwrap();
}

#[tokio::test]
async fn a_record_larger_than_a_segment_is_refused_and_an_empty_one_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open_with(folder.path(), small());

    assert!(matches!(spool.append(&[0; 381]).await, Err(Error::TooLarge { n_bytes: 381, limit_bytes: 380 })));
    spool.append(&[0; 380]).await.unwrap();
    spool.append(&[]).await.unwrap();

    let first = spool.batch(10, 1 << 20).await.unwrap().unwrap();
    spool.ack(&first).await.unwrap();
    let second = spool.batch(10, 1 << 20).await.unwrap().unwrap();
    assert_eq!((first.records[0].len(), second.records), (380, vec![Bytes::new()]));
}

#[tokio::test]
async fn a_folder_belongs_to_one_spool_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());

    let second = Spool::open(folder.path(), Options::default(), Clock::manual(0));

    assert!(matches!(second.map(|_| ()), Err(Error::InUse { .. })));
    drop(spool);
    open(folder.path());
}

#[tokio::test]
async fn the_age_of_the_oldest_record_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(1_000_000);
    let spool = Spool::open(folder.path(), Options::default(), clock.clone()).unwrap();
    assert_eq!(spool.oldest_age().unwrap(), None);
    spool.append(b"first").await.unwrap();
    clock.advance(Duration::from_secs(5));
    spool.append(b"second").await.unwrap();
    drop(spool);
    clock.advance(Duration::from_secs(2));

    let spool = Spool::open(folder.path(), Options::default(), clock).unwrap();

    assert_eq!(spool.oldest_age().unwrap(), Some(Duration::from_secs(7)));
    let batch = spool.batch(1, 100).await.unwrap().unwrap();
    spool.ack(&batch).await.unwrap();
    assert_eq!(spool.oldest_age().unwrap(), Some(Duration::from_secs(2)));
}

#[tokio::test]
async fn whoever_waits_for_more_is_woken_by_an_append() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());

    let (_, ()) = tokio::join!(spool.wait_for_more(), async {
        tokio::task::yield_now().await;
        spool.append_now(b"one").unwrap();
    });

    spool.wait_for_more().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn flushed_appends_of_many_tasks_are_all_there_once_and_each_task_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open_with(folder.path(), Options { max_bytes: 1 << 20, segment_bytes: 2000, fsync: true });
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8_u32 {
        let spool = spool.clone();
        tasks.spawn(async move { append(&spool, task * 1000..task * 1000 + 50).await });
    }
    tasks.join_all().await;
    drop(spool);

    let spool = open(folder.path());

    let taken = take_all(&spool, 33).await;
    for task in 0..8_u32 {
        let own: Vec<_> = taken.iter().copied().filter(|number| number / 1000 == task).collect();
        assert_eq!(own, (task * 1000..task * 1000 + 50).collect::<Vec<_>>());
    }
    assert_eq!(taken.len(), 400);
}
