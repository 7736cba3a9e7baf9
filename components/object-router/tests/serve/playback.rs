//! A host that plays back answers: it keeps what it was asked, and gives what the test scripted, in order.

use std::cell::RefCell;
use std::collections::VecDeque;

use object_router::bindings::concierge::identity::sigv4::{self, Principal, SignedRequest};
use object_router::bindings::concierge::objects::blobs::{
    Attributes, Body, CopyRequest, CopyResult, DeleteRequest, DeleteResult, Error, GetRequest,
    GetResult, PutRequest, PutResult, Tag,
};
use object_router::bindings::concierge::objects::buckets::{
    BucketInfo, BucketPage, CorsRule, Versioning,
};
use object_router::bindings::concierge::objects::listing::{
    Page, Query, VersionPage, VersionQuery,
};
use object_router::bindings::concierge::objects::multipart::{
    CompleteRequest, CreateRequest, Part, PartCopyRequest, PartCopyResult, PartPage, UploadInfo,
    UploadPage, UploadQuery,
};
use object_router::host::{Host, Named, ReadError, UploadName};

/// The token that the host gives, and wants to see in every later call.
const TOKEN: &str = "token-of-ada";

/// What the host is asked, and what it answers: one variant a function of the contracts.
macro_rules! calls {
    ($($variant:ident ( $($asked:ty),* ) -> $answer:ty;)+) => {
        /// What was asked.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Asked { $($variant($($asked),*),)+ }

        /// What is to be answered.
        #[derive(Clone, Debug)]
        pub enum Answer { $($variant(Result<$answer, Error>),)+ }

        $(impl FromAnswer<markers::$variant> for $answer {
            fn from_answer(answer: Answer) -> Option<Result<Self, Error>> {
                match answer {
                    Answer::$variant(answer) => Some(answer),
                    _ => None,
                }
            }
        })+

        /// Tells answers of one type apart.
        mod markers { $(pub struct $variant;)+ }
    };
}

trait FromAnswer<Marker>: Sized {
    fn from_answer(answer: Answer) -> Option<Result<Self, Error>>;
}

calls! {
    Put(PutRequest, Vec<u8>) -> PutResult;
    Get(GetRequest) -> (GetResult, Vec<u8>);
    Head(GetRequest) -> GetResult;
    Delete(String, DeleteRequest) -> DeleteResult;
    DeleteMany(String, Vec<DeleteRequest>) -> Vec<Result<DeleteResult, Error>>;
    Copy(CopyRequest) -> CopyResult;
    GetAttributes(Named, u32, u32) -> Attributes;
    GetTags(Named) -> (Option<String>, Vec<Tag>);
    SetTags(Named, Vec<Tag>) -> Option<String>;
    CreateBucket(String, String) -> ();
    GetBucket(String) -> BucketInfo;
    DeleteBucket(String) -> ();
    ListBuckets(String, String, u32) -> BucketPage;
    SetVersioning(String, Versioning) -> ();
    GetBucketTags(String) -> Vec<Tag>;
    SetBucketTags(String, Vec<Tag>) -> ();
    GetCors(String) -> Vec<CorsRule>;
    SetCors(String, Vec<CorsRule>) -> ();
    MatchCors(String, String, String, Vec<String>) -> Option<CorsRule>;
    ListObjects(Query) -> Page;
    ListVersions(VersionQuery) -> VersionPage;
    CreateUpload(CreateRequest) -> UploadInfo;
    PutPart(UploadName, u32, Body, Vec<u8>) -> Part;
    CopyPart(PartCopyRequest) -> PartCopyResult;
    ListParts(UploadName, u32, u32) -> PartPage;
    ListUploads(UploadQuery) -> UploadPage;
    CompleteUpload(CompleteRequest) -> PutResult;
    AbortUpload(UploadName) -> ();
}

/// The body of a request.
#[derive(Clone, Debug, Default)]
pub struct Incoming {
    pub bytes: Vec<u8>,
    /// Why it cannot be read, where it cannot.
    pub failure: Option<ReadError>,
}

/// The host of a test.
#[derive(Default)]
pub struct Playback {
    /// What the signature is found to be; good unless the test says otherwise.
    refusal: Option<sigv4::Error>,
    answers: RefCell<VecDeque<Answer>>,
    verified: RefCell<Vec<SignedRequest>>,
    asked: RefCell<Vec<Asked>>,
}

impl Playback {
    /// Gives these answers, in this order, to those whose signatures are good.
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: RefCell::new(answers.into_iter().collect()),
            ..Self::default()
        }
    }

    /// Finds every signature bad.
    pub fn refusing(error: sigv4::Error) -> Self {
        Self {
            refusal: Some(error),
            ..Self::default()
        }
    }

    /// What was asked, but for the signature. Every scripted answer must have been wanted.
    pub fn asked(&self) -> Vec<Asked> {
        assert!(
            self.answers.borrow().is_empty(),
            "never asked for: {:?}",
            self.answers.borrow()
        );
        self.asked.borrow().clone()
    }

    /// The requests that were to be verified.
    pub fn verified(&self) -> Vec<SignedRequest> {
        self.verified.borrow().clone()
    }

    fn answer<T: FromAnswer<M>, M>(&self, token: &str, asked: Asked) -> Result<T, Error> {
        assert_eq!(token, TOKEN, "another's token: {asked:?}");
        self.answer_anyone(asked)
    }

    fn answer_anyone<T: FromAnswer<M>, M>(&self, asked: Asked) -> Result<T, Error> {
        let answer = self.answers.borrow_mut().pop_front();
        let answer = answer.unwrap_or_else(|| panic!("no answer is scripted to {asked:?}"));
        let shown = format!("{answer:?}");
        self.asked.borrow_mut().push(asked.clone());
        T::from_answer(answer).unwrap_or_else(|| panic!("{shown} is no answer to {asked:?}"))
    }
}

impl Host for Playback {
    type Incoming = Incoming;
    type Outgoing = Vec<u8>;

    async fn read(&self, body: Incoming, max_bytes: usize) -> Result<Vec<u8>, ReadError> {
        if body.bytes.len() > max_bytes {
            return Err(ReadError::TooLong);
        }
        if let Some(failure) = body.failure {
            return Err(failure);
        }
        Ok(body.bytes)
    }

    async fn verify(&self, request: SignedRequest) -> Result<Principal, sigv4::Error> {
        self.verified.borrow_mut().push(request);
        match &self.refusal {
            Some(error) => Err(error.clone()),
            None => Ok(Principal {
                token: TOKEN.into(),
                account_id: "id-of-ada".into(),
                account_name: "ada".into(),
                expires_us: u64::MAX,
            }),
        }
    }

    async fn put(
        &self,
        token: String,
        request: PutRequest,
        body: Incoming,
    ) -> Result<PutResult, Error> {
        self.answer::<_, markers::Put>(&token, Asked::Put(request, body.bytes))
    }

    async fn get(&self, token: String, request: GetRequest) -> Result<(GetResult, Vec<u8>), Error> {
        self.answer::<_, markers::Get>(&token, Asked::Get(request))
    }

    async fn head(&self, token: String, request: GetRequest) -> Result<GetResult, Error> {
        self.answer::<_, markers::Head>(&token, Asked::Head(request))
    }

    async fn delete(
        &self,
        token: String,
        bucket: String,
        request: DeleteRequest,
    ) -> Result<DeleteResult, Error> {
        self.answer::<_, markers::Delete>(&token, Asked::Delete(bucket, request))
    }

    async fn delete_many(
        &self,
        token: String,
        bucket: String,
        requests: Vec<DeleteRequest>,
    ) -> Result<Vec<Result<DeleteResult, Error>>, Error> {
        self.answer::<_, markers::DeleteMany>(&token, Asked::DeleteMany(bucket, requests))
    }

    async fn copy(&self, token: String, request: CopyRequest) -> Result<CopyResult, Error> {
        self.answer::<_, markers::Copy>(&token, Asked::Copy(request))
    }

    async fn get_attributes(
        &self,
        token: String,
        named: Named,
        part_marker: u32,
        max_parts: u32,
    ) -> Result<Attributes, Error> {
        let asked = Asked::GetAttributes(named, part_marker, max_parts);
        self.answer::<_, markers::GetAttributes>(&token, asked)
    }

    async fn get_tags(
        &self,
        token: String,
        named: Named,
    ) -> Result<(Option<String>, Vec<Tag>), Error> {
        self.answer::<_, markers::GetTags>(&token, Asked::GetTags(named))
    }

    async fn set_tags(
        &self,
        token: String,
        named: Named,
        tags: Vec<Tag>,
    ) -> Result<Option<String>, Error> {
        self.answer::<_, markers::SetTags>(&token, Asked::SetTags(named, tags))
    }

    async fn create_bucket(
        &self,
        token: String,
        name: String,
        region: String,
    ) -> Result<(), Error> {
        self.answer::<_, markers::CreateBucket>(&token, Asked::CreateBucket(name, region))
    }

    async fn get_bucket(&self, token: String, name: String) -> Result<BucketInfo, Error> {
        self.answer::<_, markers::GetBucket>(&token, Asked::GetBucket(name))
    }

    async fn delete_bucket(&self, token: String, name: String) -> Result<(), Error> {
        self.answer::<_, markers::DeleteBucket>(&token, Asked::DeleteBucket(name))
    }

    async fn list_buckets(
        &self,
        token: String,
        prefix: String,
        after: String,
        max: u32,
    ) -> Result<BucketPage, Error> {
        self.answer::<_, markers::ListBuckets>(&token, Asked::ListBuckets(prefix, after, max))
    }

    async fn set_versioning(
        &self,
        token: String,
        name: String,
        state: Versioning,
    ) -> Result<(), Error> {
        self.answer::<_, markers::SetVersioning>(&token, Asked::SetVersioning(name, state))
    }

    async fn get_bucket_tags(&self, token: String, name: String) -> Result<Vec<Tag>, Error> {
        self.answer::<_, markers::GetBucketTags>(&token, Asked::GetBucketTags(name))
    }

    async fn set_bucket_tags(
        &self,
        token: String,
        name: String,
        tags: Vec<Tag>,
    ) -> Result<(), Error> {
        self.answer::<_, markers::SetBucketTags>(&token, Asked::SetBucketTags(name, tags))
    }

    async fn get_cors(&self, token: String, name: String) -> Result<Vec<CorsRule>, Error> {
        self.answer::<_, markers::GetCors>(&token, Asked::GetCors(name))
    }

    async fn set_cors(
        &self,
        token: String,
        name: String,
        rules: Vec<CorsRule>,
    ) -> Result<(), Error> {
        self.answer::<_, markers::SetCors>(&token, Asked::SetCors(name, rules))
    }

    async fn match_cors(
        &self,
        name: String,
        origin: String,
        method: String,
        headers: Vec<String>,
    ) -> Result<Option<CorsRule>, Error> {
        let asked = Asked::MatchCors(name, origin, method, headers);
        self.answer_anyone::<_, markers::MatchCors>(asked)
    }

    async fn list_objects(&self, token: String, query: Query) -> Result<Page, Error> {
        self.answer::<_, markers::ListObjects>(&token, Asked::ListObjects(query))
    }

    async fn list_versions(
        &self,
        token: String,
        query: VersionQuery,
    ) -> Result<VersionPage, Error> {
        self.answer::<_, markers::ListVersions>(&token, Asked::ListVersions(query))
    }

    async fn create_upload(
        &self,
        token: String,
        request: CreateRequest,
    ) -> Result<UploadInfo, Error> {
        self.answer::<_, markers::CreateUpload>(&token, Asked::CreateUpload(request))
    }

    async fn put_part(
        &self,
        token: String,
        upload: UploadName,
        number: u32,
        info: Body,
        body: Incoming,
    ) -> Result<Part, Error> {
        let asked = Asked::PutPart(upload, number, info, body.bytes);
        self.answer::<_, markers::PutPart>(&token, asked)
    }

    async fn copy_part(
        &self,
        token: String,
        request: PartCopyRequest,
    ) -> Result<PartCopyResult, Error> {
        self.answer::<_, markers::CopyPart>(&token, Asked::CopyPart(request))
    }

    async fn list_parts(
        &self,
        token: String,
        upload: UploadName,
        marker: u32,
        max: u32,
    ) -> Result<PartPage, Error> {
        self.answer::<_, markers::ListParts>(&token, Asked::ListParts(upload, marker, max))
    }

    async fn list_uploads(&self, token: String, query: UploadQuery) -> Result<UploadPage, Error> {
        self.answer::<_, markers::ListUploads>(&token, Asked::ListUploads(query))
    }

    async fn complete_upload(
        &self,
        token: String,
        request: CompleteRequest,
    ) -> Result<PutResult, Error> {
        self.answer::<_, markers::CompleteUpload>(&token, Asked::CompleteUpload(request))
    }

    async fn abort_upload(&self, token: String, upload: UploadName) -> Result<(), Error> {
        self.answer::<_, markers::AbortUpload>(&token, Asked::AbortUpload(upload))
    }
}
