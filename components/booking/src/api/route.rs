//! Which operation a path and a method ask for. One table is the router, what `Allow` says, and what the OpenAPI
//! document must list.

use percent_encoding::percent_decode_str;

use super::PREFIX;

/// Who an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Anyone, or guests; pages of any site may have a browser call it.
    Guests,
    /// The hotel's staff, administrators, and other programs: no other site's page.
    Staff,
}

/// An operation on a path.
#[derive(Debug)]
pub struct Route {
    /// Its method.
    pub method: &'static str,
    /// Its path below the prefix, with the names of what varies in braces.
    pub path: &'static str,
    /// What it does.
    pub operation: Operation,
    /// Who may use it.
    pub audience: Audience,
}

macro_rules! routes {
    ($($operation:ident $method:literal $path:literal $audience:ident;)+) => {
        /// What can be asked for. The names are the OpenAPI document's `operationId`s.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the OpenAPI document describes each")]
        pub enum Operation { $($operation,)+ }

        /// All operations.
        pub const ROUTES: &[Route] = &[$(Route {
            method: $method,
            path: $path,
            operation: Operation::$operation,
            audience: Audience::$audience,
        },)+];
    };
}

routes! {
    GetOpenapi "GET" "/openapi.json" Guests;
    GetProblem "GET" "/problems/{code}" Guests;
    Search "GET" "/search" Guests;
    ListHotels "GET" "/hotels" Guests;
    GetHotel "GET" "/hotels/{hotel}" Guests;
    PutHotel "PUT" "/hotels/{hotel}" Staff;
    GetCalendar "GET" "/hotels/{hotel}/calendar" Guests;
    GetIcalendar "GET" "/hotels/{hotel}/room-types/{room_type}/calendar.ics" Guests;
    PutRoomType "PUT" "/hotels/{hotel}/room-types/{room_type}" Staff;
    PutRatePlan "PUT" "/hotels/{hotel}/rate-plans/{rate_plan}" Staff;
    SetRates "POST" "/hotels/{hotel}/rates" Staff;
    SetAllotments "POST" "/hotels/{hotel}/allotments" Staff;
    Quote "POST" "/hotels/{hotel}/quote" Guests;
    CreateReservation "POST" "/hotels/{hotel}/reservations" Guests;
    ListReservations "GET" "/hotels/{hotel}/reservations" Staff;
    GetReservation "GET" "/hotels/{hotel}/reservations/{reservation}" Guests;
    Pay "POST" "/hotels/{hotel}/reservations/{reservation}/payments" Guests;
    ChangeStay "PUT" "/hotels/{hotel}/reservations/{reservation}/stay" Guests;
    Cancel "POST" "/hotels/{hotel}/reservations/{reservation}/cancel" Guests;
    CheckIn "POST" "/hotels/{hotel}/reservations/{reservation}/check-in" Staff;
    CheckOut "POST" "/hotels/{hotel}/reservations/{reservation}/check-out" Staff;
    NoShow "POST" "/hotels/{hotel}/reservations/{reservation}/no-show" Staff;
    Wait "POST" "/hotels/{hotel}/waiting-list" Guests;
    ListWaiting "GET" "/hotels/{hotel}/waiting-list" Staff;
    GetOccupancy "GET" "/hotels/{hotel}/reports/occupancy" Staff;
    GetAudit "GET" "/hotels/{hotel}/audit" Staff;
    GetStaff "GET" "/hotels/{hotel}/staff" Staff;
    PutStaff "PUT" "/hotels/{hotel}/staff" Staff;
    CreateWebhook "POST" "/hotels/{hotel}/webhooks" Staff;
    ListWebhooks "GET" "/hotels/{hotel}/webhooks" Staff;
    DeleteWebhook "DELETE" "/hotels/{hotel}/webhooks/{webhook}" Staff;
    ReadChanges "GET" "/changes" Staff;
    NotifyPayment "POST" "/payments/notifications" Staff;
}

/// A path that there is: its operations, and what its varying segments hold.
#[derive(Debug)]
pub struct Resource {
    routes: Vec<&'static Route>,
    parameters: Vec<(&'static str, String)>,
}

/// Finds what is at a path, given as it was sent.
pub fn find(path: &str) -> Option<Resource> {
    let path = path.strip_prefix(PREFIX)?;
    let mut found: Option<Resource> = None;
    for route in ROUTES {
        let Some(parameters) = matched(route.path, path) else {
            continue;
        };
        let resource = found.get_or_insert(Resource {
            routes: Vec::new(),
            parameters,
        });
        resource.routes.push(route);
    }
    found
}

fn matched(pattern: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut parameters = Vec::new();
    let (mut expected, mut sent) = (pattern.split('/'), path.split('/'));
    loop {
        match (expected.next(), sent.next()) {
            (None, None) => return Some(parameters),
            (Some(expected), Some(sent)) => {
                let sent = percent_decode_str(sent).decode_utf8().ok()?;
                match expected
                    .strip_prefix('{')
                    .and_then(|name| name.strip_suffix('}'))
                {
                    Some(name) if !sent.is_empty() => parameters.push((name, sent.into_owned())),
                    None if sent == expected => {}
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}

impl Resource {
    /// The operation of a method. HEAD is GET whose body is not sent.
    pub fn route(&self, method: &http::Method) -> Option<&'static Route> {
        let method = match method.as_str() {
            "HEAD" => "GET",
            other => other,
        };
        let mut routes = self.routes.iter();
        routes.find(|route| route.method == method).copied()
    }

    /// The methods that are known, for `Allow` and for browsers; of one audience or of all.
    pub fn methods(&self, audience: Option<Audience>) -> String {
        let mut methods: Vec<&str> = Vec::new();
        for route in &self.routes {
            if audience.is_none_or(|audience| audience == route.audience) {
                methods.push(route.method);
                if route.method == "GET" {
                    methods.push("HEAD");
                }
            }
        }
        methods.push("OPTIONS");
        methods.join(", ")
    }

    /// What a varying segment holds; empty where the path has none of that name.
    pub fn parameter(&self, name: &str) -> &str {
        let mut parameters = self.parameters.iter();
        parameters
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    #[test]
    fn paths_lead_to_operations() {
        let found = find("/booking/v1/hotels/a%2Db/reservations/X/payments").unwrap();
        assert_eq!(found.parameter("hotel"), "a-b");
        assert_eq!(found.parameter("reservation"), "X");
        assert_eq!(found.parameter("webhook"), "");
        let route = found.route(&Method::POST).unwrap();
        assert_eq!(route.operation, Operation::Pay);
        assert!(found.route(&Method::GET).is_none());
        assert_eq!(found.methods(None), "POST, OPTIONS");
        let hotel = find("/booking/v1/hotels/a").unwrap();
        assert_eq!(
            hotel.route(&Method::HEAD).map(|route| route.operation),
            Some(Operation::GetHotel)
        );
        assert_eq!(hotel.methods(None), "GET, HEAD, PUT, OPTIONS");
        assert_eq!(hotel.methods(Some(Audience::Guests)), "GET, HEAD, OPTIONS");
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "",
            "/booking/v1",
            "/booking/v1/",
            "/booking/v1/hotels/",
            "/booking/v1/hotels//calendar",
            "/booking/v1/hotels/a/",
            "/booking/v1/hotels/%ff",
            "/booking/v1/Hotels",
            "/booking/v1/openapi.json/x",
        ] {
            assert!(find(path).is_none(), "{path}");
        }
    }
}
