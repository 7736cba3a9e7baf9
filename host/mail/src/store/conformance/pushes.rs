//! What [`PushStore`] promises.

use super::account;
use crate::error::Error;
use crate::store::{Access, AccountStore, KeptPush, PushStore};
use crate::types::{DataType, Push, PushId};

pub(crate) async fn pushes(store: &(impl AccountStore + PushStore)) {
    let (ann, bob) = (account("push-ann"), account("push-bob"));
    store.put_account(ann.clone()).await.unwrap();
    store.put_account(bob.clone()).await.unwrap();
    let mut push = KeptPush {
        principal: ann.id,
        push: Push {
            id: PushId::generate(),
            device_client_id: "device".to_owned(),
            url: "https://push.example.org/1".to_owned(),
            keys: Some(("key".to_owned(), "secret".to_owned())),
            verification_code: None,
            expires_us: 1,
            types: DataType::ALL.to_vec(),
        },
        code: "code".to_owned(),
    };
    store.put_push(push.clone()).await.unwrap();
    assert_eq!(store.pushes(ann.id).await.unwrap(), [push.clone()]);
    push.push.verification_code = Some("code".to_owned());
    push.push.keys = None;
    push.push.types.clear();
    store.put_push(push.clone()).await.unwrap();
    assert_eq!(store.pushes(ann.id).await.unwrap(), [push.clone()]);

    let told = async || store.pushes_to_tell(bob.id).await.unwrap();
    assert!(told().await.is_empty(), "of an account that it may not see");
    let access = Some(Access { read_only: true });
    store.share(bob.id, ann.id, access).await.unwrap();
    assert_eq!(told().await, [push.clone()]);
    assert_eq!(store.pushes_to_tell(ann.id).await.unwrap(), [push.clone()]);

    let id = push.push.id;
    assert_eq!(store.delete_push(bob.id, id).await, Err(Error::NotFound));
    store.delete_push(ann.id, id).await.unwrap();
    assert_eq!(store.delete_push(ann.id, id).await, Err(Error::NotFound));
    assert!(told().await.is_empty());
}
