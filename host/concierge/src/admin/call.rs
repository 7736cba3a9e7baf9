//! What can be asked for.

use concierge_booking::types::HotelCode;
use concierge_identity::{
    AccessKeyId, AccountName, AccountSelector, AppPasswordId, AppPasswordName, Password, Role,
};

use super::booking::Import;
use super::mail::{MailAccountChange, MailMessage, MailSharing};
use super::mail_incoming::RuleChange;
use super::mail_keys::NewMailKey;
use super::mail_queue::QueueAction;

/// A call of the administration.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// How everything is doing.
    Status,
    /// All accounts.
    ListAccounts,
    /// A new account.
    CreateAccount {
        /// Its name.
        name: AccountName,
        /// What it may do.
        role: Role,
    },
    /// Disables an account, or enables it again.
    SetAccountDisabled {
        /// Which.
        account: AccountSelector,
        /// Whether it is to be disabled.
        disabled: bool,
    },
    /// Gives an account a password, in place of the one that it has.
    SetPassword {
        /// Whose.
        account: AccountSelector,
        /// The password.
        password: Password,
    },
    /// All application passwords, or those of one account.
    ListAppPasswords {
        /// Whose.
        account: Option<AccountSelector>,
    },
    /// A new application password.
    CreateAppPassword {
        /// Whose.
        account: AccountSelector,
        /// What to call it.
        name: AppPasswordName,
    },
    /// Deletes an application password.
    DeleteAppPassword {
        /// Which.
        id: AppPasswordId,
    },
    /// Deletes an account that owns no bucket and has no mail, its keys and its passwords.
    DeleteAccount {
        /// Which.
        account: AccountSelector,
    },
    /// All access keys, or those of one account.
    ListKeys {
        /// Whose.
        account: Option<AccountSelector>,
    },
    /// A new access key, or one that is brought along.
    CreateKey {
        /// Whose.
        account: AccountSelector,
        /// The id and secret of one that is brought along.
        import: Option<ImportedKey>,
    },
    /// Disables a key, or enables it again.
    SetKeyDisabled {
        /// Which.
        id: AccessKeyId,
        /// Whether it is to be disabled.
        disabled: bool,
    },
    /// Deletes a key.
    DeleteKey {
        /// Which.
        id: AccessKeyId,
    },
    /// All buckets, or those of one account.
    ListBuckets {
        /// Whose.
        account: Option<AccountSelector>,
    },
    /// All tokens of bridges.
    ListTokens,
    /// A new token for a bridge.
    CreateToken {
        /// What to call it.
        name: String,
        /// Interfaces that it may call; none named: all.
        grants: Vec<String>,
        /// Accounts that it may call for; none named: all.
        accounts: Vec<AccountSelector>,
    },
    /// Deletes a token of a bridge.
    DeleteToken {
        /// What it is called.
        name: String,
    },
    /// Makes or replaces hotels and what belongs to them.
    ImportBooking {
        /// What, in its order.
        imports: Vec<Import>,
    },
    /// All hotels.
    ListHotels,
    /// Changes who works at a hotel, or only tells it.
    ChangeHotelStaff {
        /// Which hotel.
        hotel: HotelCode,
        /// Accounts that work there from now on.
        add: Vec<AccountSelector>,
        /// Accounts that do no more.
        remove: Vec<AccountSelector>,
    },
    /// All accounts with mail.
    ListMailAccounts,
    /// Gives an account mail, or changes what it has.
    PutMailAccount {
        /// Which.
        account: AccountSelector,
        /// What is to be.
        change: MailAccountChange,
    },
    /// Shows an account's mail to another, or no longer.
    ShareMail {
        /// Whose.
        account: AccountSelector,
        /// To whom.
        with: AccountSelector,
        /// How.
        sharing: MailSharing,
    },
    /// Imports messages.
    ImportMail {
        /// Whose they are from now on.
        account: AccountSelector,
        /// In their order.
        messages: Vec<MailMessage>,
    },
    /// Messages in the order of their receipt.
    ExportMail {
        /// Whose.
        account: AccountSelector,
        /// Behind which.
        after: Option<String>,
    },
    /// Messages that can be brought back.
    ListDestroyedMail {
        /// Whose.
        account: AccountSelector,
    },
    /// Makes the search index of mail anew.
    RebuildMailIndex,
    /// How far the search index of mail is.
    ShowMailIndex,
    /// What waits to be sent, or was given up.
    ListMailQueue {
        /// Whose; of all unless it is said.
        account: Option<AccountSelector>,
    },
    /// What waits or was given up of one submission.
    ShowQueuedMail {
        /// Whose.
        account: AccountSelector,
        /// Which submission.
        id: String,
    },
    /// Has what waits or was given up tried again, or dropped.
    ChangeMailQueue {
        /// Whose.
        account: AccountSelector,
        /// Of which submission.
        id: String,
        /// For which recipient; for all unless it is said.
        recipient: Option<String>,
        /// What is to be done.
        action: QueueAction,
    },
    /// The rules for mail that comes in.
    ListMailRules,
    /// Changes one of them.
    ChangeMailRules {
        /// What is to be.
        change: RuleChange,
    },
    /// What came in and is not delivered yet.
    ListIncomingMail,
    /// The keys that mail is signed with.
    ListMailKeys,
    /// A new one.
    CreateMailKey {
        /// Whose, and how it signs.
        key: NewMailKey,
    },
    /// Deletes one.
    DeleteMailKey {
        /// Whose.
        domain: String,
        /// Its name.
        selector: String,
    },
    /// What DNS is to say of a domain, and what it says.
    ShowMailRecords {
        /// Which domain.
        domain: String,
    },
    /// Brings messages back.
    RestoreMail {
        /// Whose.
        account: AccountSelector,
        /// Which.
        ids: Vec<String>,
    },
}

/// A key made elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedKey {
    /// Its id.
    pub id: AccessKeyId,
    /// Its secret.
    pub secret: concierge_identity::SecretAccessKey,
}

impl Call {
    /// What has to be open for it.
    pub fn needs(&self) -> Needs {
        match self {
            Self::Status => Needs::ALL,
            Self::ListBuckets { .. } => Needs::OBJECTS,
            Self::ImportBooking { .. } | Self::ListHotels | Self::ChangeHotelStaff { .. } => {
                Needs::BOOKING
            }
            Self::DeleteAccount { .. }
            | Self::ListMailAccounts
            | Self::PutMailAccount { .. }
            | Self::ShareMail { .. }
            | Self::ImportMail { .. }
            | Self::ExportMail { .. }
            | Self::ListDestroyedMail { .. }
            | Self::RebuildMailIndex
            | Self::ShowMailIndex
            | Self::ListMailQueue { .. }
            | Self::ShowQueuedMail { .. }
            | Self::ChangeMailQueue { .. }
            | Self::RestoreMail { .. } => Needs::MAIL,
            Self::ListMailRules | Self::ChangeMailRules { .. } => Needs::MAIL_RULES,
            _ => Needs::default(),
        }
    }
}

/// What has to be open for a call, beside accounts and keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// The object store.
    pub objects: bool,
    /// Bookings.
    pub booking: bool,
    /// Mail.
    pub mail: bool,
    /// The rules for mail that comes in.
    pub mail_rules: bool,
}

impl Needs {
    /// The object store.
    pub const OBJECTS: Self = Self {
        objects: true,
        booking: false,
        mail: false,
        mail_rules: false,
    };
    /// Bookings.
    pub const BOOKING: Self = Self {
        objects: false,
        booking: true,
        mail: false,
        mail_rules: false,
    };
    /// Mail, whose bytes are in the object store.
    pub const MAIL: Self = Self {
        objects: true,
        booking: false,
        mail: true,
        mail_rules: false,
    };
    /// The rules for mail that comes in.
    pub const MAIL_RULES: Self = Self {
        objects: false,
        booking: false,
        mail: false,
        mail_rules: true,
    };
    /// Everything.
    pub const ALL: Self = Self {
        objects: true,
        booking: true,
        mail: true,
        mail_rules: false,
    };
}
