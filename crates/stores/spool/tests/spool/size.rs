//! How much memory and time it takes. Times are printed; nothing depends on them.

use std::time::Instant;

use septet_kernel::Clock;
use septet_spool::{Options, Spool};

fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[tokio::test]
async fn memory_stays_flat_while_a_million_records_wait() {
    const N_RECORDS: u64 = 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let options = Options { max_bytes: 1 << 30, ..Options::default() };
    let spool = Spool::open(folder.path(), options.clone(), Clock::system()).unwrap();
    let record = [b'x'; 300];
    for _ in 0..1000 {
        spool.append(&record).await.unwrap();
    }
    let before = resident_bytes();

    let start = Instant::now();
    for _ in 1000..N_RECORDS {
        spool.append(&record).await.unwrap();
    }
    eprintln!("append of 300 bytes: {:.2} us", start.elapsed().as_secs_f64() * 1e6 / (N_RECORDS - 1000) as f64);

    assert_eq!(spool.n_waiting(), N_RECORDS);
    drop(spool);
    let start = Instant::now();
    let spool = Spool::open(folder.path(), options, Clock::system()).unwrap();
    eprintln!("open with {} waiting in {} MB: {:?}", spool.n_waiting(), spool.n_bytes() >> 20, start.elapsed());
    assert_eq!(spool.n_waiting(), N_RECORDS);
    let start = Instant::now();
    let mut n_taken = 0;
    while let Some(batch) = spool.batch(500, 1 << 20).await.unwrap() {
        n_taken += batch.records.len() as u64;
        spool.ack(&batch).await.unwrap();
    }
    eprintln!(
        "reading and acknowledging by 500: {:.2} us a record",
        start.elapsed().as_secs_f64() * 1e6 / n_taken as f64
    );

    assert_eq!(n_taken, N_RECORDS);
    let grown = resident_bytes().saturating_sub(before);
    eprintln!("grown by {grown} bytes");
    assert!(grown < 16 << 20, "grown by {grown} bytes");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "the position and the lock");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_of_many_tasks_do_not_pile_up() {
    let folder = tempfile::tempdir().unwrap();
    for (fsync, n_records) in [(false, 5000), (true, 50)] {
        let options = Options { fsync, ..Options::default() };
        let spool = Spool::open(folder.path().join(fsync.to_string()), options, Clock::system()).unwrap();
        let start = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let spool = spool.clone();
            tasks.spawn(async move {
                for _ in 0..n_records {
                    spool.append(&[b'x'; 300]).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        let n_all = 64 * n_records;
        eprintln!("64 tasks, fsync {fsync}: {:.2} us an append", start.elapsed().as_secs_f64() * 1e6 / n_all as f64);

        assert_eq!(spool.n_waiting(), n_all);
    }
}
