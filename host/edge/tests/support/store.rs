//! A real object store and identity in a temporary directory.

use super::{Server, guests, manifest, options};
use concierge_edge::EdgeOptions;
use concierge_identity::{
    Bootstrap, Clock, Identity, ManualClock, Payload, Placement, SignedRequest, TOKEN_LIFE_US,
};
use concierge_objects::{NodeId, NodeSpec, ObjectStore, ObjectStoreOptions};
use concierge_storage_nodes::{Node, NodeClient, NodeOptions};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tempfile::TempDir;

pub const KEY_ID: &str = "AKIDTESTTESTTESTTEST";
pub const SECRET: &str = "aSecretOfFortyCharactersForTheEdgesTests";
/// 2026-11-25T12:00:00Z, when the clock of the tests stands still.
pub const NOW: &str = "20261125T120000Z";
const NOW_US: u64 = 1_795_608_000_000_000;

/// What components of concierge may import.
pub const ALL_IMPORTS: &str = r#"imports = [
    "concierge:identity/passwords", "concierge:identity/sigv4", "concierge:objects/blobs",
    "concierge:objects/buckets", "concierge:objects/listing", "concierge:objects/multipart",
]"#;

pub struct Store {
    pub identity: Arc<Identity>,
    pub objects: Arc<ObjectStore>,
    pub clock: Arc<ManualClock>,
    _directory: TempDir,
}

impl Store {
    /// With one administrator, whose key is [`KEY_ID`].
    pub async fn open() -> Self {
        let directory = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::at(NOW_US));
        let bootstrap = Bootstrap {
            access_key_id: Some(KEY_ID.to_owned()),
            secret_access_key: Some(SECRET.to_owned()),
            ..Bootstrap::default()
        };
        let identity = Identity::open(
            &directory.path().join("identity"),
            Arc::clone(&clock) as Arc<dyn Clock>,
            bootstrap,
        );
        let node = NodeOptions {
            free_space_reserve_bytes: 0,
            ..NodeOptions::default()
        };
        let node = Node::open(&directory.path().join("node"), node).unwrap();
        let node = NodeSpec::new(NodeId(0), NodeClient::Local(node));
        let mut options = ObjectStoreOptions::new(directory.path().join("catalogue"), vec![node]);
        options.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        Self {
            identity: Arc::new(identity.unwrap()),
            objects: ObjectStore::open(options).await.unwrap(),
            clock,
            _directory: directory,
        }
    }

    pub fn options(&self) -> EdgeOptions {
        let mut options = options();
        options.services.identity = Some(Arc::clone(&self.identity));
        options.services.objects = Some(Arc::clone(&self.objects));
        options
    }

    /// The guest that calls the joins, granted everything.
    pub fn server(&self, lines: &str) -> Server {
        let lines = format!("{ALL_IMPORTS}\nbody_mib = 1000\n{lines}");
        Server::with(self.options(), &manifest("", &lines), guests::objects())
    }

    /// A token of the administrator.
    pub fn token(&self) -> String {
        let canonical = "GET\n/\n\nhost:test\n\nhost\nUNSIGNED-PAYLOAD";
        let request = SignedRequest {
            placement: Placement::Header,
            access_key_id: KEY_ID,
            timestamp: NOW,
            scope_date: &NOW[..8],
            region: "us-east-1",
            service: "s3",
            canonical_request: canonical,
            signature: &sign(SECRET, canonical),
            expires_s: None,
            payload: Payload::Single,
        };
        self.identity.verify_sigv4(&request).unwrap().token
    }

    /// Lets every token of before expire.
    pub fn outlive_tokens(&self) {
        self.clock.advance_us(TOKEN_LIFE_US + 1);
    }
}

/// The signature of a canonical request, as of [`NOW`] (AWS General Reference, "Create a signed AWS
/// API request").
pub fn sign(secret: &str, canonical_request: &str) -> String {
    let hmac = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [&NOW[..8], "us-east-1", "s3", "aws4_request"] {
        key = hmac(&key, part);
    }
    let scope = format!("{}/us-east-1/s3/aws4_request", &NOW[..8]);
    let digest = hex::encode(Sha256::digest(canonical_request));
    let to_sign = format!("AWS4-HMAC-SHA256\n{NOW}\n{scope}\n{digest}");
    hex::encode(hmac(&key, &to_sign))
}
