//! The settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use concierge_booking::store::Strategy;

use super::booking::{PostgresUrl, StrategyName};
use super::declare::{Setting, SettingValue, settings};
use super::load::Source;
use super::mail::{MailAddress, MailDomain, MailRoute, Network, Resolver};
use super::nodes::NodeConfig;
use super::values::{ByteSize, ListenAddress, LogFormat};

settings! {
    /// The directory that holds everything.
    ///
    /// One process at a time may have it.
    data: PathBuf = PathBuf::from("data"), "data", "DIR";

    /// Where web components answer.
    ///
    /// `HOST:PORT`, or a port alone, which is on 127.0.0.1. Port 0 asks the
    /// system for a free one; the line `ready …` says which.
    web: ListenAddress = ListenAddress::loopback(8080), "web", "ADDRESS";

    /// Where the S3 API answers.
    s3: ListenAddress = ListenAddress::loopback(9000), "s3", "ADDRESS";

    /// Where metrics, health and administration answer.
    ///
    /// On an address that is not loopback only with `tls_cert` and `tls_key`:
    /// its bearer token must not cross a network in the clear.
    internal: ListenAddress = ListenAddress::loopback(7070), "internal", "ADDRESS";

    /// Where other mail servers hand mail in.
    ///
    /// SMTP with STARTTLS. Servers come to port 25, and to this one only on an
    /// address that they reach; whoever needs no root for that forwards the port.
    smtp: ListenAddress = ListenAddress::loopback(2525), "smtp", "ADDRESS";

    /// Where mail programs hand mail in, with STARTTLS.
    ///
    /// Port 587 in earnest. Only over TLS a password is asked for, but from
    /// this machine.
    submission: ListenAddress = ListenAddress::loopback(2587), "submission", "ADDRESS";

    /// Where mail programs hand mail in, over TLS from the first byte.
    ///
    /// Port 465 in earnest.
    submissions: ListenAddress = ListenAddress::loopback(2465), "submissions", "ADDRESS";

    /// A PEM file with the certificate of the listeners and those between it
    /// and its root, in this order.
    ///
    /// With it and `tls_key`, `web` and `s3` speak TLS, and `internal` does
    /// where its address is not loopback. Those of mail speak TLS in any case:
    /// without it, with a certificate that the first start signs itself.
    tls_cert: Option<PathBuf> = None, "tls-cert", "FILE";

    /// A PEM file with the private key of `tls_cert`.
    tls_key: Option<PathBuf> = None, "tls-key", "FILE";

    /// How logs are written: `human`, `json`, or `auto`.
    ///
    /// Logs go to standard error. `auto` is `human`, with colours where
    /// standard error is a terminal.
    log_format: LogFormat = LogFormat::Auto, "log-format", "FORMAT";

    /// Which logs are written.
    ///
    /// A level (`error`, `warn`, `info`, `debug`, `trace`), or directives by
    /// module as tracing's `EnvFilter` reads them: `info,concierge_edge=debug`.
    log: String = "info".to_owned(), "log", "FILTER";

    /// The manifest of the application, in place of the one that is built in.
    ///
    /// A `spin.toml`, manifest version 2. Components of names that are built
    /// in come from the program unless `components` says otherwise; all others
    /// from the files that the manifest names.
    manifest: Option<PathBuf> = None, "manifest", "FILE";

    /// Components that come from a file instead.
    ///
    /// `NAME=FILE` each. A file that changes is taken up without a restart.
    components: BTreeMap<String, PathBuf> = BTreeMap::new(), "component", "NAME=FILE";

    /// Values for the variables that the manifest declares.
    ///
    /// `NAME=VALUE` each.
    variables: BTreeMap<String, String> = BTreeMap::new(), "variable", "NAME=VALUE";

    /// Threads that serve requests.
    ///
    /// Not set: one a core.
    threads: Option<u16> = None, "threads", "NUMBER";

    /// The number of this host among those that share storage nodes.
    ///
    /// It marks what the host is uploading; no two hosts have the same.
    host: u32 = 0, "host", "NUMBER";

    /// The storage nodes that hold the objects' bytes.
    ///
    /// `ID=DIR` is a node in this process, `ID=URL` one that runs elsewhere
    /// (`concierge node`). After a comma each: `token-file=FILE` (of a node
    /// elsewhere), `weight=NUMBER` (its share of the data; 100 unless set),
    /// `failure-domain=NAME` (what fails together with it; itself unless set).
    /// An id stays with its node for ever. Not set: one node, `1`, in the data
    /// directory.
    nodes: Vec<NodeConfig> = Vec::new(), "node", "ID=DIR|ID=URL[,…]";

    /// How many copies the objects of each storage class have.
    ///
    /// `CLASS=NUMBER` each; classes that are not named here are refused. Each
    /// copy is on another node.
    replicas: BTreeMap<String, u8> = BTreeMap::from([
        ("REDUCED_REDUNDANCY".to_owned(), 1),
        ("STANDARD".to_owned(), 1),
    ]), "replicas", "CLASS=NUMBER";

    /// Shards of the catalogue.
    ///
    /// Chosen when the data directory is made; an existing one keeps its own.
    shards: Option<u16> = None, "shards", "NUMBER";

    /// How large a volume of a storage node in this process grows.
    volume_size: ByteSize = ByteSize(1024 * 1024 * 1024), "volume-size", "SIZE";

    /// The most that the volumes of a storage node in this process may take.
    ///
    /// Not set: the whole disk, less `free_space`.
    capacity: Option<ByteSize> = None, "capacity", "SIZE";

    /// What a storage node in this process leaves free on its disk.
    free_space: ByteSize = ByteSize(512 * 1024 * 1024), "free-space", "SIZE";

    /// How fast stored data is read to verify it, in bytes a second; 0 not at
    /// all.
    scrub_rate: ByteSize = ByteSize(8 * 1024 * 1024), "scrub-rate", "SIZE";

    /// The PostgreSQL servers that bookings are kept in.
    ///
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE` each; hotels are spread
    /// over them, so that their number and order stay. Several hosts may share
    /// them (see booking-postgres.md). A flag shows a password to all who can
    /// list processes: better the file or the environment. Not set: SQLite, in
    /// the data directory.
    booking_postgres: Vec<PostgresUrl> = Vec::new(), "booking-postgres", "URL";

    /// Files that bookings are kept in, in SQLite.
    ///
    /// Hotels are spread over them, and each has one writer. Chosen when the
    /// data directory is made; an existing one keeps its own.
    booking_shards: Option<u16> = None, "booking-shards", "NUMBER";

    /// How it is made sure that no room is sold twice: `constraint`,
    /// `pessimistic` or `optimistic`.
    ///
    /// `constraint` changes the nights' rows under a condition that the table
    /// states too; `pessimistic` locks them first; `optimistic` looks first and
    /// changes them if nobody did meanwhile. All are safe; `constraint` is the
    /// fastest for the last rooms of a night.
    booking_strategy: StrategyName = StrategyName(Strategy::Constraint), "booking-strategy", "STRATEGY";

    /// Whether reservations that wait for the same file share one commit.
    ///
    /// In SQLite. `false` is there to measure what it is worth.
    booking_group_commit: bool = true, "booking-group-commit", "BOOLEAN";

    /// How old what searches and calendars are told may be, in seconds.
    ///
    /// Changes are known at once; this is for when word of them is lost.
    booking_cache_s: u32 = 10, "booking-cache-s", "SECONDS";

    /// Searches a second that are let in of one client address; 0 is all.
    ///
    /// Ten times as many at once, after a pause.
    booking_searches_per_s: u32 = 20, "booking-searches-per-s", "NUMBER";

    /// Changes a second that are let in for one hotel; 0 is all.
    ///
    /// Reservations, payments and whatever else is written, of all clients
    /// together; four times as many at once, after a pause.
    booking_changes_per_s: u32 = 500, "booking-changes-per-s", "NUMBER";

    /// Whether webhooks may be on addresses that are not public, and without
    /// TLS.
    ///
    /// Who sets a hotel's webhooks can then make this host send requests to
    /// whatever it reaches.
    booking_private_webhooks: bool = false, "booking-private-webhooks", "BOOLEAN";

    /// The address that bookings' mails leave from.
    ///
    /// An address of an account with mail; answers go to the hotel's own. Not
    /// set: mails of bookings wait.
    booking_mail_from: Option<MailAddress> = None, "booking-mail-from", "ADDRESS";

    /// Domains of which all addresses are here.
    ///
    /// Mail for an address of them that nobody has is refused, and sent nowhere.
    /// Addresses that accounts have are here in any case.
    mail_domains: Vec<MailDomain> = Vec::new(), "mail-domain", "DOMAIN";

    /// The name of this server among mail servers.
    ///
    /// In greetings, trace headers and reports; the one that MX records should
    /// name. Not set: the first of `mail_domains`, else `localhost`.
    mail_host_name: Option<MailDomain> = None, "mail-host-name", "NAME";

    /// Where mail for a domain is sent, in place of what DNS says.
    ///
    /// `DOMAIN=HOST:PORT` each; `*` is all domains that are not named.
    mail_routes: Vec<MailRoute> = Vec::new(), "mail-route", "DOMAIN=HOST:PORT";

    /// Who gets mail for `postmaster` of the domains here.
    ///
    /// An address of an account with mail. Not set: who has such an address.
    mail_postmaster: Option<MailAddress> = None, "mail-postmaster", "ADDRESS";

    /// Networks whose connections to mail's listeners begin with a header of the
    /// PROXY protocol, version 2.
    ///
    /// `ADDRESS/BITS` each: those of load balancers.
    mail_proxies: Vec<Network> = Vec::new(), "mail-proxy", "ADDRESS/BITS";

    /// Resolvers that mail asks DNS of.
    ///
    /// `ADDRESS` or `ADDRESS:PORT` each. Not set: those of the system. A resolver
    /// of one's own is of use: lists and policies are asked for often.
    mail_resolvers: Vec<Resolver> = Vec::new(), "mail-resolver", "ADDRESS:PORT";

    /// Whether push subscriptions of mail's clients may be on addresses that are
    /// not public, and without TLS.
    ///
    /// Whoever has mail here can then make this host send requests to whatever
    /// it reaches.
    mail_private_pushes: bool = false, "mail-private-pushes", "BOOLEAN";

    /// Files that mail is kept in.
    ///
    /// Accounts are spread over them, and each has one writer. Chosen when the
    /// data directory is made; an existing one keeps its own.
    mail_shards: Option<u16> = None, "mail-shards", "NUMBER";
}
