//! The certificate authority of one session, which lets the proxy end TLS for domains that have secrets.
//!
//! Its key is kept in memory as long as the session; its certificate is given to that session's code alone and is good
//! for the domains of its secrets alone, so nobody else has a reason to trust it and nothing else can be forged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::policy::{Domain, Host};

/// Kept at most this many: a wildcard has endlessly many hosts.
const N_KEPT: usize = 64;

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
    served: Mutex<HashMap<Host, Arc<ServerConfig>>>,
}

impl Authority {
    pub(super) fn new<'a>(domains: impl Iterator<Item = &'a Domain>) -> Result<Self, rcgen::Error> {
        let mut params = dated(CertificateParams::new(Vec::<String>::new())?);
        params.distinguished_name.push(DnType::CommonName, "sandbox session");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let mut names = Vec::new();
        for domain in domains {
            match domain {
                Domain::One(host) | Domain::Below(host) => {
                    names.push(GeneralSubtree::DnsName(host.as_str().to_owned()));
                }
                Domain::All => {}
            }
        }
        params.name_constraints = Some(NameConstraints { permitted_subtrees: names, excluded_subtrees: Vec::new() });
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
            served: Mutex::default(),
        })
    }

    /// The certificate, for those who are to trust it.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// What makes the proxy look like `host`.
    pub(super) fn server(&self, host: &Host) -> anyhow::Result<Arc<ServerConfig>> {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = served.get(host) {
            return Ok(Arc::clone(config));
        }
        let mut params = dated(CertificateParams::new(vec![host.as_str().to_owned()])?);
        params.distinguished_name.push(DnType::CommonName, "sandbox egress");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &self.issuer)?;
        let chain = vec![leaf.der().clone(), self.certificate.clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let config = Arc::new(config);
        if served.len() >= N_KEPT {
            served.clear();
        }
        served.insert(host.clone(), Arc::clone(&config));
        Ok(config)
    }
}

/// Valid for far longer than a session, in both directions: clocks may be wrong.
fn dated(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params
}
