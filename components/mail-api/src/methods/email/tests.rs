//! What the tests of the methods of emails, blobs and quotas have in common: a method, run by its name.

use serde_json::Value;

use crate::bindings::concierge::mail::accounts::Account;
use crate::jmap::capability::Using;
use crate::jmap::context::{Arguments, Context, CreatedIds};
use crate::jmap::error::{Kind, MethodError};
use crate::methods::{self, Method};
use crate::scripted::{Scripted, run};

fn account(id: &str, read_only: bool) -> Account {
    Account {
        id: id.to_owned(),
        name: id.to_owned(),
        personal: !read_only,
        read_only,
        addresses: Vec::new(),
    }
}

/// What a method did: its answer, the responses that follow it, and the ids of what was created in the request.
pub struct Ran {
    /// Its own answer.
    pub answer: Result<Value, MethodError>,
    /// Those that follow.
    pub implicit: Vec<(&'static str, Value)>,
    /// Of this call, and those it began with.
    pub created: CreatedIds,
}

/// Runs a method for a principal that has the accounts `a` and `from`, and may read `shared`.
pub fn ran(host: &Scripted, method: &str, arguments: Value, created: CreatedIds) -> Ran {
    let using = Using::read(Some(serde_json::json!(["urn:ietf:params:jmap:mail"]))).unwrap();
    let accounts = [
        account("a", false),
        account("from", false),
        account("shared", true),
    ];
    let mut context = Context {
        host,
        token: "token",
        accounts: &accounts,
        using: &using,
        created,
        implicit: Vec::new(),
    };
    let method = Method::named(method).expect("the method is known");
    let arguments = Arguments(arguments.as_object().cloned().unwrap());
    let answer = run(methods::run(method, &mut context, arguments));
    Ran {
        answer,
        implicit: context.implicit,
        created: context.created,
    }
}

/// What it answers.
pub fn tell(host: &Scripted, method: &str, arguments: Value) -> Result<Value, MethodError> {
    ran(host, method, arguments, CreatedIds::default()).answer
}

/// Why it is not run.
pub fn kind(host: &Scripted, method: &str, arguments: Value) -> Kind {
    let error = tell(host, method, arguments).unwrap_err();
    error.kind()
}
