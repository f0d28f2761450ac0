//! The packages work behind the filter of system calls without ever asking it for what it denies.
//!
//! Where a denied call crashes the code, a package that makes one cannot hide it behind a way around.

use septet_contracts::sandbox::{ExecutionEvent, NewExecution, Outcome, Output};
use septet_sandbox_runner::Config;

use crate::support::{config, harness_with, python, sql};

/// Says on which line of the code a denied call was made.
const TELL: &str = "import faulthandler, signal, sys\nfaulthandler.register(signal.SIGSYS, file=2, chain=True)\n";

async fn run(code: &str) -> Output {
    let harness = harness_with(Config { crash_on_denied_calls: true, memory_bytes: 2 << 30, ..config() }).await;
    let new = NewExecution { timeout_ms: Some(60_000), ..python(&format!("{TELL}{code}")) };
    harness.run(new).await
}

async fn works(code: &str) {
    let output = run(code).await;
    assert_eq!(output.outcome(), Some(Outcome::Ok), "{output:?}");
    assert!(output.stdout.ends_with("end\n"), "{output:?}");
}

#[tokio::test]
async fn a_denied_call_is_noticed() {
    for code in [
        "import os; os.memfd_create('x')",
        "import socket; socket.socket(40, 1, 0)",
        "import ctypes; ctypes.CDLL(None).syscall(9999)",
    ] {
        let output = run(code).await;
        let Some(ExecutionEvent::Done { outcome: Outcome::Error, exit_code, .. }) = output.done else {
            panic!("{code}: {output:?}");
        };
        assert_eq!(exit_code, -libc::SIGSYS, "{code}");
        assert!(output.stderr.contains("<code>"), "{code}: {output:?}");
    }
}

#[tokio::test]
async fn numpy_makes_no_denied_call() {
    works(
        "import numpy as np
a = np.random.default_rng(1).normal(size=(300, 300))
np.linalg.svd(a); np.linalg.inv(a); np.fft.fft2(a); a @ a; np.sort(a, axis=None); np.einsum('ij,jk->ik', a, a)
np.save('a.npy', a); np.load('a.npy', mmap_mode='r').sum(); np.savez_compressed('a.npz', a=a); np.load('a.npz')['a']
np.savetxt('a.txt', a[:5]); np.genfromtxt('a.txt'); np.memmap('m.bin', dtype='f8', mode='w+', shape=(100, 100)).flush()
print('end')",
    )
    .await;
}

#[tokio::test]
async fn pandas_and_pyarrow_make_no_denied_call() {
    works(
        "import pandas as pd, numpy as np, pyarrow as pa, pyarrow.parquet, pyarrow.csv, pyarrow.compute as pc
f = pd.DataFrame({'天': pd.date_range('2025-01-01', periods=500, tz='Asia/Shanghai'), 'x': np.arange(500.), 's': ['甲', '乙'] * 250})
f.to_csv('a.csv', index=False); pd.read_csv('a.csv', parse_dates=['天']); f.to_json('a.json'); pd.read_json('a.json')
g = f.assign(天=f['天'].dt.tz_localize(None)); g.to_excel('a.xlsx', index=False); pd.read_excel('a.xlsx')
f.to_parquet('a.parquet'); assert len(pd.read_parquet('a.parquet')) == 500; f.to_pickle('a.pkl'); pd.read_pickle('a.pkl')
f.groupby('s').x.agg(['mean', 'std']); f.set_index('天').x.resample('W').sum(); f.merge(f, on='x'); f.pivot_table(index='s', values='x')
f.query('x > 3').eval('y = x * 2'); f.x.rolling(7).mean(); f.to_html(); f.describe(include='all').to_string()
t = pa.csv.read_csv('a.csv'); pc.sum(t['x']); pa.parquet.write_table(t, 'b.parquet', compression='zstd')
with pa.OSFile('c.arrow', 'wb') as o, pa.ipc.new_file(o, t.schema) as w: w.write(t)
pa.ipc.open_file(pa.memory_map('c.arrow')).read_all().to_pandas()
print('end')",
    )
    .await;
}

#[tokio::test]
async fn matplotlib_pillow_and_plotly_make_no_denied_call() {
    works(
        "import matplotlib.pyplot as plt, numpy as np, io
from mpl_toolkits.mplot3d import Axes3D
fig, (a, b) = plt.subplots(1, 2); a.plot(np.sin(np.arange(50) / 5), label='正弦'); a.legend(); a.set_title('收入 −3%'); b.imshow(np.eye(20)); fig.colorbar(b.images[0])
for kind in ('png', 'svg', 'pdf', 'jpg'): fig.savefig('a.' + kind)
plt.figure(); plt.subplot(projection='3d').plot_surface(*np.meshgrid(range(9), range(9)), np.ones((9, 9))); plt.savefig('3d.png'); plt.xkcd
from PIL import Image, ImageDraw, ImageFont, ImageFilter
i = Image.open('a.png').convert('RGB').resize((300, 200)).filter(ImageFilter.GaussianBlur(2)); ImageDraw.Draw(i).text((5, 5), 'hello', font=ImageFont.load_default())
for kind in ('png', 'jpeg', 'gif', 'webp', 'bmp', 'tiff'): i.save('b.' + kind); Image.open('b.' + kind).load()
import plotly.express as px, plotly.graph_objects as go, pandas as pd
f = px.bar(pd.DataFrame({'年': [2024, 2025], '值': [1, 2]}), x='年', y='值', title='图'); f.to_json(); f.write_html('c.html'); go.Figure(go.Scatter(y=np.arange(9))).to_dict()
print('end')",
    )
    .await;
}

#[tokio::test]
async fn duckdb_and_openpyxl_make_no_denied_call() {
    works(
        "import duckdb, pandas as pd, openpyxl
from openpyxl.chart import BarChart, Reference
c = duckdb.connect(); c.execute('SET threads=4')
c.execute(\"CREATE TABLE t AS SELECT range AS a, range % 7 AS b, '行' || range AS s FROM range(200000)\")
c.execute('SELECT b, sum(a), count(DISTINCT s) FROM t GROUP BY b ORDER BY b').df(); c.execute(\"COPY t TO 't.parquet'\"); c.execute(\"COPY t TO 't.csv'\")
c.execute(\"SELECT count(*) FROM 't.parquet' JOIN 't.csv' USING (a)\").fetchall(); c.sql('SELECT * FROM t').to_arrow_table(); f = pd.DataFrame({'x': [1]}); c.sql('SELECT * FROM f').fetchall()
d = duckdb.connect('d.duckdb'); d.execute('CREATE TABLE u AS SELECT 1 AS one'); d.execute('CHECKPOINT'); d.close(); duckdb.connect('d.duckdb', read_only=True).sql('FROM u').fetchall()
w = openpyxl.Workbook(); s = w.active; s.title = '表'; [s.append([i, i * i]) for i in range(50)]; ch = BarChart(); ch.add_data(Reference(s, min_col=2, min_row=1, max_row=50)); s.add_chart(ch, 'D2'); w.save('a.xlsx')
assert openpyxl.load_workbook('a.xlsx', read_only=True).active.max_row == 50
print('end')",
    )
    .await;
}

#[tokio::test]
async fn the_standard_library_makes_no_denied_call() {
    works(
        "import os, subprocess, threading, multiprocessing, concurrent.futures as cf, tempfile, zipfile, tarfile, sqlite3, asyncio, socket, select, mmap, shutil, time, pathlib
import sched, selectors, random, hashlib, ssl, locale, platform, resource, glob, gzip, lzma, json, csv, uuid, fcntl, secrets, getpass, io, logging
subprocess.run(['ls', '-la', '/session'], check=True, capture_output=True); subprocess.run('echo a | sort | wc -l > /tmp/n', shell=True, check=True)
with cf.ThreadPoolExecutor(4) as p: list(p.map(str, range(100)))
with multiprocessing.get_context('fork').Pool(2) as p: assert p.map(abs, [-1, -2]) == [1, 2]
with tempfile.TemporaryDirectory() as d:
    p = pathlib.Path(d, 'a'); p.write_text('x'); p.chmod(0o600); p.rename(pathlib.Path(d, 'b')); os.symlink('b', d + '/c'); shutil.copytree(d, d + '2', symlinks=True); os.utime(d + '/b'); os.truncate(d + '/b', 9)
    with zipfile.ZipFile(d + '/z.zip', 'w') as z: z.write(d + '/b')
    with tarfile.open(d + '/t.tar.gz', 'w:gz') as t: t.add(d + '/b')
    with open(d + '/b', 'r+b') as f: mmap.mmap(f.fileno(), 0).flush(); fcntl.flock(f, fcntl.LOCK_EX); os.fsync(f.fileno()); os.posix_fallocate(f.fileno(), 0, 4096)
c = sqlite3.connect('s.db'); c.execute('PRAGMA journal_mode=WAL'); c.execute('CREATE TABLE t(a)'); c.execute('INSERT INTO t VALUES (1)'); c.commit(); c.close()
async def main():
    await asyncio.gather(*(asyncio.sleep(0.01) for _ in range(9))); await asyncio.to_thread(time.sleep, 0.01)
    q = await asyncio.create_subprocess_exec('true'); await q.wait()
asyncio.run(main())
a, b = socket.socketpair(); a.sendall(b'x'); select.select([b], [], [], 1); selectors.DefaultSelector().register(b, 1); b.recv(1)
resource.getrusage(0); os.getloadavg if False else None; os.nice(0); os.sched_getaffinity(0); os.cpu_count(); os.urandom(8); uuid.uuid4(); platform.platform(); os.statvfs('/session'); os.times(); os.umask(0o22)
threading.Timer(0.01, print).start(); time.sleep(0.05); os.walk('/session'); list(os.scandir('/usr/lib')); os.getpriority(0, 0); hashlib.sha256(b'x'); secrets.token_hex(); time.get_clock_info('monotonic')
print('end')",
    )
    .await;
}

#[tokio::test]
async fn sql_makes_no_denied_call() {
    let harness = harness_with(Config { crash_on_denied_calls: true, ..config() }).await;
    let container = harness.container().await;
    harness.upload(container, "a.csv", "天,值\n2025-01-01,1\n2025-01-02,2\n").await.unwrap();
    let output = harness
        .run_in(container, sql("COPY (SELECT * FROM 'a.csv') TO '/session/a.parquet'; SELECT sum(值) FROM 'a.parquet'"))
        .await;
    assert_eq!(output.outcome(), Some(Outcome::Ok), "{output:?}");
}
