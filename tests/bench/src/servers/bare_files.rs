//! The object store's baseline: hyper and one file an object, durable, with no
//! S3 about it. It takes the same requests and looks at nothing but method and
//! path.
//!
//! - PUT writes the body to a new file as it comes, then, on a thread that may
//!   block: fdatasync, rename to its name, fsync of the directory. Only then it
//!   answers.
//! - GET opens the file and sends it in pieces of 256 KiB, read on the serving
//!   thread, since the file is in the page cache.
//! - HEAD stats the file. DELETE unlinks it and syncs the directory.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use anyhow::Result;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::{Method, Request, Response, StatusCode, header};

use super::per_core::{self, Body};

/// Bytes of one piece of an answer.
const PIECE_BYTES: u64 = 256 * 1024;
/// Names of unfinished files begin so; no key does.
const UNFINISHED: &str = ".unfinished-";

struct Files {
    root: PathBuf,
    unfinished: AtomicU64,
}

/// Serves the files under `root` until the process ends.
pub fn serve(root: &Path) -> Result<()> {
    let files = Files {
        root: root.to_owned(),
        unfinished: AtomicU64::new(0),
    };
    per_core::serve(Arc::new(files), answer)
}

async fn answer(files: Arc<Files>, request: Request<Incoming>) -> Response<Body> {
    match files.handle(request).await {
        Ok(response) => response,
        Err(error) if error.kind() == io::ErrorKind::NotFound => plain(StatusCode::NOT_FOUND),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

impl Files {
    async fn handle(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let path = self.path(request.uri().path());
        match *request.method() {
            Method::PUT => self.put(path, request.into_body()).await,
            Method::GET => get(&path),
            Method::HEAD => head(&path),
            Method::DELETE => delete(path).await,
            _ => Ok(plain(StatusCode::METHOD_NOT_ALLOWED)),
        }
    }

    /// `/bucket` is a directory, `/bucket/key` a file in it, whatever slashes
    /// the key has.
    fn path(&self, path: &str) -> PathBuf {
        let path = path.trim_matches('/');
        match path.split_once('/') {
            None => self.root.join(path),
            Some((bucket, key)) => self.root.join(bucket).join(key.replace('/', "!")),
        }
    }

    async fn put(&self, path: PathBuf, mut body: Incoming) -> io::Result<Response<Body>> {
        if path.parent() == Some(&self.root) {
            std::fs::create_dir_all(&path)?;
            return Ok(plain(StatusCode::OK));
        }
        let number = self.unfinished.fetch_add(1, Ordering::Relaxed);
        let unfinished = path.with_file_name(format!("{UNFINISHED}{number}"));
        let mut file = File::create_new(&unfinished)?;
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
                file.write_all(&data)?;
            }
        }
        blocking(move || {
            file.sync_data()?;
            std::fs::rename(&unfinished, &path)?;
            sync_directory_of(&path)
        })
        .await?;
        Ok(plain(StatusCode::OK))
    }
}

fn get(path: &Path) -> io::Result<Response<Body>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let body = FileBody {
        file,
        at: 0,
        length,
    };
    Ok(Response::new(body.boxed()))
}

fn head(path: &Path) -> io::Result<Response<Body>> {
    let length = std::fs::metadata(path)?.len();
    let mut response = plain(StatusCode::OK);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length.into());
    Ok(response)
}

async fn delete(path: PathBuf) -> io::Result<Response<Body>> {
    blocking(move || {
        std::fs::remove_file(&path)?;
        sync_directory_of(&path)
    })
    .await?;
    Ok(plain(StatusCode::NO_CONTENT))
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

fn plain(status: StatusCode) -> Response<Body> {
    let body = Empty::new().map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// A file, piece by piece.
struct FileBody {
    file: File,
    at: u64,
    length: u64,
}

impl hyper::body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let run = (self.length - self.at).min(PIECE_BYTES) as usize;
        if run == 0 {
            return Poll::Ready(None);
        }
        let mut piece = vec![0; run];
        if let Err(error) = self.file.read_exact_at(&mut piece, self.at) {
            return Poll::Ready(Some(Err(error)));
        }
        self.at += run as u64;
        Poll::Ready(Some(Ok(Frame::data(piece.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.at == self.length
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length - self.at)
    }
}
