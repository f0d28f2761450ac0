use septet_contracts::management::{NewPrompt, NewPromptVersion, PromptChange};
use septet_contracts::page::PageQuery;
use septet_kernel::{Kind, Role};

use crate::bench::{Bench, bad_field, refusal};

fn new_prompt(name: &str) -> NewPrompt {
    NewPrompt { name: name.to_owned(), description: String::new(), text: "first".to_owned() }
}

fn version(text: &str, make_live: bool) -> NewPromptVersion {
    NewPromptVersion { text: text.to_owned(), note: "why".to_owned(), make_live }
}

#[tokio::test]
async fn versions_are_counted_kept_and_one_is_live() {
    let bench = Bench::new().await;
    let prompt = bench.management.create_prompt(&bench.owner, &new_prompt("p")).await.unwrap();
    let second =
        bench.management.create_prompt_version(&bench.owner, prompt.id, &version("second", true)).await.unwrap();
    let draft =
        bench.management.create_prompt_version(&bench.owner, prompt.id, &version("draft", false)).await.unwrap();

    assert_eq!((second.version, second.live, second.created_by), (2, true, bench.owner.user));
    assert_eq!((draft.version, draft.live), (3, false));
    let now = bench.management.prompt(&bench.owner, prompt.id).await.unwrap();
    assert_eq!((now.live_version, now.latest_version), (2, 3));
    let list = bench.management.prompt_versions(&bench.owner, prompt.id, &PageQuery::default()).await.unwrap();
    let seen: Vec<_> = list.data.iter().map(|v| (v.version, v.text.as_str(), v.live)).collect();
    assert_eq!(seen, [(3, "draft", false), (2, "second", true), (1, "first", false)]);
    let older = PageQuery { after: Some("3".to_owned()), limit: Some(1), ..PageQuery::default() };
    let older = bench.management.prompt_versions(&bench.owner, prompt.id, &older).await.unwrap();
    assert_eq!((older.data[0].version, older.has_more), (2, true));

    let roll_back = PromptChange { live_version: Some(1), ..PromptChange::default() };
    bench.management.update_prompt(&bench.owner, prompt.id, &roll_back).await.unwrap();
    assert!(bench.management.prompt_version(&bench.owner, prompt.id, 1).await.unwrap().live);
    for wrong in [0, 4, u32::MAX] {
        let change = PromptChange { live_version: Some(wrong), ..PromptChange::default() };
        assert_eq!(bad_field(bench.management.update_prompt(&bench.owner, prompt.id, &change).await), "live_version");
        assert_eq!(refusal(bench.management.prompt_version(&bench.owner, prompt.id, wrong).await).0, Kind::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_made_at_once_all_get_a_number_of_their_own() {
    let bench = Bench::new().await;
    let prompt = bench.management.create_prompt(&bench.owner, &new_prompt("p")).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..10 {
        let (management, owner) = (bench.management.clone(), bench.owner.clone());
        tasks.spawn(async move {
            management.create_prompt_version(&owner, prompt.id, &version(&n.to_string(), true)).await.unwrap().version
        });
    }
    let mut numbers = tasks.join_all().await;
    numbers.sort_unstable();
    assert_eq!(numbers, (2..=11).collect::<Vec<u32>>());
}

#[tokio::test]
async fn a_prompt_that_an_agent_has_cannot_be_removed() {
    let bench = Bench::new().await;
    let seeded = bench.management.prompts(&bench.owner, &PageQuery::default()).await.unwrap().data.remove(0);
    let error = bench.management.delete_prompt(&bench.owner, seeded.id).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (Kind::Conflict, "in_use"));
    assert!(error.detail.contains("analyst"), "{error}");

    let free = bench.management.create_prompt(&bench.owner, &new_prompt("free")).await.unwrap();
    bench.management.delete_prompt(&bench.owner, free.id).await.unwrap();
    assert_eq!(refusal(bench.management.prompt_version(&bench.owner, free.id, 1).await).0, Kind::NotFound);
}

#[tokio::test]
async fn odd_prompts_are_refused() {
    let bench = Bench::new().await;
    let editor = bench.person("e@example.com", Role::Editor).await;
    bench.management.create_prompt(&editor, &new_prompt("taken")).await.unwrap();

    let taken = bench.management.create_prompt(&editor, &new_prompt(" taken ")).await.unwrap_err();
    assert_eq!((taken.kind, taken.param.as_deref()), (Kind::Conflict, Some("name")));
    assert!(taken.detail.contains("\"taken\""), "{taken}");
    assert_eq!(bad_field(bench.management.create_prompt(&editor, &new_prompt("")).await), "name");
    for text in ["", " \n", "a\0b", &"a".repeat(100_001)] {
        let new = NewPrompt { text: text.to_owned(), ..new_prompt("p") };
        assert_eq!(bad_field(bench.management.create_prompt(&editor, &new).await), "text");
    }
    let large = NewPrompt { text: "财".repeat(100_000), ..new_prompt("large") };
    assert!(bench.management.create_prompt(&editor, &large).await.is_ok());
}
