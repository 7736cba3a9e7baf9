//! Runs the method calls of a request, one after the other (RFC 8620 §3.4 to §3.6).

use serde_json::{Map, Value, json};

use super::capability::Using;
use super::context::{Arguments, Context, CreatedIds};
use super::error::{Kind, MethodError};
use super::limits::{ANSWERED_BYTES_MAX, RESOLVED_BYTES_MAX};
use super::pointer::weight;
use super::reference;
use super::request::{Invocation, Request};
use crate::bindings::concierge::mail::accounts::Account;
use crate::host::Host;
use crate::methods::{self, Method};

/// The Response to a Request, however much memory its answers take.
pub async fn run<H: Host>(
    host: &H,
    token: &str,
    accounts: &[Account],
    session_state: &str,
    request: Request,
) -> Value {
    run_within(host, token, accounts, session_state, request, &mut |_| true).await
}

/// The Response to a Request. `has_room` is told, call after call, how many bytes all answers take, about; where it says
/// no, what was answered stays, and the calls that follow are not run.
pub async fn run_within<H: Host>(
    host: &H,
    token: &str,
    accounts: &[Account],
    session_state: &str,
    request: Request,
    has_room: &mut dyn FnMut(usize) -> bool,
) -> Value {
    let created = request.created_ids.as_ref();
    let mut context = Context {
        host,
        token,
        accounts,
        using: &request.using,
        created: created.map(CreatedIds::from_request).unwrap_or_default(),
        implicit: Vec::new(),
    };
    let mut responses = Responses::default();
    for call in request.calls {
        let Invocation {
            name,
            arguments,
            id,
        } = call;
        let outcome = one(&mut context, &mut responses, &name, arguments).await;
        match outcome {
            Ok(value) => responses.push(&name, value, &id),
            Err(error) => responses.push("error", error.to_json(), &id),
        }
        for (name, value) in context.implicit.drain(..) {
            responses.push(name, value, &id);
        }
        responses.has_room = has_room(responses.bytes);
    }
    let mut response = json!({
        "methodResponses": responses.into_json(),
        "sessionState": session_state,
    });
    if let (Some(members), Some(_)) = (response.as_object_mut(), &request.created_ids) {
        members.insert("createdIds".to_owned(), context.created.to_json());
    }
    response
}

async fn one<H: Host>(
    context: &mut Context<'_, H>,
    responses: &mut Responses,
    name: &str,
    arguments: Map<String, Value>,
) -> Result<Value, MethodError> {
    let method = known(name, context.using)?;
    if responses.bytes > ANSWERED_BYTES_MAX {
        let why = "The answers before this one are too long already.";
        return Err(MethodError::new(Kind::RequestTooLarge, why));
    }
    if !responses.has_room {
        let why = "Too much is answered at once; try again.";
        return Err(MethodError::new(Kind::ServerUnavailable, why));
    }
    let arguments = reference::resolve(arguments, &responses.list, &mut responses.resolvable)?;
    methods::run(method, context, Arguments(arguments)).await
}

/// The method of a name, if the request names its capability (RFC 8620 §3.3).
fn known(name: &str, using: &Using) -> Result<Method, MethodError> {
    let unknown = |why: String| MethodError::new(Kind::UnknownMethod, why);
    let method = Method::named(name)
        .ok_or_else(|| unknown("There is no method of this name.".to_owned()))?;
    let capability = method.capability();
    match using.has(capability) {
        true => Ok(method),
        false => Err(unknown(format!("It needs {} in using.", capability.uri()))),
    }
}

/// The responses so far.
struct Responses {
    list: Vec<Invocation>,
    /// About, of all of them.
    bytes: usize,
    /// Bytes that result references may still copy.
    resolvable: usize,
    /// There is memory for more.
    has_room: bool,
}

impl Default for Responses {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            bytes: 0,
            resolvable: RESOLVED_BYTES_MAX,
            has_room: true,
        }
    }
}

impl Responses {
    fn push(&mut self, name: &str, value: Value, id: &str) {
        self.bytes = self.bytes.saturating_add(weight(&value));
        let arguments = match value {
            Value::Object(members) => members,
            // Methods answer with objects.
            _ => Map::new(),
        };
        self.list.push(Invocation {
            name: name.to_owned(),
            arguments,
            id: id.to_owned(),
        });
    }

    fn into_json(self) -> Value {
        self.list
            .into_iter()
            .map(|one| Value::Array(vec![one.name.into(), one.arguments.into(), one.id.into()]))
            .collect()
    }
}
