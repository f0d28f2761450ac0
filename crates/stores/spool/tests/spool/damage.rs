//! What a crash or a broken disk leaves behind.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use septet_kernel::Clock;
use septet_spool::{Options, Spool};

const HEAD: u64 = 20;

fn open(folder: &Path) -> Spool {
    Spool::open(folder, Options::default(), Clock::manual(0)).unwrap()
}

fn segment(folder: &Path) -> PathBuf {
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|end| end == "records")).unwrap()
}

async fn with(records: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());
    for record in records {
        spool.append(record.as_bytes()).await.unwrap();
    }
    folder
}

async fn take_all(spool: &Spool) -> Vec<String> {
    let mut taken = Vec::new();
    while let Some(batch) = spool.batch(2, 1 << 20).await.unwrap() {
        taken.extend(batch.records.iter().map(|record| String::from_utf8(record.to_vec()).unwrap()));
        spool.ack(&batch).await.unwrap();
    }
    taken
}

#[tokio::test]
async fn a_tail_torn_at_any_byte_is_cut_off_and_appends_go_on() {
    let last = "the last record";
    let whole = with(&["one", "two", last]).await;
    let bytes = std::fs::read(segment(whole.path())).unwrap();
    let n_frame = HEAD as usize + last.len();
    for cut in 1..=n_frame {
        for fill in [0, 64] {
            let folder = tempfile::tempdir().unwrap();
            let mut torn = bytes[..bytes.len() - cut].to_vec();
            // After a loss of power the file may have its length and zeros instead of the bytes.
            torn.resize(torn.len() + fill, 0);
            std::fs::write(folder.path().join("00000000000000000001.records"), torn).unwrap();

            let spool = open(folder.path());

            assert_eq!(spool.n_waiting(), 2, "cut {cut}, fill {fill}");
            assert_eq!(spool.n_damaged(), 0, "cut {cut}, fill {fill}");
            spool.append(b"three").await.unwrap();
            assert_eq!(take_all(&spool).await, ["one", "two", "three"], "cut {cut}, fill {fill}");
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_costs_the_record_it_is_in_and_no_other() {
    let whole = with(&["first", "second", "third", "fourth"]).await;
    let bytes = std::fs::read(segment(whole.path())).unwrap();
    let second = HEAD as usize + "first".len();
    for place in second..second + HEAD as usize + "second".len() {
        let folder = tempfile::tempdir().unwrap();
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        std::fs::write(folder.path().join("00000000000000000001.records"), damaged).unwrap();

        let spool = open(folder.path());

        assert_eq!((spool.n_waiting(), spool.n_damaged()), (3, 1), "byte {place}");
        assert_eq!(take_all(&spool).await, ["first", "third", "fourth"], "byte {place}");
        assert_eq!((spool.n_waiting(), spool.n_damaged()), (0, 1), "byte {place}");
    }
}

#[tokio::test]
async fn damage_while_the_spool_is_open_is_stepped_over_and_counted_once() {
    let folder = with(&[]).await;
    let spool = open(folder.path());
    for record in ["first", "second", "third"] {
        spool.append(record.as_bytes()).await.unwrap();
    }
    let file = std::fs::File::options().write(true).open(segment(folder.path())).unwrap();
    file.write_all_at(b"S", HEAD + 5 + HEAD).unwrap();

    for _ in 0..3 {
        let batch = spool.batch(10, 1 << 20).await.unwrap().unwrap();
        assert_eq!(batch.records, ["first", "third"]);
    }
    assert_eq!(take_all(&spool).await, ["first", "third"]);

    assert_eq!((spool.n_waiting(), spool.n_damaged()), (0, 1));
    // Nothing but damage.
    spool.append(b"fourth").await.unwrap();
    file.write_all_at(b"F", 4 * HEAD + 5 + 6 + 5).unwrap();
    assert_eq!(spool.batch(10, 1 << 20).await.unwrap(), None);
    assert_eq!((spool.n_waiting(), spool.n_damaged()), (0, 2));
    spool.append(b"fifth").await.unwrap();
    assert_eq!(take_all(&spool).await, ["fifth"]);
}

#[tokio::test]
async fn a_frame_inside_a_damaged_record_is_not_taken_for_a_record() {
    let inner = with(&["forged"]).await;
    let forged = std::fs::read(segment(inner.path())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());
    spool.append(&[b"....".as_slice(), &forged].concat()).await.unwrap();
    spool.append(b"honest").await.unwrap();
    drop(spool);
    let file = std::fs::File::options().write(true).open(segment(folder.path())).unwrap();
    file.write_all_at(b"!", HEAD).unwrap();

    let spool = open(folder.path());

    assert_eq!(take_all(&spool).await, ["honest"]);
    assert_eq!(spool.n_damaged(), 1);
}

#[tokio::test]
async fn a_damaged_position_lets_everything_that_is_there_come_again() {
    for line in ["", "1 23", "1 23 4\n", "nonsense", "99 0 1\n"] {
        let folder = with(&["one", "two"]).await;
        let spool = open(folder.path());
        let batch = spool.batch(1, 1 << 20).await.unwrap().unwrap();
        spool.ack(&batch).await.unwrap();
        drop(spool);
        std::fs::write(folder.path().join("position"), line).unwrap();

        let spool = open(folder.path());

        assert_eq!(take_all(&spool).await, ["one", "two"], "{line:?}");
    }
}

#[tokio::test]
async fn a_position_past_the_end_loses_nothing_that_is_appended_later() {
    let folder = with(&["one", "two"]).await;
    let spool = open(folder.path());
    let batch = spool.batch(2, 1 << 20).await.unwrap().unwrap();
    spool.ack(&batch).await.unwrap();
    drop(spool);
    // The disk kept the position and lost the segment.
    if let Some(path) = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "records"))
    {
        std::fs::remove_file(path).unwrap();
    }

    let spool = open(folder.path());
    spool.append(b"three").await.unwrap();
    drop(spool);

    assert_eq!(take_all(&open(folder.path())).await, ["three"]);
}
