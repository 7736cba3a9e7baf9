//! What the server reads for a reservation.

use tokio_postgres::Client;

use super::server::TestServer;
use crate::store::Strategy;
use crate::store::conformance::fixture::{House, cancel, fresh_key, stay};

/// Index entries that one of the calls may read: it reads a few dozen.
const READ_MAX: i64 = 1_000;

/// A hotel with many of everything, among many that have next to nothing.
const LARGE_AMONG_SMALL: &str = "
insert into booking.reservation (hotel, id, code, state, arrival, departure, occupied_until, guest_name, guest_email,
    changed_us, version, body)
select hotel, gen_random_uuid(), 'L' || n, 'expired', 1, 2, 1, '', '', 1, 1, '{}'
from (select 'large' as hotel, n from generate_series(1, 20000) n
    union all select 'small-' || n, n from generate_series(1, 2000) n) s;
insert into booking.idempotency_key (hotel, scope, key, fingerprint, operation, at_us, outcome)
select hotel, 'guest', code, '', id, 9000000000000000, '{}' from booking.reservation where state = 'expired';
insert into booking.inventory (hotel, room_type, night, sellable, reserved, version)
select hotel, 'double', 100000 + substr(code, 2)::integer, 9, 0, 0 from booking.reservation where state = 'expired';
analyze booking.reservation, booking.idempotency_key, booking.inventory;
select pg_stat_force_next_flush();
";

/// Entries of indexes that were read, when it is known that so many rows of the audit log were written. Sessions tell
/// what they did when they end.
async fn counted_after(client: &Client, written: i64) -> i64 {
    let counts = "select \
        (select sum(idx_tup_read) from pg_stat_user_indexes where schemaname = 'booking')::bigint, \
        (select n_tup_ins from pg_stat_user_tables where schemaname = 'booking' and relname = 'audit')";
    loop {
        let row = client.query_one(counts, &[]).await.unwrap();
        if row.get::<_, i64>(1) >= written {
            return row.get(0);
        }
        tokio::task::yield_now().await;
    }
}

/// A call takes a few keys, codes and nights, and looks each up in a table of all hotels. The planner knows how many rows
/// a hotel has on average, and where that is few, it joined by reading all of the hotel's. A hotel with 130,000
/// reservations took 50 ms for each of them then. So what is looked up is looked up one by one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_hotel_is_not_read_as_a_whole() {
    let Some(server) = TestServer::start().await else {
        return;
    };
    for strategy in [
        Strategy::Pessimistic,
        Strategy::Optimistic,
        Strategy::Constraint,
    ] {
        let database = server.database().await;
        let client = server.client(&database).await;
        let store = server.store(&database, strategy).await;
        let house = House::open(&store, "large", &[("double", 9)]).await;
        client.batch_execute(LARGE_AMONG_SMALL).await.unwrap();
        store.close().await.unwrap();
        // The three edits are counted.
        let read = counted_after(&client, 3).await;
        let store = server.store(&database, strategy).await;
        let house = House { store, ..house };
        let made = house.book(stay(&["double"], 1, 3)).await.unwrap();
        let mut change = house.transition(made.id, cancel());
        change.key = Some(fresh_key());
        assert!(house.change(change).await.unwrap().unwrap().now);
        house.store.close().await.unwrap();
        let read = counted_after(&client, 5).await - read;
        assert!(read < READ_MAX, "{strategy:?}: {read}");
    }
}
