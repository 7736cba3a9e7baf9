//! The list of all functions.

/// Lists the functions of the contracts. `functions!(each)` expands, for every interface, to
///
/// ```text
/// each! { INTERFACE of PACKAGE { KIND FUNCTION "NAME" (ARGUMENT: TYPE, …) -> RESULT; … } }
/// ```
///
/// where FUNCTION is the name as Rust has it and NAME as WIT has it; RESULT is what the function gives when
/// it succeeds, and it fails with the interface's `Error`. Types are those that either bindgen generates for the
/// interface. KIND is
/// - `plain`: no stream;
/// - `takes`: a `stream<u8>` follows the arguments;
/// - `gives`: a `stream<u8>` comes with RESULT, whose field `length` is the stream's.
#[macro_export]
macro_rules! functions {
    ($each:ident) => {
        $each! { administration of BOOKING {
            plain put_hotel "put-hotel" (caller: Caller, hotel: Hotel) -> ();
            plain put_room_type "put-room-type" (caller: Caller, hotel: String, room_type: RoomType) -> ();
            plain put_rate_plan "put-rate-plan" (caller: Caller, hotel: String, rate_plan: RatePlan) -> ();
            plain set_rates "set-rates" (caller: Caller, hotel: String, rates: Vec<Rate>) -> ();
            plain set_allotments "set-allotments" (
                caller: Caller, hotel: String, allotments: Vec<Allotment>
            ) -> ();
            plain set_staff "set-staff" (caller: Caller, hotel: String, accounts: Vec<String>) -> ();
            plain get_staff "get-staff" (caller: Caller, hotel: String) -> Vec<String>;
            plain create_webhook "create-webhook" (caller: Caller, hotel: String, url: String) -> Webhook;
            plain list_webhooks "list-webhooks" (caller: Caller, hotel: String) -> Vec<Webhook>;
            plain delete_webhook "delete-webhook" (caller: Caller, hotel: String, id: String) -> ();
        } }
        $each! { availability of BOOKING {
            plain search "search" (query: Query) -> Offers;
            plain calendar "calendar" (
                hotel: String, room_type: Option<String>, first: Date, nights: u32
            ) -> Vec<RoomTypeCalendar>;
            plain quote "quote" (hotel: String, stay: Stay) -> PricedStay;
        } }
        $each! { catalogue of BOOKING {
            plain get "get" (hotel: String) -> HotelDetails;
            plain get_for_staff "get-for-staff" (caller: Caller, hotel: String) -> HotelDetails;
            plain list "list" (caller: Caller, after: String, max: u32) -> HotelPage;
        } }
        $each! { changes of BOOKING {
            plain read "read" (caller: Caller, after: String, max: u32) -> Page;
        } }
        $each! { payments of BOOKING {
            plain pay "pay" (
                caller: Caller, hotel: String, reservation: String, method: String,
                idempotency: Idempotency, client: String
            ) -> Decided;
            plain notify "notify" (body: Vec<u8>, signature: String) -> ();
        } }
        $each! { reports of BOOKING {
            plain occupancy "occupancy" (caller: Caller, hotel: String, first: Date, days: u32) -> Vec<Day>;
            plain audit "audit" (
                caller: Caller, hotel: String, subject: Option<String>, before: u64, max: u32
            ) -> Vec<AuditEntry>;
        } }
        $each! { reservations of BOOKING {
            plain create "create" (
                caller: Caller, hotel: String, request: Request, idempotency: Idempotency, client: String
            ) -> Decided;
            plain record_answer "record-answer" (
                caller: Caller, hotel: String, idempotency: Idempotency, answer: Answer
            ) -> Answer;
            plain get "get" (caller: Caller, hotel: String, reservation: String) -> Reservation;
            plain act "act" (
                caller: Caller, hotel: String, reservation: String, action: Action,
                version: Option<u64>, idempotency: Option<Idempotency>, client: String
            ) -> Decided;
            plain list "list" (
                caller: Caller, hotel: String, filter: Filter, after: Option<String>, max: u32
            ) -> ReservationPage;
            plain wait "wait" (
                hotel: String, request: Request, idempotency: Idempotency, client: String
            ) -> Waiting;
            plain waiting_list "waiting-list" (
                caller: Caller, hotel: String, after: Option<String>, max: u32
            ) -> Vec<Waiting>;
        } }
        $each! { passwords of IDENTITY {
            plain basic "basic" (name: String, password: String, client: Option<String>) -> Principal;
            plain bearer "bearer" (secret: String, client: Option<String>) -> Principal;
        } }
        $each! { sigv4 of IDENTITY {
            plain verify "verify" (request: SignedRequest) -> Principal;
        } }
        $each! { accounts of MAIL {
            plain list "list" (token: String) -> Vec<Account>;
            plain states "states" (token: String, account: String) -> Vec<(DataType, u64)>;
            plain quotas "quotas" (token: String, account: String) -> Vec<Quota>;
        } }
        $each! { emails of MAIL {
            plain get "get" (token: String, account: String, ids: Vec<String>, detail: Detail)
                -> (Vec<Email>, u64);
            plain parse "parse" (token: String, account: String, blobs: Vec<String>, detail: Detail)
                -> Vec<Result<Email, Refusal>>;
            plain changed "changed" (token: String, account: String, since: u64, max: u32) -> Changes;
            plain set "set" (
                token: String, account: String, if_in_state: Option<u64>, edits: Vec<Edit>
            ) -> Edited;
            plain copy "copy" (
                token: String, from_account: String, account: String, if_from_in_state: Option<u64>,
                if_in_state: Option<u64>, emails: Vec<Copied>
            ) -> Edited;
            plain threads "threads" (token: String, account: String, ids: Vec<String>) -> (Vec<Thread>, u64);
            plain threads_changed "threads-changed" (
                token: String, account: String, since: u64, max: u32
            ) -> Changes;
        } }
        $each! { events of MAIL {
            gives listen "listen" (token: String, subscription: Subscription) -> Opened;
            plain pushes "pushes" (token: String) -> Vec<Push>;
            plain create_push "create-push" (token: String, push: Push) -> Push;
            plain update_push "update-push" (token: String, patch: PushPatch) -> Push;
            plain delete_push "delete-push" (token: String, id: String) -> ();
        } }
        $each! { mailboxes of MAIL {
            plain list "list" (token: String, account: String) -> (Vec<Mailbox>, u64);
            plain changed "changed" (token: String, account: String, since: u64, max: u32) -> Changes;
            plain set "set" (
                token: String, account: String, if_in_state: Option<u64>, edits: Vec<Edit>
            ) -> Outcomes;
        } }
        $each! { messages of MAIL {
            takes upload "upload" (token: String, account: String) -> Blob;
            gives download "download" (token: String, account: String, blob: String, range: Range) -> Content;
            plain assemble "assemble" (token: String, account: String, blobs: Vec<Vec<Piece>>)
                -> Vec<Result<Blob, Refusal>>;
            plain get "get" (
                token: String, account: String, blobs: Vec<String>, range: Range, data: bool, digests: Digests
            ) -> Vec<Found>;
            plain lookup "lookup" (token: String, account: String, blobs: Vec<String>) -> Vec<References>;
            plain copy "copy" (token: String, from_account: String, account: String, blobs: Vec<String>)
                -> Vec<Result<Blob, Refusal>>;
        } }
        $each! { outgoing of MAIL {
            plain send "send" (token: String, account: String, message: Message) -> Accepted;
        } }
        $each! { search of MAIL {
            plain emails "emails" (token: String, account: String, query: Query, window: Window) -> Page;
            plain email_changes "email-changes" (
                token: String, account: String, query: Query, since: u64, max: Option<u32>,
                up_to: Option<String>, calculate_total: bool
            ) -> QueryChanges;
            plain snippets "snippets" (token: String, account: String, filter: Vec<Term>, emails: Vec<String>)
                -> Vec<Snippet>;
        } }
        $each! { submissions of MAIL {
            plain senders "senders" (token: String, account: String) -> (Vec<Sender>, u64);
            plain senders_changed "senders-changed" (
                token: String, account: String, since: u64, max: u32
            ) -> Changes;
            plain set_senders "set-senders" (
                token: String, account: String, if_in_state: Option<u64>, edits: Vec<SenderEdit>
            ) -> Outcomes;
            plain get "get" (token: String, account: String, ids: Vec<String>) -> (Vec<Submission>, u64);
            plain changed "changed" (token: String, account: String, since: u64, max: u32) -> Changes;
            plain query "query" (token: String, account: String, filter: Filter) -> (Vec<String>, u64);
            plain set "set" (
                token: String, account: String, if_in_state: Option<u64>, edits: Vec<Edit>
            ) -> Outcomes;
            plain get_vacation "get-vacation" (token: String, account: String) -> (Vacation, u64);
            plain set_vacation "set-vacation" (
                token: String, account: String, if_in_state: Option<u64>, vacation: Vacation
            ) -> (u64, u64);
        } }
        $each! { blobs of OBJECTS {
            takes put "put" (token: String, request: PutRequest) -> PutResult;
            gives get "get" (token: String, request: GetRequest) -> GetResult;
            plain head "head" (token: String, request: GetRequest) -> GetResult;
            plain delete "delete" (token: String, bucket: String, request: DeleteRequest) -> DeleteResult;
            plain delete_many "delete-many" (token: String, bucket: String, requests: Vec<DeleteRequest>)
                -> Vec<Result<DeleteResult, Error>>;
            plain copy "copy" (token: String, request: CopyRequest) -> CopyResult;
            plain get_attributes "get-attributes" (
                token: String, bucket: String, key: String, version_id: Option<String>,
                part_marker: u32, max_parts: u32
            ) -> Attributes;
            plain get_tags "get-tags" (
                token: String, bucket: String, key: String, version_id: Option<String>
            ) -> (Option<String>, Vec<Tag>);
            plain set_tags "set-tags" (
                token: String, bucket: String, key: String, version_id: Option<String>, tags: Vec<Tag>
            ) -> Option<String>;
        } }
        $each! { buckets of OBJECTS {
            plain create "create" (token: String, name: String, region: String) -> ();
            plain get "get" (token: String, name: String) -> BucketInfo;
            plain delete "delete" (token: String, name: String) -> ();
            plain list "list" (token: String, prefix: String, after: String, max: u32) -> BucketPage;
            plain set_versioning "set-versioning" (token: String, name: String, state: Versioning) -> ();
            plain get_tags "get-tags" (token: String, name: String) -> Vec<Tag>;
            plain set_tags "set-tags" (token: String, name: String, tags: Vec<Tag>) -> ();
            plain get_cors "get-cors" (token: String, name: String) -> Vec<CorsRule>;
            plain set_cors "set-cors" (token: String, name: String, rules: Vec<CorsRule>) -> ();
            plain match_cors "match-cors" (
                name: String, origin: String, method: String, headers: Vec<String>
            ) -> Option<CorsRule>;
        } }
        $each! { listing of OBJECTS {
            plain objects "objects" (token: String, query: Query) -> Page;
            plain versions "versions" (token: String, query: VersionQuery) -> VersionPage;
        } }
        $each! { multipart of OBJECTS {
            plain create "create" (token: String, request: CreateRequest) -> UploadInfo;
            takes put_part "put-part" (
                token: String, bucket: String, key: String, upload_id: String, number: u32, info: Body
            ) -> Part;
            plain copy_part "copy-part" (token: String, request: PartCopyRequest) -> PartCopyResult;
            plain list_parts "list-parts" (
                token: String, bucket: String, key: String, upload_id: String, marker: u32, max: u32
            ) -> PartPage;
            plain list_uploads "list-uploads" (token: String, query: UploadQuery) -> UploadPage;
            plain complete "complete" (token: String, request: CompleteRequest) -> PutResult;
            plain abort "abort" (token: String, bucket: String, key: String, upload_id: String) -> ();
        } }
    };
}
