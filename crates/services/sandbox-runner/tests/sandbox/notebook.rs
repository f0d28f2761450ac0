//! Code as models write it that know a hosted code interpreter.

use std::path::PathBuf;

use septet_contracts::sandbox::{NewExecution, Outcome, Output};
use serde_json::json;

use crate::support::{Harness, config, harness, harness_with, names, ok, python};

/// What does not end well anywhere: a file that is not there, packages that are left out.
const ENDS_IN_AN_ERROR: [(&str, &str); 2] =
    [("15b_xls_legacy", "FileNotFoundError"), ("34_cv2_skimage", "ModuleNotFoundError")];
/// Takes longer to write its hundred megabytes than a test may.
const TOO_LARGE: [&str; 1] = ["25_big_csv"];

#[tokio::test]
async fn snippets_in_the_manner_of_models_end_well() {
    let Some(folder) = septet_fixtures::shared("probes/sandbox/interpreter") else { return };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "py"));
    files.sort();
    let harness = harness_with(septet_sandbox_runner::Config { timeout_ms: 240_000, ..config() }).await;
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if TOO_LARGE.contains(&name.as_str()) {
            continue;
        }
        let new = NewExecution { stateful: true, ..python(&std::fs::read_to_string(&file).unwrap()) };
        let output = harness.run(new).await;
        let raised = output.error().map(|error| error.name.clone());
        let expected =
            ENDS_IN_AN_ERROR.iter().find(|(snippet, _)| *snippet == name).map(|(_, error)| (*error).to_owned());
        if raised != expected || (expected.is_none() && output.outcome() != Some(Outcome::Ok)) {
            wrong.push(format!("{name}: {:?}", output.error().map_or(&output.stderr, |error| &error.traceback)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn said(harness: &Harness, code: &str) -> String {
    ok(&harness.run(python(code)).await).to_owned()
}

#[tokio::test]
async fn cells_accept_what_notebooks_accept() {
    let harness = harness().await;
    for (code, expected) in [
        ("%matplotlib inline\nprint(1)", "1\n"),
        ("!echo hello\nprint(2)", "hello\n2\n"),
        ("files = !echo a; echo b\nprint(files)", "['a', 'b']\n"),
        ("name = 'x'\n!echo {name} $name", "x x\n"),
        ("for n in range(2):\n    !echo {n}", "0\n1\n"),
        ("```python\nprint(3)\n```", "3\n"),
        ("Here is the code:\n\n```python\nprint(4)\n```\nIt prints 4.", "4\n"),
        (
            "First:\n\n```python\na = 1\n```\n\n```json\n{\"a\": true}\n```\n```bash\nls no-such-file\n```\nThen:\n\n\
             ~~~ipython\nb = !echo 2\nprint(a, b)\n~~~\nDone.",
            "1 ['2']\n",
        ),
        ("```python\na = 1\n```\nand then\n```py\nprint(a + 1)\n```", "2\n"),
        ("\u{feff}print(5)", "5\n"),
        ("%%bash\necho six", "six\n"),
        ("%%writefile a.txt\nseven", "Writing a.txt\n"),
        ("%pip install -q pandas", "Requirement already satisfied: pandas"),
        ("%cd /tmp\n%pwd\nprint(8)", "/tmp\n8\n"),
        ("text = '''\n!not a command\n%not a magic\n'''\nprint(len(text))", "29\n"),
        ("import asyncio\nprint(await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2)))", "[1, 2]\n"),
        ("get_ipython().run_line_magic('matplotlib', 'inline')\nprint(9)", "9\n"),
        ("x = (7\n% 4)\nprint(x)", "3\n"),
        ("d = {}\nd['a'] = !echo a: !b\nif 'a' in d: !echo yes\nprint(d)", "yes\n{'a': ['a: !b']}\n"),
        ("import nest_asyncio, asyncio\nnest_asyncio.apply()\nprint(asyncio.run(asyncio.sleep(0, 10)))", "10\n"),
        ("import locale\nprint(locale.setlocale(locale.LC_ALL, 'zh_CN.UTF-8'))", "zh_CN.UTF-8\n"),
    ] {
        let output = said(&harness, code).await;
        assert!(output.starts_with(expected), "{code}: {output}");
    }
}

#[tokio::test]
async fn a_magic_that_means_nothing_is_skipped_with_a_note_and_lines_keep_their_numbers() {
    let harness = harness().await;
    let output = harness.run(python("%load_ext autoreload\n!true\n1/0")).await;
    assert!(output.stderr.starts_with("note: %load_ext autoreload means nothing here and was skipped\n"), "{output:?}");
    assert!(output.error().unwrap().traceback.contains("line 3"), "{output:?}");

    let output = harness.run(python("%pip install no-such-package-at-all")).await;
    ok(&output);
    assert!(output.stderr.contains("no-such-package-at-all cannot be installed"), "{output:?}");
    let output = harness.run(python("!ls\nx = = 1")).await;
    assert_eq!(output.error().unwrap().name, "SyntaxError");
    for python_2 in ["print \"x=%d\" % 3", "print \"x: %d\" % 3", "if 1:\n    print 'a: !b'"] {
        let output = harness.run(python(python_2)).await;
        assert!(output.error().unwrap().message.contains("Missing parentheses"), "{python_2}: {output:?}");
    }
}

#[tokio::test]
async fn variables_and_the_loop_of_await_last_from_cell_to_cell() {
    let harness = harness().await;
    let container = harness.container().await;
    let run = async |code: &str| -> Output {
        harness.run_in(container, NewExecution { stateful: true, ..python(code) }).await
    };
    ok(&run("import asyncio\ntask = asyncio.ensure_future(asyncio.sleep(0, 'late'))\nawait asyncio.sleep(0)").await);
    let output = run("await task").await;
    assert_eq!(output.result().unwrap().text, "late");
}

#[tokio::test]
async fn the_folder_of_hosted_interpreters_is_the_session() {
    let harness = harness().await;
    let container = harness.container().await;
    harness.upload(container, "in.csv", "a\n1\n").await.unwrap();
    let code = "import pandas as pd\npd.read_csv('/mnt/data/in.csv').to_csv('/mnt/data/out.csv', index=False)";
    let output = harness.run_in(container, python(code)).await;
    ok(&output);
    assert_eq!(names(&output), ["/session/out.csv"]);
}

#[tokio::test]
async fn an_error_of_the_sandbox_says_what_to_do() {
    let harness = harness_with(septet_sandbox_runner::Config { file_bytes: 8 << 20, ..config() }).await;
    let output = harness
        .run(python("with open('big.csv', 'w') as file:\n    for n in range(20): file.write('x' * (1 << 20))"))
        .await;
    let error = output.error().unwrap();
    assert!(error.message.contains("at most 8 MiB"), "{error:?}");
    assert!(error.traceback.contains("at most 8 MiB"), "{error:?}");
    let output = harness.run(python("import torch")).await;
    assert!(output.error().unwrap().message.contains("torch is not in this sandbox"), "{output:?}");
    let output = harness.run(python("input('name? ')")).await;
    assert!(output.error().unwrap().message.contains("nobody is there to type"), "{output:?}");
}

#[tokio::test]
async fn an_animation_that_should_be_a_film_is_a_gif() {
    let harness = harness().await;
    let code = "import matplotlib.pyplot as plt\nfrom matplotlib.animation import FuncAnimation\n\
                fig, ax = plt.subplots(); l, = ax.plot([0, 1], [0, 1])\n\
                FuncAnimation(fig, lambda i: (l.set_ydata([0, i]),), frames=2).save('a.mp4', writer='ffmpeg', fps=5)";
    let output = harness.run(python(code)).await;
    ok(&output);
    assert!(names(&output).contains(&"/session/a.gif"), "{output:?}");
    assert!(output.stderr.contains("a.gif"), "{output:?}");
}

#[tokio::test]
async fn values_that_json_has_not_leave_a_table_whole() {
    let harness = harness().await;
    let code = "import pandas as pd, numpy as np, datetime, decimal\n\
                pd.DataFrame({'period': pd.period_range('2024Q1', periods=2, freq='Q'), 'bytes': [b'a', b'\\xff'], 'gap': [np.nan, np.inf],\n\
                'none': [None, pd.NA], 'day': [datetime.date(2024, 1, 1), pd.NaT], 'price': [decimal.Decimal('1.10'), decimal.Decimal('NaN')],\n\
                'set': [{1}, (1, 2)], 'odd': [1+2j, pd.Interval(0, 1)]}, index=['甲', '乙']).rename_axis('地区')";
    let output = harness.run(python(code)).await;
    ok(&output);
    assert_eq!(output.stderr, "");
    let result = output.result().unwrap();
    assert!(result.text.contains("2024Q1") && result.text.contains("甲"), "{}", result.text);
    let rows = json!([
        ["2024Q1", "a", null, null, "2024-01-01", 1.1, [1], "(1+2j)"],
        ["2024Q2", "\\xff", null, null, null, null, [1, 2], "(0, 1]"]
    ]);
    let table = result.json.as_ref().unwrap();
    assert_eq!(
        (&table["rows"], &table["index"], &table["index_names"]),
        (&rows, &json!(["甲", "乙"]), &json!(["地区"]))
    );

    let query = "select 'NaN'::double as a, 'Infinity'::double as b, 170141183460469231731687303715884105727::hugeint as c, \
                 '\\xFF'::blob as d, interval 1 day as e";
    let output = harness.run(crate::support::sql(query)).await;
    let row = json!([[null, null, "170141183460469231731687303715884105727", "\\xff", "1 day, 0:00:00"]]);
    assert_eq!(output.result().unwrap().json.as_ref().unwrap()["rows"], row);
}

#[tokio::test]
async fn one_form_that_fails_takes_no_other_with_it() {
    let harness = harness().await;
    let code =
        "class Odd:\n    def _repr_png_(self): return 'not base64 at all'\n    def __repr__(self): return 'odd'\nOdd()";
    assert_eq!(harness.run(python(code)).await.result().unwrap().text, "odd");
    // Escapes make a report several times as large as what was shown.
    let code = "for _ in range(20): display('\\x01' * 60000)\n'here'";
    let output = harness.run(python(code)).await;
    assert_eq!(output.result().map(|result| result.text.as_str()), Some("here"), "{output:?}");
}
