use septet_kernel::{Clock, Ids};

use super::*;
use crate::change_feed::IndexEntry;

struct World {
    folder: tempfile::TempDir,
    ids: Ids,
    tenant: TenantId,
    store: VectorStoreId,
}

impl World {
    fn new() -> Self {
        let ids = Ids::new(Clock::system());
        Self { folder: tempfile::tempdir().unwrap(), tenant: ids.next(), store: ids.next(), ids }
    }

    fn entry(&self, number: i64, text: &str) -> IndexEntry {
        IndexEntry {
            number,
            tenant: self.tenant,
            store: self.store,
            file: self.ids.next(),
            title: "report_2018.pdf".to_owned(),
            heading: String::new(),
            text: text.to_owned(),
            is_table: false,
            vector: None,
        }
    }

    fn find(&self, index: &Index, question: &str) -> Vec<i64> {
        let scope = Scope { tenant: self.tenant, stores: Vec::new(), files: None };
        index.search(&Query::new(question), &scope, 10).unwrap().iter().map(|hit| hit.number).collect()
    }
}

fn news(entries: Vec<IndexEntry>, position: Position) -> Changes {
    Changes { removals: Vec::new(), entries, position }
}

fn gone(removal: Removal, position: Position) -> Changes {
    Changes { removals: vec![removal], entries: Vec::new(), position }
}

#[test]
fn an_index_remembers_where_it_is_and_what_it_has() {
    let world = World::new();
    let index = Index::open(world.folder.path()).unwrap();
    let position = Position { epoch: 7, sequence: 3 };
    index.apply(news(vec![world.entry(1, "营业收入"), world.entry(2, "net sales")], position)).unwrap();
    drop(index);

    let index = Index::open(world.folder.path()).unwrap();

    assert_eq!(index.position(), position);
    assert_eq!(world.find(&index, "营业收入是多少"), [1, 2]);
    assert_eq!(world.find(&index, "net sale"), [2, 1]);
    assert_eq!(world.find(&index, "zebra"), Vec::<i64>::new());
}

#[test]
fn a_change_taken_in_twice_stands_once_and_a_removal_removes() {
    let world = World::new();
    let index = Index::open(world.folder.path()).unwrap();
    let entry = world.entry(1, "zebra");
    for sequence in 1..=2 {
        index.apply(news(vec![entry.clone()], Position { epoch: 1, sequence })).unwrap();
    }
    assert_eq!(world.find(&index, "zebra"), [1]);

    index.apply(gone(Removal::File(entry.store, entry.file), Position { epoch: 1, sequence: 3 })).unwrap();
    assert!(world.find(&index, "zebra").is_empty());

    index.apply(news(vec![entry.clone()], Position { epoch: 1, sequence: 4 })).unwrap();
    index.apply(gone(Removal::Store(entry.store), Position { epoch: 1, sequence: 5 })).unwrap();
    assert!(world.find(&index, "zebra").is_empty());
}

#[test]
fn an_index_that_was_wiped_is_at_the_beginning() {
    let world = World::new();
    let index = Index::open(world.folder.path()).unwrap();
    index.apply(news(vec![world.entry(1, "zebra")], Position { epoch: 1, sequence: 1 })).unwrap();

    index.wipe().unwrap();

    assert_eq!(index.position(), Position::default());
    assert!(world.find(&index, "zebra").is_empty());
}

#[test]
fn the_name_of_the_file_counts_as_well() {
    let world = World::new();
    let index = Index::open(world.folder.path()).unwrap();
    index.apply(news(vec![world.entry(1, "something else")], Position { epoch: 1, sequence: 1 })).unwrap();

    assert_eq!(world.find(&index, "report of 2018"), [1]);
}
