//! What code shows, of every kind.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use septet_contracts::sandbox::Output;
use serde_json::{Value, json};

use crate::support::{Harness, harness, names, ok, python, sql};

async fn shown(harness: &Harness, code: &str) -> Vec<(String, String)> {
    let output = harness.run(python(code)).await;
    ok(&output);
    output.displays
}

fn text(output: &Output) -> &str {
    &output.result().expect("a result").text
}

fn kind(mime: &str, text: &str) -> (String, String) {
    (mime.to_owned(), text.to_owned())
}

#[tokio::test]
async fn display_shows_any_value_at_any_point() {
    let harness = harness().await;
    let code = "display('plain 中', 42)\n\
                class Html:\n    def _repr_html_(self): return '<b>x</b>'\n\
                class Formula:\n    def _repr_latex_(self): return '$x^2$'\n\
                class Note:\n    def _repr_markdown_(self): return '# title'\n\
                class Data:\n    def _repr_json_(self): return {'a': [1, None]}\n\
                class Drawing:\n    def _repr_svg_(self): return '<svg/>'\n\
                class Both:\n    def _repr_mimebundle_(self, include=None, exclude=None):\n        return {'text/plain': 'p', 'text/html': '<i>y</i>'}\n\
                for thing in (Html(), Formula(), Note(), Data(), Drawing(), Both()): display(thing)";

    let expected = [
        kind("text/plain", "plain 中"),
        kind("text/plain", "42"),
        kind("text/html", "<b>x</b>"),
        kind("text/latex", "$x^2$"),
        kind("text/markdown", "# title"),
        kind("application/json", "{\"a\": [1, null]}"),
        kind("image/svg+xml", "<svg/>"),
        kind("text/html", "<i>y</i>"),
    ];
    assert_eq!(shown(&harness, code).await, expected);
}

#[tokio::test]
async fn a_last_line_shows_what_it_looks_like() {
    let harness = harness().await;
    let code =
        "class Html:\n    def _repr_html_(self): return '<b>x</b>'\n    def __repr__(self): return 'an html'\nHtml()";
    let output = harness.run(python(code)).await;
    assert_eq!((text(&output), &output.displays), ("an html", &vec![kind("text/html", "<b>x</b>")]));

    let output = harness.run(python("import pandas\npandas.DataFrame({'销售': [1, 2], 'b': ['<x>', None]})")).await;
    assert!(text(&output).contains("销售"));
    let table = output.result().unwrap().json.clone().unwrap();
    assert_eq!(
        table,
        json!({"columns": ["销售", "b"], "rows": [[1, "<x>"], [2, null]], "n_rows": 2, "truncated": false})
    );
    let [(mime, html)] = output.displays.as_slice() else { panic!("{:?}", output.displays) };
    assert!(mime == "text/html" && html.contains("<table") && html.contains("&lt;x&gt;"), "{html}");
}

#[tokio::test]
async fn code_for_notebooks_finds_what_it_imports() {
    let harness = harness().await;
    let code = "from IPython.display import display, HTML, Markdown, Image, clear_output\n\
                from PIL import Image as Picture\n\
                Picture.new('RGB', (2, 2)).save('p.jpg')\n\
                clear_output(); display(HTML('<b>x</b>'), Markdown('# t')); Image('p.jpg')";
    let output = harness.run(python(code)).await;
    ok(&output);
    let kinds: Vec<&str> = output.displays.iter().map(|(mime, _)| mime.as_str()).collect();
    assert_eq!(kinds, ["text/html", "text/markdown", "image/jpeg"]);
    assert_eq!(text(&output), "<Image>");
}

#[tokio::test]
async fn a_picture_is_shown_in_base64() {
    let harness = harness().await;
    let shown = shown(&harness, "from PIL import Image\ndisplay(Image.new('CMYK', (3, 2)))").await;
    let [(mime, data)] = shown.as_slice() else { panic!("{shown:?}") };
    assert_eq!(mime, "image/png");
    assert!(STANDARD.decode(data).unwrap().starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn plotly_and_echarts_are_shown_as_their_options() {
    let harness = harness().await;
    let code = "import plotly.graph_objects as go\n\
                figure = go.Figure(go.Bar(x=['一', '二'], y=[1, 2]), layout={'title': '图'})\n\
                figure.show()\n\
                display_echarts({'series': [{'type': 'bar', 'data': [1, 2]}]})\n\
                figure";
    let output = harness.run(python(code)).await;
    ok(&output);
    let kinds: Vec<&str> = output.displays.iter().map(|(mime, _)| mime.as_str()).collect();
    let plotly = "application/vnd.plotly.v1+json";
    assert_eq!(kinds, [plotly, "application/vnd.echarts.v1+json", plotly]);
    let figure: Value = serde_json::from_str(&output.displays[0].1).unwrap();
    assert_eq!(figure["data"][0]["type"], "bar");
    let option: Value = serde_json::from_str(&output.displays[1].1).unwrap();
    assert_eq!(option["series"][0]["data"], json!([1, 2]));
    assert!(text(&output).len() < 100, "{}", text(&output));
}

#[tokio::test]
async fn figures_of_matplotlib_stay_files() {
    let harness = harness().await;
    let code = "import matplotlib.pyplot as plot\n\
                one, axes = plot.subplots(); axes.plot([1, 2]); display(one)\n\
                two, axes = plot.subplots(); axes.plot([2, 1]); plot.close(two); display(two)\n\
                axes.plot([3])";
    let output = harness.run(python(code)).await;
    ok(&output);
    assert_eq!((output.displays.len(), output.result()), (0, None));
    assert_eq!(names(&output), ["/session/chart-1.png", "/session/chart-2.png"]);
}

#[tokio::test]
async fn hostile_and_huge_things_do_no_harm() {
    let harness = harness().await;
    let code = "class Bad:\n    def _repr_html_(self): raise SystemExit(3)\n    def __repr__(self): raise KeyboardInterrupt\n\
                class Liar:\n    def __getattr__(self, name): return lambda *a, **k: '<b>no</b>'\n    def __repr__(self): return 'liar'\n\
                class Huge:\n    def _repr_html_(self): return 'x' * (3 << 20)\n\
                class Odd:\n    def _repr_png_(self): return 'not base64 at all'\n\
                display(Liar())\ndisplay(Huge())\n\
                try:\n    display(Odd())\nexcept ValueError: print('refused')\n\
                for n in range(300): display(n)\n\
                Bad()";
    let output = harness.run(python(code)).await;
    assert!(text(&output).contains("cannot be shown"), "{output:?}");
    assert_eq!(output.displays[0], kind("text/plain", "liar"));
    assert_eq!(output.displays[1].0, "text/plain");
    assert!(output.displays[1].1.contains("/session/display-1.html"), "{:?}", output.displays[1]);
    let file = output.files.iter().find(|file| file.path == "/session/display-1.html").expect("the file");
    assert_eq!(file.bytes, 3 << 20);
    assert_eq!(output.displays.len(), 65);
    assert!(output.displays[64].1.contains("left out"));
}

#[tokio::test]
async fn a_wide_table_still_fits_into_the_report() {
    let harness = harness().await;
    let output =
        harness.run(python("import pandas\npandas.DataFrame({f'c{n}': ['x' * 200] * 5000 for n in range(40)})")).await;
    let table = output.result().unwrap().json.as_ref().expect("a table");
    assert_eq!((&table["n_rows"], &table["truncated"]), (&json!(5000), &json!(true)));
    let n_rows = table["rows"].as_array().unwrap().len();
    assert!((1..1000).contains(&n_rows), "{n_rows}");
}

#[tokio::test]
async fn a_long_result_of_sql_is_there_in_whole_as_files() {
    let harness = harness().await;
    let container = harness.container().await;
    let query = "SELECT i, i * 0.5 AS half, '中' || i AS name, DATE '2026-01-01' + i::INT AS day, \
                 CASE WHEN i % 2 = 0 THEN NULL ELSE 1.25::DECIMAL(6,2) END AS price, sum(i) OVER () AS huge \
                 FROM range(12000) AS r(i) ORDER BY i";
    let output = harness.run_in(container, sql(query)).await;
    assert!(
        text(&output).ends_with("(12000 rows, 40 shown; all of them in result-1.csv and result-1.arrow)\n"),
        "{}",
        text(&output)
    );
    assert_eq!(names(&output), ["/session/result-1.arrow", "/session/result-1.csv"]);
    let csv = String::from_utf8(harness.bytes(&output.files[1]).await).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines.len(), lines[0]), (12001, "i,half,name,day,price,huge"));
    assert_eq!(lines[2], "1,0.5,中1,2026-01-02,1.25,71994000");
    let code = "import pyarrow\ntable = pyarrow.ipc.open_file('result-1.arrow').read_all()\n\
                print(table.num_rows, [str(t) for t in table.schema.types], table['name'][11999], table['price'].null_count)";
    assert_eq!(
        ok(&harness.run_in(container, python(code)).await),
        "12000 ['int64', 'decimal128(21, 1)', 'string', 'date32[day]', 'decimal128(6, 2)', 'decimal128(38, 0)'] 中11999 6000\n"
    );

    let short = harness.run_in(container, sql("SELECT * FROM range(1000)")).await;
    assert_eq!(
        (names(&short).len(), short.result().unwrap().json.as_ref().unwrap()["truncated"].clone()),
        (0, json!(false))
    );
}
