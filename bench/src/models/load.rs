//! A closed loop of clients: each asks again as soon as it has its answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use serde_json::json;

/// Who is asked, and how hard.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// The path of Chat Completions.
    pub(crate) path: &'static str,
    pub(crate) key: String,
    pub(crate) model: &'static str,
    pub(crate) is_stream: bool,
    /// Clients at once.
    pub(crate) n: usize,
    /// How long before counting begins.
    pub(crate) warm: Duration,
    /// How long is counted.
    pub(crate) counted: Duration,
}

/// What the clients measured in the counted time.
pub(crate) struct Measurements {
    pub(crate) n_answers: u64,
    pub(crate) n_events: u64,
    /// Until the last byte, in microseconds.
    pub(crate) times: Histogram<u64>,
    /// From the beginning of counting until the last client stopped.
    pub(crate) elapsed: Duration,
}

impl Measurements {
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
    pub(crate) fn answers_per_s(&self) -> f64 {
        self.n_answers as f64 / self.elapsed.as_secs_f64()
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
    pub(crate) fn events_per_s(&self) -> f64 {
        self.n_events as f64 / self.elapsed.as_secs_f64()
    }

    #[expect(clippy::cast_precision_loss, reason = "microseconds")]
    pub(crate) fn ms(&self, quantile: f64) -> f64 {
        self.times.value_at_quantile(quantile) as f64 / 1000.0
    }
}

impl Load {
    /// One client that asks for whole answers for five seconds.
    pub(crate) fn of(address: SocketAddr, key: &str) -> Self {
        Self {
            address,
            path: "/v1/chat/completions",
            key: key.to_owned(),
            model: "mock",
            is_stream: false,
            n: 1,
            warm: Duration::from_secs(1),
            counted: Duration::from_secs(5),
        }
    }

    /// Puts the load on; fails with the first answer that is not a good one.
    pub(crate) async fn run(self) -> anyhow::Result<Measurements> {
        let load = Arc::new(self);
        let began = Instant::now() + load.warm;
        let clients: Vec<_> = (0..load.n).map(|_| tokio::spawn(client(Arc::clone(&load), began))).collect();
        let mut measured = Measurements { n_answers: 0, n_events: 0, times: histogram()?, elapsed: load.counted };
        for client in clients {
            let (times, n_events) = client.await??;
            measured.n_answers += times.len();
            measured.n_events += n_events;
            measured.times.add(times)?;
        }
        measured.elapsed = began.elapsed();
        Ok(measured)
    }

    /// Whether one question is answered, for a server that is starting.
    pub(crate) async fn is_answered(&self) -> bool {
        let ask = async {
            let mut connection = connect(self.address).await?;
            ask(&mut connection, self, self.body()).await
        };
        ask.await.is_ok()
    }

    fn body(&self) -> Bytes {
        let mut body =
            json!({"model": self.model, "messages": [{"role": "user", "content": "what is new? ".repeat(8)}]});
        if self.is_stream {
            body["stream"] = json!(true);
            body["stream_options"] = json!({"include_usage": true});
        }
        Bytes::from(body.to_string())
    }
}

type Connection = SendRequest<Full<Bytes>>;

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new(3)?)
}

async fn connect(address: SocketAddr) -> anyhow::Result<Connection> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(driver);
    Ok(sender)
}

async fn client(load: Arc<Load>, began: Instant) -> anyhow::Result<(Histogram<u64>, u64)> {
    let (mut times, mut n_events) = (histogram()?, 0);
    let until = began + load.counted;
    let body = load.body();
    let mut connection = connect(load.address).await?;
    while Instant::now() < until {
        if connection.is_closed() || connection.ready().await.is_err() {
            connection = connect(load.address).await?;
        }
        let asked = Instant::now();
        let n = ask(&mut connection, &load, body.clone()).await?;
        if asked >= began {
            times.record(u64::try_from(asked.elapsed().as_micros())?)?;
            n_events += n;
        }
    }
    Ok((times, n_events))
}

/// Asks once and reads the answer to its end. Gives the number of events.
async fn ask(connection: &mut Connection, load: &Load, body: Bytes) -> anyhow::Result<u64> {
    let request = hyper::Request::post(load.path)
        .header("host", "127.0.0.1")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", load.key))
        .body(Full::new(body))?;
    let mut response = connection.send_request(request).await?;
    let status = response.status();
    if !status.is_success() {
        let body = response.into_body().collect().await?.to_bytes();
        anyhow::bail!("{status}: {}", String::from_utf8_lossy(&body));
    }
    let (mut n_events, mut before) = (0, 0);
    while let Some(frame) = response.body_mut().frame().await {
        let Ok(data) = frame.context("the answer breaks off")?.into_data() else { continue };
        if load.is_stream {
            for &byte in &data {
                n_events += u64::from(byte == b'\n' && before == b'\n');
                before = byte;
            }
        }
    }
    if load.is_stream {
        anyhow::ensure!(n_events >= super::mock::N_EVENTS, "a stream of {n_events} events");
    }
    Ok(n_events)
}
