//! The component: the contracts of `wit/` as the [`Host`] of the protocol, and wasi:http around it.

use passed_on::no_trailers;
use spin_sdk::wasip3::exports::http::handler::Guest;
use spin_sdk::wasip3::http::types::{
    ErrorCode, Headers, Method as WasiMethod, Request, Response, Scheme,
};
use spin_sdk::wasip3::{wit_future, wit_stream};
use spin_sdk::wit_bindgen::rt::async_support::{StreamReader, spawn};

use crate::bindings::concierge::identity::sigv4::{self, Principal, SignedRequest};
use crate::bindings::concierge::objects::blobs::{
    self, Attributes, Body, CopyRequest, CopyResult, DeleteRequest, DeleteResult, Error,
    GetRequest, GetResult, PutRequest, PutResult, Tag,
};
use crate::bindings::concierge::objects::buckets::{
    self, BucketInfo, BucketPage, CorsRule, Versioning,
};
use crate::bindings::concierge::objects::listing::{self, Page, Query, VersionPage, VersionQuery};
use crate::bindings::concierge::objects::multipart::{
    self, CompleteRequest, CreateRequest, Part, PartCopyRequest, PartCopyResult, PartPage,
    UploadInfo, UploadPage, UploadQuery,
};
use crate::host::{Host, Named, ReadError, UploadName};
use crate::http::reply::{HeaderList, Reply, ReplyBody};
use crate::http::request::{Method, RawRequest};
use crate::http::target::Domains;
use crate::request_id::RequestIds;
use crate::serve::serve;
use budget::Budget;

/// Bytes of a document that are read at once.
const READ_BYTES: usize = 16 * 1024;

/// Bytes of documents that an instance holds while they come, beyond the first [`READ_BYTES`] of each, which every
/// request may hold. Without a bound those who send long documents slowly would fill the instance's memory (64 MiB), and
/// end the requests of all others in it. A buffer that grows is copied, and the longest document (8 MiB) becomes a tree
/// of about as much, one at a time: together less than the memory.
const HELD_BYTES: usize = 24 * 1024 * 1024;

/// The variable with the domains whose sub-domains are buckets, separated by commas.
const DOMAINS_VARIABLE: &str = "s3_domains";

/// What an instance keeps between requests; all of it can be made again at any time.
struct Kept {
    ids: RequestIds,
    domains: Domains,
    documents: Budget,
}

thread_local! {
    static KEPT: std::cell::OnceCell<std::rc::Rc<Kept>> = const { std::cell::OnceCell::new() };
}

async fn kept() -> std::rc::Rc<Kept> {
    if let Some(kept) = KEPT.with(|cell| cell.get().cloned()) {
        return kept;
    }
    // Where the variable is not declared the defaults hold.
    let list = spin_sdk::variables::get(DOMAINS_VARIABLE)
        .await
        .unwrap_or_default();
    let made = std::rc::Rc::new(Kept {
        ids: RequestIds::new(),
        domains: Domains::parse(&list),
        documents: Budget::new(HELD_BYTES),
    });
    // Another request may have been first meanwhile.
    KEPT.with(|cell| cell.get_or_init(|| made).clone())
}

struct ObjectRouter;

#[allow(unsafe_code, reason = "the exported function is the macro's")]
mod export {
    use super::ObjectRouter;

    // Not `spin_sdk::http_service`, which copies every header into another form that nothing here asks for.
    spin_sdk::wasip3::http::service::export!(ObjectRouter);
}

impl Guest for ObjectRouter {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        handle(request).await
    }
}

async fn handle(request: Request) -> Result<Response, ErrorCode> {
    let raw = RawRequest {
        method: method(&request.get_method()),
        path_with_query: request.get_path_with_query().unwrap_or_default(),
        authority: request.get_authority(),
        tls: matches!(request.get_scheme(), Some(Scheme::Https)),
        headers: request.get_headers().copy_all(),
    };
    let kept = kept().await;
    let host = Contracts {
        documents: &kept.documents,
    };
    let reply = serve(&host, raw, request, &kept.domains, &kept.ids.next()).await;
    respond(reply)
}

fn method(method: &WasiMethod) -> Method {
    match method {
        WasiMethod::Get => Method::Get,
        WasiMethod::Head => Method::Head,
        WasiMethod::Put => Method::Put,
        WasiMethod::Post => Method::Post,
        WasiMethod::Delete => Method::Delete,
        WasiMethod::Options => Method::Options,
        WasiMethod::Connect | WasiMethod::Trace | WasiMethod::Patch | WasiMethod::Other(_) => {
            Method::Other
        }
    }
}

fn respond(reply: Reply<StreamReader<u8>>) -> Result<Response, ErrorCode> {
    let headers = Headers::from_list(&representable(reply.headers)).map_err(|error| {
        ErrorCode::InternalError(Some(format!("the answer's headers: {error:?}")))
    })?;
    let is_passed_on = matches!(reply.body, ReplyBody::Stream(_));
    let body = match reply.body {
        ReplyBody::Empty => None,
        ReplyBody::Stream(stream) => Some(stream),
        ReplyBody::Bytes(bytes) => {
            let (mut writer, reader) = wit_stream::new();
            // What the client does not read is dropped with the stream.
            spawn(async move { drop(writer.write_all(bytes).await) });
            Some(reader)
        }
    };
    let (none, trailers) = no_trailers();
    let (response, transmitted) = Response::new(headers, body, trailers);
    // Of a body that is written here the host hears the trailers, and may tell before that how it went.
    if is_passed_on {
        spawn(none.until(transmitted));
    }
    response
        .set_status_code(reply.status)
        .map_err(|()| ErrorCode::InternalError(Some("the answer's status".to_owned())))?;
    Ok(response)
}

/// Leaves out a field that HTTP cannot hold: one from the metadata of an object that was stored when it could.
fn representable(mut headers: HeaderList) -> HeaderList {
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    headers.retain(|(name, value)| {
        !name.is_empty()
            && name.as_bytes().iter().all(token)
            && value
                .iter()
                .all(|b| *b == b'\t' || (*b >= b' ' && *b != 0x7f))
    });
    headers
}

/// Takes the stream of a body; the bytes stay with the host.
fn stream_of(request: Request) -> StreamReader<u8> {
    let (_read, read) = wit_future::new(|| Ok(()));
    let (stream, _trailers) = Request::consume_body(request, read);
    stream
}

/// The contracts of `wit/`.
struct Contracts<'k> {
    documents: &'k Budget,
}

impl Host for Contracts<'_> {
    type Incoming = Request;
    type Outgoing = StreamReader<u8>;

    async fn read(&self, body: Request, max_bytes: usize) -> Result<Vec<u8>, ReadError> {
        let (_read, read) = wit_future::new(|| Ok(()));
        let (mut stream, trailers) = Request::consume_body(body, read);
        let mut bytes = Vec::new();
        let mut share = self.documents.share();
        let mut piece = Vec::with_capacity(READ_BYTES);
        loop {
            let (status, read) = stream.read(piece).await;
            bytes.extend_from_slice(&read);
            if bytes.len() > max_bytes {
                return Err(ReadError::TooLong);
            }
            if !share.grow_to(bytes.capacity().saturating_sub(READ_BYTES)) {
                return Err(ReadError::Busy);
            }
            if !matches!(
                status,
                spin_sdk::wit_bindgen::rt::async_support::StreamResult::Complete(_)
            ) {
                break;
            }
            piece = read;
            piece.clear();
        }
        drop(stream);
        match trailers.await {
            Ok(_) => Ok(bytes),
            Err(_) => Err(ReadError::Incomplete),
        }
    }

    async fn verify(&self, request: SignedRequest) -> Result<Principal, sigv4::Error> {
        sigv4::verify(request).await
    }

    async fn put(
        &self,
        token: String,
        request: PutRequest,
        body: Request,
    ) -> Result<PutResult, Error> {
        blobs::put(token, request, stream_of(body)).await
    }

    async fn get(
        &self,
        token: String,
        request: GetRequest,
    ) -> Result<(GetResult, StreamReader<u8>), Error> {
        blobs::get(token, request).await
    }

    async fn head(&self, token: String, request: GetRequest) -> Result<GetResult, Error> {
        blobs::head(token, request).await
    }

    async fn delete(
        &self,
        token: String,
        bucket: String,
        request: DeleteRequest,
    ) -> Result<DeleteResult, Error> {
        blobs::delete(token, bucket, request).await
    }

    async fn delete_many(
        &self,
        token: String,
        bucket: String,
        requests: Vec<DeleteRequest>,
    ) -> Result<Vec<Result<DeleteResult, Error>>, Error> {
        blobs::delete_many(token, bucket, requests).await
    }

    async fn copy(&self, token: String, request: CopyRequest) -> Result<CopyResult, Error> {
        blobs::copy(token, request).await
    }

    async fn get_attributes(
        &self,
        token: String,
        named: Named,
        part_marker: u32,
        max_parts: u32,
    ) -> Result<Attributes, Error> {
        blobs::get_attributes(
            token,
            named.bucket,
            named.key,
            named.version_id,
            part_marker,
            max_parts,
        )
        .await
    }

    async fn get_tags(
        &self,
        token: String,
        named: Named,
    ) -> Result<(Option<String>, Vec<Tag>), Error> {
        blobs::get_tags(token, named.bucket, named.key, named.version_id).await
    }

    async fn set_tags(
        &self,
        token: String,
        named: Named,
        tags: Vec<Tag>,
    ) -> Result<Option<String>, Error> {
        blobs::set_tags(token, named.bucket, named.key, named.version_id, tags).await
    }

    async fn create_bucket(
        &self,
        token: String,
        name: String,
        region: String,
    ) -> Result<(), Error> {
        buckets::create(token, name, region).await
    }

    async fn get_bucket(&self, token: String, name: String) -> Result<BucketInfo, Error> {
        buckets::get(token, name).await
    }

    async fn delete_bucket(&self, token: String, name: String) -> Result<(), Error> {
        buckets::delete(token, name).await
    }

    async fn list_buckets(
        &self,
        token: String,
        prefix: String,
        after: String,
        max: u32,
    ) -> Result<BucketPage, Error> {
        buckets::list(token, prefix, after, max).await
    }

    async fn set_versioning(
        &self,
        token: String,
        name: String,
        state: Versioning,
    ) -> Result<(), Error> {
        buckets::set_versioning(token, name, state).await
    }

    async fn get_bucket_tags(&self, token: String, name: String) -> Result<Vec<Tag>, Error> {
        buckets::get_tags(token, name).await
    }

    async fn set_bucket_tags(
        &self,
        token: String,
        name: String,
        tags: Vec<Tag>,
    ) -> Result<(), Error> {
        buckets::set_tags(token, name, tags).await
    }

    async fn get_cors(&self, token: String, name: String) -> Result<Vec<CorsRule>, Error> {
        buckets::get_cors(token, name).await
    }

    async fn set_cors(
        &self,
        token: String,
        name: String,
        rules: Vec<CorsRule>,
    ) -> Result<(), Error> {
        buckets::set_cors(token, name, rules).await
    }

    async fn match_cors(
        &self,
        name: String,
        origin: String,
        method: String,
        headers: Vec<String>,
    ) -> Result<Option<CorsRule>, Error> {
        buckets::match_cors(name, origin, method, headers).await
    }

    async fn list_objects(&self, token: String, query: Query) -> Result<Page, Error> {
        listing::objects(token, query).await
    }

    async fn list_versions(
        &self,
        token: String,
        query: VersionQuery,
    ) -> Result<VersionPage, Error> {
        listing::versions(token, query).await
    }

    async fn create_upload(
        &self,
        token: String,
        request: CreateRequest,
    ) -> Result<UploadInfo, Error> {
        multipart::create(token, request).await
    }

    async fn put_part(
        &self,
        token: String,
        upload: UploadName,
        number: u32,
        info: Body,
        body: Request,
    ) -> Result<Part, Error> {
        let UploadName {
            bucket,
            key,
            upload_id,
        } = upload;
        multipart::put_part(token, bucket, key, upload_id, number, info, stream_of(body)).await
    }

    async fn copy_part(
        &self,
        token: String,
        request: PartCopyRequest,
    ) -> Result<PartCopyResult, Error> {
        multipart::copy_part(token, request).await
    }

    async fn list_parts(
        &self,
        token: String,
        upload: UploadName,
        marker: u32,
        max: u32,
    ) -> Result<PartPage, Error> {
        multipart::list_parts(
            token,
            upload.bucket,
            upload.key,
            upload.upload_id,
            marker,
            max,
        )
        .await
    }

    async fn list_uploads(&self, token: String, query: UploadQuery) -> Result<UploadPage, Error> {
        multipart::list_uploads(token, query).await
    }

    async fn complete_upload(
        &self,
        token: String,
        request: CompleteRequest,
    ) -> Result<PutResult, Error> {
        multipart::complete(token, request).await
    }

    async fn abort_upload(&self, token: String, upload: UploadName) -> Result<(), Error> {
        multipart::abort(token, upload.bucket, upload.key, upload.upload_id).await
    }
}
