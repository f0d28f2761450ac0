//! The proxy with a made-up internet behind it: names and addresses are invented, connections and bytes are real.

mod sealed;
mod tunnels;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use septet_chassis::Lifecycle;
use septet_contracts::sandbox::{DomainSecret, NetworkPolicy};
use septet_kernel::{Clock, ContainerId, Ids};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{Egress, EgressPolicy, Internet, Serving};
use crate::{Config, Error};

const PUBLIC: &str = "93.184.216.34";
const SECRET: &str = "sk-0123456789abcdef";

/// Names with the answers they give one after the other (the last one for ever), and where addresses really lead.
#[derive(Default)]
struct Fake {
    names: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    hosts: Mutex<HashMap<SocketAddr, SocketAddr>>,
    n_resolved: Mutex<usize>,
    connected: Mutex<Vec<SocketAddr>>,
}

#[async_trait]
impl Internet for Fake {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        *self.n_resolved.lock().unwrap() += 1;
        let mut names = self.names.lock().unwrap();
        let answers = names.get_mut(host).ok_or(io::ErrorKind::NotFound)?;
        Ok(if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() })
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.connected.lock().unwrap().push(address);
        let real = self.hosts.lock().unwrap().get(&address).copied().ok_or(io::ErrorKind::ConnectionRefused)?;
        TcpStream::connect(real).await
    }
}

impl Fake {
    fn name(&self, host: &str, answers: &[&[&str]]) {
        let answers = answers.iter().map(|all| all.iter().map(|text| text.parse().unwrap()).collect()).collect();
        self.names.lock().unwrap().insert(host.to_owned(), answers);
    }

    fn connected(&self) -> Vec<SocketAddr> {
        self.connected.lock().unwrap().clone()
    }
}

struct TestEgress {
    egress: Egress,
    fake: Arc<Fake>,
    lifecycle: Lifecycle,
    container: ContainerId,
}

fn config() -> Config {
    Config { egress_domains: vec!["*".to_owned()], ..Config::default() }
}

fn test(config: &Config) -> TestEgress {
    let (fake, lifecycle) = (Arc::new(Fake::default()), Lifecycle::default());
    fake.name("site.example", &[&[PUBLIC]]);
    fake.name("other.example", &[&[PUBLIC]]);
    let egress = Egress::over(config, lifecycle.clone(), Arc::clone(&fake) as Arc<dyn Internet>).unwrap();
    TestEgress { egress, fake, lifecycle, container: Ids::new(Clock::manual(0)).next() }
}

fn list(domains: &[&str]) -> NetworkPolicy {
    with_secret(domains, &[])
}

fn with_secret(domains: &[&str], of: &[&str]) -> NetworkPolicy {
    let secret = |domain: &&str| DomainSecret {
        domain: (*domain).to_owned(),
        name: "API_KEY".to_owned(),
        value: SECRET.to_owned(),
    };
    NetworkPolicy::Allowlist {
        allowed_domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
        domain_secrets: of.iter().map(secret).collect(),
    }
}

impl TestEgress {
    fn policy(&self, policy: NetworkPolicy) -> Arc<EgressPolicy> {
        let network = self.egress.admit(self.container, Some(policy)).unwrap().unwrap();
        self.egress.policy(self.container, &network).unwrap()
    }

    async fn open(&self, policy: NetworkPolicy) -> (SocketAddr, Serving) {
        serve(&self.policy(policy))
    }

    /// A server behind a public address that answers with what it was sent.
    async fn echo(&self, port: u16, tls: Option<TlsAcceptor>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = SocketAddr::new(PUBLIC.parse().unwrap(), port);
        self.fake.hosts.lock().unwrap().insert(at, listener.local_addr().unwrap());
        let lifecycle = self.lifecycle.clone();
        self.lifecycle.spawn("echo", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tls = tls.clone();
                lifecycle.spawn("echo one", async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                echo_on(stream).await;
                            }
                        }
                        None => echo_on(stream).await,
                    }
                });
            }
        });
    }
}

fn serve(policy: &Arc<EgressPolicy>) -> (SocketAddr, Serving) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (address, policy.serve(listener).unwrap())
}

async fn echo_on(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let service = service_fn(|request: Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        let mut text = format!("{} {}\n", head.method, head.uri);
        for (name, value) in &head.headers {
            text.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
        }
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        text.push_str(&format!("body: {}\n", String::from_utf8_lossy(&body)));
        let mut response = Response::builder().header("keep-alive", "timeout=5");
        if head.uri.path() == "/redirect" {
            response = response.status(302).header("location", "http://169.254.169.254/latest/meta-data/");
        }
        if let Some(key) = head.headers.get("authorization") {
            response = response.header("x-echo", key.clone());
        }
        response.body(Full::new(Bytes::from(text)))
    });
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

/// What the proxy says to these bytes, until it closes or is silent for a while.
async fn say(proxy: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(proxy).await.unwrap();
    stream.write_all(bytes).await.ok();
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(n_bytes @ 1..)) = tokio::time::timeout(Duration::from_millis(700), stream.read(&mut buffer)).await {
        said.extend_from_slice(&buffer[..n_bytes]);
    }
    String::from_utf8_lossy(&said).into_owned()
}

async fn get(proxy: SocketAddr, url: &str) -> String {
    say(proxy, format!("GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await
}

async fn dial(proxy: SocketAddr, target: &str) -> String {
    say(proxy, format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n").as_bytes()).await
}

#[tokio::test]
async fn a_request_to_an_allowed_host_passes_without_what_is_for_the_proxy() {
    let test = test(&config());
    test.echo(80, None).await;
    let (proxy, _serving) = test.open(list(&["site.example"])).await;
    let said = say(
        proxy,
        b"POST http://SITE.example./path?q=1 HTTP/1.1\r\nHost: evil.example\r\nProxy-Authorization: Basic eA==\r\n\
          Proxy-Connection: keep-alive\r\nConnection: close, x-hop\r\nX-Hop: 1\r\nX-Kept: 2\r\nContent-Length: 3\r\n\r\nabc",
    )
    .await;
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
    assert!(said.contains("POST /path?q=1\n") && said.contains("host: site.example\n"), "{said}");
    assert!(said.contains("x-kept: 2\n") && said.contains("body: abc\n"), "{said}");
    for gone in ["proxy-", "x-hop", "evil", "keep-alive"] {
        assert!(!said.to_lowercase().contains(gone), "{gone}: {said}");
    }
    assert_eq!(test.fake.connected(), [SocketAddr::new(PUBLIC.parse().unwrap(), 80)]);
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_refused_in_words_before_its_name_is_looked_up() {
    let test = test(&config());
    let (proxy, _serving) = test.open(list(&["site.example", "*.wild.example"])).await;
    for target in ["other.example", "www.site.example", "wild.example", "site.example.evil.example"] {
        let said = dial(proxy, &format!("{target}:443")).await;
        assert!(said.starts_with(&format!("HTTP/1.1 403 sandbox: {target} is not on the list of allowed")), "{said}");
        let said = get(proxy, &format!("http://{target}/")).await;
        assert!(said.contains("network_policy"), "{said}");
    }
    assert!(dial(proxy, "site.example:22").await.contains("port 22 is not open"));
    assert!(get(proxy, "http://site.example:8080/").await.contains("port 8080 is not open"));
    assert!(get(proxy, "https://site.example/").await.contains("use CONNECT"));
    assert!(get(proxy, "ftp://site.example/").await.contains("use CONNECT"));
    assert!(get(proxy, "/path").await.starts_with("HTTP/1.1 400 "));
    assert_eq!((*test.fake.n_resolved.lock().unwrap(), test.fake.connected().len()), (0, 0));
}

#[tokio::test]
async fn an_address_is_refused_in_every_spelling() {
    let test = test(&Config { egress_ports: vec![80, 443, 6379], ..config() });
    let (proxy, _serving) = test.open(list(&["*"])).await;
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "169.254.169.254",
        "2852039166",
        "0xA9FEA9FE",
        "0251.0376.0251.0376",
        "169.254.169.254.",
        "10.0.0.1",
        "8.8.8.8",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::FFFF:a9fe:a9fe]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1%25eth0]",
        "[fd00:ec2::254]",
        "%31%32%37.0.0.1",
        "user@127.0.0.1",
        "site.example@127.0.0.1",
        "127.0.0.1:80@site.example",
        "user:password@site.example",
        "[::1]@site.example",
        "site.example..",
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "site.example\\@127.0.0.1",
    ] {
        for said in [
            get(proxy, &format!("http://{host}/")).await,
            get(proxy, &format!("http://{host}:6379/")).await,
            dial(proxy, &format!("{host}:443")).await,
            dial(proxy, host).await,
        ] {
            assert!(said.starts_with("HTTP/1.1 4") || said.is_empty(), "{host}: {said}");
        }
    }
    assert_eq!(test.fake.connected(), []);
    // What follows a `#` is no host for anybody.
    get(proxy, "http://site.example#@127.0.0.1/").await;
    get(proxy, "http://site.example?@127.0.0.1/").await;
    let public = SocketAddr::new(PUBLIC.parse().unwrap(), 80);
    assert_eq!(test.fake.connected(), [public, public]);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    let test = test(&config());
    for (n, address) in [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "fe80::1",
        "fd00:ec2::254",
        "ff02::1",
    ]
    .iter()
    .enumerate()
    {
        test.fake.name(&format!("in{n}.example"), &[&[address]]);
    }
    let (proxy, _serving) = test.open(list(&["*"])).await;
    for n in 0..15 {
        let said = dial(proxy, &format!("in{n}.example:443")).await;
        assert!(said.starts_with("HTTP/1.1 403 ") && said.contains("leads to an address"), "{n}: {said}");
        let said = get(proxy, &format!("http://in{n}.example/")).await;
        assert!(said.starts_with("HTTP/1.1 403 "), "{n}: {said}");
    }
    assert!(get(proxy, "http://nowhere.example/").await.starts_with("HTTP/1.1 502 "));
    assert_eq!(test.fake.connected(), []);
}

#[tokio::test]
async fn of_mixed_addresses_only_the_ordinary_ones_are_tried() {
    let test = test(&config());
    test.echo(80, None).await;
    test.fake.name("mixed.example", &[&["127.0.0.1", "::ffff:10.0.0.1", "1.2.3.4", PUBLIC]]);
    let (proxy, _serving) = test.open(list(&["mixed.example"])).await;
    assert!(get(proxy, "http://mixed.example/").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(test.fake.connected(), ["1.2.3.4:80".parse().unwrap(), SocketAddr::new(PUBLIC.parse().unwrap(), 80)]);
}

#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let test = test(&config());
    test.echo(80, None).await;
    // Public when it is examined; would be loopback when it is looked up once more.
    test.fake.name("rebind.example", &[&[PUBLIC], &["127.0.0.1"]]);
    let (proxy, _serving) = test.open(list(&["rebind.example"])).await;
    assert!(get(proxy, "http://rebind.example/").await.starts_with("HTTP/1.1 200 "));
    let said = get(proxy, "http://rebind.example/").await;
    assert!(said.contains("leads to an address that is loopback"), "{said}");
    assert_eq!(test.fake.connected(), [SocketAddr::new(PUBLIC.parse().unwrap(), 80)]);
    assert_eq!(*test.fake.n_resolved.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_redirect_is_the_clients_business_and_its_target_is_examined() {
    let test = test(&config());
    test.echo(80, None).await;
    let (proxy, _serving) = test.open(list(&["*"])).await;
    let said = get(proxy, "http://site.example/redirect").await;
    assert!(said.starts_with("HTTP/1.1 302 "), "{said}");
    let location = said.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
    assert!(get(proxy, &location).await.starts_with("HTTP/1.1 403 "));
    assert_eq!(test.fake.connected().len(), 1);
}

#[tokio::test]
async fn the_operators_own_hosts_may_be_private_but_never_metadata() {
    let test = test(&Config { egress_private_domains: vec!["*.corp.example".to_owned()], ..config() });
    test.echo(80, None).await;
    test.fake.name("index.corp.example", &[&["10.0.0.5"]]);
    test.fake.name("meta.corp.example", &[&["169.254.169.254"]]);
    let real = *test.fake.hosts.lock().unwrap().values().next().unwrap();
    test.fake.hosts.lock().unwrap().insert("10.0.0.5:80".parse().unwrap(), real);
    let (proxy, _serving) = test.open(list(&["*"])).await;
    assert!(get(proxy, "http://index.corp.example/").await.starts_with("HTTP/1.1 200 "));
    assert!(get(proxy, "http://meta.corp.example/").await.starts_with("HTTP/1.1 403 "));
}

#[tokio::test]
async fn huge_headers_are_refused() {
    let test = test(&config());
    test.echo(80, None).await;
    let (proxy, _serving) = test.open(list(&["site.example"])).await;
    let long = "a".repeat(100 << 10);
    let said =
        say(proxy, format!("GET http://site.example/ HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n").as_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 431 ") || said.is_empty(), "{said}");
    let many: String = (0..500).map(|n| format!("X-{n}: 1\r\n")).collect();
    let said = say(proxy, format!("GET http://site.example/ HTTP/1.1\r\n{many}\r\n").as_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 431 ") || said.is_empty(), "{said}");
    let said = get(proxy, &format!("http://site.example/{long}")).await;
    assert!(said.starts_with("HTTP/1.1 4") || said.is_empty(), "{said}");
    assert_eq!(test.fake.connected(), []);
}

#[tokio::test]
async fn a_client_that_dawdles_is_let_go() {
    let test = test(&config());
    let (proxy, _serving) = test.open(list(&["site.example"])).await;
    let mut client = TcpStream::connect(proxy).await.unwrap();
    client.write_all(b"GET http://site.example/ HTTP/1.1\r\nHost").await.unwrap();
    let mut said = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), client.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "it is still held");
    assert!(!String::from_utf8_lossy(&said).contains(" 200 "));
}

#[tokio::test]
async fn an_execution_has_its_bytes_and_the_next_one_has_them_again() {
    let test = test(&Config { egress_bytes: 10_000, ..config() });
    test.echo(80, None).await;
    let (proxy, serving) = test.open(list(&["site.example"])).await;
    let path = "a".repeat(6000);
    assert!(get(proxy, &format!("http://site.example/{path}")).await.starts_with("HTTP/1.1 200 "));
    // Whatever is left of the budget, this ends it.
    let said = get(proxy, "http://site.example/").await;
    assert!(said.starts_with("HTTP/1.1 403 sandbox: this execution has sent and received 10000 bytes"), "{said}");
    serving.renew();
    assert!(get(proxy, "http://site.example/").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_their_turn() {
    let test = test(&Config { egress_connections: 2, ..config() });
    test.echo(80, None).await;
    let (proxy, _serving) = test.open(list(&["site.example"])).await;
    let one = TcpStream::connect(proxy).await.unwrap();
    let two = TcpStream::connect(proxy).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(get(proxy, "http://site.example/").await, "");
    drop((one, two));
    assert!(get(proxy, "http://site.example/").await.starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_policy_asks_for_no_more_than_the_operator_permits() {
    let strict = Config { egress_domains: vec!["pypi.org".to_owned(), "*.example".to_owned()], ..Config::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let test = test(&strict);
    let admit = |policy| test.egress.admit(test.container, Some(policy));
    assert!(admit(list(&["pypi.org", "a.example", "*.b.example"])).unwrap().is_some());
    assert!(admit(NetworkPolicy::Disabled).unwrap().is_none());
    for more in ["evil.org", "*", "*.pypi.org", "example"] {
        assert!(matches!(admit(list(&[more])), Err(Error::EgressNotPermitted(domain)) if domain == more), "{more}");
    }
    for bad in [&["127.0.0.1"][..], &["http://pypi.org"], &["pypi.org:80"], &[""], &[]] {
        assert!(matches!(admit(list(bad)), Err(Error::BadNetwork(_))), "{bad:?}");
    }
    assert!(matches!(admit(with_secret(&["pypi.org"], &["a.example"])), Err(Error::BadNetwork(_))));
    let nothing = Config::default();
    let egress = Egress::over(&nothing, Lifecycle::default(), Arc::new(Fake::default())).unwrap();
    assert!(matches!(egress.admit(test.container, Some(list(&["pypi.org"]))), Err(Error::EgressNotPermitted(_))));
}

#[test]
fn a_policy_narrows_with_the_operators_list() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let wide = test(&config());
    let network = wide.egress.admit(wide.container, Some(list(&["site.example"]))).unwrap().unwrap();
    let narrow = Egress::over(&Config::default(), Lifecycle::default(), Arc::new(Fake::default())).unwrap();
    let policy = narrow.policy(wide.container, &network).unwrap();
    let refusal = policy.admit(&"site.example".parse().unwrap(), 443).unwrap_err();
    assert!(refusal.to_string().contains("sandbox.egress_domains"), "{refusal}");
}
