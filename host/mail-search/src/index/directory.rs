//! Opening and making the directory of an index.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use tantivy::Index as Engine;
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};

use crate::error::Error;
use crate::schema::{FORMAT, FORMAT_FILE, Fields, HEADER_TOKENIZER, TOKENIZER};
use crate::tokens::{HeaderTokenizer, MailTokenizer};

/// An index and its fields.
pub(super) struct Opened {
    pub(super) engine: Engine,
    pub(super) fields: Fields,
}

/// Opens what is there, or makes an index where there is none.
pub(super) fn open(path: &Path) -> Result<Opened, Error> {
    let found = match fs::read_to_string(path.join(FORMAT_FILE)) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return create(path),
        Err(error) if error.kind() == ErrorKind::InvalidData => String::new(),
        Err(error) => return Err(error.into()),
    };
    let found = found.trim_end();
    if found != FORMAT {
        return Err(Error::Format {
            found: found.to_owned(),
            expected: FORMAT.to_owned(),
        });
    }
    let engine = Engine::open_in_dir(path)?;
    let fields = Fields::new();
    if engine.schema() != fields.schema {
        return Err(Error::Damaged("it has another schema".to_owned()));
    }
    Ok(opened(engine, fields))
}

/// Makes an index anew. `FORMAT` goes first and comes last: in between there is no index.
pub(super) fn create(path: &Path) -> Result<Opened, Error> {
    fs::create_dir_all(path)?;
    let lock = MmapDirectory::open(path).map_err(tantivy::TantivyError::from)?;
    // Held until the new index is there: nobody else may be writing.
    let lock = lock
        .acquire_lock(&INDEX_WRITER_LOCK)
        .map_err(|_| Error::Locked)?;
    remove(&path.join(FORMAT_FILE))?;
    sync(path)?;
    let lock_name = INDEX_WRITER_LOCK.filepath.clone();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name() != lock_name.as_os_str() && entry.file_type()?.is_file() {
            remove(&entry.path())?;
        }
    }
    let fields = Fields::new();
    let engine = Engine::create_in_dir(path, fields.schema.clone())?;
    let mut format = File::create(path.join(FORMAT_FILE))?;
    writeln!(format, "{FORMAT}")?;
    format.sync_all()?;
    sync(path)?;
    drop(lock);
    Ok(opened(engine, fields))
}

fn opened(engine: Engine, fields: Fields) -> Opened {
    let tokenizers = engine.tokenizers();
    tokenizers.register(TOKENIZER, MailTokenizer);
    tokenizers.register(HEADER_TOKENIZER, HeaderTokenizer);
    Opened { engine, fields }
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Makes durable what was made and removed in a directory.
fn sync(path: &Path) -> Result<(), Error> {
    Ok(File::open(path)?.sync_all()?)
}
