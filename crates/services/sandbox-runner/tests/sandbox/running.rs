//! Code runs and says what it did.

use crate::own_process::variable;
use crate::support::{harness, names, ok, python, sql};
use futures::StreamExt;
use septet_contracts::sandbox::{ExecutionEvent, Outcome};

#[tokio::test]
async fn hello_comes_back() {
    let harness = harness().await;
    let output = harness.run(python("print('hello 你好')")).await;
    assert_eq!(ok(&output), "hello 你好\n");
}

#[tokio::test]
async fn output_is_told_before_the_code_ends() {
    let harness = harness().await;
    let container = harness.container().await;
    let code = "import os, time\nprint('first')\nwhile not os.path.exists('go'): time.sleep(0.01)\nprint('second')";
    let mut events = harness.client.execute(&harness.caller, container, &python(code), Some("k")).await.unwrap();

    let mut text = String::new();
    while text != "first\n" {
        if let ExecutionEvent::Stdout { text: more } = events.next().await.unwrap().unwrap() {
            text.push_str(&more);
        }
    }
    // It cannot end by itself; deleting its container ends it.
    harness.client.delete(&harness.caller, container).await.unwrap();
    let last = loop {
        if let done @ ExecutionEvent::Done { .. } = events.next().await.unwrap().unwrap() {
            break done;
        }
    };
    assert!(matches!(last, ExecutionEvent::Done { outcome: Outcome::Killed, .. }), "{last:?}");
}

#[tokio::test]
async fn a_chart_with_a_chinese_title_becomes_a_png() {
    let harness = harness().await;
    let code = "import warnings; warnings.simplefilter('error')\n\
                import matplotlib.pyplot as plt\n\
                plt.style.use('seaborn-v0_8')\n\
                plt.rcParams['font.sans-serif'] = ['Arial', 'Nothing At All']\n\
                plt.bar(['一季度', '二季度'], [3, -5])\n\
                plt.title('营业收入')\n\
                plt.show()\n\
                plt.figure(); plt.plot([1, 2]); plt.ylabel('净利润')\n\
                plt.figure(); plt.plot([1, 2]); plt.savefig('own.png')";
    let output = harness.run(python(code)).await;
    ok(&output);
    assert_eq!(output.stderr, "");
    assert_eq!(names(&output), ["/session/chart-1.png", "/session/chart-2.png", "/session/own.png"]);
    for file in &output.files {
        assert_eq!(file.septet.mime, "image/png");
        assert!(harness.bytes(file).await.starts_with(b"\x89PNG"));
    }
}

#[tokio::test]
async fn the_last_expression_is_the_result() {
    let harness = harness().await;
    let output = harness
        .run(python("import pandas as pd\ndf = pd.DataFrame({'季度': ['Q1', 'Q2'], '收入': [1.5, 2]})\ndf"))
        .await;
    ok(&output);
    let result = output.result().unwrap();
    assert!(result.text.contains("收入"), "{}", result.text);
    let json = result.json.as_ref().unwrap();
    assert_eq!(json["columns"], serde_json::json!(["季度", "收入"]));
    assert_eq!(json["rows"], serde_json::json!([["Q1", 1.5], ["Q2", 2.0]]));
}

#[tokio::test]
async fn sql_reads_a_csv_and_a_spreadsheet_of_the_session() {
    let harness = harness().await;
    let container = harness.container().await;
    harness.upload(container, "报表.csv", "季度,收入\n一季度,3.5\n二季度,5\n").await.unwrap();
    let code =
        "import pandas as pd\npd.DataFrame({'季度': ['一季度'], '成本': [2]}).to_excel('成本.xlsx', index=False)";
    ok(&harness.run_in(container, python(code)).await);

    let query = "CREATE TABLE r AS SELECT * FROM '报表.csv';\n\
                 SELECT r.季度, 收入 - 成本 AS 利润 FROM r JOIN '成本.xlsx' c USING (季度);";
    let output = harness.run_in(container, sql(query)).await;
    ok(&output);
    let result = output.result().unwrap();
    assert_eq!(result.text, "季度   | 利润\n-------+-----\n一季度 | 1.5\n(1 row)\n");
    assert_eq!(result.json.as_ref().unwrap()["rows"], serde_json::json!([["一季度", 1.5]]));
}

#[tokio::test]
async fn sql_writes_files_too() {
    let harness = harness().await;
    let output = harness.run(sql("COPY (SELECT 1 AS n) TO 'out.parquet'; SELECT n FROM 'out.parquet'")).await;
    ok(&output);
    assert_eq!(names(&output), ["/session/out.parquet"]);
}

#[tokio::test]
async fn a_wrong_query_is_an_error_with_its_words() {
    let harness = harness().await;
    let output = harness.run(sql("SELECT * FROM nowhere")).await;
    assert_eq!(output.outcome(), Some(Outcome::Error));
    let error = output.error().unwrap();
    assert_eq!(error.name, "CatalogException");
    assert!(error.message.contains("nowhere"), "{error:?}");
}

#[tokio::test]
async fn a_syntax_error_names_the_line() {
    let harness = harness().await;
    let output = harness.run(python("x = 1\nif x\n  print(x)")).await;
    assert_eq!(output.outcome(), Some(Outcome::Error));
    let error = output.error().unwrap();
    assert_eq!(error.name, "SyntaxError");
    assert!(error.traceback.contains("line 2"), "{error:?}");
}

#[tokio::test]
async fn an_exception_has_a_traceback_of_the_code_alone() {
    let harness = harness().await;
    let output = harness.run(python("print('before')\ndef ratio(a, b):\n    return a / b\nratio(1, 0)")).await;
    assert_eq!(output.stdout, "before\n");
    let error = output.error().unwrap();
    assert_eq!((error.name.as_str(), error.message.as_str()), ("ZeroDivisionError", "division by zero"));
    assert!(error.traceback.contains("return a / b"), "{error:?}");
    assert!(!error.traceback.contains("cell.py"), "{error:?}");
    assert_eq!(output.stderr, error.traceback);
}

#[tokio::test]
async fn an_exit_code_is_kept() {
    let harness = harness().await;
    let output = harness.run(python("import sys\nsys.exit(3)")).await;
    assert_eq!(output.outcome(), Some(Outcome::Error));
    assert!(matches!(output.done, Some(ExecutionEvent::Done { exit_code: 3, .. })));
    let output = harness.run(python("exit()")).await;
    assert_eq!(output.outcome(), Some(Outcome::Ok));
}

#[tokio::test]
async fn a_crash_of_the_interpreter_is_an_error_and_the_next_run_works() {
    let harness = harness().await;
    let output = harness.run(python("import ctypes\nctypes.string_at(1)")).await;
    assert_eq!(output.outcome(), Some(Outcome::Error));
    assert!(output.error().unwrap().message.contains("signal 11"), "{output:?}");
    assert_eq!(ok(&harness.run(python("print(1)")).await), "1\n");
}

#[tokio::test]
async fn none_of_many_answers_has_lost_its_last_words() {
    let n_rounds = variable("SEPTET_TEST_ROUNDS").map_or(150, |text| text.parse().unwrap());
    let harness = harness().await;
    let container = harness.container().await;
    for round in 0..n_rounds {
        let output = harness.run_in(container, python("display('x')\n6*7")).await;
        let said = (output.result().map(|result| result.text.as_str()), output.displays.len());
        assert_eq!(said, (Some("42"), 1), "round {round}: {output:?}");
        let output = harness.run_in(container, python("1/0")).await;
        assert_eq!(
            output.error().map(|error| error.name.as_str()),
            Some("ZeroDivisionError"),
            "round {round}: {output:?}"
        );
    }
}

#[tokio::test]
async fn two_runs_draw_different_random_numbers() {
    let harness = harness().await;
    let code = "import random, numpy\nprint(random.random(), numpy.random.rand())";
    assert_ne!(ok(&harness.run(python(code)).await), ok(&harness.run(python(code)).await));
}

#[tokio::test]
async fn programs_of_the_host_and_child_processes_work() {
    let harness = harness().await;
    let code = "import subprocess, sys\n\
                print(subprocess.run(['sh', '-c', 'echo child; pwd; id -u'], capture_output=True, text=True).stdout)\n\
                print(subprocess.run([sys.executable, '-c', 'import numpy; print(numpy.arange(3).sum())'], capture_output=True, text=True).stdout)\n\
                from concurrent.futures import ThreadPoolExecutor\n\
                print(sum(ThreadPoolExecutor(4).map(int, '123')))\n\
                from multiprocessing import Pool\n\
                print(Pool(2).map(abs, [-1, -2]))";
    assert_eq!(ok(&harness.run(python(code)).await), "child\n/session\n1000\n\n3\n\n6\n[1, 2]\n");
}

#[tokio::test]
async fn many_runs_at_once_all_come_to_their_own_end() {
    let harness = harness().await;
    let runs = (0..12).map(|n| {
        let harness = &harness;
        async move { ok(&harness.run(python(&format!("import time; time.sleep(0.05); print({n})"))).await).to_owned() }
    });
    let said = futures::future::join_all(runs).await;
    assert_eq!(said, (0..12).map(|n| format!("{n}\n")).collect::<Vec<_>>());
}
