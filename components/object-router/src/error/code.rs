//! The error codes of S3 that this component gives.
//!
//! Source: Amazon S3 API Reference, "Error responses", "List of error codes"; where that list is silent, what the
//! service answers.

/// Declares the codes once: name on the wire, HTTP status, and the text shown when nothing better is known.
macro_rules! codes {
    ($($variant:ident = $status:literal, $name:literal, $message:literal;)+) => {
        /// An error code of S3.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names are S3's own, and each carries its text")]
        pub enum Code { $($variant,)+ }

        impl Code {
            /// The code as it is written in the error document.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The HTTP status that S3 gives with it.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// What S3 says when there is nothing more precise to say.
            pub fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)+ }
            }
        }
    };
}

codes! {
    AccessDenied = 403, "AccessDenied", "Access Denied";
    AccessForbidden = 403, "AccessForbidden", "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.";
    AuthorizationHeaderMalformed = 400, "AuthorizationHeaderMalformed", "The authorization header is malformed.";
    AuthorizationQueryParametersError = 400, "AuthorizationQueryParametersError", "The query string authentication parameters are malformed.";
    BadDigest = 400, "BadDigest", "The Content-MD5 you specified did not match what we received.";
    BadRequest = 400, "BadRequest", "Bad Request";
    BucketAlreadyExists = 409, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.";
    BucketAlreadyOwnedByYou = 409, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.";
    BucketNotEmpty = 409, "BucketNotEmpty", "The bucket you tried to delete is not empty";
    ConditionalRequestConflict = 409, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation against this resource.";
    EntityTooLarge = 400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size";
    EntityTooSmall = 400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size";
    IllegalVersioningConfiguration = 400, "IllegalVersioningConfigurationException", "The Versioning element must be specified";
    IncompleteBody = 400, "IncompleteBody", "The request body terminated unexpectedly";
    InsufficientStorage = 507, "InsufficientStorage", "There is not enough storage left. Nothing was written.";
    InternalError = 500, "InternalError", "We encountered an internal error. Please try again.";
    InvalidAccessKeyId = 403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.";
    InvalidArgument = 400, "InvalidArgument", "Invalid Argument";
    InvalidBucketName = 400, "InvalidBucketName", "The specified bucket is not valid.";
    InvalidDigest = 400, "InvalidDigest", "The Content-MD5 you specified was invalid.";
    InvalidLocationConstraint = 400, "InvalidLocationConstraint", "The specified location-constraint is not valid";
    InvalidPart = 400, "InvalidPart", "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.";
    InvalidPartNumber = 416, "InvalidPartNumber", "The requested partnumber is not satisfiable";
    InvalidPartOrder = 400, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.";
    InvalidRange = 416, "InvalidRange", "The requested range is not satisfiable";
    InvalidRedirectLocation = 400, "InvalidRedirectLocation", "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.";
    InvalidRequest = 400, "InvalidRequest", "Invalid Request";
    InvalidStorageClass = 400, "InvalidStorageClass", "The storage class you specified is not valid";
    InvalidTag = 400, "InvalidTag", "The tag provided was not a valid tag.";
    InvalidToken = 400, "InvalidToken", "The provided token is malformed or otherwise invalid.";
    InvalidUri = 400, "InvalidURI", "Couldn't parse the specified URI.";
    KeyTooLong = 400, "KeyTooLongError", "Your key is too long";
    MalformedAcl = 400, "MalformedACLError", "The XML you provided was not well-formed or did not validate against our published schema";
    MalformedXml = 400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema";
    MaxMessageLengthExceeded = 400, "MaxMessageLengthExceeded", "Your request was too big.";
    MetadataTooLarge = 400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size";
    MethodNotAllowed = 405, "MethodNotAllowed", "The specified method is not allowed against this resource.";
    MissingContentLength = 411, "MissingContentLength", "You must provide the Content-Length HTTP header.";
    MissingSecurityHeader = 400, "MissingSecurityHeader", "Your request is missing a required header.";
    MissingRequestBody = 400, "MissingRequestBodyError", "Request body is empty.";
    NoSuchBucket = 404, "NoSuchBucket", "The specified bucket does not exist";
    NoSuchBucketPolicy = 404, "NoSuchBucketPolicy", "The bucket policy does not exist";
    NoSuchConfiguration = 404, "NoSuchConfiguration", "The specified configuration does not exist.";
    NoSuchCorsConfiguration = 404, "NoSuchCORSConfiguration", "The CORS configuration does not exist";
    NoSuchKey = 404, "NoSuchKey", "The specified key does not exist.";
    NoSuchLifecycleConfiguration = 404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist";
    NoSuchPublicAccessBlockConfiguration = 404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found";
    NoSuchTagSet = 404, "NoSuchTagSet", "The TagSet does not exist";
    NoSuchUpload = 404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    NoSuchVersion = 404, "NoSuchVersion", "The specified version does not exist.";
    NoSuchWebsiteConfiguration = 404, "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration";
    NotImplemented = 501, "NotImplemented", "A header or query you provided requested a function that is not implemented.";
    NotModified = 304, "NotModified", "Not Modified";
    ObjectLockConfigurationNotFound = 404, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket";
    OwnershipControlsNotFound = 404, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found";
    PreconditionFailed = 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold";
    ReplicationConfigurationNotFound = 404, "ReplicationConfigurationNotFoundError", "The replication configuration was not found";
    RequestTimeTooSkewed = 403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.";
    ServerSideEncryptionConfigurationNotFound = 404, "ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found";
    ServiceUnavailable = 503, "ServiceUnavailable", "Service is unable to handle request.";
    SignatureDoesNotMatch = 403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    SlowDown = 503, "SlowDown", "Please reduce your request rate.";
    TooManyBuckets = 400, "TooManyBuckets", "You have attempted to create more buckets than allowed";
    XAmzContentSha256Mismatch = 400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.";
}
