//! Containers and their files belong to the person who made them.

use septet_contracts::page::PageQuery;
use septet_contracts::sandbox::{NewContainer, NewFile};
use septet_kernel::{Caller, Kind};

use crate::support::{harness, python};

#[tokio::test]
async fn a_colleague_finds_neither_a_container_nor_its_files() {
    let harness = harness().await;
    let person = || Caller { user: Some(harness.platform.ids.next()), ..harness.caller.clone() };
    let (me, colleague) = (person(), person());
    let (client, page) = (&harness.client, PageQuery::default());
    let container = client.create(&me, &NewContainer::default()).await.unwrap().id;
    let blob = harness.blobs.put("a\n1\n").await.unwrap().id;
    let new = NewFile { blob, path: "/session/a.csv".to_owned() };
    let file = client.add_file(&me, container, &new).await.unwrap().id;

    let kind = |error: septet_contracts::call::CallError| error.kind;
    let refusals = [
        client.get(&colleague, container).await.map(drop).map_err(kind),
        client.files(&colleague, container, &page).await.map(drop).map_err(kind),
        client.file(&colleague, container, file).await.map(drop).map_err(kind),
        client.content(&colleague, container, file).await.map(drop).map_err(kind),
        client.add_file(&colleague, container, &new).await.map(drop).map_err(kind),
        client.delete_file(&colleague, container, file).await.map_err(kind),
        client.run(&colleague, container, &python("1"), None).await.map(drop).map_err(kind),
        client.stop(&colleague, container, "k").await.map_err(kind),
        client.interrupt(&colleague, container).await.map_err(kind),
        client.fork(&colleague, container).await.map(drop).map_err(kind),
        client.delete(&colleague, container).await.map_err(kind),
    ];
    assert_eq!(refusals, [Err(Kind::NotFound); 11]);
    assert_eq!(client.list(&colleague, &page).await.unwrap().data.len(), 0);

    assert_eq!(client.list(&me, &page).await.unwrap().data.len(), 1);
    assert_eq!(client.content(&me, container, file).await.unwrap().bytes, 4);
    assert_eq!(
        client.get(&harness.caller, container).await.unwrap().id,
        container,
        "a service that acts for the tenant"
    );
    let forked = client.fork(&me, container).await.unwrap().id;
    assert_eq!(client.get(&colleague, forked).await.unwrap_err().kind, Kind::NotFound);
    client.delete(&me, container).await.unwrap();
}
