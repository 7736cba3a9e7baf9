//! The rules' file: JSON with the version, the secret of addresses on the way back, and the rules.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use concierge_identity::write_private_file;
use serde::{Deserialize, Serialize};

use super::{RulesError, RulesView};

const VERSION: u32 = 1;
const SECRET_BYTES: usize = 32;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    /// In hexadecimal.
    srs_secret: String,
    rules: RulesView,
}

/// Reads the file; where there is none, one with a new secret is written.
pub(super) fn open(path: &Path) -> Result<(RulesView, Vec<u8>), RulesError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let secret: [u8; SECRET_BYTES] = rand::random();
            let view = RulesView::default();
            write(path, &view, &secret)?;
            return Ok((view, secret.to_vec()));
        }
        Err(error) => return Err(error.into()),
    };
    let invalid = |why: String| RulesError::Invalid(format!("{}: {why}", path.display()));
    let document: Document =
        serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))?;
    if document.version != VERSION {
        return Err(invalid(format!(
            "version {} is not known",
            document.version
        )));
    }
    let secret = hex::decode(&document.srs_secret).map_err(|error| invalid(error.to_string()))?;
    Ok((document.rules, secret))
}

/// Writes it whole or not at all.
pub(super) fn write(path: &Path, rules: &RulesView, secret: &[u8]) -> Result<(), RulesError> {
    let document = Document {
        version: VERSION,
        srs_secret: hex::encode(secret),
        rules: rules.clone(),
    };
    let text = serde_json::to_vec_pretty(&document).map_err(std::io::Error::other)?;
    Ok(write_private_file(path, &text)?)
}
