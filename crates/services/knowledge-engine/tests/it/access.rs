//! Who finds what, and who may remove what.

use septet_contracts::knowledge::{
    NewVectorStore, NewVectorStoreFile, PassageQuery, VectorStore, VectorStoreFileChange,
};
use septet_contracts::page::PageQuery;
use septet_kernel::{Caller, Kind, Role, VectorStoreId};

use crate::harness::Harness;

impl Harness {
    fn colleague(&self, of: &Caller, role: Role) -> Caller {
        Caller { user: Some(self.ids.next()), role, ..of.clone() }
    }

    async fn private_store(&self, caller: &Caller) -> VectorStore {
        let new = NewVectorStore { private: true, ..NewVectorStore::default() };
        self.knowledge.create_store(caller, &new).await.unwrap()
    }

    async fn search_in(&self, caller: &Caller, stores: &[VectorStoreId], query: &str) -> usize {
        let query =
            PassageQuery { queries: vec![query.to_owned()], vector_stores: stores.to_vec(), ..PassageQuery::default() };
        self.knowledge.search(caller, &query).await.unwrap().passages.len()
    }
}

#[tokio::test]
async fn what_was_given_to_one_conversation_answers_nobody_else() {
    let harness = Harness::start().await;
    let me = harness.colleague(&harness.somebody(), Role::Member);
    let (colleague, boss) = (harness.colleague(&me, Role::Member), harness.colleague(&me, Role::Owner));
    let shared = harness.store(&me, "shared").await;
    harness.ingest(&me, shared.id, "handbook.txt", "The walrus rests on ice.").await;
    let mine = harness.private_store(&me).await;
    harness.ingest(&me, mine.id, "salary.txt", "The walrus earns a lot.").await;

    assert!(mine.private && !shared.private);
    assert_eq!(harness.search_in(&me, &[mine.id], "walrus").await, 1);
    assert_eq!(harness.search_in(&me, &[mine.id, shared.id], "walrus").await, 2);
    assert_eq!(harness.search_in(&me, &[], "walrus").await, 1, "another conversation of mine");
    for other in [&colleague, &boss] {
        assert_eq!(harness.search_in(other, &[], "walrus").await, 1);
        assert_eq!(harness.search_in(other, &[mine.id], "walrus").await, 0);
        let kind_of = |refused: septet_contracts::call::CallError| refused.kind;
        let k = &harness.knowledge;
        let page = PageQuery::default();
        let refusals = [
            k.store(other, mine.id).await.map(drop).map_err(kind_of),
            k.attached(other, mine.id, &page).await.map(drop).map_err(kind_of),
            k.delete_store(other, mine.id).await.map(drop).map_err(kind_of),
        ];
        assert_eq!(refusals, [Err(Kind::NotFound); 3]);
        assert_eq!(k.stores(other, &page).await.unwrap().data.len(), 1);
    }
    assert_eq!(harness.search_in(&me, &[mine.id], "walrus").await, 1, "it is all still there");
}

#[tokio::test]
async fn files_are_changed_and_removed_by_who_uploaded_them_and_by_who_manages_knowledge() {
    let harness = Harness::start().await;
    let me = harness.colleague(&harness.somebody(), Role::Member);
    let (colleague, editor) = (harness.colleague(&me, Role::Member), harness.colleague(&me, Role::Editor));
    let store = harness.store(&editor, "shared").await;
    let file = harness.ingest(&me, store.id, "one.txt", "walrus facts").await;
    let k = &harness.knowledge;

    assert_eq!(k.delete_file(&colleague, file.id).await.unwrap_err().kind, Kind::Forbidden);
    assert_eq!(k.detach(&colleague, store.id, file.id).await.unwrap_err().kind, Kind::Forbidden);
    let change = VectorStoreFileChange::default();
    let refused = k.change_attachment(&colleague, store.id, file.id, &change).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Forbidden);
    k.change_attachment(&me, store.id, file.id, &change).await.unwrap();
    assert_eq!(harness.search(&colleague, "walrus").await.len(), 1);
    k.detach(&me, store.id, file.id).await.unwrap();
    k.delete_file(&me, file.id).await.unwrap();

    let other = harness.upload(&colleague, "two.txt", "penguin facts").await;
    k.delete_file(&editor, other.id).await.unwrap();
}

#[tokio::test]
async fn a_file_is_there_for_who_uploaded_it_and_in_knowledge_bases_that_one_sees() {
    let harness = Harness::start().await;
    let me = harness.colleague(&harness.somebody(), Role::Member);
    let others = [harness.colleague(&me, Role::Member), harness.colleague(&me, Role::Owner)];
    let (k, page) = (&harness.knowledge, PageQuery::default());
    let kind_of = |refused: septet_contracts::call::CallError| refused.kind;
    let file = harness.upload(&me, "salary.txt", "The walrus earns a lot.").await.id;
    let new = NewVectorStoreFile { file_id: file, attributes: None, chunking_strategy: None };
    let filled = NewVectorStore { file_ids: vec![file], ..NewVectorStore::default() };
    let private = harness.private_store(&me).await.id;
    for lies_in_a_base in [false, true] {
        if lies_in_a_base {
            harness.attach(&me, private, file).await;
        }
        assert_eq!(k.files(&me, &page).await.unwrap().data.len(), 1);
        k.file_content(&me, file).await.unwrap();
        for other in &others {
            let own = harness.private_store(other).await.id;
            let refusals = [
                k.file(other, file).await.map(drop).map_err(kind_of),
                k.file_content(other, file).await.map(drop).map_err(kind_of),
                k.attach(other, own, &new).await.map(drop).map_err(kind_of),
                k.create_store(other, &filled).await.map(drop).map_err(kind_of),
            ];
            assert_eq!(refusals, [Err(Kind::NotFound); 4], "in a base: {lies_in_a_base}");
            assert_eq!(k.files(other, &page).await.unwrap().data, []);
        }
        assert_eq!(k.delete_file(&others[0], file).await.unwrap_err().kind, Kind::NotFound);
    }

    let shared = harness.store(&me, "shared").await.id;
    harness.attach(&me, shared, file).await;
    // Made by a service, and in no knowledge base.
    let service = Caller { user: None, ..me.clone() };
    let nobodys = harness.upload(&service, "notice.txt", "The walrus is off today.").await.id;
    for other in &others {
        let mut listed: Vec<_> = k.files(other, &page).await.unwrap().data.iter().map(|file| file.id).collect();
        listed.sort();
        let mut both = [file, nobodys];
        both.sort();
        assert_eq!(listed, both);
        k.file_content(other, file).await.unwrap();
        k.file(other, nobodys).await.unwrap();
    }
    k.detach(&me, shared, file).await.unwrap();
    assert_eq!(k.file(&others[0], file).await.unwrap_err().kind, Kind::NotFound);
}
