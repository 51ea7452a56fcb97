//! The lab's certificate authority: issues a certificate for whatever name a client asks for. Its key is never written.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Issues certificates.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    issued: Mutex<HashMap<Vec<String>, Arc<ServerConfig>>>,
}

impl Authority {
    /// Makes one and writes its certificate where clients find it.
    pub(crate) fn new(file: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "authority.test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("the authority's certificate is well-formed");
        fs::write(file, issuer.pem()).expect("the lab's directory is writable");
        Self { issuer, issued: Mutex::default() }
    }

    /// How to serve these names or addresses.
    pub(crate) fn config(&self, names: &[String]) -> Arc<ServerConfig> {
        let mut issued = self.issued.lock().expect("no issuer panics");
        Arc::clone(issued.entry(names.to_vec()).or_insert_with(|| Arc::new(self.issue_config(names))))
    }

    fn issue_config(&self, names: &[String]) -> ServerConfig {
        let (certificate, key) = self.issue(names);
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![certificate.der().clone(), self.issuer.der().clone()];
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring speaks both versions")
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .expect("the key belongs to the certificate");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }

    /// A certificate for these names or addresses, and its key.
    pub(crate) fn issue(&self, names: &[String]) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(names.to_vec()).expect("a name that a client sent as one");
        params.distinguished_name.push(DnType::CommonName, "server.test");
        let key = key();
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority signs");
        (certificate, key)
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("ring makes keys")
}
