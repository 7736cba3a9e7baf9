//! Walking through folders, in the order of names.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use super::ReadError;

/// How deep folders are followed. Mail programs make a handful of levels.
const DEPTH_MAX: usize = 64;

/// A folder whose files are read.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    /// Names from the root.
    pub(super) names: Vec<String>,
}

/// Folders that are still to be read, the next one at the end.
#[derive(Debug)]
pub(super) struct Directories {
    pending: Vec<Directory>,
}

impl Directories {
    pub(super) fn below(root: &Path) -> Self {
        Self {
            pending: vec![Directory {
                path: root.to_owned(),
                names: Vec::new(),
            }],
        }
    }

    pub(super) fn none() -> Self {
        Self {
            pending: Vec::new(),
        }
    }

    pub(super) fn next(&mut self) -> Option<Directory> {
        self.pending.pop()
    }

    /// The files of a folder. The folders in it for which `is_wanted` holds come next. Symbolic links are not
    /// followed: they may lead in a circle.
    pub(super) fn enter(
        &mut self,
        directory: &Directory,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<VecDeque<PathBuf>, ReadError> {
        let mut files = Vec::new();
        let mut folders = Vec::new();
        for (path, is_folder) in entries(&directory.path)? {
            let name = path.file_name().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            if !is_folder {
                files.push(path);
            } else if is_wanted(&name) {
                let names = [directory.names.as_slice(), &[name]].concat();
                folders.push(Directory { path, names });
            }
        }
        if directory.names.len() >= DEPTH_MAX && !folders.is_empty() {
            return Err(ReadError::TooDeep {
                place: directory.path.display().to_string(),
            });
        }
        self.pending.extend(folders.into_iter().rev());
        Ok(files.into())
    }
}

/// What is in a folder, by name: files and folders.
pub(super) fn entries(path: &Path) -> Result<Vec<(PathBuf, bool)>, ReadError> {
    let wrap = |error| ReadError::io(path, error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(wrap)? {
        let entry = entry.map_err(wrap)?;
        let kind = entry.file_type().map_err(wrap)?;
        if kind.is_file() || kind.is_dir() {
            entries.push((entry.path(), kind.is_dir()));
        }
    }
    entries.sort_unstable();
    Ok(entries)
}
