//! What can be asked for.

use concierge_booking::types::HotelCode;
use concierge_identity::{
    AccessKeyId, AccountName, AccountSelector, AppPasswordId, AppPasswordName, Password, Role,
};

use super::booking::Import;

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
    /// Deletes an account that owns no bucket, its keys and its passwords.
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
            Self::DeleteAccount { .. } | Self::ListBuckets { .. } => Needs::OBJECTS,
            Self::ImportBooking { .. } | Self::ListHotels | Self::ChangeHotelStaff { .. } => {
                Needs::BOOKING
            }
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
}

impl Needs {
    /// The object store.
    pub const OBJECTS: Self = Self {
        objects: true,
        booking: false,
    };
    /// Bookings.
    pub const BOOKING: Self = Self {
        objects: false,
        booking: true,
    };
    /// Everything.
    pub const ALL: Self = Self {
        objects: true,
        booking: true,
    };
}
