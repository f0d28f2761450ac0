use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn check(policy: Policy, url: &str) -> Result<(), Refused> {
    policy.check(&Url::parse(url).unwrap())
}

#[test]
fn an_address_of_this_machine_is_refused_however_it_is_spelt() {
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "017700000001",
        "2130706433",
        "127.255.255.254",
        "１２７.０.０.１",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "%31%32%37.0.0.1",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2002:7f00:0001:dead::beef]",
        "[2606:4700::5efe:127.0.0.1]",
        "[2606:4700::200:5efe:7f00:1]",
    ] {
        let refused = check(Policy::Public, &format!("http://{host}:8080/v1")).expect_err(host);
        assert_eq!(refused.why, "its address is loopback", "{host}");
        assert_eq!(check(Policy::Private, &format!("http://{host}:8080/v1")), Ok(()), "{host}");
    }
}

#[test]
fn private_networks_are_called_only_where_the_operator_allows_it() {
    for host in [
        "10.0.0.1",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "0xc0a80101",
        "100.64.0.1",
        "100.127.255.255",
        "198.18.0.7",
        "198.19.255.255",
        "[fc00::1]",
        "[fd12:3456::1]",
        "[fec0::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::192.168.0.1]",
        "[64:ff9b:1::a00:1]",
        "[2002:c0a8:0101::1]",
    ] {
        assert!(check(Policy::Public, &format!("https://{host}/")).is_err(), "{host}");
        assert_eq!(check(Policy::Private, &format!("https://{host}/")), Ok(()), "{host}");
    }
}

#[test]
fn metadata_services_and_what_is_no_host_are_never_called() {
    for host in [
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "169.254.170.2",
        "169.254.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "0.0.0.0",
        "0",
        "0.1.2.3",
        "[::]",
        "[::ffff:0.0.0.0]",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.51.100.7",
        "203.0.113.9",
        "192.88.99.1",
        "[fe80::1]",
        "[febf::1]",
        "[ff02::1]",
        "[ff0e::1]",
        "[2001:db8::1]",
        "[2001::7f00:1]",
        "[100::1]",
        "[3fff:fff::1]",
        "[4000::1]",
        "[5f00::1]",
    ] {
        for policy in [Policy::Public, Policy::Private] {
            assert!(check(policy, &format!("http://{host}/")).is_err(), "{host} under {policy:?}");
        }
    }
}

#[test]
fn public_addresses_and_names_pass() {
    for host in [
        "api.openai.com",
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.1.1",
        "172.15.255.255",
        "172.32.0.1",
        "192.167.1.1",
        "198.17.0.1",
        "198.20.0.1",
        "223.255.255.255",
        "[2606:4700:4700::1111]",
        "[2a00:1450:4001::200e]",
        "[2001:4860:4860::8888]",
        "[::ffff:8.8.8.8]",
        "[64:ff9b::8.8.8.8]",
    ] {
        assert_eq!(check(Policy::Public, &format!("https://{host}/v1")), Ok(()), "{host}");
    }
}

#[test]
fn only_the_web_is_spoken() {
    for url in
        ["file:///etc/passwd", "gopher://1.1.1.1/", "ftp://1.1.1.1/", "data:text/plain,x", "unix:/run/docker.sock"]
    {
        assert!(check(Policy::Private, url).is_err(), "{url}");
    }
}

/// Gives one answer after the other, as in DNS rebinding.
struct Scripted(Vec<Vec<&'static str>>, AtomicUsize);

impl Resolve for Scripted {
    fn resolve(&self, _name: Name) -> Resolving {
        let n = self.1.fetch_add(1, Ordering::SeqCst);
        let found: Vec<SocketAddr> =
            self.0[n.min(self.0.len() - 1)].iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
        Box::pin(async move {
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

async fn resolved(guard: &Guard) -> Result<Vec<String>, Refused> {
    match guard.resolve("provider.example".parse().unwrap()).await {
        Ok(found) => Ok(found.map(|address| address.ip().to_string()).collect()),
        Err(error) => Err(Refused::among(error.as_ref()).expect("a refusal").clone()),
    }
}

fn scripted(policy: Policy, answers: &[&[&'static str]]) -> Guard {
    let answers = answers.iter().map(|answer| answer.to_vec()).collect();
    Guard::over(policy, Arc::new(Scripted(answers, AtomicUsize::new(0))))
}

#[tokio::test]
async fn a_name_resolves_to_admitted_addresses_only() {
    let mixed: &[&[&str]] = &[&["10.0.0.7", "93.184.216.34", "::1", "2606:4700::1", "169.254.169.254"]];

    assert_eq!(resolved(&scripted(Policy::Public, mixed)).await.unwrap(), ["93.184.216.34", "2606:4700::1"]);
    assert_eq!(
        resolved(&scripted(Policy::Private, mixed)).await.unwrap(),
        ["10.0.0.7", "93.184.216.34", "::1", "2606:4700::1"]
    );
}

#[tokio::test]
async fn a_name_that_is_rebound_after_the_first_look_is_refused() {
    let guard = scripted(Policy::Public, &[&["93.184.216.34"], &["127.0.0.1"]]);

    assert!(resolved(&guard).await.is_ok());
    let refused = resolved(&guard).await.unwrap_err();
    assert_eq!(refused.to_string(), "provider.example is not called: its address is loopback");
}

#[tokio::test]
async fn a_client_finds_no_way_around_the_guard() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let _provider = rustls_ready();
    let client = client(Policy::Public);

    let error = client.get(format!("http://localhost:{port}/")).send().await.unwrap_err();

    assert_eq!(Refused::among(&error).map(|refused| refused.why.as_str()), Some("its address is loopback"));
}

fn rustls_ready() -> bool {
    rustls::crypto::ring::default_provider().install_default().is_ok()
}

proptest::proptest! {
    /// An address that a gateway on the path would translate counts as the IPv4 address inside it.
    #[test]
    fn an_address_inside_another_is_as_good_as_it_is_alone(octets: [u8; 4]) {
        let plain = std::net::Ipv4Addr::from(octets);
        let [a, b, c, d] = octets.map(u16::from);
        let (high, low) = (a << 8 | b, c << 8 | d);
        for policy in [Policy::Public, Policy::Private] {
            let alone = policy.admit(plain.into()).is_ok();
            for carrier in [
                plain.to_ipv6_mapped(),
                [0, 0, 0, 0, 0xffff, 0, high, low].into(),
                [0x64, 0xff9b, 0, 0, 0, 0, high, low].into(),
                [0x2002, high, low, 0, 0, 0, 0, 1].into(),
                [0x2a00, 1, 2, 3, 0x200, 0x5efe, high, low].into(),
            ] {
                proptest::prop_assert_eq!(policy.admit(IpAddr::V6(carrier)).is_ok(), alone, "{} in {}", plain, carrier);
            }
        }
    }

    /// What is refused where all is open is refused where less is.
    #[test]
    fn the_private_policy_admits_all_that_the_public_one_does(bits: u128) {
        let address = IpAddr::V6(bits.into());
        proptest::prop_assert!(Policy::Private.admit(address).is_ok() || Policy::Public.admit(address).is_err());
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let answer = async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut socket, _) = server.accept().await.unwrap();
        let mut request = [0; 1024];
        let _n_bytes = socket.read(&mut request).await.unwrap();
        let head = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/\r\ncontent-length: 0\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
    };
    let _provider = rustls_ready();
    let client = client(Policy::Private);

    let (sent, ()) = tokio::join!(client.get(format!("http://{address}/v1/models")).send(), answer);

    assert_eq!(sent.unwrap().status(), 302);
}

#[expect(clippy::disallowed_methods, reason = "the guard is what is tested, not the platform's client")]
fn client(policy: Policy) -> reqwest::Client {
    Guard::new(policy).protect(reqwest::Client::builder().no_proxy()).build().unwrap()
}
