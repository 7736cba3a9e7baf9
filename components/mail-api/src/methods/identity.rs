//! `Identity/…` (RFC 8621 §6): as whom an account may send. The contract calls them senders.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::bindings::concierge::mail::submissions::{Address, Sender, SenderEdit, SenderPatch};
use crate::host::Host;
use crate::jmap::context::{Arguments, Context, CreatedIds};
use crate::jmap::error::{Kind, MethodError, SetError, SetKind};
use crate::jmap::get::{self, ChangesArguments, GetArguments};
use crate::jmap::set::{SetAnswer, SetArguments, Subject, Wanted};
use crate::methods::batch::{self, Batch, expect_state};
use crate::methods::properties::{Properties, Wishes};

/// Bytes of a signature. Pictures in it make it long; more than this in each mail is nobody's signature.
const SIGNATURE_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a name.
const NAME_BYTES_MAX: usize = 1_000;

/// Addresses of `replyTo` or `bcc`.
const ADDRESSES_MAX: usize = 100;

/// All properties.
const PROPERTIES: [&str; 8] = [
    "id",
    "name",
    "email",
    "replyTo",
    "bcc",
    "textSignature",
    "htmlSignature",
    "mayDelete",
];

/// The methods of identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Identities by id, or all.
    Get,
    /// What changed.
    Changes,
    /// Makes, changes and destroys.
    Set,
}

impl Method {
    /// The method of a name.
    pub fn named(verb: &str) -> Option<Self> {
        match verb {
            "get" => Some(Self::Get),
            "changes" => Some(Self::Changes),
            "set" => Some(Self::Set),
            _ => None,
        }
    }
}

/// Runs a method.
///
/// # Errors
///
/// Where it is not run at all.
pub async fn run<H: Host>(
    method: Method,
    context: &mut Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    match method {
        Method::Get => get(context, arguments).await,
        Method::Changes => changes(context, arguments).await,
        Method::Set => set(context, arguments).await,
    }
}

async fn get<H: Host>(
    context: &Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let arguments: GetArguments = arguments.parse()?;
    let account = &context.account(&arguments.account_id)?.id;
    let selected = arguments.selected(&PROPERTIES)?;
    let ids = arguments.distinct_ids()?;
    let (senders, state) = context.host.senders(context.token, account).await?;
    let objects = senders
        .iter()
        .map(|sender| selected.of(json(sender)))
        .collect();
    Ok(get::answer(account, state, ids.as_deref(), objects))
}

async fn changes<H: Host>(
    context: &Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = arguments.parse()?;
    let account = &context.account(&arguments.account_id)?.id;
    let (since, max) = (arguments.since()?, arguments.max()?);
    let changes = context
        .host
        .senders_changed(context.token, account, since, max)
        .await?;
    Ok(get::changes_answer(account, &changes))
}

/// An identity with all its properties.
fn json(sender: &Sender) -> Value {
    json!({
        "id": sender.id,
        "name": sender.name,
        "email": sender.email,
        "replyTo": addresses(&sender.reply_to),
        "bcc": addresses(&sender.bcc),
        "textSignature": sender.text_signature,
        "htmlSignature": sender.html_signature,
        "mayDelete": sender.may_delete,
    })
}

/// No addresses are `null`.
fn addresses(addresses: &[Address]) -> Value {
    match addresses {
        [] => Value::Null,
        addresses => addresses
            .iter()
            .map(|address| json!({"name": address.name, "email": address.email}))
            .collect(),
    }
}

async fn set<H: Host>(
    context: &mut Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let arguments: SetArguments = arguments.parse()?;
    let account = context.writable(&arguments.account_id)?.id.clone();
    let if_in_state = arguments.if_in_state()?;
    let wanted = arguments.wanted()?;
    let (host, token) = (context.host, context.token);
    let (present, mut state) = host.senders(token, &account).await?;
    expect_state(if_in_state, state)?;
    let mut old_state = state;
    let mut set = Set::default();
    set.read(wanted, &present, &context.created);
    if !set.batch.is_empty() {
        let (edits, subjects) = set.batch.split();
        let outcomes = host
            .set_senders(token, &account, if_in_state, edits)
            .await?;
        (old_state, state) = (outcomes.old_state, outcomes.new_state);
        let done = batch::done(subjects, outcomes.items, &mut set.answer)?;
        set.done.extend(done);
    }
    // What the host made of them, and whether they may be destroyed.
    let now = match set.done.is_empty() {
        true => Vec::new(),
        false => {
            host.senders(token, &account)
                .await
                .map_err(|_| Kind::ServerPartialFail)?
                .0
        }
    };
    let news = |subject: &Subject, id: &str| {
        let object = now.iter().find(|one| one.id == id).map(json);
        set.wishes.news(subject, id, object)
    };
    batch::tell(set.done, news, &mut set.answer, &mut context.created);
    Ok(set.answer.finish(&account, old_state, state))
}

/// A call on its way.
#[derive(Default)]
struct Set {
    batch: Batch<SenderEdit>,
    wishes: Wishes,
    done: Vec<(Subject, String)>,
    answer: SetAnswer,
}

impl Set {
    /// Reads what is wanted, and refuses what is not of its form.
    fn read(&mut self, mut wanted: Wanted, present: &[Sender], created: &CreatedIds) {
        batch::refuse_doomed(&mut wanted, created, &mut self.answer);
        for (creation, members) in wanted.create {
            self.wishes.of_new(&creation, &members);
            let subject = Subject::Create(creation);
            match sender(members) {
                Ok(sender) => self.batch.push(subject, SenderEdit::Create(sender)),
                Err(error) => self.answer.refused(&subject, error),
            }
        }
        for (key, members) in wanted.update {
            for (subject, id) in batch::resolved([Subject::Update(key)], created, &mut self.answer)
            {
                match self.patch(&id, &members, present) {
                    Ok(Some(edit)) => self.batch.push(subject, edit),
                    Ok(None) => self.done.push((subject, id)),
                    Err(error) => self.answer.refused(&subject, error),
                }
            }
        }
        let subjects = wanted.destroy.into_iter().map(Subject::Destroy);
        for (subject, id) in batch::resolved(subjects, created, &mut self.answer) {
            self.batch.push(subject, SenderEdit::Destroy(id));
        }
    }

    /// `None` where nothing changes.
    fn patch(
        &mut self,
        id: &str,
        members: &Map<String, Value>,
        present: &[Sender],
    ) -> Result<Option<SenderEdit>, SetError> {
        let Some(sender) = present.iter().find(|one| one.id == id) else {
            let why = "There is no such identity.";
            return Err(SetError::new(SetKind::NotFound, why));
        };
        let changed = Properties::changed(&json(sender), members)?;
        self.wishes.of_changed(id, &changed);
        let nothing = changed.wanted().is_empty();
        let patch = patch(id, changed)?;
        Ok((!nothing).then_some(SenderEdit::Update(patch)))
    }
}

/// An address in `replyTo` or `bcc` (RFC 8621 §4.1.2.3).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressProperty {
    name: Option<String>,
    email: String,
}

/// An identity that is to be made.
fn sender(members: Map<String, Value>) -> Result<Sender, SetError> {
    let mut properties = Properties::of_new(members);
    let email: String = properties.require("email");
    let sender = Sender {
        id: String::new(),
        name: name(&mut properties).unwrap_or_default(),
        email,
        reply_to: take_addresses(&mut properties, "replyTo").unwrap_or_default(),
        bcc: take_addresses(&mut properties, "bcc").unwrap_or_default(),
        text_signature: signature(&mut properties, "textSignature").unwrap_or_default(),
        html_signature: signature(&mut properties, "htmlSignature").unwrap_or_default(),
        may_delete: true,
    };
    properties.finish()?;
    Ok(sender)
}

/// What is to be changed of an identity. What is removed becomes its default; the address stays.
fn patch(id: &str, mut properties: Properties) -> Result<SenderPatch, SetError> {
    let patch = SenderPatch {
        id: id.to_owned(),
        name: name(&mut properties),
        reply_to: take_addresses(&mut properties, "replyTo"),
        bcc: take_addresses(&mut properties, "bcc"),
        text_signature: signature(&mut properties, "textSignature"),
        html_signature: signature(&mut properties, "htmlSignature"),
    };
    properties.finish()?;
    Ok(patch)
}

fn name(properties: &mut Properties) -> Option<String> {
    let name = properties.change::<String>("name")?.unwrap_or_default();
    if name.len() > NAME_BYTES_MAX {
        properties.fault("name", format!("At most {NAME_BYTES_MAX} bytes."));
    } else if name.chars().any(char::is_control) {
        // It goes into the header of mail.
        properties.fault("name", "A name has no control characters.");
    }
    Some(name)
}

fn signature(properties: &mut Properties, which: &str) -> Option<String> {
    let text = properties.change::<String>(which)?.unwrap_or_default();
    if text.len() > SIGNATURE_BYTES_MAX {
        properties.fault(which, format!("At most {SIGNATURE_BYTES_MAX} bytes."));
    }
    Some(text)
}

fn take_addresses(properties: &mut Properties, which: &str) -> Option<Vec<Address>> {
    let given = properties.change::<Vec<AddressProperty>>(which)?;
    let given = given.unwrap_or_default();
    if given.len() > ADDRESSES_MAX {
        properties.fault(which, format!("At most {ADDRESSES_MAX} addresses."));
    }
    let wrong = |one: &AddressProperty| {
        let name = one.name.as_deref().unwrap_or_default();
        let controls = one.email.chars().chain(name.chars()).any(char::is_control);
        controls || !one.email.contains('@') || name.len() > NAME_BYTES_MAX
    };
    if given.iter().any(wrong) {
        properties.fault(which, "An address is not one.");
    }
    let address = |AddressProperty { name, email }| Address { name, email };
    Some(given.into_iter().map(address).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    /// RFC 8621 §6.4, one of the example.
    fn joe() -> Sender {
        Sender {
            id: "XD-3301-222-11_22AAz".to_owned(),
            name: "Joe Bloggs".to_owned(),
            email: "joe@example.com".to_owned(),
            reply_to: Vec::new(),
            bcc: vec![Address {
                name: None,
                email: "joe+archive@example.com".to_owned(),
            }],
            text_signature: "-- \nJoe Bloggs\nMaster of Email".to_owned(),
            html_signature: "<div><b>Joe Bloggs</b></div><div>Master of Email</div>".to_owned(),
            may_delete: false,
        }
    }

    #[test]
    fn the_identity_of_the_rfc() {
        let expected = json!({
            "id": "XD-3301-222-11_22AAz",
            "name": "Joe Bloggs",
            "email": "joe@example.com",
            "replyTo": null,
            "bcc": [{"name": null, "email": "joe+archive@example.com"}],
            "textSignature": "-- \nJoe Bloggs\nMaster of Email",
            "htmlSignature": "<div><b>Joe Bloggs</b></div><div>Master of Email</div>",
            "mayDelete": false
        });
        assert_eq!(json(&joe()), expected);
        let mut told: Vec<&String> = expected.as_object().unwrap().keys().collect();
        let mut named = PROPERTIES.to_vec();
        told.sort_unstable();
        named.sort_unstable();
        assert_eq!(told, named);
    }

    #[test]
    fn new_identities_have_defaults() {
        let new = sender(map(json!({"email": "*@example.com", "replyTo": null}))).unwrap();
        let expected = Sender {
            id: String::new(),
            name: String::new(),
            email: "*@example.com".to_owned(),
            reply_to: Vec::new(),
            bcc: Vec::new(),
            text_signature: String::new(),
            html_signature: String::new(),
            may_delete: true,
        };
        assert_eq!(new, expected);
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        for (members, property) in [
            (json!({}), "email"),
            (json!({"email": "a@b", "name": "a\r\nBcc: x"}), "name"),
            (
                json!({"email": "a@b", "replyTo": [{"name": "a"}]}),
                "replyTo",
            ),
            (json!({"email": "a@b", "bcc": [{"email": "a@b\n"}]}), "bcc"),
            (json!({"email": "a@b", "bcc": [{"email": "a"}]}), "bcc"),
            (json!({"email": "a@b", "bcc": {"email": "a@b"}}), "bcc"),
            (json!({"email": "a@b", "mayDelete": true}), "mayDelete"),
            (json!({"email": "a@b", "id": "i"}), "id"),
            (
                json!({"email": "a@b", "htmlSignature": "x".repeat(SIGNATURE_BYTES_MAX + 1)}),
                "htmlSignature",
            ),
        ] {
            let error = sender(map(members.clone())).unwrap_err().to_json();
            assert_eq!(error["properties"], json!([property]), "{members}");
        }
    }

    #[test]
    fn the_address_of_an_identity_stays() {
        let mut set = Set::default();
        let present = [joe()];
        let id = "XD-3301-222-11_22AAz";
        let mut changed = |patch: Value| set.patch(id, &map(patch), &present);
        let error = changed(json!({"email": "other@example.com"})).unwrap_err();
        assert_eq!(error.to_json()["properties"], json!(["email"]));
        let same = json!({"email": "joe@example.com", "bcc": present_bcc()});
        assert_eq!(changed(same), Ok(None));
        let expected = SenderPatch {
            id: id.to_owned(),
            name: Some(String::new()),
            reply_to: None,
            bcc: Some(Vec::new()),
            text_signature: None,
            html_signature: None,
        };
        let edit = changed(json!({"name": null, "bcc": null, "mayDelete": false}));
        assert_eq!(edit, Ok(Some(SenderEdit::Update(expected))));
    }

    fn present_bcc() -> Value {
        json(&joe())["bcc"].clone()
    }
}
