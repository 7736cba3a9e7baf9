//! Which operation a request asks for: method, target and sub-resource.

use crate::error::{Code, S3Error};
use crate::headers::copy_source;
use crate::http::request::{Method, Request};

/// The operations that are there (API Reference, "Actions", "Amazon S3").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are S3's own")]
pub enum Operation {
    ListBuckets,
    CreateBucket,
    HeadBucket,
    DeleteBucket,
    GetBucketLocation,
    GetBucketVersioning,
    PutBucketVersioning,
    GetBucketTagging,
    PutBucketTagging,
    DeleteBucketTagging,
    GetBucketCors,
    PutBucketCors,
    DeleteBucketCors,
    GetBucketAcl,
    PutBucketAcl,
    ListObjects,
    ListObjectsV2,
    ListObjectVersions,
    ListMultipartUploads,
    DeleteObjects,
    PutObject,
    CopyObject,
    GetObject,
    HeadObject,
    DeleteObject,
    GetObjectAttributes,
    GetObjectTagging,
    PutObjectTagging,
    DeleteObjectTagging,
    GetObjectAcl,
    PutObjectAcl,
    CreateMultipartUpload,
    UploadPart,
    UploadPartCopy,
    ListParts,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    /// The configuration of a bucket that cannot have one: the answer is that there is none.
    Absent(Code),
    /// The same, where S3 says so with a document.
    Unset(&'static Unset),
}

/// The document that says that nothing is set.
#[derive(Debug, PartialEq, Eq)]
pub struct Unset {
    part: &'static str,
    /// Its root element.
    pub root: &'static str,
    /// The only element in it, where there is one, and its text.
    pub child: Option<(&'static str, &'static str)>,
}

/// Sub-resources of buckets that cannot be set, and are read where nothing is set.
const UNSET: &[Unset] = &[
    Unset {
        part: "accelerate",
        root: "AccelerateConfiguration",
        child: None,
    },
    Unset {
        part: "logging",
        root: "BucketLoggingStatus",
        child: None,
    },
    Unset {
        part: "notification",
        root: "NotificationConfiguration",
        child: None,
    },
    Unset {
        part: "requestPayment",
        root: "RequestPaymentConfiguration",
        child: Some(("Payer", "BucketOwner")),
    },
];

/// Sub-resources of buckets that cannot be set, and what S3 answers to a GET where nothing is set.
const ABSENT: &[(&str, Code)] = &[
    ("policy", Code::NoSuchBucketPolicy),
    ("policyStatus", Code::NoSuchBucketPolicy),
    ("lifecycle", Code::NoSuchLifecycleConfiguration),
    (
        "encryption",
        Code::ServerSideEncryptionConfigurationNotFound,
    ),
    ("website", Code::NoSuchWebsiteConfiguration),
    ("replication", Code::ReplicationConfigurationNotFound),
    ("object-lock", Code::ObjectLockConfigurationNotFound),
    ("ownershipControls", Code::OwnershipControlsNotFound),
    (
        "publicAccessBlock",
        Code::NoSuchPublicAccessBlockConfiguration,
    ),
];

/// Sub-resources that are not there with any method.
const NOT_THERE: &[&str] = &[
    "abac",
    "accelerate",
    "analytics",
    "annotation",
    "append",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "logging",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "torrent",
    "website",
];

/// Sub-resources of buckets that are there, with some method.
const BUCKET_PARTS: &[&str] = &[
    "acl",
    "cors",
    "delete",
    "location",
    "tagging",
    "uploads",
    "versioning",
    "versions",
];

/// Finds the operation, or says in S3's terms that there is none.
pub fn route(request: &Request) -> Result<Operation, S3Error> {
    let target = &request.target;
    let bucket_level = !target.bucket.is_empty() && target.key.is_empty();
    if bucket_level && request.method == Method::Get {
        if let Some((_, code)) = ABSENT.iter().find(|(name, _)| request.query.has(name)) {
            return Ok(Operation::Absent(*code));
        }
        if let Some(unset) = UNSET.iter().find(|unset| request.query.has(unset.part)) {
            return Ok(Operation::Unset(unset));
        }
    }
    if let Some(name) = NOT_THERE.iter().find(|name| request.query.has(name)) {
        return Err(S3Error::not_implemented(name));
    }
    let operation = if target.bucket.is_empty() {
        (request.method == Method::Get).then_some(Operation::ListBuckets)
    } else if bucket_level {
        bucket_operation(request)?
    } else {
        object_operation(request)
    };
    if let Some(Operation::PutObject | Operation::CopyObject | Operation::CompleteMultipartUpload) =
        operation
        && let Some(version) = request.query.get("versionId")
    {
        let message = "This operation does not accept a version-id.";
        return Err(S3Error::argument(message, "versionId", version));
    }
    operation.ok_or_else(|| {
        S3Error::new(Code::MethodNotAllowed)
            .detail("Method", request.method.name())
            .detail("ResourceType", resource(request))
    })
}

fn resource(request: &Request) -> &'static str {
    match (
        request.target.bucket.is_empty(),
        request.target.key.is_empty(),
    ) {
        (true, _) => "SERVICE",
        (false, true) => "BUCKET",
        (false, false) => "OBJECT",
    }
}

fn bucket_operation(request: &Request) -> Result<Option<Operation>, S3Error> {
    use Operation as Op;
    let has = |name| request.query.has(name);
    let operation = match request.method {
        Method::Get if has("location") => Op::GetBucketLocation,
        Method::Get if has("versioning") => Op::GetBucketVersioning,
        Method::Get if has("tagging") => Op::GetBucketTagging,
        Method::Get if has("cors") => Op::GetBucketCors,
        Method::Get if has("acl") => Op::GetBucketAcl,
        Method::Get if has("versions") => Op::ListObjectVersions,
        Method::Get if has("uploads") => Op::ListMultipartUploads,
        Method::Get => match request.query.get("list-type") {
            None => Op::ListObjects,
            Some("2") => Op::ListObjectsV2,
            Some(other) => return Err(S3Error::argument("Invalid list type", "list-type", other)),
        },
        Method::Put if has("versioning") => Op::PutBucketVersioning,
        Method::Put if has("tagging") => Op::PutBucketTagging,
        Method::Put if has("cors") => Op::PutBucketCors,
        Method::Put if has("acl") => Op::PutBucketAcl,
        Method::Delete if has("tagging") => Op::DeleteBucketTagging,
        Method::Delete if has("cors") => Op::DeleteBucketCors,
        // What is asked of a sub-resource must not be done to the bucket.
        Method::Put | Method::Delete if BUCKET_PARTS.iter().any(|name| has(name)) => {
            return Ok(None);
        }
        // Nor what is asked of one that S3 has had since this was written.
        Method::Put | Method::Delete if let Some(name) = unknown_part(request) => {
            return Err(S3Error::not_implemented(name));
        }
        Method::Put => Op::CreateBucket,
        Method::Delete => Op::DeleteBucket,
        Method::Head => Op::HeadBucket,
        Method::Post if has("delete") => Op::DeleteObjects,
        // Uploads from an HTML form, whose policy is checked in the form's own fields.
        Method::Post => {
            return Err(S3Error::with(
                Code::NotImplemented,
                "POST object uploads are not implemented",
            ));
        }
        Method::Options | Method::Other => return Ok(None),
    };
    Ok(Some(operation))
}

/// A parameter that neither signs a request nor names its operation for the log, as SDKs do.
fn unknown_part(request: &Request) -> Option<&str> {
    let mut names = request.query.pairs().iter().map(|(name, _)| name.as_str());
    names.find(|name| {
        let signs = name
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
        !signs && *name != "x-id"
    })
}

fn object_operation(request: &Request) -> Option<Operation> {
    use Operation as Op;
    let has = |name| request.query.has(name);
    Some(match request.method {
        Method::Get if has("tagging") => Op::GetObjectTagging,
        Method::Get if has("acl") => Op::GetObjectAcl,
        Method::Get if has("attributes") => Op::GetObjectAttributes,
        Method::Get if has("uploadId") => Op::ListParts,
        Method::Get if has("uploads") => return None,
        Method::Get => Op::GetObject,
        Method::Head => Op::HeadObject,
        Method::Put if has("tagging") => Op::PutObjectTagging,
        Method::Put if has("acl") => Op::PutObjectAcl,
        Method::Put | Method::Delete if has("uploads") || has("attributes") => return None,
        Method::Put if has("partNumber") || has("uploadId") => {
            if copy_source::is_copy(&request.headers) {
                Op::UploadPartCopy
            } else {
                Op::UploadPart
            }
        }
        Method::Put if copy_source::is_copy(&request.headers) => Op::CopyObject,
        Method::Put => Op::PutObject,
        Method::Delete if has("tagging") => Op::DeleteObjectTagging,
        Method::Delete if has("uploadId") => Op::AbortMultipartUpload,
        Method::Delete if has("acl") => return None,
        Method::Delete => Op::DeleteObject,
        Method::Post if has("uploads") => Op::CreateMultipartUpload,
        Method::Post if has("uploadId") => Op::CompleteMultipartUpload,
        Method::Post | Method::Options | Method::Other => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::{RawRequest, parse_request};
    use crate::http::target::Domains;

    fn routed(method: &str, path: &str, copy: bool) -> Result<Operation, Code> {
        let mut headers = vec![("host".to_owned(), b"127.0.0.1".to_vec())];
        if copy {
            headers.push(("x-amz-copy-source".to_owned(), b"b/k".to_vec()));
        }
        let raw = RawRequest {
            method: Method::parse(method),
            path_with_query: path.to_owned(),
            authority: None,
            tls: false,
            headers,
        };
        let request = parse_request(raw, &Domains::default()).unwrap();
        route(&request).map_err(|error| error.code())
    }

    #[test]
    fn finds_the_operation() {
        use Operation as Op;
        let cases = [
            ("GET", "/", Op::ListBuckets),
            ("PUT", "/b", Op::CreateBucket),
            ("PUT", "/b/", Op::CreateBucket),
            ("HEAD", "/b", Op::HeadBucket),
            ("DELETE", "/b", Op::DeleteBucket),
            ("GET", "/b?location", Op::GetBucketLocation),
            ("GET", "/b", Op::ListObjects),
            ("GET", "/b?list-type=2&prefix=x", Op::ListObjectsV2),
            ("GET", "/b?versions", Op::ListObjectVersions),
            ("GET", "/b?uploads", Op::ListMultipartUploads),
            ("POST", "/b?delete", Op::DeleteObjects),
            ("PUT", "/b/k?x-id=PutObject", Op::PutObject),
            ("PUT", "/b/k?partNumber=1&uploadId=u", Op::UploadPart),
            ("GET", "/b/k?partNumber=1", Op::GetObject),
            ("GET", "/b/k?uploadId=u", Op::ListParts),
            ("POST", "/b/k?uploads", Op::CreateMultipartUpload),
            ("POST", "/b/k?uploadId=u", Op::CompleteMultipartUpload),
            ("DELETE", "/b/k?uploadId=u", Op::AbortMultipartUpload),
            ("DELETE", "/b/k?versionId=v", Op::DeleteObject),
            ("GET", "/b/k?attributes", Op::GetObjectAttributes),
            ("GET", "/b?policy", Op::Absent(Code::NoSuchBucketPolicy)),
            ("GET", "/b?accelerate", Op::Unset(&UNSET[0])),
            ("PUT", "/b?x-id=CreateBucket", Op::CreateBucket),
            ("DELETE", "/b?X-Amz-Expires=60", Op::DeleteBucket),
        ];
        for (method, path, operation) in cases {
            assert_eq!(
                routed(method, path, false),
                Ok(operation),
                "{method} {path}"
            );
        }
        assert_eq!(routed("PUT", "/b/k", true), Ok(Op::CopyObject));
        assert_eq!(
            routed("PUT", "/b/k?partNumber=1&uploadId=u", true),
            Ok(Op::UploadPartCopy)
        );
    }

    #[test]
    fn says_what_is_not_there() {
        for (method, path) in [
            ("PUT", "/b?policy"),
            ("DELETE", "/b?lifecycle"),
            ("PUT", "/b?object-lock"),
            ("PUT", "/b?notification"),
            ("GET", "/b?abac"),
            ("PUT", "/b?abac"),
            ("PUT", "/b?newer-than-this"),
            ("DELETE", "/b?newer-than-this"),
            ("PUT", "/b/k?retention"),
            ("GET", "/b/k?legal-hold"),
            ("GET", "/b/k?torrent"),
            ("POST", "/b/k?select&select-type=2"),
            ("POST", "/b/k?restore"),
            ("POST", "/b"),
        ] {
            assert_eq!(
                routed(method, path, false),
                Err(Code::NotImplemented),
                "{method} {path}"
            );
        }
        for (method, path) in [
            ("POST", "/"),
            ("PATCH", "/b/k"),
            ("POST", "/b/k"),
            ("DELETE", "/b?versioning"),
            ("DELETE", "/b?location"),
            ("DELETE", "/b?uploads"),
            ("DELETE", "/b?delete"),
            ("PUT", "/b?uploads"),
            ("PUT", "/b?versions"),
            ("PUT", "/b/k?uploads"),
            ("PUT", "/b/k?attributes"),
            ("DELETE", "/b/k?uploads"),
            ("DELETE", "/b/k?attributes"),
            ("DELETE", "/b/k?acl"),
            ("GET", "/b/k?uploads"),
        ] {
            assert_eq!(
                routed(method, path, false),
                Err(Code::MethodNotAllowed),
                "{method} {path}"
            );
        }
        for (method, path) in [
            ("GET", "/b?list-type=3"),
            ("PUT", "/b/k?versionId=null"),
            ("POST", "/b/k?uploadId=u&versionId=v"),
        ] {
            assert_eq!(
                routed(method, path, false),
                Err(Code::InvalidArgument),
                "{method} {path}"
            );
        }
    }
}
