//! Files go in, stay, and come out; hostile ones do not.

use crate::support::{config, harness, harness_at, harness_in, harness_with, names, ok, other_caller, python};
use septet_contracts::page::PageQuery;
use septet_contracts::sandbox::{ExpiresAfter, NewContainer};
use septet_kernel::{Clock, Failure, Kind};
use septet_sandbox_runner::Config;

#[tokio::test]
async fn files_last_between_executions_and_changes_get_a_new_id() {
    let harness = harness().await;
    let container = harness.container().await;
    let first = harness
        .run_in(
            container,
            python("open('a.txt', 'w').write('one')\nimport os; os.mkdir('d'); open('d/b.txt', 'w').write('b')"),
        )
        .await;
    assert_eq!(names(&first), ["/session/a.txt", "/session/d/b.txt"]);

    let second = harness
        .run_in(
            container,
            python("print(open('a.txt').read()); open('a.txt', 'w').write('two'); import os; os.remove('d/b.txt')"),
        )
        .await;
    assert_eq!(ok(&second), "one\n");
    assert_eq!(names(&second), ["/session/a.txt"]);
    assert_ne!(first.files[0].id, second.files[0].id);

    let listed = harness.client.files(&harness.caller, container, &PageQuery::default()).await.unwrap();
    assert_eq!(listed.data, second.files);
    let old = harness.client.file(&harness.caller, container, first.files[0].id).await.unwrap();
    assert_eq!(harness.bytes(&old).await, b"one");
}

#[tokio::test]
async fn files_survive_a_restart() {
    let harness = harness().await;
    let container = harness.container().await;
    harness.upload(container, "/session/in/数据.csv", "a\n1\n").await.unwrap();
    ok(&harness.run_in(container, python("open('made.txt', 'w').write(open('in/数据.csv').read())")).await);
    let (folder, caller) = harness.close().await;

    let harness = harness_in(folder, config(), Some(caller)).await;
    let output =
        harness.run_in(container, python("print(open('made.txt').read()); open('made.txt', 'a').write('more')")).await;
    assert_eq!(ok(&output), "a\n1\n\n");
    assert_eq!(names(&output), ["/session/made.txt"]);
}

#[tokio::test]
async fn an_upload_replaces_and_is_seen_by_the_next_run() {
    let harness = harness().await;
    let container = harness.container().await;
    ok(&harness.run_in(container, python("open('a.csv', 'w').write('old')")).await);
    let file = harness.upload(container, "a.csv", "new").await.unwrap();
    assert_eq!((file.path.as_str(), file.source.as_str(), file.bytes), ("/session/a.csv", "user", 3));
    let output = harness.run_in(container, python("print(open('a.csv').read()); open('a.csv', 'a').write('!')")).await;
    assert_eq!(ok(&output), "new\n");
    harness.client.delete_file(&harness.caller, container, output.files[0].id).await.unwrap();
    assert_eq!(ok(&harness.run_in(container, python("import os; print(os.listdir())")).await), "[]\n");
}

#[tokio::test]
async fn links_pipes_and_sockets_are_not_collected() {
    let harness = harness().await;
    let code = "import os, socket\n\
                os.symlink('/etc/passwd', 'passwd.txt'); os.symlink('/', 'root'); os.symlink('/proc/1', 'proc')\n\
                os.symlink('real.txt', 'inner.txt'); os.mkfifo('pipe.png')\n\
                s = socket.socket(socket.AF_UNIX); s.bind('socket.png')\n\
                open('real.txt', 'w').write('x')\n\
                os.mkdir('locked'); open('locked/f', 'w').write('x'); os.chmod('locked', 0)\n\
                open(b'\\xff.png', 'w').write('x'); open('\\u202egnp.exe', 'w').write('x'); open('.hidden', 'w').write('x')\n\
                p = '.'\n\
                for i in range(20): p += '/d'; os.mkdir(p)\n\
                open(p + '/deep', 'w').write('x')";
    let output = harness.run(python(code)).await;
    ok(&output);
    let names: Vec<&str> = names(&output).into_iter().filter(|name| *name != "/session/locked/f").collect();
    assert_eq!(names, ["/session/real.txt"]);
}

#[tokio::test]
async fn an_upload_does_not_follow_a_link_that_code_left() {
    let harness = harness().await;
    let container = harness.container().await;
    ok(&harness
        .run_in(container, python("import os; os.symlink('/tmp', 'out'); os.symlink('/etc/passwd', 'a.txt')"))
        .await);
    harness.upload(container, "out/escaped.txt", "x").await.unwrap();
    harness.upload(container, "a.txt", "mine").await.unwrap();
    assert!(!std::path::Path::new("/tmp/escaped.txt").exists());
    assert_eq!(
        ok(&harness.run_in(container, python("print(open('a.txt').read(), open('out/escaped.txt').read())")).await),
        "mine x\n"
    );
}

#[tokio::test]
async fn a_path_that_leads_out_is_refused() {
    let harness = harness().await;
    let container = harness.container().await;
    for path in ["../x", "/etc/passwd", "a/../../x", ""] {
        let refusal = harness.upload(container, path, "x").await.unwrap_err();
        assert_eq!((refusal.kind(), refusal.param()), (Kind::BadRequest, Some("path")), "{path:?}");
    }
}

#[tokio::test]
async fn another_tenant_sees_nothing() {
    let harness = harness().await;
    let container = harness.container().await;
    let file = harness.upload(container, "a.csv", "x").await.unwrap();
    let other = other_caller(&harness.platform.ids);

    let kinds = [
        harness.client.get(&other, container).await.unwrap_err().kind(),
        harness.client.delete(&other, container).await.unwrap_err().kind(),
        harness.client.file(&other, container, file.id).await.unwrap_err().kind(),
        harness.client.content(&other, container, file.id).await.unwrap_err().kind(),
        harness.client.delete_file(&other, container, file.id).await.unwrap_err().kind(),
        harness.client.run(&other, container, &python("1"), Some("k")).await.unwrap_err().kind(),
        harness.client.files(&other, container, &PageQuery::default()).await.unwrap_err().kind(),
    ];
    assert_eq!(kinds, [Kind::NotFound; 7]);
    assert!(harness.client.list(&other, &PageQuery::default()).await.unwrap().data.is_empty());
}

#[tokio::test]
async fn a_container_is_deleted_with_its_files() {
    let harness = harness().await;
    let container = harness.container().await;
    let file = harness.upload(container, "a.csv", "x").await.unwrap();
    harness.client.delete(&harness.caller, container).await.unwrap();
    assert_eq!(harness.client.get(&harness.caller, container).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(harness.client.file(&harness.caller, container, file.id).await.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn a_deleted_file_gives_back_the_space_of_all_its_versions() {
    let harness = harness_with(Config { tenant_storage_bytes: 1000, ..config() }).await;
    let container = harness.container().await;
    let old = harness.upload(container, "a.txt", &"a".repeat(400)).await.unwrap();
    let new = harness.upload(container, "a.txt", &"b".repeat(400)).await.unwrap();
    let more = "c".repeat(900);
    assert_eq!(harness.upload(container, "c.txt", &more).await.unwrap_err().code, "storage_quota_exceeded");

    harness.client.delete_file(&harness.caller, container, new.id).await.unwrap();

    let shown = harness.client.file(&harness.caller, container, old.id).await;
    assert_eq!(shown.unwrap_err().kind(), Kind::NotFound);
    harness.upload(container, "c.txt", &more).await.unwrap();
}

#[tokio::test]
async fn uploads_at_the_same_time_do_not_get_past_the_quota_together() {
    let harness = harness_with(Config { tenant_storage_bytes: 1000, ..config() }).await;
    let mut containers = Vec::new();
    for _ in 0..8 {
        containers.push(harness.container().await);
    }
    let bytes = "x".repeat(300);

    let uploads = containers.iter().map(|container| harness.upload(*container, "a.txt", &bytes));
    let uploads = futures::future::join_all(uploads).await;

    let refused: Vec<String> = uploads.into_iter().filter_map(Result::err).map(|error| error.code).collect();
    assert_eq!(refused, ["storage_quota_exceeded"; 5]);
}

#[tokio::test]
async fn an_expiry_that_is_not_understood_is_refused() {
    let harness = harness().await;
    for (anchor, minutes) in [("created_at", 5), ("last_active_at", 0)] {
        let expires_after = Some(ExpiresAfter { anchor: anchor.to_owned(), minutes });
        let new = NewContainer { name: String::new(), expires_after, ..NewContainer::default() };
        assert_eq!(harness.client.create(&harness.caller, &new).await.unwrap_err().kind(), Kind::BadRequest);
    }
}

#[tokio::test]
async fn an_expired_container_keeps_its_files_and_runs_nothing() {
    let clock = Clock::manual(1_800_000_000_000);
    let harness = harness_at(clock.clone()).await;
    let expires_after = Some(ExpiresAfter { anchor: "last_active_at".to_owned(), minutes: 20 });
    let container = harness
        .client
        .create(&harness.caller, &NewContainer { name: "n".to_owned(), expires_after, ..NewContainer::default() })
        .await
        .unwrap();
    clock.advance(std::time::Duration::from_secs(19 * 60));
    let file = harness.upload(container.id, "a.csv", "x").await.unwrap();
    clock.advance(std::time::Duration::from_secs(19 * 60));
    assert_eq!(harness.client.get(&harness.caller, container.id).await.unwrap().status, "running");
    clock.advance(std::time::Duration::from_secs(2 * 60));

    assert_eq!(harness.client.get(&harness.caller, container.id).await.unwrap().status, "expired");
    let refusal = harness.client.run(&harness.caller, container.id, &python("1"), Some("k")).await.unwrap_err();
    assert_eq!((refusal.kind, refusal.code.as_str()), (Kind::Conflict, "container_expired"));
    assert_eq!(harness.client.content(&harness.caller, container.id, file.id).await.unwrap().filename, "a.csv");
}
