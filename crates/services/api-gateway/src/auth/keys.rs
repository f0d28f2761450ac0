//! The key pair behind access tokens.
//!
//! It is made once and kept in a file that only its owner may read. Its public half is published as a JWKS, so that a
//! gateway in front can check tokens too. The key is changed by replacing the file: access tokens end at once, sessions
//! go on with their next refresh, because refresh tokens are looked up and not verified.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use hmac::{Hmac, Mac};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The signing key in all the forms that it is needed in.
pub(crate) struct Keys {
    pub(crate) encoding: EncodingKey,
    pub(crate) decoding: DecodingKey,
    /// The key's name: its RFC 7638 thumbprint.
    pub(crate) kid: String,
    x: String,
    refresh_secret: [u8; 32],
}

/// A JSON Web Key Set.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct Jwks {
    /// The keys that sign access tokens now.
    pub keys: Vec<Jwk>,
}

/// The public half of an Ed25519 key.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct Jwk {
    /// Always `OKP`.
    pub kty: &'static str,
    /// Always `Ed25519`.
    pub crv: &'static str,
    /// Always `EdDSA`.
    pub alg: &'static str,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// The name that tokens carry in their header.
    pub kid: String,
    /// The public key, base64url.
    pub x: String,
}

impl Keys {
    /// Reads the key, or makes it when there is no file.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let signing = match fs::read_to_string(path) {
            Ok(pem) => SigningKey::from_pkcs8_pem(&pem)
                .with_context(|| format!("{} holds no Ed25519 private key in PEM form", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path)?,
            Err(error) => return Err(error).with_context(|| format!("cannot read the signing key {}", path.display())),
        };
        Self::of(&signing)
    }

    fn of(signing: &SigningKey) -> anyhow::Result<Self> {
        let der = signing.to_pkcs8_der().context("cannot encode the signing key")?;
        let x = URL_SAFE_NO_PAD.encode(signing.verifying_key().as_bytes());
        let thumbprint = Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
        let decoding = DecodingKey::from_ed_components(&x).context("cannot decode the public key")?;
        Ok(Self {
            encoding: EncodingKey::from_ed_der(der.as_bytes()),
            decoding,
            kid: URL_SAFE_NO_PAD.encode(thumbprint),
            x,
            refresh_secret: keyed(signing.as_bytes(), &[b"septet refresh tokens"]),
        })
    }

    /// The public half.
    pub(crate) fn jwks(&self) -> Jwks {
        let key =
            Jwk { kty: "OKP", crv: "Ed25519", alg: "EdDSA", usage: "sig", kid: self.kid.clone(), x: self.x.clone() };
        Jwks { keys: vec![key] }
    }

    /// The refresh token that follows `token`: always the same one, and only this gateway can tell which.
    pub(crate) fn successor(&self, token: &str) -> String {
        URL_SAFE_NO_PAD.encode(keyed(&self.refresh_secret, &[token.as_bytes()]))
    }
}

fn keyed(secret: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Makes a key and puts it where no other gateway has put one meanwhile.
fn make(path: &Path) -> anyhow::Result<SigningKey> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("cannot create the key folder {}", folder.display()))?;
    let signing = SigningKey::from_bytes(&rand::random());
    let pem = signing.to_pkcs8_pem(LineEnding::LF).context("cannot encode the signing key")?;
    let draft = folder.join(format!(".gateway-key-{:016x}", rand::random::<u64>()));
    let written = write_private(&draft, pem.as_bytes()).and_then(|()| fs::hard_link(&draft, path));
    // The draft is no longer needed, whatever happened; if it cannot be removed, it is a file that nobody reads.
    let _removed = fs::remove_file(&draft);
    match written {
        Ok(()) => Ok(signing),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let pem = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            SigningKey::from_pkcs8_pem(&pem).with_context(|| format!("{} holds no Ed25519 key", path.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot write the signing key {}", path.display())),
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/gateway.pem");

        let first = Keys::open(&path).unwrap();
        let second = Keys::open(&path).unwrap();

        assert_eq!(first.kid, second.kid);
        assert_eq!(first.successor("t"), second.successor("t"));
        assert_ne!(first.successor("t"), first.successor("u"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn a_file_that_holds_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.pem");
        fs::write(&path, "hello").unwrap();

        let error = Keys::open(&path).err().unwrap();

        assert!(error.to_string().contains("gateway.pem"), "{error}");
    }
}
