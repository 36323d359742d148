//! One account: as it is kept, and as handlers get it.

use std::fmt;

use cloakroom::SignIn;
use cloakroom::store::Principal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An account, as handlers get it: `User<Account>`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    /// The principal of its sessions. Random, so that an account opened under an old name inherits nothing.
    #[serde(
        serialize_with = "principal_to_text",
        deserialize_with = "principal_from_text"
    )]
    pub(crate) id: Principal,
    pub(crate) name: String,
    /// The hash of it.
    pub(super) password: String,
}

impl Account {
    /// Signs in with the password that the account has at this moment.
    pub(crate) fn sign_in(&self) -> SignIn {
        SignIn::from(&self.id).credentials(&self.password)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn principal_to_text<S: Serializer>(principal: &Principal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(principal.as_str())
}

fn principal_from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Principal, D::Error> {
    Principal::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
}
